/*
 * `hearth record`: see record.h. record_run() tells the story: prepare what needs privileges, limit
 * them, sample, name, write.
 *
 * Signals, timers, processes and records are all descriptors of one epoll loop.
 */
#include "profiler/record.h"

#include "profiler/base/cleanup.h"
#include "profiler/base/quantity.h"
#include "profiler/collector/collector.h"
#include "profiler/collector/quality.h"
#include "profiler/command.h"
#include "profiler/features/features.h"
#include "profiler/jail/jail.h"
#include "profiler/cli/output.h"
#include "profiler/pid_watch.h"
#include "profiler/signals.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#define ROUND_MS	 100 /* how often the ring buffer is emptied */
#define SECOND_NS	 1000000000ull
#define NAMES_TIMEOUT_NS (30 * SECOND_NS) /* how long the end waits for names */
#define TABLE_ROWS	 40
#define TABLE_COLUMNS	 100

struct record {
	const struct record_options *options;
	struct collector *collector;
	struct command command;
	struct pid_watch *watch; /* the -p processes, NULL when none */
	struct output output;
	int signals;
	bool interrupted;
	uint64_t started_ns, deadline_ns; /* monotonic; deadline 0: none */
	uint64_t told_ns;
};

static int select_targets(struct record *rec, struct err *err)
{
	const struct record_options *o = rec->options;
	int r = 0;

	for (size_t i = 0; i < o->n_pids && r == 0; i++)
		r = collector_filter_pid(rec->collector, o->pids[i], false);
	if (r == 0 && rec->command.pid)
		r = collector_filter_pid(rec->collector, (uint32_t)rec->command.pid, true);
	if (r < 0)
		return err_set(err, r, "the processes could not be selected: %s", strerror(-r));
	return o->cgroup ? collector_filter_cgroup(rec->collector, o->cgroup, err) : 0;
}

/* Everything that needs privileges, then the limit on them, then the collector. */
static int prepare(struct record *rec, struct err *err)
{
	const struct record_options *o = rec->options;
	bool merge = export_format_times_ns(o->format) == EXPORT_TIMES_NEVER;
	struct collector_options c = {
		.frequency_hz = o->frequency_hz,
		.user = !o->kernel_only,
		.kernel = !o->user_only,
		.filter = o->n_pids || o->cgroup || o->command,
		.follow = o->command != NULL,
		.merge = merge || o->to_terminal,
		.servers = &o->servers,
		.unwind = o->unwind,
		.sandbox = o->sandbox,
	};
	int r;

	r = output_open(o->output, &rec->output, err);
	if (r == 0 && o->n_pids)
		r = pid_watch_new(o->pids, o->n_pids, &rec->watch, err);
	if (r == 0 && o->command)
		r = command_prepare(o->command, &rec->command, err);
	if (r == 0 && o->sandbox)
		r = jail_limit_collector(err);
	if (r == 0)
		r = collector_new(&c, &rec->collector, err);
	if (r == 0)
		r = select_targets(rec, err);
	return r;
}

static void tell_progress(struct record *rec, uint64_t now_ns, const char *what)
{
	struct collector_counts counts;

	if (!isatty(STDERR_FILENO) || rec->command.pid || now_ns < rec->told_ns + SECOND_NS / 2)
		return;
	rec->told_ns = now_ns;
	if (collector_counts(rec->collector, &counts) < 0)
		return;
	fprintf(stderr,
		"\r\033[K%s %.0f s, %" PRIu64 " samples, %" PRIu64 " dropped, %zu names to find",
		what, (double)(now_ns - rec->started_ns) / 1e9, counts.received,
		counts.kernel[ABI_COUNTER_DROP_RING] + counts.kernel[ABI_COUNTER_DROP_BUSY],
		collector_names_pending(rec->collector));
	fflush(stderr);
}

/* Its pid may be given to a process that nobody asked for. */
static void forget_process(void *context, uint32_t pid)
{
	struct record *rec = context;

	collector_forget_pid(rec->collector, pid);
}

static bool is_over(struct record *rec, uint64_t now_ns)
{
	if (rec->interrupted)
		return true;
	if (rec->command.pid && command_has_ended(&rec->command))
		return true;
	if (rec->watch && pid_watch_update(rec->watch, forget_process, rec) == 0)
		return true;
	return rec->deadline_ns && now_ns >= rec->deadline_ns;
}

