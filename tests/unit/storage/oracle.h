/*
 * Random samples into a live profile and, beside it, into a plain list that answers every
 * question of the store by going over all of it. What the list says is right; the store's tests
 * hold the store against it.
 */
#pragma once

#include "storage/store.h"

#define ORACLE_MS    1000000ull
#define ORACLE_T0_MS 1700000000000ull

struct oracle_sample {
	uint64_t time_ms, count;
	uint32_t stack, labels; /* numbers of oracle_stack() and oracle_labels() */
};

struct oracle {
	uint64_t random;
	struct oracle_sample *samples;
	size_t n, cap;
	uint64_t lost; /* of reason "ring_full" */
};

uint64_t oracle_random(struct oracle *o, uint64_t below);
void oracle_done(struct oracle *o);

/*
 * A sample of the list into live; what a stack or a label set looks like follows from its number
 * alone.
 */
void oracle_add(struct oracle *o, struct profile *live, uint64_t time_ms, uint32_t stack,
		uint32_t labels, uint64_t count);
/* n samples at random in [from_ms, until_ms), of so many stacks and label sets. */
void oracle_add_some(struct oracle *o, struct profile *live, size_t n, uint64_t from_ms,
		     uint64_t until_ms, uint32_t stacks, uint32_t labels);

/* Times of samples before a moment down to multiples, as ageing does. */
void oracle_coarsen(struct oracle *o, uint64_t before_ms, uint64_t resolution_ms);

/*
 * Does the profile hold exactly the list's samples of [from_ms, until_ms) that match? Fails the
 * test with a sentence.
 */
void oracle_check_profile(const struct oracle *o, const struct profile *p, uint64_t from_ms,
			  uint64_t until_ms, const char *match, bool with_times);
/*
 * Is everything in the profile (with times) on the list, if not the other way round? How many
 * samples are not in it?
 */
bool oracle_is_part(const struct oracle *o, const struct profile *p, uint64_t *ret_missing);
uint64_t oracle_count(const struct oracle *o, uint64_t from_ms, uint64_t until_ms,
		      const char *match);

/* How many samples a store has in a range; fails the test where it says that some are lost. */
uint64_t oracle_count_in(struct store *s, uint64_t from_ms, uint64_t until_ms);

/* All kinds of questions about a range, put to the store and held against the list. */
void oracle_check_store(const struct oracle *o, struct store *s, uint64_t from_ms,
			uint64_t until_ms, const char *match);
/*
 * The same where times may have been rounded down to seconds or minutes: the range begins and ends
 * with a minute, and no question asks for less.
 */
void oracle_check_minutes(const struct oracle *o, struct store *s, uint64_t from_ms,
			  uint64_t until_ms, const char *match);
