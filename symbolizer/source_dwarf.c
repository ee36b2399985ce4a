/*
 * From an address to unit, line row, function, inline tree, and out again to names;
 * source_dwarf.h is the contract.
 */
#include "symbolizer/source_dwarf.h"

#include <errno.h>
#include <string.h>

/* An instance of an abstract instance of a declaration: three steps are usual. */
#define ORIGIN_STEPS_MAX 16

/* Of the budget: what one unit's index, or all inflated sections of a file, may take. */
#define UNIT_SHARE    2
#define INFLATE_SHARE 2

#define UNIT_TROUBLE  "some of its debug information cannot be read"
#define SPLIT_TROUBLE "named without some of its split debug information: that cannot be read"

/* What GCC calls the cold part of a function in DWARF 2, where it must be a function of its own. */
#define SECOND	     "__second_sect_of_"
#define SECOND_BYTES ((ptrdiff_t)sizeof(SECOND) - 1)

/* What is wrong with it is told for people, the first thing of each file. */
static const char *sentence(int error)
{
	switch (error) {
	case -EFBIG:
		return "named without debug information: it is too large when it is inflated";
	case -ENOSPC:
		return "named without debug information: there is no room to inflate it";
	case -EOPNOTSUPP:
		return "named without debug information: it is compressed in an unknown way";
	default:
		return "named without debug information: it is corrupt";
	}
}

static void note(struct source_dwarf *d, const char *trouble)
{
	if (!d->trouble)
		d->trouble = trouble;
}

struct place {
	uint32_t file;
	uint32_t line;
	uint32_t column;
};

static void unload(struct source_dwarf *d)
{
	dwarf_splits_done(&d->splits);
	for (uint32_t i = 0; i < d->file.n_units; i++)
		dwarf_index_drop(&d->file, &d->file.units[i]);
	dwarf_paths_done(&d->paths);
	names_drop(&d->names);
	dwarf_file_done(&d->file);
	dwarf_file_done(&d->alt_file);
	d->loaded = false;
}

static void drop(struct budget_item *item)
{
	unload((struct source_dwarf *)((char *)item - offsetof(struct source_dwarf, item)));
}

void source_dwarf_init(struct source_dwarf *d, const struct elf_image *image, struct budget *budget)
{
	*d = (struct source_dwarf){
		.image = image,
		.debug = image,
		.budget = budget,
		/* All that was compressed is inflated anew after it. */
		.item = {.drop = drop, .dear = true},
	};
}

void source_dwarf_read(struct source_dwarf *d, const struct elf_image *debug,
		       const struct elf_image *alt, const struct file_opener *opener)
{
	d->debug = debug;
	d->alt = alt;
	d->splits.opener = *opener;
}

void source_dwarf_rest(struct source_dwarf *d)
{
	dwarf_sections_rest(&d->file.sections);
	dwarf_sections_rest(&d->alt_file.sections);
	dwarf_splits_rest(&d->splits);
}

void source_dwarf_done(struct source_dwarf *d)
{
	if (d->budget)
		budget_forget(d->budget, &d->item);
	unload(d);
}

/* An alternate file that cannot be read costs the names that stand there. */
static int load_alt(struct source_dwarf *d)
{
	int r;

	if (!d->alt)
		return 0;
	r = dwarf_file_open_alt(&d->alt_file, d->alt, &d->splits.opener, d->budget,
				d->budget->bytes_max / INFLATE_SHARE);
	if (r == 0)
		d->file.alt = &d->alt_file;
	else
		note(d, "named without what dwz moved into another file: that cannot be read");
	return r == -ENOMEM ? r : 0;
}

