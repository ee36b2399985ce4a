/*
 * What the collector and the symbolizer worker say to each other, over profiler/base/wire.h.
 *
 * The collector asks, the worker answers in order, each answer with its request's id. The worker may have been taken over by a
 * file it parsed: the collector checks every count and length, and ends a worker that says something else.
 *
 * NAME request: u32 object (a number of the collector's, remembered by the worker while it lives), u8 kind
 * (enum protocol_object), u8 with_fd, u16 reserved, then for MODULE: u64 base, u8 name length, name; then u32 n and n times u64 offset.
 * A descriptor comes along when with_fd is 1, which it is at the first mention of a FILE or the KERNEL.
 * NAME answer: i32 error of the whole object (0, or negative errno; then u16 length, sentence, and nothing more), u8 build id length,
 * build id, u32 n, and for each offset u16 lines, and for each line five fields: function, system name, file (u16 length
 * and bytes each; length 0: unknown), u32 line, u32 column. Innermost first.
 * FORGET request: u32 object. No answer.
 */
#pragma once

#include <stdint.h>

#define PROTOCOL_OFFSETS_MAX 512 /* of one request */
#define PROTOCOL_LINES_MAX   64 /* of one offset */

enum protocol_message {
	PROTOCOL_HELLO = 1, /* worker, once, when its jail is closed: u32 bits of enum protocol_jail */
	PROTOCOL_NAME = 2,
	PROTOCOL_FORGET = 3,
	PROTOCOL_LIVE = 4, /* web to collector: u32 enum web_live; answered with the text */
	PROTOCOL_READY = 5, /* web, once: the address text; or PROTOCOL_FAILED */
	PROTOCOL_FAILED = 6, /* i32 errno, then the sentence */
};

enum protocol_object {
	PROTOCOL_OBJECT_FILE = 1,
	PROTOCOL_OBJECT_VDSO = 2,
	PROTOCOL_OBJECT_KERNEL = 3,
	PROTOCOL_OBJECT_MODULE = 4,
};

enum protocol_jail {
	PROTOCOL_JAIL_UID = 1,
	PROTOCOL_JAIL_SECCOMP = 2,
	PROTOCOL_JAIL_LANDLOCK = 4,
	PROTOCOL_JAIL_NO_NETWORK = 8,
};
