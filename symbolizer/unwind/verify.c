/*
 * Two walks: over every FDE by libdw's own rows, which finds what the table lacks; and over every
 * row of the table, which finds what it has too much.
 */
#include "symbolizer/unwind/verify.h"

#include "profiler/base/cleanup.h"
#include "symbolizer/unwind/cfi.h"
#include "symbolizer/unwind/entry.h"
#include "symbolizer/unwind/evaluate.h"
#include "symbolizer/unwind/program.h"

#include <dwarf.h>
#include <elf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SEEDS	  2
#define PLT_BYTES 16
/* Where nothing is: to learn which of libdw's errors says so. */
#define NOWHERE 0xfffffffffffff000ull

struct judge {
	struct elf_image image, debug_image;
	struct cfi_sections sections;
	struct cfi_entries entries;
	struct cfi_registers registers;
	uint8_t *copy; /* of the file with .debug_frame: libdw inflates sections in place */
	Elf *elf, *debug_elf;
	Dwarf *dwarf;
	Dwarf_CFI *eh, *debug; /* debug is dwarf's own */
	int no_match; /* libdw's error: no FDE covers the address */
	uint64_t entry_start, entry_end;
	const struct unwind_table *table;
	struct unwind_table of_cfi; /* the same without derived rows, where it has some */
	struct unwind_verdict *verdict;
};

static void judge_done(struct judge *j)
{
	cfi_entries_done(&j->entries);
	unwind_find_done(&j->sections);
	if (j->eh)
		dwarf_cfi_end(j->eh);
	if (j->dwarf)
		dwarf_end(j->dwarf);
	if (j->debug_elf)
		elf_end(j->debug_elf);
	if (j->elf)
		elf_end(j->elf);
	free(j->copy);
	unwind_table_done(&j->of_cfi);
	elf_image_done(&j->debug_image);
	elf_image_done(&j->image);
}

__attribute__((format(printf, 3, 4))) static void mismatch(struct judge *j, uint64_t address,
							   const char *format, ...)
{
	struct unwind_verdict *v = j->verdict;
	va_list ap;

	if (v->mismatches < UNWIND_MISMATCHES_KEPT) {
		struct unwind_mismatch *m = &v->mismatch[v->mismatches];

		m->address = address;
		va_start(ap, format);
		vsnprintf(m->text, sizeof(m->text), format, ap);
		va_end(ap);
	}
	v->mismatches++;
}

/* 0 and a frame that is the caller's to free, or libdw's error. */
static int ask(const struct judge *j, uint64_t address, Dwarf_Frame **ret)
{
	Dwarf_CFI *const sources[] = {j->eh, j->debug};
	int error = j->no_match;

	for (size_t i = 0; i < 2; i++) {
		if (!sources[i])
			continue;
		if (dwarf_cfi_addrframe(sources[i], address, ret) == 0)
			return 0;
		error = dwarf_errno();
		if (error != j->no_match)
			return error;
	}
	return error;
}

static bool is_interrupted_at(const struct judge *j, uint64_t address)
{
	Dwarf_Frame *frame = NULL;
	bool is_signal = false;
	Dwarf_Addr start;

	if (ask(j, address, &frame) != 0)
		return false;
	dwarf_frame_info(frame, &start, NULL, &is_signal);
	free(frame);
	return is_signal && start == address;
}

/* libdw has no row: neither should the table, with three exceptions of our own. */
static void judge_nothing(struct judge *j, uint64_t address, uint64_t offset, int error,
			  const struct unwind_rule *rule)
{
	bool is_derived = j->table->n_derived && !unwind_table_find(&j->of_cfi, offset);

	if (!rule && error == j->no_match)
		j->verdict->compared++;
	else if (!rule)
		j->verdict->refused++;
	else if (rule->kind == UNWIND_KIND_END && address >= j->entry_start &&
		 address < j->entry_end)
		j->verdict->entry++;
	else if (rule->kind == UNWIND_KIND_CFA && is_derived && error == j->no_match)
		j->verdict->derived++;
	else if (rule->kind == UNWIND_KIND_SIGNAL && is_interrupted_at(j, address + 1))
		j->verdict->compared++;
	else
		mismatch(j, address, "the table says %s, libdw: %s", unwind_kind_name(rule->kind),
			 dwarf_errmsg(error));
}

