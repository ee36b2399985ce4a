/*
 * The part of the protocol that is about imports: a file's descriptor to the symbolizer worker, its
 * samples back, in batches.
 *
 * IMPORT request, with the file's descriptor: u32 enum import_format + 1, u64 ms for samples
 * without a time, u16 length and name of the import. Answers, with the same type and id: batches.
 * u8 fresh (1: tables begin anew); u64 nanoseconds of a sample; then, each after a varint of how
 * many, all varints: strings (length, bytes), functions (name, system name, file, first line),
 * locations (enum profile_frame_kind, lines, and for each function, line, column; or
 * PROTOCOL_IMPORT_INCOMPLETE and the string of the reason), stacks (how far back the parent is,
 * location), label sets (bits of enum profile_label, a value for each, n others, and n times key,
 * value), and samples (zigzag ms since the one before, stack, labels, count). Numbers go on from
 * batch to batch; string 0 and stack 0 are the empty ones. Then an IMPORTED: four u64, struct
 * import_counts. Or a FAILED.
 */
#pragma once

#include "profiler/base/buf.h"
#include "profiler/base/err.h"
#include "storage/profile.h"
#include "web/import/import.h"

#define PROTOCOL_IMPORT_INCOMPLETE PROFILE_FRAME_COUNT
#define PROTOCOL_IMPORT_NAME_MAX   255 /* bytes of an import's name */

struct protocol_import_request {
	enum import_format format;
	uint64_t at_ms;
	char name[PROTOCOL_IMPORT_NAME_MAX + 1];
};

/* Pure, as the bodies of protocol.h. */
void protocol_import_request_write(struct buf *b, const struct protocol_import_request *r);
int protocol_import_request_parse(const void *body, size_t len,
				  struct protocol_import_request *ret);

/* write: b's sticky error. */
int protocol_import_batch_write(struct buf *b, const struct import_batch *batch);

/* What the receiver decides, whatever a batch says. */
struct protocol_import_rules {
	uint32_t domain; /* of the objects: whose word the names are */
	uint64_t identity; /* theirs: no other file's may be equal */
	const char *name; /* every label set must have it as IMPORT_LABEL */
};

/* Whether the next apply must have an empty profile. -EBADMSG. */
int protocol_import_batch_is_fresh(const void *body, size_t len);
/*
 * A whole body into `into`: the profile of the batches before it, with its samples cleared.
 * 0, -EBADMSG or -ENOMEM; after a failure `into` is good for nothing but profile_free().
 */
int protocol_import_batch_apply(const void *body, size_t len,
				const struct protocol_import_rules *rules, struct profile *into);

void protocol_import_counts_write(struct buf *b, const struct import_counts *c);
int protocol_import_counts_parse(const void *body, size_t len, struct import_counts *ret);
