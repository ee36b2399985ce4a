/* `hearth query`: series, top functions and labels of a store, as a table, CSV or JSON. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "profiler/base/cleanup.h"
#include "profiler/cli/answer.h"
#include "profiler/cli/cmd.h"
#include "profiler/cli/output.h"
#include "profiler/cli/question.h"
#include "storage/store.h"

#define NS_PER_S    1000000000ull
#define NS_PER_MS   1000000ull
#define TOP_DEFAULT 40 /* rows of a table */

static struct question question = {.store = CMD_STORE_DEFAULT};
static enum answer_format format = ANSWER_TABLE;
static const char *by, *output, *of; /* of: the label, or the function */
static uint64_t step_ns;
static uint32_t limit;

static const struct options_row rows[] = {
	QUESTION_STORE_ROW(question),
	QUESTION_FROM_ROW(question),
	QUESTION_UNTIL_ROW(question),
	QUESTION_MATCH_ROW(question),
	{.name = "by",
	 .kind = OPTIONS_TEXT,
	 .argument = "LABEL",
	 .to = &by,
	 .help = "series: a line for each value of this label"},
	{.name = "step",
	 .kind = OPTIONS_SECONDS,
	 .argument = "DUR",
	 .to = &step_ns,
	 .help = "series: time between two rows of a line; otherwise chosen for about 300"},
	{.name = "limit",
	 .kind = OPTIONS_NUMBER,
	 .argument = "N",
	 .to = &limit,
	 .min = 1,
	 .max = UINT32_MAX,
	 .help = "not of series: at most N rows, and what the others weigh; otherwise 40 of top in "
		 "a "
		 "table, else all"},
	ANSWER_FORMAT_ROW(format),
	ANSWER_OUTPUT_ROW(output),
};

static const struct options_example examples[] = {
	{"hearth query series --from -1h --by comm --step 60s", "CPU time by program and minute"},
	{"hearth query top --from -15m --match '{comm=\"postgres\"}'",
	 "the functions of one program"},
	{"hearth query labels container --from -1d --format json", "containers of a day"},
	{},
};

const struct options_command cmd_query_options = {
	.name = "query",
	.synopsis = "[OPTION...] series|top|callers FUNCTION|callees FUNCTION|labels [LABEL]",
	.summary =
		"Ask a store: samples over time, the top functions, who calls a FUNCTION and whom "
		"it calls, or which labels there are and which values a LABEL has. It works "
		"while the daemon runs, and without it.",
	.rows = rows,
	.n_rows = sizeof(rows) / sizeof(rows[0]),
	.notes =
		"What an answer leaves out is told with its weight: on stderr, in JSON as more.\n\n"
		"JSON is {\"version\": 1, \"columns\": [...], \"rows\": [[...], ...]}. "
		"cpu_s is seconds of CPU time; it is left empty where nobody told what a sample "
		"stands for.\n\n" QUESTION_NOTES,
	.examples = examples,
};

/* ---- what all answers share ---- */

struct ask {
	struct store *store;
	struct store_query query;
	struct output to;
	struct answer answer;
	uint64_t samples;
};

static int begin(struct ask *a, const char *const *names, uint32_t n)
{
	return answer_begin(&a->answer, format, names, n, output_write_answer, &a->to);
}

static void add_str(struct ask *a, const char *s)
{
	answer_text(&a->answer, s, strlen(s));
}

static void add_cpu(struct ask *a, uint64_t samples, uint64_t period_ns)
{
	if (period_ns)
		answer_double(&a->answer, (double)samples * (double)period_ns / 1e9);
	else
		answer_null(&a->answer);
}

static bool is_above_limit(struct ask *a, uint64_t row, uint64_t weight)
{
	if (!limit || row < limit)
		return false;
	a->answer.rest_rows++;
	a->answer.rest_samples += weight;
	return true;
}

/* ---- series ---- */

static void add_time(struct ask *a, uint64_t ns)
{
	time_t seconds = (time_t)(ns / NS_PER_S);
	char text[48] = "", with_ms[64];
	struct tm tm;

	if (gmtime_r(&seconds, &tm))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(with_ms, sizeof(with_ms), "%s.%03uZ", text,
		 (unsigned int)(ns % NS_PER_S / NS_PER_MS));
	add_str(a, with_ms);
}