/* libdw's value of a register of the caller. False: an operation that is not known here. */
static bool register_of(Dwarf_Frame *frame, const struct made_up *m, uint64_t number,
			struct evaluated *ret)
{
	Dwarf_Op mem[3], *ops;
	size_t n;

	if (dwarf_frame_register(frame, (int)number, mem, &ops, &n) < 0)
		return false;
	*ret = (struct evaluated){.is_known = n || !ops};
	if (n)
		return evaluate_dwarf(m, ops, n, true, &ret->value);
	if (!ops)
		ret->value = made_up_register(m, number);
	return true;
}

static bool equal(const struct evaluated *a, const struct evaluated *b)
{
	return a->is_known == b->is_known && (!a->is_known || a->value == b->value);
}

/*
 * Where no rule has room for the anchor, it is not followed. What CFI does not mention the callee
 * keeps (System V ABI, AMD64, figure 3.4: rbx); libdw 0.188 has that for rax in rbx's place, and
 * says undefined.
 */
static bool equal_anchor(Dwarf_Frame *frame, const struct made_up *m,
			 const struct unwind_rule *rule, const struct evaluated *ours)
{
	struct evaluated theirs;

	if (!ours->is_known || m->anchor == UINT64_MAX)
		return true;
	return register_of(frame, m, m->anchor, &theirs) &&
	       (equal(&theirs, ours) || (!theirs.is_known && rule->anchor == UNWIND_ANCHOR_SAME));
}

static const char *difference_of_registers(Dwarf_Frame *frame, const struct made_up *m,
					   const struct unwind_rule *rule,
					   const struct evaluated_rule *ours)
{
	struct evaluated ra, fp;

	if (!register_of(frame, m, m->ra, &ra) || !equal(&ra, &ours->ra))
		return "return address";
	if (!register_of(frame, m, m->fp, &fp) || !equal(&fp, &ours->fp))
		return "frame pointer";
	return equal_anchor(frame, m, rule, &ours->anchor) ? NULL : "anchor";
}

/* What differs, or NULL. */
static const char *difference(Dwarf_Frame *frame, struct made_up *m, const struct unwind_rule *rule)
{
	struct evaluated_rule ours = evaluate_rule(m, rule);
	struct evaluated cfa = {.is_known = true};
	Dwarf_Op *ops;
	size_t n;

	if (rule->kind == UNWIND_KIND_JUMP) {
		if (!register_of(frame, m, m->sp, &cfa) || !equal(&cfa, &ours.cfa))
			return "stack pointer";
		return difference_of_registers(frame, m, rule, &ours);
	}
	if (dwarf_frame_cfa(frame, &ops, &n) < 0 || n == 0 ||
	    !evaluate_dwarf(m, ops, n, false, &cfa.value))
		return "CFA, by operations that are not known here";
	if (!equal(&cfa, &ours.cfa))
		return "CFA";
	m->cfa = cfa.value;
	return difference_of_registers(frame, m, rule, &ours);
}

static void judge_end(struct judge *j, uint64_t address, Dwarf_Frame *frame)
{
	struct made_up m = {.ra = j->registers.ra};
	struct evaluated ra;

	j->verdict->compared++;
	if (!register_of(frame, &m, m.ra, &ra) || ra.is_known)
		mismatch(j, address, "an end, for libdw the return address is defined");
}

