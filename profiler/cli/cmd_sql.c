/* `hearth sql`: one SELECT over the samples of a store, as a table, CSV or JSON. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "profiler/base/cleanup.h"
#include "profiler/base/quantity.h"
#include "profiler/cli/answer.h"
#include "profiler/cli/cmd.h"
#include "profiler/cli/output.h"
#include "storage/sql.h"

#define TIME_LIMIT_NS (60 * 1000000000ull)

static const char *store_path = CMD_STORE_DEFAULT, *output;
static enum answer_format format = ANSWER_TABLE;
static uint64_t time_limit_ns = TIME_LIMIT_NS;

static const struct options_row rows[] = {
	{.name = "store",
	 .kind = OPTIONS_TEXT,
	 .argument = "FILE",
	 .to = &store_path,
	 .help = "the store to read; " CMD_STORE_DEFAULT " unless told"},
	ANSWER_FORMAT_ROW(format),
	{.name = "time-limit",
	 .kind = OPTIONS_SECONDS,
	 .argument = "DUR",
	 .to = &time_limit_ns,
	 .help = "give up after this time; otherwise 60s"},
	ANSWER_OUTPUT_ROW(output),
};

static const struct options_example examples[] = {
	{"hearth sql 'SELECT comm, sum(count) FROM samples GROUP BY comm ORDER BY 2 DESC'",
	 "samples by program"},
	{"hearth sql 'SELECT time_ms / 1000 AS second, sum(count) FROM samples"
	 "('\\''{container=~\"web.*\"}'\\'') WHERE time_ms >= 1795000000000 GROUP BY 1'",
	 "by second, from a moment on, of some containers"},
	{"hearth sql 'SELECT function, sum(n) FROM (SELECT stack, sum(count) AS n FROM samples "
	 "GROUP BY stack) JOIN frames USING (stack) WHERE depth = 0 GROUP BY 1 ORDER BY 2 DESC'",
	 "functions by their own samples"},
	{},
};

const struct options_command cmd_sql_options = {
	.name = "sql",
	.synopsis = "[OPTION...] STATEMENT",
	.summary = "Ask a store in SQL: one SELECT over its samples, stacks, frames, labels and "
		   "objects. Nothing else is allowed.",
	.rows = rows,
	.n_rows = sizeof(rows) / sizeof(rows[0]),
	.notes = "samples: time_ms, count, period_ns, stack, labels, and pid, start, tid, comm, "
		 "thread, exe, cgroup, container, unit, uid, host. stacks: stack, parent, depth, "
		 "function, incomplete. frames: stack, depth (0 is the leaf), function, file, "
		 "line, kind, object, offset, system_name. labels: labels, name, value. objects: "
		 "object, kind, path, build_id.\n\n"
		 "Conditions on time_ms, equality of labels and samples('{SELECTOR}') are pushed "
		 "down into the store.\n\n"
		 "Exit status: 0 good, 1 failed, 2 wrong usage or wrong SQL.",
	.examples = examples,
};

struct ask {
	struct sql *sql;
	struct output to;
	struct answer answer;
};

static int add_row(void *arg, const struct sql_value *values, struct err *err)
{
	struct answer *a = &((struct ask *)arg)->answer;

	for (uint32_t i = 0; i < a->n_columns; i++)
		switch (values[i].type) {
		case SQL_NULL:
			answer_null(a);
			break;
		case SQL_INTEGER:
			answer_i64(a, values[i].integer);
			break;
		case SQL_REAL:
			answer_double(a, values[i].real);
			break;
		case SQL_TEXT:
			answer_text(a, values[i].text, values[i].len);
			break;
		}
	return answer_row(a, err);
}

static int begin(struct ask *a, struct err *err)
{
	const char *names[ANSWER_COLUMNS_MAX];
	uint32_t n = sql_columns(a->sql);
	int r;

	if (n > ANSWER_COLUMNS_MAX)
		return err_set(err, -E2BIG, "more than %d columns", ANSWER_COLUMNS_MAX);
	for (uint32_t i = 0; i < n; i++)
		names[i] = sql_column_name(a->sql, i);
	r = answer_begin(&a->answer, format, names, n, output_write_answer, &a->to);
	return r < 0 ? err_set(err, r, "%s", strerror(-r)) : 0;
}

static int run(struct ask *a, struct err *err)
{
	struct sql_ask ask = {.store = store_path, .row = add_row, .arg = a};
	uint64_t lost = 0;
	int r = output_open(output, &a->to, err);

	if (r < 0)
		return r;
	ask.deadline_ns = quantity_monotonic_ns() + time_limit_ns;
	r = begin(a, err);
	if (r >= 0)
		r = sql_run(a->sql, &ask, &lost, err);
	if (r >= 0)
		r = answer_end(&a->answer, err);
	if (r >= 0)
		r = output_commit(&a->to, err);
	if (r >= 0 && lost)
		fprintf(stderr,
			"hearth: %" PRIu64 " samples of that range were lost or are "
			"damaged; hearth status says why\n",
			lost);
	output_discard(&a->to);
	answer_done(&a->answer);
	return r;
}

int cmd_sql(int argc, char **argv)
{
	struct ask ask = {};
	struct options_result given;
	struct err err = {};
	int r = options_parse(&cmd_sql_options, argc, argv, &given, &err);

	if (r != 0)
		return options_exit(&cmd_sql_options, r, &err);
	if (given.n_arguments != 1) {
		err_set(&err, -EINVAL, "one STATEMENT is wanted: hearth sql 'SELECT ...'");
		return cmd_misused(&cmd_sql_options, &err);
	}
	if (output && strcmp(output, "-") == 0)
		output = NULL;
	if (sql_prepare(given.arguments[0], &ask.sql, &err) < 0)
		return cmd_misused(&cmd_sql_options, &err);
	r = run(&ask, &err);
	sql_free(ask.sql);
	return r < 0 ? cmd_failed(&err) : 0;
}
