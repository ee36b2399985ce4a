/*
 * Addresses, strings and range lists, which DWARF 5 may keep behind an index; dwarf_unit.h is the
 * contract.
 */
#include "symbolizer/dwarf_unit.h"

uint64_t dwarf_address(const struct dwarf_file *f, const struct dwarf_unit *u,
		       const struct value *v)
{
	struct reader r;

	if (v->kind == VALUE_ADDRESS)
		return v->u;
	if (v->kind != VALUE_ADDRESS_INDEX || v->u > UINT32_MAX || u->address_base > UINT64_MAX / 2)
		return 0;
	r = reader_over(f->sections.v[DWARF_ADDR],
			u->address_base + v->u * u->encoding.address_bytes);
	return reader_fixed(&r, u->encoding.address_bytes);
}

ptrdiff_t dwarf_string(const struct dwarf_file *f, const struct dwarf_unit *u,
		       const struct value *v, const char **ret)
{
	unsigned int bytes = u->encoding.offset_bytes;
	struct reader r;

	switch (v->kind) {
	case VALUE_STRING:
		return span_string(f->sections.v[DWARF_INFO], v->u, ret);
	case VALUE_STRING_STR:
		return span_string(f->sections.v[DWARF_STR], v->u, ret);
	case VALUE_STRING_ALT:
		return f->alt ? span_string(f->alt->sections.v[DWARF_STR], v->u, ret) : -1;
	case VALUE_STRING_LINE_STR:
		return span_string(f->sections.v[DWARF_LINE_STR], v->u, ret);
	case VALUE_STRING_INDEX:
		if (v->u > UINT32_MAX || u->string_base > UINT64_MAX / 2)
			return -1;
		r = reader_over(f->sections.v[DWARF_STR_OFFSETS], u->string_base + v->u * bytes);
		return span_string(f->sections.v[DWARF_STR], reader_fixed(&r, bytes), ret);
	default:
		return -1;
	}
}

/* Hand out [low, high) if it is code: what the linker dropped stands at 0 or at some mark. */
static bool hand_out(const struct dwarf_file *f, uint64_t low, uint64_t high, dwarf_take_range take,
		     void *context)
{
	if (low >= high || low < f->base || high - f->base >= UINT32_MAX ||
	    !elf_image_is_code(f->image, low))
		return true;
	return take(context, (uint32_t)(low - f->base), (uint32_t)(high - f->base));
}

/*
 * .debug_ranges: pairs from the unit's base; a low of all ones sets the base; two zeros end the
 * list.
 */
static void ranges_4(const struct dwarf_file *f, const struct dwarf_unit *u, uint64_t offset,
		     dwarf_take_range take, void *context)
{
	struct reader r = reader_over(f->sections.v[DWARF_RANGES], offset);
	unsigned int bytes = u->encoding.address_bytes;
	uint64_t ones = bytes == 8 ? UINT64_MAX : UINT32_MAX, base = u->low_pc;

	for (;;) {
		uint64_t low = reader_fixed(&r, bytes), high = reader_fixed(&r, bytes);

		if (r.bad || (low == 0 && high == 0))
			return;
		if (low == ones)
			base = high;
		else if (!hand_out(f, base + low, base + high, take, context))
			return;
	}
}

static uint64_t indexed(const struct dwarf_file *f, const struct dwarf_unit *u, struct reader *r)
{
	struct value v = {.kind = VALUE_ADDRESS_INDEX, .u = reader_uleb(r)};

	return dwarf_address(f, u, &v);
}