static void judge_row(struct judge *j, uint64_t address, Dwarf_Frame *frame,
		      const struct unwind_rule *rule)
{
	/* What a stub's rule says depends on where in the stub. */
	uint64_t more = rule->kind == UNWIND_KIND_PLT ? PLT_BYTES : 1;
	struct made_up m = {.fp = j->registers.fp,
			    .sp = j->registers.sp,
			    .ra = j->registers.ra,
			    .anchor = j->registers.anchor};

	j->verdict->compared++;
	for (uint64_t i = 0; i < more * SEEDS; i++) {
		const char *what;

		m.seed = i;
		m.pc = address + i / SEEDS;
		what = difference(frame, &m, rule);
		if (what) {
			mismatch(j, address, "another %s (kind %s, base %u, offset %d)", what,
				 unwind_kind_name(rule->kind), rule->base, rule->cfa_offset);
			return;
		}
	}
}

/*
 * libdw gives up a CFA whose register alone is set after an expression. libgcc takes the offset
 * from before the expression, which is what the code does: libgcrypt.so.20.4.1 at 0xccac5 has
 * `mov 0x218(%rsp),%rsp`, six pops (CFA = rsp + 56, 48, ... 8 by its CFI) and `ret`.
 */
static bool has_no_cfa(Dwarf_Frame *frame)
{
	Dwarf_Op *ops;
	size_t n;

	return dwarf_frame_cfa(frame, &ops, &n) < 0 || n == 0;
}

static void judge_frame(struct judge *j, uint64_t address, Dwarf_Frame *frame,
			const struct unwind_rule *rule)
{
	if (has_no_cfa(frame) && (!rule || rule->kind != UNWIND_KIND_END)) {
		j->verdict->refused++;
		return;
	}
	if (!rule) {
		mismatch(j, address, "the table has a hole, libdw a row");
		return;
	}
	switch (rule->kind) {
	case UNWIND_KIND_EXPRESSION:
	case UNWIND_KIND_REGISTER:
		j->verdict->unsaid[rule->kind]++;
		break;
	case UNWIND_KIND_END:
		judge_end(j, address, frame);
		break;
	case UNWIND_KIND_SIGNAL:
		if (j->registers.is_arm64) { /* by the kernel's layout, not by what CFI says */
			j->verdict->unsaid[rule->kind]++;
			break;
		}
		/* fall through */
	default:
		judge_row(j, address, frame, rule);
	}
}

static bool offset_of(const struct judge *j, uint64_t address, uint64_t *ret)
{
	for (size_t i = 0; i < j->image.n_segments; i++) {
		const struct elf_segment *s = &j->image.segments[i];

		if (s->type != PT_LOAD || !(s->flags & PF_X) || address < s->address ||
		    address - s->address >= s->file_bytes)
			continue;
		*ret = s->offset + (address - s->address);
		return true;
	}
	return false;
}

/* Judge an address; where libdw's row ends is returned, 0 where it has none. */
static uint64_t judge_at(struct judge *j, uint64_t address)
{
	const struct unwind_rule *rule;
	Dwarf_Addr start, end = 0;
	Dwarf_Frame *frame = NULL;
	uint64_t offset;
	int error;

	if (!offset_of(j, address, &offset))
		return 0;
	rule = unwind_table_find(j->table, offset);
	error = ask(j, address, &frame);
	if (error) {
		judge_nothing(j, address, offset, error, rule);
		return 0;
	}
	judge_frame(j, address, frame, rule);
	dwarf_frame_info(frame, &start, &end, NULL);
	free(frame);
	return end;
}

static void judge_fdes(struct judge *j)
{
	for (size_t i = 0; i < j->entries.n_fdes; i++) {
		const struct cfi_fde *fde = &j->entries.fdes[i];
		uint64_t at = fde->start, next;

		for (; at < fde->end; at = next) {
			next = judge_at(j, at);
			if (next <= at)
				break;
		}
		judge_at(j, fde->end - 1);
	}
}

static void judge_offset(struct judge *j, uint64_t offset)
{
	uint64_t address;

	if (elf_image_address(&j->image, offset, &address))
		judge_at(j, address);
}

