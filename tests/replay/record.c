/* Recording a stopped thread; see record.h. */
#include "tests/replay/record.h"

#include "profiler/base/cleanup.h"
#include "symbolizer/procmaps.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

#define EVENT(status) ((status) >> 16)

/* ---- stopping ---- */

int record_stop(pid_t tid)
{
	int status;

	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) < 0)
		return -errno;
	if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) < 0)
		return -errno;
	for (;;) {
		if (waitpid(tid, &status, __WALL) < 0)
			return -errno;
		if (!WIFSTOPPED(status))
			return -ESRCH;
		if (EVENT(status) == PTRACE_EVENT_STOP)
			return 0;
		/* A signal was on its way: it is delivered, and the stop comes behind it. */
		ptrace(PTRACE_CONT, tid, NULL, (void *)(long)WSTOPSIG(status));
	}
}

void record_resume(pid_t tid)
{
	ptrace(PTRACE_DETACH, tid, NULL, NULL);
}

static int read_regs(pid_t tid, struct replay_case *c)
{
	uint64_t all[64]; /* more than any architecture's struct user_regs_struct */
	struct iovec v = {all, sizeof(all)};

	if (ptrace(PTRACE_GETREGSET, tid, (void *)NT_PRSTATUS, &v) < 0)
		return -errno;
	if (v.iov_len < sizeof(c->regs))
		return -ENOTSUP; /* a 32-bit process */
	memcpy(&c->regs, all, sizeof(c->regs));
	c->in_syscall = arch_in_syscall(&c->regs);
	return arch_is_compat(&c->regs) ? -ENOTSUP : 0;
}

/* ---- its mappings and their tables ---- */

struct mapper {
	pid_t pid;
	struct replay_kernel *kernel;
	struct replay_case *c;
};

static ssize_t read_process(pid_t pid, uint64_t address, void *to, size_t bytes)
{
	struct iovec local = {to, bytes}, remote = {(void *)address, bytes};

	return process_vm_readv(pid, &local, 1, &remote, 1, 0);
}

static int load_vdso(const struct mapper *m, uint32_t number, const struct replay_mapping *at)
{
	size_t bytes = at->end - at->start;
	_cleanup_free_ uint8_t *image = malloc(bytes);

	if (!image || read_process(m->pid, at->start, image, bytes) != (ssize_t)bytes)
		return -ENOMEM;
	return replay_kernel_load_elf(m->kernel, number, image, bytes);
}

/* By the mapping itself, so that a file that is gone or replaced is still the right one. */
static int load_file(const struct mapper *m, uint32_t number, const struct replay_mapping *at)
{
	_cleanup_free_ uint8_t *data = NULL;
	_cleanup_close_ int fd = -1;
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, m->pid, at->start,
		 at->end);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fd = open(at->object, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	data = malloc((size_t)st.st_size + 1);
	if (!data || pread(fd, data, (size_t)st.st_size, 0) != st.st_size)
		return -EIO;
	return replay_kernel_load_elf(m->kernel, number, data, (size_t)st.st_size);
}

static int take_mapping(void *context, const struct procmaps_mapping *from)
{
	struct mapper *m = context;
	struct replay_mapping to = {.start = from->start, .end = from->end, .offset = from->offset};
	uint32_t number;
	int r;

	if (!(from->perms & PROCMAPS_EXEC))
		return 0;
	procmaps_path(from, to.object, sizeof(to.object));
	if (strcmp(to.object, "[vsyscall]") == 0)
		return 0; /* the kernel has no mapping there */
	to.kind = from->inode ? ABI_OBJECT_FILE : ABI_OBJECT_ANON;
	if (strcmp(to.object, "[vdso]") == 0)
		to.kind = ABI_OBJECT_VDSO;
	else if (to.kind == ABI_OBJECT_ANON)
		snprintf(to.object, sizeof(to.object), "-");
	r = replay_case_add_mapping(m->c, &to);
	if (r < 0 || to.kind == ABI_OBJECT_ANON || replay_kernel_find(m->kernel, to.object))
		return r;
	number = replay_kernel_add(m->kernel, to.object);
	return to.kind == ABI_OBJECT_VDSO ? load_vdso(m, number, &to) : load_file(m, number, &to);
}

static int read_mappings(struct mapper *m)
{
	_cleanup_close_ int fd = -1;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/maps", m->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : procmaps_each(fd, take_mapping, m);
}

/* ---- its memory ---- */

struct pages {
	pid_t pid;
	struct replay_case *c;
	size_t n;
};

static int keep_page(struct pages *p, uint64_t address)
{
	uint8_t page[REPLAY_PIECE_BYTES];

	if (replay_case_read(p->c, page, 1, address) == 0)
		return 0;
	if (p->n == RECORD_PAGES_MAX)
		return -EFAULT;
	if (read_process(p->pid, address, page, sizeof(page)) != (ssize_t)sizeof(page))
		return -EFAULT;
	p->n++;
	return replay_case_add_memory(p->c, address, page, sizeof(page));
}

static int read_and_keep(void *ctx, void *to, size_t bytes, uint64_t address)
{
	const uint64_t in_page = REPLAY_PIECE_BYTES - 1;
	struct pages *p = ctx;
	uint64_t last = address + bytes - 1;

	if (last < address)
		return -EFAULT;
	for (uint64_t page = address & ~in_page; page <= last; page += REPLAY_PIECE_BYTES)
		if (keep_page(p, page) < 0)
			return -EFAULT;
	return replay_case_read(p->c, to, bytes, address);
}

int record_case(pid_t pid, pid_t tid, struct replay_kernel *k, struct replay_case *c,
		struct replay_stack *found)
{
	struct mapper m = {pid, k, c};
	struct pages pages = {pid, c, 0};
	int r;

	replay_case_init(c);
	r = read_regs(tid, c);
	if (r == 0)
		r = read_mappings(&m);
	if (r < 0)
		return r;
	replay_walk(k, c, read_and_keep, &pages, found);
	return 0;
}
