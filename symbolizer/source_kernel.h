/*
 * Names of the kernel from /proc/kallsyms: the core image, loaded modules and BPF programs, kept
 * as sorted tables for as long as the symbolizer lives. It has names only: no files, no lines.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct kernel_symbol {
	uint32_t at; /* from its owner's base */
	uint32_t name; /* offset in text */
};

/* The core, or a module. */
struct kernel_owner {
	uint64_t base; /* of its first code */
	uint32_t name; /* offset in text */
	uint32_t first, n; /* its symbols */
};

struct kernel_names {
	struct kernel_symbol *symbols; /* code only, by owner and place, one for each place */
	char *text; /* NUL-terminated names, those of owners as well */
	size_t text_bytes;
	struct kernel_owner *owners; /* 0 the core, then modules by their first symbol */
	size_t n_owners;
	uint64_t base; /* _text */
	uint64_t end; /* of the core's code */
};

/*
 * Read all of kallsyms_fd. -EPERM: addresses are hidden (kptr_restrict), -EBADMSG: not kallsyms,
 * or no _text; -EFBIG, -ENOMEM, errno of reading.
 */
int kernel_names_read(int kallsyms_fd, struct kernel_names *ret);
void kernel_names_done(struct kernel_names *k);

/* The owner of that name, or -ENOENT. "" is the core. */
int kernel_names_owner(const struct kernel_names *k, const char *name, uint32_t *ret_owner);

/*
 * The name of the code at an address of that owner, or NULL. A symbol reaches to the next one, of
 * any kind.
 */
const char *kernel_names_find(const struct kernel_names *k, uint32_t owner, uint64_t address);