/* The first and the last byte of each row: a page may begin before the code that it holds. */
static void judge_page(struct judge *j, const struct unwind_page *page)
{
	const struct unwind_row *rows = &j->table->rows[page->first_row];
	uint64_t start = (uint64_t)page->number << UNWIND_PAGE_BITS;

	for (uint32_t i = 0; i < page->n_rows; i++) {
		uint64_t next = i + 1 < page->n_rows ? rows[i + 1].low : 1u << UNWIND_PAGE_BITS;

		judge_offset(j, start + rows[i].low);
		if (next - rows[i].low > 1)
			judge_offset(j, start + next - 1);
	}
}

static bool has_debug_frame(const struct judge *j)
{
	for (size_t i = 0; i < j->sections.n; i++)
		if (!j->sections.v[i].is_eh)
			return true;
	return false;
}

static int open_debug_frame(struct judge *j, const struct unwind_input *in, struct err *err)
{
	const uint8_t *data = in->debug ? in->debug : in->data;
	size_t bytes = in->debug ? in->debug_bytes : in->bytes;

	j->copy = malloc(bytes);
	if (!j->copy)
		return err_set(err, -ENOMEM, "no memory for a copy of the file");
	memcpy(j->copy, data, bytes);
	j->debug_elf = elf_memory((char *)j->copy, bytes);
	j->dwarf = j->debug_elf ? dwarf_begin_elf(j->debug_elf, DWARF_C_READ, NULL) : NULL;
	j->debug = j->dwarf ? dwarf_getcfi(j->dwarf) : NULL;
	return 0;
}

static int judge_open(struct judge *j, const struct unwind_input *in, struct err *err)
{
	Dwarf_Frame *frame;
	int r = elf_image_borrow(&j->image, in->data, in->bytes, err);

	if (r == 0 && in->debug)
		r = elf_image_borrow(&j->debug_image, in->debug, in->debug_bytes, err);
	if (r == 0)
		r = unwind_find_cfi(&j->image, in->debug ? &j->debug_image : NULL, &j->sections);
	for (size_t i = 0; i < j->sections.n && r == 0; i++)
		r = cfi_entries_read(&j->sections.v[i], &j->entries);
	if (r < 0)
		return r;
	unwind_entry_find(&j->image, &j->entries, &j->entry_start, &j->entry_end);
	elf_version(EV_CURRENT);
	j->elf = elf_memory((char *)in->data, in->bytes);
	j->eh = j->elf ? dwarf_getcfi_elf(j->elf) : NULL;
	if (has_debug_frame(j))
		r = open_debug_frame(j, in, err);
	if (r == 0 && (j->eh || j->debug) &&
	    dwarf_cfi_addrframe(j->eh ? j->eh : j->debug, NOWHERE, &frame) < 0)
		j->no_match = dwarf_errno();
	return r;
}

int unwind_verify(const struct unwind_input *in, const struct unwind_table *t,
		  struct unwind_verdict *ret, struct err *err)
{
	_cleanup_(judge_done) struct judge j = {.table = t};
	struct unwind_input of_cfi = *in;
	struct unwind_verdict verdict = {};
	int r;

	if (!cfi_registers_of(t->machine, &j.registers) || t->source == UNWIND_SOURCE_RELOCATABLE ||
	    t->source == UNWIND_SOURCE_MACHINE) {
		*ret = verdict;
		return 0;
	}
	of_cfi.disassembler = NULL;
	j.verdict = &verdict;
	r = judge_open(&j, in, err);
	if (r == 0 && t->n_derived)
		r = unwind_compile(&of_cfi, &j.of_cfi, err);
	if (r < 0)
		return r;
	judge_fdes(&j);
	for (uint32_t i = 0; i < t->n_pages; i++)
		judge_page(&j, &t->pages[i]);
	*ret = verdict;
	return 0;
}
