/*
 * Whether the kernel has a type or a function: a look at the names of its own type information
 * (BTF; Documentation/bpf/btf.rst of Linux), which libbpf takes ten times as long to index.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KERNEL_TYPES_PATH "/sys/kernel/btf/vmlinux"

struct kernel_type {
	const char *name;
	uint32_t kind; /* BTF_KIND_STRUCT and the like */
	bool found;
};

/*
 * Mark those of wanted[n] that the kernel of this path has. 0; -EBADMSG: it is no BTF, or has kinds
 * that are not known here; or another negative errno. Then wanted is as it was.
 */
int kernel_types_find(const char *path, struct kernel_type *wanted, size_t n);

/* The same of the bytes of such a file. Pure. */
int kernel_types_parse(const void *data, size_t bytes, struct kernel_type *wanted, size_t n);
