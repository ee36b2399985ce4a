/*
 * The walk beside libunwind: live programs, stopped at random moments; each stop is walked by the
 * kernel's walk (over what it read of the process, once more from the case's own text) and by
 * libunwind (over the process itself). Where libunwind comes to the end, both must have the same
 * frames; where it does not, as far as it came.
 *
 * usage: judge STOPS SECONDS PROGRAM [ARGUMENT...]    at most so many of each
 *
 * One line on stdout: stops, how many libunwind unwound to the end, how many it gave up in the vdso
 * (it opens files, and that is none), how many of all the walk has frame by frame, how many end
 * earlier with a rule that says that it says nothing, and how many frames were compared. Exit 1
 * where one differs, which is told.
 */
#include "profiler/base/cleanup.h"
#include "profiler/base/quantity.h"
#include "tests/replay/check.h"
#include "tests/replay/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libunwind-ptrace.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>

#define TOLD_MAX    5 /* differences */
#define PAUSE_US    3000 /* between two stops, at most */
#define THREADS_MAX 64

struct judgement {
	uint64_t pc[REPLAY_FRAMES_MAX + 2];
	uint32_t n;
	bool whole; /* to the end, each frame by CFI */
};

struct count {
	unsigned int stops, whole, blind, equal, unsaid, different;
	uint64_t frames;
};

struct judge {
	struct replay_kernel kernel;
	unw_addr_space_t space;
	struct count count;
};

/* ---- libunwind ---- */

/* libunwind makes up one byte of information where it has none. */
static bool has_cfi(unw_cursor_t *cursor)
{
	unw_proc_info_t info;

	return unw_get_proc_info(cursor, &info) == 0 && info.end_ip > info.start_ip + 1;
}

static void judge_stack(struct judge *j, pid_t tid, const struct replay_case *c,
			struct judgement *ret)
{
	void *process = _UPT_create(tid);
	unw_cursor_t cursor;
	int more = 1;

	*ret = (struct judgement){};
	if (!process || unw_init_remote(&cursor, j->space, process) < 0)
		more = -1;
	while (more > 0 && ret->n < REPLAY_FRAMES_MAX + 1) {
		unw_word_t pc = 0;

		unw_get_reg(&cursor, UNW_REG_IP, &pc);
		if (pc == 0) {
			more = 0;
			break;
		}
		ret->pc[ret->n++] = pc;
		more = has_cfi(&cursor) ? unw_step(&cursor) : -1;
	}
	ret->whole = more == 0;
	/* Where it gives up, its last step may have led to what is no code. */
	if (!ret->whole && ret->n && !replay_case_mapping(c, ret->pc[ret->n - 1] - 1))
		ret->n--;
	if (process)
		_UPT_destroy(process);
}

/* ---- one stop ---- */

static bool begins_alike(const struct judgement *want, const struct replay_stack *found)
{
	for (uint32_t i = 0; i < want->n && i < found->n; i++)
		if (found->frame[i].pc != want->pc[i])
			return false;
	return true;
}

static bool same(const struct judgement *want, const struct replay_stack *found)
{
	if (want->whole && (found->end != ABI_END_ROOT || found->n != want->n))
		return false;
	return found->n >= want->n && begins_alike(want, found);
}

/* The walk ends before libunwind does, and says that its table cannot say more. */
static bool is_unsaid(const struct judgement *want, const struct replay_stack *found)
{
	return (found->end == ABI_END_EXPRESSION || found->end == ABI_END_REGISTER) &&
	       found->n < want->n && begins_alike(want, found);
}

static void tell_pc(const struct replay_case *c, uint64_t pc)
{
	const struct replay_mapping *m = replay_case_mapping(c, pc);

	if (m)
		fprintf(stderr, "%s+%#" PRIx64, m->object, pc - m->start + m->offset);
	else
		fprintf(stderr, "%#" PRIx64, pc);
}

static void tell_end(const struct replay_case *c, const struct replay_stack *found)
{
	fprintf(stderr, "  ends %s at ", replay_end_name((int)found->end));
	tell_pc(c, found->frame[found->n - 1].pc);
	fputc('\n', stderr);
}

static void tell(const struct replay_case *c, const struct judgement *want,
		 const struct replay_stack *found)
{
	fprintf(stderr, "libunwind and the walk differ; the walk ends %s:\n",
		replay_end_name((int)found->end));
	for (uint32_t i = 0; i < want->n || i < found->n; i++) {
		fprintf(stderr, "  %3u  ", i);
		if (i < want->n)
			tell_pc(c, want->pc[i]);
		fputs("  |  ", stderr);
		if (i < found->n)
			tell_pc(c, found->frame[i].pc);
		fputc('\n', stderr);
	}
}

