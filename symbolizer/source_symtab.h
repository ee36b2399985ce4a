/*
 * Names from ELF symbol tables: .symtab of the file or of its separate debug file; without one
 * .dynsym, or what PT_DYNAMIC leads to in a file without section headers, and MiniDebugInfo; and
 * PLT stubs from the relocations of the slots that they jump through.
 *
 * A name is never wrong: an address past the size of a symbol belongs to nobody, data symbols
 * never name code, and a symbol without a size names more than its own address only where the
 * table is known to be whole.
 */
#pragma once

#include "symbolizer/budget.h"
#include "symbolizer/module.h"
#include "symbolizer/names.h"
#include "symbolizer/segments.h"
#include "symbolizer/symbol_list.h"

struct symbol {
	const char *name; /* in the file; bounded by span_string() when it was taken */
	uint32_t address; /* from base */
	uint32_t len : 24; /* of name */
	uint32_t rank : 8; /* of two at one place the higher one is shown */
};

struct symtab {
	const struct elf_image *image;
	const struct elf_image *debug; /* its separate debug file; NULL: none */
	struct budget *budget;
	struct budget_item item; /* the tables; loaded again when they were dropped */
	bool loaded;
	uint64_t base; /* of addresses: the lowest executable one */
	struct symbol *symbols;
	size_t n_symbols;
	struct segment *segments; /* ids are indexes of symbols */
	size_t n_segments;
	struct names names;
	struct elf_image mini; /* MiniDebugInfo, over these bytes */
	uint8_t *mini_bytes;
	const char *trouble; /* why some of it is not used; NULL: nothing is wrong */
	char *made; /* names that stand in no file: "printf@plt" */
};

void symtab_init(struct symtab *t, const struct elf_image *image, struct budget *budget);
void symtab_done(struct symtab *t);
/* Its separate debug file, which outlives t. Before the first question. */
void symtab_read(struct symtab *t, const struct elf_image *debug);

/*
 * Does the file have a .symtab (whole or stripped of locals), so that more than exported names
 * are known?
 */
bool symtab_is_full(const struct elf_image *image);

/*
 * The name of the symbol over a virtual address, as of names_get(). 1, 0 when there is none, or
 * -ENOMEM.
 */
int symtab_name(struct symtab *t, uint64_t address, struct name *ret);
