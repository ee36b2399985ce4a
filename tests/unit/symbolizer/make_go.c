/* The parts of the table one after the other, then the head that leads to them; see make_go.h. */
#include "tests/unit/symbolizer/make_go.h"

#include <string.h>

#define BYTES_MAX     4096
#define POINTER_BYTES 8
#define NONE	      UINT32_MAX
#define N_FUNCTIONS   2
#define N_PCDATA      3
#define N_FUNCDATA    4

struct part {
	struct buf bytes;
	uint64_t at; /* in the table */
};

struct parts {
	enum go_version version;
	struct part names, units, files, values, functions;
};

static uint32_t add_string(struct part *p, const char *s)
{
	uint32_t at = (uint32_t)p->bytes.len;

	buf_add(&p->bytes, s, strlen(s) + 1);
	return at;
}

/* (value, for so many bytes) pairs. */
static uint32_t add_list(struct part *p, const int32_t (*pairs)[2], size_t n)
{
	uint32_t at = (uint32_t)p->bytes.len;
	int32_t value = -1;

	for (size_t i = 0; i < n; i++) {
		buf_add_zigzag(&p->bytes, pairs[i][0] - value);
		buf_add_varint(&p->bytes, (uint64_t)pairs[i][1]);
		value = pairs[i][0];
	}
	buf_add_u8(&p->bytes, 0);
	return at;
}

static void add_address(struct buf *b, enum go_version version, uint64_t offset)
{
	if (version == GO_1_16)
		buf_add_u64(b, MAKE_GO_TEXT + offset);
	else
		buf_add_u32(b, (uint32_t)offset);
}

struct made_function {
	uint64_t entry;
	uint32_t name, files, lines, inlined;
	bool has_tree;
};

static void add_function(struct parts *p, const struct made_function *f)
{
	struct buf *b = &p->functions.bytes;

	add_address(b, p->version, f->entry);
	buf_add_u32(b, f->name);
	for (int i = 0; i < 3; i++)
		buf_add_u32(b, 0); /* arguments, deferred return, stack */
	buf_add_u32(b, f->files);
	buf_add_u32(b, f->lines);
	buf_add_u32(b, N_PCDATA);
	buf_add_u32(b, 0); /* unit */
	if (p->version == GO_1_20)
		buf_add_u32(b, 1);
	buf_add(b, "\0\0\0", 3);
	buf_add_u8(b, N_FUNCDATA);
	buf_add_u32(b, 0);
	buf_add_u32(b, 0);
	buf_add_u32(b, f->inlined);
	while (p->version == GO_1_16 && b->len % POINTER_BYTES)
		buf_add_u8(b, 0);
	for (int i = 0; i < N_FUNCDATA; i++) {
		bool tree = i == N_FUNCDATA - 1 && f->has_tree;

		if (p->version == GO_1_16)
			buf_add_u64(b, tree ? MAKE_GO_TREE_AT : 0);
		else
			buf_add_u32(b, tree ? 0 : NONE);
	}
}

static void add_tree(struct make_go *m, enum go_version version, uint32_t name)
{
	buf_add_u32(&m->tree, 0);
	if (version != GO_1_20) {
		buf_add_u32(&m->tree, 1); /* file and line of the call */
		buf_add_u32(&m->tree, 12);
	}
	buf_add_u32(&m->tree, name);
	buf_add_u32(&m->tree, 0x20);
	if (version == GO_1_20)
		buf_add_u32(&m->tree, 2);
}

/* The index of entries comes first, and is as long in each version as this says. */
static uint64_t index_bytes(enum go_version version)
{
	return (uint64_t)(2 * N_FUNCTIONS + 1) * (version == GO_1_16 ? POINTER_BYTES : 4);
}

static void add_index(struct parts *p, uint64_t first, uint64_t second)
{
	const uint64_t entries[] = {0, first, 0x60, second, 0x70};

	for (size_t i = 0; i < sizeof(entries) / sizeof(*entries); i++) {
		if (i % 2 == 0)
			add_address(&p->functions.bytes, p->version, entries[i]);
		else if (p->version == GO_1_16)
			buf_add_u64(&p->functions.bytes, entries[i]);
		else
			buf_add_u32(&p->functions.bytes, (uint32_t)entries[i]);
	}
}

