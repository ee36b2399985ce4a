/* Lines of perf maps: what V8, Java and Python write, and what is none. */
#include "symbolizer/perfmap.h"

#include "profiler/base/cleanup.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void assert_line(const char *line, uint64_t start, uint64_t size, const char *name)
{
	struct perfmap_line l;

	assert_int_equal(perfmap_parse_line(line, strlen(line), &l), 0);
	assert_int_equal(l.start, start);
	assert_int_equal(l.end - l.start, size);
	assert_int_equal(l.name_len, strlen(name));
	assert_memory_equal(l.name, name, l.name_len);
}

static void lines_of_real_compilers_are_read(void **state)
{
	(void)state;
	assert_line("7f3f48006200 310 JS:*alpha /srv/hot.js:1:15", 0x7f3f48006200, 0x310,
		    "JS:*alpha /srv/hot.js:1:15"); /* V8 */
	assert_line("0x00007f1c8d3f2b80 0x00000000000002e8 int Hot.spin(int)", 0x7f1c8d3f2b80,
		    0x2e8, "int Hot.spin(int)"); /* Java 17 */
	assert_line("7f8e2c1d5000 b py::loop:/srv/hot.py", 0x7f8e2c1d5000, 0xb,
		    "py::loop:/srv/hot.py"); /* Python 3.12 */
	assert_line("7F8E2C1D5000 B [PreStub] void [System.Private.CoreLib] Foo::Bar()[Tier0]\r",
		    0x7f8e2c1d5000, 0xb,
		    "[PreStub] void [System.Private.CoreLib] Foo::Bar()[Tier0]");
	assert_line("1000 0 nothing", 0x1000, 0, "nothing");
	assert_line("ffffffffffffffff 0 end", UINT64_MAX, 0, "end");
	assert_line("1000  10   f  g ", 0x1000, 0x10, "f  g");
}

static void what_is_no_line_is_refused(void **state)
{
	static const char *const malformed[] = {
		"",
		" ",
		"\n",
		"1000",
		"1000 ",
		"1000 10",
		"1000 10 ",
		"1000 10  \r",
		"1000\t10 name",
		" 1000 10 name",
		"1000 -10 name",
		"-1000 10 name",
		"0x 10 name",
		"0x0x10 10 name",
		"1000 10name",
		"1000g 10 name",
		"name 1000 10",
		"10000000000000000 10 name",
		"1000 10000000000000000 name",
		"ffffffffffffffff 1 name",
		"ffffffffffff0000 10001 name",
		"root:x:0:0:root:/root:/bin/bash",
		"000000000000000000000000000000000 10 name",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
		struct perfmap_line l = {.start = 77};

		if (perfmap_parse_line(malformed[i], strlen(malformed[i]), &l) != -EBADMSG)
			fail_msg("taken: \"%s\"", malformed[i]);
		assert_int_equal(l.start, 77);
	}
}

static void a_name_with_a_nul_is_refused(void **state)
{
	static const char line[] = "1000 10 na\0me";
	struct perfmap_line l;

	(void)state;
	assert_int_equal(perfmap_parse_line(line, sizeof(line) - 1, &l), -EBADMSG);
}

static void a_line_that_is_cut_anywhere_is_read_within_its_bounds(void **state)
{
	static const char line[] = "0x00007f1c8d3f2b80 0x00000000000002e8 int Hot.spin(int)";

	(void)state;
	for (size_t len = 0; len < sizeof(line); len++) {
		/* Memory of its own, so that a sanitizer sees a read past the end. */
		_cleanup_free_ char *copy = malloc(len ? len : 1);
		struct perfmap_line l;

		memcpy(copy, line, len);
		if (perfmap_parse_line(copy, len, &l) == 0)
			assert_true(l.name >= copy && l.name + l.name_len <= copy + len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_real_compilers_are_read),
		cmocka_unit_test(what_is_no_line_is_refused),
		cmocka_unit_test(a_name_with_a_nul_is_refused),
		cmocka_unit_test(a_line_that_is_cut_anywhere_is_read_within_its_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
