/*
 * The part of the protocol that is about machine code: the web worker asks the collector, which
 * opens the file and asks a symbolizer worker of its own with the same words.
 *
 * CODE request: u64 from, u64 until, u8 length of the build id, build id, u16 length of a path,
 * path (absolute; to the symbolizer: empty, and the file's descriptor comes along). The answer has
 * the same type and id: to the end, u64 offset, u64 address, u8 bytes, u8 length of the text, text;
 * or it is a FAILED with that id.
 */
#pragma once

#include "profiler/base/buf.h"
#include "profiler/jail/protocol.h"
#include "web/code.h"

#define PROTOCOL_CODE_PATH_MAX	4095
#define PROTOCOL_CODE_TEXT_MAX	200
#define PROTOCOL_CODE_BYTES_MAX (8u << 20) /* of an answer */

struct protocol_code {
	uint64_t from, until;
	uint8_t build_id[PROTOCOL_BUILD_ID_MAX];
	size_t build_id_bytes;
	char path[PROTOCOL_CODE_PATH_MAX + 1];
};

/* Pure, as the bodies of protocol.h. */
void protocol_code_write(struct buf *b, const struct protocol_code *c);
int protocol_code_parse(const void *body, size_t len, struct protocol_code *ret);

void protocol_code_row(struct buf *b, uint64_t offset, uint64_t address, uint8_t bytes,
		       const char *text);
/* Offsets that do not grow and empty rows are -EBADMSG; texts are made printable. */
int protocol_code_rows_parse(const void *body, size_t len, struct web_code *ret);
