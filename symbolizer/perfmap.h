/*
 * Perf maps, /tmp/perf-PID.map, parsed: the code that a run-time compiler has made, one region a
 * line, "START SIZE NAME" with hexadecimal numbers (Linux, tools/perf/Documentation/
 * jit-interface.txt). What is written later holds where lines overlap.
 *
 * Whoever runs the process writes them, so every field is checked.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Longer lines are none: names of nested generic types get long, code paths do not. */
#define PERFMAP_LINE_BYTES (16 << 10)

struct perfmap_line {
	uint64_t start, end; /* [start, end), which is empty for a name without code */
	const char *name; /* points into the line, not empty */
	size_t name_len;
};

/*
 * One line without its newline; numbers may begin with 0x, as Java writes them. 0, or -EBADMSG with
 * *ret untouched. Pure.
 */
int perfmap_parse_line(const char *line, size_t len, struct perfmap_line *ret);
