/*
 * One pass over the symbol table, sorted and flattened to segments; source_symtab.h is the
 * contract.
 *
 * Sizes: a symbol with a size covers that, cut at its section's end. One without (hand-written
 * assembly) covers what lies before the next symbol of its section, but only in a .symtab which
 * still has its locals: elsewhere a function that lost its name may follow, and only the exact
 * address is sure. Within a symbol of known size it is a mere label and names nothing.
 */
#include "symbolizer/source_symtab.h"

#include "profiler/base/cleanup.h"
#include "symbolizer/dynamic.h"
#include "symbolizer/minidebug.h"
#include "symbolizer/plt.h"
#include "symbolizer/start_code.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

static bool extent_holds(const struct code_extent *e, uint64_t address)
{
	return address >= e->start && address < e->end;
}

/* The executable section (or segment, without sections) over address. */
static bool find_extent(const struct elf_image *image, uint64_t address, struct code_extent *ret)
{
	for (size_t i = 0; i < image->n_sections; i++) {
		const struct elf_section *s = &image->sections[i];
		struct code_extent e = {.start = s->address, .end = s->address + s->size};

		if ((s->flags & SHF_EXECINSTR) && (s->flags & SHF_ALLOC) && e.end > e.start &&
		    extent_holds(&e, address)) {
			*ret = e;
			return true;
		}
	}
	for (size_t i = 0; !image->n_sections && i < image->n_segments; i++) {
		const struct elf_segment *s = &image->segments[i];
		struct code_extent e = {.start = s->address, .end = s->address + s->memory_bytes};

		if (s->type == PT_LOAD && (s->flags & PF_X) && extent_holds(&e, address)) {
			*ret = e;
			return true;
		}
	}
	return false;
}

static int append(struct symbol_list *l, const struct pending_symbol *p)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 256;
		struct pending_symbol *bigger;

		if (cap > SYMBOLS_MAX)
			return -EFBIG;
		bigger = reallocarray(l->v, cap, sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		l->v = bigger;
		l->cap = cap;
	}
	l->v[l->n++] = *p;
	return 0;
}

int symbol_list_add(struct symbol_list *l, const struct elf_image *image, struct pending_symbol *p)
{
	if (!extent_holds(&l->extent, p->address) && !find_extent(image, p->address, &l->extent))
		return 0;
	p->extent_end = l->extent.end;
	return append(l, p);
}

/* Fewer leading underscores, then exported before local, then a function before a mere label. */
static unsigned int rank_of(const char *name, unsigned int bind, unsigned int type)
{
	unsigned int underscores = 0;

	while (underscores < 3 && name[underscores] == '_')
		underscores++;
	return (3 - underscores) * 16 + (bind != STB_LOCAL ? 4 : 0) + (type != STT_NOTYPE ? 2 : 0);
}

/*
 * Labels of assemblers: .L locals and the $a, $d, $t, $x that mark code and data on Arm and
 * RISC-V.
 */
static bool is_mark(const char *name)
{
	return name[0] == '$' || (name[0] == '.' && name[1] == 'L');
}

static int take_symbol(struct symbol_list *l, const struct elf_image *image, struct span strings,
		       const Elf64_Sym *sym)
{
	unsigned int type = ELF64_ST_TYPE(sym->st_info), bind = ELF64_ST_BIND(sym->st_info);
	struct pending_symbol p = {.address = sym->st_value, .size = sym->st_size};
	ptrdiff_t len;

	if (sym->st_shndx == SHN_UNDEF || sym->st_shndx == SHN_COMMON)
		return 0;
	if (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE && type != STT_OBJECT)
		return 0;
	len = span_string(strings, sym->st_name, &p.name);
	l->unreadable |= len < 0;
	if (len <= 0 || is_mark(p.name))
		return 0;
	p.len = (size_t)len;
	p.barrier = type == STT_OBJECT;
	p.rank = rank_of(p.name, bind, type);
	if (bind == STB_LOCAL && !p.barrier)
		l->has_locals = true;
	return symbol_list_add(l, image, &p);
}

void symbol_read(const struct symbol_table *table, size_t i, bool is_64, Elf64_Sym *ret)
{
	Elf32_Sym small;

	if (is_64) {
		memcpy(ret, table->symbols.data + i * sizeof(*ret), sizeof(*ret));
		return;
	}
	memcpy(&small, table->symbols.data + i * sizeof(small), sizeof(small));
	*ret = (Elf64_Sym){.st_name = small.st_name,
			   .st_value = small.st_value,
			   .st_size = small.st_size,
			   .st_info = small.st_info,
			   .st_other = small.st_other,
			   .st_shndx = small.st_shndx};
}

