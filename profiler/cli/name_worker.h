/* Names for addresses of one file for a command, by a worker in its jail. Not thread-safe. */
#pragma once

#include "profiler/cli/elf_worker.h"
#include "profiler/jail/protocol.h"

struct name_worker {
	struct elf_worker file;
	bool by_offset; /* positions in the file, not virtual addresses */
	bool troubled; /* it was told that some of the file is not used */
	bool known; /* the worker has been given the file, */
	uint32_t object; /* as this; never used again */
	uint32_t request;
};

/* servers are asked for debug files that are not here; borrowed. */
void name_worker_init(struct name_worker *w, bool by_offset, const struct debug_servers *servers);
void name_worker_done(struct name_worker *w);

/*
 * 0, or negative errno and the sentence, which begins with the path. Where some of the file is not
 * used, the first answer about it says so on stderr.
 */
int name_worker_open(struct name_worker *w, const char *path, struct err *err);

/*
 * Call take for each of addresses[0, n), in order; n_lines 0: nobody knows. What it is given is
 * borrowed for the call. 0, or negative errno and the sentence, which begins with the path.
 */
typedef void (*name_worker_take)(void *ctx, uint64_t address, const struct protocol_line *lines,
				 size_t n_lines);
int name_worker_ask(struct name_worker *w, const uint64_t *addresses, size_t n,
		    name_worker_take take, void *ctx, struct err *err);
