/*
 * The profile model: what was sampled, in tables that refer to each other by dense numbers.
 *
 * Everything that is asked of Hearth is answered by one of these: the sampler fills one, the
 * store keeps and merges them, the encoders of web/export write them out. Tables only grow; an id
 * is an index and stays valid for the life of the profile. Id 0 of strings is "", of stacks the
 * empty stack; other tables start at 0.
 *
 * Not thread-safe. Adding functions intern: equal content gives the same id. They return >= 0
 * (the id) or -ENOMEM, or -E2BIG past PROFILE_*_MAX.
 */
#pragma once

#include "profiler/base/err.h"
#include "profiler/base/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROFILE_STRINGS_MAX	 (1u << 24)
#define PROFILE_STACKS_MAX	 (1u << 26)
#define PROFILE_SAMPLES_MAX	 (1u << 30)
#define PROFILE_STRING_BYTES_MAX 8192 /* one string; longer ones are cut, with an ellipsis */

/* X(name, short name as stored in JSON, what the offsets of its locations are) */
#define PROFILE_OBJECT_LIST(X)                                                        \
	X(FILE, "file", "a mapped file: position in the file")                        \
	X(KERNEL, "kernel", "the kernel's core image: from _text")                    \
	X(MODULE, "module", "a kernel module: from its load address")                 \
	X(BPF, "bpf", "a BPF program: from its first instruction")                    \
	X(VDSO, "vdso", "from the start of the vdso")                                 \
	X(JIT, "jit", "executable memory of one process without a file: the address") \
	X(UNKNOWN, "unknown", "no mapping known: the address")                        \
	X(INCOMPLETE, "incomplete",                                                   \
	  "not code: the walk ended before the root; path is the reason")             \
	X(SYMBOL, "symbol", "imported by name: offset is the number of a name")

enum profile_object_kind {
#define PROFILE_OBJECT_ENUM(name, shortname, sentence) PROFILE_OBJECT_##name,
	PROFILE_OBJECT_LIST(PROFILE_OBJECT_ENUM)
#undef PROFILE_OBJECT_ENUM
		PROFILE_OBJECT_COUNT
};

const char *profile_object_kind_name(enum profile_object_kind kind);
int profile_object_kind_parse(const char *name); /* -ENOENT */

/* Two objects are one when all fields are equal. */
struct profile_object {
	enum profile_object_kind kind;
	/* string; "[kernel.kallsyms]", "[ext4]", "[vdso]", "[jit]"; the reason for INCOMPLETE */
	uint32_t path;
	uint32_t build_id; /* string, lower-case hex, "" for none */
	/* whose word its names are: 0 root's, else 1 + the owner's uid, saturated */
	uint32_t domain;
	/* tells files without a build id apart; a JIT object's process and generation */
	uint64_t identity;
};

struct profile_function {
	uint32_t name; /* string, as shown */
	uint32_t system_name; /* string, as the object has it; the same id as name where equal */
	uint32_t file; /* string, "" unknown */
	uint32_t start_line; /* 0 unknown */
};

struct profile_line {
	uint32_t function;
	uint32_t line; /* 0 unknown */
	uint32_t column;
};

enum profile_naming {
	PROFILE_UNNAMED, /* nobody was asked yet */
	PROFILE_NAMED, /* lines hold the answer */
	PROFILE_NAMELESS, /* asked, and nobody knows */
};

struct profile_location {
	uint32_t object;
	uint64_t offset; /* of the instruction; for callers inside the call */
	enum profile_naming naming;
	/* into lines: [first_line, first_line + n_lines), innermost inlinee first */
	uint32_t first_line;
	uint32_t n_lines;
};

/*
 * A node of the prefix tree: the stack that is parent's with location called by it. parent < own
 * id.
 */
struct profile_stack {
	uint32_t parent;
	uint32_t location;
};

/*
 * X(enum, name as people type it, is a number). Order is that of the columns in samples and
 * tables.
 */
#define PROFILE_LABEL_LIST(X)            \
	X(PID, "pid", true)              \
	X(START, "start", true)          \
	X(TID, "tid", true)              \
	X(COMM, "comm", false)           \
	X(THREAD, "thread", false)       \
	X(EXE, "exe", false)             \
	X(CGROUP, "cgroup", false)       \
	X(CONTAINER, "container", false) \
	X(UNIT, "unit", false)           \
	X(UID, "uid", true)              \
	X(HOST, "host", false)

