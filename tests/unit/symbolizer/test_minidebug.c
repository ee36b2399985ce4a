/* What .gnu_debugdata holds, and what its owner may have put there instead. */
#include "symbolizer/minidebug.h"

#include <errno.h>
#include <lzma.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEXT_BYTES 100000

static uint8_t text[TEXT_BYTES];
static uint8_t packed[TEXT_BYTES + 1024];
static size_t packed_bytes;

static int pack(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i / 100);
	packed_bytes = 0;
	return lzma_easy_buffer_encode(6, LZMA_CHECK_CRC32, NULL, text, sizeof(text), packed,
				       &packed_bytes, sizeof(packed)) == LZMA_OK
		       ? 0
		       : -1;
}

static int inflate(size_t len, size_t bytes_max, uint8_t **ret, size_t *ret_size)
{
	return minidebug_inflate((struct span){packed, len}, bytes_max, ret, ret_size);
}

static void it_comes_out_as_it_went_in(void **state)
{
	uint8_t *out = NULL;
	size_t size = 0;

	(void)state;
	assert_int_equal(inflate(packed_bytes, MINIDEBUG_BYTES_MAX, &out, &size), 0);
	assert_int_equal(size, sizeof(text));
	assert_memory_equal(out, text, sizeof(text));
	free(out);
}

static void one_that_grows_past_the_limit_is_refused(void **state)
{
	uint8_t *out = NULL;
	size_t size = 7;

	(void)state;
	/* Its dictionary alone, of 8 MB, is more than the smaller one. */
	assert_int_equal(inflate(packed_bytes, TEXT_BYTES - 1, &out, &size), -EFBIG);
	assert_null(out);
	assert_int_equal(size, 7);
}

static void one_that_is_cut_is_corrupt(void **state)
{
	uint8_t *out = NULL;
	size_t size;

	(void)state;
	for (size_t len = 0; len < packed_bytes; len += 7)
		assert_int_equal(inflate(len, MINIDEBUG_BYTES_MAX, &out, &size), -EBADMSG);
	assert_null(out);
}

static void changed_bytes_are_noticed(void **state)
{
	uint8_t *out = NULL;
	size_t size;

	(void)state;
	for (size_t i = 0; i < packed_bytes; i += 3) {
		packed[i] ^= 0x55;
		assert_true(inflate(packed_bytes, MINIDEBUG_BYTES_MAX, &out, &size) < 0);
		packed[i] ^= 0x55;
	}
	assert_null(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_comes_out_as_it_went_in),
		cmocka_unit_test(one_that_grows_past_the_limit_is_refused),
		cmocka_unit_test(one_that_is_cut_is_corrupt),
		cmocka_unit_test(changed_bytes_are_noticed),
	};

	return cmocka_run_group_tests(tests, pack, NULL);
}
