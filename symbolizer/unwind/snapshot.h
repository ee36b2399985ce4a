/*
 * Copied stacks, unwound by libunwind: what a sample had in its registers and on its stack, over
 * the CFI of the files that it had mapped.
 *
 * Everything here is foreign: the stack is the word of whoever ran the process, the files are their
 * owners'. libunwind never sees a file: it is given one FDE at a time, rewritten from what cfi.h
 * read and checked, and each of its reads is bounded here and counted. Where there is no CFI, the
 * frame pointer is followed, by the kernel walk's own rules (bpf/unwind_step.h). Not thread-safe.
 */
#pragma once

#include "bpf/abi.h"
#include "profiler/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SNAPSHOT_REGISTERS_MAX 33 /* by DWARF number; arm64's stack pointer is the last but one */
#define SNAPSHOT_MAPPINGS_MAX  1024 /* executable ones; more are not known: 28 KB of a request */
#define SNAPSHOT_FILES_MAX     1024 /* of one walker */
#define SNAPSHOT_READS_MAX     (1u << 18) /* of one stack; 512 usual frames take 50,000 */

#define SNAPSHOT_FILE_NONE     0u /* code without a file, or whose file is not given */
#define SNAPSHOT_FILE_VDSO     UINT32_MAX /* this process's own, which is everybody's */

struct snapshot_mapping {
	uint64_t start, end; /* [start, end) */
	uint64_t offset; /* of start in the file */
	uint32_t file; /* the caller's number, or SNAPSHOT_FILE_* */
};

struct snapshot {
	uint64_t pc;
	bool pc_is_return; /* a system call was made there */
	uint32_t n_registers; /* of this machine: see snapshot_registers() */
	uint64_t registers[SNAPSHOT_REGISTERS_MAX];
	const uint8_t *stack; /* from the stack pointer on */
	uint32_t stack_bytes; /* at most ABI_STACK_BYTES_MAX */
	const struct snapshot_mapping *mappings; /* sorted, none overlaps */
	uint32_t n_mappings;
};

/* As a struct abi_frame has it: a return address is already one less, inside the call. */
struct snapshot_frame {
	uint64_t address;
	uint8_t flags; /* ABI_FRAME_RETURN, ABI_FRAME_BY_FP */
};

struct snapshot_walker;

int snapshot_walker_new(struct snapshot_walker **ret); /* 0 or -ENOMEM */
struct snapshot_walker *snapshot_walker_free(struct snapshot_walker *w);

/*
 * The file that mappings call number from now on; fd stays the caller's. Its CFI is read when an
 * address first lies in it. 0, -EEXIST, -ENOBUFS past SNAPSHOT_FILES_MAX, -ENOMEM, or -EBADMSG: not
 * an ELF file.
 */
int snapshot_walker_add(struct snapshot_walker *w, uint32_t number, int fd, struct err *err);
void snapshot_walker_forget(struct snapshot_walker *w, uint32_t number);

/*
 * The frames of s, leaf first, at most ABI_USER_FRAMES_MAX; how many. *ret_end says why there are
 * no more: enum abi_end.
 */
uint32_t snapshot_walk(struct snapshot_walker *w, const struct snapshot *s,
		       struct snapshot_frame ret[ABI_USER_FRAMES_MAX], unsigned int *ret_end);

/* How many registers a snapshot of this machine has. */
uint32_t snapshot_registers(void);
