/*
 * The configuration file: what it sets, what the command line keeps, and the line of what is
 * wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "profiler/cli/config.h"

static struct values {
	bool flag, sandbox;
	const char *store;
	uint32_t frequency;
	const char *names[4];
	size_t n_names;
} v;

static int add_name(const char *text, void *to, struct err *err)
{
	struct values *values = to;

	if (values->n_names == 4)
		return err_set(err, -E2BIG, "too many");
	values->names[values->n_names++] = text;
	return 0;
}

static const char *config;

static const struct options_row rows[] = {
	{.name = "store", .kind = OPTIONS_TEXT, .argument = "FILE", .to = &v.store},
	{.name = "frequency",
	 .letter = 'F',
	 .kind = OPTIONS_NUMBER,
	 .argument = "HZ",
	 .to = &v.frequency,
	 .min = 19,
	 .max = 10000},
	{.name = "host-name",
	 .kind = OPTIONS_PARSED,
	 .argument = "NAME",
	 .to = &v,
	 .parse = add_name,
	 .repeatable = true},
	{.name = "flag", .kind = OPTIONS_FLAG, .to = &v.flag},
	{.name = "no-sandbox", .kind = OPTIONS_FLAG_OFF, .to = &v.sandbox},
	{.name = "config",
	 .kind = OPTIONS_TEXT,
	 .argument = "FILE",
	 .to = &config,
	 .not_in_config = true},
};

enum { STORE_BIT = 1, FREQUENCY_BIT = 2, NAME_BIT = 4 };

static const struct options_command command = {
	.name = "test",
	.rows = rows,
	.n_rows = sizeof(rows) / sizeof(rows[0]),
};

static char text[1024];
static struct err err;

static int parse(const char *file, uint64_t given)
{
	struct options_result result = {.given = given};

	v = (struct values){.store = "default", .frequency = 99, .sandbox = true};
	err = (struct err){};
	snprintf(text, sizeof(text), "%s", file);
	return config_parse(&command, &result, "test.conf", text, strlen(text), &err);
}

static void keys_are_the_names_of_the_flags(void **state)
{
	(void)state;
	assert_int_equal(parse("# a comment\n"
			       "\n"
			       "store = /srv/a b.db   # spaces inside stay\n"
			       "\tfrequency=49\r\n"
			       "host-name = a#1\n"
			       "host-name = b\n"
			       "flag = true\n"
			       "no-sandbox = true",
			       0),
			 0);
	assert_string_equal(v.store, "/srv/a b.db");
	assert_int_equal(v.frequency, 49);
	assert_int_equal(v.n_names, 2);
	assert_string_equal(v.names[0], "a#1");
	assert_string_equal(v.names[1], "b");
	assert_true(v.flag);
	assert_false(v.sandbox);
	assert_int_equal(parse("no-sandbox = false\nflag = false\n", 0), 0);
	assert_true(v.sandbox);
	assert_false(v.flag);
	assert_int_equal(parse("", 0), 0);
	assert_int_equal(parse("store = a=b", 0), 0);
	assert_string_equal(v.store, "a=b");
}

static void the_command_line_wins(void **state)
{
	(void)state;
	assert_int_equal(
		parse("store = x\nfrequency = 49\nhost-name = file\n", FREQUENCY_BIT | NAME_BIT),
		0);
	assert_string_equal(v.store, "x");
	assert_int_equal(v.frequency, 99);
	assert_int_equal(v.n_names, 0);
}

static void what_is_wrong_is_told_with_its_line(void **state)
{
	static const struct {
		const char *file, *sentence;
	} wrong[] = {
		{"store = x\nfrequenzy = 5\n",
		 "test.conf:2: unknown key \"frequenzy\"; did you mean \"frequency\"?"},
		{"# one\n\nxyzzy = 5\n", "test.conf:3: unknown key \"xyzzy\""},
		{"config = x\n", "test.conf:1: unknown key \"config\""},
		{"help = true\n", "test.conf:1: unknown key \"help\""},
		{"-F = 5\n", "test.conf:1: unknown key \"-F\""},
		{"frequency = 5\n",
		 "test.conf:1: frequency: \"5\" is not a number from 19 to 10000"},
		{"frequency\n", "test.conf:1: not `key = value`: \"frequency\""},
		{"frequency 99\n", "test.conf:1: not `key = value`"},
		{"= 99\n", "test.conf:1: a value without its key"},
		{"store =\n", "test.conf:1: store: the value is empty"},
		{"store = # nothing\n", "test.conf:1: store: the value is empty"},
		{"store = a\nstore = b\n", "test.conf:2: \"store\" is given twice"},
		{"flag = yes\n", "test.conf:1: flag: \"yes\" is neither true nor false"},
		{"[section]\n", "test.conf:1: not `key = value`"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (parse(wrong[i].file, 0) != -EINVAL)
			fail_msg("accepted: %s", wrong[i].file);
		if (strncmp(err_text(&err), wrong[i].sentence, strlen(wrong[i].sentence)) != 0)
			fail_msg("\"%s\" is not \"%s\"", err_text(&err), wrong[i].sentence);
	}
	/*
	 * A key that the command line has set is still checked for being one, and for being there
	 * once.
	 */
	assert_int_equal(parse("store = a\nstore = b\n", STORE_BIT), -EINVAL);
}

static void binary_files_are_refused(void **state)
{
	char bytes[] = "store = a\0b\n";
	struct options_result result = {};

	(void)state;
	assert_int_equal(config_parse(&command, &result, "x", bytes, sizeof(bytes) - 1, &err),
			 -EINVAL);
}

static void files_are_read_and_bounded(void **state)
{
	char path[] = "/tmp/test_config_XXXXXX", *kept = NULL;
	struct options_result result = {};
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	v = (struct values){};
	assert_int_equal(write(fd, "frequency = 49\n", 15), 15);
	assert_int_equal(config_read(&command, &result, path, &kept, &err), 0);
	assert_int_equal(v.frequency, 49);
	free(kept);
	assert_int_equal(ftruncate(fd, CONFIG_BYTES_MAX + 1), 0);
	assert_int_equal(config_read(&command, &result, path, &kept, &err), -EFBIG);
	close(fd);
	unlink(path);
	assert_int_equal(config_read(&command, &result, path, &kept, &err), -ENOENT);
	assert_non_null(strstr(err_text(&err), path));
	assert_int_equal(config_read(&command, &result, "/tmp", &kept, &err), -EISDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_the_names_of_the_flags),
		cmocka_unit_test(the_command_line_wins),
		cmocka_unit_test(what_is_wrong_is_told_with_its_line),
		cmocka_unit_test(binary_files_are_refused),
		cmocka_unit_test(files_are_read_and_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
