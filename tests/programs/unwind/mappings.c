/*
 * Mappings that change all the time under a stack that goes through a loaded object: one thread
 * maps, splits, replaces and unmaps, thousands of times a second, the page of alpha's code (see
 * plugin.c) among others; another runs in alpha and in beta, which is loaded and unloaded.
 */
#include "tests/programs/unwind/case.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE	 4096ul
#define PAGES	 8ul
#define BESIDE	 ((char *)0x100000000000) /* where nothing else is mapped */
#define BURST	 10
#define PAUSE_US 3000 /* after BURST times CHANGES: well above 5,000 changes a second */
#define CHANGES	 6

static char paths[2][PATH_MAX + 32];
static int file;
static void (*alpha)(void (*callback)(void));
static char *code; /* the page that alpha() is in */
static off_t code_offset;
static _Atomic unsigned long changes;
static time_t begin;

static void must(bool truth)
{
	if (!truth)
		_exit(1);
}

static void map(char *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
	must(mmap(at, bytes, protection, MAP_PRIVATE | MAP_FIXED | flags, fd, offset) == at);
}

/* Each of the changes works on the process's tree of mappings in another way. */
static void change(unsigned n)
{
	char *hole = BESIDE + (n % (PAGES - 2) + 1) * PAGE;

	map(BESIDE, PAGES * PAGE, n & 1 ? PROT_READ | PROT_EXEC : PROT_READ, 0, file, 0);
	must(!mprotect(hole, PAGE, PROT_READ | PROT_WRITE | (n & 2 ? PROT_EXEC : 0)));
	map(hole, PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0);
	must(!munmap(BESIDE, PAGES * PAGE / 2));
	must(!mprotect(code, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC));
	map(code, PAGE, PROT_READ | PROT_EXEC, 0, file, code_offset);
	atomic_fetch_add(&changes, CHANGES);
}

static FRAME void *mapper_start(void *argument)
{
	unsigned n = 0;

	for (;;) {
		for (int i = 0; i < BURST; i++)
			change(n++);
		usleep(PAUSE_US);
	}
	return argument;
}

FRAME void called_back(void)
{
	leaf();
}

static void *load(const char *path, void (**ret_plugin)(void (*)(void)))
{
	void *object = dlopen(path, RTLD_NOW);

	must(object != NULL);
	*(void **)ret_plugin = dlsym(object, "plugin");
	return object;
}

void case_set_up(const char *variant)
{
	char exe[PATH_MAX] = "";
	pthread_t mapper;
	Dl_info info;

	(void)variant;
	must(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
	dirname(exe);
	snprintf(paths[0], sizeof(paths[0]), "%s/unwind_alpha.so", exe);
	snprintf(paths[1], sizeof(paths[1]), "%s/unwind_beta.so", exe);
	begin = time(NULL);
	load(paths[0], &alpha);
	must(dladdr(*(void **)&alpha, &info) != 0);
	code = (char *)((uintptr_t) * (void **)&alpha & ~(PAGE - 1));
	code_offset = code - (char *)info.dli_fbase; /* the linker lays the file out as memory */
	file = open(paths[0], O_RDONLY | O_CLOEXEC);
	must(file >= 0);
	must(!pthread_create(&mapper, NULL, mapper_start, NULL));
}

FRAME void run_alpha(void)
{
	alpha(called_back);
}

FRAME void run_beta(void)
{
	void (*beta)(void (*)(void));
	void *object = load(paths[1], &beta);

	beta(called_back);
	dlclose(object);
}

void case_body(void)
{
	run_alpha();
	run_beta();
}

/* How fast it was, so that a test knows that there was something to be seen. */
static __attribute__((destructor)) void report(void)
{
	printf("changes a second %lu\n",
	       atomic_load(&changes) / (unsigned long)(time(NULL) - begin + 1));
}
