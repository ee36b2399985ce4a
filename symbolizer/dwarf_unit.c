/* Unit headers, root entries, the attributes of functions; dwarf_unit.h is the contract. */
#include "symbolizer/dwarf_unit.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* GNU's older number for it, before DWARF 4. */
#define AT_MIPS_LINKAGE_NAME 0x2007

/* The lowest code address: nearly always all code lies within 4 GiB of it. */
static uint64_t lowest_code(const struct elf_image *image)
{
	uint64_t lowest = UINT64_MAX;

	for (size_t i = 0; i < image->n_segments; i++) {
		const struct elf_segment *s = &image->segments[i];

		if (s->type == PT_LOAD && (s->flags & PF_X) && s->address < lowest)
			lowest = s->address;
	}
	return lowest == UINT64_MAX ? 0 : lowest;
}

/* One header at r, which moves to the next unit. False: no more that can be read. */
static bool read_header(const struct dwarf_file *f, struct reader *r, struct dwarf_unit *u)
{
	struct reader h;
	uint64_t length;
	uint8_t type = DW_UT_compile;

	*u = (struct dwarf_unit){.start = (uint64_t)(r->at - f->sections.v[DWARF_INFO].data),
				 .encoding.offset_bytes = 4};
	length = reader_fixed(r, 4);
	if (length == 0xffffffff) {
		u->encoding.offset_bytes = 8;
		length = reader_fixed(r, 8);
	}
	if (r->bad || length > reader_left(r))
		return false;
	h = (struct reader){.at = r->at, .end = r->at + length};
	reader_skip(r, length);
	u->end = (uint64_t)(h.end - f->sections.v[DWARF_INFO].data);
	u->encoding.version = (uint8_t)reader_fixed(&h, 2);
	if (u->encoding.version >= 5) {
		type = (uint8_t)reader_fixed(&h, 1);
		u->encoding.address_bytes = (uint8_t)reader_fixed(&h, 1);
		u->abbrev_offset = reader_fixed(&h, u->encoding.offset_bytes);
	} else {
		u->abbrev_offset = reader_fixed(&h, u->encoding.offset_bytes);
		u->encoding.address_bytes = (uint8_t)reader_fixed(&h, 1);
	}
	if (type == DW_UT_skeleton || type == DW_UT_split_compile)
		u->split_id = reader_fixed(&h, 8);
	else if (type == DW_UT_type || type == DW_UT_split_type)
		reader_skip(&h, 8 + u->encoding.offset_bytes);
	if (h.bad || u->encoding.version < 2 || u->encoding.version > 5 ||
	    (u->encoding.address_bytes != 4 && u->encoding.address_bytes != 8))
		u->encoding.version = 0; /* passed over; the next one may be well */
	u->entries = (uint64_t)(h.at - f->sections.v[DWARF_INFO].data);
	return true;
}

static int read_headers(struct dwarf_file *f)
{
	struct reader r = reader_over(f->sections.v[DWARF_INFO], 0);
	size_t cap = 0;
	struct dwarf_unit u;

	while (reader_left(&r) && f->n_units < DWARF_UNITS_MAX && read_header(f, &r, &u)) {
		if (f->n_units == cap) {
			struct dwarf_unit *bigger;

			cap = cap ? cap * 2 : 64;
			bigger = reallocarray(f->units, cap, sizeof(*bigger));
			if (!bigger)
				return -ENOMEM;
			f->units = bigger;
		}
		f->units[f->n_units++] = u;
	}
	return 0;
}

