/*
 * Where results go: stdout, or a file that is there whole or not at all.
 *
 * A new or regular file is written beside its name and renamed when it is complete, so that
 * nobody reads half of it and a failure keeps what was there. Devices, pipes and symbolic links
 * (/dev/stdout) are written in place.
 */
#pragma once

#include "profiler/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct output {
	const char *path; /* NULL: stdout */
	char *temporary; /* NULL: written in place */
	int fd;
	uid_t folder_owner;
};

/* path (borrowed; NULL: stdout). On failure a sentence with the path. */
int output_open(const char *path, struct output *ret, struct err *err);
int output_write(struct output *o, const void *data, size_t len, struct err *err);
/* The same with an answer's (answer.h) shape: arg is a struct output. */
int output_write_answer(void *arg, const void *data, size_t len, struct err *err);
/*
 * All was written: the file takes its name. Where it cannot, the sentence says under which name
 * it is kept. o is done in either case. A process that has given up CAP_DAC_OVERRIDE since
 * output_open() needs CAP_SETUID.
 */
int output_commit(struct output *o, struct err *err);
/* Give up: what was there stays. Does nothing after output_commit(). */
void output_discard(struct output *o);
