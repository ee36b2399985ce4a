/* See make.h. */
#include "tests/unit/unwind/make.h"

#include <elf.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#define HEADERS_BYTES 0x1000u

size_t make_entry(struct buf *b, const void *content, size_t bytes)
{
	size_t at = b->len;

	buf_add_u32(b, (uint32_t)bytes);
	buf_add(b, content, bytes);
	return at;
}

/* The length in front of what was added since at. */
static size_t close_entry(struct buf *b, size_t at)
{
	uint32_t length = (uint32_t)(b->len - at - 4);

	memcpy(b->data + at, &length, sizeof(length));
	return at;
}

size_t make_cie(struct buf *b, const char *letters, const uint8_t *program, size_t bytes)
{
	size_t at = b->len;

	buf_add_u32(b, 0);
	buf_add_u32(b, 0);
	buf_add_u8(b, 1);
	buf_add(b, letters, strlen(letters) + 1);
	buf_add(b, BYTES(1, 0x78, 16));
	if (letters[0] == 'z')
		buf_add_u8(b, 0);
	buf_add(b, program, bytes);
	return close_entry(b, at);
}

size_t make_fde(struct buf *b, size_t cie, bool has_z, uint64_t start, uint64_t length,
		const uint8_t *program, size_t bytes)
{
	size_t at = b->len;

	buf_add_u32(b, 0);
	buf_add_u32(b, (uint32_t)(b->len - cie));
	buf_add_u64(b, start);
	buf_add_u64(b, length);
	if (has_z)
		buf_add_u8(b, 0);
	buf_add(b, program, bytes);
	return close_entry(b, at);
}

size_t make_debug_cie(struct buf *b, const uint8_t *program, size_t bytes)
{
	size_t at = b->len;

	buf_add_u32(b, 0);
	buf_add_u32(b, UINT32_MAX);
	buf_add(b, BYTES(4, 0, 8, 0, 1, 0x78, 16));
	buf_add(b, program, bytes);
	return close_entry(b, at);
}

size_t make_debug_fde(struct buf *b, size_t cie, uint64_t start, uint64_t length,
		      const uint8_t *program, size_t bytes)
{
	size_t at = b->len;

	buf_add_u32(b, 0);
	buf_add_u32(b, (uint32_t)cie);
	buf_add_u64(b, start);
	buf_add_u64(b, length);
	buf_add(b, program, bytes);
	return close_entry(b, at);
}

struct cfi_section make_section(const struct buf *b)
{
	return (struct cfi_section){
		.data = b->data, .size = b->len, .address = MAKE_CFI_ADDRESS, .is_eh = true};
}

struct parts {
	Elf64_Phdr phdr[3];
	Elf64_Shdr shdr[4];
	size_t n_phdr, n_shdr;
	struct buf out;
};

static const char names[] = "\0.eh_frame\0.debug_frame\0.shstrtab";

static void add_load(struct parts *p, uint32_t flags, uint64_t offset, uint64_t address,
		     uint64_t bytes)
{
	p->phdr[p->n_phdr++] = (Elf64_Phdr){.p_type = PT_LOAD,
					    .p_flags = flags,
					    .p_offset = offset,
					    .p_vaddr = address,
					    .p_filesz = bytes,
					    .p_memsz = bytes,
					    .p_align = 0x1000};
}

static void add_section(struct parts *p, uint32_t name, uint64_t address, uint64_t flags,
			const void *data, size_t bytes)
{
	p->shdr[p->n_shdr++] = (Elf64_Shdr){.sh_name = name,
					    .sh_type = SHT_PROGBITS,
					    .sh_flags = flags,
					    .sh_addr = address,
					    .sh_offset = p->out.len,
					    .sh_size = bytes,
					    .sh_addralign = 1};
	buf_add(&p->out, data, bytes);
}

/* The header that the segment points to: pcrel, 4 bytes; right before the frames. */
static void add_eh_frame(struct parts *p, const struct make_file *f)
{
	uint64_t at = p->out.len;

	if (f->no_sections) {
		p->phdr[p->n_phdr++] = (Elf64_Phdr){.p_type = PT_GNU_EH_FRAME,
						    .p_offset = at,
						    .p_vaddr = MAKE_CFI_ADDRESS - 8,
						    .p_filesz = 8,
						    .p_memsz = 8};
		buf_add(&p->out, BYTES(1, 0x1b, 0xff, 0xff, 4, 0, 0, 0));
	}
	add_section(p, 1, MAKE_CFI_ADDRESS, SHF_ALLOC, f->eh_frame->data, f->eh_frame->len);
	if (f->no_sections)
		buf_add_u32(&p->out, 0);
	add_load(p, PF_R, at, MAKE_CFI_ADDRESS - (f->no_sections ? 8 : 0), p->out.len - at);
}