/* The case as its text, read and walked again: it holds all that the walk needs. */
static bool replays(struct judge *j, struct replay_case *c, const struct replay_stack *found)
{
	static struct replay_stack again;
	struct replay_case copy;
	struct err err = {};
	FILE *f = tmpfile();
	bool good = false;

	if (!f || replay_expect(c, &j->kernel, found) < 0)
		abort();
	replay_case_write(c, f);
	rewind(f);
	if (replay_case_parse(f, &copy, &err) == 0) {
		replay_walk(&j->kernel, &copy, NULL, NULL, &again);
		good = replay_check(&copy, &j->kernel, &again, stderr);
	}
	replay_case_done(&copy);
	fclose(f);
	return good;
}

static bool is_blind(const struct replay_case *c, const struct judgement *want)
{
	const struct replay_mapping *m =
		want->n ? replay_case_mapping(c, want->pc[want->n - 1]) : NULL;

	return !want->whole && m && m->kind == ABI_OBJECT_VDSO;
}

static void judge_stop(struct judge *j, pid_t pid, pid_t tid)
{
	static struct replay_stack found;
	static struct judgement want;
	struct replay_case c;

	if (record_case(pid, tid, &j->kernel, &c, &found) == 0) {
		judge_stack(j, tid, &c, &want);
		j->count.stops++;
		j->count.whole += want.whole;
		j->count.blind += is_blind(&c, &want);
		j->count.frames += want.n;
		if (!replays(j, &c, &found)) {
			j->count.different++;
		} else if (same(&want, &found)) {
			j->count.equal++;
		} else if (is_unsaid(&want, &found)) {
			j->count.unsaid++;
			tell_end(&c, &found);
		} else if (j->count.different++ < TOLD_MAX) {
			tell(&c, &want, &found);
		}
	}
	replay_case_done(&c);
}

/* ---- many ---- */

static uint32_t random_below(uint32_t n)
{
	uint32_t r = 0;

	if (getrandom(&r, sizeof(r), 0) != sizeof(r))
		abort();
	return r % n;
}

/* One of the process's threads; 0: it has none any more. */
static pid_t some_thread(pid_t pid)
{
	pid_t thread[THREADS_MAX];
	uint32_t n = 0;
	char path[64];
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	d = opendir(path);
	for (struct dirent *e = d ? readdir(d) : NULL; e && n < THREADS_MAX; e = readdir(d))
		if (e->d_name[0] != '.')
			thread[n++] = atoi(e->d_name);
	if (d)
		closedir(d);
	return n ? thread[random_below(n)] : 0;
}

static pid_t start(char **argv)
{
	pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(null, 1);
		dup2(null, 2);
		execv(argv[0], argv);
		_exit(127);
	}
	return pid;
}

static void pause_us(uint32_t us)
{
	struct timespec t = {.tv_nsec = us * 1000};

	nanosleep(&t, NULL);
}

static void judge_program(struct judge *j, pid_t pid, unsigned int stops, uint64_t until_ns)
{
	pause_us(20000); /* past its exec */
	while (j->count.stops < stops && quantity_monotonic_ns() < until_ns) {
		pid_t tid = some_thread(pid);

		if (tid == 0)
			break;
		if (record_stop(tid) < 0) {
			if (waitpid(pid, NULL, WNOHANG) == pid)
				break;
			continue;
		}
		judge_stop(j, pid, tid);
		record_resume(tid);
		pause_us(random_below(PAUSE_US));
	}
}

int main(int argc, char **argv)
{
	struct judge j = {};
	uint64_t stops, seconds;
	pid_t pid;

	if (argc < 4 || quantity_u64(argv[1], 1, 1000000, &stops) < 0 ||
	    quantity_u64(argv[2], 1, 3600, &seconds) < 0)
		return 2;
	j.space = unw_create_addr_space(&_UPT_accessors, 0);
	if (!j.space || replay_kernel_init(&j.kernel) < 0)
		return 2;
	pid = start(&argv[3]);
	judge_program(&j, pid, (unsigned int)stops,
		      quantity_monotonic_ns() + seconds * 1000000000ull);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, __WALL);
	printf("%u stops, %u whole by libunwind, %u in the vdso, %u equal, %u unsaid, %" PRIu64
	       " frames\n",
	       j.count.stops, j.count.whole, j.count.blind, j.count.equal, j.count.unsaid,
	       j.count.frames);
	unw_destroy_addr_space(j.space);
	replay_kernel_done(&j.kernel);
	return j.count.different > 0;
}
