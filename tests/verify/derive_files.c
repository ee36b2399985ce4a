/*
 * usage: derive_files FILE...
 *
 * What derive.h makes of functions whose frames are known: each function that has CFI is read as
 * if it had none, and where rules come of it they are held against its CFI. A wrong rule fails.
 */
#include "profiler/base/cleanup.h"
#include "symbolizer/unwind/cfi.h"
#include "symbolizer/unwind/derive.h"
#include "symbolizer/unwind/find.h"
#include "symbolizer/unwind/unwind.h"

#include "bpf/registers.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct totals {
	uint64_t functions, derived, bytes, wrong;
};

struct function {
	const struct elf_image *image;
	const struct unwind_table *table;
	const char *path;
	const struct elf_segment *segment;
	uint64_t address;
	struct totals *totals;
	uint64_t bytes; /* that have a rule */
	/* the rule that holds, from where on; kind HOLE: none */
	struct unwind_rule rule;
	size_t from;
};

static const struct unwind_rule *rule_at(const struct function *f, uint64_t address)
{
	const struct elf_segment *s = f->segment;

	if (address < s->address || address - s->address >= s->file_bytes)
		return NULL;
	return unwind_table_find(f->table, s->offset + (address - s->address));
}

static bool is_rule(void *ctx, uint64_t address, const struct unwind_rule *rule)
{
	const struct unwind_rule *there = rule_at(ctx, address);

	return there && memcmp(there, rule, sizeof(*rule)) == 0;
}

/*
 * Whether a register is where CFI says, words below the CFA (0: unchanged). Right behind its push
 * it is in both places, and compilers say either; popped, it is still where it was saved, and CFI
 * goes on saying so.
 */
static bool is_same_place(int words, int cfi_words, int depth)
{
	return words == cfi_words || cfi_words == 0 || (words == 0 && cfi_words > depth);
}

/* Whether the two say the same, as far as they can be compared. */
static bool agree(const struct unwind_rule *derived, const struct unwind_rule *cfi)
{
	int depth = derived->cfa_offset / 8;

	if (cfi->kind != UNWIND_KIND_CFA || cfi->base != ARCH_DWARF_SP)
		return cfi->kind != UNWIND_KIND_HOLE && cfi->kind != UNWIND_KIND_SIGNAL;
	return derived->cfa_offset == cfi->cfa_offset && derived->ra_offset == cfi->ra_offset &&
	       (cfi->fp == UNWIND_AT_CFA || cfi->fp == UNWIND_SAME) &&
	       is_same_place(derived->fp_offset / -8, cfi->fp_offset / -8, depth) &&
	       is_same_place(derived->anchor, cfi->anchor, depth);
}

static void judge(struct function *f, size_t end)
{
	if (f->rule.kind == UNWIND_KIND_HOLE)
		return;
	for (size_t at = f->from; at < end; at++) {
		const struct unwind_rule *cfi = rule_at(f, f->address + at);

		f->bytes++;
		f->totals->bytes++;
		if (cfi && agree(&f->rule, cfi))
			continue;
		f->totals->wrong++;
		printf("%s: %#llx: sp + %d, fp %d, anchor %u; its CFI: kind %d, %u + %d, fp %d, "
		       "anchor %u\n",
		       f->path, (unsigned long long)(f->address + at), f->rule.cfa_offset,
		       f->rule.fp_offset, f->rule.anchor, cfi ? cfi->kind : -1, cfi ? cfi->base : 0,
		       cfi ? cfi->cfa_offset : 0, cfi ? cfi->fp_offset : 0, cfi ? cfi->anchor : 0);
	}
}

static int take(void *ctx, size_t at, const struct unwind_rule *rule)
{
	struct function *f = ctx;

	judge(f, at);
	f->rule = rule ? *rule : (struct unwind_rule){};
	f->from = at;
	return 0;
}

static const struct elf_segment *segment_of(const struct elf_image *image, uint64_t start,
					    uint64_t end)
{
	for (size_t i = 0; i < image->n_segments; i++) {
		const struct elf_segment *s = &image->segments[i];

		if (s->type == PT_LOAD && (s->flags & PF_X) && start >= s->address && start < end &&
		    end - s->address <= s->file_bytes)
			return s;
	}
	return NULL;
}

static void try_function(struct function *f, const struct cfi_fde *fde, struct code_steps *steps)
{
	struct derive hole = {
		.bytes = fde->end - fde->start,
		.address = fde->start,
		.is_rule = is_rule,
		.take = take,
		.ctx = f,
	};

	f->segment = segment_of(f->image, fde->start, fde->end);
	if (!f->segment || hole.bytes > DERIVE_BYTES_MAX)
		return;
	f->totals->functions++;
	f->address = fde->start;
	f->bytes = 0;
	f->rule = (struct unwind_rule){};
	hole.code = f->image->data + f->segment->offset + (fde->start - f->segment->address);
	if (derive_rules(&hole, steps) < 0)
		exit(1);
	judge(f, hole.bytes);
	f->totals->derived += f->bytes > 0;
}

static void try_file(const char *path, const struct disassembler *d, struct totals *all)
{
	struct totals totals = {};
	struct elf_image image = {};
	struct cfi_sections sections;
	struct cfi_entries entries = {};
	struct unwind_table table = {};
	struct function f = {.image = &image, .table = &table, .path = path, .totals = &totals};
	struct unwind_input in = {};
	struct code_steps *steps;
	FILE *file = fopen(path, "re");

	if (!file || elf_image_open(&image, fileno(file), NULL) < 0)
		exit(1);
	fclose(file);
	in.data = image.data;
	in.bytes = image.size;
	if (image.machine != EM_X86_64 || unwind_compile(&in, &table, NULL) < 0 ||
	    unwind_find_cfi(&image, NULL, &sections) < 0 || code_steps_open(d, &steps) < 0)
		exit(1);
	for (size_t i = 0; i < sections.n; i++)
		if (cfi_entries_read(&sections.v[i], &entries) < 0)
			exit(1);
	for (size_t i = 0; i < entries.n_fdes; i++)
		try_function(&f, &entries.fdes[i], steps);
	printf("%s: %llu of %llu functions, %llu bytes of them, %llu wrong\n", path,
	       (unsigned long long)totals.derived, (unsigned long long)totals.functions,
	       (unsigned long long)totals.bytes, (unsigned long long)totals.wrong);
	all->functions += totals.functions;
	all->derived += totals.derived;
	all->wrong += totals.wrong;
	code_steps_close(steps);
	cfi_entries_done(&entries);
	unwind_find_done(&sections);
	unwind_table_done(&table);
	elf_image_done(&image);
}

int main(int argc, char **argv)
{
	struct disassembler *d;
	struct totals all = {};
	struct err err = {};

	if (disassembler_new(&d, &err) < 0) {
		fprintf(stderr, "%s\n", err_text(&err));
		return 1;
	}
	for (int i = 1; i < argc; i++)
		try_file(argv[i], d, &all);
	disassembler_free(d);
	return all.wrong || !all.derived;
}
