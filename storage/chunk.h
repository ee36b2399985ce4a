/*
 * Chunks: what was added to a dictionary, as bytes, and back.
 *
 * An epoch's dictionary is the sum of its chunks in their order. Entries are numbered densely; a
 * chunk says from which number on its entries of each kind are, so that a missing chunk is
 * noticed. Names are entries that refer to a location, and the last one counts. Pure; FORMAT.md,
 * "A chunk", has the bytes.
 */
#pragma once

#include "storage/compress.h"
#include "storage/profile.h"

#define CHUNK_ENTRIES_MAX (1u << 20) /* of a kind */
#define CHUNK_TEXT_MAX	  (64u << 20)
#define CHUNK_BYTES_MAX	  (48u << 20)
#define CHUNK_LINES_MAX	  1024 /* of one location: inline chains are short */

/* X(enum, word): kinds of entries that have numbers, in the order of the bytes */
#define CHUNK_KIND_LIST(X)      \
	X(STRING, "string")     \
	X(OBJECT, "object")     \
	X(FUNCTION, "function") \
	X(LOCATION, "location") \
	X(STACK, "stack")       \
	X(LABELS, "labels")

enum chunk_kind {
#define CHUNK_KIND_ENUM(name, word) CHUNK_##name,
	CHUNK_KIND_LIST(CHUNK_KIND_ENUM)
#undef CHUNK_KIND_ENUM
		CHUNK_KINDS
};

struct chunk_string {
	uint32_t at, len; /* in text */
};

struct chunk_location {
	uint32_t object;
	uint64_t offset;
};

struct chunk_naming {
	uint32_t location;
	uint32_t first_line, n_lines; /* in lines; none: nobody knows a name */
};

struct chunk {
	uint32_t first[CHUNK_KINDS], n[CHUNK_KINDS], cap[CHUNK_KINDS];
	struct chunk_string *strings;
	struct profile_object *objects;
	struct profile_function *functions;
	struct chunk_location *locations;
	struct profile_stack *stacks;
	struct profile_labels *labels;
	struct chunk_naming *namings;
	uint32_t n_namings, cap_namings;
	struct profile_line *lines;
	uint32_t n_lines, cap_lines;
	char *text;
	uint32_t n_text, cap_text;
};

void chunk_done(struct chunk *c); /* a zeroed one is empty */
void chunk_clear(struct chunk *c);
bool chunk_is_empty(const struct chunk *c);

/*
 * Room for n more entries of a kind; 0, -ENOMEM, -E2BIG. The caller fills them and adds to
 * n[kind].
 */
int chunk_reserve(struct chunk *c, enum chunk_kind kind, uint32_t n);
int chunk_reserve_names(struct chunk *c, uint32_t n_namings, uint32_t n_lines);
int chunk_add_string(struct chunk *c, const char *s, size_t len);
int chunk_add_naming(struct chunk *c, uint32_t location, const struct profile_line *lines,
		     uint32_t n);

/* from follows into without a gap (-EINVAL otherwise). */
int chunk_append(struct chunk *into, const struct chunk *from);

int chunk_write(const struct chunk *c, struct compress *z, int level, struct buf *out);

/*
 * Foreign bytes: 0, -EBADMSG, -EPROTO a newer version, -ENOMEM; empty on failure. References
 * point to entries that are in this chunk or before it.
 */
int chunk_parse(const void *data, size_t len, struct compress *z, struct chunk *ret);

/* The parts that chunk_parse_part() tells apart. */
enum chunk_part {
	CHUNK_ALL,
	CHUNK_STRINGS,
	CHUNK_CODE, /* what is between the two: objects to stacks, and names */
	CHUNK_LABEL_SETS,
};

/*
 * As chunk_parse(), of bytes whose checksum chunk_parse_head() found right; what does not belong to
 * the part is not looked at, and has no entries.
 */
int chunk_parse_part(const void *data, size_t len, struct compress *z, enum chunk_part part,
		     struct chunk *ret);

struct chunk_head {
	uint32_t first[CHUNK_KINDS], n[CHUNK_KINDS];
	uint32_t text_bytes, n_lines;
};

/* What it has, without unpacking it; its checksum is right when this is 0. */
int chunk_parse_head(const void *data, size_t len, struct chunk_head *ret);
