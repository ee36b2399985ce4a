/* Opens, copies and looks into the test programs; fixture.h is the contract. */
#include "tests/unit/symbolizer/fixture.h"

#include <fcntl.h>
#include <gelf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

int fixture_open(const char *name)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", PROGRAMS, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail_msg("%s is not there", path);
	return fd;
}

int fixture_copy(const char *name)
{
	int from = fixture_open(name), to = memfd_create(name, MFD_CLOEXEC);
	struct stat st;
	off_t at = 0;

	assert_true(to >= 0 && fstat(from, &st) == 0);
	while (at < st.st_size)
		assert_true(sendfile(to, from, &at, (size_t)(st.st_size - at)) > 0);
	close(from);
	return to;
}

int fixture_bytes(const void *data, size_t len)
{
	int fd = memfd_create("bytes", MFD_CLOEXEC);

	assert_true(fd >= 0 && write(fd, data, len) == (ssize_t)len);
	return fd;
}

static bool find_in(Elf *elf, Elf_Scn *scn, const char *symbol, GElf_Sym *ret)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	GElf_Shdr shdr;

	gelf_getshdr(scn, &shdr);
	for (int i = 0; data && gelf_getsym(data, i, ret); i++) {
		const char *name = elf_strptr(elf, shdr.sh_link, ret->st_name);

		if (name && strcmp(name, symbol) == 0 && ret->st_shndx != SHN_UNDEF)
			return true;
	}
	return false;
}

uint64_t fixture_symbol(const char *name, const char *symbol, uint64_t *ret_size)
{
	int fd = fixture_open(name);
	Elf *elf = (elf_version(EV_CURRENT), elf_begin(fd, ELF_C_READ, NULL));
	bool found = false;
	GElf_Sym sym;
	GElf_Shdr shdr;

	assert_non_null(elf);
	for (Elf_Scn *scn = elf_nextscn(elf, NULL); scn && !found; scn = elf_nextscn(elf, scn))
		if (gelf_getshdr(scn, &shdr) && shdr.sh_type == SHT_SYMTAB)
			found = find_in(elf, scn, symbol, &sym);
	elf_end(elf);
	close(fd);
	if (!found)
		fail_msg("%s has no symbol %s", name, symbol);
	if (ret_size)
		*ret_size = sym.st_size;
	return sym.st_value;
}

const char *fixture_source_line(const char *path, unsigned int line)
{
	static char text[512];
	FILE *f = path ? fopen(path, "re") : NULL;

	text[0] = '\0';
	for (unsigned int i = 0; f && i < line; i++)
		if (!fgets(text, sizeof(text), f))
			text[0] = '\0';
	if (f)
		fclose(f);
	return line ? text : "";
}
