/*
 * Foreign files mapped into memory, guarded against their own truncation.
 *
 * A file that is cut while it is mapped raises SIGBUS at the next touch of a lost page. The
 * handler puts zero pages there and marks the mapping: the reader goes on over zeros, which
 * bounded parsers survive, and its caller asks guard_broken() before it believes a word. No jump
 * leaves a library half-way, so nothing leaks and no state is torn. Faults outside of an entered
 * guard go to the handler of before.
 *
 * guard_enter() and guard_leave() nest, are per thread, and cost two stores.
 */
#pragma once

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

struct guard {
	const uint8_t *data; /* the file's bytes, NULL when nothing is mapped */
	size_t size;
	volatile sig_atomic_t broken;
	struct guard *outer; /* entered before this one, on this thread */
};

/*
 * Map [0, size) of fd, read-only and private; size > 0. The descriptor may be closed afterwards.
 * Installs the process's SIGBUS handler where it is not in place. 0 or errno of mmap.
 */
int guard_map(struct guard *g, int fd, size_t size);
void guard_unmap(struct guard *g); /* a zeroed guard is allowed */

void guard_enter(struct guard *g);
void guard_leave(struct guard *g);

static inline int guard_broken(const struct guard *g)
{
	return g->broken;
}

/* Give the pages that were read back to the page cache; they are read again when touched. */
void guard_release_pages(struct guard *g);
