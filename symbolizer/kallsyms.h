/*
 * /proc/kallsyms and /proc/modules, parsed: pure text in, ranges and names out.
 *
 * The collector uses struct kernel_layout to turn run-time kernel addresses into (object,
 * offset), which is all that ever leaves Hearth; the symbolizer uses struct kallsyms for names.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KERNEL_NAME_BYTES 192

enum kernel_range_kind {
	KERNEL_RANGE_CORE, /* offsets from _text */
	KERNEL_RANGE_MODULE, /* offsets from the module's load address */
	KERNEL_RANGE_BPF, /* one program each; offsets from its first instruction */
};

struct kernel_range {
	uint64_t start; /* [start, end) of run-time addresses */
	uint64_t end;
	enum kernel_range_kind kind;
	char name
		[KERNEL_NAME_BYTES]; /* "" for the core, "ext4", "bpf_prog_6deef7357e7b4530_name" */
};

struct kernel_layout {
	struct kernel_range *ranges; /* sorted by start, none overlaps */
	size_t n;
	bool hidden; /* addresses read as zero: kptr_restrict, or no CAP_SYSLOG */
};

/*
 * Read the layout. kallsyms gives the core (_text, _etext, and .init/.exit leftovers up to _end)
 * and BPF programs; modules (may be NULL: none) the text of /proc/modules. A BPF program ends
 * where the next symbol begins, or at the end of its page. Streaming: kallsyms may be large. 0,
 * -EBADMSG, -ENOMEM, or errno of reading.
 */
int kernel_layout_read(int kallsyms_fd, int modules_fd, struct kernel_layout *ret);
void kernel_layout_done(struct kernel_layout *l);

/* The range that holds address, or NULL. */
const struct kernel_range *kernel_layout_find(const struct kernel_layout *l, uint64_t address);

/* One line of kallsyms; name and module point into it and are not NUL-terminated. */
struct kallsyms_line {
	uint64_t address;
	char type; /* as nm has it: T, t, d, ... */
	const char *name;
	size_t name_len;
	const char *module; /* NULL for the core; "bpf" for BPF programs */
	size_t module_len;
};

/* Longer lines are corrupt: KSYM_NAME_LEN is 512, a module's name 56. */
#define KALLSYMS_LINE_BYTES 1024

/* One line without its newline. 0, or -EBADMSG with *ret untouched. Pure. */
int kallsyms_parse_line(const char *line, size_t len, struct kallsyms_line *ret);

/*
 * Call take for each line of fd, from where it stands to its end. 0, -EBADMSG, errno of reading,
 * or what take returned below 0, which ends the reading.
 */
typedef int (*kallsyms_take)(void *context, const struct kallsyms_line *line);
int kallsyms_each(int fd, kallsyms_take take, void *context);
