/* The package first, else a file for the unit; dwarf_split.h is the contract. */
#include "symbolizer/dwarf_split.h"

#include "profiler/base/cleanup.h"
#include "symbolizer/dwarf_index.h"

#include <errno.h>
#include <string.h>

#define PATH_BYTES_MAX 4096
/* Of the budget: what the inflated sections of one file may take. */
#define INFLATE_SHARE 4
/* What a mapped file costs besides our memory, so that not too many are open. */
#define MAPPING_BYTES 32768

/* ---- the index of a package ---- */

/* Columns of a package's index: ours for theirs, of GNU's extension and of DWARF 5. */
static int section_of(uint32_t id, bool is_5)
{
	switch (id) {
	case 1:
		return DWARF_INFO;
	case 3:
		return DWARF_ABBREV;
	case 6:
		return DWARF_STR_OFFSETS;
	case 8:
		return is_5 ? DWARF_RNGLISTS : -1;
	default:
		return -1;
	}
}

struct package_index {
	bool is_5;
	uint32_t n_columns, n_units, n_slots;
	struct reader slots; /* n_slots ids, then as many rows */
	struct reader columns; /* ids, then n_units rows of offsets, then as many of sizes */
};

static bool parse_index(struct span bytes, struct package_index *ret)
{
	struct reader r = reader_over(bytes, 0);
	uint32_t version = (uint32_t)reader_fixed(&r, 4);
	uint64_t slot_bytes, table_bytes;

	/* DWARF 5 has a half word and padding where the extension has a word. */
	ret->is_5 = (version & 0xffff) == 5;
	if (!ret->is_5 && version != 2)
		return false;
	ret->n_columns = (uint32_t)reader_fixed(&r, 4);
	ret->n_units = (uint32_t)reader_fixed(&r, 4);
	ret->n_slots = (uint32_t)reader_fixed(&r, 4);
	if (r.bad || !ret->n_slots || (ret->n_slots & (ret->n_slots - 1)) || ret->n_columns > 64)
		return false;
	slot_bytes = (uint64_t)ret->n_slots * 12;
	table_bytes = 4 * (uint64_t)ret->n_columns * (1 + 2 * (uint64_t)ret->n_units);
	ret->slots = r;
	reader_skip(&r, slot_bytes);
	ret->columns = r;
	reader_skip(&r, table_bytes);
	return !r.bad;
}

static uint64_t at(const struct reader *base, uint64_t offset, unsigned int bytes)
{
	struct reader r = *base;

	reader_skip(&r, offset);
	return reader_fixed(&r, bytes);
}

/* The row of an id, from 1 on; 0: none. The hash is the id itself, its upper half the step. */
static uint32_t find_row(const struct package_index *x, uint64_t id)
{
	uint64_t mask = x->n_slots - 1, slot = id & mask, step = ((id >> 32) & mask) | 1;

	for (uint32_t tries = 0; tries < x->n_slots; tries++) {
		uint32_t row = (uint32_t)at(&x->slots, 8 * (uint64_t)x->n_slots + 4 * slot, 4);

		if (!row)
			return 0;
		if (at(&x->slots, 8 * slot, 8) == id)
			return row;
		slot = (slot + step) & mask;
	}
	return 0;
}

bool dwarf_package_find(struct span index, uint64_t id, struct dwarf_part ret[DWARF_SECTION_COUNT])
{
	struct dwarf_part parts[DWARF_SECTION_COUNT] = {};
	struct package_index x;
	uint32_t row;

	if (!parse_index(index, &x))
		return false;
	row = find_row(&x, id);
	if (!row || row > x.n_units)
		return false;
	for (uint32_t i = 0; i < x.n_columns; i++) {
		int section = section_of((uint32_t)at(&x.columns, 4 * (uint64_t)i, 4), x.is_5);
		uint64_t offset = (uint64_t)row * x.n_columns + i;

		if (section < 0)
			continue;
		parts[section] = (struct dwarf_part){
			.offset = (uint32_t)at(&x.columns, 4 * offset, 4),
			.size = (uint32_t)at(&x.columns,
					     4 * (offset + (uint64_t)x.n_units * x.n_columns), 4)};
	}
	memcpy(ret, parts, sizeof(parts));
	return true;
}

