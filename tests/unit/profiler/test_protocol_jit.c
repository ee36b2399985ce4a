/* JIT messages: what is written is read again, and nothing else is. */
#include "profiler/jail/protocol_jit.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static void a_request_is_read_as_it_was_written(void **state)
{
	struct protocol_jit_question questions[] = {{0x1000, 5}, {UINT64_MAX, 0}};
	struct protocol_jit_request q = {.serial = 7,
					 .bits = PROTOCOL_JIT_DUMP | PROTOCOL_JIT_LAST,
					 .n = 2,
					 .questions = questions};
	struct protocol_jit_request read = {};
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	protocol_jit_request_write(&b, &q);
	for (size_t len = 0; len < b.len; len++)
		assert_int_equal(protocol_jit_request_parse(b.data, len, &read), -EBADMSG);
	assert_int_equal(protocol_jit_request_parse(b.data, b.len, &read), 0);
	assert_int_equal(read.serial, 7);
	assert_int_equal(read.bits, q.bits);
	assert_int_equal(read.n, 2);
	assert_memory_equal(read.questions, questions, sizeof(questions));
	protocol_jit_request_done(&read);
	buf_add_u8(&b, 0); /* left over */
	assert_int_equal(protocol_jit_request_parse(b.data, b.len, &read), -EBADMSG);
	b.data[4] = 8; /* an unknown bit */
	assert_int_equal(protocol_jit_request_parse(b.data, b.len - 1, &read), -EBADMSG);
	b.data[4] = 1;
	b.data[5] = 1; /* what is reserved */
	assert_int_equal(protocol_jit_request_parse(b.data, b.len - 1, &read), -EBADMSG);
	buf_done(&b);
}

static void more_questions_than_one_request_has_are_refused(void **state)
{
	static struct protocol_jit_question questions[PROTOCOL_JIT_QUESTIONS_MAX + 1];
	struct protocol_jit_request q = {.n = PROTOCOL_JIT_QUESTIONS_MAX + 1,
					 .questions = questions};
	struct protocol_jit_request read;
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	protocol_jit_request_write(&b, &q);
	assert_int_equal(protocol_jit_request_parse(b.data, b.len, &read), -EBADMSG);
	buf_done(&b);
}

static void put_answer(struct buf *b, const struct protocol_jit_answer *a)
{
	buf_init(b, 1 << 20);
	protocol_jit_answer_write(b, a);
}

static void an_answer_is_read_as_it_was_written(void **state)
{
	struct jit_place places[] = {{"f", "/srv/f.js", 12}, {"a longer name", NULL, 0}};
	uint32_t which[] = {2, 0, 1, 2};
	struct protocol_jit_answer a = {.sentence = {"no\nmap", ""},
					.n_places = 2,
					.n = 4,
					.places = places,
					.which = which};
	struct protocol_jit_answer read = {};
	struct buf b;

	(void)state;
	put_answer(&b, &a);
	for (size_t len = 0; len < b.len; len++)
		assert_int_equal(protocol_jit_answer_parse(b.data, len, 4, &read), -EBADMSG);
	assert_int_equal(protocol_jit_answer_parse(b.data, b.len, 3, &read), -EBADMSG);
	assert_int_equal(protocol_jit_answer_parse(b.data, b.len, 5, &read), -EBADMSG);
	assert_int_equal(protocol_jit_answer_parse(b.data, b.len, 4, &read), 0);
	assert_string_equal(read.sentence[0], "no?map");
	assert_string_equal(read.sentence[1], "");
	assert_int_equal(read.n_places, 2);
	assert_string_equal(read.places[0].name, "f");
	assert_string_equal(read.places[0].file, "/srv/f.js");
	assert_int_equal(read.places[0].line, 12);
	assert_string_equal(read.places[1].name, "a longer name");
	assert_null(read.places[1].file);
	assert_int_equal(read.n, 4);
	assert_memory_equal(read.which, which, sizeof(which));
	protocol_jit_answer_done(&read);
	buf_done(&b);
}

static void an_answer_that_is_behind_says_nothing(void **state)
{
	uint32_t which[] = {0};
	struct protocol_jit_answer a = {.behind = true, .which = which};
	struct protocol_jit_answer read = {};
	struct buf b;

	(void)state;
	put_answer(&b, &a);
	assert_int_equal(protocol_jit_answer_parse(b.data, b.len, 4, &read), 0);
	assert_true(read.behind);
	assert_int_equal(read.n, 0);
	protocol_jit_answer_done(&read);
	buf_done(&b);
	a.n = 1;
	put_answer(&b, &a);
	assert_int_equal(protocol_jit_answer_parse(b.data, b.len, 1, &read), -EBADMSG);
	buf_done(&b);
}

static void an_answer_of_a_worker_that_was_taken_over_is_refused(void **state)
{
	struct jit_place places[] = {{.name = "f"}, {.name = "g"}};
	struct jit_place empty[] = {{.name = ""}}, lost[] = {{.name = "f", .line = 7}};
	uint32_t which[] = {3}, good[] = {1};
	struct protocol_jit_answer past = {.n_places = 2, .n = 2, .places = places, .which = which};
	struct protocol_jit_answer none = {.n_places = 1, .n = 1, .places = empty, .which = good};
	struct protocol_jit_answer more = {.n_places = 2, .n = 1, .places = places, .which = good};
	struct protocol_jit_answer read;
	struct buf b;

	(void)state;
	past.n = 1;
	past.n_places = 1;
	put_answer(&b, &past); /* a name that is not there */
	assert_int_equal(protocol_jit_answer_parse(b.data, b.len, 1, &read), -EBADMSG);
	buf_done(&b);
	put_answer(&b, &none); /* a name that is none */
	assert_int_equal(protocol_jit_answer_parse(b.data, b.len, 1, &read), -EBADMSG);
	buf_done(&b);
	none.places = lost;
	put_answer(&b, &none); /* a line of no file */
	assert_int_equal(protocol_jit_answer_parse(b.data, b.len, 1, &read), -EBADMSG);
	buf_done(&b);
	put_answer(&b, &more); /* more names than questions */
	assert_int_equal(protocol_jit_answer_parse(b.data, b.len, 1, &read), -EBADMSG);
	buf_done(&b);
	buf_init(&b, 64);
	for (int i = 0; i < 5; i++)
		buf_add_u8(&b, 0);
	buf_add_u32(&b, UINT32_MAX); /* names */
	assert_int_equal(protocol_jit_answer_parse(b.data, b.len, 4, &read), -EBADMSG);
	b.data[0] = 2;
	assert_int_equal(protocol_jit_answer_parse(b.data, b.len, 4, &read), -EBADMSG);
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_read_as_it_was_written),
		cmocka_unit_test(more_questions_than_one_request_has_are_refused),
		cmocka_unit_test(an_answer_is_read_as_it_was_written),
		cmocka_unit_test(an_answer_that_is_behind_says_nothing),
		cmocka_unit_test(an_answer_of_a_worker_that_was_taken_over_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
