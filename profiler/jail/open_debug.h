/*
 * Opening for a worker: which path a want of the symbolizer's is, below the root of the process
 * whose file it is about, then below the host's.
 *
 * The worker may have been taken over by the file: what it says is a path that the file's owner
 * could have named, and is opened with that owner's rights. See open_for_other().
 */
#pragma once

#include "profiler/base/wire.h"
#include "profiler/jail/protocol_want.h"

#include <stdint.h>

/* What one run of a worker is given as room. */
#define OPEN_DEBUG_ROOM_MAX (2ull << 30)
#define OPEN_DEBUG_ROOM_DIR "/var/tmp"

/* The file that is being parsed. */
struct open_debug {
	uint32_t domain; /* as of open_for_domain() */
	uint32_t pid; /* a process that maps it, which may have ended; 0: none */
	uint64_t start_ns; /* its start, CLOCK_BOOTTIME; 0: not checked */
	const char *path; /* absolute, as the process's root has it; NULL: not known */
	/*
	 * Asked last for what has a build id: as open_debug(), once; skip is not 0 where what it
	 * gave before was not the right one. NULL: nobody.
	 */
	int (*elsewhere)(void *ctx, const struct protocol_want *want, unsigned int skip);
	void *elsewhere_ctx;
	/* Where files without a name may be made, and how many bytes more; NULL: nowhere. */
	const char *room_dir;
	uint64_t *room_left;
};

/*
 * A descriptor (O_RDONLY, close-on-exec, the caller's), -ENOENT, or the last reason why not. May
 * block for as long as a dead file server does.
 */
int open_debug(const struct open_debug *whose, const struct protocol_want *want);

/*
 * Answer the WANT m of a worker: parse it, open, send FILE. 0; -EBADMSG where it is no WANT of this
 * request, or comes with descriptors; or what sending said.
 */
int open_debug_answer(int sock, const struct wire_msg *m, uint32_t request,
		      const struct open_debug *whose);

/*
 * The paths of a want, best first, for paths[0, max), each for the caller to free. Pure. Their
 * number, or -ENOMEM (nothing to free then).
 */
#define OPEN_DEBUG_PATHS 3
int open_debug_paths(const char *of, const struct protocol_want *want, char *ret[OPEN_DEBUG_PATHS]);
