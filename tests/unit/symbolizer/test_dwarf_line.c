/* Line tables made by hand: rows, sequences, files, corrupt headers. */
#include "symbolizer/dwarf_line.h"

#include "profiler/base/buf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define BASE 0x1000

static void set_u32(struct buf *b, size_t at, uint32_t v)
{
	memcpy(b->data + at, &v, sizeof(v));
}

/*
 * A table of version 4 with one directory and two files; the caller adds opcodes and calls
 * finish().
 */
static void begin(struct buf *b)
{
	static const uint8_t lengths[] = {0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1};

	buf_init(b, 1u << 20);
	buf_add_u32(b, 0); /* length, later */
	buf_add_u16(b, 4);
	buf_add_u32(b, 0); /* header length, later */
	buf_add_u8(b, 1);
	buf_add_u8(b, 1);
	buf_add_u8(b, 1);
	buf_add_u8(b, (uint8_t)-5); /* line_base */
	buf_add_u8(b, 14); /* line_range */
	buf_add_u8(b, 13); /* opcode_base */
	buf_add(b, lengths, sizeof(lengths));
	buf_add(b, "inc\0\0a.c\0\0\0\0b.h\0\1\0\0\0", 21);
	set_u32(b, 6, (uint32_t)(b->len - 10));
}

static void address(struct buf *b, uint64_t a)
{
	buf_add(b, "\0\11\2", 3);
	buf_add_u64(b, a);
}

/* Move by so many bytes and lines, and make a row. */
static void row(struct buf *b, uint64_t bytes, int64_t lines)
{
	buf_add_u8(b, DW_LNS_advance_pc);
	buf_add_varint(b, bytes);
	buf_add_u8(b, DW_LNS_advance_line);
	buf_add_u8(b, (uint8_t)(lines & 0x7f)); /* one byte of sleb128 */
	buf_add_u8(b, DW_LNS_copy);
}

static void end(struct buf *b, uint64_t bytes)
{
	buf_add_u8(b, DW_LNS_advance_pc);
	buf_add_varint(b, bytes);
	buf_add(b, "\0\1\1", 3);
}

static int build(struct buf *b, struct line_index *ret)
{
	struct line_header h;
	int r;

	set_u32(b, 0, (uint32_t)(b->len - 4));
	r = line_header_parse((struct span){.data = b->data, .size = b->len}, 0, 8, &h);
	return r < 0 ? r : line_index_build(&h, BASE, 1u << 20, ret);
}

static uint32_t line_at(const struct line_index *l, uint64_t at)
{
	struct line_row r;

	return line_index_find(l, at, &r) ? r.line : 0;
}

static void an_address_has_the_last_row_at_or_before_it(void **state)
{
	struct line_index l;
	struct buf b;

	(void)state;
	begin(&b);
	address(&b, 0x2000);
	row(&b, 0, 9); /* 0x2000: line 10 */
	row(&b, 4, 1); /* 0x2004: 11 */
	row(&b, 0, 1); /* 0x2004: 12, which replaces it */
	row(&b, 4, -3); /* 0x2008: 9 */
	end(&b, 8);
	assert_int_equal(build(&b, &l), 0);
	assert_int_equal(line_at(&l, 0x1fff), 0);
	assert_int_equal(line_at(&l, 0x2000), 10);
	assert_int_equal(line_at(&l, 0x2003), 10);
	assert_int_equal(line_at(&l, 0x2004), 12);
	assert_int_equal(line_at(&l, 0x200f), 9);
	assert_int_equal(line_at(&l, 0x2010), 0);
	line_index_done(&l);
	buf_done(&b);
}

static void rows_beyond_many_checkpoints_are_right(void **state)
{
	struct line_index l;
	struct buf b;

	(void)state;
	begin(&b);
	address(&b, 0x2000);
	for (int i = 0; i < 1000; i++) {
		row(&b, i ? 2 : 0, 1);
		row(&b, 0, 1); /* two of each address: the second counts */
	}
	end(&b, 2);
	assert_int_equal(build(&b, &l), 0);
	assert_true(l.n > 1000 * 2 / LINE_CHECKPOINT_ROWS && l.n < 200);
	for (uint32_t i = 0; i < 1000; i++) {
		assert_int_equal(line_at(&l, 0x2000 + 2 * i), 2 * i + 3);
		assert_int_equal(line_at(&l, 0x2001 + 2 * i), 2 * i + 3);
	}
	line_index_done(&l);
	buf_done(&b);
}

