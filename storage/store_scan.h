/*
 * One pass over the samples that a question is about: blocks in the order of their numbers, each
 * checked, decoded and handed out with its dictionary; what is damaged is counted as lost.
 */
#pragma once

#include "storage/store_private.h"

#include "storage/selector.h"

struct scan {
	struct store *store;
	const struct store_query *query;
	const char *doing; /* for sentences */
	uint64_t begin_ns; /* CLOCK_MONOTONIC */
	bool holds_up; /* the writer's log, for too long */
	struct selector *selector;
	uint64_t from_ms, until_ms;
	struct db_state state;
	struct db_block_list list;
	size_t next;
	struct buf data;
	bool in_transaction;
	/* set by who asks, after scan_open(): stacks (all may be 0 then), labels do not matter */
	bool no_stacks, no_labels;
	/*
	 * Set by who asks, before scan_use_sums(): times matter by steps from start_ms on, so that
	 * what lies in one alone may be handed out without them, and is head.from_ms's. 0: none.
	 */
	uint64_t start_ms, step_ms;
	/* may be NULL: called before the dictionary of blocks that were handed out goes */
	int (*dict_ends)(void *arg);
	void *arg;

	/* of the block that scan_next() gave */
	struct db_block head;
	struct block block;
	struct dict *dict;
	bool dict_changed; /* numbers of the block before mean something else */
	uint64_t dict_epoch;
	bool handed_out; /* a block of this dictionary was */

	int8_t *verdict; /* by label set: an enum verdict */
	int8_t *stack_verdict; /* by stack */
	uint32_t n_verdict, n_stack_verdict;

	/* by block of list: 1 + the sums that stand for it, 0 none; NULL: none at all */
	uint32_t *summed;
	struct db_chunk_list sums;
	bool no_times; /* as said to scan_use_sums() */
	bool all_in_range; /* the block at hand: it is handed out without times */
	bool no_sample_times; /* its samples have no times: those that are there are in the range */
	/*
	 * What of a block that the range cuts lies outside of it, to be taken from sums that were
	 * handed out: counts are negative (of 2^64), and add up to what is right.
	 */
	struct block outside;
	bool outside_due;
	bool is_outside; /* the block at hand is that */

	struct profile *losses; /* with no samples: what was lost in the range */
	uint64_t taken; /* samples of the block at hand; those before are in: */
	uint64_t period_samples; /* samples handed out whose period is known, */
	long double period_sum; /* and the CPU time of them */
	bool again; /* after scan_rewind() */
	uint64_t steps; /* samples looked at, for the time limit */
};

/* Parses the selector and begins a read transaction. */
int scan_open(struct scan *c, struct store *s, const struct store_query *q, const char *doing,
	      struct err *err);
void scan_close(struct scan *c); /* a zeroed one is fine */

/*
 * Times do not matter (but for steps), and of labels only these (NULL-terminated; NULL: all):
 * blocks that lie in the range are handed out without times, and where these labels are enough,
 * sums in the place of blocks, or of all but a part of one: what is too much then follows with
 * counts below zero, as two's complement. Before the first scan_next(). 0 or a negative errno.
 */
int scan_use_sums(struct scan *c, const char *const *by);

/* 1: a block, in c->head, c->block, c->dict; 0: the end; or a negative errno. */
int scan_next(struct scan *c);

/* From the beginning again, in the same transaction; losses and periods are not counted twice. */
void scan_rewind(struct scan *c);

/*
 * 1: the sample is meant, its label set and stack are there; 0 it is not; or a negative errno.
 * Counts it and its period.
 */
int scan_takes(struct scan *c, const struct block_sample *s);

/* Ends the transaction; err gets the sentence when code is not 0. Returns code. */
int scan_end(struct scan *c, int code, struct err *err);

/* The CPU time of a sample, averaged over what was handed out; 0 unknown. */
uint64_t scan_period_ns(const struct scan *c);

/* The range of all that is kept, [from, until) in ms; for questions about everything. */
void scan_extent(const struct scan *c, uint64_t *ret_from_ms, uint64_t *ret_until_ms);