/* ---- files ---- */

/* The file that is wanted, if it is an ELF file for the same machine. 0, -ENOENT, -ENOMEM. */
static int open_wanted(const struct dwarf_splits *s, const struct elf_image *of,
		       const struct sym_want *want, struct elf_image *ret)
{
	_cleanup_close_ int fd = file_opener_open(&s->opener, want);
	int r;

	if (fd < 0)
		return fd == -ENOMEM ? fd : -ENOENT;
	r = elf_image_open(ret, fd, NULL);
	if (r < 0)
		return r == -ENOMEM ? r : -ENOENT;
	if (ret->machine == of->machine && ret->is_64 == of->is_64)
		return 0;
	elf_image_done(ret);
	return -ENOENT;
}

static int open_package(struct dwarf_splits *s, const struct dwarf_file *main)
{
	int r;

	if (s->package_sought)
		return 0;
	r = open_wanted(s, main->image, &(struct sym_want){.kind = SYM_WANT_DWP}, &s->package);
	if (r == -ENOMEM)
		return r;
	s->package_sought = true;
	if (r < 0)
		return 0;
	guard_enter(&s->package.guard);
	r = dwarf_sections_open(&s->package_sections, &s->package, true, &s->opener,
				main->budget->bytes_max / INFLATE_SHARE);
	guard_leave(&s->package.guard);
	if (r == 0 && !guard_broken(&s->package.guard))
		return 0;
	dwarf_sections_done(&s->package_sections);
	elf_image_done(&s->package);
	s->package_error = r;
	return r == -ENOMEM ? r : 0;
}

static struct span part_of(struct span section, struct dwarf_part part)
{
	if (part.offset > section.size || part.size > section.size - part.offset)
		return (struct span){};
	return (struct span){.data = section.data + part.offset, .size = part.size};
}

static int find_in_package(struct dwarf_splits *s, const struct dwarf_file *main,
			   struct dwarf_split *split)
{
	struct span index =
		elf_image_bytes(&s->package, elf_image_section(&s->package, ".debug_cu_index"));
	struct dwarf_part parts[DWARF_SECTION_COUNT];
	struct span v[DWARF_SECTION_COUNT];

	if (!s->package.size || !dwarf_package_find(index, split->skeleton->split_id, parts))
		return -ENOENT;
	for (int i = 0; i < DWARF_SECTION_COUNT; i++)
		v[i] = part_of(s->package_sections.v[i], parts[i]);
	v[DWARF_STR] = s->package_sections.v[DWARF_STR]; /* of all units */
	return dwarf_file_open_split(&split->file, main, split->skeleton, v, &split->unit);
}

/* Directory and name of the skeleton's file. False: it has none, or one that is too long. */
static bool make_path(const struct dwarf_file *main, const struct dwarf_unit *u,
		      char path[PATH_BYTES_MAX])
{
	const char *directory, *name;
	ptrdiff_t directory_len = dwarf_string(main, u, &u->directory, &directory);
	ptrdiff_t len = dwarf_string(main, u, &u->split_name, &name);

	if (len <= 0)
		return false;
	if (name[0] == '/' || directory_len < 0)
		directory_len = 0;
	if ((size_t)directory_len + (size_t)len + 2 > PATH_BYTES_MAX)
		return false;
	memcpy(path, directory_len ? directory : "", (size_t)directory_len);
	if (directory_len)
		path[directory_len++] = '/';
	memcpy(path + directory_len, name, (size_t)len);
	path[directory_len + len] = '\0';
	return true;
}