size_t symbol_table_count(const struct symbol_table *table, bool is_64)
{
	return table->symbols.size / (is_64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym));
}

static bool table_of_section(const struct elf_image *image, uint32_t type, struct symbol_table *ret)
{
	for (size_t i = 1; i < image->n_sections; i++) {
		const struct elf_section *s = &image->sections[i];

		if (s->type != type || s->link == 0 || s->link >= image->n_sections)
			continue;
		ret->symbols = elf_image_bytes(image, s);
		ret->strings = elf_image_bytes(image, &image->sections[s->link]);
		if (symbol_table_count(ret, image->is_64) > 1)
			return true;
	}
	return false;
}

bool symtab_dynamic_table(const struct elf_image *image, struct symbol_table *ret)
{
	return table_of_section(image, SHT_DYNSYM, ret) || dynamic_symbols(image, ret);
}

bool symtab_is_full(const struct elf_image *image)
{
	struct symbol_table ignored;

	return table_of_section(image, SHT_SYMTAB, &ignored);
}

static int take_table(struct symbol_list *l, const struct elf_image *image,
		      const struct symbol_table *table)
{
	size_t n = symbol_table_count(table, image->is_64);
	int r = 0;

	for (size_t i = 1; i < n && r == 0; i++) {
		Elf64_Sym sym;

		symbol_read(table, i, image->is_64, &sym);
		r = take_symbol(l, image, table->strings, &sym);
	}
	return r == -EFBIG ? 0 : r; /* the first SYMBOLS_MAX are named */
}

/* MiniDebugInfo that cannot be read is as good as none. */
static int open_mini(struct symtab *t)
{
	struct span section =
		elf_image_bytes(t->image, elf_image_section(t->image, ".gnu_debugdata"));
	size_t size;
	int r;

	if (!section.size)
		return 0;
	r = minidebug_inflate(section, MINIDEBUG_BYTES_MAX, &t->mini_bytes, &size);
	if (r == 0)
		r = elf_image_borrow(&t->mini, t->mini_bytes, size, NULL);
	if (r == 0 && t->mini.is_64 == t->image->is_64)
		return 0;
	elf_image_done(&t->mini);
	free(steal_ptr(t->mini_bytes));
	t->trouble = "named without MiniDebugInfo: it is corrupt";
	if (r == -EFBIG)
		t->trouble = "named without MiniDebugInfo: it is too large when it is inflated";
	return r == -ENOMEM ? r : 0;
}

/*
 * Exported symbols, what MiniDebugInfo adds to them, and what every program starts with: the table
 * as a whole is never known.
 */
static int collect_stripped(struct symtab *t, struct symbol_list *l)
{
	struct symbol_table table;
	int r = 0;

	if (symtab_dynamic_table(t->image, &table))
		r = take_table(l, t->image, &table);
	if (r == 0)
		r = open_mini(t);
	if (r == 0 && table_of_section(&t->mini, SHT_SYMTAB, &table))
		r = take_table(l, t->image, &table);
	if (r == 0)
		r = start_symbols(t->image, l);
	l->has_locals = false;
	return r;
}

static int collect(struct symtab *t, struct symbol_list *l)
{
	struct symbol_table table;

	if (table_of_section(t->image, SHT_SYMTAB, &table) ||
	    (t->debug && table_of_section(t->debug, SHT_SYMTAB, &table)))
		return take_table(l, t->image, &table);
	return collect_stripped(t, l);
}

static int by_address(const void *pa, const void *pb)
{
	const struct pending_symbol *a = pa, *b = pb;

	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	/*
	 * A sized symbol first: those without a size at the same place are then known to be
	 * spare.
	 */
	if (!a->size != !b->size)
		return a->size ? -1 : 1;
	return (a->rank > b->rank) - (a->rank < b->rank);
}

/*
 * Where a symbol ends; equal to its address where it names nothing. next: the first one of a
 * higher address.
 */
