/* Sections by name; dwarf_sections.h is the contract. */
#include "symbolizer/dwarf_sections.h"

#include "profiler/base/cleanup.h"
#include "symbolizer/inflate.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>

static const char *const names[DWARF_SECTION_COUNT] = {
	[DWARF_INFO] = ".debug_info",
	[DWARF_ABBREV] = ".debug_abbrev",
	[DWARF_STR] = ".debug_str",
	[DWARF_LINE] = ".debug_line",
	[DWARF_LINE_STR] = ".debug_line_str",
	[DWARF_RANGES] = ".debug_ranges",
	[DWARF_RNGLISTS] = ".debug_rnglists",
	[DWARF_ADDR] = ".debug_addr",
	[DWARF_STR_OFFSETS] = ".debug_str_offsets",
	[DWARF_ARANGES] = ".debug_aranges",
};

/* By its name, or as .zdebug_..., which is compressed in GNU's older way. */
static const struct elf_section *find(const struct elf_image *image, const char *name,
				      bool *ret_old)
{
	const struct elf_section *section = elf_image_section(image, name);
	char old[ELF_SECTION_NAME_BYTES + 1];

	*ret_old = false;
	if (section)
		return section;
	snprintf(old, sizeof(old), ".z%s", name + 1);
	*ret_old = true;
	return elf_image_section(image, old);
}

bool dwarf_sections_there(const struct elf_image *image)
{
	bool ignored;

	return elf_image_bytes(image, find(image, names[DWARF_INFO], &ignored)).size > 0;
}

int file_opener_open(const struct file_opener *o, const struct sym_want *want)
{
	return o && o->open ? o->open(o->ctx, o->module, want) : -ENOENT;
}

/* ---- room ---- */

/* The smallest that is free and large enough; bytes 0: a place for another. NULL: none. */
static struct dwarf_room *find_room(struct dwarf_rooms *r, uint64_t bytes)
{
	struct dwarf_room *found = NULL;

	for (size_t i = 0; r && i < DWARF_ROOMS_MAX; i++) {
		struct dwarf_room *v = &r->v[i];

		if (v->taken || !v->at != !bytes || v->bytes < bytes)
			continue;
		if (!found || v->bytes < found->bytes)
			found = v;
	}
	return found;
}

static void give_room_back(struct dwarf_rooms *r, uint8_t *at, size_t bytes)
{
	for (size_t i = 0; r && i < DWARF_ROOMS_MAX; i++) {
		if (r->v[i].at != at)
			continue;
		madvise(at, r->v[i].bytes, MADV_DONTNEED);
		r->v[i].taken = false;
		return;
	}
	munmap(at, bytes);
}

void dwarf_rooms_done(struct dwarf_rooms *r)
{
	for (size_t i = 0; i < DWARF_ROOMS_MAX; i++)
		if (r->v[i].at)
			munmap(r->v[i].at, r->v[i].bytes);
	*r = (struct dwarf_rooms){};
}

static int open_room(const struct file_opener *opener, uint64_t bytes, uint8_t **ret)
{
	const struct sym_want want = {.kind = SYM_WANT_ROOM, .bytes = bytes};
	struct dwarf_rooms *rooms = opener ? opener->rooms : NULL;
	struct dwarf_room *room = find_room(rooms, bytes);
	_cleanup_close_ int fd = -1;
	void *at;

	if (room) {
		room->taken = true;
		*ret = room->at;
		return 0;
	}
	fd = file_opener_open(opener, &want);
	if (fd < 0)
		return -ENOSPC;
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return -ENOSPC;
	room = find_room(rooms, 0);
	if (room)
		*room = (struct dwarf_room){at, bytes, true};
	*ret = at;
	return 0;
}

/* Memory for what was compressed: ours up to bytes_max, else that of a file. */
static int take_room(struct dwarf_sections *s, const struct file_opener *opener, uint64_t bytes,
		     size_t bytes_max)
{
	int r;

	if (bytes <= bytes_max) {
		s->inflated = malloc(bytes ? bytes : 1);
		s->inflated_bytes = bytes;
		return s->inflated ? 0 : -ENOMEM;
	}
	if (bytes > SYM_ROOM_BYTES_MAX)
		return -EFBIG;
	r = open_room(opener, bytes, &s->inflated);
	if (r < 0)
		return r;
	s->inflated_bytes = bytes;
	s->in_room = true;
	s->rooms = opener->rooms;
	return 0;
}

/* Where each section is, and of the compressed ones what they claim to inflate to. */
struct found {
	const struct elf_section *section;
	uint64_t bytes; /* inflated; 0: not compressed */
};

static int find_all(struct dwarf_sections *s, const struct elf_image *image, bool split,
		    struct found found[DWARF_SECTION_COUNT], uint64_t *ret_bytes)
{
	*ret_bytes = 0;
	for (int i = 0; i < DWARF_SECTION_COUNT; i++) {
		char name[ELF_SECTION_NAME_BYTES];
		bool is_old;
		int r;

		snprintf(name, sizeof(name), "%s%s", names[i], split ? ".dwo" : "");
		found[i] = (struct found){.section = find(image, name, &is_old)};
		if (!found[i].section)
			continue;
		if (!(found[i].section->flags & SHF_COMPRESSED) && !is_old) {
			s->v[i] = elf_image_bytes(image, found[i].section);
			continue;
		}
		r = inflate_size(image, found[i].section, &found[i].bytes);
		if (r < 0)
			return r;
		if (found[i].bytes > SYM_ROOM_BYTES_MAX)
			return -EFBIG;
		*ret_bytes += found[i].bytes;
	}
	return 0;
}

int dwarf_sections_open(struct dwarf_sections *s, const struct elf_image *image, bool split,
			const struct file_opener *opener, size_t bytes_max)
{
	struct found found[DWARF_SECTION_COUNT];
	uint64_t bytes;
	uint8_t *at;
	int r;

	*s = (struct dwarf_sections){};
	r = find_all(s, image, split, found, &bytes);
	if (r == 0 && bytes)
		r = take_room(s, opener, bytes, bytes_max);
	at = s->inflated;
	for (int i = 0; i < DWARF_SECTION_COUNT && r == 0; i++) {
		if (!found[i].bytes)
			continue;
		r = inflate_into(image, found[i].section, at);
		s->v[i] = (struct span){.data = at, .size = found[i].bytes};
		at += found[i].bytes;
	}
	return r;
}

void dwarf_sections_done(struct dwarf_sections *s)
{
	if (s->in_room)
		give_room_back(s->rooms, s->inflated, s->inflated_bytes);
	else
		free(s->inflated);
	*s = (struct dwarf_sections){};
}

void dwarf_sections_rest(struct dwarf_sections *s)
{
	if (s->in_room)
		madvise(s->inflated, s->inflated_bytes, MADV_DONTNEED);
}

size_t dwarf_sections_bytes(const struct dwarf_sections *s)
{
	return s->in_room ? 0 : s->inflated_bytes;
}
