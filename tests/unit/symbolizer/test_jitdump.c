/* The header and records of jitdumps, as V8 writes them and as nobody should. */
#include "symbolizer/jitdump.h"

#include "profiler/base/buf.h"
#include "profiler/base/cleanup.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define MAGIC 0x4a695444u

static void put_header(struct buf *b, uint32_t magic, uint32_t version, uint32_t bytes,
		       uint64_t flags)
{
	buf_init(b, 1024);
	buf_add_u32(b, magic);
	buf_add_u32(b, version);
	buf_add_u32(b, bytes);
	buf_add_u32(b, 62);
	buf_add_u32(b, 0xdeadbeef);
	buf_add_u32(b, 4711);
	buf_add_u64(b, 123456789);
	buf_add_u64(b, flags);
}

static void a_header_is_read(void **state)
{
	struct jitdump_header h;
	struct buf b;

	(void)state;
	put_header(&b, MAGIC, 1, 40, 0);
	assert_int_equal(jitdump_parse_header(b.data, b.len, &h), 0);
	assert_int_equal(h.bytes, 40);
	assert_int_equal(h.pid, 4711);
	assert_true(h.monotonic);
	buf_done(&b);
	put_header(&b, MAGIC, 1, 48, 1);
	assert_int_equal(jitdump_parse_header(b.data, b.len, &h), 0);
	assert_false(h.monotonic); /* a CPU's counter */
	buf_done(&b);
}

static void what_is_no_header_is_refused(void **state)
{
	static const struct {
		uint32_t magic, version, bytes;
	} malformed[] = {
		{0x4454694a, 1, 40}, /* of the other byte order */
		{0, 1, 40},	     {MAGIC, 0, 40}, {MAGIC, 2, 40},
		{MAGIC, 1, 39},	     {MAGIC, 1, 0},  {MAGIC, 1, UINT32_MAX},
	};
	struct jitdump_header h = {.pid = 77};
	struct buf b;

	(void)state;
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
		put_header(&b, malformed[i].magic, malformed[i].version, malformed[i].bytes, 0);
		assert_int_equal(jitdump_parse_header(b.data, b.len, &h), -EBADMSG);
		buf_done(&b);
	}
	put_header(&b, MAGIC, 1, 40, 0);
	for (size_t len = 0; len < JITDUMP_HEADER_BYTES; len++)
		assert_int_equal(jitdump_parse_header(b.data, len, &h), -EBADMSG);
	assert_int_equal(h.pid, 77);
	buf_done(&b);
}

static void a_prefix_is_longer_than_itself(void **state)
{
	struct jitdump_prefix p = {.id = 77};
	struct buf b;

	(void)state;
	buf_init(&b, 64);
	buf_add_u32(&b, JITDUMP_MOVE);
	buf_add_u32(&b, 64);
	buf_add_u64(&b, 99);
	assert_int_equal(jitdump_parse_prefix(b.data, 15, &p), -EBADMSG);
	assert_int_equal(p.id, 77);
	assert_int_equal(jitdump_parse_prefix(b.data, 16, &p), 0);
	assert_int_equal(p.id, JITDUMP_MOVE);
	assert_int_equal(p.bytes, 64);
	assert_int_equal(p.time_ns, 99);
	b.data[4] = 15;
	assert_int_equal(jitdump_parse_prefix(b.data, 16, &p), -EBADMSG);
	buf_done(&b);
}

static void put_load(struct buf *b, uint64_t address, uint64_t size, const char *name, size_t len)
{
	buf_init(b, 1 << 20);
	buf_add_u32(b, 4711);
	buf_add_u32(b, 4711);
	buf_add_u64(b, address);
	buf_add_u64(b, address);
	buf_add_u64(b, size);
	buf_add_u64(b, 7);
	buf_add(b, name, len);
}

static void a_load_is_read_with_and_without_its_code(void **state)
{
	struct jitdump_load l;
	struct buf b;

	(void)state;
	put_load(&b, 0x1000, 3, "JS:*beta\0\x90\x90\xc3", 12);
	for (size_t code = 0; code <= 3; code++) {
		assert_int_equal(jitdump_parse_load(b.data, b.len - code, &l), 0);
		assert_int_equal(l.start, 0x1000);
		assert_int_equal(l.end, 0x1003);
		assert_int_equal(l.name_len, 8);
		assert_memory_equal(l.name, "JS:*beta", 8);
	}
	l.start = 77;
	for (size_t len = 0; len < b.len - 3; len++)
		assert_int_equal(jitdump_parse_load(b.data, len, &l), -EBADMSG);
	assert_int_equal(l.start, 77);
	buf_done(&b);
}

