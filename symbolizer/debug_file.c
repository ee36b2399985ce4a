/* Two places to look, and what makes a file the right one; debug_file.h is the contract. */
#include "symbolizer/debug_file.h"

#include "profiler/base/cleanup.h"
#include "symbolizer/dwarf_sections.h"
#include "symbolizer/source_symtab.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define CRC_ALIGN 4u

bool debug_link_parse(struct span section, struct debug_link *ret)
{
	const char *name;
	ptrdiff_t len = span_string(section, 0, &name);
	size_t at;

	if (len <= 0 || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	at = ((size_t)len + 1 + CRC_ALIGN - 1) & ~(size_t)(CRC_ALIGN - 1);
	if (section.size < CRC_ALIGN || at > section.size - CRC_ALIGN)
		return false;
	ret->name = name;
	memcpy(&ret->crc, section.data + at, sizeof(ret->crc));
	return true;
}

uint32_t debug_link_crc(struct span bytes)
{
	return (uint32_t)crc32_z(0, bytes.data, bytes.size);
}

/* What makes a file the one that is sought. */
struct wanted {
	const struct elf_image *of;
	uint8_t build_id[SYM_BUILD_ID_MAX];
	size_t build_id_bytes;
	const struct debug_link *link; /* NULL: the build id alone tells */
	bool alt; /* dwz's, which has no symbols */
};

static bool is_wanted(const struct elf_image *image, const struct wanted *w)
{
	uint8_t id[SYM_BUILD_ID_MAX];
	size_t n = elf_image_build_id(image, id, sizeof(id));

	if (image->machine != w->of->machine || image->is_64 != w->of->is_64)
		return false;
	if (!dwarf_sections_there(image) && (w->alt || !symtab_is_full(image)))
		return false;
	if (n && w->build_id_bytes && (n != w->build_id_bytes || memcmp(id, w->build_id, n) != 0))
		return false;
	if (!w->link)
		return n && w->build_id_bytes;
	return debug_link_crc((struct span){image->data, image->size}) == w->link->crc;
}

/* Takes ownership of file. */
static int try_file(struct elf_image *ret, int file, const struct wanted *w)
{
	_cleanup_close_ int fd = file;
	bool good;
	int r = elf_image_open(ret, fd, NULL);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	guard_enter(&ret->guard);
	good = is_wanted(ret, w);
	guard_leave(&ret->guard);
	if (good && !guard_broken(&ret->guard))
		return 1;
	elf_image_done(ret);
	return 0;
}

/* The first right one of those that are there. */
static int try_want(struct elf_image *ret, const struct file_opener *opener, struct sym_want *want,
		    const struct wanted *w)
{
	int r = 0;

	for (want->skip = 0; want->skip < SYM_WANT_SKIP_MAX && r == 0; want->skip++) {
		int fd = file_opener_open(opener, want);

		if (fd < 0)
			return fd == -ENOMEM ? fd : 0;
		r = try_file(ret, fd, w);
	}
	return r;
}

/* 1, 0 or -ENOMEM. */
static int open_debug(struct elf_image *ret, const struct elf_image *of,
		      const struct file_opener *opener)
{
	struct span section = elf_image_bytes(of, elf_image_section(of, ".gnu_debuglink"));
	struct wanted w = {.of = of};
	struct sym_want want = {.kind = SYM_WANT_BUILD_ID, .build_id = w.build_id};
	struct debug_link link;
	int r;

	w.build_id_bytes = elf_image_build_id(of, w.build_id, sizeof(w.build_id));
	want.build_id_bytes = w.build_id_bytes;
	if (w.build_id_bytes) {
		r = try_want(ret, opener, &want, &w);
		if (r != 0)
			return r;
	}
	if (!debug_link_parse(section, &link))
		return 0;
	w.link = &link;
	want.kind = SYM_WANT_LINK;
	want.name = link.name;
	return try_want(ret, opener, &want, &w);
}

bool debug_alt_parse(struct span section, struct debug_alt *ret)
{
	const char *path;
	ptrdiff_t len = span_string(section, 0, &path);
	struct span id;

	if (len <= 0)
		return false;
	id = (struct span){section.data + len + 1, section.size - (size_t)len - 1};
	if (!id.size || id.size > SYM_BUILD_ID_MAX)
		return false;
	*ret = (struct debug_alt){.path = path, .build_id = id};
	return true;
}

static int open_alt(struct elf_image *ret, const struct elf_image *of,
		    const struct file_opener *opener)
{
	struct span section = elf_image_bytes(of, elf_image_section(of, ".gnu_debugaltlink"));
	struct wanted w = {.of = of, .alt = true};
	struct sym_want want = {.kind = SYM_WANT_ALT, .build_id = w.build_id};
	struct debug_alt alt;

	if (!debug_alt_parse(section, &alt))
		return 0;
	memcpy(w.build_id, alt.build_id.data, alt.build_id.size);
	w.build_id_bytes = alt.build_id.size;
	want.build_id_bytes = alt.build_id.size;
	want.name = alt.path;
	return try_want(ret, opener, &want, &w);
}

const struct elf_image *debug_files_dwarf(const struct debug_files *d, const struct elf_image *of)
{
	return d->debug.size ? &d->debug : of;
}

int debug_files_seek(struct debug_files *d, const struct elf_image *of,
		     const struct file_opener *opener)
{
	int r = 0;

	if (d->sought)
		return 0;
	if (!dwarf_sections_there(of) && !d->debug.size)
		r = open_debug(&d->debug, of, opener);
	if (r < 0)
		return r;
	guard_enter(&d->debug.guard);
	r = open_alt(&d->alt, debug_files_dwarf(d, of), opener);
	guard_leave(&d->debug.guard);
	if (r < 0)
		return r;
	d->sought = true;
	return 0;
}

void debug_files_done(struct debug_files *d)
{
	elf_image_done(&d->debug);
	elf_image_done(&d->alt);
}

void debug_files_enter(struct debug_files *d)
{
	guard_enter(&d->debug.guard);
	guard_enter(&d->alt.guard);
}

void debug_files_leave(struct debug_files *d)
{
	guard_leave(&d->alt.guard);
	guard_leave(&d->debug.guard);
}

bool debug_files_broken(const struct debug_files *d)
{
	return guard_broken(&d->debug.guard) || guard_broken(&d->alt.guard);
}

void debug_files_rest(struct debug_files *d)
{
	guard_release_pages(&d->debug.guard);
	guard_release_pages(&d->alt.guard);
}
