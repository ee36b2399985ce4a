/*
 * The auxiliary vector says where the vdso begins, not how long it is: its own headers do. They
 * are the kernel's, so they are believed.
 */
#include "symbolizer/source_vdso.h"

#include <elf.h>
#include <errno.h>
#include <stdint.h>
#include <sys/auxv.h>

#define VDSO_BYTES_MAX (1u << 20)

#if __SIZEOF_POINTER__ == 8
typedef Elf64_Ehdr vdso_ehdr;
typedef Elf64_Phdr vdso_phdr;
#else
typedef Elf32_Ehdr vdso_ehdr;
typedef Elf32_Phdr vdso_phdr;
#endif

static uint64_t image_bytes(const vdso_ehdr *ehdr)
{
	const vdso_phdr *phdr = (const vdso_phdr *)((const uint8_t *)ehdr + ehdr->e_phoff);
	uint64_t end = ehdr->e_shoff + (uint64_t)ehdr->e_shnum * ehdr->e_shentsize;

	for (unsigned int i = 0; i < ehdr->e_phnum; i++)
		if (phdr[i].p_offset + phdr[i].p_filesz > end)
			end = phdr[i].p_offset + phdr[i].p_filesz;
	return end;
}

int vdso_open(struct elf_image *image, struct err *err)
{
	const vdso_ehdr *ehdr = (const vdso_ehdr *)getauxval(AT_SYSINFO_EHDR);
	uint64_t bytes;

	if (!ehdr)
		return err_set(err, -ENOENT, "this kernel gives processes no vdso");
	bytes = image_bytes(ehdr);
	if (bytes > VDSO_BYTES_MAX)
		return err_set(err, -EBADMSG, "a vdso of %llu bytes", (unsigned long long)bytes);
	return elf_image_copy(image, ehdr, bytes, err);
}
