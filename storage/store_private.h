/*
 * What the files behind store.h share: store.c opens and closes, store_feed.c and store_flush.c
 * write, store_age.c ages, store_scan.c goes over the samples of a question, and store_query_*.c
 * answer.
 */
#pragma once

#include "storage/backend_sqlite.h"
#include "storage/block.h"
#include "storage/growth.h"
#include "storage/store.h"

#define NS_PER_MS      1000000ull
#define NS_PER_S       1000000000ull

#define STORE_TYPE_CPU "cpu"
/* Behind a type: samples that were imported, which age by size alone; questions take both. */
#define STORE_IMPORTED ".imported"
/* The epoch before is kept for its names: what is sampled all the time has moved over by then. */
#define STORE_PREVIOUS_NS   (60 * NS_PER_S)
#define STORE_HOLD_NS_MAX   (2 * NS_PER_S)
#define STORE_WAL_BYTES_MAX (16u << 20) /* minutes of a busy host */
#define STORE_DICTS_MAX	    4 /* dictionaries that readers keep; an epoch is about a day */

/* The store's own reasons of loss. */
#define STORE_LOST_BLOCK   "store_damaged_block"
#define STORE_LOST_MISSING "store_missing_block"
#define STORE_LOST_NAMES   "store_damaged_dictionary"

struct store_dict {
	struct dict *dict;
	uint64_t next_chunk; /* those before are applied */
	uint64_t used; /* for eviction: the largest was used last */
};

struct store {
	struct db *db;
	char *path;
	/* writers hold it, readers ask it; -1 for readers of a store that nobody wrote to since */
	int lock_fd;
	bool writer;
	struct store_options options;
	struct compress compress;
	struct db_state state; /* writers: as committed */
	struct db_run run; /* of this writer; counters of the last flush */
	bool run_written;
	bool unsynced; /* a sync failed: the next commit is to be synced as well */
	bool last_run_clean; /* how the writer before this one ended */
	/* of the merge that the last step of ageing began: the samples of blocks [first, last] */
	struct block merging;
	uint64_t merging_first, merging_last; /* 0, 0: none */
	/*
	 * Writers: what feeds and store_feed_take() know. All else belongs to whoever writes, which
	 * may be another thread.
	 */
	struct growth growth;
	struct growth previous; /* the epoch before, for its names; dict NULL where there is none */
	uint64_t epoch_started_ns, epoch_samples; /* of growth's */
	struct store_feed *feeds;
	struct store_flush *taken; /* and not written yet: it goes from the one side to the other */
	/* readers */
	struct store_dict dicts[STORE_DICTS_MAX];
	uint64_t dict_uses;
	/* past both, a question that holds up the writer's log is ended */
	uint64_t hold_ns_max, wal_bytes_max;
	/* numbers of blocks whose data was found damaged by this handle */
	uint64_t *bad_blocks;
	size_t n_bad_blocks, cap_bad_blocks;
	uint64_t verified_until; /* blocks with smaller numbers were verified by store_summary() */
};

struct store_feed {
	struct store_feed *next;
	struct store *store; /* NULL once the store was closed */
	struct profile *live;
	bool imported;
	/* of what was rolled up elsewhere; 0: milliseconds */
	uint64_t resolution_ms;
	const struct block *losses; /* besides those of live, each with its time; may be NULL */
	uint64_t epoch; /* that the arrays below are about */
	uint32_t *string, *object, *function, *location, *stack, *labels, *class;
	uint32_t n_string, n_object, n_function, n_location, n_stack, n_labels, n_class;
	struct store_feed_named {
		uint32_t first_line, n_lines;
		uint8_t naming;
	} * named; /* by live location: the name that was taken over, or passed over, last */
	uint32_t n_named;
	uint32_t new_from; /* no location below has a new number since names were looked through */
};

/* store.c */
bool store_is_imported(const struct db_block *b);
bool store_is_of_type(const struct db_block *b, const char *type); /* imported or not */
int store_note_bad_block(struct store *s, uint64_t first);
bool store_is_bad_block(const struct store *s, uint64_t first);
/* borrowed until the next call */
int store_read_dict(struct store *s, uint64_t epoch, struct dict **ret);
/* Do the chunks from the epoch's first on follow each other up to the last number given out? */
int store_chunks_are_whole(struct store *s, uint64_t epoch, bool *ret);
int store_load_chunks(struct store *s, struct dict *d, uint64_t *next_chunk, uint64_t *ret_damaged);

/* store_feed.c; 0 or a negative errno */
void store_feed_detach(struct store_feed *f);
void store_feed_forget(struct store_feed *f); /* all numbers: a new epoch began */
int store_feed_widen(struct store_feed *f); /* to the live profile's size; before the others */
int store_feed_stack(struct store_feed *f, uint32_t id); /* number it, in f->stack */
int store_feed_labels(struct store_feed *f, uint32_t id); /* in f->labels and f->class */
int store_feed_names(struct store_feed *f); /* both ways, of all locations that have a number */

/* store_flush.c */
int store_new_epoch(struct store *s, uint64_t now_ns); /* the next flush is its first */
struct store_flush *store_flush_free(struct store_flush *w);
