/*
 * From an address to unit, line row, function, inline tree, and out again to names;
 * source_dwarf.h is the contract.
 */
#include "symbolizer/source_dwarf.h"

#include <errno.h>

/* An instance of an abstract instance of a declaration: three steps are usual. */
#define ORIGIN_STEPS_MAX 16

/* Of the budget: what one unit's index, or all inflated sections of a file, may take. */
#define UNIT_SHARE    2
#define INFLATE_SHARE 2

struct place {
	uint32_t file;
	uint32_t line;
	uint32_t column;
};

static void unload(struct source_dwarf *d)
{
	for (uint32_t i = 0; i < d->file.n_units; i++)
		dwarf_index_drop(&d->file, &d->file.units[i]);
	dwarf_paths_done(&d->paths);
	names_drop(&d->names);
	dwarf_file_done(&d->file);
	d->loaded = false;
}

static void drop(struct budget_item *item)
{
	unload((struct source_dwarf *)((char *)item - offsetof(struct source_dwarf, item)));
}

void source_dwarf_init(struct source_dwarf *d, const struct elf_image *image, struct budget *budget)
{
	*d = (struct source_dwarf){
		.image = image, .debug = image, .budget = budget, .item.drop = drop};
}

void source_dwarf_read(struct source_dwarf *d, const struct elf_image *debug)
{
	d->debug = debug;
}

void source_dwarf_done(struct source_dwarf *d)
{
	if (d->budget)
		budget_forget(d->budget, &d->item);
	unload(d);
}

static int load(struct source_dwarf *d)
{
	int r;

	if (d->loaded) {
		budget_touch(d->budget, &d->item);
		return 0;
	}
	r = dwarf_file_open(&d->file, d->image, d->debug, d->budget,
			    d->budget->bytes_max / INFLATE_SHARE);
	if (r < 0 || !d->file.n_units) {
		dwarf_file_done(&d->file);
		d->absent = r != -ENOMEM;
		return r == -ENOMEM ? r : 0;
	}
	dwarf_paths_init(&d->paths, d->budget);
	names_init(&d->names, d->budget);
	d->loaded = true;
	budget_charge(d->budget, &d->item, sizeof(*d) + dwarf_file_bytes(&d->file));
	return 0;
}

/*
 * The name of an entry, from itself or from what it is an instance of. A linkage name anywhere on
 * the way is better than a bare name nearer by. 1, 0 when it has none, or -ENOMEM.
 */
static int name_entry(struct source_dwarf *d, struct dwarf_unit *u, struct dwarf_entry e,
		      struct name *ret, bool *ret_exact)
{
	const char *bare = NULL, *s;
	ptrdiff_t bare_len = -1, len;
	bool plain = u->plain;
	int r;

	for (int steps = 0; steps < ORIGIN_STEPS_MAX; steps++) {
		len = dwarf_string(&d->file, u, &e.linkage_name, &s);
		if (len > 0) {
			r = names_get(&d->names, s, (size_t)len, ret);
			*ret_exact = true;
			return r < 0 ? r : 1;
		}
		if (bare_len <= 0)
			bare_len = dwarf_string(&d->file, u, &e.name, &bare);
		if (!e.origin)
			break;
		r = dwarf_entry_at(&d->file, e.origin, &e, &u);
		if (r == -ENOMEM)
			return r;
		if (r < 0)
			break;
	}
	if (bare_len <= 0)
		return 0;
	*ret_exact = plain;
	r = plain ? names_get_plain(&d->names, bare, (size_t)bare_len, ret)
		  : names_get(&d->names, bare, (size_t)bare_len, ret);
	return r < 0 ? r : 1;
}

static int fill_place(struct source_dwarf *d, const struct dwarf_index *x,
		      const struct place *place, struct sym_line *line)
{
	line->line = place->line;
	line->column = place->column;
	return dwarf_paths_get(&d->paths, &d->file, x->unit, &x->lines.header, place->file,
			       &line->file);
}

/*
 * One function of the chain. One without a name is left out; its place goes with it, the callers'
 * stay right.
 */
static int add_function(struct source_dwarf *d, const struct dwarf_index *x,
			const struct dwarf_entry *e, const struct place *place, struct answer *a)
{
	struct sym_line line = {};
	struct name name;
	bool exact;
	int r = name_entry(d, x->unit, *e, &name, &exact);

	if (r <= 0)
		return r;
	line.function = name.function;
	line.system_name = name.system;
	if (x->unit->has_line)
		r = fill_place(d, x, place, &line);
	if (r < 0)
		return r;
	answer_add(a, &line);
	a->exact = exact;
	return 0;
}

static int add_chain(struct source_dwarf *d, struct dwarf_index *x, const struct inline_tree *tree,
		     uint32_t node, struct place place, struct answer *a)
{
	while (node != NODE_NONE) {
		struct dwarf_entry e;
		struct dwarf_unit *u;
		int r = dwarf_entry_at(&d->file, x->unit->start + tree->nodes[node].entry, &e, &u);

		if (r < 0)
			return r;
		r = add_function(d, x, &e, &place, a);
		if (r < 0)
			return r;
		place = (struct place){
			.file = e.call_file, .line = e.call_line, .column = e.call_column};
		node = tree->nodes[node].parent;
	}
	return 0;
}

/* Only the line: code of assemblers, which describe no functions. */
static int add_line(struct source_dwarf *d, const struct dwarf_index *x, const struct place *place,
		    struct answer *a)
{
	struct sym_line line = {};
	int r = fill_place(d, x, place, &line);

	if (r == 0 && line.file)
		answer_add(a, &line);
	return r;
}

static int name_in_unit(struct source_dwarf *d, struct dwarf_unit *u, uint64_t address,
			struct answer *a)
{
	size_t bytes_max = d->budget->bytes_max / UNIT_SHARE;
	struct dwarf_function *function;
	struct inline_tree *tree;
	struct dwarf_index *x;
	struct line_row row;
	struct place place = {};
	bool has_row;
	int r = dwarf_index_get(&d->file, u, bytes_max, &x);

	if (r < 0)
		return r;
	has_row = line_index_find(&x->lines, address, &row);
	if (has_row)
		place = (struct place){.file = row.file, .line = row.line, .column = row.column};
	function = dwarf_index_function(x, address);
	if (!function)
		return has_row ? add_line(d, x, &place, a) : 0;
	r = dwarf_tree_get(x, function, bytes_max, &tree);
	if (r < 0)
		return r;
	return add_chain(d, x, tree, dwarf_tree_find(x, tree, address), place, a);
}

int source_dwarf_name(struct source_dwarf *d, uint64_t address, struct answer *a)
{
	struct dwarf_unit *u;
	int r;

	if (d->absent)
		return 0;
	r = load(d);
	if (r < 0 || d->absent)
		return r;
	u = dwarf_unit_over(&d->file, address);
	if (!u || u->refused)
		return 0;
	r = name_in_unit(d, u, address, a);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		u->refused = true;
		answer_clear(a);
	}
	return 0;
}
