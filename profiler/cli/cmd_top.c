/*
 * `hearth top`: what the host is busy with, live in a terminal; without one, or with -n, as text.
 *
 * It reads the store that the daemon writes, as `export` does: what is seen can be exported.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "profiler/base/cleanup.h"
#include "profiler/base/quantity.h"
#include "profiler/cli/cmd.h"
#include "profiler/cli/question.h"
#include "profiler/top/screen.h"
#include "profiler/top/view.h"
#include "storage/store.h"

#define NS_PER_MS	  UINT64_C(1000000)
#define NS_PER_S	  UINT64_C(1000000000)
#define REFRESH_MS	  1000 /* the daemon commits once a second */
#define STORED_MS	  2000 /* by then a sample is in the store, with its name */
#define QUERY_S		  5
#define PRINTED_LINES	  45
#define PRINTED_COLUMNS	  120
#define PRINTED_TIMES_MAX 1000000
#define NOTE_BYTES	  512

static struct question question = {.store = CMD_STORE_DEFAULT};
static uint32_t pid, times;
static uint64_t window_ns = TOP_WINDOW_DEFAULT, until_ns;
static enum top_sort sort;
static enum top_by by;
static const char *filter;
static bool flame;

static const struct options_row rows[] = {
	QUESTION_STORE_ROW(question),
	QUESTION_MATCH_ROW(question),
	{.name = "pid",
	 .letter = 'p',
	 .kind = OPTIONS_NUMBER,
	 .argument = "PID",
	 .to = &pid,
	 .min = 1,
	 .max = UINT32_MAX,
	 .help = "samples of this process only"},
	{.name = "window",
	 .kind = OPTIONS_SECONDS,
	 .argument = "DUR",
	 .to = &window_ns,
	 .help = "how much time is shown; 10s unless told"},
	{.name = "until",
	 .kind = OPTIONS_TIME,
	 .argument = "T",
	 .to = &until_ns,
	 .help = "the range ends there, and stands still; otherwise it follows now"},
	{.name = "by",
	 .kind = OPTIONS_PARSED,
	 .argument = "WHAT",
	 .to = &by,
	 .parse = top_by_parse,
	 .help = "functions told apart by program, process, thread, container or unit; all "
		 "together unless told"},
	{.name = "sort",
	 .kind = OPTIONS_PARSED,
	 .argument = "ORDER",
	 .to = &sort,
	 .parse = top_sort_parse,
	 .help = "self, total or name; self unless told"},
	{.name = "filter",
	 .kind = OPTIONS_TEXT,
	 .argument = "REGEX",
	 .to = &filter,
	 .help = "functions whose name has a match of this extended regular expression, and "
		 "stacks with one; case matters only where it has capitals"},
	{.name = "flame",
	 .kind = OPTIONS_FLAG,
	 .to = &flame,
	 .help = "begin with the flame graph, not with the table"},
	{.name = "times",
	 .letter = 'n',
	 .kind = OPTIONS_NUMBER,
	 .argument = "COUNT",
	 .to = &times,
	 .min = 1,
	 .max = PRINTED_TIMES_MAX,
	 .help = "print it so many times as text, a window apart, and end; once where there is no "
		 "terminal to draw on"},
};

static const struct options_example examples[] = {
	{"hearth top", "what this host is busy with, live"},
	{"hearth top --by process --match '{comm=\"postgres\"}'", "one program, by process"},
	{"hearth top -n 1 --until 2026-11-20T03:12:00Z --window 60s",
	 "a minute of last night, as text"},
	{},
};

const struct options_command cmd_top_options = {
	.name = "top",
	.synopsis = "[OPTION...]",
	.summary = "Show the busiest functions of the last seconds, live in the terminal, as a "
		   "table or as a flame graph of text. It reads what the daemon stores.",
	.rows = rows,
	.n_rows = sizeof(rows) / sizeof(rows[0]),
	.notes = "Keys: f the flame graph or the table, / a filter, Space pause, [ and ] earlier "
		 "and "
		 "later, + and - a longer or shorter range, s the order, g what functions are told "
		 "apart by, arrows, PgUp, PgDn, Enter zooms into a frame and Backspace out, ? all "
		 "of "
		 "them, q the end.\n\n"
		 "Without a daemon the store's last seconds are shown. A terminal without colours, "
		 "and NO_COLOR, are respected.\n\n" QUESTION_NOTES,
	.examples = examples,
};

