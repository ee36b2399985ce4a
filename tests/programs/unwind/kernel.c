/*
 * Work in the kernel. Variants: "calls", system calls that are short; "reads", longer ones;
 * "faults", page faults, which interrupt a function instead of being called by it.
 */
#include "tests/programs/unwind/case.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BYTES (4 << 20)

static char kind;
static int zeroes;
static char *memory;

void case_set_up(const char *variant)
{
	kind = variant[0];
	zeroes = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (zeroes < 0 || memory == MAP_FAILED)
		exit(1);
	madvise(memory, BYTES, MADV_NOHUGEPAGE);
}

FRAME void calls(void)
{
	for (int i = 0; i < 10000; i++)
		getppid();
}

FRAME void reads(void)
{
	for (int i = 0; i < 100; i++)
		if (read(zeroes, memory, 65536) < 0)
			exit(1);
}

FRAME void touch(char *at)
{
	*(volatile char *)at = 1;
}

FRAME void faults(void)
{
	for (int i = 0; i < BYTES; i += 4096)
		touch(memory + i);
	madvise(memory, BYTES, MADV_DONTNEED);
}

void case_body(void)
{
	if (kind == 'c')
		calls();
	else if (kind == 'r')
		reads();
	else
		faults();
}
