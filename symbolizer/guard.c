/*
 * The SIGBUS handler and the mappings it repairs; guard.h says why.
 *
 * A signal's disposition is the process's, so this is the one place of the room with state
 * outside of structs: the action that was there before, and each thread's innermost guard.
 */
#include "symbolizer/guard.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

static struct sigaction before;
static uintptr_t page_mask;
static _Thread_local struct guard *innermost;

static struct guard *guard_of(uintptr_t address)
{
	for (struct guard *g = innermost; g; g = g->outer) {
		uintptr_t start = (uintptr_t)g->data;

		if (address >= start && address - start < ((g->size + page_mask) & ~page_mask))
			return g;
	}
	return NULL;
}

/* Zero pages from the fault to the mapping's end: a cut file has lost all of them. */
static int repair(struct guard *g, uintptr_t address)
{
	uintptr_t from = address & ~page_mask;
	uintptr_t end = ((uintptr_t)g->data + g->size + page_mask) & ~page_mask;
	void *at = mmap((void *)from, end - from, PROT_READ,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);

	return at == MAP_FAILED ? -1 : 0;
}

static void pass_on(int sig, siginfo_t *info, void *context)
{
	if (before.sa_flags & SA_SIGINFO) {
		before.sa_sigaction(sig, info, context);
	} else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
		before.sa_handler(sig);
	} else {
		/*
		 * Returning repeats the access, which ends the process as it would have without
		 * us.
		 */
		signal(sig, SIG_DFL);
	}
}

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	int saved = errno;
	uintptr_t address = (uintptr_t)info->si_addr;
	struct guard *g = info->si_code > 0 ? guard_of(address) : NULL;

	if (g && repair(g, address) == 0)
		g->broken = 1;
	else
		pass_on(sig, info, context);
	errno = saved;
}

/* Ours may have been replaced since the last file by somebody who knew nothing of it. */
static void install(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct sigaction action = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	struct sigaction now;

	pthread_mutex_lock(&lock);
	page_mask = (uintptr_t)sysconf(_SC_PAGESIZE) - 1;
	sigemptyset(&action.sa_mask);
	if (sigaction(SIGBUS, NULL, &now) == 0 && now.sa_sigaction != on_sigbus) {
		before = now;
		sigaction(SIGBUS, &action, NULL);
	}
	pthread_mutex_unlock(&lock);
}

int guard_map(struct guard *g, int fd, size_t size)
{
	void *at;

	install();
	at = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	*g = (struct guard){.data = at, .size = size};
	return 0;
}

void guard_unmap(struct guard *g)
{
	if (g->data)
		munmap((void *)g->data, g->size);
	*g = (struct guard){};
}

void guard_enter(struct guard *g)
{
	g->outer = innermost;
	innermost = g;
}

void guard_leave(struct guard *g)
{
	innermost = g->outer;
	g->outer = NULL;
}

void guard_release_pages(struct guard *g)
{
	if (g->data && !g->broken)
		madvise((void *)g->data, g->size, MADV_DONTNEED);
}
