/*
 * The part of the protocol that is about copied stacks: registers, stack and mappings to the
 * symbolizer worker, the addresses of the frames back.
 *
 * SNAPSHOT_FILE, with a file's descriptor: u32 number, by which mappings name it from then on
 * until a FORGET. No answer. SNAPSHOT request: u64 pc, u8 whether that is a return address, u8 n
 * and n times u64 register, u32 n and n times u64 start, end, offset, u32 file of an executable
 * mapping (see struct snapshot_mapping), u32 n and n bytes of stack. The answer has the same type
 * and id: u8 enum abi_end, u16 n and n times u64 address, u8 flags, leaf first.
 */
#pragma once

#include "profiler/base/buf.h"
#include "symbolizer/unwind/snapshot.h"

#include <stddef.h>
#include <stdint.h>

/* A request that was parsed: mappings are ours, the stack is the message's. */
struct protocol_snapshot {
	struct snapshot snapshot;
	struct snapshot_mapping *mappings;
};

struct protocol_snapshot_answer {
	unsigned int end; /* enum abi_end */
	uint32_t n;
	struct snapshot_frame frames[ABI_USER_FRAMES_MAX];
};

/*
 * Pure, as the bodies of protocol.h: whole bodies; parse gives 0, -EBADMSG or -ENOMEM, and leaves
 * *ret untouched on failure. What parses has sorted mappings, none of which overlap, this machine's
 * registers, a known end and known flags.
 */
void protocol_snapshot_write(struct buf *b, const struct snapshot *s);
int protocol_snapshot_parse(const void *body, size_t len, struct protocol_snapshot *ret);
void protocol_snapshot_done(struct protocol_snapshot *q);

void protocol_snapshot_answer_write(struct buf *b, const struct protocol_snapshot_answer *a);
int protocol_snapshot_answer_parse(const void *body, size_t len,
				   struct protocol_snapshot_answer *ret);
