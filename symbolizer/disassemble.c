/* Machine code as text; see disassemble.h. */
#include "symbolizer/disassemble.h"
#include "symbolizer/capstone_library.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int open_engine(const struct disassembler *d, uint16_t machine, csh *ret)
{
	cs_err e;

	switch (machine) {
	case EM_X86_64:
		e = d->open(CS_ARCH_X86, CS_MODE_64, ret);
		break;
	case EM_386:
		e = d->open(CS_ARCH_X86, CS_MODE_32, ret);
		break;
	case EM_AARCH64:
		return d->open(CS_ARCH_ARM64, CS_MODE_ARM, ret) == CS_ERR_OK ? 0 : -ENOMEM;
	default:
		return -ENOTSUP;
	}
	if (e == CS_ERR_OK)
		d->option(*ret, CS_OPT_SYNTAX, CS_OPT_SYNTAX_ATT);
	return e == CS_ERR_OK ? 0 : -ENOMEM;
}

static int walk(const struct disassembler *d, csh engine, cs_insn *insn, const uint8_t *code,
		size_t bytes, uint64_t address, disassemble_row row, void *ctx)
{
	int r = 0;

	while (r == 0 && d->disasm_iter(engine, &code, &bytes, &address, insn)) {
		char text[DISASSEMBLE_TEXT_MAX];

		snprintf(text, sizeof(text), "%s%s%s", insn->mnemonic, insn->op_str[0] ? " " : "",
			 insn->op_str);
		r = row(ctx, insn->address, insn->size, text);
	}
	return r;
}

int disassemble(const struct disassembler *d, uint16_t machine, const uint8_t *code, size_t bytes,
		uint64_t address, disassemble_row row, void *ctx, struct err *err)
{
	cs_insn *insn;
	csh engine;
	int r = open_engine(d, machine, &engine);

	if (r == -ENOTSUP)
		return err_set(err, r, "code for machine %u is not disassembled", machine);
	if (r < 0)
		return err_set(err, r, "no memory to disassemble");
	d->option(engine, CS_OPT_SKIPDATA, CS_OPT_ON);
	insn = d->malloc(engine);
	if (insn) {
		r = walk(d, engine, insn, code,
			 bytes < DISASSEMBLE_BYTES_MAX ? bytes : DISASSEMBLE_BYTES_MAX, address,
			 row, ctx);
		d->free(insn, 1);
	} else {
		r = err_set(err, -ENOMEM, "no memory to disassemble");
	}
	d->close(&engine);
	return r;
}

/* ---- functions ---- */

struct range {
	uint64_t start, end;
};

static void read_symbol(const struct elf_image *image, const uint8_t *at, uint8_t *ret_type,
			struct range *ret)
{
	if (image->is_64) {
		Elf64_Sym s;

		memcpy(&s, at, sizeof(s));
		*ret_type = ELF64_ST_TYPE(s.st_info);
		*ret = (struct range){s.st_value, s.st_value + s.st_size};
	} else {
		Elf32_Sym s;

		memcpy(&s, at, sizeof(s));
		*ret_type = ELF32_ST_TYPE(s.st_info);
		*ret = (struct range){s.st_value, (uint64_t)s.st_value + s.st_size};
	}
}

static bool find_in(const struct elf_image *image, const char *section, uint64_t address,
		    struct range *ret)
{
	struct span table = elf_image_bytes(image, elf_image_section(image, section));
	size_t entry = image->is_64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);

	for (size_t i = 0; i + entry <= table.size; i += entry) {
		struct range r;
		uint8_t type;

		read_symbol(image, table.data + i, &type, &r);
		if ((type == STT_FUNC || type == STT_GNU_IFUNC) && r.start <= address &&
		    address < r.end) {
			*ret = r;
			return true;
		}
	}
	return false;
}

bool disassemble_function(const struct elf_image *image, uint64_t address, uint64_t *ret_start,
			  uint64_t *ret_end)
{
	struct range r;

	if (!find_in(image, ".symtab", address, &r) && !find_in(image, ".dynsym", address, &r))
		return false;
	*ret_start = r.start;
	*ret_end = r.end;
	return true;
}