static void take_signal(struct record *rec)
{
	struct signalfd_siginfo info;

	if (read(rec->signals, &info, sizeof(info)) != sizeof(info))
		return;
	/* The terminal sends Ctrl-C to the command as well: its end is the end of the recording. */
	if (rec->command.pid && info.ssi_signo == SIGINT)
		return;
	rec->interrupted = true;
}

static int wait_round(struct record *rec, uint64_t now_ns)
{
	struct collector_fds fds = collector_fds(rec->collector);
	struct pollfd p[4] = {
		{.fd = fds.ring, .events = POLLIN},
		{.fd = fds.names, .events = POLLIN},
		{.fd = rec->signals, .events = POLLIN},
		{.fd = rec->command.pid ? rec->command.pidfd : -1, .events = POLLIN},
	};
	int timeout = ROUND_MS;

	if (rec->deadline_ns && rec->deadline_ns < now_ns + ROUND_MS * 1000000ull)
		timeout = rec->deadline_ns > now_ns
				  ? (int)((rec->deadline_ns - now_ns) / 1000000) + 1
				  : 0;
	if (poll(p, 4, timeout) < 0 && errno != EINTR)
		return -errno;
	if (p[2].revents)
		take_signal(rec);
	return 0;
}

static int sample_until_over(struct record *rec, struct err *err)
{
	uint64_t second = rec->started_ns;
	uint64_t now_ns = rec->started_ns;
	int r = 0;

	while (r >= 0 && !is_over(rec, now_ns)) {
		r = wait_round(rec, now_ns);
		if (r >= 0)
			r = collector_take_records(rec->collector);
		if (r >= 0)
			r = collector_take_names(rec->collector);
		now_ns = quantity_monotonic_ns();
		if (r >= 0 && now_ns >= second + SECOND_NS) {
			second = now_ns;
			collector_ask_names(rec->collector);
			r = collector_tick(rec->collector, err);
		}
		tell_progress(rec, now_ns, "sampling");
	}
	return r < 0 ? r : 0;
}

/* A file that has come is one whose names are pending: in this order nothing is missed between. */
static bool names_are_due(const struct collector *c)
{
	return collector_fetching(c) || collector_names_pending(c);
}

/*
 * The last names: asked, waited for as long as it may take, and a second Ctrl-C does without them.
 */
static void find_names(struct record *rec)
{
	uint64_t now_ns = quantity_monotonic_ns(), until = now_ns + NAMES_TIMEOUT_NS;

	rec->interrupted = false;
	rec->deadline_ns = 0;
	do {
		collector_ask_names(rec->collector);
		if (names_are_due(rec->collector))
			wait_round(rec, now_ns);
		collector_take_names(rec->collector);
		now_ns = quantity_monotonic_ns();
		tell_progress(rec, now_ns, "naming  ");
	} while (names_are_due(rec->collector) && now_ns < until && !rec->interrupted);
	if (isatty(STDERR_FILENO) && rec->told_ns)
		fprintf(stderr, "\r\033[K");
	if (collector_names_pending(rec->collector))
		fprintf(stderr, "hearth record: %zu frames go without a name: it took too long\n",
			collector_names_pending(rec->collector));
	if (collector_fetching(rec->collector))
		fprintf(stderr,
			"hearth record: %zu debug files are not yet fetched: it took too long\n",
			collector_fetching(rec->collector));
}

static int write_result(struct record *rec, struct err *err)
{
	const struct record_options *o = rec->options;
	struct profile *live = collector_live(rec->collector);
	struct export_options e = {.title = o->command ? o->command[0] : NULL,
				   .version = HEARTH_VERSION};
	struct winsize size = {.ws_col = TABLE_COLUMNS};
	struct buf out;
	int r;

	buf_init(&out, EXPORT_BYTES_MAX);
	if (o->to_terminal) {
		ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
		r = export_top_text(live, TABLE_ROWS, size.ws_col ? size.ws_col : TABLE_COLUMNS,
				    &out);
	} else {
		r = export_write(o->format, live, &e, &out, err);
	}
	if (r == 0)
		r = output_write(&rec->output, out.data, out.len, err);
	buf_done(&out);
	if (r < 0) {
		output_discard(&rec->output);
		return r;
	}
	return output_commit(&rec->output, err);
}