/* The last unit that begins at or before an offset of .debug_info. */
static struct dwarf_unit *find_unit(struct dwarf_file *f, uint64_t offset)
{
	uint32_t low = 0, high = f->n_units;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (f->units[middle].start <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &f->units[low - 1] : NULL;
}

static void drop_abbrevs(struct budget_item *item)
{
	struct dwarf_abbrevs *a =
		(struct dwarf_abbrevs *)((char *)item - offsetof(struct dwarf_abbrevs, item));

	for (uint32_t i = a->first_unit; i < a->end_unit; i++)
		if (a->file->units[i].abbrevs == a)
			a->file->units[i].abbrevs = NULL;
	free(a->table.v);
	free(a);
}

static bool same_table(const struct dwarf_unit *a, const struct dwarf_unit *b)
{
	return a->abbrev_offset == b->abbrev_offset &&
	       memcmp(&a->encoding, &b->encoding, sizeof(a->encoding)) == 0;
}

int dwarf_unit_abbrevs(struct dwarf_file *f, struct dwarf_unit *u)
{
	struct span section = f->sections.v[DWARF_ABBREV];
	struct dwarf_abbrevs *a;
	uint32_t i = (uint32_t)(u - f->units), end = i;
	int r;

	if (u->abbrevs) {
		budget_touch(&u->abbrevs->item);
		return 0;
	}
	if (!u->encoding.version || u->abbrev_offset >= section.size)
		return -EBADMSG;
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	section.data += u->abbrev_offset;
	section.size -= u->abbrev_offset;
	r = abbrevs_parse(section, u->encoding, &a->table);
	if (r < 0) {
		free(a);
		return r;
	}
	while (i > 0 && same_table(&f->units[i - 1], u))
		i--;
	while (end < f->n_units && same_table(&f->units[end], u))
		end++;
	a->file = f;
	a->first_unit = i;
	a->end_unit = end;
	a->item.drop = drop_abbrevs;
	for (; i < end; i++)
		f->units[i].abbrevs = a;
	budget_charge(f->budget, &a->item, sizeof(*a) + a->table.n * sizeof(*a->table.v));
	return 0;
}

/* Languages whose compilers put no function with code into another function's entry. */
static bool is_flat(uint64_t language)
{
	switch (language) {
	case DW_LANG_C_plus_plus:
	case DW_LANG_C_plus_plus_03:
	case DW_LANG_C_plus_plus_11:
	case DW_LANG_C_plus_plus_14:
		return true;
	default:
		return false;
	}
}

/* Before DWARF 5 GNU's extension had no bases; from 5 on a missing base is the first table's. */
static void default_bases(struct dwarf_unit *u)
{
	uint64_t header = u->encoding.version < 5 ? 0 : u->encoding.offset_bytes == 8 ? 16 : 8;

	u->address_base = header;
	u->string_base = header;
	u->ranges_base = u->encoding.version < 5 ? 0 : header + 4;
}

static void take_root(struct dwarf_unit *u, struct dwarf_entry *e, uint32_t name,
		      const struct value *v)
{
	switch (name) {
	case DW_AT_low_pc:
		e->low_pc = *v;
		break;
	case DW_AT_high_pc:
		e->high_pc = *v;
		break;
	case DW_AT_ranges:
		e->ranges = *v;
		break;
	case DW_AT_stmt_list:
		u->has_line = v->kind == VALUE_OFFSET || v->kind == VALUE_CONSTANT;
		u->line_offset = v->u;
		break;
	case DW_AT_comp_dir:
		u->directory = *v;
		break;
	case DW_AT_language:
		u->flat = is_flat(v->u);
		u->plain = v->u == DW_LANG_Go;
		break;
	case DW_AT_addr_base:
	case DW_AT_GNU_addr_base:
		u->address_base = v->u;
		break;
	case DW_AT_str_offsets_base:
		u->string_base = v->u;
		break;
	case DW_AT_rnglists_base:
		u->ranges_base = v->u;
		break;
	case DW_AT_dwo_name:
	case DW_AT_GNU_dwo_name:
		u->split_name = *v;
		break;
	case DW_AT_GNU_dwo_id:
		u->split_id = v->u;
		break;
	case DW_AT_GNU_ranges_base:
		u->split_ranges_base = v->u;
		break;
	}
}

/* The root entry is read by a list of its own: only its abbreviation is needed. */
static bool root_abbrev(const struct dwarf_file *f, const struct dwarf_unit *u, uint64_t code,
			struct reader *list)
{
	*list = reader_over(f->sections.v[DWARF_ABBREV], u->abbrev_offset);
	for (;;) {
		uint64_t at = reader_uleb(list);
		struct attribute a;

		reader_uleb(list); /* tag */
		reader_skip(list, 1);
		if (list->bad || at == 0)
			return false;
		if (at == code)
			return true;
		do
			attribute_next(list, &a);
		while (!list->bad && (a.name || a.form));
	}
}

static bool read_root(struct dwarf_file *f, struct dwarf_unit *u, struct dwarf_entry *ret)
{
	const uint8_t *info = f->sections.v[DWARF_INFO].data;
	struct reader r = {.at = info + u->entries, .end = info + u->end}, list;
	struct attribute a;

	*ret = (struct dwarf_entry){};
	if (!u->encoding.version || !root_abbrev(f, u, reader_uleb(&r), &list)) {
		f->has_bad_units = true;
		return false;
	}
	default_bases(u);
	for (attribute_next(&list, &a); !list.bad && !r.bad && (a.name || a.form);
	     attribute_next(&list, &a)) {
		struct value v;

		value_read(&r, u->encoding, &a, info, &v);
		take_root(u, ret, a.name, &v);
	}
	u->low_pc = dwarf_address(f, u, &ret->low_pc);
	f->has_bad_units |= list.bad || r.bad;
	return true;
}

struct range_list {
	struct interval *v;
	size_t n;
	size_t cap;
	uint32_t unit;
	bool failed;
};

static bool add_range(void *context, uint32_t low, uint32_t high)
{
	struct range_list *l = context;

	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 256;
		struct interval *bigger = reallocarray(l->v, cap, sizeof(*bigger));

		if (!bigger) {
			l->failed = true;
			return false;
		}
		l->v = bigger;
		l->cap = cap;
	}
	l->v[l->n++] = (struct interval){.start = low, .end = high, .id = l->unit};
	return true;
}

