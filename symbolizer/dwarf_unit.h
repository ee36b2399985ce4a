/*
 * The units of .debug_info: where they are, which addresses are whose, and the entries of
 * functions in them. It keeps a unit's few facts, its abbreviations and nothing else; indexes are
 * dwarf_index.c's.
 */
#pragma once

#include "symbolizer/budget.h"
#include "symbolizer/dwarf_sections.h"
#include "symbolizer/segments.h"

/* Chromium has 40,000. */
#define DWARF_UNITS_MAX (1u << 20)

struct dwarf_index;
struct dwarf_split;

struct dwarf_unit {
	uint64_t start; /* of its header in .debug_info */
	uint64_t end;
	uint64_t entries; /* of its first entry */
	uint64_t abbrev_offset;
	struct dwarf_encoding encoding;
	bool refused; /* corrupt or too large: others name its addresses */
	bool has_line;
	/* a language without functions inside of functions: their subtrees may be passed over */
	bool flat;
	bool plain; /* a language whose names are what they are: Go */
	uint64_t low_pc;
	uint64_t line_offset;
	uint64_t address_base;
	uint64_t string_base;
	uint64_t ranges_base; /* before DWARF 5: only of a split unit */
	struct value directory; /* of the compilation */
	/* of a skeleton, and of the split unit behind it */
	struct value split_name; /* of its file; VALUE_NONE: it is no skeleton */
	uint64_t split_id;
	uint64_t split_ranges_base; /* before DWARF 5 */
	struct dwarf_split *split; /* NULL until needed */
	bool split_refused; /* there is none that can be read */
	struct dwarf_abbrevs *abbrevs; /* NULL until needed */
	struct dwarf_index *index; /* likewise */
};

/* Abbreviations that are in memory: a table may be shared by units that stand side by side. */
struct dwarf_abbrevs {
	struct budget_item item;
	struct abbrevs table;
	struct dwarf_file *file;
	uint64_t offset;
	struct dwarf_encoding encoding;
	uint32_t first_unit; /* the run of units that point here */
	uint32_t end_unit;
};

struct dwarf_file {
	const struct elf_image *image; /* whose code it describes */
	const struct elf_image *debug; /* whose sections are read */
	struct budget *budget;
	struct dwarf_file *alt; /* what dwz moved out of several files; NULL: none */
	struct dwarf_sections sections;
	bool has_bad_units; /* of which not all of the root can be read */
	uint64_t base; /* of code: what 32-bit positions count from */
	struct dwarf_unit *units;
	uint32_t n_units;
	struct segment *by_address; /* ids are units */
	size_t n_by_address;
};

/* An entry of a function, or of its inlined instance, as far as names and addresses go. */
struct dwarf_entry {
	uint64_t offset; /* in .debug_info */
	uint16_t tag;
	bool has_children;
	struct value low_pc, high_pc, ranges;
	struct value name, linkage_name;
	uint64_t origin; /* of what it is an instance of or specified by; 0: nothing */
	bool origin_in_alt; /* it stands in the alternate file */
	uint64_t sibling; /* 0: not said */
	uint32_t call_file, call_line, call_column;
};

/*
 * Find the sections, units and their address ranges. 0 with n_units 0 where there is no DWARF.
 * Parts that are corrupt are left out. -ENOMEM, or why compressed sections cannot be inflated, as
 * of dwarf_sections_open(). budget is for abbreviations.
 */
int dwarf_file_open(struct dwarf_file *f, const struct elf_image *image,
		    const struct elf_image *debug, const struct file_opener *opener,
		    struct budget *budget, size_t bytes_max);
/*
 * The same for a file that describes no code itself: dwz's alternate file. No addresses are mapped.
 */
int dwarf_file_open_alt(struct dwarf_file *f, const struct elf_image *alt,
			const struct file_opener *opener, struct budget *budget, size_t bytes_max);
/*
 * The same over sections of split DWARF, which stay the caller's: the unit behind the skeleton of
 * main, which is *ret_unit, gets addresses, ranges and places as the skeleton has them. -ENOENT:
 * no unit there has its id.
 */
int dwarf_file_open_split(struct dwarf_file *f, const struct dwarf_file *main,
			  const struct dwarf_unit *skeleton,
			  const struct span sections[DWARF_SECTION_COUNT],
			  struct dwarf_unit **ret_unit);
void dwarf_file_done(struct dwarf_file *f);
size_t dwarf_file_bytes(const struct dwarf_file *f); /* heap bytes in use, abbreviations apart */

/* The unit over an address, or that holds an offset of .debug_info; NULL: none. */
struct dwarf_unit *dwarf_unit_over(struct dwarf_file *f, uint64_t address);
struct dwarf_unit *dwarf_unit_at(struct dwarf_file *f, uint64_t offset);

/* Have the abbreviations of u in memory, until the budget is trimmed. 0, -EBADMSG, -ENOMEM. */
int dwarf_unit_abbrevs(struct dwarf_file *f, struct dwarf_unit *u);

/*
 * Read the entry that r, within .debug_info, stands at. 1; 0 for the null entry that ends
 * siblings; -EBADMSG. The unit's abbreviations must be there. Attributes are read for functions,
 * of others only the sibling where sought.
 */
int dwarf_entry_next(const struct dwarf_file *f, const struct dwarf_unit *u, struct reader *r,
		     struct dwarf_entry *ret);
/*
 * Read the attributes of the entry at offset whatever its tag is; loads abbreviations. 1 or
 * -EBADMSG, -ENOMEM.
 */
int dwarf_entry_at(struct dwarf_file *f, uint64_t offset, struct dwarf_entry *ret,
		   struct dwarf_unit **ret_unit);

/* The address that a value is or indexes; 0 where there is none. */
uint64_t dwarf_address(const struct dwarf_file *f, const struct dwarf_unit *u,
		       const struct value *v);

/* The string of a value: its length, or -1. */
ptrdiff_t dwarf_string(const struct dwarf_file *f, const struct dwarf_unit *u,
		       const struct value *v, const char **ret);

/*
 * Call take for each [low, high) that low_pc and high_pc or ranges of an entry name; only ranges
 * that begin in code and within 4 GiB of f->base, counted from there. False: take ended it.
 */
typedef bool (*dwarf_take_range)(void *context, uint32_t low, uint32_t high);
/*
 * The same for each [low, high) that .debug_aranges gives the unit of that header offset: in DWARF
 * 2 it alone knows of code that is not in one piece.
 */
typedef bool (*dwarf_take_arange)(void *context, uint64_t unit, uint32_t low, uint32_t high);
void dwarf_aranges(const struct dwarf_file *f, dwarf_take_arange take, void *context);
void dwarf_ranges(const struct dwarf_file *f, const struct dwarf_unit *u,
		  const struct dwarf_entry *e, dwarf_take_range take, void *context);
