/* The text of --help, to the byte: where words go, where the help of an option begins. */
#include "profiler/cli/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_help(const struct options_command *command, const char *expected)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);

	assert_non_null(to);
	options_help(command, to);
	fclose(to);
	assert_string_equal(text, expected);
	free(text);
}

static void everything_stands_in_its_place(void **state)
{
	static const struct options_row rows[] = {
		{.name = "flag", .letter = 'f', .help = "a flag"},
		{.name = "frequency", .letter = 'F', .argument = "HZ", .help = "a number"},
		{.name = "text", .argument = "FILE", .help = "no letter"},
	};
	static const struct options_example examples[] = {
		{"hearth test -f", "an example"}, {"hearth test", "another"}, {}};
	static const struct options_command command = {.name = "test",
						       .synopsis = "[OPTION...]",
						       .summary = "What it does.",
						       .rows = rows,
						       .n_rows = 3,
						       .notes = "A note.\n\nAnother.",
						       .examples = examples};

	(void)state;
	assert_help(&command, "Usage: hearth test [OPTION...]\n"
			      "\n"
			      "What it does.\n"
			      "\n"
			      "Options:\n"
			      "  -f, --flag          a flag\n"
			      "  -F, --frequency HZ  a number\n"
			      "      --text FILE     no letter\n"
			      "  -h, --help          this text\n"
			      "      --version       the version of Hearth\n"
			      "\n"
			      "A note.\n"
			      "\n"
			      "Another.\n"
			      "\n"
			      "Examples:\n"
			      "  hearth test -f\n"
			      "      an example\n"
			      "  hearth test\n"
			      "      another\n");
}

/* 30 columns: its help stands beside it, and all others' in that column. 31: below. */
static void a_long_label_pushes_its_help_down(void **state)
{
	static const struct options_row rows[] = {
		{.name = "a-name-of-22-columns12", .help = "beside"},
		{.name = "a-name-of-23-columns123", .help = "below"},
	};
	static const struct options_command command = {
		.name = "x", .synopsis = "", .summary = "s", .rows = rows, .n_rows = 2};
	static const struct options_command shorter = {
		.name = "x", .synopsis = "", .summary = "s", .rows = rows + 1, .n_rows = 1};

	(void)state;
	assert_help(&command, "Usage: hearth x \n\ns\n\nOptions:\n"
			      "      --a-name-of-22-columns12  beside\n"
			      "      --a-name-of-23-columns123\n"
			      "                                below\n"
			      "  -h, --help                    this text\n"
			      "      --version                 the version of Hearth\n");
	assert_help(&shorter, "Usage: hearth x \n\ns\n\nOptions:\n"
			      "      --a-name-of-23-columns123\n"
			      "                 below\n"
			      "  -h, --help     this text\n"
			      "      --version  the version of Hearth\n");
}

#define X10 "xxxxxxxxxx"
#define X39 X10 X10 X10 "xxxxxxxxx"

/* 80 columns are a line, 81 are two; what is longer by itself stays whole. */
static void words_are_wrapped_and_newlines_kept(void **state)
{
	static const struct options_row rows[] = {
		{.name = "o", .help = "one\n\ntwo\nthree " X10 X10 " " X10 X10 X10 " " X10}};
	static const struct options_command command = {.name = "x",
						       .synopsis = "",
						       .summary = X39 " " X39 "x",
						       .rows = rows,
						       .n_rows = 1,
						       .notes = X39 "x " X39 "x " X39 X39 X39};

	(void)state;
	assert_help(&command, "Usage: hearth x \n\n" X39 " " X39 "x\n\nOptions:\n"
			      "      --o        one\n"
			      "\n"
			      "                 two\n"
			      "                 three " X10 X10 " " X10 X10 X10 "\n"
			      "                 " X10 "\n"
			      "  -h, --help     this text\n"
			      "      --version  the version of Hearth\n"
			      "\n" X39 "x\n" X39 "x\n" X39 X39 X39 "\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_stands_in_its_place),
		cmocka_unit_test(a_long_label_pushes_its_help_down),
		cmocka_unit_test(words_are_wrapped_and_newlines_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