enum profile_label {
#define PROFILE_LABEL_ENUM(name, text, number) PROFILE_LABEL_##name,
	PROFILE_LABEL_LIST(PROFILE_LABEL_ENUM)
#undef PROFILE_LABEL_ENUM
		PROFILE_LABEL_COUNT
};

const char *profile_label_name(enum profile_label l);
int profile_label_parse(const char *name); /* -ENOENT */
bool profile_label_is_number(enum profile_label l);

#define PROFILE_EXTRA_LABELS_MAX 16

struct profile_extra_label {
	uint32_t key; /* strings */
	uint32_t value;
};

/*
 * A label set. value[l] is a number for pid, start (milliseconds since 1970 of the process's
 * start), tid, uid, and a string id for the others. has is a bit mask of the labels that are
 * present: a missing label equals the empty string.
 */
struct profile_labels {
	uint64_t value[PROFILE_LABEL_COUNT];
	uint32_t has;
	uint32_t n_extra;
	/* static ones and imported ones, sorted by key */
	struct profile_extra_label extra[PROFILE_EXTRA_LABELS_MAX];
};

struct profile_sample {
	uint64_t time_ns; /* wall clock; 0 in a merged profile */
	uint32_t stack; /* root first: user frames, then kernel frames on top */
	uint32_t labels;
	uint64_t count; /* samples; CPU time is count * period_ns */
};

/* What was lost while this was sampled, by reason (the sampler's and the store's short names). */
struct profile_loss {
	uint32_t reason; /* string */
	uint64_t count;
};

struct profile {
	/* strings: bytes of string i are string_at(i) */
	char *text;
	size_t text_bytes, text_cap;
	uint32_t *string_offset;
	uint32_t n_strings, cap_strings;
	struct profile_object *objects;
	uint32_t n_objects, cap_objects;
	struct profile_function *functions;
	uint32_t n_functions, cap_functions;
	struct profile_line *lines;
	uint32_t n_lines, cap_lines;
	/* No location below got another name since whoever stores it set this to UINT32_MAX. */
	uint32_t named_from;
	struct profile_location *locations;
	uint32_t n_locations, cap_locations;
	struct profile_stack *stacks; /* [0] is the empty stack */
	uint32_t n_stacks, cap_stacks;
	struct profile_labels *labels;
	uint32_t n_labels, cap_labels;
	struct profile_sample *samples;
	uint32_t n_samples, cap_samples;
	struct profile_loss *losses;
	uint32_t n_losses;

	uint64_t start_ns, end_ns; /* wall clock [start, end) of what was asked for */
	uint64_t period_ns; /* CPU time that one sample stands for; 0 unknown */
	bool merge; /* samples of equal stack and labels are added up, their time dropped */

	/* private to profile.c: the indexes behind interning */
	struct idmap string_index, object_index, function_index, location_index, stack_index,
		labels_index, sample_index;
};

/* Heap. merge as in the field. */
int profile_new(bool merge, struct profile **ret);
struct profile *profile_free(struct profile *p);

/* Bytes of memory it holds, indexes included. */
size_t profile_bytes(const struct profile *p);

int64_t profile_string(struct profile *p, const char *s); /* NULL is "" */
/* NUL bytes inside become '?' */
int64_t profile_string_len(struct profile *p, const char *s, size_t len);
size_t profile_str_len(const struct profile *p, uint32_t id);
/* borrowed until the next string is added */
const char *profile_str(const struct profile *p, uint32_t id);

int64_t profile_object(struct profile *p, const struct profile_object *o);
int64_t profile_function(struct profile *p, const struct profile_function *f);
int64_t profile_location(struct profile *p, uint32_t object, uint64_t offset);
int64_t profile_stack(struct profile *p, uint32_t parent, uint32_t location);
int64_t profile_labels(struct profile *p, const struct profile_labels *l);

/* The id of what is there already; -ENOENT: it is not; -ENOMEM. Nothing is added. */
int64_t profile_find_string(struct profile *p, const char *s);
int64_t profile_find_object(struct profile *p, const struct profile_object *o);
int64_t profile_find_location(struct profile *p, uint32_t object, uint64_t offset);

/*
 * The same for content that is known not to be there yet: not looked for, and several times
 * faster. Of n rows that follow each other the id is the first one's. The string has no NUL in it
 * and is not too long.
 */
