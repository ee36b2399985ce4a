/*
 * A run-time compiler in small: machine code in memory without a file, which is compiled again
 * under another name, or moves, and is written to a perf map or a jitdump as real ones do.
 *
 * usage: jitted map|dump|none SECONDS STEP...
 *
 * It prints its pid and waits for a line on stdin. Then for each STEP it runs its code for SECONDS
 * of CPU time and prints "STEP BEGIN END" in milliseconds of the wall clock. A STEP is NAME: the
 * code at the one address is called so from now on; or NAME@: the code with that name is put to
 * another address and runs there. The map or the dump is written before the code runs. Dumps are
 * in the working folder.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define PLACE_BYTES 256
#define PLACES	    64

/* Counts its argument down, with a frame pointer. Its lines, and where they begin. */
static const uint32_t lines[] = {10, 20, 21, 30};
static const unsigned char code[] = {
#if defined(__x86_64__)
	0x55, /* push %rbp */
	0x48, 0x89, 0xe5, /* mov %rsp,%rbp */
	0x48, 0xff, 0xcf, /* 1: dec %rdi */
	0x75, 0xfb, /* jnz 1b */
	0x5d, /* pop %rbp */
	0xc3, /* ret */
#elif defined(__aarch64__)
	0xfd, 0x7b, 0xbf, 0xa9, /* stp x29,x30,[sp,#-16]! */
	0xfd, 0x03, 0x00, 0x91, /* mov x29,sp */
	0x00, 0x04, 0x00, 0xf1, /* 1: subs x0,x0,#1 */
	0xe1, 0xff, 0xff, 0x54, /* b.ne 1b */
	0xfd, 0x7b, 0xc1, 0xa8, /* ldp x29,x30,[sp],#16 */
	0xc0, 0x03, 0x5f, 0xd6, /* ret */
#else
#error "no machine code for this machine"
#endif
};
#if defined(__x86_64__)
static const uint32_t line_offsets[] = {0, 4, 7, 9};
#else
static const uint32_t line_offsets[] = {0, 8, 12, 16};
#endif

static unsigned char *memory;
static FILE *map;
static FILE *dump;

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void put(const void *bytes, size_t n)
{
	fwrite(bytes, 1, n, dump);
}

static void put_u32(uint32_t v)
{
	put(&v, sizeof(v));
}

static void put_u64(uint64_t v)
{
	put(&v, sizeof(v));
}

static void put_prefix(uint32_t id, size_t bytes)
{
	put_u32(id);
	put_u32((uint32_t)(16 + bytes));
	put_u64(clock_ns(CLOCK_MONOTONIC));
}

static void put_pids(void)
{
	put_u32((uint32_t)getpid());
	put_u32((uint32_t)getpid());
}

static void open_map(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	map = fopen(path, "w");
	if (!map)
		exit(1);
	setvbuf(map, NULL, _IOLBF, 0);
}

/* With its first page mapped, by which it is found. */
static void open_dump(void)
{
	char path[64];

	snprintf(path, sizeof(path), "jit-%d.dump", getpid());
	dump = fopen(path, "w+");
	if (!dump ||
	    mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fileno(dump), 0) == MAP_FAILED)
		exit(1);
	put_u32(0x4a695444);
	put_u32(1);
	put_u32(40);
	put_u32(62);
	put_u32(0);
	put_u32((uint32_t)getpid());
	put_u64(clock_ns(CLOCK_MONOTONIC));
	put_u64(0);
	fflush(dump);
}

/* Lines of /srv/NAME.jit; the file is named once. */
static void tell_lines(const unsigned char *at, const char *name)
{
	const size_t n = sizeof(lines) / sizeof(lines[0]);
	char file[128];

	snprintf(file, sizeof(file), "/srv/%s.jit", name);
	put_prefix(2, 16 + n * 16 + strlen(file) + 1 + (n - 1) * 2);
	put_u64((uintptr_t)at);
	put_u64(n);
	for (size_t i = 0; i < n; i++) {
		put_u64((uintptr_t)at + line_offsets[i]);
		put_u32(lines[i]);
		put_u32(0);
		put(i ? "\xff" : file, i ? 2 : strlen(file) + 1);
	}
}

static void tell(const unsigned char *at, const char *name)
{
	if (map)
		fprintf(map, "%" PRIxPTR " %zx %s\n", (uintptr_t)at, sizeof(code), name);
	if (!dump)
		return;
	tell_lines(at, name);
	put_prefix(0, 40 + strlen(name) + 1 + sizeof(code));
	put_pids();
	put_u64((uintptr_t)at);
	put_u64((uintptr_t)at);
	put_u64(sizeof(code));
	put_u64(0);
	put(name, strlen(name) + 1);
	put(code, sizeof(code));
	fflush(dump);
}

static void tell_move(const unsigned char *from, const unsigned char *to, const char *name)
{
	if (map)
		tell(to, name);
	if (!dump)
		return;
	put_prefix(1, 48);
	put_pids();
	put_u64((uintptr_t)to);
	put_u64((uintptr_t)from);
	put_u64((uintptr_t)to);
	put_u64(sizeof(code));
	put_u64(0);
	fflush(dump);
}

static void run(const unsigned char *at, double seconds, const char *step)
{
	uint64_t begin = clock_ns(CLOCK_REALTIME);
	uint64_t end = clock_ns(CLOCK_PROCESS_CPUTIME_ID) + (uint64_t)(seconds * 1e9);
	void (*spin)(uint64_t n);

	memcpy(&spin, &at, sizeof(spin));
	while (clock_ns(CLOCK_PROCESS_CPUTIME_ID) < end)
		spin(100000);
	printf("%s %" PRIu64 " %" PRIu64 "\n", step, begin / 1000000,
	       clock_ns(CLOCK_REALTIME) / 1000000);
	fflush(stdout);
}

static void make(unsigned char *at)
{
	memcpy(at, code, sizeof(code));
	__builtin___clear_cache((char *)at, (char *)at + sizeof(code));
}

int main(int argc, char **argv)
{
	char line[16];
	int place = 0;

	if (argc < 4)
		return 2;
	memory = mmap(NULL, PLACE_BYTES * PLACES, PROT_READ | PROT_WRITE | PROT_EXEC,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return 1;
	printf("%d\n", getpid());
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 1;
	if (strcmp(argv[1], "map") == 0)
		open_map();
	else if (strcmp(argv[1], "dump") == 0)
		open_dump();
	for (int i = 3; i < argc; i++) {
		size_t len = strlen(argv[i]);
		unsigned char *at = memory + PLACE_BYTES * place;

		if (argv[i][len - 1] == '@' && place + 1 < PLACES) {
			char *name = strndup(argv[i], len - 1);

			make(at + PLACE_BYTES);
			tell_move(at, at + PLACE_BYTES, name);
			free(name);
			place++;
			at += PLACE_BYTES;
		} else {
			make(at);
			tell(at, argv[i]);
		}
		run(at, strtod(argv[2], NULL), argv[i]);
	}
	return 0;
}
