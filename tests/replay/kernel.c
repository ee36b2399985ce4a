/* Tables in plain memory, as the kernel would have them; see kernel.h. */
#include "tests/replay/kernel.h"
#include "tests/replay/walk.h"

#include "profiler/base/cleanup.h"
#include "symbolizer/source_vdso.h"
#include "symbolizer/unwind/marks.h"
#include "symbolizer/unwind/rules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define NOW_NS 1000000000000ull

static int map_chunk(void *ctx, uint32_t number, struct unwind_chunk **ret)
{
	struct replay_kernel *k = ctx;

	if (!k->chunk[number])
		k->chunk[number] = calloc(1, sizeof(*k->chunk[number]));
	*ret = k->chunk[number];
	return *ret ? 0 : -ENOMEM;
}

static int tell(void *ctx, const struct abi_file_key *key, const struct abi_object_info *info)
{
	struct replay_kernel *k = ctx;

	(void)key;
	k->object[info->number].info = *info;
	return 0;
}

static void settle(void *ctx)
{
	(void)ctx; /* nobody walks meanwhile */
	replay_forget();
}

int replay_kernel_init(struct replay_kernel *k)
{
	struct tables_kernel kernel = {
		.ctx = k, .map_chunk = map_chunk, .tell = tell, .settle = settle};

	replay_forget();
	*k = (struct replay_kernel){.n = 1};
	k->dictionary = calloc(1, sizeof(*k->dictionary));
	if (!k->dictionary)
		return -ENOMEM;
	kernel.dictionary = k->dictionary;
	return tables_new(&kernel, TABLES_BUDGET_BYTES, &k->tables);
}

void replay_kernel_done(struct replay_kernel *k)
{
	tables_free(k->tables);
	for (size_t i = 0; i < UNWIND_CHUNKS_MAX; i++)
		free(k->chunk[i]);
	free(k->dictionary);
	free(k->object);
	*k = (struct replay_kernel){};
}

uint32_t replay_kernel_find(const struct replay_kernel *k, const char *name)
{
	for (uint32_t i = 1; i < k->n; i++)
		if (strcmp(k->object[i].name, name) == 0)
			return i;
	return 0;
}

uint32_t replay_kernel_add(struct replay_kernel *k, const char *name)
{
	struct replay_object *o;

	if (k->n >= k->cap) {
		k->cap = k->cap ? 2 * k->cap : 64;
		o = realloc(k->object, k->cap * sizeof(*o));
		if (!o)
			abort();
		k->object = o;
	}
	o = &k->object[k->n];
	*o = (struct replay_object){.info.number = k->n};
	snprintf(o->name, sizeof(o->name), "%s", name);
	return k->n++;
}

int replay_kernel_load(struct replay_kernel *k, uint32_t number, const struct unwind_table *t)
{
	struct tables_object object = {.number = number};

	return tables_add(k->tables, &object, t, NOW_NS);
}

int replay_kernel_load_elf(struct replay_kernel *k, uint32_t number, const void *data, size_t bytes)
{
	struct unwind_input in = {.data = data, .bytes = bytes};
	struct tables_object object = {.number = number};
	struct unwind_table t = {};
	struct err err = {};
	int r;

	if (unwind_compile(&in, &t, &err) < 0)
		return tables_none(k->tables, &object);
	r = replay_kernel_load(k, number, &t);
	unwind_table_done(&t);
	return r;
}

static int load_rows(struct replay_kernel *k, uint32_t number, const struct replay_table *from)
{
	struct unwind_mark *mark = calloc(from->n + 1, sizeof(*mark));
	struct unwind_table t = {};
	struct unwind_rules rules;
	int r = mark ? unwind_rules_init(&rules) : -ENOMEM;

	for (size_t i = 0; i < from->n && r >= 0; i++) {
		r = unwind_rules_add(&rules, &from->rows[i].rule);
		mark[i] = (struct unwind_mark){.offset = from->rows[i].offset, .rule = (uint32_t)r};
	}
	if (r >= 0) {
		t.rules = rules.v;
		t.n_rules = rules.n;
		r = unwind_split(mark, from->n, &t);
	}
	if (r >= 0)
		r = replay_kernel_load(k, number, &t);
	t.rules = NULL;
	unwind_table_done(&t);
	unwind_rules_done(&rules);
	free(mark);
	return r;
}

/* Of a recorded case: the file as it is now, or this kernel's own vdso. */
static int load_named(struct replay_kernel *k, const struct replay_mapping *m)
{
	struct elf_image image = {};
	struct err err = {};
	_cleanup_close_ int fd = -1;
	uint32_t number = replay_kernel_add(k, m->object);
	int r;

	if (m->kind == ABI_OBJECT_VDSO) {
		r = vdso_open(&image, &err);
	} else if (m->object[0] == '/') {
		fd = open(m->object, O_RDONLY | O_CLOEXEC);
		r = fd < 0 ? -errno : elf_image_open(&image, fd, &err);
	} else {
		return 0;
	}
	if (r == 0)
		r = replay_kernel_load_elf(k, number, image.data, image.size);
	elf_image_done(&image);
	return r;
}

static bool has_table(const struct replay_case *c, const char *object)
{
	for (size_t i = 0; i < c->n_tables; i++)
		if (strcmp(c->table[i].object, object) == 0)
			return true;
	return false;
}

int replay_kernel_load_case(struct replay_kernel *k, const struct replay_case *c)
{
	int r = 0;

	for (size_t i = 0; i < c->n_mappings && r == 0; i++) {
		const struct replay_mapping *m = &c->mapping[i];

		if (replay_kernel_find(k, m->object))
			continue;
		if (has_table(c, m->object))
			replay_kernel_add(k, m->object);
		else
			r = load_named(k, m);
	}
	for (size_t i = 0; i < c->n_tables && r == 0; i++)
		r = load_rows(k, replay_kernel_find(k, c->table[i].object), &c->table[i]);
	return r;
}
