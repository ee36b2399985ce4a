/* `hearth export`: a range of the store, in any format. */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "profiler/base/cleanup.h"
#include "profiler/cli/cmd.h"
#include "profiler/cli/formats.h"
#include "profiler/cli/output.h"
#include "profiler/cli/question.h"
#include "storage/store.h"
#include "web/export/export.h"

static struct question question = {.store = CMD_STORE_DEFAULT};
static struct formats_choice format = {.format = -1};
static const char *output;

struct by {
	const char *name[EXPORT_BY_MAX + 1];
	size_t n;
};
static struct by by;

static int add_by(const char *text, void *to, struct err *err)
{
	struct by *b = to;

	for (const char *at = text; *at || at == text; at++)
		if (!isalpha((unsigned char)*at) && *at != '_' &&
		    (at == text || !isdigit((unsigned char)*at)))
			return err_set(
				err, -EINVAL,
				"\"%s\" is not the name of a label, such as comm, pid or container",
				text);
	if (b->n == EXPORT_BY_MAX)
		return err_set(err, -E2BIG, "more than %d labels", EXPORT_BY_MAX);
	b->name[b->n++] = text;
	return 0;
}

static const struct options_row rows[] = {
	QUESTION_STORE_ROW(question),
	QUESTION_FROM_ROW(question),
	QUESTION_UNTIL_ROW(question),
	QUESTION_MATCH_ROW(question),
	{.name = "format",
	 .kind = OPTIONS_PARSED,
	 .argument = "FMT",
	 .to = &format.format,
	 .parse = formats_parse,
	 .help = FORMATS_ALL
	 "; otherwise what the ending of FILE says, a table on a terminal, else folded"},
	{.name = "by",
	 .kind = OPTIONS_PARSED,
	 .argument = "LABEL",
	 .to = &by,
	 .parse = add_by,
	 .repeatable = true,
	 .help = "folded, flame, html: begin each stack with this label in place of comm; "
		 "repeatable"},
	{.name = "output",
	 .letter = 'o',
	 .kind = OPTIONS_TEXT,
	 .argument = "FILE",
	 .to = &output,
	 .help = "write there; it is replaced when the export is complete"},
};

static const struct options_example examples[] = {
	{"hearth export --from -15m", "the last quarter of an hour: a table on the terminal"},
	{"hearth export --from -1d --match '{comm=\"postgres\"}' -o pg.pb.gz",
	 "a day of one program, for `go tool pprof`"},
	{"hearth export --from 2026-11-20T03:12:00Z --until 2026-11-20T03:13:00Z -o spike.html",
	 "a minute of last night as a flame graph"},
	{"hearth export --from -1h --by container --format folded",
	 "by container, for other tools"},
	{},
};

const struct options_command cmd_export_options = {
	.name = "export",
	.synopsis = "[OPTION...]",
	.summary = "Write a range of the store as one profile. It works while the daemon runs, and "
		   "without it.",
	.rows = rows,
	.n_rows = sizeof(rows) / sizeof(rows[0]),
	.notes = QUESTION_NOTES,
	.examples = examples,
};

static bool hangs_below_labels(void)
{
	return format.format == EXPORT_FOLDED || format.format == EXPORT_FLAME ||
	       format.format == EXPORT_HTML;
}

static int check(const struct options_result *given, struct err *err)
{
	int r = cmd_no_arguments(given, err);

	if (r < 0)
		return r;
	if (output && strcmp(output, "-") == 0)
		output = NULL;
	r = question_check(&question, err);
	if (r < 0)
		return r;
	r = formats_choose(&format, output, isatty(STDOUT_FILENO), err);
	if (r < 0)
		return r;
	if (by.n && (format.table || !hangs_below_labels()))
		return err_set(err, -EINVAL, "--by is for --format folded, flame and html only");
	return 0;
}

/*
 * Which labels samples are told apart by: what the format shows, so that a merged profile is no
 * larger than needed.
 */
static const char *const *merge_by(void)
{
	static const char *const none[] = {NULL}, *const comm[] = {"comm", NULL};

	if (format.table)
		return none;
	if (hangs_below_labels())
		return by.n ? by.name : comm;
	return NULL;
}

static int write_table(const struct profile *p, struct buf *out, struct err *err)
{
	struct winsize size = {};

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	if (export_top_text(p, size.ws_row > 8 ? size.ws_row - 4u : 20,
			    size.ws_col >= 40 ? size.ws_col : 80, out) < 0)
		return err_set(err, -ENOMEM, "no memory for the table");
	return 0;
}

static int encode(const struct profile *p, struct buf *out, struct err *err)
{
	_cleanup_(buf_done) struct buf series, heatmap;
	struct export_options how = {
		.version = HEARTH_VERSION, .series = &series, .heatmap = &heatmap};
	int r = 0;

	buf_init(&series, EXPORT_BYTES_MAX);
	buf_init(&heatmap, EXPORT_BYTES_MAX);
	if (format.table)
		return write_table(p, out, err);
	memcpy(how.by, by.name, sizeof(how.by));
	if (format.format == EXPORT_HTML)
		r = question_times(&question, &series, &heatmap, err);
	return r < 0 ? r : export_write((enum export_format)format.format, p, &how, out, err);
}

static int run(struct err *err)
{
	uint64_t times_ns = format.table
				    ? EXPORT_TIMES_NEVER
				    : export_format_times_ns((enum export_format)format.format);
	struct profile *p = NULL;
	struct output to;
	struct buf out;
	int r;

	/* Opened first: a place that cannot be written is told before the work. */
	r = output_open(output, &to, err);
	if (r < 0)
		return r;
	buf_init(&out, EXPORT_BYTES_MAX);
	r = question_ask(&question, merge_by(), times_ns, &p, err);
	if (r >= 0)
		r = encode(p, &out, err);
	if (r >= 0)
		r = output_write(&to, out.data, out.len, err);
	if (r >= 0)
		r = output_commit(&to, err);
	output_discard(&to);
	buf_done(&out);
	profile_free(p);
	return r;
}

int cmd_export(int argc, char **argv)
{
	struct options_result given;
	struct err err = {};
	int r = options_parse(&cmd_export_options, argc, argv, &given, &err);

	if (r != 0)
		return options_exit(&cmd_export_options, r, &err);
	if (check(&given, &err) < 0)
		return cmd_misused(&cmd_export_options, &err);
	return run(&err) < 0 ? cmd_failed(&err) : 0;
}
