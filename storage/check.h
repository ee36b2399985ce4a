/*
 * Looking a whole store over, page by page and sample by sample, and making a sound one of what is
 * left.
 *
 * A repair writes a new file of all that is good, in the same numbers, and puts it in the store's
 * place; the damaged one stays beside it, whole, as FILE.damaged-TIME. What is lost is recorded in
 * the new one as lost, at its time, so that no answer says that it never was.
 */
#pragma once

#include "profiler/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHECK_ITEMS_MAX 1000 /* more are counted */

/* X(enum, word, sentence) */
#define CHECK_ITEM_LIST(X)                                                               \
	X(BLOCK, "block", "the samples of these numbers are damaged")                    \
	X(BLOCK_HEAD, "block_head", "a row that describes samples is damaged")           \
	X(BLOCK_MISSING, "block_missing", "samples of these numbers are missing")        \
	X(NAMES, "names", "samples whose stacks or labels were in a damaged dictionary") \
	X(CHUNK, "chunk", "a part of a dictionary is damaged")                           \
	X(CHUNK_MISSING, "chunk_missing", "parts of a dictionary are missing")           \
	X(SUMS, "sums", "sums are damaged, or not what their blocks add up to")          \
	X(STATE, "state", "the row with the next numbers is damaged or missing")         \
	X(RUN, "run", "the row of the last run is damaged or missing")                   \
	X(PAGES, "pages", "the file is damaged where SQLite sees it")

enum check_item_kind {
#define CHECK_ITEM_ENUM(name, word, sentence) CHECK_##name,
	CHECK_ITEM_LIST(CHECK_ITEM_ENUM)
#undef CHECK_ITEM_ENUM
		CHECK_ITEM_COUNT
};

const char *check_item_name(enum check_item_kind k);
const char *check_item_sentence(enum check_item_kind k);

struct check_item {
	enum check_item_kind kind;
	uint64_t first, last; /* numbers, both included; 0, 0: none */
	uint64_t from_ms, until_ms; /* 0, 0: not known */
	uint64_t samples; /* 0: not known */
};

struct check {
	uint64_t blocks, chunks, samples; /* that are good */
	struct check_item *items;
	size_t n_items;
	uint64_t count[CHECK_ITEM_COUNT]; /* of each kind, also those above CHECK_ITEMS_MAX */
	uint64_t lost_samples; /* known ones */
	char pages[256]; /* what SQLite says of them; "" it is content */
};

bool check_is_good(const struct check *c);

/* Reads all of it. Whatever is damaged is an answer; -ENOENT, -EBADMSG: it is no store at all. */
int check_store(const char *path, struct check *ret, struct err *err);
void check_done(struct check *c);

/*
 * Repair it, if it is damaged; ret says what was. *ret_aside: where the damaged one is, the
 * caller's; NULL: nothing was to be done. -EBUSY: a daemon writes to it. On failure the store is
 * as it was.
 */
int check_repair(const char *path, struct check *ret, char **ret_aside, struct err *err);
