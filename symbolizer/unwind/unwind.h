/*
 * The unwind-table compiler: CFI of an ELF file in, rows of four bytes out.
 *
 * A pure pipeline: cfi (.eh_frame, .debug_frame) -> rules -> rows -> reduced -> pages, and where
 * code has no CFI, rules from its instructions. It knows
 * neither BPF calls nor /proc. Everything it reads is foreign: hostile input costs -EBADMSG or an
 * explicit row, bounded time (linear in the section) and bounded memory.
 */
#pragma once

#include "bpf/unwind_table.h"
#include "profiler/base/buf.h"
#include "profiler/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* CFI of one file: 1.5 s of work at most. Of libLLVM, 110 MB, it is 5 MB. */
#define UNWIND_CFI_BYTES_MAX (256u << 20)
#define UNWIND_ROWS_MAX	     (16u << 20) /* of one file: 64 MB of rows */
#define UNWIND_PAGES_MAX     65536 /* 4 GB of executable file */

/* One page of the file that holds code; pages without rows are not there. */
struct unwind_page {
	uint32_t number; /* offset in file >> UNWIND_PAGE_BITS */
	uint32_t first_row; /* into rows: [first_row, first_row + n_rows) */
	uint32_t n_rows;
};

/* Where a table's rows come from, or why there are none. X(name, short name, sentence). */
#define UNWIND_SOURCE_LIST(X)                                                      \
	X(NONE, "none", "the file has no CFI")                                     \
	X(RELOCATABLE, "relocatable", "a relocatable object has no addresses yet") \
	X(MACHINE, "machine", "a file for a machine that is not unwound")          \
	X(EH_FRAME, "eh_frame", ".eh_frame")                                       \
	X(DEBUG_FRAME, "debug_frame", ".debug_frame")                              \
	X(BOTH, "both", ".eh_frame, and .debug_frame where that has nothing")

enum unwind_source {
#define UNWIND_SOURCE_ENUM(name, shortname, sentence) UNWIND_SOURCE_##name,
	UNWIND_SOURCE_LIST(UNWIND_SOURCE_ENUM)
#undef UNWIND_SOURCE_ENUM
		UNWIND_SOURCE_COUNT
};

struct unwind_table {
	struct unwind_rule *rules; /* the file's own dictionary; [0] is the hole */
	uint32_t n_rules;
	struct unwind_row *rows;
	uint32_t n_rows;
	struct unwind_page *pages; /* sorted by number */
	uint32_t n_pages;
	/* what was read and what could not be said, for status and `hearth unwind-table` */
	uint32_t n_fdes, n_cfi_rows; /* before reduction */
	uint32_t n_derived; /* rows of code without CFI, from its instructions */
	uint32_t n_bad; /* entries of CFI that are corrupt: holes, where nothing else covers them */
	uint32_t
		/* FDEs of which others covered some or all before: the first one counts */
		n_overlaps;
	uint32_t kinds[UNWIND_KIND_COUNT]; /* rows by kind */
	uint16_t machine; /* EM_X86_64 or EM_AARCH64: whose registers the rules name */
	enum unwind_source source;
};

struct disassembler;

/* The whole file, mapped or read; not changed. */
struct unwind_input {
	const uint8_t *data;
	size_t bytes;
	/* A separate debug file of it, whose .debug_frame is read as well; NULL: there is none. */
	const uint8_t *debug;
	size_t debug_bytes;
	/* For rules of code without CFI (derive.h); NULL: it is a hole. */
	const struct disassembler *disassembler;
};

/*
 * Compile. 0 also for a file without CFI (n_rows 0, the reason in source). -EBADMSG: no ELF file,
 * or CFI of which nothing can be used; -E2BIG: past a maximum; -ENOMEM. ret is untouched on
 * failure.
 */
int unwind_compile(const struct unwind_input *in, struct unwind_table *ret, struct err *err);
void unwind_table_done(struct unwind_table *t); /* a zeroed one is allowed */

/* The rule that holds at a position in the file; NULL in a hole. */
const struct unwind_rule *unwind_table_find(const struct unwind_table *t, uint64_t offset);

const char *unwind_kind_name(enum unwind_kind kind); /* "cfa-deref" */
const char *unwind_source_sentence(enum unwind_source source);
const char *unwind_source_name(enum unwind_source source);

/*
 * To and from the bytes of the cache on disk (cache.c has the format). write: 0 or out's sticky
 * error. parse: 0, -ENOMEM, or -EBADMSG for bytes of another version, cut, changed or inconsistent;
 * *ret is untouched on failure. What parse accepts is safe to walk.
 */
int unwind_table_write(const struct unwind_table *t, struct buf *out);
int unwind_table_parse(const void *data, size_t bytes, struct unwind_table *ret);
