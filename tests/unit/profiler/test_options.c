/* The option parser: every way to write an option, and a sentence for every way to miswrite one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/cli/options.h"

#define NS 1000000000ull

static struct values {
	bool flag, sandbox;
	const char *text;
	uint32_t number;
	uint64_t span, seconds, bytes, time;
	char list[64];
} v;

static int add_to_list(const char *text, void *to, struct err *err)
{
	char *list = to;
	size_t len = strlen(list);

	if (strcmp(text, "wrong") == 0)
		return err_set(err, -EINVAL, "\"%s\" is not right", text);
	snprintf(list + len, sizeof(v.list) - len, "%s;", text);
	return 0;
}

static const struct options_row rows[] = {
	{.name = "flag", .letter = 'f', .kind = OPTIONS_FLAG, .to = &v.flag, .help = "a flag"},
	{.name = "no-sandbox",
	 .letter = 'n',
	 .kind = OPTIONS_FLAG_OFF,
	 .to = &v.sandbox,
	 .help = "off"},
	{.name = "text",
	 .letter = 't',
	 .kind = OPTIONS_TEXT,
	 .argument = "FILE",
	 .to = &v.text,
	 .help = "a text"},
	{.name = "frequency",
	 .letter = 'F',
	 .kind = OPTIONS_NUMBER,
	 .argument = "HZ",
	 .to = &v.number,
	 .min = 19,
	 .max = 10000,
	 .help = "a number"},
	{.name = "span",
	 .kind = OPTIONS_DURATION,
	 .argument = "DUR",
	 .to = &v.span,
	 .help = "a duration"},
	{.name = "seconds",
	 .letter = 'd',
	 .kind = OPTIONS_SECONDS,
	 .argument = "S",
	 .to = &v.seconds,
	 .help = "seconds"},
	{.name = "bytes",
	 .kind = OPTIONS_BYTES,
	 .argument = "SIZE",
	 .to = &v.bytes,
	 .help = "a size"},
	{.name = "from", .kind = OPTIONS_TIME, .argument = "T", .to = &v.time, .help = "a time"},
	{.name = "list",
	 .letter = 'l',
	 .kind = OPTIONS_PARSED,
	 .argument = "WORD",
	 .to = v.list,
	 .parse = add_to_list,
	 .repeatable = true,
	 .help = "a list"},
};

static const struct options_example examples[] = {{"hearth test -f", "an example"}, {}};

static const struct options_command command = {
	.name = "test",
	.synopsis = "[OPTION...]",
	.summary = "A command that is tested, and whose summary is longer than a line of the "
		   "terminal has room for.",
	.rows = rows,
	.n_rows = sizeof(rows) / sizeof(rows[0]),
	.examples = examples,
};

#define ARGS_MAX 24
static char *argv[ARGS_MAX + 2];
static struct options_result result;
static struct err err;

/* Words separated by spaces; "_" stands for an empty one. */
static int parse(const char *line)
{
	static char words[256];
	char *save = NULL;
	int argc = 0;

	v = (struct values){.sandbox = true};
	err = (struct err){};
	result = (struct options_result){};
	snprintf(words, sizeof(words), "test %s", line);
	for (char *w = strtok_r(words, " ", &save); w && argc < ARGS_MAX;
	     w = strtok_r(NULL, " ", &save)) {
		if (strcmp(w, "_") == 0)
			*w = '\0';
		argv[argc++] = w;
	}
	argv[argc] = NULL;
	return options_parse(&command, argc, argv, &result, &err);
}

static void check_wrong(const char *line, const char *sentence)
{
	if (parse(line) != -EINVAL)
		fail_msg("\"%s\" was accepted", line);
	if (!strstr(err_text(&err), sentence))
		fail_msg("\"%s\": \"%s\" does not say \"%s\"", line, err_text(&err), sentence);
}

static void every_way_to_write_a_value(void **state)
{
	static const char *const ways[] = {"--frequency 99", "--frequency=99", "-F 99", "-F99",
					   "-F=99",	     "-fF99",	       "-fF 99"};

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (parse(ways[i]) != 0)
			fail_msg("%s: %s", ways[i], err_text(&err));
		assert_int_equal(v.number, 99);
		assert_int_equal(result.given & 8, 8);
		assert_int_equal(result.n_arguments, 0);
	}
	assert_int_equal(parse("--text=a=b"), 0);
	assert_string_equal(v.text, "a=b");
	assert_int_equal(parse("-t -"), 0);
	assert_string_equal(v.text, "-");
	assert_int_equal(parse("--text=--flag"), 0);
	assert_string_equal(v.text, "--flag");
	assert_false(v.flag);
}

