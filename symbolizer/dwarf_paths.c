/*
 * A join of strings behind two indexes: from (unit, file) to a path, and from a path's text to
 * itself.
 */
#include "symbolizer/dwarf_paths.h"

#include "profiler/base/cleanup.h"

#include <errno.h>
#include <string.h>

#define PATH_NONE UINT32_MAX

struct joined {
	char text[PATH_BYTES_MAX];
	size_t len;
	bool too_long;
};

/* Add one part, without "." at its beginning; an absolute one begins anew. */
static void join(struct joined *j, const char *part, ptrdiff_t len)
{
	while (len > 0 && part[0] == '.' && (len == 1 || part[1] == '/')) {
		part += len == 1 ? 1 : 2;
		len -= len == 1 ? 1 : 2;
	}
	if (len <= 0)
		return;
	if (part[0] == '/') {
		j->len = 0;
		j->too_long = false;
	} else if (j->len && j->text[j->len - 1] != '/') {
		j->text[j->len++] = '/';
	}
	if ((size_t)len >= sizeof(j->text) - j->len - 1) {
		j->too_long = true;
		j->len = 0;
		return;
	}
	memcpy(j->text + j->len, part, (size_t)len);
	j->len += (size_t)len;
}

/* A string of the line table, in which it may also stand itself. */
static ptrdiff_t line_string(const struct dwarf_file *f, const struct dwarf_unit *u,
			     const struct value *v, const char **ret)
{
	return v->kind == VALUE_STRING ? span_string(f->sections.v[DWARF_LINE], v->u, ret)
				       : dwarf_string(f, u, v, ret);
}

static void join_value(struct joined *j, const struct dwarf_file *f, const struct dwarf_unit *u,
		       const struct value *v)
{
	const char *s;
	ptrdiff_t len = line_string(f, u, v, &s);

	join(j, s, len);
}

/*
 * Where the unit was compiled: its own word, and from DWARF 5 on the table's directory 0, which is
 * the same once more, and must not be joined to itself where it is relative.
 */
static void join_directory(struct joined *j, const struct dwarf_file *f, const struct dwarf_unit *u,
			   const struct value *zero)
{
	const char *own, *again;
	ptrdiff_t len = dwarf_string(f, u, &u->directory, &own);
	ptrdiff_t again_len = line_string(f, u, zero, &again);

	join(j, own, len);
	if (again_len != len || (len > 0 && memcmp(own, again, (size_t)len) != 0))
		join(j, again, again_len);
}

/* What Go writes for code that its compiler made up. */
static bool is_unknown(const struct dwarf_file *f, const struct dwarf_unit *u,
		       const struct value *name)
{
	const char *s;

	return line_string(f, u, name, &s) == 1 && s[0] == '?';
}

static void make_path(const struct dwarf_file *f, const struct dwarf_unit *u,
		      const struct line_header *lines, uint32_t file, struct joined *ret)
{
	struct line_file parts;

	ret->len = 0;
	ret->too_long = false;
	if (!line_file_find(lines, f->sections.v[DWARF_LINE], file, &parts))
		return;
	join_directory(ret, f, u, &parts.directory_of_unit);
	join_value(ret, f, u, &parts.directory);
	join_value(ret, f, u, &parts.name);
	if (ret->too_long || is_unknown(f, u, &parts.name))
		ret->len = 0;
}

/* The one copy of a text. */
static int intern(struct dwarf_paths *p, const struct joined *j, uint32_t *ret)
{
	uint64_t hash = hash_bytes(j->text, j->len);
	uint32_t at;

	for (uint32_t id = idmap_first(&p->by_text, hash, &at); id != IDMAP_NONE;
	     id = idmap_next(&p->by_text, hash, &at)) {
		if (strncmp(p->paths[id], j->text, j->len) == 0 && p->paths[id][j->len] == '\0') {
			*ret = id;
			return 0;
		}
	}
	if (p->n_paths == p->paths_cap) {
		size_t cap = p->paths_cap ? p->paths_cap * 2 : 64;
		char **bigger = reallocarray(p->paths, cap, sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		p->paths = bigger;
		p->paths_cap = cap;
	}
	p->paths[p->n_paths] = strndup(j->text, j->len);
	if (!p->paths[p->n_paths])
		return -ENOMEM;
	*ret = (uint32_t)p->n_paths++;
	p->bytes += j->len + 32 + sizeof(struct idmap_slot) * 2;
	return idmap_add(&p->by_text, hash, *ret);
}

static int add_use(struct dwarf_paths *p, uint64_t hash, const struct path_use *use)
{
	if (p->n_uses == p->uses_cap) {
		size_t cap = p->uses_cap ? p->uses_cap * 2 : 64;
		struct path_use *bigger = reallocarray(p->uses, cap, sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		p->uses = bigger;
		p->uses_cap = cap;
	}
	if (idmap_add(&p->by_use, hash, (uint32_t)p->n_uses) < 0)
		return -ENOMEM;
	p->uses[p->n_uses++] = *use;
	p->bytes += sizeof(*use) + sizeof(struct idmap_slot) * 2;
	budget_charge(p->budget, &p->item, p->bytes);
	return 0;
}

int dwarf_paths_get(struct dwarf_paths *p, const struct dwarf_file *f, const struct dwarf_unit *u,
		    const struct line_header *lines, uint32_t file, const char **ret)
{
	struct path_use use = {.unit = (uint32_t)(u - f->units), .file = file, .path = PATH_NONE};
	uint64_t hash = hash_bytes(&use, offsetof(struct path_use, path));
	struct joined j;
	uint32_t at;
	int r;

	for (uint32_t id = idmap_first(&p->by_use, hash, &at); id != IDMAP_NONE;
	     id = idmap_next(&p->by_use, hash, &at)) {
		if (p->uses[id].unit == use.unit && p->uses[id].file == file) {
			budget_touch(&p->item);
			*ret = p->uses[id].path == PATH_NONE ? NULL : p->paths[p->uses[id].path];
			return 0;
		}
	}
	make_path(f, u, lines, file, &j);
	r = j.len ? intern(p, &j, &use.path) : 0;
	if (r == 0)
		r = add_use(p, hash, &use);
	if (r < 0)
		return r;
	*ret = use.path == PATH_NONE ? NULL : p->paths[use.path];
	return 0;
}

static void clear(struct dwarf_paths *p)
{
	for (size_t i = 0; i < p->n_paths; i++)
		free(p->paths[i]);
	free(p->paths);
	free(p->uses);
	idmap_done(&p->by_use);
	idmap_done(&p->by_text);
	p->paths = NULL;
	p->uses = NULL;
	p->n_paths = p->paths_cap = p->n_uses = p->uses_cap = p->bytes = 0;
}

static void drop(struct budget_item *item)
{
	clear((struct dwarf_paths *)((char *)item - offsetof(struct dwarf_paths, item)));
}

void dwarf_paths_init(struct dwarf_paths *p, struct budget *budget)
{
	*p = (struct dwarf_paths){.budget = budget, .item.drop = drop};
}

void dwarf_paths_done(struct dwarf_paths *p)
{
	if (p->budget)
		budget_forget(p->budget, &p->item);
	clear(p);
}
