/*
 * libelf reads the headers, for it knows both classes and the extended numbering; everything it
 * says is copied and checked against the size here, once. Section contents are then plain bytes
 * of the mapping.
 *
 * Its elf_memory() over our guarded mapping is used in the place of ELF_C_READ_MMAP, whose
 * mapping would be its own and unguarded.
 */
#include "symbolizer/module.h"

#include "profiler/base/cleanup.h"
#include "symbolizer/buildid.h"

#include <errno.h>
#include <gelf.h>
#include <string.h>
#include <sys/stat.h>

/*
 * A file larger than this is not mapped: it would take the address space that RLIMIT_AS leaves a
 * worker.
 */
#define ELF_BYTES_MAX (16ull << 30)

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NATIVE_DATA ELFDATA2LSB
#else
#define NATIVE_DATA ELFDATA2MSB
#endif

static void end_elf(Elf **elf)
{
	if (*elf)
		elf_end(*elf);
}

/* [offset, offset + size) cut to the file. */
static uint64_t within(const struct elf_image *image, uint64_t offset, uint64_t size)
{
	if (offset >= image->size)
		return 0;
	return size < image->size - offset ? size : image->size - offset;
}

static int read_segments(struct elf_image *image, Elf *elf)
{
	size_t n;

	if (elf_getphdrnum(elf, &n) < 0 || n > UINT16_MAX)
		return -EBADMSG;
	if (n == 0)
		return 0;
	image->segments = calloc(n, sizeof(*image->segments));
	if (!image->segments)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr phdr;

		if (!gelf_getphdr(elf, (int)i, &phdr))
			return -EBADMSG;
		image->segments[i] = (struct elf_segment){
			.type = phdr.p_type,
			.flags = phdr.p_flags,
			.offset = phdr.p_offset,
			.address = phdr.p_vaddr,
			.file_bytes = within(image, phdr.p_offset, phdr.p_filesz),
			.memory_bytes = phdr.p_memsz,
			.align = phdr.p_align,
		};
	}
	image->n_segments = n;
	return 0;
}

static void copy_section(struct elf_image *image, const GElf_Shdr *shdr, struct elf_section *ret)
{
	uint64_t size = shdr->sh_size;

	if (shdr->sh_type != SHT_NOBITS)
		size = within(image, shdr->sh_offset, size);
	*ret = (struct elf_section){
		.type = shdr->sh_type,
		.link = shdr->sh_link,
		.flags = shdr->sh_flags,
		.address = shdr->sh_addr,
		.offset = shdr->sh_offset,
		.size = size,
		.entry_bytes = shdr->sh_entsize,
		.align = shdr->sh_addralign,
	};
}

static void copy_name(struct span names, uint64_t offset, char name[ELF_SECTION_NAME_BYTES])
{
	const char *s;
	ptrdiff_t len = span_string(names, offset, &s);

	if (len > 0 && len < ELF_SECTION_NAME_BYTES)
		memcpy(name, s, (size_t)len); /* the rest is zero */
}

/*
 * Section headers that cannot be read are as good as none: the segments are what the kernel went
 * by.
 */
static int read_sections(struct elf_image *image, Elf *elf)
{
	struct span names = {};
	size_t n, names_index;
	GElf_Shdr shdr;

	if (elf_getshdrnum(elf, &n) < 0 || n > ELF_SECTIONS_MAX || n == 0)
		return 0;
	image->sections = calloc(n, sizeof(*image->sections));
	if (!image->sections)
		return -ENOMEM;
	image->n_sections = n;
	for (size_t i = 0; i < n; i++)
		if (gelf_getshdr(elf_getscn(elf, i), &shdr))
			copy_section(image, &shdr, &image->sections[i]);
	if (elf_getshdrstrndx(elf, &names_index) == 0 && names_index < n)
		names = elf_image_bytes(image, &image->sections[names_index]);
	for (size_t i = 1; i < n; i++)
		if (gelf_getshdr(elf_getscn(elf, i), &shdr))
			copy_name(names, shdr.sh_name, image->sections[i].name);
	return 0;
}

static int read_headers(struct elf_image *image, struct err *err)
{
	_cleanup_(end_elf) Elf *elf = NULL;
	GElf_Ehdr ehdr;
	int r;

	if (image->size < sizeof(Elf32_Ehdr) || memcmp(image->data, ELFMAG, SELFMAG) != 0)
		return err_set(err, -EBADMSG, "not an ELF file");
	elf_version(EV_CURRENT);
	elf = elf_memory((char *)image->data, image->size);
	if (!elf || elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &ehdr))
		return err_set(err, -EBADMSG, "a corrupt ELF file: %s", elf_errmsg(-1));
	if (ehdr.e_ident[EI_DATA] != NATIVE_DATA)
		return err_set(err, -EBADMSG, "an ELF file of the other byte order");
	image->is_64 = ehdr.e_ident[EI_CLASS] == ELFCLASS64;
	image->machine = ehdr.e_machine;
	image->type = ehdr.e_type;
	r = read_segments(image, elf);
	if (r == 0)
		r = read_sections(image, elf);
	if (r == -EBADMSG)
		return err_set(err, r, "a corrupt ELF file: its program headers cannot be read");
	return r < 0 ? err_set(err, r, "out of memory") : 0;
}

