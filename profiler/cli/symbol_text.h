/* Addresses as people type them, and their names as `addr2line -f -i -C -p` or JSON prints them. */
#pragma once

#include "profiler/base/buf.h"
#include "profiler/jail/protocol.h"

/*
 * A whole text of hexadecimal digits, with or without 0x. Pure. 0 or -EINVAL; *ret is untouched on
 * failure.
 */
int symbol_text_address(const char *text, size_t len, uint64_t *ret);

/*
 * One line, and one more for each caller; innermost first. What is unknown is `??`, an unknown line
 * `?`. Control characters, which names may have, become `?`.
 */
void symbol_text_words(struct buf *out, const struct protocol_line *lines, size_t n);

/* One object of one line: see DESIGN or hearth-symbolize(1). */
void symbol_text_json(struct buf *out, uint64_t address, const struct protocol_line *lines,
		      size_t n);