static int load(struct source_dwarf *d)
{
	int r;

	if (d->loaded) {
		budget_touch(&d->item);
		return 0;
	}
	r = dwarf_file_open(&d->file, d->image, d->debug, &d->splits.opener, d->budget,
			    d->budget->bytes_max / INFLATE_SHARE);
	if (r == 0 && !d->file.n_units && d->file.sections.v[DWARF_INFO].size)
		r = -EBADMSG;
	if (r < 0 || !d->file.n_units) {
		dwarf_file_done(&d->file);
		d->absent = r != -ENOMEM;
		if (r < 0 && r != -ENOMEM)
			note(d, sentence(r));
		return r == -ENOMEM ? r : 0;
	}
	if (d->file.has_bad_units)
		note(d, UNIT_TROUBLE);
	r = load_alt(d);
	if (r < 0) {
		dwarf_file_done(&d->file);
		return r;
	}
	dwarf_paths_init(&d->paths, d->budget);
	names_init(&d->names, d->budget);
	d->loaded = true;
	budget_charge(d->budget, &d->item,
		      sizeof(*d) + dwarf_file_bytes(&d->file) + dwarf_file_bytes(&d->alt_file));
	return 0;
}

/*
 * The number of an entry's name, from itself or from what it is an instance of. A linkage name
 * anywhere on the way is better than a bare name nearer by. 1, 0 when it has none, or -ENOMEM.
 */
static int name_entry(struct source_dwarf *d, struct dwarf_file *f, struct dwarf_unit *u,
		      struct dwarf_entry e, uint32_t *ret_number, bool *ret_exact)
{
	const char *bare = NULL, *s;
	ptrdiff_t bare_len = -1, len;
	bool plain = u->plain;
	int r;

	for (int steps = 0; steps < ORIGIN_STEPS_MAX; steps++) {
		len = dwarf_string(f, u, &e.linkage_name, &s);
		if (len > 0) {
			r = names_get(&d->names, s, (size_t)len, ret_number);
			*ret_exact = true;
			return r < 0 ? r : 1;
		}
		if (bare_len <= 0)
			bare_len = dwarf_string(f, u, &e.name, &bare);
		if (e.origin_in_alt)
			f = f->alt;
		if (!e.origin || !f)
			break;
		r = dwarf_entry_at(f, e.origin, &e, &u);
		if (r == -ENOMEM)
			return r;
		if (r < 0)
			break;
	}
	if (bare_len <= 0)
		return 0;
	if (bare_len > SECOND_BYTES && memcmp(bare, SECOND, SECOND_BYTES) == 0) {
		bare += SECOND_BYTES;
		bare_len -= SECOND_BYTES;
	}
	*ret_exact = plain;
	r = plain ? names_get_plain(&d->names, bare, (size_t)bare_len, ret_number)
		  : names_get(&d->names, bare, (size_t)bare_len, ret_number);
	return r < 0 ? r : 1;
}

/* Where an answer comes from: a unit, of which the entries may stand in another file. */
struct source {
	const struct dwarf_index *lines; /* of the unit that has the addresses */
	struct dwarf_index *functions; /* the same, or of the split unit behind it */
};

static int fill_place(struct source_dwarf *d, const struct dwarf_index *x,
		      const struct place *place, struct sym_line *line)
{
	line->line = place->line;
	line->column = place->column;
	return dwarf_paths_get(&d->paths, &d->file, x->unit, &x->lines.header, place->file,
			       &line->file);
}

/* Numbers of names that were freed since are forgotten. */
static void refresh_numbers(const struct source_dwarf *d, struct inline_tree *tree)
{
	if (tree->epoch == d->names.epoch)
		return;
	for (size_t i = 0; i < tree->n_nodes; i++)
		tree->nodes[i].name = NODE_UNNAMED;
	tree->epoch = d->names.epoch;
}

static int seek_name(struct source_dwarf *d, const struct dwarf_index *functions,
		     struct inline_node *node)
{
	struct dwarf_file *f = functions->file;
	struct dwarf_entry e;
	struct dwarf_unit *u;
	bool exact = false;
	uint32_t number;
	int r = dwarf_entry_at(f, functions->unit->start + node->entry, &e, &u);

	if (r >= 0)
		r = name_entry(d, f, u, e, &number, &exact);
	if (r < 0)
		return r;
	node->name = r ? number : NODE_NAMELESS;
	node->exact = exact;
	return 0;
}

/*
 * One function of the chain. One without a name is left out; its place goes with it, the callers'
 * stay right.
 */
