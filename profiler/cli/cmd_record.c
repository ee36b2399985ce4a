/* `hearth record`: its options; record_run() does the work. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "profiler/base/quantity.h"
#include "profiler/cli/cmd.h"
#include "profiler/cli/formats.h"
#include "profiler/record.h"

static struct record_options options = {.frequency_hz = CMD_FREQUENCY_DEFAULT,
					.servers.cache_bytes = DEBUG_SERVERS_CACHE_BYTES,
					.sandbox = true};
static struct formats_choice format = {.format = -1};
static const char *output;

static int add_pid(struct record_options *o, const char *text, struct err *err)
{
	uint64_t pid;

	/* The kernel's own limit, PID_MAX_LIMIT, is 2^22. */
	if (quantity_u64(text, 1, 1u << 22, &pid) < 0)
		return err_set(err, -EINVAL, "\"%s\" is not a process id", text);
	for (size_t i = 0; i < o->n_pids; i++)
		if (o->pids[i] == pid)
			return 0;
	if (o->n_pids == RECORD_PIDS_MAX)
		return err_set(err, -E2BIG, "more than %d processes", RECORD_PIDS_MAX);
	o->pids[o->n_pids++] = (uint32_t)pid;
	return 0;
}

/* PID,PID,... */
static int parse_pids(const char *text, void *to, struct err *err)
{
	char one[16];

	for (const char *at = text;; at++) {
		size_t len = strcspn(at, ",");
		int r;

		if (len == 0 || len >= sizeof(one))
			return err_set(err, -EINVAL,
				       "\"%s\" is not a list of process ids: PID,PID,...", text);
		memcpy(one, at, len);
		one[len] = '\0';
		r = add_pid(to, one, err);
		if (r < 0)
			return r;
		at += len;
		if (!*at)
			return 0;
	}
}

static const struct options_row rows[] = {
	{.name = "frequency",
	 .letter = 'F',
	 .kind = OPTIONS_NUMBER,
	 .argument = "HZ",
	 .to = &options.frequency_hz,
	 .min = CMD_FREQUENCY_MIN,
	 .max = CMD_FREQUENCY_MAX,
	 .help = "samples a second of each CPU, 19 to 10000; 99 unless told"},
	{.name = "duration",
	 .letter = 'd',
	 .kind = OPTIONS_SECONDS,
	 .argument = "SECONDS",
	 .to = &options.duration_ns,
	 .help = "how long: 10, 0.5, 15m; otherwise until Ctrl-C, the command's end, or the end of "
		 "all -p processes"},
	{.name = "pid",
	 .letter = 'p',
	 .kind = OPTIONS_PARSED,
	 .argument = "PID,...",
	 .to = &options,
	 .parse = parse_pids,
	 .repeatable = true,
	 .help = "these processes only, with all their threads, not their children"},
	{.name = "cgroup",
	 .kind = OPTIONS_TEXT,
	 .argument = "PATH",
	 .to = &options.cgroup,
	 .help = "this cgroup and those below it only: below /sys/fs/cgroup, or as "
		 "/proc/PID/cgroup shows it"},
	{.name = "user",
	 .kind = OPTIONS_FLAG,
	 .to = &options.user_only,
	 .help = "keep the user half of each stack only"},
	{.name = "kernel",
	 .kind = OPTIONS_FLAG,
	 .to = &options.kernel_only,
	 .help = "keep the kernel half of each stack only; no sample is dropped by either"},
	{.name = "format",
	 .kind = OPTIONS_PARSED,
	 .argument = "FMT",
	 .to = &format.format,
	 .parse = formats_parse,
	 .help = FORMATS_ALL
	 "; otherwise what the ending of FILE says, a table on a terminal, else folded"},
	{.name = "output",
	 .letter = 'o',
	 .kind = OPTIONS_TEXT,
	 .argument = "FILE",
	 .to = &output,
	 .help = "write there; it is replaced when the profile is complete"},
	{.name = "unwind",
	 .kind = OPTIONS_PARSED,
	 .argument = "MODE",
	 .to = &options.unwind,
	 .parse = unwind_mode_parse,
	 .help = "how user stacks are walked: auto (the best there is), fp (by frame pointers "
		 "only) "
		 "or snapshot (copied, and unwound by libunwind: the dearest)"},
	CMD_SERVERS_ROWS(&options.servers),
	{.name = "no-sandbox",
	 .kind = OPTIONS_FLAG_OFF,
	 .to = &options.sandbox,
	 .help = "name functions with full privileges; for debugging Hearth only"},
	{.name = "json",
	 .kind = OPTIONS_FLAG,
	 .to = &options.json,
	 .help = "the summary on stderr as JSON"},
};