/* .debug_rnglists (DWARF 5, section 7.25). */
static void ranges_5(const struct dwarf_file *f, const struct dwarf_unit *u, uint64_t offset,
		     dwarf_take_range take, void *context)
{
	struct reader r = reader_over(f->sections.v[DWARF_RNGLISTS], offset);
	unsigned int bytes = u->encoding.address_bytes;
	uint64_t base = u->low_pc, low = 0, high = 0;

	while (!r.bad) {
		switch (reader_fixed(&r, 1)) {
		case DW_RLE_base_addressx:
			base = indexed(f, u, &r);
			continue;
		case DW_RLE_base_address:
			base = reader_fixed(&r, bytes);
			continue;
		case DW_RLE_startx_endx:
			low = indexed(f, u, &r);
			high = indexed(f, u, &r);
			break;
		case DW_RLE_startx_length:
			low = indexed(f, u, &r);
			high = low + reader_uleb(&r);
			break;
		case DW_RLE_offset_pair:
			low = base + reader_uleb(&r);
			high = base + reader_uleb(&r);
			break;
		case DW_RLE_start_end:
			low = reader_fixed(&r, bytes);
			high = reader_fixed(&r, bytes);
			break;
		case DW_RLE_start_length:
			low = reader_fixed(&r, bytes);
			high = low + reader_uleb(&r);
			break;
		default: /* DW_RLE_end_of_list, or what nobody knows */
			return;
		}
		if (r.bad || !hand_out(f, low, high, take, context))
			return;
	}
}

static uint64_t list_offset(const struct dwarf_file *f, const struct dwarf_unit *u, uint64_t i)
{
	unsigned int bytes = u->encoding.offset_bytes;
	struct reader r;

	if (i > UINT32_MAX || u->ranges_base > UINT64_MAX / 2)
		return UINT64_MAX;
	r = reader_over(f->sections.v[DWARF_RNGLISTS], u->ranges_base + i * bytes);
	i = reader_fixed(&r, bytes);
	return r.bad ? UINT64_MAX : u->ranges_base + i;
}

void dwarf_ranges(const struct dwarf_file *f, const struct dwarf_unit *u,
		  const struct dwarf_entry *e, dwarf_take_range take, void *context)
{
	uint64_t low, high;

	if (e->ranges.kind == VALUE_LIST_INDEX) {
		ranges_5(f, u, list_offset(f, u, e->ranges.u), take, context);
	} else if (e->ranges.kind == VALUE_OFFSET || e->ranges.kind == VALUE_CONSTANT) {
		if (u->encoding.version >= 5)
			ranges_5(f, u, e->ranges.u, take, context);
		else
			ranges_4(f, u, u->ranges_base + e->ranges.u, take, context);
	} else if (e->low_pc.kind != VALUE_NONE && e->high_pc.kind != VALUE_NONE) {
		low = dwarf_address(f, u, &e->low_pc);
		high = e->high_pc.kind == VALUE_CONSTANT ? low + e->high_pc.u
							 : dwarf_address(f, u, &e->high_pc);
		hand_out(f, low, high, take, context);
	}
}

struct arange {
	dwarf_take_arange take;
	void *context;
	uint64_t unit;
};

static bool take_arange(void *context, uint32_t low, uint32_t high)
{
	struct arange *a = context;

	return a->take(a->context, a->unit, low, high);
}

/* One set: a header, and pairs of address and length, aligned to their size, up to two zeros. */
static bool arange_set(const struct dwarf_file *f, struct reader *r, struct arange *a)
{
	const uint8_t *start = r->at;
	uint64_t length = reader_fixed(r, 4);
	unsigned int offset_bytes = length == 0xffffffff ? 8 : 4, bytes;
	struct reader set;

	if (offset_bytes == 8)
		length = reader_fixed(r, 8);
	set = *r;
	reader_skip(r, length);
	if (r->bad)
		return false;
	set.end = r->at;
	reader_skip(&set, 2);
	a->unit = reader_fixed(&set, offset_bytes);
	bytes = (unsigned int)reader_fixed(&set, 1);
	reader_skip(&set, 1);
	if (bytes != 4 && bytes != 8)
		return true;
	while (!set.bad && (size_t)(set.at - start) % (2 * bytes))
		reader_skip(&set, 1);
	while (!set.bad && reader_left(&set)) {
		uint64_t low = reader_fixed(&set, bytes), size = reader_fixed(&set, bytes);

		if (set.bad || (!low && !size))
			break;
		if (!hand_out(f, low, low + size, take_arange, a))
			return false;
	}
	return true;
}

void dwarf_aranges(const struct dwarf_file *f, dwarf_take_arange take, void *context)
{
	struct reader r = reader_over(f->sections.v[DWARF_ARANGES], 0);
	struct arange a = {.take = take, .context = context};

	while (reader_left(&r) && arange_set(f, &r, &a))
		;
}