/*
 * libelf deflates nothing by itself: a section of a file of its own is deflated, and its bytes
 * taken.
 */
static void add_compressed(struct parts *p, const struct buf *frames)
{
	struct make_file plain = {.debug_frame = frames};
	size_t bytes;
	uint8_t *file = make_elf(&plain, &bytes);
	Elf *elf;
	Elf_Scn *scn;
	Elf_Data *data;

	elf_version(EV_CURRENT);
	elf = elf_memory((char *)file, bytes);
	scn = elf_getscn(elf, 1);
	if (elf_compress(scn, ELFCOMPRESS_ZLIB, ELF_CHF_FORCE) < 0)
		abort();
	data = elf_rawdata(scn, NULL);
	add_section(p, 11, 0, SHF_COMPRESSED, data->d_buf, data->d_size);
	elf_end(elf);
	free(file);
}

static void add_headers(struct parts *p, const struct make_file *f, uint64_t shoff)
{
	Elf64_Ehdr e = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
				    EV_CURRENT},
			.e_type = f->type ? f->type : ET_DYN,
			.e_machine = f->machine ? f->machine : EM_X86_64,
			.e_version = EV_CURRENT,
			.e_entry = f->entry,
			.e_phoff = sizeof(Elf64_Ehdr),
			.e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = (uint16_t)p->n_phdr};

	if (!f->no_sections) {
		e.e_shoff = shoff;
		e.e_shentsize = sizeof(Elf64_Shdr);
		e.e_shnum = (uint16_t)p->n_shdr;
		e.e_shstrndx = (uint16_t)(p->n_shdr - 1);
	}
	memcpy(p->out.data, &e, sizeof(e));
	memcpy(p->out.data + sizeof(e), p->phdr, p->n_phdr * sizeof(p->phdr[0]));
}

uint8_t *make_elf(const struct make_file *f, size_t *ret_bytes)
{
	size_t code_bytes = f->code_bytes ? f->code_bytes : 0x1000;
	struct parts p = {.n_shdr = 1};
	uint64_t shoff;

	buf_init(&p.out, 64u << 20);
	memset(buf_reserve(&p.out, HEADERS_BYTES), 0, HEADERS_BYTES);
	p.out.len = HEADERS_BYTES;
	add_load(&p, PF_R | PF_X, MAKE_CODE_OFFSET, MAKE_CODE_ADDRESS, code_bytes);
	memset(buf_reserve(&p.out, code_bytes), 0, code_bytes);
	if (f->code)
		memcpy(p.out.data + p.out.len, f->code, code_bytes);
	p.out.len += code_bytes;
	if (f->eh_frame)
		add_eh_frame(&p, f);
	if (f->debug_frame && f->compressed)
		add_compressed(&p, f->debug_frame);
	else if (f->debug_frame)
		add_section(&p, 11, 0, 0, f->debug_frame->data, f->debug_frame->len);
	add_section(&p, 24, 0, 0, names, sizeof(names));
	p.shdr[p.n_shdr - 1].sh_type = SHT_STRTAB;
	while (p.out.len % 8)
		buf_add_u8(&p.out, 0);
	shoff = p.out.len;
	buf_add(&p.out, p.shdr, p.n_shdr * sizeof(p.shdr[0]));
	add_headers(&p, f, shoff);
	return buf_steal(&p.out, ret_bytes);
}

int make_table(const struct make_file *f, struct unwind_table *ret)
{
	size_t bytes;
	uint8_t *data = make_elf(f, &bytes);
	struct err err = {};
	int r = unwind_compile(&(struct unwind_input){.data = data, .bytes = bytes}, ret, &err);

	free(data);
	return r;
}

const struct unwind_rule *make_rule_at(const struct unwind_table *t, uint64_t address)
{
	return unwind_table_find(t, address - MAKE_CODE_ADDRESS + MAKE_CODE_OFFSET);
}
