/*
 * The pipeline: find CFI, read its entries, order them by where their code is in the file, run each
 * program, turn every row into a rule, reduce, fill holes, split.
 *
 * Where FDEs overlap, the one that begins first has what both cover (of those that begin together,
 * the one that stands first; .eh_frame before .debug_frame).
 */
#include "symbolizer/unwind/unwind.h"

#include "profiler/base/cleanup.h"
#include "symbolizer/unwind/cfi.h"
#include "symbolizer/unwind/entry.h"
#include "symbolizer/unwind/holes.h"
#include "symbolizer/unwind/marks.h"
#include "symbolizer/unwind/program.h"
#include "symbolizer/unwind/rules.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MARKS_FIRST 4096
/* Before reduction; what the reduction takes away is little. */
#define MARKS_MAX   (2u * UNWIND_ROWS_MAX)

#define OFFSETS_END ((uint64_t)UNWIND_PAGES_MAX << UNWIND_PAGE_BITS)

/* The code of an FDE, in the file. */
struct range {
	uint32_t start; /* [start, end) */
	uint32_t end;
	uint32_t fde;
};

struct start_state {
	struct cfi_state state;
	bool is_bad;
};

struct compiler {
	struct elf_image image, debug;
	const struct disassembler *disassembler; /* NULL: holes stay */
	struct cfi_sections sections;
	struct cfi_registers registers;
	struct cfi_entries entries;
	struct start_state *starts; /* of each CIE */
	struct range *ranges;
	size_t n_ranges;
	uint64_t entry_start, entry_end;
	struct unwind_rules rules;
	struct unwind_mark *marks;
	size_t n_marks, cap_marks;
	struct unwind_table table;
	/* the FDE at hand */
	const struct cfi_cie *cie;
	uint64_t delta; /* its address minus its offset */
	uint32_t from, until; /* what of it counts */
	uint32_t covered; /* offsets before this have their marks */
};

static void compiler_done(struct compiler *c)
{
	unwind_find_done(&c->sections);
	cfi_entries_done(&c->entries);
	unwind_rules_done(&c->rules);
	unwind_table_done(&c->table);
	free(c->starts);
	free(c->ranges);
	free(c->marks);
	elf_image_done(&c->debug);
	elf_image_done(&c->image);
}

