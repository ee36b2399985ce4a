/*
 * A keyed 64-bit hash over bytes and an index from hash to dense ids.
 *
 * The hash is SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012; the
 * 1-3 rounds are what hash tables use): names and keys come from whoever can run a program, so
 * tables must not be driven into one bucket. It is for memory, and for caches that can be made
 * anew: nothing else that is stored depends on it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Keyed with a secret drawn from getrandom() at the first use in this process. Thread-safe. */
uint64_t hash_bytes(const void *data, size_t len);
/*
 * The same with a key of the caller's, for tests and for tables that need equal hashes elsewhere.
 */
uint64_t hash_bytes_keyed(uint64_t k0, uint64_t k1, const void *data, size_t len);

/*
 * From a hash to the ids that have it; ids are dense numbers of the caller's arrays, except
 * UINT32_MAX. The caller compares its own keys:
 *
 *	for (id = idmap_first(m, h, &it); id != IDMAP_NONE; id = idmap_next(m, h, &it))
 *		if (key of id equals) return id;
 *
 * Ids are never removed one by one; idmap_clear() drops all. Not thread-safe.
 */
#define IDMAP_NONE UINT32_MAX

struct idmap_slot {
	uint32_t tag; /* upper half of the hash */
	uint32_t id; /* id + 1, 0 is free */
};

struct idmap {
	struct idmap_slot *slots;
	uint32_t mask;
	uint32_t used;
};

void idmap_done(struct idmap *m); /* a zeroed struct idmap is an empty one */
void idmap_clear(struct idmap *m);
int idmap_add(struct idmap *m, uint64_t hash, uint32_t id); /* 0 or -ENOMEM */
uint32_t idmap_first(const struct idmap *m, uint64_t hash, uint32_t *ret_at);
uint32_t idmap_next(const struct idmap *m, uint64_t hash, uint32_t *at);
