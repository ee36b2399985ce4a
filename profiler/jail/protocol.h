/*
 * What the collector and its workers say to each other, over profiler/base/wire.h.
 *
 * The collector asks, the worker answers in order, each answer with its request's id. The worker
 * may have been taken over by a file it parsed: the collector checks every count and length, and
 * ends a worker that says something else.
 *
 * NAME request: u32 object (a number of the collector's, remembered by the worker while it lives),
 * u8 kind (enum protocol_object), u8 with_fd, u16 reserved, then for MODULE: u64 base, u8 name
 * length, name; then u32 n and n times u64 offset. A descriptor comes along when with_fd is 1,
 * which it is when a FILE, ADDRESSES or the KERNEL comes first. A MODULE comes after the KERNEL.
 * n may be 0. NAME answer: i32 error of the whole object (0, or negative errno; then u16 length,
 * sentence, and nothing more), u8 build id length, build id, u32 n, and for each offset u16 lines,
 * and for each line five fields: function, system name, file (u16 length and bytes each; length 0:
 * unknown), u32 line, u32 column. Innermost first. The function is always known. Behind all of them
 * u16 length, sentence: why some of the file was not used; length 0: nothing was wrong. Fewer
 * offsets than asked may be answered, at least one: the first n, where the rest would take too long
 * or too much room; it is asked again. FORGET request: u32 object. No answer. CONFIG, once, first,
 * to the web worker: u16 length, token; length 0: none. Secrets are not for the command line. LIVE
 * request: u32 enum web_live; the answer has the same type and id and is the text, or is a FAILED
 * with that id.
 */
#pragma once

#include "profiler/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROTOCOL_OFFSETS_MAX  512 /* of one request */
#define PROTOCOL_LINES_MAX    64 /* of one offset */
#define PROTOCOL_BUILD_ID_MAX 64
#define PROTOCOL_MODULE_MAX   191 /* bytes of a module's name */
#define PROTOCOL_STRING_MAX   8191 /* bytes of one name or path; longer ones end in an ellipsis */
#define PROTOCOL_SENTENCE_MAX 500
#define PROTOCOL_TOKEN_MAX    1024

enum protocol_message {
	PROTOCOL_HELLO =
		/*
		 * worker, once, when its jail is closed: u32 bits of enum protocol_jail; or
		 * PROTOCOL_FAILED
		 */
	1,
	PROTOCOL_NAME = 2,
	PROTOCOL_FORGET = 3,
	PROTOCOL_LIVE = 4, /* web to collector: u32 enum web_live; answered with the text */
	PROTOCOL_READY = 5, /* web, once: the address text; or PROTOCOL_FAILED */
	PROTOCOL_FAILED = 6, /* i32 errno, then the sentence */
	PROTOCOL_CONFIG = 7, /* collector to web, once, first */
	PROTOCOL_TABLE = 8, /* an unwind table; see protocol_table.h */
	PROTOCOL_IMPORT = 9, /* samples of a file; see protocol_import.h */
	PROTOCOL_IMPORTED = 10,
	PROTOCOL_WANT = 11, /* worker to collector, while it answers; see protocol_want.h */
	PROTOCOL_FILE = 12, /* collector to worker: the answer to it */
	PROTOCOL_JIT = 16, /* run-time compiled code; see protocol_jit.h */
	PROTOCOL_SNAPSHOT_FILE = 17, /* see protocol_snapshot.h, also for the next */
	PROTOCOL_SNAPSHOT = 18,
	PROTOCOL_FETCH = 19, /* collector to fetcher; see protocol_fetch.h, also for the next */
	PROTOCOL_FETCHED = 20,
	PROTOCOL_CODE = 21, /* machine code as text; see protocol_code.h */
};

enum protocol_object {
	PROTOCOL_OBJECT_FILE = 1,
	PROTOCOL_OBJECT_VDSO = 2,
	PROTOCOL_OBJECT_KERNEL = 3,
	PROTOCOL_OBJECT_MODULE = 4,
	PROTOCOL_OBJECT_ADDRESSES = 5, /* a FILE that is asked about by virtual addresses */
};

enum protocol_jail {
	PROTOCOL_JAIL_UID = 1,
	PROTOCOL_JAIL_SECCOMP = 2,
	PROTOCOL_JAIL_LANDLOCK = 4,
	PROTOCOL_JAIL_NO_NETWORK = 8,
};

/*
 * The bodies, written and read. Pure. Writers append to b, whose sticky error tells failure;
 * readers take a whole body, return 0 or -EBADMSG (-ENOMEM where they allocate), leave the output
 * untouched on failure, and accept nothing that is left over.
 */

struct protocol_request {
	uint32_t object;
	enum protocol_object kind;
	bool with_fd;
	uint64_t base; /* MODULE */
	char module[PROTOCOL_MODULE_MAX + 1]; /* MODULE */
	uint32_t n;
	uint64_t offsets[PROTOCOL_OFFSETS_MAX];
};
void protocol_request_write(struct buf *b, const struct protocol_request *r);
int protocol_request_parse(const void *body, size_t len, struct protocol_request *ret);

/* One level of an inline chain; NULL: unknown. */
struct protocol_line {
	const char *function, *system_name, *file;
	uint32_t line, column;
};

/*
 * The answer's head; protocol_answer_offset() follows n times, each with its lines. n is patched by
 * protocol_answer_end().
 */
void protocol_answer_begin(struct buf *b, const uint8_t *build_id, size_t build_id_bytes);
/* At most PROTOCOL_LINES_MAX lines; longer chains keep the innermost. */
void protocol_answer_offset(struct buf *b, const struct protocol_line *lines, size_t n);
/* trouble: as of symbolizer_trouble(), or NULL. */
void protocol_answer_end(struct buf *b, uint32_t n, const char *trouble);
void protocol_answer_error(struct buf *b, int error, const char *sentence);

struct protocol_answer {
	int error; /* of the whole object; then only sentence is set */
	/*
	 * What is wrong with it, also where it is answered; "": nothing. Printable: a hostile
	 * worker may have written it.
	 */
	char sentence[PROTOCOL_SENTENCE_MAX + 1];
	uint8_t build_id[PROTOCOL_BUILD_ID_MAX];
	size_t build_id_bytes;
	uint32_t n; /* offsets answered */
	uint16_t *n_lines; /* of each */
	struct protocol_line *lines; /* of all, one after the other */
	char *strings; /* what they point into */
};
/*
 * asked: how many offsets the request had. More answers than that, or none where some were asked,
 * are -EBADMSG.
 */
int protocol_answer_parse(const void *body, size_t len, uint32_t asked,
			  struct protocol_answer *ret);
void protocol_answer_done(struct protocol_answer *a);

/*
 * FAILED, and a NAME answer's error: text is a sentence for people, control characters become '?'.
 */
void protocol_failed_write(struct buf *b, int error, const char *sentence);
int protocol_failed_parse(const void *body, size_t len, int *ret_error,
			  char ret_sentence[PROTOCOL_SENTENCE_MAX + 1]);

/* HELLO, FORGET and LIVE requests: one number. */
int protocol_u32_parse(const void *body, size_t len, uint32_t *ret);

/* CONFIG. ret_token: "" is none. */
void protocol_config_write(struct buf *b, const char *token);
int protocol_config_parse(const void *body, size_t len, char ret_token[PROTOCOL_TOKEN_MAX + 1]);
