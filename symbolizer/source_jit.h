/*
 * Names and lines of run-time compiled code, of one process: its perf map and its jitdump, read as
 * they grow.
 *
 * Both come as descriptors, again and again; what was read is remembered. A file that was replaced,
 * cut or written anew is read from its start. The dump answers exactly, for it has times; where it
 * does not know, the map's last line does. A file that is none, or past its bounds, is set aside
 * with a sentence and names nothing: names that may have been overtaken are not given.
 */
#pragma once

#include "profiler/base/err.h"
#include "symbolizer/jit_regions.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOURCE_JIT_MAP_BYTES_MAX  (1ull << 30) /* of a perf map; longer ones are not read */
#define SOURCE_JIT_DUMP_BYTES_MAX (4ull << 30) /* of a jitdump, which holds the code as well */
#define SOURCE_JIT_BYTES_MAX	  (16u << 20) /* of memory, for each of the two */
#define SOURCE_JIT_BAD_LINES	  64 /* a map may have so many lines that are none, and a tenth */

enum source_jit_kind {
	SOURCE_JIT_MAP,
	SOURCE_JIT_DUMP,
	SOURCE_JIT_KINDS,
};

/* Bytes that were read, to know a file again that was written anew. */
#define SOURCE_JIT_PRINT 64

/* One of the two files, as far as it was read. */
struct source_jit_file {
	uint64_t dev, ino, size, mtime_ns; /* when it was looked at last */
	uint64_t at; /* all before is read */
	uint8_t head[SOURCE_JIT_PRINT], tail[SOURCE_JIT_PRINT]; /* of [0, at) */
	bool begun; /* the dump's header was read */
	bool timed;
	bool skipping; /* in a line that is too long */
	bool bad_lines; /* source lines were left out: they are garbage, or too many */
	uint64_t good, bad; /* lines */
	int failed; /* negative errno: set aside */
	char sentence[128];
	struct jit_regions regions;
};

struct source_jit {
	struct source_jit_file file[SOURCE_JIT_KINDS];
};

void source_jit_init(struct source_jit *s);
void source_jit_done(struct source_jit *s);
size_t source_jit_bytes(const struct source_jit *s); /* of memory */

/*
 * Read what is new in fd, which stays the caller's, until deadline_ns (CLOCK_MONOTONIC; 0: none).
 * 0: all of it; 1: there is more, come again, nothing of it is known yet; negative errno and the
 * sentence: it is set aside, until it is another file. last: its process has ended, so that a last
 * line without an end is an error. What a dump says of source lines is left out where it is garbage
 * or too much: the rest holds, and -ENODATA with its sentence stands for 0.
 */
int source_jit_read(struct source_jit *s, enum source_jit_kind kind, int fd, bool last,
		    uint64_t deadline_ns, struct err *err);

/* The file of that kind is no longer there. */
void source_jit_without(struct source_jit *s, enum source_jit_kind kind);

/*
 * What the code at address was called at time_ns (CLOCK_MONOTONIC), and its source line, borrowed
 * until the next reading.
 */
struct jit_place source_jit_name(const struct source_jit *s, uint64_t address, uint64_t time_ns);
