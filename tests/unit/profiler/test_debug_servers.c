/* Which servers are asked: what is a URL, and what the environment may say. */
#include "profiler/debug_servers.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void urls_are_kept_in_their_order_without_the_last_slash(void **state)
{
	struct debug_servers s = {};

	(void)state;
	assert_int_equal(debug_servers_add(&s, "https://debuginfod.debian.net/", NULL), 0);
	assert_int_equal(debug_servers_add(&s, "http://[::1]:8002//", NULL), 0);
	assert_int_equal(debug_servers_add(&s, "https://debuginfod.debian.net", NULL), 0);
	assert_int_equal(s.n, 2);
	assert_string_equal(s.url[0], "https://debuginfod.debian.net");
	assert_string_equal(s.url[1], "http://[::1]:8002");
}

static void what_is_no_url_of_a_server_is_refused_with_a_sentence(void **state)
{
	static const char *const wrong[] = {
		"",	    "debian.net",  "ftp://x",	   "file:///etc/passwd", "http://",
		"http:///", "https://a b", "https://a\nb", "HTTP://x",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct debug_servers s = {};
		struct err err = {};

		if (debug_servers_add(&s, wrong[i], &err) != -EINVAL || s.n || !err.text[0])
			fail_msg("\"%s\" was taken", wrong[i]);
	}
}

static void there_are_as_many_as_there_is_room_for(void **state)
{
	struct debug_servers s = {};
	char url[DEBUG_SERVERS_URL_BYTES + 16];

	(void)state;
	for (int i = 0; i < DEBUG_SERVERS_MAX; i++) {
		snprintf(url, sizeof(url), "http://h%d", i);
		assert_int_equal(debug_servers_add(&s, url, NULL), 0);
	}
	assert_int_equal(debug_servers_add(&s, "http://another", NULL), -E2BIG);
	s.n = 0;
	memset(url, 'x', sizeof(url));
	memcpy(url, "http://", 7);
	url[DEBUG_SERVERS_URL_BYTES] = '\0';
	assert_int_equal(debug_servers_add(&s, url, NULL), -EINVAL);
	url[DEBUG_SERVERS_URL_BYTES - 1] = '\0';
	assert_int_equal(debug_servers_add(&s, url, NULL), 0);
}

static void words_of_the_environment_that_are_no_urls_are_passed_over(void **state)
{
	struct debug_servers s = {};

	(void)state;
	debug_servers_add_words(&s, NULL);
	debug_servers_add_words(&s, "");
	debug_servers_add_words(&s, "  \t");
	assert_int_equal(s.n, 0);
	debug_servers_add_words(&s, " ima:enforcing https://a  file:///x\thttp://b/ ");
	assert_int_equal(s.n, 2);
	assert_string_equal(s.url[0], "https://a");
	assert_string_equal(s.url[1], "http://b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls_are_kept_in_their_order_without_the_last_slash),
		cmocka_unit_test(what_is_no_url_of_a_server_is_refused_with_a_sentence),
		cmocka_unit_test(there_are_as_many_as_there_is_room_for),
		cmocka_unit_test(words_of_the_environment_that_are_no_urls_are_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