static void summary_json(const struct record *rec, const struct collector_counts *c,
			 uint64_t incomplete)
{
	struct buf out;
	struct json j;

	buf_init(&out, 4096);
	json_init(&j, &out);
	json_object_begin(&j);
	json_kv_u64(&j, "samples", c->received);
	json_kv_double(&j, "seconds", (double)(quantity_monotonic_ns() - rec->started_ns) / 1e9);
	json_kv_u64(&j, "taken", c->kernel[ABI_COUNTER_TAKEN]);
	json_kv_u64(&j, "missed_ticks", c->kernel[ABI_COUNTER_MISSED]);
	json_kv_u64(&j, "dropped",
		    c->kernel[ABI_COUNTER_DROP_RING] + c->kernel[ABI_COUNTER_DROP_BUSY]);
	json_kv_u64(&j, "stacks_complete", c->ends[ABI_END_ROOT]);
	json_kv_u64(&j, "stacks_incomplete", incomplete);
	json_kv_u64(&j, "bpf_runs", c->kernel[ABI_COUNTER_TICKS]);
	json_kv_u64(&j, "bpf_run_ns", c->kernel[ABI_COUNTER_RUN_NS]);
	json_object_end(&j);
	fprintf(stderr, "%s\n", buf_str(&out));
	buf_done(&out);
}

/* What was recorded, in one sentence or two. */
static void tell_summary(struct record *rec)
{
	const struct record_options *o = rec->options;
	struct collector_counts c;
	uint64_t walked, incomplete = 0;

	if (collector_counts(rec->collector, &c) < 0)
		return;
	for (unsigned int i = 0; i < ABI_END_COUNT; i++)
		if (quality_is_incomplete(i))
			incomplete += c.ends[i];
	if (o->json) {
		summary_json(rec, &c, incomplete);
		return;
	}
	walked = c.ends[ABI_END_ROOT] + incomplete;
	fprintf(stderr, "%" PRIu64 " samples", c.received);
	if (c.kernel[ABI_COUNTER_MISSED])
		fprintf(stderr, ", %" PRIu64 " ticks missed", c.kernel[ABI_COUNTER_MISSED]);
	if (c.kernel[ABI_COUNTER_TAKEN] != c.received)
		fprintf(stderr, ", %" PRIu64 " dropped", c.kernel[ABI_COUNTER_TAKEN] - c.received);
	if (walked)
		fprintf(stderr, ", %.1f %% of %" PRIu64 " user stacks complete",
			100.0 * (double)c.ends[ABI_END_ROOT] / (double)walked, walked);
	fprintf(stderr, "%s%s\n", o->output ? ", written to " : "", o->output ? o->output : "");
	if (c.received == 0)
		fprintf(stderr, "nothing ran there in that time: no sample was taken\n");
}

static int run(struct record *rec, struct err *err)
{
	int r = prepare(rec, err);

	if (r < 0)
		return r;
	r = collector_start(rec->collector, err);
	if (r < 0)
		return r;
	rec->started_ns = quantity_monotonic_ns();
	rec->deadline_ns =
		rec->options->duration_ns ? rec->started_ns + rec->options->duration_ns : 0;
	if (rec->command.pid)
		command_release(&rec->command);
	r = sample_until_over(rec, err);
	collector_stop(rec->collector);
	if (r < 0)
		return r;
	find_names(rec);
	collector_give_up_names(rec->collector);
	collector_add_losses(rec->collector, collector_live(rec->collector));
	r = write_result(rec, err);
	if (r == 0)
		tell_summary(rec);
	return r;
}

int record_run(const struct record_options *options)
{
	struct record rec = {.options = options, .signals = -1, .output.fd = -1};
	struct err err = {};
	int status = 0, r;

	r = features_demand(&err);
	if (r == 0) {
		rec.signals = signals_open();
		r = rec.signals < 0 ? rec.signals : run(&rec, &err);
	}
	if (r < 0) {
		err.code = r;
		fprintf(stderr, "hearth record: %s\n", err_text(&err));
		output_discard(&rec.output);
		status = 1;
	}
	if (rec.command.pid) {
		int of_command = command_end(&rec.command, r < 0);

		status = status ? status : of_command;
	}
	collector_free(rec.collector);
	pid_watch_free(rec.watch);
	if (rec.signals >= 0)
		close(rec.signals);
	return status;
}