static int add_mark(struct compiler *c, uint32_t offset, uint32_t rule)
{
	if (c->n_marks == MARKS_MAX)
		return -E2BIG;
	if (c->n_marks == c->cap_marks) {
		size_t cap = c->cap_marks ? c->cap_marks * 2 : MARKS_FIRST;
		struct unwind_mark *more = realloc(c->marks, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		c->marks = more;
		c->cap_marks = cap;
	}
	c->marks[c->n_marks++] = (struct unwind_mark){.offset = offset, .rule = rule};
	return 0;
}

/* Why there is nothing to compile, or UNWIND_SOURCE_BOTH: there may be. */
static enum unwind_source refuse(struct compiler *c)
{
	if (!c->image.is_64 || !cfi_registers_of(c->image.machine, &c->registers))
		return UNWIND_SOURCE_MACHINE;
	return c->image.type == ET_REL ? UNWIND_SOURCE_RELOCATABLE : UNWIND_SOURCE_BOTH;
}

static int read_entries(struct compiler *c)
{
	bool eh = false, debug = false;

	for (size_t i = 0; i < c->sections.n; i++) {
		size_t before = c->entries.n_fdes;
		int r = cfi_entries_read(&c->sections.v[i], &c->entries);

		if (r < 0)
			return r;
		if (c->entries.n_fdes == before)
			continue;
		eh |= c->sections.v[i].is_eh;
		debug |= !c->sections.v[i].is_eh;
	}
	c->table.source = eh && debug ? UNWIND_SOURCE_BOTH
			  : eh	      ? UNWIND_SOURCE_EH_FRAME
			  : debug     ? UNWIND_SOURCE_DEBUG_FRAME
				      : UNWIND_SOURCE_NONE;
	c->table.n_fdes = (uint32_t)c->entries.n_fdes;
	c->table.n_bad = c->entries.n_bad;
	return 0;
}

static int begin_cies(struct compiler *c)
{
	c->starts = calloc(c->entries.n_cies + 1, sizeof(*c->starts));
	if (!c->starts)
		return -ENOMEM;
	for (size_t i = 0; i < c->entries.n_cies; i++)
		c->starts[i].is_bad = cfi_program_begin(&c->entries.cies[i], &c->registers,
							&c->starts[i].state) < 0;
	return 0;
}

/* The executable segment that holds an address, *near first. */
static const struct elf_segment *find_segment(const struct compiler *c, uint64_t address,
					      const struct elf_segment *near)
{
	if (near && address >= near->address && address - near->address < near->file_bytes)
		return near;
	for (size_t i = 0; i < c->image.n_segments; i++) {
		const struct elf_segment *s = &c->image.segments[i];

		if (s->type == PT_LOAD && (s->flags & PF_X) && address >= s->address &&
		    address - s->address < s->file_bytes)
			return s;
	}
	return NULL;
}

/*
 * Where in the file the code is. 0 for what is in no executable segment: functions that the linker
 * dropped leave FDEs that cover nothing.
 */
static int place(const struct elf_segment *s, uint64_t start, uint64_t end, struct range *ret)
{
	uint64_t from, until;

	if (!s)
		return 0;
	from = s->offset + (start - s->address);
	until = end - s->address < s->file_bytes ? s->offset + (end - s->address)
						 : s->offset + s->file_bytes;
	if (until >= OFFSETS_END)
		return -E2BIG;
	ret->start = (uint32_t)from;
	ret->end = (uint32_t)until;
	return 1;
}

static int by_start(const void *pa, const void *pb)
{
	const struct range *a = pa, *b = pb;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return a->fde < b->fde ? -1 : a->fde > b->fde;
}

static void sort(struct compiler *c)
{
	for (size_t i = 1; i < c->n_ranges; i++)
		if (by_start(&c->ranges[i - 1], &c->ranges[i]) > 0) {
			qsort(c->ranges, c->n_ranges, sizeof(*c->ranges), by_start);
			return;
		}
}

/* All FDEs that cover code, and behind them the entry point, by where they are in the file. */
static int order(struct compiler *c)
{
	const struct elf_segment *near = NULL;
	size_t n = c->entries.n_fdes;

	c->ranges = malloc((n + 1) * sizeof(*c->ranges));
	if (!c->ranges)
		return -ENOMEM;
	if (!unwind_entry_find(&c->image, &c->entries, &c->entry_start, &c->entry_end))
		c->entry_start = c->entry_end = 0;
	for (size_t i = 0; i < n + (c->entry_end != 0); i++) {
		uint64_t start = i < n ? c->entries.fdes[i].start : c->entry_start;
		uint64_t end = i < n ? c->entries.fdes[i].end : c->entry_end;
		struct range *range = &c->ranges[c->n_ranges];
		int r;

		near = find_segment(c, start, near);
		r = place(near, start, end, range);
		if (r < 0)
			return r;
		range->fde = (uint32_t)i;
		c->n_ranges += (size_t)r;
	}
	sort(c);
	return 0;
}

/* A row of the FDE at hand: into the part of it that counts. */
static int take_row(void *arg, uint64_t address, const struct cfi_state *state)
{
	struct compiler *c = arg;
	struct unwind_rule rule = unwind_rule_make(&c->registers, c->cie, state);
	uint64_t offset = address - c->delta;
	int number = unwind_rules_add(&c->rules, &rule);

	if (number < 0)
		return number;
	c->table.n_cfi_rows++;
	if (offset >= c->until)
		return 0;
	return add_mark(c, offset > c->from ? (uint32_t)offset : c->from, (uint32_t)number);
}

static int run_entry(struct compiler *c)
{
	struct unwind_rule end = {.kind = UNWIND_KIND_END};
	int number = unwind_rules_add(&c->rules, &end);

	return number < 0 ? number : add_mark(c, c->from, (uint32_t)number);
}

/* 0, also where the program is corrupt: a hole from there on. */
static int run_fde(struct compiler *c, const struct cfi_fde *fde)
{
	const struct start_state *start = &c->starts[fde->cie];
	uint64_t known_until = fde->start, offset;
	int r = -EBADMSG;

	c->cie = &c->entries.cies[fde->cie];
	if (!start->is_bad)
		r = cfi_program_run(c->cie, fde, &c->registers, &start->state, take_row, c,
				    &known_until);
	if (r != -EBADMSG)
		return r;
	c->table.n_bad++;
	offset = known_until - c->delta;
	if (offset >= c->until)
		return 0;
	return add_mark(c, offset > c->from ? (uint32_t)offset : c->from, UNWIND_RULE_HOLE);
}

/*
 * A signal handler returns to a restorer's first byte, and return addresses are looked up one byte
 * before: there its row begins, if the byte is nobody else's.
 */
static void begin_early(struct compiler *c, const struct range *range)
{
	size_t i = c->n_marks;

	while (i && c->marks[i - 1].offset >= range->start)
		i--;
	if (i < c->n_marks && c->marks[i].offset == range->start &&
	    c->rules.v[c->marks[i].rule].kind == UNWIND_KIND_SIGNAL)
		c->marks[i].offset--;
}

static int compile_range(struct compiler *c, const struct range *range)
{
	bool is_fde = range->fde < c->entries.n_fdes;
	const struct cfi_fde *fde = is_fde ? &c->entries.fdes[range->fde] : NULL;
	bool alone = range->start > c->covered;
	int r = 0;

	c->table.n_overlaps += range->start < c->covered;
	if (range->end <= c->covered)
		return 0;
	c->from = range->start > c->covered ? range->start : c->covered;
	c->until = range->end;
	c->delta = (is_fde ? fde->start : c->entry_start) - range->start;
	if (alone)
		r = add_mark(c, c->covered, UNWIND_RULE_HOLE);
	if (r == 0)
		r = is_fde ? run_fde(c, fde) : run_entry(c);
	if (r == 0 && alone && is_fde && c->cie->is_signal)
		begin_early(c, range);
	c->covered = range->end;
	return r;
}

/* Code without CFI, of a file that has some. */
static int fill_holes(struct compiler *c, size_t *n)
{
	const struct holes holes = {.image = &c->image,
				    .disassembler = c->disassembler,
				    .rules = &c->rules,
				    .n_derived = &c->table.n_derived};

	if (!c->disassembler || c->image.machine != EM_X86_64 || !c->table.n_fdes)
		return 0;
	return unwind_holes_fill(&holes, c->marks, *n, &c->marks, n);
}

static int compile_all(struct compiler *c)
{
	size_t n;
	int r = unwind_rules_init(&c->rules);

	for (size_t i = 0; i < c->n_ranges && r == 0; i++)
		r = compile_range(c, &c->ranges[i]);
	if (r == 0)
		r = add_mark(c, c->covered, UNWIND_RULE_HOLE);
	if (r < 0)
		return r;
	n = unwind_reduce(c->marks, c->n_marks);
	r = fill_holes(c, &n);
	if (r < 0)
		return r;
	c->table.rules = c->rules.v;
	c->table.n_rules = c->rules.n;
	r = unwind_split(c->marks, n, &c->table);
	c->rules.v = NULL; /* they are the table's now */
	c->rules.n = c->rules.cap = 0;
	return r;
}

/* What is read is so little that nobody waits long for it. */
static int measure(const struct cfi_sections *s)
{
	size_t bytes = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (s->v[i].size > UNWIND_CFI_BYTES_MAX - bytes)
			return -E2BIG;
		bytes += s->v[i].size;
	}
	return 0;
}