static int answer_series(struct ask *a, struct err *err)
{
	_cleanup_(store_series_done) struct store_series s = {};
	const char *with[] = {"time", by, "samples", "cpu_s"};
	const char *without[] = {"time", "samples", "cpu_s"};
	int r = store_query_series(a->store, &a->query, step_ns, by, &s, err);

	if (r >= 0)
		r = by ? begin(a, with, 4) : begin(a, without, 3);
	for (size_t line = 0; line < s.n_lines && r >= 0; line++) {
		a->samples += s.lines[line].total;
		for (uint32_t i = 0; i < s.n_steps && r >= 0; i++) {
			add_time(a, s.start_ns + i * s.step_ns);
			if (by)
				add_str(a, s.lines[line].label);
			answer_u64(&a->answer, s.lines[line].count[i]);
			add_cpu(a, s.lines[line].count[i], s.period_ns);
			r = answer_row(&a->answer, err);
		}
	}
	a->answer.rest_rows = s.more_lines * s.n_steps;
	a->answer.rest_samples = s.more_count;
	return r;
}

/* ---- top ---- */

static int add_functions(struct ask *a, const struct store_functions *f, struct err *err)
{
	int r = 0;

	if (!limit && format == ANSWER_TABLE)
		limit = TOP_DEFAULT;
	for (size_t i = 0; i < f->n && r >= 0; i++) {
		if (is_above_limit(a, i, f->functions[i].self))
			continue;
		answer_u64(&a->answer, f->functions[i].self);
		add_cpu(a, f->functions[i].self, f->period_ns);
		answer_u64(&a->answer, f->functions[i].total);
		add_cpu(a, f->functions[i].total, f->period_ns);
		add_str(a, f->functions[i].name);
		add_str(a, f->functions[i].object);
		r = answer_row(&a->answer, err);
	}
	return r;
}

static int answer_top(struct ask *a, struct err *err)
{
	static const char *const names[] = {"self",	   "self_cpu_s", "total",
					    "total_cpu_s", "function",	 "object"};
	_cleanup_(store_functions_done) struct store_functions f = {};
	int r = store_query_functions(a->store, &a->query, &f, err);

	a->samples = f.samples;
	if (r >= 0)
		r = begin(a, names, 6);
	return r < 0 ? r : add_functions(a, &f, err);
}

/* ---- callers and callees ---- */

static int add_neighbour(struct ask *a, size_t row, uint64_t samples, uint64_t period_ns,
			 const char *function, const char *object, struct err *err)
{
	if (is_above_limit(a, row, samples))
		return 0;
	answer_u64(&a->answer, samples);
	add_cpu(a, samples, period_ns);
	add_str(a, function);
	add_str(a, object);
	return answer_row(&a->answer, err);
}

/* What has no neighbour stands where its samples belong. */
static int add_neighbours(struct ask *a, const struct store_functions *f, const char *no_function,
			  struct err *err)
{
	bool due = f->no_neighbour > 0;
	size_t row = 0;
	int r = 0;

	for (size_t i = 0; i < f->n && r >= 0; i++) {
		if (due && f->functions[i].self < f->no_neighbour) {
			r = add_neighbour(a, row++, f->no_neighbour, f->period_ns, no_function, "",
					  err);
			due = false;
		}
		if (r >= 0)
			r = add_neighbour(a, row++, f->functions[i].self, f->period_ns,
					  f->functions[i].name, f->functions[i].object, err);
	}
	if (due && r >= 0)
		r = add_neighbour(a, row, f->no_neighbour, f->period_ns, no_function, "", err);
	return r;
}

static int answer_around(struct ask *a, bool callers, struct err *err)
{
	static const char *const names[] = {"samples", "cpu_s", "function", "object"};
	_cleanup_(store_functions_done) struct store_functions f = {};
	int r = store_query_neighbours(a->store, &a->query, of, callers, &f, err);

	a->samples = f.samples;
	if (r >= 0)
		r = begin(a, names, 4);
	if (r >= 0 && !f.is_known && f.samples)
		fprintf(stderr, "hearth: no sample has the function %s\n", of);
	return r < 0 ? r : add_neighbours(a, &f, callers ? "[none]" : "[self]", err);
}

static int answer_callers(struct ask *a, struct err *err)
{
	return answer_around(a, true, err);
}

