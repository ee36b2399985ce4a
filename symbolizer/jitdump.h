/*
 * Jitdump, jit-PID.dump, parsed: what a run-time compiler made, when, and where it was moved to
 * (Linux, tools/perf/Documentation/jitdump-specification.txt, version 1).
 *
 * A header, then records, each with a prefix that says its length. Whoever runs the process writes
 * them, so every field is checked. Numbers are of our own byte order: a dump of another machine is
 * not of a process that runs here. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JITDUMP_HEADER_BYTES 40
#define JITDUMP_PREFIX_BYTES 16
#define JITDUMP_LOAD_BYTES   40 /* of a LOAD's body before the name */
#define JITDUMP_NAME_MAX     (16 << 10)
#define JITDUMP_LINES_MAX    (1u << 20) /* bytes of a DEBUG_INFO; longer ones are not read */

enum jitdump_id {
	JITDUMP_LOAD = 0,
	JITDUMP_MOVE = 1,
	JITDUMP_DEBUG_INFO = 2,
	JITDUMP_CLOSE = 3,
	JITDUMP_UNWINDING_INFO = 4,
};

struct jitdump_header {
	uint32_t bytes; /* of it: where the first record begins */
	uint32_t pid; /* as the process sees itself */
	bool monotonic; /* times are CLOCK_MONOTONIC; otherwise a CPU's counter */
};

struct jitdump_prefix {
	uint32_t id; /* enum jitdump_id, or one to be skipped */
	uint32_t bytes; /* of the record with its prefix */
	uint64_t time_ns;
};

struct jitdump_load {
	uint64_t start, end; /* [start, end) */
	const char *name; /* points into the body */
	size_t name_len;
};

struct jitdump_move {
	uint64_t from, to, size;
};

/* Of a DEBUG_INFO, which stands before the LOAD that it is of. */
struct jitdump_lines {
	uint64_t code; /* where that begins */
	uint64_t n; /* entries that are left */
	const uint8_t *at, *end;
	const char *file; /* of the last one */
	size_t file_len;
};
struct jitdump_line {
	uint64_t address;
	uint32_t line;
	const char *file; /* points into the body */
	size_t file_len;
};

/* All: 0, or -EBADMSG with *ret untouched. A header: at least JITDUMP_HEADER_BYTES. */
int jitdump_parse_header(const void *bytes, size_t len, struct jitdump_header *ret);
int jitdump_parse_prefix(const void *bytes, size_t len, struct jitdump_prefix *ret);
/* What follows the prefix; of a LOAD the code at its end may be missing. */
int jitdump_parse_load(const void *body, size_t len, struct jitdump_load *ret);
int jitdump_parse_move(const void *body, size_t len, struct jitdump_move *ret);
/*
 * Here -EBADMSG is no word on the rest of the dump: V8 of Node 20 writes freed memory where files'
 * names belong. Every entry is looked at before the first is given.
 */
int jitdump_parse_lines(const void *body, size_t len, struct jitdump_lines *ret);
/* The next entry; false: there is none. */
bool jitdump_next_line(struct jitdump_lines *l, struct jitdump_line *ret);