static uint64_t end_of(const struct symbol_list *l, size_t i, size_t next)
{
	const struct pending_symbol *p = &l->v[i];
	uint64_t end = p->extent_end;

	if (p->barrier)
		return p->address;
	if (p->size)
		return p->size < end - p->address ? p->address + p->size : end;
	if (i > 0 && l->v[i - 1].address == p->address && l->v[i - 1].size)
		return p->address;
	if (!l->has_locals)
		return p->address + 1;
	if (next < l->n && l->v[next].address < end)
		end = l->v[next].address;
	return end;
}

/* Bytes of symbols relative to base in 32 bits; what lies farther away stays nameless. */
static size_t place(struct symtab *t, const struct symbol_list *l, struct interval *out)
{
	uint64_t sized_end = 0; /* of the symbols with a size so far */
	size_t next = 0, n = 0;

	for (size_t i = 0; i < l->n; i++) {
		const struct pending_symbol *p = &l->v[i];
		uint64_t end;

		if (!p->size && p->address < sized_end)
			continue;

		while (next < l->n && l->v[next].address <= p->address)
			next++;
		end = end_of(l, i, next);
		if (p->size && end > sized_end)
			sized_end = end;
		if (end == p->address || end - t->base >= UINT32_MAX)
			continue;
		t->symbols[n] = (struct symbol){.name = p->name,
						.address = (uint32_t)(p->address - t->base),
						.len = (uint32_t)p->len,
						.rank = p->rank};
		out[n] = (struct interval){.start = (uint32_t)(p->address - t->base),
					   .end = (uint32_t)(end - t->base),
					   .depth = p->rank,
					   .id = (uint32_t)n};
		n++;
	}
	return n;
}

static int build(struct symtab *t, struct symbol_list *l)
{
	_cleanup_free_ struct interval *intervals = NULL;

	if (!l->n)
		return 0;
	qsort(l->v, l->n, sizeof(*l->v), by_address);
	t->base = l->v[0].address;
	t->symbols = calloc(l->n, sizeof(*t->symbols));
	intervals = calloc(l->n, sizeof(*intervals));
	if (!t->symbols || !intervals)
		return -ENOMEM;
	t->n_symbols = place(t, l, intervals);
	return segments_build(intervals, t->n_symbols, &t->segments, &t->n_segments);
}

static void unload(struct symtab *t)
{
	names_drop(&t->names);
	free(t->symbols);
	free(t->segments);
	free(t->made);
	elf_image_done(&t->mini);
	free(steal_ptr(t->mini_bytes));
	t->symbols = NULL;
	t->segments = NULL;
	t->made = NULL;
	t->n_symbols = t->n_segments = 0;
	t->loaded = false;
}

static void drop(struct budget_item *item)
{
	unload((struct symtab *)((char *)item - offsetof(struct symtab, item)));
}

static int load(struct symtab *t)
{
	struct symbol_list l = {};
	size_t made_bytes = 0;
	int r = collect(t, &l);

	if (r == 0)
		r = plt_symbols(t->image, &l, &t->made, &made_bytes);
	if (r == 0)
		r = build(t, &l);
	free(l.v);
	if (r < 0) {
		unload(t);
		return r;
	}
	if (l.unreadable && !t->trouble)
		t->trouble = "some of its symbols have names that are too long, or no end";
	t->loaded = true;
	budget_charge(t->budget, &t->item,
		      sizeof(*t) + made_bytes + t->mini.size + t->n_symbols * sizeof(*t->symbols) +
			      t->n_segments * sizeof(*t->segments));
	return 0;
}

void symtab_init(struct symtab *t, const struct elf_image *image, struct budget *budget)
{
	*t = (struct symtab){.image = image, .budget = budget, .item.drop = drop};
	names_init(&t->names, budget);
}

void symtab_done(struct symtab *t)
{
	if (t->budget)
		budget_forget(t->budget, &t->item);
	unload(t);
}

void symtab_read(struct symtab *t, const struct elf_image *debug)
{
	t->debug = debug;
}

int symtab_name(struct symtab *t, uint64_t address, struct name *ret)
{
	uint32_t id, number;
	int r;

	if (!t->loaded) {
		r = load(t);
		if (r < 0)
			return r;
	}
	budget_touch(&t->item);
	if (address < t->base || address - t->base >= UINT32_MAX)
		return 0;
	id = segments_find(t->segments, t->n_segments, (uint32_t)(address - t->base));
	if (id == SEGMENT_NONE)
		return 0;
	r = names_get(&t->names, t->symbols[id].name, t->symbols[id].len, &number);
	if (r < 0)
		return r;
	*ret = t->names.names[number];
	return 1;
}
