/*
 * Two passes: first all CIEs, then the FDEs that name them, so that an FDE can only name what
 * stands in the sequence of entries as a CIE, and each is read once, however many name it.
 */
#include "symbolizer/unwind/cfi.h"
#include "symbolizer/unwind/pointer.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH_IS_64	 0xffffffffu
#define CIES_FIRST	 16
#define FDES_FIRST	 1024
#define AUGMENTATION_MAX 16

struct entry {
	uint64_t offset; /* in the section */
	bool is_cie;
	uint64_t cie; /* of an FDE: the offset of its CIE */
	struct cursor body; /* behind the CIE id or pointer */
};

/* Where the CIE of an FDE stands, or that this is one itself. */
static void read_id(const struct cfi_section *s, struct cursor *c, bool wide, struct entry *e)
{
	uint64_t at = (uint64_t)(c->at - s->data);
	uint64_t id = wide ? cursor_u64(c) : cursor_u32(c);

	if (s->is_eh) {
		e->is_cie = id == 0;
		e->cie = at - id; /* backwards; what wraps is the offset of no CIE */
	} else {
		e->is_cie = id == (wide ? UINT64_MAX : UINT32_MAX);
		e->cie = id;
	}
}

/* 1 an entry, 0 the end, -EBADMSG: this one leads past the end, and nothing after it is known. */
static int next_entry(const struct cfi_section *s, size_t *at, struct entry *ret)
{
	struct cursor c = cursor_over(s->data + *at, s->size - *at);
	const uint8_t *start = c.at;
	uint64_t length = 0;
	bool wide = false;

	while (length == 0) {
		if (cursor_left(&c) == 0)
			return 0;
		start = c.at;
		length = cursor_u32(&c);
		if (length == 0 && (s->ends_at_zero || c.err))
			return c.err ? -EBADMSG : 0;
	}
	wide = length == LENGTH_IS_64;
	if (wide)
		length = cursor_u64(&c);
	if (c.err || length > cursor_left(&c))
		return -EBADMSG;
	*ret = (struct entry){.offset = (uint64_t)(start - s->data),
			      .body = cursor_over(c.at, length)};
	read_id(s, &ret->body, wide, ret);
	*at = (size_t)(c.at + length - s->data);
	return 1;
}

/* The letters behind 'z', whose data stands in a block of its own. */
static int read_augmentation(struct cursor *c, const char *letters, struct cfi_cie *ret)
{
	uint64_t length = cfi_uleb(c);
	const uint8_t *block = length <= cursor_left(c) ? cursor_bytes(c, length) : NULL;
	struct cursor data = cursor_over(block, block ? length : 0);

	if (!block)
		return -EBADMSG;
	ret->has_augmentation = true;
	for (; *letters && !data.err; letters++) {
		uint64_t ignored;
		uint8_t encoding;

		switch (*letters) {
		case 'R':
			ret->encoding = cursor_u8(&data);
			break;
		case 'P': /* a personality routine, often by an indirect pointer: skipped by size */
			encoding = cursor_u8(&data) & 0x0f;
			if (encoding != DW_EH_PE_absptr &&
			    cfi_pointer_read(&data, encoding, ret->section, &ignored) < 0)
				return -EBADMSG;
			if (encoding == DW_EH_PE_absptr)
				cursor_u64(&data);
			break;
		case 'L':
			cursor_u8(&data);
			break;
		case 'S':
			ret->is_signal = true;
			break;
		case 'B': /* arm64: return addresses are signed with key B */
		case 'G': /* arm64: tagged stack */
			break;
		default:
			return -EBADMSG;
		}
	}
	return data.err;
}

static int read_cie(const struct cfi_section *s, const struct entry *e, struct cfi_cie *ret)
{
	struct cfi_cie cie = {.offset = e->offset, .section = s, .encoding = DW_EH_PE_absptr};
	struct cursor c = e->body;
	uint8_t version = cursor_u8(&c);
	const char *letters = (const char *)c.at;
	const uint8_t *nul;

	if (c.err || (version != 1 && version != 3 && version != 4))
		return -EBADMSG;
	nul = memchr(c.at, '\0', cursor_left(&c));
	if (!nul || (size_t)(nul - c.at) > AUGMENTATION_MAX || (*letters && *letters != 'z'))
		return -EBADMSG;
	c.at = nul + 1;
	if (version == 4 && (cursor_u8(&c) != 8 || cursor_u8(&c) != 0))
		return -EBADMSG; /* addresses that are not of 8 bytes, or segments */
	cie.code_align = cfi_uleb(&c);
	cie.data_align = cfi_sleb(&c);
	cie.ra_register = version == 1 ? cursor_u8(&c) : cfi_uleb(&c);
	if (*letters && read_augmentation(&c, letters + 1, &cie) < 0)
		return -EBADMSG;
	if (c.err)
		return -EBADMSG;
	cie.program = c.at;
	cie.program_bytes = cursor_left(&c);
	*ret = cie;
	return 0;
}