struct old_ranges {
	struct dwarf_file *f;
	struct range_list *list;
};

static bool add_old_range(void *context, uint64_t unit, uint32_t low, uint32_t high)
{
	struct old_ranges *o = context;
	struct dwarf_unit *u = find_unit(o->f, unit);

	if (!u || u->start != unit || u->encoding.version != 2)
		return true;
	o->list->unit = (uint32_t)(u - o->f->units);
	return add_range(o->list, low, high);
}

static int map_units(struct dwarf_file *f)
{
	struct range_list l = {};
	int r = -ENOMEM;

	for (l.unit = 0; l.unit < f->n_units && !l.failed; l.unit++) {
		struct dwarf_unit *u = &f->units[l.unit];
		struct dwarf_entry root;

		if (read_root(f, u, &root))
			dwarf_ranges(f, u, &root, add_range, &l);
	}
	if (!l.failed)
		dwarf_aranges(f, add_old_range, &(struct old_ranges){.f = f, .list = &l});
	if (!l.failed)
		r = segments_build(l.v, l.n, &f->by_address, &f->n_by_address);
	free(l.v);
	return r;
}

int dwarf_file_open(struct dwarf_file *f, const struct elf_image *image,
		    const struct elf_image *debug, const struct file_opener *opener,
		    struct budget *budget, size_t bytes_max)
{
	int r;

	*f = (struct dwarf_file){
		.image = image, .debug = debug, .budget = budget, .base = lowest_code(image)};
	r = dwarf_sections_open(&f->sections, debug, false, opener, bytes_max);
	if (r == 0)
		r = read_headers(f);
	if (r == 0)
		r = map_units(f);
	if (r < 0)
		dwarf_file_done(f);
	return r;
}

/* Units that say nothing of addresses have roots all the same: bases, and what language it is. */
static void read_roots(struct dwarf_file *f)
{
	for (uint32_t i = 0; i < f->n_units; i++) {
		struct dwarf_entry root;

		read_root(f, &f->units[i], &root);
	}
}

int dwarf_file_open_alt(struct dwarf_file *f, const struct elf_image *alt,
			const struct file_opener *opener, struct budget *budget, size_t bytes_max)
{
	int r;

	*f = (struct dwarf_file){.image = alt, .debug = alt, .budget = budget};
	r = dwarf_sections_open(&f->sections, alt, false, opener, bytes_max);
	if (r == 0)
		r = read_headers(f);
	if (r < 0)
		dwarf_file_done(f);
	else
		read_roots(f);
	return r;
}

