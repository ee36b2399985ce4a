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

/* ---- proxies ---- */

static const char *const *environment; /* names and values, then NULL */

static char *find(const char *name)
{
	for (const char *const *at = environment; *at; at += 2)
		if (strcmp(at[0], name) == 0)
			return (char *)at[1];
	return NULL;
}

static void proxies_are_those_that_curl_takes(void **state)
{
	static const struct {
		const char *set[9];
		const char *http, *https, *none;
	} cases[] = {
		{{NULL}, "", "", ""},
		{{"http_proxy", "http://p:1", "HTTP_PROXY", "http://cgi", NULL},
		 "http://p:1",
		 "",
		 ""},
		{{"HTTP_PROXY", "http://cgi", NULL}, "", "", ""},
		{{"HTTPS_PROXY", "p:2", "NO_PROXY", "a,b", NULL}, "", "http://p:2", "a,b"},
		{{"https_proxy", "https://u:w@p", "HTTPS_PROXY", "q", NULL},
		 "",
		 "https://u:w@p",
		 ""},
		{{"all_proxy", "p", "http_proxy", "", NULL}, "", "http://p", ""},
		{{"ALL_PROXY", "http://p/", "no_proxy", "*", NULL}, "http://p/", "http://p/", "*"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct debug_servers s = {};

		environment = cases[i].set;
		assert_int_equal(debug_servers_add_proxies(&s, find, NULL), 0);
		assert_string_equal(debug_servers_proxy(&s, "http://x"), cases[i].http);
		assert_string_equal(debug_servers_proxy(&s, "https://x"), cases[i].https);
		assert_string_equal(s.no_proxy, cases[i].none);
	}
}

static void what_is_no_proxy_is_not_taken_for_none(void **state)
{
	static char longest[DEBUG_SERVERS_URL_BYTES + 1];
	const char *const cases[][3] = {
		{"http_proxy", "socks5://u:secret@p", NULL},
		{"https_proxy", "http://", NULL},
		{"all_proxy", "http:///p", NULL},
		{"http_proxy", "a b", NULL},
		{"http_proxy", longest, NULL},
		{"no_proxy", longest, NULL},
	};

	(void)state;
	memset(longest, 'x', DEBUG_SERVERS_URL_BYTES);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct debug_servers s = {};
		struct err err = {};

		environment = cases[i];
		if (debug_servers_add_proxies(&s, find, &err) != -EINVAL || !err.text[0])
			fail_msg("%s of case %zu was taken", cases[i][0], i);
		assert_null(strstr(err.text, "secret"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(proxies_are_those_that_curl_takes),
		cmocka_unit_test(what_is_no_proxy_is_not_taken_for_none),
		cmocka_unit_test(urls_are_kept_in_their_order_without_the_last_slash),
		cmocka_unit_test(what_is_no_url_of_a_server_is_refused_with_a_sentence),
		cmocka_unit_test(there_are_as_many_as_there_is_room_for),
		cmocka_unit_test(words_of_the_environment_that_are_no_urls_are_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
