/* `hearth unwind-table`: what the table compiler makes of ELF files, and whether libdw agrees. */
#include <errno.h>
#include <stdio.h>

#include "profiler/base/json.h"
#include "profiler/cli/cmd.h"
#include "profiler/cli/table_report.h"
#include "profiler/cli/table_worker.h"

#define REPORT_BYTES_MAX (256u << 20)

static bool verify, as_json;

static const struct options_row rows[] = {
	{.name = "verify",
	 .kind = OPTIONS_FLAG,
	 .to = &verify,
	 .help = "compare with libdw's own answer at every address where the rules change"},
	{.name = "json", .kind = OPTIONS_FLAG, .to = &as_json, .help = "as JSON, for scripts"},
};

static const struct options_example examples[] = {
	{"hearth unwind-table /usr/lib/x86_64-linux-gnu/libc.so.6",
	 "how many rows, how large, of which kinds"},
	{"hearth unwind-table --verify /usr/bin/python3", "and whether libdw says the same"},
	{},
};

const struct options_command cmd_unwind_table_options = {
	.name = "unwind-table",
	.synopsis = "[OPTION...] FILE...",
	.summary = "Compile the call frame information of ELF files into the tables by which "
		   "stacks are walked in the kernel, and report. The files are parsed in the "
		   "jail, also for root.",
	.rows = rows,
	.n_rows = sizeof(rows) / sizeof(rows[0]),
	.notes = "A file without call frame information, or one that cannot have a table (a "
		 "relocatable object, another machine), is named and passes.\n\n"
		 "Exit status: 0 good; 1 a file could not be read, is no ELF file or hopelessly "
		 "corrupt, or has mismatches; 2 wrong usage.",
	.examples = examples,
};

struct report {
	struct buf out;
	struct json json;
};

static void begin(struct report *r)
{
	buf_init(&r->out, REPORT_BYTES_MAX);
	if (!as_json)
		return;
	json_init(&r->json, &r->out);
	json_object_begin(&r->json);
	json_kv_u64(&r->json, "version", 1);
	json_key(&r->json, "files");
	json_array_begin(&r->json);
}

static void failed_as_json(struct report *r, const char *path, const struct err *err)
{
	json_object_begin(&r->json);
	json_kv_str(&r->json, "path", path);
	json_kv_str(&r->json, "error", err_text(err));
	json_object_end(&r->json);
}

/* Words leave file by file: the next one may take a while. */
static void flush(struct report *r)
{
	fputs(buf_str(&r->out), stdout);
	fflush(stdout);
	buf_clear(&r->out);
}

static int end(struct report *r, int status)
{
	if (as_json) {
		json_array_end(&r->json);
		json_object_end(&r->json);
		buf_add_char(&r->out, '\n');
		flush(r);
	}
	buf_done(&r->out);
	return status;
}

/* The exit status. */
static int report_file(struct elf_worker *w, struct report *r, const char *path)
{
	struct protocol_table t = {};
	struct err err = {};
	int status;

	if (table_worker_ask(w, path, verify ? PROTOCOL_TABLE_VERIFY : 0, &t, &err) < 0) {
		if (as_json)
			failed_as_json(r, path, &err);
		return cmd_failed(&err);
	}
	if (as_json)
		table_report_json(path, &t, &r->json);
	else
		table_report_words(path, &t, &r->out);
	status = t.judged && t.verdict.mismatches ? 1 : 0;
	protocol_table_done(&t);
	if (!as_json)
		flush(r);
	return status;
}

int cmd_unwind_table(int argc, char **argv)
{
	struct elf_worker worker;
	struct options_result given;
	struct report report;
	struct err err = {};
	int status = 0;
	int r = options_parse(&cmd_unwind_table_options, argc, argv, &given, &err);

	if (r != 0)
		return options_exit(&cmd_unwind_table_options, r, &err);
	if (given.n_arguments == 0) {
		err_set(&err, -EINVAL, "which FILE?");
		return cmd_misused(&cmd_unwind_table_options, &err);
	}
	table_worker_init(&worker);
	begin(&report);
	for (size_t i = 0; i < given.n_arguments; i++)
		status |= report_file(&worker, &report, given.arguments[i]);
	elf_worker_done(&worker);
	return end(&report, status);
}
