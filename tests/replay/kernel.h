/*
 * What user space gives the kernel for the walk, in plain memory: the dictionary, the chunks of the
 * pool, and what is told of each object. Filled by the very code that fills the real maps
 * (profiler/collector/tables.c) from tables of the real compiler.
 */
#pragma once

#include "bpf/abi.h"
#include "profiler/collector/tables.h"
#include "tests/replay/case.h"

#include <stddef.h>
#include <stdint.h>

struct replay_object {
	char name[REPLAY_NAME_BYTES];
	struct abi_object_info info; /* as told; pages_at 0: no table yet */
};

struct replay_kernel {
	struct unwind_dictionary *dictionary;
	struct unwind_chunk *chunk[UNWIND_CHUNKS_MAX];
	struct tables *tables;
	struct replay_object *object; /* [0] is not used */
	uint32_t n, cap;
};

int replay_kernel_init(struct replay_kernel *k); /* 0 or -ENOMEM */
void replay_kernel_done(struct replay_kernel *k);

/* The object of that name, or 0; add it without a table. */
uint32_t replay_kernel_find(const struct replay_kernel *k, const char *name);
uint32_t replay_kernel_add(struct replay_kernel *k, const char *name);

/* Its table; what tables_add() says. */
int replay_kernel_load(struct replay_kernel *k, uint32_t number, const struct unwind_table *t);
/* The table of an ELF file's bytes; where it cannot be compiled it has none. */
int replay_kernel_load_elf(struct replay_kernel *k, uint32_t number, const void *data,
			   size_t bytes);

/* All objects and tables of a case that brings its own. */
int replay_kernel_load_case(struct replay_kernel *k, const struct replay_case *c);
