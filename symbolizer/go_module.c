/* Finding the runtime's module data; go_module.h is the contract. */
#include "symbolizer/go_module.h"

#include "symbolizer/dwarf_data.h"

#include <elf.h>
#include <string.h>

/*
 * Fields of the module data, in pointers: the table's address, then six slices of which the first
 * is the names', findfunctab, the least and the greatest pc, and text. Behind it 9 pointers, since
 * Go 1.20 two for coverage, end and two bitmaps, types, their end, rodata and gofunc.
 */
#define FIELD_NAMES	  1
#define FIELD_TEXT	  (1 + 6 * 3 + 3)
#define FIELD_GOFUNC_1_18 (FIELD_TEXT + 16)
#define FIELD_GOFUNC_1_20 (FIELD_GOFUNC_1_18 + 2)

#define RELATIVE_X86_64	  8 /* R_X86_64_RELATIVE */
#define RELATIVE_AARCH64  1027 /* R_AARCH64_RELATIVE */

struct span elf_image_memory(const struct elf_image *image, uint64_t address)
{
	for (size_t i = 0; i < image->n_segments; i++) {
		const struct elf_segment *s = &image->segments[i];
		uint64_t at = address - s->address;

		if (s->type == PT_LOAD && address >= s->address && at < s->file_bytes)
			return (struct span){.data = image->data + s->offset + at,
					     .size = s->file_bytes - at};
	}
	return (struct span){};
}

static const struct elf_section *find_table(const struct elf_image *image)
{
	const struct elf_section *s = elf_image_section(image, ".gopclntab");

	return s ? s : elf_image_section(image, ".data.rel.ro.gopclntab");
}

static bool is_relative(const struct elf_image *image, const Elf64_Rela *r)
{
	uint32_t type = (uint32_t)ELF64_R_TYPE(r->r_info);

	return type == (image->machine == EM_AARCH64 ? RELATIVE_AARCH64 : RELATIVE_X86_64);
}

/* Call take for every relative relocation until it says true. */
typedef bool (*take_relocation)(void *context, const Elf64_Rela *r);
static bool relocations(const struct elf_image *image, take_relocation take, void *context)
{
	for (size_t i = 1; image->is_64 && i < image->n_sections; i++) {
		struct span bytes = elf_image_bytes(image, &image->sections[i]);
		Elf64_Rela r;

		if (image->sections[i].type != SHT_RELA)
			continue;
		for (; bytes.size >= sizeof(r);
		     bytes = (struct span){bytes.data + sizeof(r), bytes.size - sizeof(r)}) {
			memcpy(&r, bytes.data, sizeof(r));
			if (is_relative(image, &r) && take(context, &r))
				return true;
		}
	}
	return false;
}

/* Places that are looked at because they begin as the module data does: there is one. */
#define TRIES_MAX 64

struct sought {
	const struct elf_image *image;
	unsigned int bytes; /* of a pointer */
	uint64_t table; /* address of the table */
	uint64_t names; /* and of its names */
	uint64_t at; /* of a pointer, or of the module data once it is found */
	uint64_t value;
	unsigned int tries;
};

static bool take_pointer(void *context, const Elf64_Rela *r)
{
	struct sought *s = context;

	if (r->r_offset != s->at)
		return false;
	s->value = (uint64_t)r->r_addend;
	return true;
}

/* The pointer at an address: as it stands in the file, or as a relocation will make it. */
static uint64_t pointer_at(const struct sought *s, uint64_t address)
{
	struct reader r = reader_over(elf_image_memory(s->image, address), 0);
	struct sought one = {.at = address};
	uint64_t value = reader_fixed(&r, s->bytes);

	if (value || r.bad)
		return value;
	return relocations(s->image, take_pointer, &one) ? one.value : 0;
}

static bool is_module_data(struct sought *s, uint64_t address)
{
	return s->tries++ < TRIES_MAX && pointer_at(s, address) == s->table &&
	       pointer_at(s, address + (uint64_t)FIELD_NAMES * s->bytes) == s->names;
}

static bool take_module_data(void *context, const Elf64_Rela *r)
{
	struct sought *s = context;

	if ((uint64_t)r->r_addend != s->table || !is_module_data(s, r->r_offset))
		return false;
	s->at = r->r_offset;
	return true;
}

/* Data that holds the two pointers as they are: of most programs, position-independent ones too. */
static bool scan_section(struct sought *s, const struct elf_section *section)
{
	struct span bytes = elf_image_bytes(s->image, section);
	struct reader r = reader_over(bytes, 0);

	while (reader_left(&r) >= 2 * s->bytes) {
		uint64_t at = section->address + (uint64_t)(r.at - bytes.data);

		if (reader_fixed(&r, s->bytes) != s->table || !is_module_data(s, at))
			continue;
		s->at = at;
		return true;
	}
	return false;
}

static bool find_module_data(struct sought *s)
{
	for (size_t i = 1; i < s->image->n_sections; i++) {
		const struct elf_section *section = &s->image->sections[i];

		if ((section->flags & SHF_WRITE) && (section->flags & SHF_ALLOC) &&
		    scan_section(s, section))
			return true;
	}
	return relocations(s->image, take_module_data, s);
}

bool go_module_find(const struct elf_image *image, struct go_module *ret)
{
	const struct elf_section *section = find_table(image);
	struct span bytes = elf_image_bytes(image, section);
	struct go_module m = {};
	struct go_header header;
	struct sought s;

	if (!bytes.size || !go_header_parse(bytes, &header))
		return false;
	m.table = header.table;
	if (m.table.version != GO_1_16) {
		s = (struct sought){.image = image,
				    .bytes = m.table.pointer_bytes,
				    .table = section->address,
				    .names = section->address + header.names_at};
		if (!find_module_data(&s))
			return false;
		m.table.text = pointer_at(&s, s.at + (uint64_t)FIELD_TEXT * s.bytes);
		m.gofunc = pointer_at(&s, s.at + (uint64_t)(m.table.version == GO_1_18
								    ? FIELD_GOFUNC_1_18
								    : FIELD_GOFUNC_1_20) *
							  s.bytes);
	}
	*ret = m;
	return true;
}

struct span go_module_tree(const struct elf_image *image, const struct go_module *m,
			   const struct go_function *f)
{
	if (!f->has_tree || (m->table.version != GO_1_16 && !m->gofunc))
		return (struct span){};
	return elf_image_memory(image, m->table.version == GO_1_16 ? f->tree : m->gofunc + f->tree);
}