static int read_guarded(struct elf_image *image, struct err *err)
{
	int r;

	guard_enter(&image->guard);
	r = read_headers(image, err);
	guard_leave(&image->guard);
	if (guard_broken(&image->guard))
		r = err_set(err, -EIO, "the file was truncated while it was read");
	if (r < 0)
		elf_image_done(image);
	return r;
}

int elf_image_open(struct elf_image *image, int fd, struct err *err)
{
	struct stat st;
	int r;

	*image = (struct elf_image){};
	if (fstat(fd, &st) < 0)
		return err_set(err, -errno, "the file cannot be examined: %s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EBADMSG, "not a regular file");
	if (st.st_size < (off_t)sizeof(Elf32_Ehdr))
		return err_set(err, -EBADMSG, "not an ELF file: %lld bytes", (long long)st.st_size);
	if ((uint64_t)st.st_size > ELF_BYTES_MAX)
		return err_set(err, -EFBIG, "a file of %lld bytes is not read",
			       (long long)st.st_size);
	r = guard_map(&image->guard, fd, (size_t)st.st_size);
	if (r < 0)
		return err_set(err, r, "the file cannot be mapped: %s", strerror(-r));
	image->data = image->guard.data;
	image->size = image->guard.size;
	return read_guarded(image, err);
}

int elf_image_copy(struct elf_image *image, const void *data, size_t size, struct err *err)
{
	*image = (struct elf_image){};
	image->copy = malloc(size ? size : 1);
	if (!image->copy)
		return err_set(err, -ENOMEM, "out of memory");
	memcpy(image->copy, data, size);
	image->data = image->copy;
	image->size = size;
	return read_guarded(image, err);
}

int elf_image_borrow(struct elf_image *image, const void *data, size_t size, struct err *err)
{
	*image = (struct elf_image){.data = data, .size = size};
	return read_guarded(image, err);
}

void elf_image_done(struct elf_image *image)
{
	free(image->segments);
	free(image->sections);
	free(image->copy);
	guard_unmap(&image->guard);
	*image = (struct elf_image){};
}

bool elf_image_address(const struct elf_image *image, uint64_t offset, uint64_t *ret_address)
{
	const struct elf_segment *found = NULL;

	for (size_t i = 0; i < image->n_segments; i++) {
		const struct elf_segment *s = &image->segments[i];

		if (s->type != PT_LOAD || offset < s->offset || offset - s->offset >= s->file_bytes)
			continue;
		if (!found || ((s->flags & PF_X) && !(found->flags & PF_X)))
			found = s;
	}
	if (!found)
		return false;
	*ret_address = found->address + (offset - found->offset);
	return true;
}

bool elf_image_is_code(const struct elf_image *image, uint64_t address)
{
	for (size_t i = 0; i < image->n_segments; i++) {
		const struct elf_segment *s = &image->segments[i];

		if (s->type == PT_LOAD && (s->flags & PF_X) && address >= s->address &&
		    address - s->address < s->memory_bytes)
			return true;
	}
	for (size_t i = 0; !image->n_segments && i < image->n_sections; i++) {
		const struct elf_section *s = &image->sections[i];

		if ((s->flags & SHF_EXECINSTR) && address >= s->address &&
		    address - s->address < s->size)
			return true;
	}
	return false;
}

const struct elf_section *elf_image_section(const struct elf_image *image, const char *name)
{
	for (size_t i = 1; i < image->n_sections; i++)
		if (strcmp(image->sections[i].name, name) == 0)
			return &image->sections[i];
	return NULL;
}

struct span elf_image_bytes(const struct elf_image *image, const struct elf_section *section)
{
	if (!section || section->type == SHT_NOBITS || section->size == 0)
		return (struct span){};
	return (struct span){.data = image->data + section->offset, .size = section->size};
}

typedef size_t (*parse_notes)(const uint8_t *notes, size_t len, size_t align, uint8_t *ret,
			      size_t max);

static size_t find_build_id(const struct elf_image *image, parse_notes parse, uint8_t *ret,
			    size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < image->n_segments && !n; i++) {
		const struct elf_segment *s = &image->segments[i];

		if (s->type == PT_NOTE && s->file_bytes)
			n = parse(image->data + s->offset, s->file_bytes, s->align, ret, max);
	}
	for (size_t i = 1; i < image->n_sections && !n; i++) {
		const struct elf_section *s = &image->sections[i];
		struct span notes = elf_image_bytes(image, s);

		if (s->type == SHT_NOTE && notes.size)
			n = parse(notes.data, notes.size, s->align, ret, max);
	}
	return n;
}

size_t elf_image_build_id(const struct elf_image *image, uint8_t *ret, size_t max)
{
	size_t n = find_build_id(image, buildid_parse, ret, max);

	return n ? n : find_build_id(image, buildid_parse_go, ret, max);
}

ptrdiff_t span_string(struct span strings, uint64_t offset, const char **ret)
{
	const char *s;
	size_t room;
	const char *end;

	if (offset >= strings.size)
		return -1;
	s = (const char *)strings.data + offset;
	room = strings.size - offset;
	end = memchr(s, '\0', room < SPAN_STRING_MAX ? room : SPAN_STRING_MAX);
	if (!end)
		return -1;
	*ret = s;
	return end - s;
}
