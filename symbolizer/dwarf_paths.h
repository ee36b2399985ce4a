/* Paths of source files, joined from the parts in line tables, each kept once. */
#pragma once

#include "profiler/base/hash.h"
#include "symbolizer/budget.h"
#include "symbolizer/dwarf_line.h"
#include "symbolizer/dwarf_unit.h"

/* Longer paths are left unknown: the system opens none longer. */
#define PATH_BYTES_MAX 4096

struct path_use {
	uint32_t unit;
	uint32_t file;
	uint32_t path; /* index of paths; PATH_NONE: it has none */
};

struct dwarf_paths {
	struct budget_item item;
	struct budget *budget;
	struct path_use *uses;
	size_t n_uses;
	size_t uses_cap;
	struct idmap by_use;
	char **paths;
	size_t n_paths;
	size_t paths_cap;
	struct idmap by_text;
	size_t bytes;
};

void dwarf_paths_init(struct dwarf_paths *p, struct budget *budget);
void dwarf_paths_done(struct dwarf_paths *p);

/*
 * The path of a file of u's line table in *ret, NULL where unknown; lives until the budget is
 * trimmed. 0 or -ENOMEM.
 */
int dwarf_paths_get(struct dwarf_paths *p, const struct dwarf_file *f, const struct dwarf_unit *u,
		    const struct line_header *lines, uint32_t file, const char **ret);
