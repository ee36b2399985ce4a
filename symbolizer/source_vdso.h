/* The vdso: an ELF image which the kernel maps into every process, the same in all. */
#pragma once

#include "symbolizer/module.h"

/* A copy of this process's own. -ENOENT: it has none. */
int vdso_open(struct elf_image *image, struct err *err);
