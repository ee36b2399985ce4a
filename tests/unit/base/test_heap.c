/* What a settled heap frees is no longer in memory. */
#include "profiler/base/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define BLOCKS 20000u
#define MB     (1u << 20)

static size_t resident_bytes(void)
{
	unsigned long all, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lu %lu", &all, &resident), 2);
	fclose(f);
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}

/* A block of the heap behind it, so that its end cannot simply move. */
static void *use(size_t bytes, void **ret_behind)
{
	void *block = malloc(bytes);

	assert_non_null(block);
	memset(block, 1, bytes);
	*ret_behind = malloc(64);
	assert_non_null(*ret_behind);
	return block;
}

static void a_large_block_is_gone_also_after_a_larger_one(void **state)
{
	void *behind[2], *block;
	size_t before;

	(void)state;
	free(use(16 * MB, &behind[0]));
	before = resident_bytes();
	block = use(8 * MB, &behind[1]);
	assert_true(resident_bytes() > before + 7 * MB);
	free(block);
	assert_true(resident_bytes() < before + MB);
	free(behind[0]);
	free(behind[1]);
}

static void pages_between_small_blocks_are_gone_after_a_trim(void **state)
{
	static void *block[BLOCKS];
	size_t before;

	(void)state;
	for (uint32_t i = 0; i < BLOCKS; i++) {
		block[i] = malloc(1000);
		assert_non_null(block[i]);
		memset(block[i], 1, 1000);
	}
	before = resident_bytes();
	for (uint32_t i = 0; i < BLOCKS; i++)
		if (i % 64)
			free(block[i]);
	heap_trim();
	assert_true(resident_bytes() < before - 10 * MB);
	for (uint32_t i = 0; i < BLOCKS; i += 64)
		free(block[i]);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_large_block_is_gone_also_after_a_larger_one),
		TEST(pages_between_small_blocks_are_gone_after_a_trim),
	};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	puts("SKIP: a sanitizer's heap keeps what is freed");
	return 77;
#endif
	heap_settle();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
