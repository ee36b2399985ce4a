/*
 * What the programs share whose stacks are known. case.c has main(), which calls case_body() again
 * and again; a case is what case_body() calls. Every function of a chain is a FRAME: the compiler
 * may neither inline it, copy it, nor leave its caller out.
 */
#ifndef TESTS_PROGRAMS_UNWIND_CASE_H
#define TESTS_PROGRAMS_UNWIND_CASE_H

#include <stdbool.h>
#include <stdint.h>

#define FRAME __attribute__((noipa))

/* The leaf of every chain: about a millisecond of CPU in leaf, in spin and in churned. */
FRAME void leaf(void);
/* About as long in one function: for code whose prologues nobody can walk. */
FRAME void leaf_quiet(void);

/* Once, before the first case_body(); `variant` is the second argument, "" where there is none. */
void case_set_up(const char *variant);
/* Some milliseconds of the case; the chain goes on from here. */
FRAME void case_body(void);

/* "warm-up" while the objects of the program may still be unknown, then "measured". */
const char *case_phase(void);

#endif
