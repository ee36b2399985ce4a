/* web/host.c: which Host headers are answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include "web/host.h"
#include "web/server.h"

static const char *const names[] = {"prof.example.org", "box"};

static bool allowed(const char *host)
{
	return web_host_allowed(host, names, 2);
}

static void localhost_and_ip_literals_are_allowed(void **state)
{
	(void)state;
	assert_true(allowed("localhost"));
	assert_true(allowed("LocalHost:7979"));
	assert_true(allowed("127.0.0.1"));
	assert_true(allowed("10.1.2.3:80"));
	assert_true(allowed("[::1]"));
	assert_true(allowed("[::1]:7979"));
	assert_true(allowed("[2001:db8::5]:65535"));
	assert_true(allowed("localhost:"));
}

static void configured_names_are_allowed_with_any_port_and_case(void **state)
{
	(void)state;
	assert_true(allowed("box"));
	assert_true(allowed("BOX:1"));
	assert_true(allowed("prof.example.org:7979"));
	assert_false(web_host_allowed("box", NULL, 0));
}

static void other_names_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		":",
		":80",
		"evil.example.org",
		"localhost.evil.org",
		"xlocalhost",
		"127.0.0.1.evil.org",
		"localhost:80:80",
		"localhost:8o",
		"localhost:123456",
		"localhost ",
		" localhost",
		"[::1",
		"[::1]x",
		"[::1]:x",
		"[]",
		"[",
		"[localhost]",
		"[127.0.0.1]",
		"::1",
		"1.2.3",
		"0x7f.1",
		"2130706433",
		"127.1",
		"box.",
		"localhost@evil",
		"[::1%eth0]",
	};

	(void)state;
	assert_false(allowed(NULL));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (allowed(bad[i]))
			fail_msg("%s is allowed", bad[i]);
}

static void a_name_of_any_length_is_safe(void **state)
{
	char name[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(name) - 1; i++)
		name[i] = 'a';
	name[sizeof(name) - 1] = '\0';
	assert_false(allowed(name));
	name[0] = '[';
	assert_false(allowed(name));
	name[sizeof(name) - 2] = ']';
	assert_false(allowed(name));
}

static void the_origin_of_a_url_is_what_a_browser_sends(void **state)
{
	static const char *const none[] = {
		"",	      "ftp://a/",	  "http://",	"//a",
		"http://a b", "http://a\r\nX: y", "http://a#b", "http://u@a/",
		"http://\"",  "javascript:1",	  "http:///a"};
	char longest[WEB_URL_BYTES_MAX + 2];

	(void)state;
	assert_int_equal(web_url_origin("http://a"), strlen("http://a"));
	assert_int_equal(web_url_origin("https://a.b:8080/c/d"), strlen("https://a.b:8080"));
	assert_int_equal(web_url_origin("http://[::1]:80?c"), strlen("http://[::1]:80"));
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_int_equal(web_url_origin(none[i]), 0);
	memset(longest, 'a', sizeof(longest) - 1);
	memcpy(longest, "http://", strlen("http://"));
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(web_url_origin(longest), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(localhost_and_ip_literals_are_allowed),
		cmocka_unit_test(configured_names_are_allowed_with_any_port_and_case),
		cmocka_unit_test(other_names_are_refused),
		cmocka_unit_test(a_name_of_any_length_is_safe),
		cmocka_unit_test(the_origin_of_a_url_is_what_a_browser_sends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
