/*
 * Functions, inlined callers, files and lines from DWARF 2 to 5. Answers what it knows and passes
 * on the rest: a unit that is corrupt or too large for the budget is as if it were not there. Split
 * DWARF and dwz's alternate files are followed; type signatures are not, for they name no code.
 */
#pragma once

#include "symbolizer/answer.h"
#include "symbolizer/dwarf_index.h"
#include "symbolizer/dwarf_paths.h"
#include "symbolizer/dwarf_split.h"
#include "symbolizer/names.h"

struct source_dwarf {
	const struct elf_image *image; /* whose addresses are asked for */
	const struct elf_image *debug; /* where the sections are: the same, or its debug file */
	const struct elf_image *alt; /* dwz's alternate file of that; NULL: none */
	struct budget *budget;
	struct budget_item item; /* sections and units; everything else falls with it */
	bool loaded;
	bool absent; /* no DWARF, or none that can be read */
	const char *trouble; /* the first reason why some of it is not used; NULL: none */
	struct dwarf_file file;
	struct dwarf_file alt_file;
	struct dwarf_splits splits;
	struct dwarf_paths paths;
	struct names names;
};

void source_dwarf_init(struct source_dwarf *d, const struct elf_image *image,
		       struct budget *budget);
void source_dwarf_done(struct source_dwarf *d);
/*
 * The debug information stands in debug, and parts of it in alt (NULL: none), which outlive d; what
 * it is split into is opened by opener. Before the first question.
 */
void source_dwarf_read(struct source_dwarf *d, const struct elf_image *debug,
		       const struct elf_image *alt, const struct file_opener *opener);
/* As of guard_release_pages(), for the files that it opened. */
void source_dwarf_rest(struct source_dwarf *d);

/*
 * Add to a what the debug information says of a virtual address: one line a function, innermost
 * first, or a line without a function where only the line is known. 0 also when it passes, or
 * -ENOMEM.
 */
int source_dwarf_name(struct source_dwarf *d, uint64_t address, struct answer *a);
