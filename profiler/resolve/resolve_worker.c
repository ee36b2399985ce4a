/*
 * A worker of an asking thread: its start, its first words, its end. See resolve_state.h for who
 * may call what.
 */
#include "profiler/base/cleanup.h"
#include "profiler/jail/open_debug.h"
#include "profiler/jail/worker.h"
#include "profiler/resolve/resolve_state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define SEND_MS	       5000
#define MEMORY_DEFAULT (128ull << 20)
/* Of other machines' code no unwind rules are derived. */
#ifdef __x86_64__
#define DERIVES true
#else
#define DERIVES false
#endif
#define WAIT_SHARE 12 /* times as long as of a CPU it may take in all */
#define STEP_SHARE 8 /* one part of it is the least that is waited */
/* One part of the time that passes: who has less of a CPU, and wants none, is stalled. */
#define FORWARD_SHARE 32

int resolve_end_worker(struct resolve_slot *s)
{
	struct resolve *r = s->r;
	int status;

	if (!s->alive)
		return -1;
	s->alive = false;
	pthread_mutex_unlock(&r->lock);
	status = jail_end(&s->worker);
	pthread_mutex_lock(&r->lock);
	s->n_known = 0;
	s->n_forget = 0;
	s->has_kernel = false;
	return status;
}

static int start_worker(struct resolve_slot *s, uint32_t domain, struct err *err)
{
	struct resolve *r = s->r;
	uint64_t memory =
		r->options.worker_bytes_max ? r->options.worker_bytes_max : MEMORY_DEFAULT;
	char limit[64];
	const char *const args[] = {
		limit, DERIVES && s->index == RESOLVE_TABLES ? WORKER_DISASSEMBLE : NULL, NULL};
	struct jail_worker worker;
	uint32_t bits = 0;
	int result;

	snprintf(limit, sizeof(limit), WORKER_MEMORY "%" PRIu64, memory);
	pthread_mutex_unlock(&r->lock);
	result = jail_start(JAIL_SYMBOLIZER, args, r->options.sandbox, &worker, err);
	pthread_mutex_lock(&r->lock);
	if (result < 0)
		return result;
	s->worker = worker;
	if (clock_getcpuclockid(worker.pid, &s->cpu_clock) != 0)
		s->cpu_clock = CLOCK_MONOTONIC; /* it has gone: whoever waits for it is told */
	s->alive = true;
	s->domain = domain;
	s->room_left = OPEN_DEBUG_ROOM_MAX;
	s->run++;
	if (r->ending)
		return err_set(err, -ECANCELED, "ending");
	pthread_mutex_unlock(&r->lock);
	result = jail_receive_hello(&s->worker, &bits, err);
	pthread_mutex_lock(&r->lock);
	if (result < 0) {
		resolve_end_worker(s);
		return result;
	}
	r->workers_started++;
	r->jail_bits = bits;
	return 0;
}

void resolve_wait(struct resolve *r, pthread_cond_t *cond, uint64_t ms)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += (time_t)(ms / 1000);
	at.tv_nsec += (long)(ms % 1000) * 1000000;
	if (at.tv_nsec >= 1000000000) {
		at.tv_sec++;
		at.tv_nsec -= 1000000000;
	}
	pthread_cond_timedwait(cond, &r->lock, &at);
}

/* A worker that died between requests is nobody's fault. */
int resolve_ensure_worker(struct resolve_slot *s, uint32_t domain, struct err *err)
{
	if (s->alive && jail_has_ended(&s->worker)) {
		s->r->workers_restarted++;
		resolve_end_worker(s);
	}
	if (s->alive && s->domain == domain)
		return 0;
	resolve_end_worker(s);
	return start_worker(s, domain, err);
}

/* ---- waiting for its answer ---- */

/* What it has used of a CPU; 0 where it has gone. */
static uint64_t cpu_ms_of(const struct resolve_slot *s)
{
	struct timespec ts = {};

	clock_gettime(s->cpu_clock, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Does it run, or would it if others left it a CPU? */
static bool wants_cpu(pid_t pid)
{
	_cleanup_fclose_ FILE *stat = NULL;
	char path[64], text[512], *at;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	stat = fopen(path, "re");
	at = stat && fgets(text, sizeof(text), stat) ? strrchr(text, ')') : NULL;
	return at && strncmp(at, ") R", 3) == 0;
}

void resolve_be_patient(const struct resolve_slot *s, struct resolve_patience *ret)
{
	uint64_t ms = s->r->options.request_ms ? s->r->options.request_ms : RESOLVE_REQUEST_MS;

	*ret = (struct resolve_patience){.ms = ms,
					 .cpu_ms = cpu_ms_of(s),
					 .is_now = true,
					 .until_ms = resolve_now_ms() + WAIT_SHARE * ms};
}

int resolve_receive(const struct resolve_slot *s, struct resolve_patience *p, struct wire_msg *ret)
{
	uint64_t cpu_ms = p->is_now ? p->cpu_ms : cpu_ms_of(s);

	p->is_now = false;
	for (;;) {
		uint64_t used = cpu_ms - p->cpu_ms, before = cpu_ms, wait_ms = p->ms / STEP_SHARE;
		int r;

		if (used < p->ms && p->ms - used > wait_ms)
			wait_ms = p->ms - used;
		r = wire_receive(s->worker.sock, ret, (int)wait_ms);
		if (r != -ETIMEDOUT)
			return r ? r : -EPIPE;
		cpu_ms = cpu_ms_of(s);
		if (cpu_ms >= p->cpu_ms + p->ms || resolve_now_ms() >= p->until_ms)
			return r;
		if (cpu_ms < before + wait_ms / FORWARD_SHARE && !wants_cpu(s->worker.pid))
			return r;
	}
}

int resolve_tell_forgotten(const struct resolve_slot *s, const uint32_t *serials, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		struct wire_msg m;

		wire_msg_init(&m, PROTOCOL_FORGET, 0);
		buf_add_u32(&m.body, serials[i]);
		r = wire_send(s->worker.sock, &m, SEND_MS);
		wire_msg_done(&m);
	}
	return r;
}

void resolve_describe_death(int why, int status, char *ret, size_t bytes)
{
	if (why == -ETIMEDOUT)
		snprintf(ret, bytes, "it keeps a symbolizer worker busy for too long");
	else if (why == -EBADMSG)
		snprintf(ret, bytes, "a symbolizer worker said nonsense about it");
	else if (status >= 0 && WIFSIGNALED(status))
		snprintf(ret, bytes, "a symbolizer worker died of it: signal %d (%s)",
			 WTERMSIG(status), sigdescr_np(WTERMSIG(status)));
	else
		snprintf(ret, bytes, "a symbolizer worker ended over it");
}
