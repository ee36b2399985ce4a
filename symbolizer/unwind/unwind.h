/*
 * The unwind-table compiler: CFI of an ELF file in, rows of four bytes out.
 *
 * A pure pipeline: cfi (.eh_frame, .debug_frame) -> rules -> rows -> reduced -> pages. It knows
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

#define UNWIND_ROWS_MAX	 (16u << 20) /* of one file: 64 MB of rows */
#define UNWIND_PAGES_MAX 65536 /* 4 GB of executable file */

/* One page of the file that holds code; pages without rows are not there. */
struct unwind_page {
	uint32_t number; /* offset in file >> UNWIND_PAGE_BITS */
	uint32_t first_row; /* into rows: [first_row, first_row + n_rows) */
	uint32_t n_rows;
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
	uint32_t kinds[UNWIND_KIND_COUNT]; /* rows by kind */
	bool from_debug_frame;
};

/* The whole file, mapped or read; not changed. */
struct unwind_input {
	const uint8_t *data;
	size_t bytes;
};

/*
 * Compile. 0 also for a file without CFI (n_rows 0). -EBADMSG: no ELF file, or CFI that is corrupt
 * past use; -E2BIG: past a maximum; -ENOMEM. ret is untouched on failure.
 */
int unwind_compile(const struct unwind_input *in, struct unwind_table *ret, struct err *err);
void unwind_table_done(struct unwind_table *t);

/* The rule that holds at a position in the file; NULL in a hole. */
const struct unwind_rule *unwind_table_find(const struct unwind_table *t, uint64_t offset);

/* To and from the bytes of the cache on disk: magic, version, caps, checksum; -EBADMSG otherwise. */
int unwind_table_write(const struct unwind_table *t, struct buf *out);
int unwind_table_parse(const void *data, size_t bytes, struct unwind_table *ret);
