/*
 * The part of the protocol that is about unwind tables: an ELF file's descriptor to the symbolizer
 * worker, its table back.
 *
 * TABLE request, with the file's descriptor, or without one for the vdso: u32 bits of enum
 * protocol_table_ask. The answer has the same type and id: u64 nanoseconds of the compiler's; u8
 * length of the file's build id, build id; u8 judged, and then, where that is 1, of the verdict:
 * u64 compared, refused, entry, derived, mismatches, u64 unsaid of each kind, u32 n, and n times
 * u64 address, u16 length, sentence; then the bytes of the table's cache to the end. Or it is a
 * FAILED with that id.
 */
#pragma once

#include "profiler/base/buf.h"
#include "profiler/jail/protocol.h"
#include "symbolizer/unwind/unwind.h"
#include "symbolizer/unwind/verify.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum protocol_table_ask {
	PROTOCOL_TABLE_VERIFY = 1, /* ask libdw as well */
	PROTOCOL_TABLE_DEBUG = 2, /* read its separate debug file too: WANTs will come */
};

struct protocol_table {
	uint64_t compile_ns;
	uint8_t build_id[PROTOCOL_BUILD_ID_MAX];
	uint8_t build_id_bytes; /* 0: it has none */
	bool judged;
	struct unwind_verdict verdict;
	struct unwind_table table;
};

/* Pure, as the bodies of protocol.h. write: b's sticky error. */
int protocol_table_write(struct buf *b, const struct protocol_table *t);
/*
 * A whole body; 0, -EBADMSG, or -ENOMEM. The table is as unwind_table_parse() takes it, texts are
 * printable. *ret is untouched on failure.
 */
int protocol_table_parse(const void *body, size_t len, struct protocol_table *ret);
void protocol_table_done(struct protocol_table *t);
