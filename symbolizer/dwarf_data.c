/* LEB128, forms and abbreviation tables; dwarf_data.h is the contract. */
#include "symbolizer/dwarf_data.h"

#include "profiler/base/cleanup.h"

#include <errno.h>
#include <string.h>

#define SIZE_VARIABLE UINT32_MAX
/* DW_FORM_indirect may name itself: one level is all that was ever written. */
#define FORMS_NESTED_MAX 2

uint64_t reader_fixed(struct reader *r, unsigned int bytes)
{
	uint64_t v = 0;

	if (reader_left(r) < bytes) {
		r->at = r->end;
		r->bad = true;
		return 0;
	}
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	memcpy(&v, r->at, bytes);
#else
	memcpy((uint8_t *)&v + sizeof(v) - bytes, r->at, bytes);
#endif
	r->at += bytes;
	return v;
}

uint64_t reader_uleb_slow(struct reader *r)
{
	uint64_t v = 0;

	for (unsigned int shift = 0; r->at < r->end; shift += 7) {
		uint8_t byte = *r->at++;

		if (shift < 64)
			v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return v;
	}
	r->bad = true;
	return 0;
}

int64_t reader_sleb_slow(struct reader *r)
{
	uint64_t v = 0;

	for (unsigned int shift = 0; r->at < r->end;) {
		uint8_t byte = *r->at++;

		if (shift < 64)
			v |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
		if (byte & 0x80)
			continue;
		if (shift < 64 && (byte & 0x40))
			v |= ~0ull << shift;
		return (int64_t)v;
	}
	r->bad = true;
	return 0;
}

void reader_skip(struct reader *r, uint64_t bytes)
{
	if (bytes > reader_left(r)) {
		r->at = r->end;
		r->bad = true;
		return;
	}
	r->at += bytes;
}

/* The size of a form's value, or SIZE_VARIABLE where only its bytes tell. */
static uint32_t form_size(uint32_t form, struct dwarf_encoding e)
{
	switch (form) {
	case DW_FORM_flag_present:
	case DW_FORM_implicit_const:
		return 0;
	case DW_FORM_data1:
	case DW_FORM_flag:
	case DW_FORM_ref1:
	case DW_FORM_strx1:
	case DW_FORM_addrx1:
		return 1;
	case DW_FORM_data2:
	case DW_FORM_ref2:
	case DW_FORM_strx2:
	case DW_FORM_addrx2:
		return 2;
	case DW_FORM_strx3:
	case DW_FORM_addrx3:
		return 3;
	case DW_FORM_data4:
	case DW_FORM_ref4:
	case DW_FORM_strx4:
	case DW_FORM_addrx4:
	case DW_FORM_ref_sup4:
		return 4;
	case DW_FORM_data8:
	case DW_FORM_ref8:
	case DW_FORM_ref_sig8:
	case DW_FORM_ref_sup8:
		return 8;
	case DW_FORM_data16:
		return 16;
	case DW_FORM_addr:
		return e.address_bytes;
	case DW_FORM_ref_addr:
		return e.version <= 2 ? e.address_bytes : e.offset_bytes;
	case DW_FORM_strp:
	case DW_FORM_line_strp:
	case DW_FORM_strp_sup:
	case DW_FORM_sec_offset:
	case DW_FORM_GNU_ref_alt:
	case DW_FORM_GNU_strp_alt:
		return e.offset_bytes;
	default:
		return SIZE_VARIABLE;
	}
}

