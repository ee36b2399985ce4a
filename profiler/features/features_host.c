/* Feature probes that need no BPF: capabilities, perf events, kallsyms, cgroups. See features.h. */
#include <errno.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "profiler/base/cleanup.h"
#include "profiler/features/features_probes.h"

#define KALLSYMS_LINES_LOOKED_AT 64 /* the first per-CPU symbols may be 0 in earnest */

void features_there(struct feature *f, const char *found, ...)
{
	va_list ap;

	f->there = true;
	va_start(ap, found);
	vsnprintf(f->found, sizeof(f->found), found, ap);
	va_end(ap);
}

void features_missing(struct feature *f, const char *found, const char *cost, const char *advice)
{
	f->there = false;
	snprintf(f->found, sizeof(f->found), "%s", found);
	snprintf(f->cost, sizeof(f->cost), "%s", cost);
	snprintf(f->advice, sizeof(f->advice), "%s", advice);
}

static int read_capabilities(uint64_t *ret)
{
	_cleanup_fclose_ FILE *status = fopen("/proc/self/status", "re");
	char line[256];
	unsigned long long caps;

	while (status && fgets(line, sizeof(line), status)) {
		if (sscanf(line, "CapEff: %llx", &caps) == 1) {
			*ret = caps;
			return 0;
		}
	}
	return -ENOENT;
}

/*
 * The names of what is missing, each with a comma before it but the first. CAP_SYS_ADMIN stands
 * for BPF and PERFMON.
 */
static bool list_missing(uint64_t caps, bool sampling, char *out, size_t bytes)
{
	static const struct {
		unsigned int bit;
		const char *name;
		bool sampling;
	} wanted[] = {
		{CAP_BPF, "CAP_BPF", true},
		{CAP_PERFMON, "CAP_PERFMON", true},
		{CAP_SYS_PTRACE, "CAP_SYS_PTRACE", false},
		{CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH", false},
		{CAP_CHECKPOINT_RESTORE, "CAP_CHECKPOINT_RESTORE", false},
		{CAP_SYSLOG, "CAP_SYSLOG", false},
		{CAP_SETUID, "CAP_SETUID", false},
		{CAP_SETGID, "CAP_SETGID", false},
	};
	bool any = false;

	out[0] = '\0';
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		size_t len = strlen(out);

		if (wanted[i].sampling != sampling || (caps & (1ull << wanted[i].bit)) ||
		    (wanted[i].sampling && (caps & (1ull << CAP_SYS_ADMIN))))
			continue;
		snprintf(out + len, bytes - len, "%s%s", any ? ", " : "", wanted[i].name);
		any = true;
	}
	return any;
}

void features_probe_root(struct feature *root)
{
	char missing[128], found[160];
	uint64_t caps = 0;

	read_capabilities(&caps);
	if (list_missing(caps, true, missing, sizeof(missing))) {
		snprintf(found, sizeof(found), "uid %u, without %s", geteuid(), missing);
		features_missing(root, found, "no BPF program may be loaded: there is no sampling",
				 "run it as root, or by the systemd unit");
	} else if (list_missing(caps, false, missing, sizeof(missing))) {
		features_there(root, "uid %u; without %.96s names are missing", geteuid(), missing);
	} else {
		features_there(root, "uid %u, with all capabilities that Hearth uses", geteuid());
	}
}

/* Open and close one on the CPU where we are: 0 may be offline. */
static int try_event(uint32_t type, uint64_t config)
{
	struct perf_event_attr attr = {.type = type,
				       .size = sizeof(attr),
				       .config = config,
				       .freq = 1,
				       .sample_freq = 99,
				       .disabled = 1};
	int cpu = sched_getcpu();
	_cleanup_close_ int fd = -1;

	fd = (int)syscall(SYS_perf_event_open, &attr, -1, cpu < 0 ? 0 : cpu, -1,
			  PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : 0;
}

void features_probe_perf(struct feature *events, struct feature *hardware)
{
	char found[160];
	int r = try_event(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK);

	snprintf(found, sizeof(found), "cpu-clock on all processes of a CPU: %s", strerror(-r));
	if (r == 0)
		features_there(events, "cpu-clock on all processes of a CPU");
	else
		features_missing(
			events, found, "there is no timer to sample by",
			r == -EPERM || r == -EACCES
				? "run it as root; in a container allow perf_event_open in its "
				  "seccomp profile; where kernel.perf_event_paranoid is above 2 "
				  "grant CAP_SYS_ADMIN, or make it 2"
				: "a kernel with CONFIG_PERF_EVENTS");
	r = try_event(PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES);
	snprintf(found, sizeof(found), "cycles: %s", strerror(-r));
	if (r == 0)
		features_there(hardware, "cycles");
	else
		features_missing(hardware, found, "nothing: sampling is by cpu-clock",
				 "nothing; in virtual machines the host decides");
}

static bool kallsyms_has_addresses(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/kallsyms", "re");
	char line[512];

	for (int i = 0; f && i < KALLSYMS_LINES_LOOKED_AT && fgets(line, sizeof(line), f); i++) {
		unsigned long long address;

		if (sscanf(line, "%llx", &address) == 1 && address != 0)
			return true;
	}
	return false;
}

void features_probe_kallsyms(struct feature *kallsyms)
{
	if (kallsyms_has_addresses())
		features_there(kallsyms, "/proc/kallsyms with addresses");
	else if (access("/proc/kallsyms", R_OK) < 0)
		features_missing(kallsyms, "/proc/kallsyms cannot be read",
				 "kernel functions have no names",
				 "a kernel with CONFIG_KALLSYMS; /proc mounted");
	else
		features_missing(
			kallsyms, "/proc/kallsyms shows no addresses",
			"kernel functions have no names",
			"run it as root with CAP_SYSLOG; sysctl kernel.kptr_restrict=1 or 0");
}

void features_probe_cgroup(struct feature *cgroup)
{
	struct statfs root, unified;

	if (statfs("/sys/fs/cgroup", &root) < 0)
		root.f_type = 0;
	if (root.f_type == CGROUP2_SUPER_MAGIC)
		features_there(cgroup, "v2");
	else if (root.f_type == TMPFS_MAGIC && statfs("/sys/fs/cgroup/unified", &unified) == 0 &&
		 unified.f_type == CGROUP2_SUPER_MAGIC)
		features_there(cgroup, "hybrid: v1 hierarchies, and v2 at /sys/fs/cgroup/unified");
	else if (root.f_type == TMPFS_MAGIC && access("/proc/self/cgroup", R_OK) == 0)
		features_there(cgroup, "v1");
	else
		features_missing(
			cgroup, "none is mounted at /sys/fs/cgroup",
			"samples have no cgroup, container or unit, and --cgroup selects nothing",
			"mount -t cgroup2 none /sys/fs/cgroup");
}
