/*
 * A stub is named by what it does, not by where it stands, for linkers lay stubs out in at least
 * four ways: it jumps indirectly through a slot of the GOT (`ff 25 disp32`, perhaps behind
 * endbr64 or a bnd prefix), and a relocation says whose address the slot gets. The first entry of
 * .plt pushes and jumps to the resolver: no relocation fills its slot, so it stays nameless, as
 * it should.
 */
#include "symbolizer/plt.h"

#include "profiler/base/buf.h"
#include "profiler/base/cleanup.h"

#include <errno.h>
#include <string.h>

#define PLT_ENTRY_BYTES	    16
#define PLT_GOT_ENTRY_BYTES 8
#define PLT_NAMES_BYTES_MAX (16u << 20)
#define PLT_NAME_BYTES_MAX  1024

struct slot {
	uint64_t address; /* of the GOT entry */
	uint32_t symbol;
};

struct slots {
	struct slot *v;
	size_t n;
	size_t cap;
};

struct stubs {
	const struct elf_image *image;
	struct slots slots;
	struct symbol_table table;
	struct buf names; /* offsets while it grows, pointers afterwards */
	struct symbol_list *out;
	size_t first; /* of ours in out */
};

static int by_address(const void *pa, const void *pb)
{
	const struct slot *a = pa, *b = pb;

	return (a->address > b->address) - (a->address < b->address);
}

static int add_slot(struct slots *s, uint64_t address, uint32_t symbol)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 64;
		struct slot *bigger = reallocarray(s->v, cap, sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		s->v = bigger;
		s->cap = cap;
	}
	s->v[s->n++] = (struct slot){.address = address, .symbol = symbol};
	return 0;
}

static int read_slots(struct stubs *s)
{
	for (size_t i = 1; i < s->image->n_sections; i++) {
		struct span relocations;

		if (s->image->sections[i].type != SHT_RELA ||
		    !(s->image->sections[i].flags & SHF_ALLOC))
			continue;
		relocations = elf_image_bytes(s->image, &s->image->sections[i]);
		for (size_t at = 0; at + sizeof(Elf64_Rela) <= relocations.size;
		     at += sizeof(Elf64_Rela)) {
			Elf64_Rela r;

			memcpy(&r, relocations.data + at, sizeof(r));
			if (ELF64_R_TYPE(r.r_info) != R_X86_64_JUMP_SLOT &&
			    ELF64_R_TYPE(r.r_info) != R_X86_64_GLOB_DAT)
				continue;
			if (add_slot(&s->slots, r.r_offset, ELF64_R_SYM(r.r_info)) < 0)
				return -ENOMEM;
		}
	}
	if (s->slots.n)
		qsort(s->slots.v, s->slots.n, sizeof(*s->slots.v), by_address);
	return 0;
}

/* The slot that the stub at address jumps through, or NULL. */
static const struct slot *slot_of(const struct stubs *s, const uint8_t *code, size_t len,
				  uint64_t address)
{
	for (size_t i = 0; i + 6 <= len; i++) {
		struct slot key;
		int32_t distance;

		if (code[i] != 0xff || code[i + 1] != 0x25)
			continue;
		memcpy(&distance, code + i + 2, sizeof(distance));
		key.address = address + i + 6 + (uint64_t)(int64_t)distance;
		return s->slots.n ? bsearch(&key, s->slots.v, s->slots.n, sizeof(key), by_address)
				  : NULL;
	}
	return NULL;
}

static int name_stub(struct stubs *s, const struct slot *slot, uint64_t address, size_t size)
{
	struct pending_symbol p = {.address = address, .size = size, .rank = 1};
	size_t start = s->names.len;
	const char *name;
	Elf64_Sym sym;
	ptrdiff_t len;

	if (slot->symbol >= symbol_table_count(&s->table, true))
		return 0;
	symbol_read(&s->table, slot->symbol, true, &sym);
	len = span_string(s->table.strings, sym.st_name, &name);
	if (len <= 0 || len > PLT_NAME_BYTES_MAX)
		return 0;
	buf_add(&s->names, name, (size_t)len);
	buf_add(&s->names, "@plt", sizeof("@plt"));
	if (s->names.err)
		return s->names.err == -EFBIG ? 0 : s->names.err;
	p.name = (const char *)(uintptr_t)start;
	p.len = s->names.len - start - 1;
	return symbol_list_add(s->out, s->image, &p);
}

static int read_stubs(struct stubs *s, const struct elf_section *section)
{
	struct span code = elf_image_bytes(s->image, section);
	size_t step = strcmp(section->name, ".plt.got") == 0 &&
				      section->entry_bytes == PLT_GOT_ENTRY_BYTES
			      ? PLT_GOT_ENTRY_BYTES
			      : PLT_ENTRY_BYTES;

	for (size_t at = 0; at + step <= code.size; at += step) {
		uint64_t address = section->address + at;
		const struct slot *slot = slot_of(s, code.data + at, step, address);
		int r = slot ? name_stub(s, slot, address, step) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

static int read_all(struct stubs *s)
{
	int r = read_slots(s);

	for (size_t i = 1; i < s->image->n_sections && r == 0 && s->slots.n; i++) {
		const struct elf_section *section = &s->image->sections[i];

		if ((section->flags & SHF_EXECINSTR) && strncmp(section->name, ".plt", 4) == 0)
			r = read_stubs(s, section);
	}
	return r == -EFBIG ? 0 : r;
}

int plt_symbols(const struct elf_image *image, struct symbol_list *l, char **ret_names,
		size_t *ret_bytes)
{
	struct stubs s = {.image = image, .out = l, .first = l->n};
	char *names;
	int r;

	if (image->machine != EM_X86_64 || !image->is_64 || !symtab_dynamic_table(image, &s.table))
		return 0;
	buf_init(&s.names, PLT_NAMES_BYTES_MAX);
	r = read_all(&s);
	free(s.slots.v);
	names = r == 0 ? (char *)s.names.data : NULL;
	for (size_t i = s.first; i < l->n && names; i++)
		l->v[i].name = names + (uintptr_t)l->v[i].name;
	if (!names) {
		buf_done(&s.names);
		l->n = s.first;
		return r;
	}
	*ret_names = names;
	*ret_bytes = s.names.cap;
	return 0;
}
