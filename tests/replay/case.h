/*
 * A case: one stopped thread, as far as a walk of its stack can see it. Registers, pieces of its
 * memory, its executable mappings; for made cases also the tables of their files and what the walk
 * must find. The text that holds a case has one fact a line:
 *
 *	regs NAME=VALUE ...			of struct arch_regs; those not named are 0
 *	syscall					the registers are those of a system call
 *	no-mappings				of a kernel that lets no mappings be read
 *	map START END OFFSET KIND OBJECT	KIND: file, vdso, anon, torn (being changed)
 *	memory ADDRESS WORD ...
 *	table OBJECT				its rows follow; a file without one is not loaded
 *	row OFFSET KIND [BASE CFA RA RA_OFFSET FP FP_OFFSET]
 *	end REASON				of ABI_END_LIST
 *	frame OBJECT+OFFSET [by-fp] [return] [no-table]
 *
 * `#` begins a comment. KIND of a row and the places RA and FP have the names of unwind_table.h.
 * Where a case has no tables, objects are paths of files to compile.
 */
#pragma once

#include "bpf/abi.h"
#include "bpf/registers.h"
#include "bpf/unwind_table.h"
#include "profiler/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define REPLAY_NAME_BYTES  512
#define REPLAY_PIECE_BYTES 4096
#define REPLAY_FRAMES_MAX  ABI_USER_FRAMES_MAX

/* Of the process's memory; neighbours are one piece. */
struct replay_memory {
	uint64_t address;
	size_t bytes;
	uint8_t *data;
};

struct replay_mapping {
	uint64_t start, end, offset;
	uint32_t kind; /* enum abi_object_kind; ABI_OBJECT_NONE: being changed */
	char object[REPLAY_NAME_BYTES];
};

struct replay_row {
	uint32_t offset;
	struct unwind_rule rule;
};

struct replay_table {
	char object[REPLAY_NAME_BYTES];
	struct replay_row *rows;
	size_t n, cap;
};

struct replay_expected {
	char object[REPLAY_NAME_BYTES];
	uint64_t offset;
	uint32_t flags;
};

struct replay_case {
	struct arch_regs regs;
	bool in_syscall, no_mappings;
	struct replay_memory *memory; /* sorted by address */
	size_t n_memory, cap_memory;
	struct replay_mapping *mapping;
	size_t n_mappings, cap_mappings;
	struct replay_table *table;
	size_t n_tables, cap_tables;
	int end; /* enum abi_end; -1: nothing is expected */
	struct replay_expected *frame;
	size_t n_frames, cap_frames;
};

void replay_case_init(struct replay_case *c);
void replay_case_done(struct replay_case *c);

/* Bytes at address from the case's memory; -EFAULT where it has not all of them. */
int replay_case_read(const struct replay_case *c, void *to, size_t bytes, uint64_t address);
const struct replay_mapping *replay_case_mapping(const struct replay_case *c, uint64_t address);

/* A piece that overlaps no other; 0 or -ENOMEM. */
int replay_case_add_memory(struct replay_case *c, uint64_t address, const void *data, size_t bytes);
int replay_case_add_mapping(struct replay_case *c, const struct replay_mapping *m);

/* From and to text. parse: 0, -ENOMEM, or -EINVAL with the line in err; c is done in any case. */
int replay_case_parse(FILE *f, struct replay_case *c, struct err *err);
void replay_case_write(const struct replay_case *c, FILE *f);
void replay_case_write_expected(const struct replay_case *c, FILE *f); /* its end and frames */

const char *replay_end_name(int end); /* "no-frame-pointer" */