int64_t profile_append_string(struct profile *p, const char *s, size_t len);
int64_t profile_append_objects(struct profile *p, const struct profile_object *o, uint32_t n);
int64_t profile_append_functions(struct profile *p, const struct profile_function *f, uint32_t n);
int64_t profile_append_location(struct profile *p, uint32_t object, uint64_t offset);
int64_t profile_append_stacks(struct profile *p, const struct profile_stack *s, uint32_t n);

/* Room for so many more, so that tables do not have to move while they grow. 0 or -ENOMEM. */
int profile_reserve(struct profile *p, size_t text_bytes, uint32_t strings, uint32_t functions,
		    uint32_t locations, uint32_t stacks, uint32_t lines);

/* Name a location, or say with n 0 that nobody can. Lines are copied. Renaming is allowed. */
int profile_set_lines(struct profile *p, uint32_t location, const struct profile_line *lines,
		      uint32_t n);

int profile_add_sample(struct profile *p, uint64_t time_ns, uint32_t stack, uint32_t labels,
		       uint64_t count);
/* The same, and which of samples it is, until they are cleared. */
int64_t profile_add_sample_row(struct profile *p, uint64_t time_ns, uint32_t stack, uint32_t labels,
			       uint64_t count);
void profile_clear_samples(struct profile *p); /* the tables stay */
int profile_drop_empty(struct profile *p); /* rows whose count is 0 */
int profile_add_loss(struct profile *p, const char *reason, uint64_t count);

/*
 * Add all that from has (tables as far as its samples need them, samples, losses) to into, number
 * by number. Periods must be equal or one of them 0 (-EINVAL); the range becomes the hull of
 * both.
 */
int profile_merge(struct profile *into, const struct profile *from);

/* ---- reading, for encoders ---- */

uint64_t profile_sample_count(const struct profile *p); /* sum of counts */

/* The reason why this stack does not reach its root, or NULL. Borrowed. */
const char *profile_stack_incomplete(const struct profile *p, uint32_t stack);

/*
 * Locations of a stack, leaf first, without the incomplete mark. Returns how many there are;
 * writes at most max.
 */
uint32_t profile_stack_locations(const struct profile *p, uint32_t stack, uint32_t *ret,
				 uint32_t max);

/*
 * The value of a label as text ("" where missing); name is one of the built-in ones or an extra
 * key. Numbers are written into scratch (24 bytes).
 */
const char *profile_label_text(const struct profile *p, uint32_t labels, const char *name,
			       char *scratch);

/* X(enum, JSON word, folded suffix) */
#define PROFILE_FRAME_LIST(X)         \
	X(NATIVE, "native", "")       \
	X(KERNEL, "kernel", "_[k]")   \
	X(INLINED, "inlined", "_[i]") \
	X(JIT, "jit", "_[j]")         \
	X(INTERPRETED, "interpreted", "_[p]")

enum profile_frame_kind {
#define PROFILE_FRAME_ENUM(name, word, suffix) PROFILE_FRAME_##name,
	PROFILE_FRAME_LIST(PROFILE_FRAME_ENUM)
#undef PROFILE_FRAME_ENUM
		PROFILE_FRAME_COUNT
};

const char *profile_frame_kind_name(enum profile_frame_kind k);
const char *profile_frame_kind_suffix(enum profile_frame_kind k);

/* One shown frame: a location has as many as its inline chain is long, at least one. */
struct profile_frame {
	/* never empty: `object+0xoffset`, `[jit]`, `[unknown]` where there is no name */
	const char *function;
	const char *system_name; /* equals function where not known apart */
	const char *file; /* "" unknown */
	uint32_t line;
	uint32_t column;
	uint32_t start_line;
	const struct profile_object *object;
	uint32_t location;
	uint64_t offset;
	enum profile_frame_kind kind;
	bool named; /* function is a real name */
};

/*
 * Frame i of a location, innermost first; the last is the function itself, those before are
 * inlined into it. scratch (PROFILE_SCRATCH_BYTES) holds a made-up name.
 */
#define PROFILE_SCRATCH_BYTES 512
uint32_t profile_location_frames(const struct profile *p, uint32_t location); /* how many, >= 1 */
struct profile_frame profile_location_frame(const struct profile *p, uint32_t location, uint32_t i,
					    char *scratch);
