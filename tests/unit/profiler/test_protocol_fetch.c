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
	const struct protocol_fetch q = {60000, "https://example.org/buildid/abcd/debuginfo",
					 "http://proxy:3128", "localhost,.example.net"};
	struct protocol_fetch back;
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 16);
	protocol_fetch_write(&b, &q);
	assert_int_equal(protocol_fetch_parse(b.data, b.len, &back), 0);
	assert_int_equal(back.ms_max, 60000);
	assert_string_equal(back.url, q.url);
	assert_string_equal(back.proxy, q.proxy);
	assert_string_equal(back.no_proxy, q.no_proxy);
	for (size_t len = 0; len < b.len; len++)
		assert_int_equal(protocol_fetch_parse(b.data, len, &back), -EBADMSG);
	buf_add_u8(&b, 'x');
	assert_int_equal(protocol_fetch_parse(b.data, b.len, &back), -EBADMSG);
	buf_done(&b);
}

static int parse(const char *url, size_t url_bytes, const char *proxy, size_t proxy_bytes)
{
	struct protocol_fetch back;
	struct buf b;
	int r;

	buf_init(&b, 1 << 16);
	buf_add_u32(&b, 7);
	buf_add_u16(&b, (uint16_t)url_bytes);
	buf_add(&b, url, url_bytes);
	for (int i = 0; i < 2; i++) {
		buf_add_u16(&b, (uint16_t)proxy_bytes);
		buf_add(&b, proxy, proxy_bytes);
	}
	r = protocol_fetch_parse(b.data, b.len, &back);
	buf_done(&b);
	return r;
}

static void texts_of_other_lengths_are_refused(void **state)
{
	static char x[PROTOCOL_URL_MAX + 1];

	(void)state;
	memset(x, 'x', sizeof(x));
	assert_int_equal(parse(x, PROTOCOL_URL_MAX, x, PROTOCOL_PROXY_MAX), 0);
	assert_int_equal(parse(x, 1, x, 0), 0);
	assert_int_equal(parse(x, PROTOCOL_URL_MAX + 1, x, 0), -EBADMSG);
	assert_int_equal(parse(x, 1, x, PROTOCOL_PROXY_MAX + 1), -EBADMSG);
	assert_int_equal(parse(x, 0, x, 1), -EBADMSG);
	assert_int_equal(parse("a\0b", 3, x, 1), -EBADMSG);
	assert_int_equal(parse(x, 1, "a\0b", 3), -EBADMSG);
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
		cmocka_unit_test(texts_of_other_lengths_are_refused),
		cmocka_unit_test(the_bytes_are_all_that_was_fetched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
