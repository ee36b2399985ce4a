/* Two coroutines of makecontext() that hand over to each other; their stacks end in libc. */
#include "tests/programs/unwind/case.h"

#include <ucontext.h>

static ucontext_t home;
static ucontext_t coroutine[2];
static char stack[2][65536];

FRAME void coroutine_inner(int self)
{
	for (int i = 0; i < 50; i++)
		swapcontext(&coroutine[self], &coroutine[!self]);
	leaf();
}

FRAME void coroutine_outer(int self)
{
	coroutine_inner(self);
	if (self)
		swapcontext(&coroutine[self], &home);
}

static FRAME void coroutine_start(int self)
{
	for (;;)
		coroutine_outer(self);
}

void case_set_up(const char *variant)
{
	(void)variant;
	for (int i = 0; i < 2; i++) {
		getcontext(&coroutine[i]);
		coroutine[i].uc_stack.ss_sp = stack[i];
		coroutine[i].uc_stack.ss_size = sizeof(stack[i]);
		coroutine[i].uc_link = &home;
		makecontext(&coroutine[i], (void (*)(void))coroutine_start, 1, i);
	}
}

void case_body(void)
{
	swapcontext(&home, &coroutine[0]);
}
