/*
 * The part of the protocol that is about run-time compiled code: a process's perf map and jitdump
 * as descriptors to the symbolizer worker, names of addresses back.
 *
 * JIT request: u32 serial of the process (as of objects: the worker remembers it while it lives),
 * u8 bits of enum protocol_jit_bit, u8 and u16 zero, u32 n, and n times u64 address, u64 moment
 * (CLOCK_MONOTONIC). Descriptors of the files that the bits name come along, the map first. Answer,
 * of the same type and id: u8 1 where the files are not read to their end, and then nothing is
 * known yet, ask again; for map and dump u16 length and sentence, length 0: nothing is wrong; u32
 * places, each a name and a file, both u16 length and bytes, length 0: no file, and u32 line; u32 n
 * as asked, or 0; n times u32, which place: 0 none, else counted from 1. A FORGET of the serial
 * forgets the process.
 */
#pragma once

#include "profiler/base/buf.h"
#include "profiler/jail/protocol.h"
#include "symbolizer/source_jit.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROTOCOL_JIT_QUESTIONS_MAX 8192 /* of one request */

enum protocol_jit_bit {
	PROTOCOL_JIT_MAP = 1,
	PROTOCOL_JIT_DUMP = 2,
	PROTOCOL_JIT_LAST = 4, /* the process has ended */
};

struct protocol_jit_question {
	uint64_t address, time_ns;
};

struct protocol_jit_request {
	uint32_t serial;
	unsigned int bits;
	uint32_t n;
	struct protocol_jit_question *questions; /* read: heap */
};

struct protocol_jit_answer {
	bool behind;
	char sentence[SOURCE_JIT_KINDS][PROTOCOL_SENTENCE_MAX + 1]; /* "": good; printable */
	uint32_t n_places, n;
	struct jit_place *places;
	uint32_t *which; /* of each question; 0: none */
	char *strings; /* what places point into */
};

/*
 * Pure, as the bodies of protocol.h. Writers: b's sticky error. Readers: a whole body, 0, -EBADMSG
 * or -ENOMEM, *ret untouched on failure; what they gave is given back by the *_done().
 */
void protocol_jit_request_write(struct buf *b, const struct protocol_jit_request *r);
int protocol_jit_request_parse(const void *body, size_t len, struct protocol_jit_request *ret);
void protocol_jit_request_done(struct protocol_jit_request *r);

void protocol_jit_answer_write(struct buf *b, const struct protocol_jit_answer *a);
/* asked: how many questions the request had. */
int protocol_jit_answer_parse(const void *body, size_t len, uint32_t asked,
			      struct protocol_jit_answer *ret);
void protocol_jit_answer_done(struct protocol_jit_answer *a);