static int find_in_file(struct dwarf_splits *s, const struct dwarf_file *main,
			struct dwarf_split *split)
{
	char path[PATH_BYTES_MAX];
	const struct sym_want want = {.kind = SYM_WANT_DWO, .name = path};
	int r;

	if (!make_path(main, split->skeleton, path))
		return -ENOENT;
	r = open_wanted(s, main->image, &want, &split->image);
	if (r < 0)
		return r;
	guard_enter(&split->image.guard);
	r = dwarf_sections_open(&split->sections, &split->image, true, &s->opener,
				main->budget->bytes_max / INFLATE_SHARE);
	if (r == 0)
		r = dwarf_file_open_split(&split->file, main, split->skeleton, split->sections.v,
					  &split->unit);
	guard_leave(&split->image.guard);
	return r == 0 && guard_broken(&split->image.guard) ? -ENOENT : r;
}

/* ---- what is kept ---- */

static void split_free(struct dwarf_split *split)
{
	for (uint32_t i = 0; i < split->file.n_units; i++)
		dwarf_index_drop(&split->file, &split->file.units[i]);
	dwarf_file_done(&split->file);
	dwarf_sections_done(&split->sections);
	elf_image_done(&split->image);
	free(split);
}

static void drop(struct budget_item *item)
{
	struct dwarf_split *split =
		(struct dwarf_split *)((char *)item - offsetof(struct dwarf_split, item));

	names_drop(split->names);
	split->skeleton->split = NULL;
	LIST_REMOVE(split, link);
	split_free(split);
}

void dwarf_split_drop(struct dwarf_split *split)
{
	budget_forget(split->file.budget, &split->item);
	drop(&split->item);
}

static int find(struct dwarf_splits *s, struct dwarf_file *main, struct dwarf_split *split)
{
	int r = open_package(s, main);

	if (r < 0)
		return r;
	guard_enter(&s->package.guard);
	r = find_in_package(s, main, split);
	guard_leave(&s->package.guard);
	if (r < 0 && r != -ENOMEM)
		r = find_in_file(s, main, split);
	return r == -ENOENT && s->package_error ? s->package_error : r;
}

int dwarf_split_get(struct dwarf_splits *s, struct dwarf_file *main, struct dwarf_unit *skeleton,
		    struct names *names, struct dwarf_split **ret)
{
	struct dwarf_split *split = skeleton->split;
	int r;

	if (split) {
		budget_touch(&split->item);
		*ret = split;
		return 0;
	}
	if (skeleton->split_refused)
		return -ENOENT;
	split = calloc(1, sizeof(*split));
	if (!split)
		return -ENOMEM;
	split->skeleton = skeleton;
	split->names = names;
	split->item.drop = drop;
	r = find(s, main, split);
	if (r < 0) {
		split_free(split);
		skeleton->split_refused = r != -ENOMEM;
		return r;
	}
	skeleton->split = split;
	LIST_INSERT_HEAD(&s->all, split, link);
	budget_charge(main->budget, &split->item,
		      sizeof(*split) + MAPPING_BYTES + dwarf_sections_bytes(&split->sections) +
			      dwarf_file_bytes(&split->file));
	*ret = split;
	return 0;
}

void dwarf_splits_done(struct dwarf_splits *s)
{
	while (!LIST_EMPTY(&s->all))
		dwarf_split_drop(LIST_FIRST(&s->all));
	dwarf_sections_done(&s->package_sections);
	elf_image_done(&s->package);
	s->package_sought = false;
	s->package_error = 0;
}

void dwarf_splits_rest(struct dwarf_splits *s)
{
	struct dwarf_split *split;

	LIST_FOREACH(split, &s->all, link)
	{
		guard_release_pages(&split->image.guard);
		dwarf_sections_rest(&split->sections);
	}
	guard_release_pages(&s->package.guard);
	dwarf_sections_rest(&s->package_sections);
}
