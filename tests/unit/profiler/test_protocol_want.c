/* The body of WANT: back as it was, and what a worker gone bad may say. */
#include "profiler/jail/protocol_want.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Where the parts are. */
#define KIND_AT	  0
#define SKIP_AT	  1
#define BYTES_AT  2
#define ID_LEN_AT 10
#define NAME_AT	  (11 + 4 + 2)

static struct buf body;

static int begin(void **state)
{
	static const uint8_t id[] = {1, 2, 3, 4};
	const struct sym_want want = {
		.kind = SYM_WANT_LINK,
		.skip = 3,
		.bytes = SYM_ROOM_BYTES_MAX,
		.build_id = id,
		.build_id_bytes = sizeof(id),
		.name = "libx.so.debug",
	};

	(void)state;
	buf_init(&body, 1 << 16);
	return protocol_want_write(&body, &want);
}

static int end(void **state)
{
	(void)state;
	buf_done(&body);
	return 0;
}

static void it_comes_back_as_it_was(void **state)
{
	struct protocol_want w;

	(void)state;
	assert_int_equal(protocol_want_parse(body.data, body.len, &w), 0);
	assert_int_equal(w.kind, SYM_WANT_LINK);
	assert_int_equal(w.skip, 3);
	assert_int_equal(w.bytes, SYM_ROOM_BYTES_MAX);
	assert_int_equal(w.build_id_bytes, 4);
	assert_memory_equal(w.build_id, "\1\2\3\4", 4);
	assert_string_equal(w.name, "libx.so.debug");
}

static void a_want_without_a_name_has_an_empty_one(void **state)
{
	struct protocol_want w;
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	assert_int_equal(protocol_want_write(&b, &(struct sym_want){}), 0);
	assert_int_equal(protocol_want_parse(b.data, b.len, &w), 0);
	assert_string_equal(w.name, "");
	assert_int_equal(w.build_id_bytes, 0);
	buf_done(&b);
}

static void a_name_that_is_too_long_is_not_written(void **state)
{
	char name[PROTOCOL_WANT_NAME_MAX + 2];
	struct buf b;

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	buf_init(&b, 1 << 16);
	assert_int_equal(protocol_want_write(&b, &(struct sym_want){.name = name}), -ENAMETOOLONG);
	name[PROTOCOL_WANT_NAME_MAX] = '\0';
	assert_int_equal(protocol_want_write(&b, &(struct sym_want){.name = name}), 0);
	buf_done(&b);
}

static void a_cut_or_longer_body_is_refused(void **state)
{
	struct protocol_want w;

	(void)state;
	for (size_t len = 0; len < body.len; len++)
		assert_int_equal(protocol_want_parse(body.data, len, &w), -EBADMSG);
	buf_add_u8(&body, 0);
	assert_int_equal(protocol_want_parse(body.data, body.len, &w), -EBADMSG);
}

static void nonsense_is_refused(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} damage[] = {
		{KIND_AT, SYM_WANT_COUNT},
		{SKIP_AT, SYM_WANT_SKIP_MAX},
		{BYTES_AT + 7, 1}, /* 2^56 bytes of room */
		{ID_LEN_AT, SYM_BUILD_ID_MAX + 1},
		{ID_LEN_AT, 255},
		{NAME_AT, '\0'}, /* a NUL in the name */
		{NAME_AT - 1, 0xff}, /* longer than the body */
	};
	struct protocol_want w;

	(void)state;
	for (size_t i = 0; i < sizeof(damage) / sizeof(*damage); i++) {
		uint8_t before = body.data[damage[i].at];

		body.data[damage[i].at] = damage[i].value;
		assert_int_equal(protocol_want_parse(body.data, body.len, &w), -EBADMSG);
		body.data[damage[i].at] = before;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_comes_back_as_it_was, begin, end),
		cmocka_unit_test(a_want_without_a_name_has_an_empty_one),
		cmocka_unit_test(a_name_that_is_too_long_is_not_written),
		cmocka_unit_test_setup_teardown(a_cut_or_longer_body_is_refused, begin, end),
		cmocka_unit_test_setup_teardown(nonsense_is_refused, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
