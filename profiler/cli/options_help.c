/* The text of --help, made from the option table; see options.h. */
#include <string.h>

#include "profiler/cli/options.h"

#define WIDTH	    80
#define COLUMN_MAX  30 /* longer option names push their help to the next line */
#define LABEL_BYTES 64

/*
 * Words of text from column `from` on, wrapped at WIDTH; the cursor stands at column `at`.
 * Newlines in text are kept.
 */
static void wrap(FILE *to, const char *text, size_t from, size_t at)
{
	while (*text) {
		size_t word = strcspn(text, " \n");

		if (at > from && at + 1 + word > WIDTH) {
			fprintf(to, "\n%*s", (int)from, "");
			at = from;
		} else if (at > from) {
			fputc(' ', to);
			at++;
		}
		fprintf(to, "%.*s", (int)word, text);
		at += word;
		text += word;
		for (; *text == '\n'; text++) {
			fprintf(to, "\n%*s", text[1] == '\n' || !text[1] ? 0 : (int)from, "");
			at = from;
		}
		while (*text == ' ')
			text++;
	}
	fputc('\n', to);
}

/* "  -F, --frequency HZ"; its length. */
static size_t label(const struct options_row *row, char out[LABEL_BYTES])
{
	char letter[5] = "    ";
	int n;

	if (row->letter)
		snprintf(letter, sizeof(letter), "-%c, ", row->letter);
	n = snprintf(out, LABEL_BYTES, "  %s--%s%s%s", letter, row->name, row->argument ? " " : "",
		     row->argument ? row->argument : "");
	return (size_t)n;
}

static size_t help_column(const struct options_command *command)
{
	size_t column = strlen("      --version");

	for (size_t i = 0; i < command->n_rows; i++) {
		char text[LABEL_BYTES];
		size_t n = label(&command->rows[i], text);

		if (n > column && n <= COLUMN_MAX)
			column = n;
	}
	return column + 2;
}

static void print_row(FILE *to, const struct options_row *row, size_t column)
{
	char text[LABEL_BYTES];
	size_t n = label(row, text);

	if (n + 2 > column)
		fprintf(to, "%s\n%*s", text, (int)column, "");
	else
		fprintf(to, "%-*s", (int)column, text);
	wrap(to, row->help, column, column);
}

void options_help(const struct options_command *command, FILE *to)
{
	static const struct options_row always[] = {
		{.name = "help", .letter = 'h', .help = "this text"},
		{.name = "version", .help = "the version of Hearth"},
	};
	size_t column = help_column(command);
	size_t usage = strlen("Usage: hearth ") + strlen(command->name) + 1;

	fprintf(to, "Usage: hearth %s ", command->name);
	wrap(to, command->synopsis, usage, usage);
	fputc('\n', to);
	wrap(to, command->summary, 0, 0);
	fputs("\nOptions:\n", to);
	for (size_t i = 0; i < command->n_rows; i++)
		print_row(to, &command->rows[i], column);
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		print_row(to, &always[i], column);
	if (command->notes) {
		fputc('\n', to);
		wrap(to, command->notes, 0, 0);
	}
	if (command->examples)
		fputs("\nExamples:\n", to);
	for (const struct options_example *e = command->examples; e && e->line; e++) {
		fprintf(to, "  %s\n      ", e->line);
		wrap(to, e->what, 6, 6);
	}
}