static void sequences_may_stand_in_any_order(void **state)
{
	struct line_index l;
	struct buf b;

	(void)state;
	begin(&b);
	address(&b, 0x3000);
	row(&b, 0, 29);
	end(&b, 16);
	address(&b, 0x2000);
	row(&b, 0, 19);
	end(&b, 16);
	address(&b, 0); /* what the linker dropped */
	row(&b, 0, 59);
	end(&b, 0x4000);
	assert_int_equal(build(&b, &l), 0);
	assert_int_equal(line_at(&l, 0x2008), 20);
	assert_int_equal(line_at(&l, 0x2010), 0);
	assert_int_equal(line_at(&l, 0x3008), 30);
	assert_int_equal(line_at(&l, 0x100), 0);
	line_index_done(&l);
	buf_done(&b);
}

static void a_sequence_without_an_end_covers_nothing(void **state)
{
	struct line_index l;
	struct buf b;

	(void)state;
	begin(&b);
	address(&b, 0x2000);
	row(&b, 0, 19);
	row(&b, 4, 1);
	assert_int_equal(build(&b, &l), 0);
	assert_int_equal(line_at(&l, 0x2000), 0);
	line_index_done(&l);
	buf_done(&b);
}

static void an_address_that_goes_back_begins_anew(void **state)
{
	struct line_index l;
	struct buf b;

	(void)state;
	begin(&b);
	address(&b, 0x3000);
	row(&b, 0, 29);
	row(&b, 8, 1);
	address(&b, 0x2000);
	row(&b, 0, -20);
	end(&b, 16);
	assert_int_equal(build(&b, &l), 0);
	assert_int_equal(line_at(&l, 0x3000), 30);
	assert_int_equal(line_at(&l, 0x3008), 0);
	assert_int_equal(line_at(&l, 0x2004), 11);
	line_index_done(&l);
	buf_done(&b);
}

static void files_have_a_directory_and_a_name(void **state)
{
	struct line_index l;
	struct line_file f;
	struct span line;
	struct buf b;
	const char *s;

	(void)state;
	begin(&b);
	assert_int_equal(build(&b, &l), 0);
	line = (struct span){.data = b.data, .size = b.len};
	assert_false(line_file_find(&l.header, line, 0, &f));
	assert_false(line_file_find(&l.header, line, 3, &f));
	assert_false(line_file_find(&l.header, line, UINT32_MAX, &f));
	assert_true(line_file_find(&l.header, line, 1, &f));
	assert_int_equal(f.directory.kind, VALUE_NONE);
	assert_int_equal(span_string(line, f.name.u, &s), 3);
	assert_string_equal(s, "a.c");
	assert_true(line_file_find(&l.header, line, 2, &f));
	assert_true(span_string(line, f.directory.u, &s) == 3 && strcmp(s, "inc") == 0);
	assert_true(span_string(line, f.name.u, &s) == 3 && strcmp(s, "b.h") == 0);
	line_index_done(&l);
	buf_done(&b);
}

static void corrupt_headers_are_refused(void **state)
{
	static const struct {
		size_t at;
		uint8_t byte;
	} cases[] = {
		{3, 0x7f}, /* longer than the section */
		{4, 1},	    {4, 6}, /* versions */
		{9, 0x7f}, /* header longer than the table */
		{14, 0}, /* no line range: a division by it follows */
		{15, 0}, /* no opcode base */
		{15, 0xff}, /* lengths of opcodes past the header */
	};
	struct line_header h;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct line_index l;
		struct buf b;

		begin(&b);
		assert_int_equal(build(&b, &l), 0);
		line_index_done(&l);
		b.data[cases[i].at] = cases[i].byte;
		assert_int_equal(
			line_header_parse((struct span){.data = b.data, .size = b.len}, 0, 8, &h),
			-EBADMSG);
		buf_done(&b);
	}
	assert_int_equal(line_header_parse((struct span){}, 0, 8, &h), -EBADMSG);
	assert_int_equal(line_header_parse((struct span){}, 100, 8, &h), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_has_the_last_row_at_or_before_it),
		cmocka_unit_test(rows_beyond_many_checkpoints_are_right),
		cmocka_unit_test(sequences_may_stand_in_any_order),
		cmocka_unit_test(a_sequence_without_an_end_covers_nothing),
		cmocka_unit_test(an_address_that_goes_back_begins_anew),
		cmocka_unit_test(files_have_a_directory_and_a_name),
		cmocka_unit_test(corrupt_headers_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
