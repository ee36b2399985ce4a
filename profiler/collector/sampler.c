/* One timer a CPU; see sampler.h. sampler_refresh() does the work. */
#include "profiler/collector/sampler.h"

#include "profiler/base/cleanup.h"
#include "profiler/base/quantity.h"
#include "profiler/collector/cpu_list.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#define ONLINE_PATH "/sys/devices/system/cpu/online"
#define LIST_BYTES  4096
#define SILENT_NS   3000000000ull

struct sampler {
	struct bpf_programs *programs;
	uint32_t frequency_hz;
	char online[LIST_BYTES]; /* the list as read last: unchanged means nothing to do */
	int *fd; /* by CPU number, -1 none */
	uint64_t *started_ns;
	unsigned int cpus; /* of fd and started_ns */
	unsigned int running;
};

static int read_online(char text[LIST_BYTES])
{
	_cleanup_close_ int fd = open(ONLINE_PATH, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, LIST_BYTES - 1);
	if (n <= 0)
		return n < 0 ? -errno : -ENODATA;
	text[n] = '\0';
	return 0;
}

static int event_open(const struct sampler *s, unsigned int cpu)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		/*
		 * A period, not a frequency: it is exactly the program's own, and no sysctl limits
		 * it.
		 */
		.sample_period = 1000000000ull / s->frequency_hz,
	};
	_cleanup_close_ int fd = -1;

	fd = (int)syscall(SYS_perf_event_open, &attr, -1, (int)cpu, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, PERF_EVENT_IOC_SET_BPF, bpf_programs_sampler_fd(s->programs)) ||
	    ioctl(fd, PERF_EVENT_IOC_ENABLE, 0))
		return -errno;
	return steal_fd(fd);
}

static int grow_to(struct sampler *s, unsigned int cpus)
{
	uint64_t *started_ns;
	int *fd;

	if (cpus <= s->cpus)
		return 0;
	fd = realloc(s->fd, cpus * sizeof(*fd));
	if (!fd)
		return -ENOMEM;
	s->fd = fd;
	started_ns = realloc(s->started_ns, cpus * sizeof(*started_ns));
	if (!started_ns)
		return -ENOMEM;
	s->started_ns = started_ns;
	for (unsigned int i = s->cpus; i < cpus; i++)
		fd[i] = -1;
	s->cpus = cpus;
	return 0;
}

static int cpu_start(struct sampler *s, unsigned int cpu, struct err *err)
{
	int fd;

	bpf_programs_forget_ticks(s->programs);
	fd = event_open(s, cpu);
	if (fd == -ENODEV) /* it went offline between the list and here */
		return 0;
	if (fd < 0)
		return err_set(err, fd, "CPU %u cannot be sampled: perf_event_open: %s", cpu,
			       strerror(-fd));
	s->fd[cpu] = fd;
	s->started_ns[cpu] = quantity_monotonic_ns();
	s->running++;
	return 0;
}

static void cpu_stop(struct sampler *s, unsigned int cpu)
{
	close(s->fd[cpu]);
	s->fd[cpu] = -1;
	s->running--;
}

/* Timers that have not fired for long belong to CPUs that were offline meanwhile. */
static void stop_silent(struct sampler *s)
{
	_cleanup_free_ uint64_t *last = calloc(s->cpus, sizeof(*last));
	uint64_t now = quantity_monotonic_ns();

	if (!last || bpf_programs_last_ticks(s->programs, last, s->cpus) < 0)
		return;
	for (unsigned int cpu = 0; cpu < s->cpus; cpu++) {
		if (s->fd[cpu] < 0 || now < s->started_ns[cpu] + SILENT_NS ||
		    now < last[cpu] + SILENT_NS)
			continue;
		cpu_stop(s, cpu);
		s->online[0] = '\0'; /* look at the list again */
	}
}

int sampler_refresh(struct sampler *s, struct err *err)
{
	char online[LIST_BYTES];
	struct cpu_list list;
	int first = 0;
	int r = read_online(online);

	if (r < 0)
		return err_set(err, r, ONLINE_PATH " cannot be read: %s", strerror(-r));
	stop_silent(s);
	if (!strcmp(online, s->online))
		return 0;
	r = cpu_list_parse(online, &list);
	if (r == 0)
		r = grow_to(s, cpu_list_last(&list) + 1);
	if (r < 0)
		return err_set(err, r, ONLINE_PATH " cannot be read: %s", strerror(-r));
	for (unsigned int cpu = 0; cpu < s->cpus; cpu++) {
		bool wanted = cpu_list_has(&list, cpu);

		if (!wanted && s->fd[cpu] >= 0)
			cpu_stop(s, cpu);
		if (wanted && s->fd[cpu] < 0) {
			r = cpu_start(s, cpu, err);
			if (r < 0 && first == 0)
				first = r;
		}
	}
	if (first == 0)
		memcpy(s->online, online, sizeof(s->online));
	return first;
}

int sampler_start(struct bpf_programs *programs, uint32_t frequency_hz, struct sampler **ret,
		  struct err *err)
{
	struct sampler *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->programs = programs;
	s->frequency_hz = frequency_hz;
	r = sampler_refresh(s, err);
	if (r < 0 && s->running == 0) {
		sampler_stop(s);
		return r;
	}
	*ret = s;
	return 0;
}

struct sampler *sampler_stop(struct sampler *s)
{
	if (!s)
		return NULL;
	for (unsigned int cpu = 0; cpu < s->cpus; cpu++)
		if (s->fd[cpu] >= 0)
			close(s->fd[cpu]);
	free(s->fd);
	free(s->started_ns);
	free(s);
	return NULL;
}

unsigned int sampler_cpus(const struct sampler *s)
{
	return s->running;
}
