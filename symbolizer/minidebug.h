/*
 * MiniDebugInfo: an ELF file of little more than a symbol table, compressed with xz in the section
 * .gnu_debugdata. It names the functions that are not exported, where everything else was stripped.
 */
#pragma once

#include "symbolizer/module.h"

/* What it may grow to: Fedora's largest are under 8 MB. */
#define MINIDEBUG_BYTES_MAX (32u << 20)

/*
 * The decompressed bytes of the section, which the caller frees. Pure. -EBADMSG: not xz, corrupt or
 * cut; -EFBIG: more than bytes_max, or a dictionary larger than that; -ENOMEM.
 */
int minidebug_inflate(struct span section, size_t bytes_max, uint8_t **ret, size_t *ret_size);
