/*
 * The part of the protocol that is about other files: what a worker, while it answers, asks the
 * collector to open.
 *
 * WANT, worker to collector, with the id of the request that it is busy with, a NAME of a FILE or a
 * TABLE: u8 enum sym_want_kind, u8 skip, u64 bytes, u8 length of a build id, build id, u16 length
 * of a name, name. The collector answers with FILE of the same id, u8 1 and the descriptor, or u8 0
 * and none. At most PROTOCOL_WANTS_MAX a request.
 */
#pragma once

#include "profiler/base/buf.h"
#include "symbolizer/symbolizer.h"

#define PROTOCOL_WANT_NAME_MAX 4095
#define PROTOCOL_WANTS_MAX     1024

struct protocol_want {
	enum sym_want_kind kind;
	unsigned int skip; /* less than SYM_WANT_SKIP_MAX */
	uint64_t bytes; /* at most SYM_ROOM_BYTES_MAX */
	uint8_t build_id[SYM_BUILD_ID_MAX];
	size_t build_id_bytes;
	char name[PROTOCOL_WANT_NAME_MAX + 1]; /* "": none */
};

/* -ENAMETOOLONG, or b's sticky error. */
int protocol_want_write(struct buf *b, const struct sym_want *want);
/* Pure, a whole body. 0 or -EBADMSG; *ret is untouched on failure. */
int protocol_want_parse(const void *body, size_t len, struct protocol_want *ret);
