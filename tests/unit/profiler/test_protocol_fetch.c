/* The bodies of FETCH and FETCHED: back as they were, and what the other side may say. */
#include "profiler/jail/protocol_fetch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_url_comes_back_as_it_was(void **state)
{
	const struct protocol_fetch q = {60000, "https://example.org/buildid/abcd/debuginfo"};
	struct protocol_fetch back;
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 16);
	protocol_fetch_write(&b, &q);
	assert_int_equal(protocol_fetch_parse(b.data, b.len, &back), 0);
	assert_int_equal(back.ms_max, 60000);
	assert_string_equal(back.url, q.url);
	buf_done(&b);
}

static void what_is_no_url_of_that_length_is_refused(void **state)
{
	static uint8_t body[4 + PROTOCOL_URL_MAX + 1];
	struct protocol_fetch back = {.ms_max = 7};

	(void)state;
	memset(body, 'x', sizeof(body));
	assert_int_equal(protocol_fetch_parse(body, sizeof(body) - 1, &back), 0);
	assert_int_equal(strlen(back.url), PROTOCOL_URL_MAX);
	back.ms_max = 7;
	assert_int_equal(protocol_fetch_parse(body, sizeof(body), &back), -EBADMSG);
	for (size_t len = 0; len <= 4; len++)
		assert_int_equal(protocol_fetch_parse(body, len, &back), -EBADMSG);
	body[9] = '\0';
	assert_int_equal(protocol_fetch_parse(body, 20, &back), -EBADMSG);
	assert_int_equal(back.ms_max, 7);
}

static void the_bytes_are_all_that_was_fetched(void **state)
{
	static const uint8_t body[9] = {1, 2};
	uint64_t bytes = 7;

	(void)state;
	assert_int_equal(protocol_fetched_parse(body, 7, &bytes), -EBADMSG);
	assert_int_equal(protocol_fetched_parse(body, 9, &bytes), -EBADMSG);
	assert_int_equal(bytes, 7);
	assert_int_equal(protocol_fetched_parse(body, 8, &bytes), 0);
	assert_int_equal(bytes, 0x201);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_url_comes_back_as_it_was),
		cmocka_unit_test(what_is_no_url_of_that_length_is_refused),
		cmocka_unit_test(the_bytes_are_all_that_was_fetched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