static void skip_variable(struct reader *r, struct dwarf_encoding e, uint32_t form,
			  unsigned int nested)
{
	switch (form) {
	case DW_FORM_block1:
		reader_skip(r, reader_fixed(r, 1));
		break;
	case DW_FORM_block2:
		reader_skip(r, reader_fixed(r, 2));
		break;
	case DW_FORM_block4:
		reader_skip(r, reader_fixed(r, 4));
		break;
	case DW_FORM_block:
	case DW_FORM_exprloc:
		reader_skip(r, reader_uleb(r));
		break;
	case DW_FORM_string: {
		const uint8_t *end = reader_left(r) ? memchr(r->at, 0, reader_left(r)) : NULL;

		reader_skip(r, end ? (uint64_t)(end - r->at) + 1 : UINT64_MAX);
		break;
	}
	case DW_FORM_indirect: {
		uint32_t inner = (uint32_t)reader_uleb(r);
		uint32_t size = form_size(inner, e);

		if (nested >= FORMS_NESTED_MAX)
			r->bad = true;
		else if (size != SIZE_VARIABLE)
			reader_skip(r, size);
		else
			skip_variable(r, e, inner, nested + 1);
		break;
	}
	case DW_FORM_udata:
	case DW_FORM_sdata:
	case DW_FORM_ref_udata:
	case DW_FORM_strx:
	case DW_FORM_addrx:
	case DW_FORM_loclistx:
	case DW_FORM_rnglistx:
	case DW_FORM_GNU_addr_index:
	case DW_FORM_GNU_str_index:
		reader_uleb(r);
		break;
	default:
		r->bad = true; /* its size is unknown: nothing behind it can be read */
	}
}

void value_skip(struct reader *r, struct dwarf_encoding e, uint32_t form)
{
	uint32_t size = form_size(form, e);

	if (size != SIZE_VARIABLE)
		reader_skip(r, size);
	else
		skip_variable(r, e, form, 0);
}

static enum value_kind kind_of(uint32_t form)
{
	switch (form) {
	case DW_FORM_data1:
	case DW_FORM_data2:
	case DW_FORM_data4:
	case DW_FORM_data8:
	case DW_FORM_udata:
	case DW_FORM_sdata:
	case DW_FORM_implicit_const:
		return VALUE_CONSTANT;
	case DW_FORM_addr:
		return VALUE_ADDRESS;
	case DW_FORM_addrx:
	case DW_FORM_addrx1:
	case DW_FORM_addrx2:
	case DW_FORM_addrx3:
	case DW_FORM_addrx4:
	case DW_FORM_GNU_addr_index:
		return VALUE_ADDRESS_INDEX;
	case DW_FORM_strp:
		return VALUE_STRING_STR;
	case DW_FORM_line_strp:
		return VALUE_STRING_LINE_STR;
	case DW_FORM_strx:
	case DW_FORM_strx1:
	case DW_FORM_strx2:
	case DW_FORM_strx3:
	case DW_FORM_strx4:
	case DW_FORM_GNU_str_index:
		return VALUE_STRING_INDEX;
	case DW_FORM_sec_offset:
		return VALUE_OFFSET;
	case DW_FORM_rnglistx:
		return VALUE_LIST_INDEX;
	case DW_FORM_ref1:
	case DW_FORM_ref2:
	case DW_FORM_ref4:
	case DW_FORM_ref8:
	case DW_FORM_ref_udata:
		return VALUE_REF_UNIT;
	case DW_FORM_ref_addr:
		return VALUE_REF_INFO;
	case DW_FORM_GNU_ref_alt:
	case DW_FORM_ref_sup4:
	case DW_FORM_ref_sup8:
		return VALUE_REF_ALT;
	case DW_FORM_GNU_strp_alt:
	case DW_FORM_strp_sup:
		return VALUE_STRING_ALT;
	case DW_FORM_flag:
	case DW_FORM_flag_present:
		return VALUE_FLAG;
	default:
		return VALUE_NONE;
	}
}

