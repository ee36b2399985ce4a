/*
 * The command that `record -- COMMAND` runs: forked early, with the user's privileges whole, and
 * held before its first instruction until it is sampled.
 */
#pragma once

#include "profiler/base/err.h"

#include <stdbool.h>
#include <sys/types.h>

struct command {
	pid_t pid; /* 0: none */
	int pidfd;
	int gate; /* closing it lets the child go */
	int report; /* the child's errno when exec failed; closed by exec */
	bool reaped;
	int status;
};

/* Fork; the child waits. argv is NULL-terminated. */
int command_prepare(char *const *argv, struct command *ret, struct err *err);
void command_release(struct command *c);
bool command_has_ended(struct command *c); /* reaps it */

/*
 * Its exit status as a shell and env give it: its own, 128 + N for a signal, 127 not found, 126 not
 * executable. kill: it is ended first (what was to be done with it failed). Waits for its end.
 */
int command_end(struct command *c, bool kill);
