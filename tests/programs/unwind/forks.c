/*
 * Children that work on the parent's code. Variants: "vfork", the child runs on the parent's stack
 * while the parent waits; "fork", it has its own copy; "exec", it works, then becomes exec_target,
 * which has another name.
 */
#include "tests/programs/unwind/case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool vforks;
static bool execs;
static char target[4096];

void case_set_up(const char *variant)
{
	ssize_t length = readlink("/proc/self/exe", target, sizeof(target) - 1);
	char *name = length < 0 ? NULL : strrchr(target, '/');

	vforks = strcmp(variant, "vfork") == 0;
	execs = strcmp(variant, "exec") == 0;
	if (!name || (size_t)(name - target) + sizeof("/unwind_target") > sizeof(target))
		exit(1);
	memcpy(name, "/unwind_target", sizeof("/unwind_target"));
}

FRAME void child_inner(void)
{
	leaf();
}

FRAME void child_outer(void)
{
	for (int i = 0; i < 20; i++)
		child_inner();
}

FRAME void spawn(void)
{
	pid_t pid = vforks ? vfork() : fork();

	if (pid == 0) {
		child_outer();
		if (execs)
			execl(target, target, case_phase(), (char *)NULL);
		_exit(0);
	}
	while (pid > 0 && waitpid(pid, NULL, 0) != pid)
		continue;
}

void case_body(void)
{
	spawn();
}
