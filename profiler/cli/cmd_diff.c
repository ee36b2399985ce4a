/* `hearth diff`: two ranges of a store, compared. */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "profiler/cli/cmd.h"
#include "profiler/cli/diff_table.h"
#include "profiler/cli/formats.h"
#include "profiler/cli/output.h"
#include "profiler/cli/question.h"
#include "profiler/cli/range.h"
#include "web/export/export.h"

static struct question question = {.store = CMD_STORE_DEFAULT};
static struct formats_choice format = {.format = -1};
static const char *output;

static const struct options_row rows[] = {
	QUESTION_STORE_ROW(question),
	QUESTION_MATCH_ROW(question),
	{.name = "format",
	 .kind = OPTIONS_PARSED,
	 .argument = "FMT",
	 .to = &format.format,
	 .parse = formats_parse,
	 .help = "folded (stack, samples in A, samples in B), json, html, flame; otherwise what "
		 "the ending of FILE says, a "
		 "table on a terminal, else folded"},
	{.name = "output",
	 .letter = 'o',
	 .kind = OPTIONS_TEXT,
	 .argument = "FILE",
	 .to = &output,
	 .help = "write there; it is replaced when the comparison is complete"},
};

static const struct options_example examples[] = {
	{"hearth diff -2h..-1h -1h..now",
	 "the last hour against the one before it: a table on the terminal"},
	{"hearth diff --match '{comm=\"nginx\"}' -25h..-24h -1h..now -o today.html",
	 "a program against yesterday, as a flame graph"},
	{},
};

const struct options_command cmd_diff_options = {
	.name = "diff",
	.synopsis = "[OPTION...] A B",
	.summary = "Compare two ranges of the store: A, the base, and B.",
	.rows = rows,
	.n_rows = sizeof(rows) / sizeof(rows[0]),
	.notes = "A and B are ranges T..T of the store. Files cannot be compared yet: they are "
		 "refused.\n\n" QUESTION_NOTES,
	.examples = examples,
};

static struct question sides[2]; /* A, B */

static int check_side(const char *text, uint64_t now_ns, struct question *side, struct err *err)
{
	*side = question;
	if (!strstr(text, "..") && access(text, F_OK) == 0)
		return err_set(err, -EINVAL,
			       "%s is a file; only ranges T..T of the store can be compared yet",
			       text);
	return range_parse(text, now_ns, &side->from_ns, &side->until_ns, err);
}

static bool compares(int f)
{
	return f == EXPORT_FOLDED || f == EXPORT_JSON || f == EXPORT_HTML || f == EXPORT_FLAME;
}

static int check(const struct options_result *given, struct err *err)
{
	int r;

	if (given->n_arguments != 2)
		return err_set(err, -EINVAL,
			       "two ranges are wanted, A and B: hearth diff -2h..-1h -1h..now");
	for (int i = 0; i < 2; i++) {
		r = check_side(given->arguments[i], given->now_ns, &sides[i], err);
		if (r < 0)
			return r;
	}
	r = question_check(&question, err);
	if (r < 0)
		return r;
	if (output && strcmp(output, "-") == 0)
		output = NULL;
	r = formats_choose(&format, output, isatty(STDOUT_FILENO), err);
	if (r < 0)
		return r;
	if (!compares(format.format))
		return err_set(err, -EINVAL,
			       "%s cannot hold a comparison; folded, json, html and flame can",
			       export_format_name((enum export_format)format.format));
	return 0;
}

static int encode(const struct profile *a, const struct profile *b, struct buf *out,
		  struct err *err)
{
	struct export_options how = {.base = a, .version = HEARTH_VERSION};
	struct winsize size = {};

	if (!format.table)
		return export_write((enum export_format)format.format, b, &how, out, err);
	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	if (diff_table_write(a, b, size.ws_row > 12 ? size.ws_row - 8u : 20,
			     size.ws_col >= 40 ? size.ws_col : 80, out) < 0)
		return err_set(err, -ENOMEM, "no memory for the table");
	return 0;
}

/* json shows labels; the others only what comm and the stack say. */
static const char *const *merge_by(void)
{
	static const char *const comm[] = {"comm", NULL};

	return format.format == EXPORT_JSON ? NULL : comm;
}

static int run(struct err *err)
{
	struct profile *p[2] = {};
	struct output to;
	struct buf out;
	int r = output_open(output, &to, err);

	if (r < 0)
		return r;
	buf_init(&out, EXPORT_BYTES_MAX);
	for (int i = 0; i < 2 && r >= 0; i++)
		r = question_ask(&sides[i], merge_by(), 0, &p[i], err);
	if (r >= 0)
		r = encode(p[0], p[1], &out, err);
	if (r >= 0)
		r = output_write(&to, out.data, out.len, err);
	if (r >= 0)
		r = output_commit(&to, err);
	output_discard(&to);
	buf_done(&out);
	profile_free(p[0]);
	profile_free(p[1]);
	return r;
}

int cmd_diff(int argc, char **argv)
{
	struct options_result given;
	struct err err = {};
	int r = options_parse(&cmd_diff_options, argc, argv, &given, &err);

	if (r != 0)
		return options_exit(&cmd_diff_options, r, &err);
	if (check(&given, &err) < 0)
		return cmd_misused(&cmd_diff_options, &err);
	return run(&err) < 0 ? cmd_failed(&err) : 0;
}
