/* `hearth diff`: two ranges of a store, or files, compared. */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "profiler/base/cleanup.h"
#include "profiler/cli/cmd.h"
#include "profiler/cli/diff_table.h"
#include "profiler/cli/file_profile.h"
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
	 .help = "folded (stack, samples in A, samples in B), pprof (A's samples negative, as of "
		 "go "
		 "tool pprof -diff_base), speedscope (A's profiles behind B's), json, html, flame; "
		 "otherwise what the ending of FILE says, a table on a terminal, else folded"},
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
	{"hearth diff before.pb.gz after.pb.gz -o change.html", "two files"},
	{},
};

const struct options_command cmd_diff_options = {
	.name = "diff",
	.synopsis = "[OPTION...] A B",
	.summary = "Compare A, the base, and B: ranges of the store, or files.",
	.rows = rows,
	.n_rows = sizeof(rows) / sizeof(rows[0]),
	.notes =
		"A and B are ranges T..T of the store, or files that hearth import takes: a pprof, "
		"folded stacks, the text of perf script, a sample stream of ours. A file is "
		"parsed in the jail, and whole; SELECTOR is for ranges.\n\n" QUESTION_NOTES,
	.examples = examples,
};

static struct side {
	const char *file; /* NULL: a range */
	struct question range;
} sides[2]; /* A, B */

static int check_side(const char *text, uint64_t now_ns, struct side *side, struct err *err)
{
	struct question *range = &side->range;
	int r;

	*range = question;
	r = range_parse(text, now_ns, &range->from_ns, &range->until_ns, err);
	if (r < 0 && access(text, F_OK) == 0) {
		side->file = text;
		return 0;
	}
	return r;
}

static int check(const struct options_result *given, struct err *err)
{
	int r;

	if (given->n_arguments != 2)
		return err_set(err, -EINVAL,
			       "two ranges or files are wanted, A and B: hearth diff -2h..-1h "
			       "-1h..now");
	for (int i = 0; i < 2; i++) {
		r = check_side(given->arguments[i], given->now_ns, &sides[i], err);
		if (r < 0)
			return r;
	}
	if (question.match && sides[0].file && sides[1].file)
		return err_set(err, -EINVAL, "--match is for ranges of the store, not for files");
	r = question_check(&question, err);
	if (r < 0)
		return r;
	if (output && strcmp(output, "-") == 0)
		output = NULL;
	r = formats_choose(&format, output, isatty(STDOUT_FILENO), err);
	if (r < 0)
		return r;
	if (!export_format_compares((enum export_format)format.format))
		return err_set(err, -EINVAL, "%s cannot hold a comparison; the other formats can",
			       export_format_name((enum export_format)format.format));
	return 0;
}

static int encode(const struct profile *a, const struct profile *b, struct buf *out,
		  struct err *err)
{
	_cleanup_(buf_done) struct buf series, heatmap;
	struct export_options how = {
		.base = a, .version = HEARTH_VERSION, .series = &series, .heatmap = &heatmap};
	struct winsize size = {};
	int r = 0;

	buf_init(&series, EXPORT_BYTES_MAX);
	buf_init(&heatmap, EXPORT_BYTES_MAX);
	if (!format.table && format.format == EXPORT_HTML && !sides[1].file)
		r = question_times(&sides[1].range, &series, &heatmap, err);
	if (!format.table)
		return r < 0 ? r
			     : export_write((enum export_format)format.format, b, &how, out, err);
	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	if (diff_table_write(a, b, size.ws_row > 12 ? size.ws_row - 8u : 20,
			     size.ws_col >= 40 ? size.ws_col : 80, out) < 0)
		return err_set(err, -ENOMEM, "no memory for the table");
	return 0;
}

/* Some formats show labels; the others only what comm and the stack say. */
static bool shows_labels(void)
{
	return !format.table && (format.format == EXPORT_JSON || format.format == EXPORT_PPROF ||
				 format.format == EXPORT_SPEEDSCOPE);
}

static int read_side(const struct side *side, struct profile **ret, struct err *err)
{
	static const char *const comm[] = {"comm", NULL};

	if (side->file)
		return file_profile_read(side->file, !shows_labels(), ret, err);
	return question_ask(&side->range, shows_labels() ? NULL : comm, 0, ret, err);
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
		r = read_side(&sides[i], &p[i], err);
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
