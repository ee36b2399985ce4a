/* Instructions of a function, as whoever disassembles tells them to the page. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct web_instruction {
	uint64_t offset; /* in the file */
	uint64_t address; /* as its assembler has it */
	const char *text;
	uint8_t bytes;
};

struct web_code {
	struct web_instruction *row; /* by offset */
	size_t n;
	char *strings; /* what they point into */
};

void web_code_done(struct web_code *c);

/* Which code is asked for: of the file at this path with this build id (lower-case hex). */
struct web_code_range {
	const char *path, *build_id;
	/* In the file: the function over from, or where none is known, [from, until). */
	uint64_t from, until;
};
