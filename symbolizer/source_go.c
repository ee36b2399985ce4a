/*
 * From an address to its function and out along the calls that were inlined; source_go.h is the
 * contract. The place of an inlined call is that of a piece of code of the function, so the walk
 * goes from address to address.
 */
#include "symbolizer/source_go.h"

/* Calls that lead in circles end here; the compiler inlines far less deep. */
#define CALLS_MAX 256

void source_go_init(struct source_go *g, const struct elf_image *image, struct budget *budget)
{
	*g = (struct source_go){.image = image};
	names_init(&g->names, budget);
	names_init(&g->files, budget);
}

void source_go_done(struct source_go *g)
{
	names_drop(&g->names);
	names_drop(&g->files);
}

/* The line at an address and its name, which Go has as people write it. 1, 0, or -ENOMEM. */
static int add_line(struct source_go *g, const struct go_function *f, uint64_t address,
		    int32_t function, struct answer *a)
{
	const struct go_table *t = &g->module.table;
	struct sym_line line = {};
	uint32_t name;
	const char *text;
	int32_t value;
	ptrdiff_t len = go_table_name(t, function, &text);
	int r;

	if (len <= 0 || !go_table_value(t, f, f->lines, address, &value))
		return 0;
	line.line = value > 0 ? (uint32_t)value : 0;
	r = names_get_plain(&g->names, text, (size_t)len, &name);
	if (r < 0)
		return r;
	line.function = g->names.names[name].function;
	if (go_table_value(t, f, f->files, address, &value))
		len = go_table_file(t, f, value, &text);
	else
		len = -1;
	if (len > 2 && text[0] == '.' && text[1] == '/') {
		text += 2; /* as in debug information */
		len -= 2;
	}
	if (len > 0) {
		r = names_get_plain(&g->files, text, (size_t)len, &name);
		if (r < 0)
			return r;
		line.file = g->files.names[name].function;
	}
	answer_add(a, &line);
	return 1;
}

static int add_chain(struct source_go *g, const struct go_function *f, uint64_t address,
		     struct answer *a)
{
	const struct go_table *t = &g->module.table;
	struct span tree = go_module_tree(g->image, &g->module, f);
	struct go_inlined call;
	int32_t node;
	int r = 1;

	for (int i = 0; i < CALLS_MAX && r > 0; i++) {
		if (!go_table_value(t, f, f->inlined, address, &node) ||
		    !go_table_inlined(t, tree, node, &call))
			break;
		r = add_line(g, f, address, call.name, a);
		address = f->entry + call.call;
	}
	return r > 0 ? add_line(g, f, address, f->name, a) : r;
}

int source_go_name(struct source_go *g, uint64_t address, struct answer *a)
{
	struct go_function f;
	int r;

	if (!g->sought) {
		g->there = go_module_find(g->image, &g->module);
		g->sought = true;
	}
	if (!g->there || !go_table_find(&g->module.table, address, &f))
		return 0;
	r = add_chain(g, &f, address, a);
	if (r > 0)
		a->exact = true;
	else
		answer_clear(a); /* code behind the function, or a table that is corrupt */
	return r < 0 ? r : 0;
}
