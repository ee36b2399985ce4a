/*
 * A symbolizer worker for a command that asks about files: it does the parsing in its jail, also
 * for root, and is given what the files point to (debug files) when it wants it.
 *
 * Files of different owners are never parsed by the same run of a worker, and one that a file ends
 * or keeps busy costs that file alone. Not thread-safe.
 */
#pragma once

#include "profiler/base/err.h"
#include "profiler/base/wire.h"
#include "profiler/jail/jail.h"
#include "profiler/jail/open_debug.h"
#include "profiler/resolve/fetch.h"

struct elf_worker {
	struct jail_worker worker; /* pid 0: none runs */
	const char *memory; /* what it may take, as quantity_bytes() reads it */
	bool disassembles; /* it has the library for that; false unless changed */
	int fd; /* of the current file, -1: none */
	char *path; /* its absolute path */
	/* Asked for debug files that are not here, and waited for; NULL: none. Borrowed. */
	const struct debug_servers *servers;
	struct fetch *fetch; /* NULL until it is wanted, and where it is not to be had */
	bool fetch_failed;
	uint64_t room_left; /* of this worker: see struct open_debug */
	struct open_debug whose; /* likewise, for what it points to; of the worker's domain */
};

void elf_worker_init(struct elf_worker *w, const char *memory);
void elf_worker_done(struct elf_worker *w);

/*
 * Open the regular file at path and have a worker for its owner. 0, or negative errno and the
 * sentence, which does not have the path.
 */
int elf_worker_open(struct elf_worker *w, const char *path, struct err *err);

/*
 * Send m, whose descriptors stay the caller's, and receive the answer with its id, opening what is
 * wanted meanwhile. timeout_ms from one message of the worker's to the next. 1 and the message, the
 * caller's; or negative errno and the sentence: the worker is lost by then.
 */
int elf_worker_ask(struct elf_worker *w, const struct wire_msg *m, int timeout_ms,
		   struct wire_msg *ret, struct err *err);

/* The worker said nonsense, or nothing: end it. Negative errno `why`, its sentence in err. */
int elf_worker_lost(struct elf_worker *w, int why, struct err *err);
