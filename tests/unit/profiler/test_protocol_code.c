/* profiler/jail/protocol_code.c: what is written is read again, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "profiler/jail/protocol_code.h"

static void a_question_is_read_as_it_was_written(void **state)
{
	struct protocol_code q = {
		.from = 16, .until = 32, .build_id = {1, 2, 3}, .path = "/usr/bin/a"};
	struct protocol_code back;
	struct buf b;

	(void)state;
	q.build_id_bytes = 3;
	buf_init(&b, 1 << 16);
	protocol_code_write(&b, &q);
	assert_int_equal(protocol_code_parse(b.data, b.len, &back), 0);
	assert_int_equal(back.from, 16);
	assert_int_equal(back.until, 32);
	assert_int_equal(back.build_id_bytes, 3);
	assert_memory_equal(back.build_id, q.build_id, 3);
	assert_string_equal(back.path, "/usr/bin/a");
	for (size_t n = 0; n < b.len; n++)
		assert_int_equal(protocol_code_parse(b.data, n, &back), -EBADMSG);
	buf_add_u8(&b, 0);
	assert_int_equal(protocol_code_parse(b.data, b.len, &back), -EBADMSG);
	buf_done(&b);
}

static void check_refused(uint64_t from, uint64_t until, uint8_t id_bytes, const char *path,
			  size_t path_bytes)
{
	struct protocol_code back;
	struct buf b;

	buf_init(&b, 1 << 16);
	buf_add_u64(&b, from);
	buf_add_u64(&b, until);
	buf_add_u8(&b, id_bytes);
	for (uint8_t i = 0; i < id_bytes; i++)
		buf_add_u8(&b, i);
	buf_add_u16(&b, (uint16_t)path_bytes);
	buf_add(&b, path, path_bytes);
	assert_int_equal(protocol_code_parse(b.data, b.len, &back), -EBADMSG);
	buf_done(&b);
}

static void malformed_questions_are_refused(void **state)
{
	static char path[PROTOCOL_CODE_PATH_MAX + 1];

	(void)state;
	memset(path, 'a', sizeof(path));
	check_refused(16, 16, 3, "/a", 2);
	check_refused(17, 16, 3, "/a", 2);
	check_refused(16, 17, PROTOCOL_BUILD_ID_MAX + 1, "/a", 2);
	check_refused(16, 17, 3, path, sizeof(path));
	check_refused(16, 17, 3, "/a\0b", 4);
}

static void rows_are_read_as_they_were_written(void **state)
{
	struct web_code code;
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 16);
	protocol_code_row(&b, 16, 0x1010, 1, "pushq %rbp");
	protocol_code_row(&b, 17, 0x1011, 3, "odd\n\xff");
	assert_int_equal(protocol_code_rows_parse(b.data, b.len, &code), 0);
	assert_int_equal(code.n, 2);
	assert_string_equal(code.row[0].text, "pushq %rbp");
	assert_int_equal(code.row[1].offset, 17);
	assert_int_equal(code.row[1].address, 0x1011);
	assert_int_equal(code.row[1].bytes, 3);
	assert_string_equal(code.row[1].text, "odd??");
	web_code_done(&code);
	for (size_t n = 1; n < b.len; n++) {
		if (n == b.len - (18 + 5)) /* one whole row */
			continue;
		assert_int_equal(protocol_code_rows_parse(b.data, n, &code), -EBADMSG);
	}
	buf_done(&b);
}

static void check_rows_refused(uint64_t second, uint8_t bytes)
{
	struct web_code code;
	struct buf b;

	buf_init(&b, 1 << 16);
	protocol_code_row(&b, 16, 16, 4, "nop");
	protocol_code_row(&b, second, 17, bytes, "nop");
	assert_int_equal(protocol_code_rows_parse(b.data, b.len, &code), -EBADMSG);
	buf_done(&b);
}

static void rows_out_of_order_or_empty_are_refused(void **state)
{
	struct web_code code;

	(void)state;
	check_rows_refused(19, 1); /* within the first */
	check_rows_refused(10, 1);
	check_rows_refused(20, 0);
	check_rows_refused(UINT64_MAX, 1);
	assert_int_equal(protocol_code_rows_parse("", 0, &code), 0);
	assert_int_equal(code.n, 0);
	web_code_done(&code);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_is_read_as_it_was_written),
		cmocka_unit_test(malformed_questions_are_refused),
		cmocka_unit_test(rows_are_read_as_they_were_written),
		cmocka_unit_test(rows_out_of_order_or_empty_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
