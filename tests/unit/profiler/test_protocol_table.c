/* Bodies of TABLE messages: back as they were, and what a worker gone bad may say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "profiler/jail/protocol_table.h"

/* Where the parts are: time, build id; the verdict's: judged, five counts, kinds, how many. */
#define BUILD_ID_AT   8
#define JUDGED_AT     (BUILD_ID_AT + 1 + 3)
#define MISMATCHES_AT (JUDGED_AT + 1 + 4 * 8)
#define KEPT_AT	      (MISMATCHES_AT + 8 + 8 * UNWIND_KIND_COUNT)
#define LENGTH_AT     (KEPT_AT + 4 + 8)

static struct buf body;

static int begin(void **state)
{
	struct protocol_table t = {
		.compile_ns = 1234,
		.build_id = {0xab, 0xcd, 0xef},
		.build_id_bytes = 3,
		.judged = true,
		.verdict = {.compared = 5,
			    .refused = 6,
			    .entry = 7,
			    .derived = 10,
			    .mismatches = 2,
			    .unsaid = {[UNWIND_KIND_REGISTER] = 8},
			    .mismatch = {{0x1000, "one"}, {0x2000, "two\x1b[2J"}}},
		.table = {.source = UNWIND_SOURCE_NONE, .n_bad = 9},
	};

	(void)state;
	buf_init(&body, 1u << 20);
	return protocol_table_write(&body, &t);
}

static int end(void **state)
{
	(void)state;
	buf_done(&body);
	return 0;
}

static int parse(size_t len)
{
	struct protocol_table t = {};
	int r = protocol_table_parse(body.data, len, &t);

	protocol_table_done(&t);
	return r;
}

static void an_answer_comes_back_as_it_was_and_printable(void **state)
{
	struct protocol_table t = {};

	(void)state;
	assert_int_equal(protocol_table_parse(body.data, body.len, &t), 0);
	assert_int_equal(t.compile_ns, 1234);
	assert_int_equal(t.build_id_bytes, 3);
	assert_int_equal(t.build_id[2], 0xef);
	assert_true(t.judged);
	assert_int_equal(t.verdict.compared, 5);
	assert_int_equal(t.verdict.refused, 6);
	assert_int_equal(t.verdict.entry, 7);
	assert_int_equal(t.verdict.derived, 10);
	assert_int_equal(t.verdict.mismatches, 2);
	assert_int_equal(t.verdict.unsaid[UNWIND_KIND_REGISTER], 8);
	assert_int_equal(t.verdict.mismatch[1].address, 0x2000);
	assert_string_equal(t.verdict.mismatch[0].text, "one");
	assert_string_equal(t.verdict.mismatch[1].text, "two?[2J");
	assert_int_equal(t.table.n_bad, 9);
	protocol_table_done(&t);
}

static void without_a_verdict_there_is_none(void **state)
{
	struct protocol_table t = {.compile_ns = 1}, back = {};

	(void)state;
	buf_clear(&body);
	assert_int_equal(protocol_table_write(&body, &t), 0);
	assert_int_equal(protocol_table_parse(body.data, body.len, &back), 0);
	assert_false(back.judged);
	protocol_table_done(&back);
}

static void a_body_cut_anywhere_is_refused(void **state)
{
	(void)state;
	for (size_t n = 0; n < body.len; n++)
		assert_int_equal(parse(n), -EBADMSG);
	assert_int_equal(parse(body.len), 0);
}

static void what_is_left_over_is_refused(void **state)
{
	(void)state;
	buf_add_u8(&body, 0);
	assert_int_equal(parse(body.len), -EBADMSG);
}

static void counts_that_lie_are_refused(void **state)
{
	(void)state;
	body.data[JUDGED_AT] = 2;
	assert_int_equal(parse(body.len), -EBADMSG);
	body.data[JUDGED_AT] = 1;
	body.data[BUILD_ID_AT] = PROTOCOL_BUILD_ID_MAX + 1;
	assert_int_equal(parse(body.len), -EBADMSG);
	body.data[BUILD_ID_AT] = 3;
	body.data[KEPT_AT] = 1;
	assert_int_equal(parse(body.len), -EBADMSG);
	body.data[KEPT_AT] = 200;
	body.data[MISMATCHES_AT] = 200;
	assert_int_equal(parse(body.len), -EBADMSG);
	body.data[KEPT_AT] = body.data[MISMATCHES_AT] = 2;
	assert_int_equal(body.data[LENGTH_AT], 3);
	body.data[LENGTH_AT] = 120; /* with its NUL one more than there is room for */
	assert_int_equal(parse(body.len), -EBADMSG);
	body.data[LENGTH_AT + 1] = 0xff;
	assert_int_equal(parse(body.len), -EBADMSG);
}

static void a_corrupt_table_is_refused(void **state)
{
	(void)state;
	body.data[body.len - 1] ^= 1;
	assert_int_equal(parse(body.len), -EBADMSG);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answer_comes_back_as_it_was_and_printable),
		TEST(without_a_verdict_there_is_none),
		TEST(a_body_cut_anywhere_is_refused),
		TEST(what_is_left_over_is_refused),
		TEST(counts_that_lie_are_refused),
		TEST(a_corrupt_table_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
