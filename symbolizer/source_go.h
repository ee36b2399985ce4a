/*
 * Functions, inlined calls, files and lines of Go programs, from the table by which Go makes its
 * own stack traces. Answers where debug information has been stripped, and passes elsewhere.
 */
#pragma once

#include "symbolizer/answer.h"
#include "symbolizer/go_module.h"

struct source_go {
	const struct elf_image *image;
	bool sought;
	bool there;
	struct go_module module;
	struct names names;
	struct names files;
};

void source_go_init(struct source_go *g, const struct elf_image *image, struct budget *budget);
void source_go_done(struct source_go *g);

/* Add to a what the table says of a virtual address. 0 also when it passes, or -ENOMEM. */
int source_go_name(struct source_go *g, uint64_t address, struct answer *a);