static int add_function(struct source_dwarf *d, const struct source *x, struct inline_node *node,
			const struct place *place, struct answer *a)
{
	struct sym_line line = {};
	const struct name *name;
	int r = node->name == NODE_UNNAMED ? seek_name(d, x->functions, node) : 0;

	if (r < 0 || node->name == NODE_NAMELESS)
		return r;
	name = &d->names.names[node->name];
	line.function = name->function;
	line.system_name = name->system;
	if (x->lines->unit->has_line)
		r = fill_place(d, x->lines, place, &line);
	if (r < 0)
		return r;
	answer_add(a, &line);
	a->exact = node->exact;
	return 0;
}

static int add_chain(struct source_dwarf *d, const struct source *x, struct inline_tree *tree,
		     uint32_t at, struct place place, struct answer *a)
{
	refresh_numbers(d, tree);
	while (at != NODE_NONE) {
		struct inline_node *node = &tree->nodes[at];
		int r = add_function(d, x, node, &place, a);

		if (r < 0)
			return r;
		place = (struct place){.file = node->call_file,
				       .line = node->call_line,
				       .column = node->call_column};
		at = node->parent;
	}
	budget_touch(&d->names.item);
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

/* The unit's functions, which may stand in another file, and what is inlined into them. */
static int add_functions(struct source_dwarf *d, const struct source *x, uint64_t address,
			 const struct place *place, struct answer *a)
{
	size_t bytes_max = d->budget->bytes_max / UNIT_SHARE;
	struct dwarf_function *function = dwarf_index_function(x->functions, address);
	struct inline_tree *tree;
	int r;

	if (!function)
		return 0;
	r = dwarf_tree_get(x->functions, function, bytes_max, &tree);
	if (r < 0)
		return r;
	return add_chain(d, x, tree, dwarf_tree_find(x->functions, tree, address), *place, a);
}

/* A split file that is corrupt is as if it were not there. */
static void refuse_split(struct source_dwarf *d, struct dwarf_unit *u, struct dwarf_split *split,
			 struct answer *a)
{
	note(d, SPLIT_TROUBLE);
	answer_clear(a);
	dwarf_split_drop(split);
	u->split_refused = true;
}

static int add_split(struct source_dwarf *d, const struct dwarf_index *lines, uint64_t address,
		     const struct place *place, struct answer *a)
{
	struct dwarf_unit *u = lines->unit;
	struct source x = {.lines = lines};
	struct dwarf_split *split;
	int r;

	if (u->split_name.kind == VALUE_NONE)
		return 0;
	r = dwarf_split_get(&d->splits, &d->file, u, &d->names, &split);
	if (r < 0 && r != -ENOENT && r != -ENOMEM)
		note(d, SPLIT_TROUBLE);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	guard_enter(&d->splits.package.guard);
	guard_enter(&split->image.guard);
	r = dwarf_index_get(&split->file, split->unit, d->budget->bytes_max / UNIT_SHARE,
			    &x.functions);
	if (r == 0)
		r = add_functions(d, &x, address, place, a);
	guard_leave(&split->image.guard);
	guard_leave(&d->splits.package.guard);
	if (r == -ENOMEM)
		return r;
	if (r < 0 || guard_broken(&split->image.guard) || guard_broken(&d->splits.package.guard))
		refuse_split(d, u, split, a);
	return 0;
}

static int name_in_unit(struct source_dwarf *d, struct dwarf_unit *u, uint64_t address,
			struct answer *a)
{
	struct place place = {};
	struct dwarf_index *x;
	struct line_row row;
	bool has_row;
	int r = dwarf_index_get(&d->file, u, d->budget->bytes_max / UNIT_SHARE, &x);

	if (r < 0)
		return r;
	has_row = line_index_find(&x->lines, address, &row);
	if (has_row)
		place = (struct place){.file = row.file, .line = row.line, .column = row.column};
	r = add_split(d, x, address, &place, a);
	if (r == 0 && !a->n)
		r = add_functions(d, &(struct source){.lines = x, .functions = x}, address, &place,
				  a);
	if (r == 0 && !a->n && has_row)
		r = add_line(d, x, &place, a);
	return r;
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
		note(d, r == -EFBIG ? "some of its debug information takes too much memory"
				    : UNIT_TROUBLE);
		u->refused = true;
		answer_clear(a);
	}
	return 0;
}