static int run(struct compiler *c, const struct unwind_input *in, struct err *err)
{
	int r = elf_image_borrow(&c->image, in->data, in->bytes, err);

	if (r < 0)
		return r;
	c->disassembler = in->disassembler;
	c->table.machine = c->image.machine;
	c->table.source = refuse(c);
	if (c->table.source != UNWIND_SOURCE_BOTH)
		return 0;
	if (in->debug && elf_image_borrow(&c->debug, in->debug, in->debug_bytes, err) < 0)
		return -EBADMSG;
	r = unwind_find_cfi(&c->image, in->debug ? &c->debug : NULL, &c->sections);
	if (r == 0)
		r = measure(&c->sections);
	if (r == 0)
		r = read_entries(c);
	if (r == 0 && c->table.n_fdes == 0 && c->table.n_bad)
		return err_set(err, -EBADMSG, "its CFI is corrupt: none of it can be used");
	if (r == 0)
		r = begin_cies(c);
	if (r == 0)
		r = order(c);
	if (r == 0)
		r = compile_all(c);
	if (r == -E2BIG)
		return err_set(err, r, "its CFI is larger than what is taken");
	return r < 0 ? err_set(err, r, "%s", strerror(-r)) : 0;
}

int unwind_compile(const struct unwind_input *in, struct unwind_table *ret, struct err *err)
{
	_cleanup_(compiler_done) struct compiler c = {};
	int r = run(&c, in, err);

	if (r < 0)
		return r;
	*ret = c.table;
	c.table = (struct unwind_table){};
	return 0;
}