static int add_cie(struct cfi_entries *e, const struct cfi_cie *cie)
{
	if (e->n_cies == UNWIND_CIES_MAX)
		return -E2BIG;
	if (e->n_cies == e->cap_cies) {
		size_t cap = e->cap_cies ? e->cap_cies * 2 : CIES_FIRST;
		struct cfi_cie *more = realloc(e->cies, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		e->cies = more;
		e->cap_cies = cap;
	}
	e->cies[e->n_cies++] = *cie;
	return 0;
}

static int add_fde(struct cfi_entries *e, const struct cfi_fde *fde)
{
	if (e->n_fdes == UNWIND_FDES_MAX)
		return -E2BIG;
	if (e->n_fdes == e->cap_fdes) {
		size_t cap = e->cap_fdes ? e->cap_fdes * 2 : FDES_FIRST;
		struct cfi_fde *more = realloc(e->fdes, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		e->fdes = more;
		e->cap_fdes = cap;
	}
	e->fdes[e->n_fdes++] = *fde;
	return 0;
}

/*
 * Among [from, n_cies): those of this section. Neighbours mostly share theirs: *near is tried
 * first.
 */
static const struct cfi_cie *find_cie(const struct cfi_entries *e, size_t from, uint64_t offset,
				      size_t *near)
{
	size_t low = from, high = e->n_cies;

	if (*near < high && e->cies[*near].offset == offset)
		return &e->cies[*near];
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (e->cies[middle].offset == offset) {
			*near = middle;
			return &e->cies[middle];
		}
		if (e->cies[middle].offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* 1, 0 for an FDE of code that the linker dropped, or -EBADMSG. */
static int read_fde(const struct cfi_cie *cie, const struct entry *e, struct cfi_fde *ret)
{
	struct cursor c = e->body;
	uint64_t start, length, skip;

	if (cfi_pointer_read(&c, cie->encoding, cie->section, &start) < 0 ||
	    cfi_length_read(&c, cie->encoding, &length) < 0)
		return -EBADMSG;
	if (cie->has_augmentation) {
		skip = cfi_uleb(&c);
		if (skip > cursor_left(&c))
			return -EBADMSG;
		cursor_bytes(&c, skip);
	}
	if (c.err || start + length < start || cursor_left(&c) > UINT32_MAX)
		return -EBADMSG;
	if (start == 0 || length == 0)
		return 0;
	*ret = (struct cfi_fde){.start = start,
				.end = start + length,
				.program = c.at,
				.program_bytes = (uint32_t)cursor_left(&c)};
	return 1;
}

static int read_cies(const struct cfi_section *s, struct cfi_entries *e)
{
	struct cfi_cie cie;
	struct entry entry;
	size_t at = 0;
	int r;

	while ((r = next_entry(s, &at, &entry)) > 0) {
		if (!entry.is_cie)
			continue;
		if (entry.body.err || read_cie(s, &entry, &cie) < 0) {
			e->n_bad++;
			continue;
		}
		r = add_cie(e, &cie);
		if (r < 0)
			return r;
	}
	e->n_bad += r < 0;
	return 0;
}

static int read_fdes(const struct cfi_section *s, size_t first_cie, struct cfi_entries *e)
{
	size_t near = first_cie;
	struct entry entry;
	size_t at = 0;
	int r;

	while (next_entry(s, &at, &entry) > 0) {
		const struct cfi_cie *cie;
		struct cfi_fde fde;

		if (entry.is_cie)
			continue;
		cie = entry.body.err ? NULL : find_cie(e, first_cie, entry.cie, &near);
		r = cie ? read_fde(cie, &entry, &fde) : -EBADMSG;
		e->n_bad += r < 0;
		if (r <= 0)
			continue;
		fde.cie = (uint32_t)(cie - e->cies);
		r = add_fde(e, &fde);
		if (r < 0)
			return r;
	}
	return 0;
}

int cfi_entries_read(const struct cfi_section *section, struct cfi_entries *e)
{
	size_t first_cie = e->n_cies;
	int r = read_cies(section, e);

	return r < 0 ? r : read_fdes(section, first_cie, e);
}

void cfi_entries_done(struct cfi_entries *e)
{
	free(e->cies);
	free(e->fdes);
	*e = (struct cfi_entries){};
}