/* What a split unit has from its skeleton. */
static void complete(struct dwarf_unit *u, const struct dwarf_unit *skeleton)
{
	u->low_pc = skeleton->low_pc;
	u->address_base = skeleton->address_base;
	if (u->encoding.version < 5)
		u->ranges_base = skeleton->split_ranges_base;
	u->has_line = false; /* its places are those of the skeleton's line table */
}

int dwarf_file_open_split(struct dwarf_file *f, const struct dwarf_file *main,
			  const struct dwarf_unit *skeleton,
			  const struct span sections[DWARF_SECTION_COUNT],
			  struct dwarf_unit **ret_unit)
{
	int r;

	*f = (struct dwarf_file){.image = main->image, .budget = main->budget, .base = main->base};
	memcpy(f->sections.v, sections, sizeof(f->sections.v));
	f->sections.v[DWARF_ADDR] = main->sections.v[DWARF_ADDR];
	f->sections.v[DWARF_RANGES] = main->sections.v[DWARF_RANGES];
	r = read_headers(f);
	if (r == 0)
		read_roots(f);
	for (uint32_t i = 0; i < f->n_units && r == 0; i++) {
		if (f->units[i].split_id != skeleton->split_id || !f->units[i].encoding.version)
			continue;
		complete(&f->units[i], skeleton);
		*ret_unit = &f->units[i];
		return 0;
	}
	dwarf_file_done(f);
	return r < 0 ? r : -ENOENT;
}

void dwarf_file_done(struct dwarf_file *f)
{
	for (uint32_t i = 0; i < f->n_units; i++) {
		struct dwarf_abbrevs *a = f->units[i].abbrevs;

		if (a) {
			budget_forget(f->budget, &a->item);
			drop_abbrevs(&a->item);
		}
	}
	dwarf_sections_done(&f->sections);
	free(f->units);
	free(f->by_address);
	*f = (struct dwarf_file){};
}

size_t dwarf_file_bytes(const struct dwarf_file *f)
{
	return dwarf_sections_bytes(&f->sections) + f->n_units * sizeof(*f->units) +
	       f->n_by_address * sizeof(*f->by_address);
}

struct dwarf_unit *dwarf_unit_over(struct dwarf_file *f, uint64_t address)
{
	uint32_t id;

	if (address < f->base || address - f->base >= UINT32_MAX)
		return NULL;
	id = segments_find(f->by_address, f->n_by_address, (uint32_t)(address - f->base));
	return id == SEGMENT_NONE ? NULL : &f->units[id];
}

struct dwarf_unit *dwarf_unit_at(struct dwarf_file *f, uint64_t offset)
{
	struct dwarf_unit *u = find_unit(f, offset);

	return u && offset >= u->entries && offset < u->end ? u : NULL;
}

/*
 * The offset in .debug_info that a reference leads to; 0, which is no entry's, where it leads
 * nowhere.
 */
static uint64_t resolve_reference(const struct dwarf_unit *u, const struct value *v)
{
	if (v->kind == VALUE_REF_INFO)
		return v->u;
	if (v->kind == VALUE_REF_UNIT && v->u < u->end - u->start)
		return u->start + v->u;
	return 0;
}

static uint32_t small(const struct value *v)
{
	return v->kind == VALUE_CONSTANT && v->u <= UINT32_MAX ? (uint32_t)v->u : 0;
}

static void take_function(const struct dwarf_unit *u, struct dwarf_entry *e, uint32_t name,
			  const struct value *v)
{
	switch (name) {
	case DW_AT_low_pc:
		e->low_pc = *v;
		break;
	case DW_AT_high_pc:
		e->high_pc = *v;
		break;
	case DW_AT_ranges:
		e->ranges = *v;
		break;
	case DW_AT_name:
		e->name = *v;
		break;
	case DW_AT_linkage_name:
	case AT_MIPS_LINKAGE_NAME:
		e->linkage_name = *v;
		break;
	case DW_AT_abstract_origin:
	case DW_AT_specification:
		e->origin_in_alt = v->kind == VALUE_REF_ALT;
		e->origin = e->origin_in_alt ? v->u : resolve_reference(u, v);
		break;
	case DW_AT_sibling:
		e->sibling = resolve_reference(u, v);
		break;
	case DW_AT_call_file:
		e->call_file = small(v);
		break;
	case DW_AT_call_line:
		e->call_line = small(v);
		break;
	case DW_AT_call_column:
		e->call_column = small(v);
		break;
	}
}

