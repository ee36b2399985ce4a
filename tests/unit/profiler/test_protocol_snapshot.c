/* Bodies of SNAPSHOT messages: back as they were, and what either side may say that is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "profiler/jail/protocol_snapshot.h"

/* Where the parts of the request are. */
#define RETURN_AT    8
#define REGISTERS_AT 9
#define MAPPINGS_AT  (REGISTERS_AT + 1 + 8 * snapshot_registers())
#define FIRST_AT     (MAPPINGS_AT + 4)
#define SECOND_AT    (FIRST_AT + 28)
#define STACK_AT     (SECOND_AT + 28)

static const uint8_t stack[] = "the stack";
static const struct snapshot_mapping mappings[] = {
	{0x1000, 0x2000, 0x3000, 7},
	{0x2000, 0x4000, 0, SNAPSHOT_FILE_VDSO},
};

static struct buf body;

static int begin(void **state)
{
	struct snapshot s = {
		.pc = 0x1234,
		.pc_is_return = true,
		.n_registers = snapshot_registers(),
		.registers = {1, 2, 3},
		.stack = stack,
		.stack_bytes = sizeof(stack),
		.mappings = mappings,
		.n_mappings = 2,
	};

	(void)state;
	buf_init(&body, 1u << 20);
	protocol_snapshot_write(&body, &s);
	return body.err;
}

static int end(void **state)
{
	(void)state;
	buf_done(&body);
	return 0;
}

static int parse(size_t len)
{
	struct protocol_snapshot q = {};
	int r = protocol_snapshot_parse(body.data, len, &q);

	protocol_snapshot_done(&q);
	return r;
}

static void a_request_comes_back_as_it_was(void **state)
{
	struct protocol_snapshot q = {};

	(void)state;
	assert_int_equal(protocol_snapshot_parse(body.data, body.len, &q), 0);
	assert_int_equal(q.snapshot.pc, 0x1234);
	assert_true(q.snapshot.pc_is_return);
	assert_int_equal(q.snapshot.registers[2], 3);
	assert_int_equal(q.snapshot.n_mappings, 2);
	assert_memory_equal(q.snapshot.mappings, mappings, sizeof(mappings));
	assert_int_equal(q.snapshot.stack_bytes, sizeof(stack));
	assert_memory_equal(q.snapshot.stack, stack, sizeof(stack));
	protocol_snapshot_done(&q);
}

static void a_request_cut_anywhere_or_too_long_is_refused(void **state)
{
	(void)state;
	for (size_t n = 0; n < body.len; n++)
		assert_int_equal(parse(n), -EBADMSG);
	buf_add_u8(&body, 0);
	assert_int_equal(parse(body.len), -EBADMSG);
}

/* One change of a good request: bytes at a place. */
struct change {
	size_t at, bytes;
	uint64_t value;
};

static void requests_that_lie_are_refused(void **state)
{
	const struct change changes[] = {
		{RETURN_AT, 1, 2},
		{REGISTERS_AT, 1, snapshot_registers() - 1},
		{REGISTERS_AT, 1, 255},
		{MAPPINGS_AT, 4, SNAPSHOT_MAPPINGS_MAX + 1},
		{MAPPINGS_AT, 4, UINT32_MAX},
		{MAPPINGS_AT, 4, 1},
		{FIRST_AT, 8, 0x2000}, /* empty */
		{FIRST_AT + 8, 8, 0x2001}, /* reaches into the next */
		{SECOND_AT + 8, 8, (1ull << 48) + 1}, /* past what frames have room for */
		{STACK_AT, 4, ABI_STACK_BYTES_MAX + 1},
		{STACK_AT, 4, sizeof(stack) - 1},
	};

	(void)state;
	assert_int_equal(parse(body.len), 0);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		uint8_t before[8];

		memcpy(before, body.data + changes[i].at, sizeof(before));
		memcpy(body.data + changes[i].at, &changes[i].value, changes[i].bytes);
		assert_int_equal(parse(body.len), -EBADMSG);
		memcpy(body.data + changes[i].at, before, sizeof(before));
	}
	assert_int_equal(parse(body.len), 0);
}

static int parse_answer(size_t len, struct protocol_snapshot_answer *ret)
{
	return protocol_snapshot_answer_parse(body.data, len, ret);
}

static void write_answer(void)
{
	struct protocol_snapshot_answer a = {
		.end = ABI_END_ROOT,
		.n = 2,
		.frames = {{0x1234, 0}, {0x5678, ABI_FRAME_RETURN | ABI_FRAME_BY_FP}},
	};

	buf_clear(&body);
	protocol_snapshot_answer_write(&body, &a);
}

static void an_answer_comes_back_as_it_was(void **state)
{
	struct protocol_snapshot_answer a = {};

	(void)state;
	write_answer();
	assert_int_equal(parse_answer(body.len, &a), 0);
	assert_int_equal(a.end, ABI_END_ROOT);
	assert_int_equal(a.n, 2);
	assert_int_equal(a.frames[1].address, 0x5678);
	assert_int_equal(a.frames[1].flags, ABI_FRAME_RETURN | ABI_FRAME_BY_FP);
}

static void answers_of_a_worker_gone_bad_are_refused(void **state)
{
	static const struct change changes[] = {
		{0, 1, ABI_END_COUNT},
		{0, 1, ABI_END_NONE},
		{1, 2, 1},
		{1, 2, ABI_USER_FRAMES_MAX + 1},
		{3, 8, 1ull << 48},
		{3 + 8, 1, ABI_FRAME_NO_TABLE},
	};
	struct protocol_snapshot_answer a = {.n = 77};

	(void)state;
	write_answer();
	for (size_t n = 0; n < body.len; n++)
		assert_int_equal(parse_answer(n, &a), -EBADMSG);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		write_answer();
		memcpy(body.data + changes[i].at, &changes[i].value, changes[i].bytes);
		assert_int_equal(parse_answer(body.len, &a), -EBADMSG);
	}
	assert_int_equal(a.n, 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_request_comes_back_as_it_was, begin, end),
		cmocka_unit_test_setup_teardown(a_request_cut_anywhere_or_too_long_is_refused,
						begin, end),
		cmocka_unit_test_setup_teardown(requests_that_lie_are_refused, begin, end),
		cmocka_unit_test_setup_teardown(an_answer_comes_back_as_it_was, begin, end),
		cmocka_unit_test_setup_teardown(answers_of_a_worker_gone_bad_are_refused, begin,
						end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
