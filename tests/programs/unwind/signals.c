/*
 * A signal handler with a chain of its own. Variants: "raised", the handler is called out of
 * raise(); "timer", it interrupts a function at any instruction; "altstack", likewise, and runs on
 * a stack of its own.
 */
#include "tests/programs/unwind/case.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

static bool raised;

FRAME void in_handler(void)
{
	leaf();
}

static FRAME void on_signal(int number)
{
	(void)number;
	in_handler();
}

void case_set_up(const char *variant)
{
	static char space[65536];
	stack_t stack = {.ss_sp = space, .ss_size = sizeof(space)};
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	/* The handler takes about a millisecond: half of the time is the interrupted function's. */
	struct itimerval timer = {{0, 2500}, {0, 2500}};

	raised = strcmp(variant, "raised") == 0;
	if (strcmp(variant, "altstack") == 0) {
		action.sa_flags |= SA_ONSTACK;
		sigaltstack(&stack, NULL);
	}
	sigaction(SIGPROF, &action, NULL);
	if (!raised)
		setitimer(ITIMER_PROF, &timer, NULL);
}

FRAME void interrupted(void)
{
	leaf();
}

FRAME void raising(void)
{
	raise(SIGPROF);
}

void case_body(void)
{
	if (raised)
		raising();
	else
		interrupted();
}
