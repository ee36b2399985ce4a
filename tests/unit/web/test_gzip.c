/* gzip into a buffer: any reader unpacks it, bytes are the same each time, a maximum holds. */
#include "web/gzip.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#define BYTES_MAX 300000
#define OUT_MAX	  (1u << 20)

static uint8_t mixed[BYTES_MAX]; /* as large packed as it is */

static int make_bytes(void **state)
{
	uint32_t random = 1;

	(void)state;
	for (size_t i = 0; i < BYTES_MAX; i++) {
		random = random * 1664525 + 1013904223;
		mixed[i] = (uint8_t)(random >> 24);
	}
	return 0;
}

/* The first len bytes in pieces of step. */
static int pack(size_t len, size_t step, int level, struct buf *out)
{
	struct gzip *g;

	assert_int_equal(gzip_begin(&g, out, level), 0);
	for (size_t at = 0; at < len; at += step)
		gzip_add(g, mixed + at, len - at < step ? len - at : step);
	return gzip_end(g);
}

static void assert_unpacks(const struct buf *out, size_t len)
{
	uint8_t *back = malloc(len + 1);
	z_stream z = {.next_in = out->data, .avail_in = (unsigned int)out->len};

	z.next_out = back;
	z.avail_out = (unsigned int)len + 1;
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.total_out, len);
	assert_int_equal(z.avail_in, 0);
	assert_memory_equal(back, mixed, len);
	inflateEnd(&z);
	free(back);
}

static void bytes_of_any_length_in_any_pieces_come_back(void **state)
{
	static const size_t lengths[] = {0, 1, 65535, 65536, 65537, BYTES_MAX};
	static const size_t steps[] = {997, 65536, BYTES_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
			struct buf out;

			buf_init(&out, OUT_MAX);
			assert_int_equal(pack(lengths[i], steps[k], 1, &out), 0);
			assert_unpacks(&out, lengths[i]);
			buf_done(&out);
		}
}

static void equal_input_gives_equal_bytes_without_a_time(void **state)
{
	struct buf a, b;

	(void)state;
	buf_init(&a, OUT_MAX);
	buf_init(&b, OUT_MAX);
	assert_int_equal(pack(1000, 1000, 9, &a), 0);
	assert_int_equal(pack(1000, 1000, 9, &b), 0);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.data, b.data, a.len);
	/* RFC 1952: magic, deflate, no flags, no time. */
	assert_memory_equal(a.data, "\x1f\x8b\x08\0\0\0\0\0", 8);
	buf_done(&a);
	buf_done(&b);
}

static void what_stood_in_the_buffer_stays(void **state)
{
	struct buf out, behind;

	(void)state;
	buf_init(&out, OUT_MAX);
	buf_add_str(&out, "before");
	assert_int_equal(pack(5000, 5000, 6, &out), 0);
	assert_memory_equal(out.data, "before", 6);
	behind = (struct buf){.data = out.data + 6, .len = out.len - 6};
	assert_unpacks(&behind, 5000);
	buf_done(&out);
}

/* In the middle and at the end: the failure is the stream's from then on. */
static void a_full_buffer_ends_the_stream(void **state)
{
	struct gzip *g;
	struct buf out;

	(void)state;
	buf_init(&out, 100000);
	assert_int_equal(gzip_begin(&g, &out, 1), 0);
	assert_int_equal(gzip_add(g, mixed, BYTES_MAX), -EFBIG);
	assert_int_equal(gzip_add(g, mixed, 1), -EFBIG);
	assert_int_equal(gzip_end(g), -EFBIG);
	assert_true(out.len <= 100000);
	buf_done(&out);

	buf_init(&out, 10);
	assert_int_equal(pack(100, 100, 1, &out), -EFBIG);
	buf_done(&out);
}

static void a_stream_can_be_left(void **state)
{
	struct gzip *g;
	struct buf out;

	(void)state;
	buf_init(&out, OUT_MAX);
	assert_int_equal(gzip_begin(&g, &out, 1), 0);
	assert_int_equal(gzip_add(g, mixed, 1000), 0);
	assert_null(gzip_free(g));
	assert_null(gzip_free(NULL));
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_of_any_length_in_any_pieces_come_back),
		cmocka_unit_test(equal_input_gives_equal_bytes_without_a_time),
		cmocka_unit_test(what_stood_in_the_buffer_stays),
		cmocka_unit_test(a_full_buffer_ends_the_stream),
		cmocka_unit_test(a_stream_can_be_left),
	};

	return cmocka_run_group_tests(tests, make_bytes, NULL);
}