static const struct options_example examples[] = {
	{"hearth record -d 10", "what the host is busy with: a table on the terminal"},
	{"hearth record -d 10 -o cpu.html",
	 "the same as a flame graph, one file that any browser opens"},
	{"hearth record -p $(pidof nginx | tr ' ' ,) -o nginx.pb.gz",
	 "processes, until Ctrl-C, for `go tool pprof`"},
	{"hearth record -F 999 -o make.folded -- make -j8", "a command and all that it starts"},
	{},
};

const struct options_command cmd_record_options = {
	.name = "record",
	.synopsis = "[OPTION...] [-- COMMAND ARG...]",
	.summary = "Sample CPUs and write one profile; no store and no daemon are needed. Nothing "
		   "selected: the whole host.",
	.rows = rows,
	.n_rows = sizeof(rows) / sizeof(rows[0]),
	.notes = "COMMAND keeps stdin, stdout, stderr, user and environment; -o is then required "
		 "unless stdout is a terminal, and "
		 "the exit status is COMMAND's (128+N for a signal, 127 not found, 126 not "
		 "executable). Otherwise: 0 good, "
		 "1 failed, 2 wrong usage.",
	.examples = examples,
};

static int check_command(const struct options_result *given, bool terminal, struct err *err)
{
	if (given->n_before_dashes > 0)
		return err_set(
			err, -EINVAL,
			"unexpected argument \"%s\"; a command follows --: hearth record -- %s",
			given->arguments[0], given->arguments[0]);
	if (given->dashes && given->n_arguments == 0)
		return err_set(err, -EINVAL, "-- without a command behind it");
	if (given->n_arguments == 0)
		return 0;
	if (options.n_pids || options.cgroup)
		return err_set(err, -EINVAL,
			       "a command is sampled with all that it starts: neither -p nor "
			       "--cgroup go with it");
	if (!options.output && !terminal)
		return err_set(err, -EINVAL,
			       "stdout is %s's: say with -o FILE where the profile goes",
			       given->arguments[0]);
	options.command = given->arguments;
	return 0;
}

static int check(const struct options_result *given, struct err *err)
{
	bool terminal = isatty(STDOUT_FILENO);
	int r;

	options.output = output && strcmp(output, "-") == 0 ? NULL : output;
	r = check_command(given, terminal, err);
	if (r < 0)
		return r;
	if (options.user_only && options.kernel_only)
		return err_set(err, -EINVAL,
			       "--user and --kernel exclude each other; without them both halves "
			       "are kept");
	if (options.n_pids && options.cgroup)
		return err_set(err, -EINVAL, "-p and --cgroup exclude each other");
	r = formats_choose(&format, options.output, terminal, err);
	if (r < 0)
		return r;
	options.format = (enum export_format)format.format;
	options.to_terminal = format.table;
	return 0;
}

int cmd_record(int argc, char **argv)
{
	struct options_result given;
	struct err err = {};
	int r = options_parse(&cmd_record_options, argc, argv, &given, &err);

	if (r != 0)
		return options_exit(&cmd_record_options, r, &err);
	if (check(&given, &err) < 0)
		return cmd_misused(&cmd_record_options, &err);
	cmd_servers_settle(&options.servers);
	return record_run(&options);
}