struct live {
	struct store *store;
	char match[64]; /* of --pid */
	struct top_view view;
	struct top_model model;
	bool has_model;
};

static int check(const struct options_result *given, struct live *l, struct err *err)
{
	int r = cmd_no_arguments(given, err);

	if (r == 0 && pid && question.match)
		r = err_set(err, -EINVAL, "--pid and --match: add pid=\"%u\" to --match", pid);
	if (r < 0)
		return r;
	if (pid) {
		snprintf(l->match, sizeof(l->match), "{pid=\"%u\"}", pid);
		question.match = l->match;
	}
	r = question_check(&question, err);
	if (r < 0)
		return r;
	l->view.window_ns = window_ns;
	l->view.until_ns = until_ns;
	l->view.by = by;
	l->view.sort = sort;
	l->view.flame = flame;
	return filter ? top_view_filter(&l->view, filter, err) : 0;
}

/* ---- samples ---- */

/*
 * Where a range that follows ends: as late as all samples have come, so that its shares are whole;
 * or where nobody writes, where the store ends.
 */
static int end_of_range(struct live *l, uint64_t *ret_ns, struct err *err)
{
	struct store_summary summary;
	char note[NOTE_BYTES];
	int r;

	*ret_ns = quantity_now_ns() - STORED_MS * NS_PER_MS;
	l->view.no_daemon = false;
	if (store_lock_read(question.store, note, sizeof(note)) != -ENOENT)
		return 0;
	r = store_summary(l->store, &summary, err);
	if (r < 0)
		return r;
	if (summary.until_ns)
		*ret_ns = summary.until_ns;
	store_summary_done(&summary);
	l->view.no_daemon = true;
	return 0;
}

static void take_model(struct live *l, const struct top_model *m)
{
	if (l->has_model)
		top_model_done(&l->model);
	l->model = *m;
	l->has_model = true;
}

static int ask(struct live *l, struct err *err)
{
	struct store_query query = {.match = question.match, .until_ns = l->view.until_ns};
	struct profile *p = NULL;
	struct top_model m;
	int r = 0;

	if (!query.until_ns)
		r = end_of_range(l, &query.until_ns, err);
	if (r < 0)
		return r;
	query.until_ns -= query.until_ns % NS_PER_MS;
	query.from_ns = query.until_ns > l->view.window_ns ? query.until_ns - l->view.window_ns : 0;
	query.deadline_ns = quantity_monotonic_ns() + QUERY_S * NS_PER_S;
	r = store_query_profile(l->store, &query, top_view_labels(&l->view), false, &p, err);
	if (r < 0)
		return r;
	r = top_view_model(&l->view, p, &m);
	if (r < 0) {
		top_model_done(&m);
		return err_set(err, r, "no memory for so many samples");
	}
	take_model(l, &m);
	return 0;
}

/* With another filter: the same samples. */
static int count_again(struct live *l, struct err *err)
{
	struct top_model m;
	int r = top_view_model(&l->view, steal_ptr(l->model.profile), &m);

	take_model(l, &m);
	return r < 0 ? err_set(err, r, "no memory for the filter") : 0;
}

/* ---- as text ---- */

static void size_of_text(struct top_view *v)
{
	struct winsize size = {};

	v->lines = PRINTED_LINES;
	v->columns = PRINTED_COLUMNS;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 8 && size.ws_col >= 40) {
		v->lines = size.ws_row;
		v->columns = size.ws_col;
	}
}

static int print_one(struct live *l, struct err *err)
{
	_cleanup_(buf_done) struct buf text;
	struct top_page page;
	int r = ask(l, err);

	if (r < 0)
		return r;
	buf_init(&text, 2 * (size_t)TOP_PAGE_BYTES_MAX);
	top_page_init(&page);
	r = top_view_print(&l->view, &l->model, &page);
	if (r >= 0)
		r = top_page_print(&page, &text);
	top_page_done(&page);
	if (r < 0)
		return err_set(err, r, "no memory for the page");
	if (fwrite(text.data, 1, text.len, stdout) != text.len || fflush(stdout) != 0)
		return err_set(err, -EIO, "cannot write to stdout");
	return 0;
}