static void a_load_past_its_bounds_is_refused(void **state)
{
	_cleanup_free_ char *name = calloc(1, JITDUMP_NAME_MAX + 2);
	struct jitdump_load l;
	struct buf b;

	(void)state;
	put_load(&b, UINT64_MAX, 1, "f", 2);
	assert_int_equal(jitdump_parse_load(b.data, b.len, &l), -EBADMSG);
	buf_done(&b);
	memset(name, 'a', JITDUMP_NAME_MAX + 1);
	put_load(&b, 0x1000, 1, name, JITDUMP_NAME_MAX + 2);
	assert_int_equal(jitdump_parse_load(b.data, b.len, &l), -EBADMSG);
	buf_done(&b);
	put_load(&b, 0x1000, 1, name + 1, JITDUMP_NAME_MAX + 1);
	assert_int_equal(jitdump_parse_load(b.data, b.len, &l), 0);
	buf_done(&b);
}

static void a_move_is_read(void **state)
{
	struct jitdump_move m = {.from = 77};
	struct buf b;

	(void)state;
	buf_init(&b, 128);
	buf_add_u64(&b, 0);
	buf_add_u64(&b, 0x2000);
	buf_add_u64(&b, 0x1000);
	buf_add_u64(&b, 0x2000);
	buf_add_u64(&b, 0x80);
	for (size_t len = 0; len < 48; len++)
		assert_int_equal(jitdump_parse_move(b.data, len < b.len ? len : b.len, &m),
				 -EBADMSG);
	buf_add_u64(&b, 7);
	assert_int_equal(m.from, 77);
	assert_int_equal(jitdump_parse_move(b.data, b.len, &m), 0);
	assert_int_equal(m.from, 0x1000);
	assert_int_equal(m.to, 0x2000);
	assert_int_equal(m.size, 0x80);
	memset(b.data + 32, 0xff, 8); /* a size past the end of all addresses */
	assert_int_equal(jitdump_parse_move(b.data, b.len, &m), -EBADMSG);
	buf_done(&b);
}

/* ---- lines ---- */

static void begin_lines(struct buf *b, uint64_t n)
{
	buf_init(b, 1 << 20);
	buf_add_u64(b, 0x1000);
	buf_add_u64(b, n);
}

static void put_line(struct buf *b, uint64_t address, uint32_t line, const char *file)
{
	buf_add_u64(b, address);
	buf_add_u32(b, line);
	buf_add_u32(b, 7);
	buf_add(b, file, strlen(file) + 1);
}

static void lines_are_read_whatever_pads_them(void **state)
{
	struct jitdump_lines l = {.code = 77};
	struct jitdump_line one;
	struct buf b;

	(void)state;
	begin_lines(&b, 3);
	put_line(&b, 0x1000, 10, "/srv/f.js");
	put_line(&b, 0x1004, 11, "\xff"); /* the same file */
	put_line(&b, 0x1008, 12, "g.js");
	for (size_t len = 0; len < b.len; len++)
		assert_int_equal(jitdump_parse_lines(b.data, len, &l), -EBADMSG);
	assert_int_equal(l.code, 77);
	for (size_t padding = 0; padding < 8; padding++) {
		assert_int_equal(jitdump_parse_lines(b.data, b.len, &l), 0);
		assert_int_equal(l.code, 0x1000);
		assert_true(jitdump_next_line(&l, &one));
		assert_int_equal(one.address, 0x1000);
		assert_int_equal(one.line, 10);
		assert_int_equal(one.file_len, 9);
		assert_memory_equal(one.file, "/srv/f.js", 9);
		assert_true(jitdump_next_line(&l, &one));
		assert_int_equal(one.line, 11);
		assert_memory_equal(one.file, "/srv/f.js", 9);
		assert_true(jitdump_next_line(&l, &one));
		assert_int_equal(one.address, 0x1008);
		assert_int_equal(one.file_len, 4);
		assert_false(jitdump_next_line(&l, &one));
		buf_add_u8(&b, 0);
	}
	assert_int_equal(jitdump_parse_lines(b.data, b.len, &l), -EBADMSG); /* eight bytes more */
	buf_done(&b);
}

static void lines_that_are_none_are_refused_as_a_whole(void **state)
{
	static const struct {
		const char *what, *file;
		uint64_t n; /* that are said to be there */
	} bad[] = {
		{"the same file as none", "\xff", 1},
		{"a file without a name", "", 1},
		{"freed memory", "\xd9}\x01", 1},
		{"fewer than are there", "/srv/f.js", 0},
		{"more than are there", "/srv/f.js", 2},
		{"more than memory holds", "/srv/f.js", UINT64_MAX},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct jitdump_lines l;
		struct buf b;

		begin_lines(&b, bad[i].n);
		put_line(&b, 0x1000, 10, bad[i].file);
		if (jitdump_parse_lines(b.data, b.len, &l) != -EBADMSG)
			fail_msg("%s was taken", bad[i].what);
		buf_done(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_read_whatever_pads_them),
		cmocka_unit_test(lines_that_are_none_are_refused_as_a_whole),
		cmocka_unit_test(a_header_is_read),
		cmocka_unit_test(what_is_no_header_is_refused),
		cmocka_unit_test(a_prefix_is_longer_than_itself),
		cmocka_unit_test(a_load_is_read_with_and_without_its_code),
		cmocka_unit_test(a_load_past_its_bounds_is_refused),
		cmocka_unit_test(a_move_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