static void read_attributes(const struct dwarf_file *f, const struct dwarf_unit *u,
			    const struct abbrev *a, struct reader *r, struct dwarf_entry *ret)
{
	struct reader list = reader_over(u->abbrevs->table.bytes, a->attributes);
	struct attribute attribute;

	attribute_next(&list, &attribute);
	while (!list.bad && !r->bad && (attribute.name || attribute.form)) {
		struct value v;

		value_read(r, u->encoding, &attribute, f->sections.v[DWARF_INFO].data, &v);
		take_function(u, ret, attribute.name, &v);
		attribute_next(&list, &attribute);
	}
	r->bad = r->bad || list.bad;
}

/* Pass over all attributes; note a sibling, which comes first where there is one. */
static void skip_attributes(const struct dwarf_file *f, const struct dwarf_unit *u,
			    const struct abbrev *a, struct reader *r, struct dwarf_entry *ret)
{
	struct reader list;
	struct attribute attribute;

	if (!a->has_children && a->fixed != ABBREV_VARIABLE) {
		reader_skip(r, a->fixed);
		return;
	}
	list = reader_over(u->abbrevs->table.bytes, a->attributes);
	attribute_next(&list, &attribute);
	while (!list.bad && !r->bad && (attribute.name || attribute.form)) {
		struct value v;

		if (attribute.name == DW_AT_sibling) {
			value_read(r, u->encoding, &attribute, f->sections.v[DWARF_INFO].data, &v);
			ret->sibling = resolve_reference(u, &v);
		} else {
			value_skip(r, u->encoding, attribute.form);
		}
		attribute_next(&list, &attribute);
	}
	r->bad = r->bad || list.bad;
}

int dwarf_entry_next(const struct dwarf_file *f, const struct dwarf_unit *u, struct reader *r,
		     struct dwarf_entry *ret)
{
	uint64_t offset = (uint64_t)(r->at - f->sections.v[DWARF_INFO].data);
	uint64_t code = reader_uleb(r);
	const struct abbrev *a;

	if (code == 0)
		return r->bad ? -EBADMSG : 0;
	a = abbrevs_find(&u->abbrevs->table, code);
	if (!a)
		return -EBADMSG;
	*ret = (struct dwarf_entry){
		.offset = offset, .tag = a->tag, .has_children = a->has_children};
	if (a->tag == DW_TAG_subprogram || a->tag == DW_TAG_inlined_subroutine)
		read_attributes(f, u, a, r, ret);
	else
		skip_attributes(f, u, a, r, ret);
	return r->bad ? -EBADMSG : 1;
}

int dwarf_entry_at(struct dwarf_file *f, uint64_t offset, struct dwarf_entry *ret,
		   struct dwarf_unit **ret_unit)
{
	const uint8_t *info = f->sections.v[DWARF_INFO].data;
	struct dwarf_unit *u = dwarf_unit_at(f, offset);
	const struct abbrev *a;
	struct reader r;
	int e;

	if (!u)
		return -EBADMSG;
	e = dwarf_unit_abbrevs(f, u);
	if (e < 0)
		return e;
	r = (struct reader){.at = info + offset, .end = info + u->end};
	a = abbrevs_find(&u->abbrevs->table, reader_uleb(&r));
	if (!a)
		return -EBADMSG;
	*ret = (struct dwarf_entry){
		.offset = offset, .tag = a->tag, .has_children = a->has_children};
	read_attributes(f, u, a, &r, ret);
	*ret_unit = u;
	return r.bad ? -EBADMSG : 1;
}
