/*
 * The order: .eh_frame is what the program itself unwinds by, so it comes first; .debug_frame fills
 * what it leaves. Programs that were built without .eh_frame have one all the same, of the C
 * library's start files.
 */
#include "symbolizer/unwind/find.h"

#include "profiler/base/buf.h"
#include "symbolizer/inflate.h"
#include "symbolizer/unwind/pointer.h"

#include <errno.h>
#include <elf.h>
#include <stdlib.h>

#define HDR_VERSION 1

/* The bytes from an address on, to the end of what the file has of its segment. */
static struct span bytes_at(const struct elf_image *image, uint64_t address)
{
	for (size_t i = 0; i < image->n_segments; i++) {
		const struct elf_segment *s = &image->segments[i];

		if (s->type == PT_LOAD && address >= s->address &&
		    address - s->address < s->file_bytes)
			return (struct span){.data = image->data + s->offset +
						     (address - s->address),
					     .size = s->file_bytes - (address - s->address)};
	}
	return (struct span){};
}

/* The address of .eh_frame, which stands in the header that the segment is. */
static bool read_header(const struct elf_segment *s, struct span hdr, uint64_t *ret)
{
	struct cfi_section place = {.data = hdr.data, .size = hdr.size, .address = s->address};
	struct cursor c = cursor_over(hdr.data, hdr.size);
	uint8_t version = cursor_u8(&c), encoding = cursor_u8(&c);

	cursor_bytes(&c, 2); /* encodings of a table that we do not need */
	place.data_base = s->address;
	return !c.err && version == HDR_VERSION && cfi_pointer_read(&c, encoding, &place, ret) == 0;
}

static bool find_by_segment(const struct elf_image *image, struct cfi_section *ret)
{
	for (size_t i = 0; i < image->n_segments; i++) {
		const struct elf_segment *s = &image->segments[i];
		struct span hdr, frames;
		uint64_t address;

		if (s->type != PT_GNU_EH_FRAME || !s->file_bytes)
			continue;
		hdr = (struct span){.data = image->data + s->offset, .size = s->file_bytes};
		if (!read_header(s, hdr, &address))
			return false;
		frames = bytes_at(image, address);
		*ret = (struct cfi_section){
			.data = frames.data,
			.size = frames.size,
			.address = address,
			.is_eh = true,
			.ends_at_zero = true,
		};
		return frames.size > 0;
	}
	return false;
}

static bool find_by_section(const struct elf_image *image, struct cfi_section *ret)
{
	const struct elf_section *s = elf_image_section(image, ".eh_frame");
	const struct elf_section *got = elf_image_section(image, ".got.plt");
	struct span bytes = s ? elf_image_bytes(image, s) : (struct span){};

	if (!bytes.size)
		return false;
	if (!got)
		got = elf_image_section(image, ".got");
	*ret = (struct cfi_section){
		.data = bytes.data,
		.size = bytes.size,
		.address = s->address,
		.data_base = got ? got->address : 0,
		.is_eh = true,
	};
	return true;
}

/* 1 found, 0 there is none that can be read, or -ENOMEM. */
static int find_debug_frame(const struct elf_image *image, struct cfi_section *ret)
{
	const struct elf_section *s = elf_image_section(image, ".debug_frame");
	struct span bytes = s ? elf_image_bytes(image, s) : (struct span){};
	int r;

	if (!bytes.size)
		return 0;
	*ret = (struct cfi_section){.data = bytes.data, .size = bytes.size, .address = s->address};
	if (!(s->flags & SHF_COMPRESSED))
		return 1;
	r = inflate_section(image, s, UNWIND_INFLATED_MAX, &ret->inflated, &ret->size);
	ret->data = ret->inflated;
	return r == -ENOMEM ? r : r == 0;
}

int unwind_find_cfi(const struct elf_image *image, const struct elf_image *debug,
		    struct cfi_sections *ret)
{
	struct cfi_sections s = {};
	int r;

	if (find_by_section(image, &s.v[s.n]) || find_by_segment(image, &s.v[s.n]))
		s.n++;
	r = find_debug_frame(image, &s.v[s.n]);
	if (r < 0)
		return r;
	s.n += (size_t)r;
	r = debug ? find_debug_frame(debug, &s.v[s.n]) : 0;
	if (r < 0) {
		unwind_find_done(&s);
		return r;
	}
	s.n += (size_t)r;
	*ret = s;
	return 0;
}

void unwind_find_done(struct cfi_sections *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].inflated);
	*s = (struct cfi_sections){};
}
