/*
 * Symbols on their way from a file's tables into a struct symtab: what source_symtab.c, dynamic.c
 * and plt.c tell each other. Pure over an opened image.
 */
#pragma once

#include "symbolizer/module.h"

#include <elf.h>

/* More than any real file has (Chromium: 1.3 million); the rest stays nameless. */
#define SYMBOLS_MAX (1u << 23)

struct symbol_table {
	struct span symbols; /* Elf32_Sym or Elf64_Sym */
	struct span strings;
};

struct code_extent {
	uint64_t start; /* [start, end) of an executable section */
	uint64_t end;
};

struct pending_symbol {
	uint64_t address;
	uint64_t size; /* 0: unknown */
	uint64_t extent_end; /* of its section */
	const char *name;
	size_t len;
	unsigned int rank;
	bool barrier; /* data in code: ends the one before, names nothing */
};

struct symbol_list {
	struct pending_symbol *v; /* the owner of the list frees it */
	size_t n;
	size_t cap;
	bool has_locals;
	bool unreadable; /* some have names past the table's end, or past SPAN_STRING_MAX */
	struct code_extent extent; /* of the last symbol: the next one is mostly in the same */
};

/*
 * Append p, unless its address is in no code; fills its extent. 0, -ENOMEM, or -EFBIG past
 * SYMBOLS_MAX.
 */
int symbol_list_add(struct symbol_list *l, const struct elf_image *image, struct pending_symbol *p);

/* The symbol i < symbol_table_count(), widened to 64 bits. */
void symbol_read(const struct symbol_table *table, size_t i, bool is_64, Elf64_Sym *ret);
size_t symbol_table_count(const struct symbol_table *table, bool is_64);

/* The dynamic symbols, from their section or by PT_DYNAMIC. False: there are none. */
bool symtab_dynamic_table(const struct elf_image *image, struct symbol_table *ret);