static int answer_callees(struct ask *a, struct err *err)
{
	return answer_around(a, false, err);
}

/* ---- labels ---- */

static int answer_labels(struct ask *a, struct err *err)
{
	_cleanup_(store_values_done) struct store_values v = {};
	const char *names[] = {of ? of : "label", "samples"};
	int r = of ? store_query_label_values(a->store, &a->query, of, &v, err)
		   : store_query_labels(a->store, &a->query, &v, err);

	if (r >= 0)
		r = begin(a, names, 2);
	for (size_t i = 0; i < v.n && r >= 0; i++) {
		a->samples += v.count[i];
		/* A sample has many labels, but one value of each. */
		if (is_above_limit(a, i, of ? v.count[i] : 0))
			continue;
		add_str(a, v.value[i]);
		answer_u64(&a->answer, v.count[i]);
		r = answer_row(&a->answer, err);
	}
	return r;
}

/* ---- the command ---- */

static const struct what {
	const char *name;
	int (*answer)(struct ask *a, struct err *err);
	bool takes_argument, wants_argument, takes_step, takes_limit;
} whats[] = {
	{"series", answer_series, .takes_step = true},
	{"top", answer_top, .takes_limit = true},
	{"callers", answer_callers, .takes_argument = true, .wants_argument = true,
	 .takes_limit = true},
	{"callees", answer_callees, .takes_argument = true, .wants_argument = true,
	 .takes_limit = true},
	{"labels", answer_labels, .takes_argument = true, .takes_limit = true},
};

static const struct what *find_what(const char *name)
{
	for (size_t i = 0; i < sizeof(whats) / sizeof(whats[0]); i++)
		if (!strcmp(whats[i].name, name))
			return &whats[i];
	return NULL;
}

static int check(const struct options_result *given, const struct what **ret, struct err *err)
{
	const struct what *w = given->n_arguments ? find_what(given->arguments[0]) : NULL;

	if (!w)
		return err_set(err, -EINVAL,
			       "what is asked: series, top, callers, callees or labels?");
	if (given->n_arguments > (w->takes_argument ? 2u : 1u))
		return err_set(err, -EINVAL, "%s takes no %s", w->name,
			       given->arguments[w->takes_argument ? 2 : 1]);
	if (w->wants_argument && given->n_arguments < 2)
		return err_set(err, -EINVAL, "%s of which FUNCTION?", w->name);
	if ((by || step_ns) && !w->takes_step)
		return err_set(err, -EINVAL, "--by and --step are for series");
	if (limit && !w->takes_limit)
		return err_set(err, -EINVAL, "--limit is not for series");
	if (given->n_arguments > 1)
		of = given->arguments[1];
	if (output && strcmp(output, "-") == 0)
		output = NULL;
	*ret = w;
	return question_check(&question, err);
}

static void tell(const struct ask *a)
{
	if (!a->samples)
		question_tell_empty(&question);
	if (!a->answer.rest_rows || format == ANSWER_JSON)
		return;
	fprintf(stderr, "hearth: and %" PRIu64 " more rows", a->answer.rest_rows);
	if (a->answer.rest_samples)
		fprintf(stderr, ", with %" PRIu64 " samples", a->answer.rest_samples);
	fputc('\n', stderr);
}

static int run(const struct what *w, struct err *err)
{
	struct ask a = {};
	int r = output_open(output, &a.to, err);

	if (r < 0)
		return r;
	r = question_open(&question, &a.store, &a.query, err);
	if (r >= 0)
		r = w->answer(&a, err);
	if (r >= 0)
		r = answer_end(&a.answer, err);
	if (r >= 0)
		r = output_commit(&a.to, err);
	if (r >= 0)
		tell(&a);
	else if (err->code == 0)
		err_set(err, r, "%s: %s", w->name, strerror(-r));
	output_discard(&a.to);
	answer_done(&a.answer);
	store_close(a.store);
	return r;
}

int cmd_query(int argc, char **argv)
{
	const struct what *w = NULL;
	struct options_result given;
	struct err err = {};
	int r = options_parse(&cmd_query_options, argc, argv, &given, &err);

	if (r != 0)
		return options_exit(&cmd_query_options, r, &err);
	if (check(&given, &w, &err) < 0)
		return cmd_misused(&cmd_query_options, &err);
	return run(w, &err) < 0 ? cmd_failed(&err) : 0;
}