static int print_all(struct live *l, struct err *err)
{
	struct timespec pause = {.tv_sec = (time_t)(l->view.window_ns / NS_PER_S),
				 .tv_nsec = (long)(l->view.window_ns % NS_PER_S)};
	int r = 0;

	size_of_text(&l->view);
	for (uint32_t i = 0; i < (times ? times : 1) && r >= 0; i++) {
		if (i)
			clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
		r = print_one(l, err);
	}
	return r;
}

/* ---- live ---- */

static int draw(struct live *l, struct top_page *page, struct err *err)
{
	top_screen_size(&l->view.lines, &l->view.columns);
	if (top_view_draw(&l->view, &l->model, page) < 0)
		return err_set(err, -ENOMEM, "no memory for the page");
	top_screen_draw(page);
	return 0;
}

/* What fails later than the first time is told on the page, and tried again. */
static void refresh_range(struct live *l)
{
	struct err err = {};

	if (ask(l, &err) < 0)
		snprintf(l->view.message, sizeof(l->view.message), "%s", err_text(&err));
}

/* Until the next moment to ask, or a key. */
static int wait_for_key(uint64_t due_ns)
{
	uint64_t now_ns = quantity_monotonic_ns();

	return top_screen_key(due_ns > now_ns ? (int)((due_ns - now_ns) / NS_PER_MS) + 1 : 0);
}

static int show(struct live *l, struct top_page *page, struct err *err)
{
	uint64_t due_ns = quantity_monotonic_ns() + REFRESH_MS * NS_PER_MS;
	int r = draw(l, page, err);

	while (r >= 0) {
		int key = wait_for_key(due_ns);
		enum top_todo todo = TOP_ASK;

		if (key != TOP_KEY_NONE)
			todo = top_view_key(&l->view, &l->model, key, quantity_now_ns());
		else if (quantity_monotonic_ns() < due_ns)
			continue;
		else if (l->view.until_ns)
			todo = TOP_DRAW;
		if (todo == TOP_QUIT)
			return 0;
		if (todo == TOP_COUNT)
			r = count_again(l, err);
		else if (todo == TOP_ASK)
			refresh_range(l);
		if (todo == TOP_ASK || key == TOP_KEY_NONE)
			due_ns = quantity_monotonic_ns() + REFRESH_MS * NS_PER_MS;
		if (r >= 0)
			r = draw(l, page, err);
	}
	return r;
}

static int run_live(struct live *l, struct err *err)
{
	struct top_page page;
	int r = ask(l, err);

	if (r >= 0)
		r = top_screen_open(err);
	if (r < 0)
		return r;
	top_page_init(&page);
	r = show(l, &page, err);
	top_page_done(&page);
	top_screen_close();
	if (r >= 0 && top_screen_signal() && top_screen_signal() != SIGINT)
		return 128 + top_screen_signal();
	return r;
}

/* The exit status, or negative errno. */
static int run(struct live *l, struct err *err)
{
	int r = store_open_reader(question.store, &l->store, err);

	if (r < 0)
		return r;
	if (!times && top_screen_is_possible())
		r = run_live(l, err);
	else
		r = print_all(l, err);
	if (l->has_model)
		top_model_done(&l->model);
	store_close(l->store);
	return r;
}

int cmd_top(int argc, char **argv)
{
	static struct live l;
	struct options_result given;
	struct err err = {};
	int r = options_parse(&cmd_top_options, argc, argv, &given, &err);

	if (r != 0)
		return options_exit(&cmd_top_options, r, &err);
	top_view_init(&l.view);
	r = check(&given, &l, &err);
	if (r < 0)
		return cmd_misused(&cmd_top_options, &err);
	r = run(&l, &err);
	top_view_done(&l.view);
	return r < 0 ? cmd_failed(&err) : r;
}
