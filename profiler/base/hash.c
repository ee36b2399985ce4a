/* SipHash-1-3 and the hash-to-id index; see hash.h. */
#include "profiler/base/hash.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define IDMAP_FIRST_SLOTS 64

static uint64_t rotl(uint64_t v, int n)
{
	return (v << n) | (v >> (64 - n));
}

static inline __attribute__((always_inline)) void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

uint64_t hash_bytes_keyed(uint64_t k0, uint64_t k1, const void *data, size_t len)
{
	uint64_t v[4] = {k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
			 k1 ^ 0x7465646279746573};
	const uint8_t *at = (const uint8_t *)data;
	uint64_t last = (uint64_t)len << 56;
	size_t left = len;
	uint64_t word;

	for (; left >= 8; left -= 8, at += 8) {
		memcpy(&word, at, 8);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	for (size_t i = 0; i < left; i++)
		last |= (uint64_t)at[i] << (8 * i);
	v[3] ^= last;
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static uint64_t secret[2];

static void draw_secret(void)
{
	/*
	 * At worst (no entropy source at all) the key stays zero: the hash still works, only
	 * predictably.
	 */
	if (getrandom(secret, sizeof(secret), 0) != sizeof(secret))
		memset(secret, 0, sizeof(secret));
}

uint64_t hash_bytes(const void *data, size_t len)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, draw_secret);
	return hash_bytes_keyed(secret[0], secret[1], data, len);
}

void idmap_done(struct idmap *m)
{
	free(m->slots);
	*m = (struct idmap){};
}

void idmap_clear(struct idmap *m)
{
	if (m->slots)
		memset(m->slots, 0, ((size_t)m->mask + 1) * sizeof(*m->slots));
	m->used = 0;
}

/*
 * A slot keeps only the upper half of the hash, so growing places by that half: the start position
 * is derived from the tag alone.
 */
static uint32_t start_of(const struct idmap *m, uint32_t tag)
{
	return (tag * 0x9e3779b1u) & m->mask;
}

static void place(struct idmap *m, uint32_t tag, uint32_t id)
{
	uint32_t at = start_of(m, tag);

	while (m->slots[at].id)
		at = (at + 1) & m->mask;
	m->slots[at] = (struct idmap_slot){.tag = tag, .id = id};
}

static int grow(struct idmap *m)
{
	uint32_t slots = m->slots ? (m->mask + 1) * 2 : IDMAP_FIRST_SLOTS;
	struct idmap bigger = {.mask = slots - 1, .used = m->used};

	if (slots == 0)
		return -ENOMEM;
	bigger.slots = calloc(slots, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	for (uint32_t i = 0; m->slots && i <= m->mask; i++)
		if (m->slots[i].id)
			place(&bigger, m->slots[i].tag, m->slots[i].id);
	free(m->slots);
	*m = bigger;
	return 0;
}

int idmap_add(struct idmap *m, uint64_t hash, uint32_t id)
{
	assert(id != IDMAP_NONE);
	if (!m->slots || m->used >= m->mask - m->mask / 4) {
		int r = grow(m);

		if (r < 0)
			return r;
	}
	place(m, (uint32_t)(hash >> 32), id + 1);
	m->used++;
	return 0;
}

static uint32_t find_from(const struct idmap *m, uint32_t tag, uint32_t *at)
{
	while (m->slots[*at].id) {
		const struct idmap_slot *slot = &m->slots[*at];

		*at = (*at + 1) & m->mask;
		if (slot->tag == tag)
			return slot->id - 1;
	}
	return IDMAP_NONE;
}

uint32_t idmap_first(const struct idmap *m, uint64_t hash, uint32_t *ret_at)
{
	uint32_t tag = (uint32_t)(hash >> 32);

	if (!m->slots)
		return IDMAP_NONE;
	*ret_at = start_of(m, tag);
	return find_from(m, tag, ret_at);
}

uint32_t idmap_next(const struct idmap *m, uint64_t hash, uint32_t *at)
{
	return find_from(m, (uint32_t)(hash >> 32), at);
}