void value_read(struct reader *r, struct dwarf_encoding e, const struct attribute *a,
		const uint8_t *info, struct value *ret)
{
	uint32_t form = a->form, size;

	if (form == DW_FORM_indirect)
		form = (uint32_t)reader_uleb(r);
	ret->kind = kind_of(form);
	ret->u = 0;
	size = form_size(form, e);
	if (form == DW_FORM_string) {
		ret->kind = VALUE_STRING;
		ret->u = (uint64_t)(r->at - info);
		skip_variable(r, e, form, 0);
	} else if (ret->kind == VALUE_NONE) {
		value_skip(r, e, form);
	} else if (form == DW_FORM_implicit_const) {
		ret->u = (uint64_t)a->implicit;
	} else if (form == DW_FORM_flag_present) {
		ret->u = 1;
	} else if (form == DW_FORM_sdata) {
		ret->u = (uint64_t)reader_sleb(r);
	} else if (size == SIZE_VARIABLE) {
		ret->u = reader_uleb(r);
	} else {
		ret->u = reader_fixed(r, size);
	}
}

void attribute_next(struct reader *list, struct attribute *ret)
{
	uint64_t name = reader_uleb(list), form = reader_uleb(list);

	ret->name = name > UINT32_MAX ? UINT32_MAX : (uint32_t)name;
	ret->form = form > UINT32_MAX ? UINT32_MAX : (uint32_t)form;
	if (form == DW_FORM_implicit_const)
		ret->implicit = reader_sleb(list);
}

/* The attributes of one abbreviation; their sizes added up. */
static uint32_t measure(struct reader *r, struct dwarf_encoding e)
{
	uint32_t sum = 0;
	struct attribute a;

	for (attribute_next(r, &a); !r->bad && (a.name || a.form); attribute_next(r, &a)) {
		uint32_t size = form_size(a.form, e);

		if (size == SIZE_VARIABLE || sum + size >= ABBREV_VARIABLE)
			sum = ABBREV_VARIABLE;
		else if (sum != ABBREV_VARIABLE)
			sum += size;
	}
	return sum;
}

static int make_room(struct abbrevs *a, size_t *cap, uint64_t code)
{
	size_t bigger = *cap ? *cap : 64;
	struct abbrev *v;

	if (code <= *cap)
		return 0;
	while (bigger < code)
		bigger *= 2;
	v = reallocarray(a->v, bigger, sizeof(*v));
	if (!v)
		return -ENOMEM;
	memset(v + *cap, 0, (bigger - *cap) * sizeof(*v));
	a->v = v;
	*cap = bigger;
	return 0;
}

static int parse(struct reader *r, struct dwarf_encoding e, struct abbrevs *a)
{
	size_t cap = 0;

	for (;;) {
		uint64_t code = reader_uleb(r), tag;
		uint8_t children;
		uint64_t attributes;
		uint32_t fixed;

		if (r->bad)
			return -EBADMSG;
		if (code == 0)
			return 0;
		tag = reader_uleb(r);
		children = (uint8_t)reader_fixed(r, 1);
		attributes = (uint64_t)(r->at - a->bytes.data);
		fixed = measure(r, e);
		if (r->bad || code > ABBREV_CODE_MAX || attributes > UINT32_MAX)
			return -EBADMSG;
		if (make_room(a, &cap, code) < 0)
			return -ENOMEM;
		if (code > a->n)
			a->n = code;
		a->v[code - 1] = (struct abbrev){.attributes = (uint32_t)attributes,
						 .tag = tag && tag <= UINT16_MAX ? (uint16_t)tag
										 : UINT16_MAX,
						 .has_children = children != 0,
						 .fixed = (uint16_t)(fixed & 0x7fff)};
	}
}

int abbrevs_parse(struct span bytes, struct dwarf_encoding encoding, struct abbrevs *ret)
{
	struct abbrevs a = {.bytes = bytes};
	struct reader r = reader_over(bytes, 0);
	struct abbrev *smaller;
	int e = parse(&r, encoding, &a);

	if (e < 0) {
		free(a.v);
		return e;
	}
	smaller = a.n ? realloc(a.v, a.n * sizeof(*a.v)) : NULL;
	if (smaller)
		a.v = smaller;
	*ret = a;
	return 0;
}
