/* SipHash-1-3 against vectors, and the index from hash to ids against a plain list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "profiler/base/hash.h"

/*
 * Key bytes 00..0f over messages 00, 00 01, ... as in the paper's appendix; the 1-3 values are
 * from a plain Python transcription of the paper which gives the paper's own value for 2-4 and 15
 * bytes.
 */
static void siphash_1_3_gives_the_known_values(void **state)
{
	static const struct {
		size_t len;
		uint64_t hash;
	} vectors[] = {
		{0, 0xabac0158050fc4dc},  {1, 0xc9f49bf37d57ca93},  {7, 0xd3927d989bb11140},
		{8, 0x369095118d299a8e},  {9, 0x25a48eb36c063de4},  {15, 0xd320d86d2a519956},
		{16, 0xcc4fdd1a7d908b66}, {63, 0x9d199062b7bbb3a8},
	};
	uint8_t bytes[64];

	(void)state;
	for (unsigned int i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		assert_true(hash_bytes_keyed(0x0706050403020100, 0x0f0e0d0c0b0a0908, bytes,
					     vectors[i].len) == vectors[i].hash);
}

static void unkeyed_hash_is_stable_within_a_process(void **state)
{
	uint64_t h = hash_bytes("hearth", 6);

	(void)state;
	assert_true(hash_bytes("hearth", 6) == h);
	assert_true(hash_bytes("hearti", 6) != h);
	assert_true(hash_bytes_keyed(0, 0, "hearth", 6) !=
		    h); /* a secret was drawn; wrong once in 2^64 */
	assert_true(hash_bytes(NULL, 0) != h);
}

#define IDS 5000

/* Few distinct hashes: many ids each, long runs of equal and of neighbouring slots. */
static uint64_t hash_of(uint32_t id)
{
	return ((uint64_t)(id % 700) << 32) | id;
}

static void every_id_is_found_under_its_hash_only(void **state)
{
	struct idmap m = {};
	uint32_t at;

	(void)state;
	assert_int_equal(idmap_first(&m, 1, &at), IDMAP_NONE);
	for (uint32_t id = 0; id < IDS; id++)
		assert_int_equal(idmap_add(&m, hash_of(id), id), 0);
	for (uint32_t tag = 0; tag < 800; tag++) {
		uint64_t h = (uint64_t)tag << 32;
		uint32_t found = 0, expected = 0;

		for (uint32_t id = 0; id < IDS; id++)
			expected += id % 700 == tag;
		for (uint32_t id = idmap_first(&m, h, &at); id != IDMAP_NONE;
		     id = idmap_next(&m, h, &at)) {
			assert_int_equal(id % 700, tag);
			found++;
		}
		assert_int_equal(found, expected);
	}
	idmap_clear(&m);
	assert_int_equal(idmap_first(&m, hash_of(1), &at), IDMAP_NONE);
	assert_int_equal(idmap_add(&m, hash_of(1), UINT32_MAX - 1), 0); /* the largest id */
	assert_true(idmap_first(&m, hash_of(1), &at) == UINT32_MAX - 1);
	assert_int_equal(idmap_next(&m, hash_of(1), &at), IDMAP_NONE);
	idmap_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siphash_1_3_gives_the_known_values),
		cmocka_unit_test(unkeyed_hash_is_stable_within_a_process),
		cmocka_unit_test(every_id_is_found_under_its_hash_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
