/*
 * The dynamic section says where the symbols begin but not how many there are: DT_HASH counts
 * them, and DT_GNU_HASH's last chain ends with the last one (System V ABI chapter 5; GNU hash:
 * the binutils' elflink.c).
 */
#include "symbolizer/dynamic.h"

#include <string.h>

struct tags {
	uint64_t symtab, strtab, strings_bytes, hash, gnu_hash;
};

/* From a virtual address to the end of its segment's bytes in the file. */
static struct span at_address(const struct elf_image *image, uint64_t address)
{
	for (size_t i = 0; i < image->n_segments; i++) {
		const struct elf_segment *s = &image->segments[i];
		uint64_t distance = address - s->address;

		if (s->type == PT_LOAD && address >= s->address && distance < s->file_bytes)
			return (struct span){.data = image->data + s->offset + distance,
					     .size = s->file_bytes - distance};
	}
	return (struct span){};
}

static void take_tag(struct tags *t, uint64_t tag, uint64_t value)
{
	switch (tag) {
	case DT_SYMTAB:
		t->symtab = value;
		break;
	case DT_STRTAB:
		t->strtab = value;
		break;
	case DT_STRSZ:
		t->strings_bytes = value;
		break;
	case DT_HASH:
		t->hash = value;
		break;
	case DT_GNU_HASH:
		t->gnu_hash = value;
		break;
	}
}

static void read_tags(const struct elf_image *image, struct span dynamic, struct tags *ret)
{
	size_t step = image->is_64 ? sizeof(Elf64_Dyn) : sizeof(Elf32_Dyn);

	for (size_t at = 0; at + step <= dynamic.size; at += step) {
		Elf64_Dyn d = {};
		Elf32_Dyn small;

		if (image->is_64) {
			memcpy(&d, dynamic.data + at, sizeof(d));
		} else {
			memcpy(&small, dynamic.data + at, sizeof(small));
			d = (Elf64_Dyn){.d_tag = small.d_tag, .d_un.d_val = small.d_un.d_val};
		}
		if (d.d_tag == DT_NULL)
			return;
		take_tag(ret, (uint64_t)d.d_tag, d.d_un.d_val);
	}
}

static uint32_t word(struct span s, uint64_t i)
{
	uint32_t w = 0;

	if (i < s.size / sizeof(w))
		memcpy(&w, s.data + i * sizeof(w), sizeof(w));
	return w;
}

/* Header: buckets, first symbol, filter words, shift; then the filter, the buckets, the chains. */
static uint64_t count_by_gnu_hash(struct span table, bool is_64)
{
	uint64_t buckets = word(table, 0), first = word(table, 1);
	uint64_t bucket_at = 4 + (uint64_t)word(table, 2) * (is_64 ? 2 : 1);
	uint64_t last = 0, words = table.size / sizeof(uint32_t);

	if (bucket_at + buckets > words)
		return 0;
	for (uint64_t i = 0; i < buckets; i++)
		if (word(table, bucket_at + i) > last)
			last = word(table, bucket_at + i);
	if (last < first)
		return first;
	for (uint64_t at = bucket_at + buckets + (last - first); at < words; at++, last++)
		if (word(table, at) & 1)
			return last + 1;
	return 0;
}

bool dynamic_symbols(const struct elf_image *image, struct symbol_table *ret)
{
	size_t entry = image->is_64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	struct tags t = {};
	struct span symbols, strings;
	uint64_t n = 0;

	for (size_t i = 0; i < image->n_segments; i++) {
		const struct elf_segment *s = &image->segments[i];

		if (s->type == PT_DYNAMIC && s->file_bytes)
			read_tags(image,
				  (struct span){.data = image->data + s->offset,
						.size = s->file_bytes},
				  &t);
	}
	if (!t.symtab || !t.strtab)
		return false;
	symbols = at_address(image, t.symtab);
	strings = at_address(image, t.strtab);
	if (t.hash)
		n = word(at_address(image, t.hash), 1);
	if (!n && t.gnu_hash)
		n = count_by_gnu_hash(at_address(image, t.gnu_hash), image->is_64);
	if (n < 2 || n > symbols.size / entry)
		return false;
	if (t.strings_bytes < strings.size)
		strings.size = t.strings_bytes;
	*ret = (struct symbol_table){.symbols = {.data = symbols.data, .size = n * entry},
				     .strings = strings};
	return true;
}