static uint64_t aligned(uint64_t n)
{
	return (n + POINTER_BYTES - 1) / POINTER_BYTES * POINTER_BYTES;
}

static void add_functions(struct parts *p, struct make_go *m)
{
	static const int32_t files[][2] = {{0, 0x10}, {1, 0x10}, {0, 0x20}};
	static const int32_t lines[][2] = {{10, 0x10}, {3, 0x10}, {12, 0x20}};
	static const int32_t inlined[][2] = {{-1, 0x10}, {0, 0x10}, {-1, 0x20}};
	static const int32_t after_files[][2] = {{0, 0x10}}, after_lines[][2] = {{20, 0x10}};
	struct made_function outer = {.has_tree = true}, after = {.entry = 0x60};
	uint64_t first = aligned(index_bytes(p->version));
	uint64_t second;

	buf_add_u8(&p->values.bytes, 0); /* offset 0 stands for no list */
	outer.name = add_string(&p->names, "main.outer");
	outer.files = add_list(&p->values, files, 3);
	outer.lines = add_list(&p->values, lines, 3);
	outer.inlined = add_list(&p->values, inlined, 3);
	after.name = add_string(&p->names, "main.after");
	after.files = add_list(&p->values, after_files, 1);
	after.lines = add_list(&p->values, after_lines, 1);
	add_tree(m, p->version, add_string(&p->names, "main.cold"));
	second = first + (p->version == GO_1_16 ? 88 : p->version == GO_1_18 ? 72 : 80);
	add_index(p, first, second);
	while (p->functions.bytes.len < first)
		buf_add_u8(&p->functions.bytes, 0);
	add_function(p, &outer);
	while (p->functions.bytes.len < second)
		buf_add_u8(&p->functions.bytes, 0);
	add_function(p, &after);
}

static void put_head(const struct parts *p, struct buf *table)
{
	static const uint32_t magic[] = {
		[GO_1_16] = 0xfffffffa, [GO_1_18] = 0xfffffff0, [GO_1_20] = 0xfffffff1};
	const struct part *const parts[] = {&p->names, &p->units, &p->files, &p->values,
					    &p->functions};

	buf_add_u32(table, magic[p->version]);
	buf_add(table, "\0\0\1\10", 4);
	buf_add_u64(table, N_FUNCTIONS);
	buf_add_u64(table, 2);
	if (p->version != GO_1_16)
		buf_add_u64(table, 0);
	for (size_t i = 0; i < 5; i++)
		buf_add_u64(table, parts[i]->at);
	for (size_t i = 0; i < 5; i++) {
		while (table->len < parts[i]->at)
			buf_add_u8(table, 0);
		buf_add(table, parts[i]->bytes.data, parts[i]->bytes.len);
	}
}

void make_go(enum go_version version, struct make_go *ret)
{
	struct parts p = {.version = version};
	struct part *const parts[] = {&p.names, &p.units, &p.files, &p.values, &p.functions};
	uint64_t at = version == GO_1_16 ? 64 : 72;

	buf_init(&ret->table, BYTES_MAX);
	buf_init(&ret->tree, BYTES_MAX);
	for (size_t i = 0; i < 5; i++)
		buf_init(&parts[i]->bytes, BYTES_MAX);
	add_functions(&p, ret);
	buf_add_u32(&p.units.bytes, add_string(&p.files, "/src/a.go"));
	buf_add_u32(&p.units.bytes, add_string(&p.files, "/src/b.go"));
	for (size_t i = 0; i < 5; i++) {
		parts[i]->at = at;
		at = aligned(at + parts[i]->bytes.len);
	}
	put_head(&p, &ret->table);
	for (size_t i = 0; i < 5; i++)
		buf_done(&parts[i]->bytes);
}

void make_go_done(struct make_go *m)
{
	buf_done(&m->table);
	buf_done(&m->tree);
}