static void every_kind_of_value(void **state)
{
	(void)state;
	assert_int_equal(parse("-fn --span 15m -d 0.5 --bytes 512MB --from -15m -l a --list=b"), 0);
	assert_true(v.flag);
	assert_false(v.sandbox);
	assert_int_equal(v.span, 900 * NS);
	assert_int_equal(v.seconds, NS / 2);
	assert_int_equal(v.bytes, 512000000);
	assert_int_equal(v.time, result.now_ns - 900 * NS);
	assert_string_equal(v.list, "a;b;");
	assert_int_equal(parse("-d 10"), 0);
	assert_int_equal(v.seconds, 10 * NS);
	assert_int_equal(parse("-d 2m"), 0);
	assert_int_equal(v.seconds, 120 * NS);
}

static void a_dash_and_a_digit_is_a_time(void **state)
{
	(void)state;
	assert_int_equal(parse("-2h..-1h --flag -1h..now"), 0);
	assert_int_equal(result.n_arguments, 2);
	assert_string_equal(result.arguments[0], "-2h..-1h");
	assert_string_equal(result.arguments[1], "-1h..now");
	assert_null(result.arguments[2]);
	assert_true(v.flag);
}

static void two_dashes_end_the_options(void **state)
{
	(void)state;
	assert_int_equal(parse("-f a -- --flag -F 5 --"), 0);
	assert_true(result.dashes);
	assert_int_equal(result.n_before_dashes, 1);
	assert_int_equal(result.n_arguments, 5);
	assert_string_equal(result.arguments[1], "--flag");
	assert_string_equal(result.arguments[4], "--");
	assert_int_equal(parse("a b"), 0);
	assert_false(result.dashes);
	assert_int_equal(result.n_before_dashes, 2);
}

static void wrong_usage_has_its_sentence(void **state)
{
	(void)state;
	check_wrong("--frequenci 5", "unknown option --frequenci; did you mean --frequency?");
	check_wrong("--freq 5", "did you mean --frequency?");
	check_wrong("--xyzzy", "unknown option --xyzzy");
	check_wrong("-from x", "did you mean --from?");
	check_wrong("-x", "unknown option -x");
	check_wrong("-fx", "unknown option -x in -fx");
	check_wrong("--frequency", "--frequency needs a value: --frequency HZ");
	check_wrong("-F", "-F needs a value: -F HZ");
	check_wrong("--from --flag", "--from needs a value");
	check_wrong("--flag=true", "--flag takes no value");
	check_wrong("--help=yes", "--help takes no value");
	check_wrong("-f -f", "-f is given twice");
	check_wrong("--frequency 99 -F 99", "-F is given twice");
	check_wrong("-F 0", "-F: \"0\" is not a number from 19 to 10000");
	check_wrong("-F 10001", "from 19 to 10000");
	check_wrong("-F -5", "from 19 to 10000");
	check_wrong("--text _", "--text: the value is empty");
	check_wrong("--text=", "--text: the value is empty");
	check_wrong("--span 15", "--span: \"15\" is not a duration");
	check_wrong("-d 0", "not a number of seconds");
	check_wrong("-d 0.0", "not a number of seconds");
	check_wrong("-d now", "not a number of seconds");
	check_wrong("-d -5s", "not a number of seconds");
	check_wrong("-d 2026-11-20T03:12:00Z5", "not a number of seconds");
	check_wrong("--bytes 0", "not a size");
	check_wrong("--bytes 5kb", "not a size");
	check_wrong("--from yesterday", "--from: \"yesterday\" is not a time");
	check_wrong("-l wrong", "-l: \"wrong\" is not right");
	check_wrong(
		"--"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"unknown option");
}

static void a_failed_parse_leaves_the_result_alone(void **state)
{
	(void)state;
	check_wrong("a b -x", "unknown");
	assert_null(result.arguments);
	assert_int_equal(result.given, 0);
}

/* stdout of a call, as text the caller frees. */
static char *captured(void (*call)(FILE *to))
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);

	assert_non_null(to);
	call(to);
	fclose(to);
	return text;
}

static void print_help(FILE *to)
{
	options_help(&command, to);
}

static void help_names_every_option_and_keeps_to_the_width(void **state)
{
	char *text = captured(print_help), *save = NULL, name[64];

	(void)state;
	assert_non_null(strstr(text, "Usage: hearth test [OPTION...]\n"));
	assert_non_null(strstr(text, "  -F, --frequency HZ  a number\n"));
	assert_non_null(strstr(text, "      --version "));
	assert_non_null(strstr(text, "  -h, --help "));
	assert_non_null(strstr(text, "Examples:\n  hearth test -f\n      an example\n"));
	for (size_t i = 0; i < command.n_rows; i++) {
		snprintf(name, sizeof(name), "--%s", rows[i].name);
		assert_non_null(strstr(text, name));
	}
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (strlen(line) > 80)
			fail_msg("too long: %s", line);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_way_to_write_a_value),
		cmocka_unit_test(every_kind_of_value),
		cmocka_unit_test(a_dash_and_a_digit_is_a_time),
		cmocka_unit_test(two_dashes_end_the_options),
		cmocka_unit_test(wrong_usage_has_its_sentence),
		cmocka_unit_test(a_failed_parse_leaves_the_result_alone),
		cmocka_unit_test(help_names_every_option_and_keeps_to_the_width),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
