/* Native code calls code in anonymous memory, which keeps a frame pointer and calls native code. */
#include "tests/programs/unwind/case.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* push %rbp; mov %rsp,%rbp; mov $60000,%eax; 1: dec %eax; jnz 1b; call *%rdi; pop %rbp; ret */
static const unsigned char code[] = {0x55, 0x48, 0x89, 0xe5, 0xb8, 0x60, 0xea, 0x00, 0x00,
				     0xff, 0xc8, 0x75, 0xfc, 0xff, 0xd7, 0x5d, 0xc3};
static void (*compiled)(void (*callback)(void));

void case_set_up(const char *variant)
{
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)variant;
	if (memory == MAP_FAILED)
		exit(1);
	memcpy(memory, code, sizeof(code));
	if (mprotect(memory, 4096, PROT_READ | PROT_EXEC))
		exit(1);
	*(void **)&compiled = memory;
}

FRAME void called_by_jit(void)
{
	leaf();
}

FRAME void enter_jit(void)
{
	for (int i = 0; i < 10; i++)
		compiled(called_by_jit);
}

void case_body(void)
{
	enter_jit();
}
