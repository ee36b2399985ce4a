/*
 * What a sample costs in the kernel, by the depth of its user stack: the whole of Hearth's program
 * on a program without frame pointers, beside a program that calls bpf_get_stackid() alone on the
 * same one with frame pointers. Both run at once, each pinned to a processor of its own.
 *
 *	bench_walk FOLDER-OF-TEST-PROGRAMS [SECONDS]
 */
#include "tests/bench/stackid.skel.h"
#include "profiler/base/quantity.h"
#include "profiler/collector/collector.h"
#include "profiler/collector/sampler.h"
#include "profiler/jail/worker.h"

#include <bpf/libbpf.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define HZ	  997
#define WARM_NS	  1500000000ull
#define TICK_NS	  1000000000ull
#define CPUS	  2
#define PATH_SIZE 4096

struct figures {
	double ours_us, theirs_us;
	uint64_t ours, theirs; /* samples */
	double complete;
};

/*
 * Before all else on the machine, where that is allowed: what others do to the caches is not what
 * is compared. The bench, which empties the buffers, comes before what it measures.
 */
static void real_time(int priority)
{
	struct sched_param p = {.sched_priority = priority};

	sched_setscheduler(0, SCHED_FIFO, &p);
}

static pid_t start(const char *folder, const char *name, int depth, double seconds, int cpu)
{
	char path[PATH_SIZE], d[16], s[32], c[16];
	pid_t pid;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	snprintf(d, sizeof(d), "%d", depth);
	snprintf(s, sizeof(s), "%.1f", seconds);
	snprintf(c, sizeof(c), "%d", cpu);
	pid = fork();
	if (pid == 0) {
		real_time(1);
		execl(path, path, d, s, c, NULL);
		_exit(127);
	}
	return pid;
}

static int open_event(int cpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.freq = 1,
		.sample_freq = HZ,
	};

	return (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

static struct stackid *load_peer(pid_t pid, struct bpf_link *links[CPUS])
{
	struct stackid *peer = stackid__open();

	if (!peer)
		return NULL;
	peer->rodata->knob_pid = (uint32_t)pid;
	if (stackid__load(peer))
		return NULL;
	for (int cpu = 0; cpu < CPUS; cpu++) {
		int fd = open_event(cpu);

		links[cpu] = fd < 0 ? NULL
				    : bpf_program__attach_perf_event(peer->progs.bench_stackid, fd);
		if (!links[cpu])
			return NULL;
	}
	return peer;
}

static void run_until(struct collector *c, uint64_t until_ns)
{
	uint64_t tick_ns = quantity_monotonic_ns() + TICK_NS;
	struct err err = {};

	while (quantity_monotonic_ns() < until_ns) {
		struct collector_fds fds = collector_fds(c);
		struct pollfd p[2] = {{.fd = fds.ring, .events = POLLIN},
				      {.fd = fds.names, .events = POLLIN}};

		poll(p, 2, 100);
		collector_take_records(c);
		collector_take_names(c);
		if (quantity_monotonic_ns() < tick_ns)
			continue;
		collector_tick(c, &err);
		tick_ns += TICK_NS;
	}
	collector_tick(c, &err);
}

static int measure(const char *folder, int depth, double seconds, struct figures *ret)
{
	struct collector_options options = {.frequency_hz = HZ,
					    .user = true,
					    .kernel = true,
					    .filter = true,
					    .merge = true,
					    .unwind = UNWIND_MODE_AUTO,
					    .sandbox = true};
	uint64_t measured_ns = (uint64_t)(seconds * 1e9);
	struct bpf_link *links[CPUS] = {};
	struct collector_counts before, after;
	struct collector *c = NULL;
	struct stackid *peer;
	struct err err = {};
	uint64_t runs, run_ns, our_ns, begun_ns, root, received;
	pid_t ours = start(folder, "deep", depth, seconds + 4, 0);
	pid_t theirs = start(folder, "deep_fp", depth, seconds + 4, 1);
	int r = collector_new(&options, &c, &err);

	if (r == 0)
		r = collector_filter_pid(c, (uint32_t)ours, false);
	if (r == 0)
		r = collector_start(c, &err);
	peer = r == 0 ? load_peer(theirs, links) : NULL;
	if (!peer) {
		fprintf(stderr, "bench_walk: %s\n",
			err.text[0] ? err.text : "the peer does not load");
		kill(ours, SIGKILL);
		kill(theirs, SIGKILL);
		return 1;
	}
	begun_ns = quantity_monotonic_ns();
	run_until(c, begun_ns + WARM_NS);
	collector_counts(c, &before);
	root = before.ends[ABI_END_ROOT];
	received = before.received;
	runs = peer->bss->runs;
	run_ns = peer->bss->run_ns;
	run_until(c, begun_ns + WARM_NS + measured_ns);
	collector_counts(c, &after);
	ret->theirs = peer->bss->runs - runs;
	ret->theirs_us = (double)(peer->bss->run_ns - run_ns) / (double)ret->theirs / 1e3;
	ret->ours = after.kernel[ABI_COUNTER_TAKEN] - before.kernel[ABI_COUNTER_TAKEN];
	our_ns = after.kernel[ABI_COUNTER_RUN_NS] - before.kernel[ABI_COUNTER_RUN_NS];
	ret->ours_us = (double)our_ns / (double)ret->ours / 1e3;
	ret->complete =
		(double)(after.ends[ABI_END_ROOT] - root) / (double)(after.received - received);
	collector_stop(c);
	collector_free(c);
	for (int cpu = 0; cpu < CPUS; cpu++)
		bpf_link__destroy(links[cpu]);
	stackid__destroy(peer);
	kill(ours, SIGKILL);
	kill(theirs, SIGKILL);
	waitpid(ours, NULL, 0);
	waitpid(theirs, NULL, 0);
	return 0;
}

int main(int argc, char **argv)
{
	static const int depths[] = {10, 25, 100};
	double seconds = argc > 2 ? atof(argv[2]) : 5;

	/* Its workers are this program once more. */
	if (argc > 1 && argv[1][0] == '@')
		return worker_main(argc, argv);
	if (argc < 2)
		return 2;
	real_time(2);
	printf("depth  hearth us (samples, complete)  bpf_get_stackid us (samples)  ratio\n");
	for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
		struct figures f;

		if (measure(argv[1], depths[i], seconds, &f))
			return 1;
		printf("%5d  %9.2f (%6llu, %5.1f %%)      %9.2f (%6llu)        %5.2f\n", depths[i],
		       f.ours_us, (unsigned long long)f.ours, 100 * f.complete, f.theirs_us,
		       (unsigned long long)f.theirs, f.ours_us / f.theirs_us);
		fflush(stdout);
	}
	return 0;
}
