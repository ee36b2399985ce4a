/*
 * chunk.h over any bytes: parsing is bounded, and what it takes survives being written and parsed
 * again.
 *
 * The checksum that ends a chunk is appended here, so that the search gets past it; the input is
 * what stands before it.
 */
#include "storage/dict.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void write_again(struct chunk *first, struct compress *z)
{
	struct chunk second = {};
	struct buf bytes;
	int r;

	buf_init(&bytes, 64u << 20);
	r = chunk_write(first, z, 1, &bytes);
	if (r == 0) {
		if (chunk_parse(bytes.data, bytes.len, z, &second) < 0)
			abort();
		if (memcmp(second.n, first->n, sizeof(second.n)) ||
		    second.n_namings != first->n_namings)
			abort();
	}
	chunk_done(&second);
	buf_done(&bytes);
}

/* A dictionary of it: whatever it says, what is asked of it stays within it. */
static void apply_twice(const struct chunk *c)
{
	struct profile_labels l;
	struct dict *d;

	if (dict_new(1, true, &d) < 0)
		return;
	dict_apply(d, c);
	dict_apply(d, c);
	for (uint32_t i = 0; i < dict_count(d, CHUNK_STACK) && i < 1000; i++)
		dict_has_stack(d, i);
	for (uint32_t i = 0; i < dict_count(d, CHUNK_LABELS) && i < 1000; i++)
		dict_labels(d, i, &l);
	dict_free(d);
}

/* The same of a reader's, which unpacks late. */
static void wait_twice(const struct buf *bytes, struct compress *z)
{
	struct profile_labels l;
	struct dict *d;

	if (dict_new(1, true, &d) < 0)
		return;
	for (int i = 0; i < 2; i++) {
		dict_add_bytes(d, bytes->data, bytes->len, z);
		for (uint32_t k = 0; k < dict_count(d, CHUNK_LABELS) && k < 1000; k++)
			dict_labels(d, k, &l);
		dict_unpack(d);
		for (uint32_t k = 0; k < dict_count(d, CHUNK_STACK) && k < 1000; k++)
			dict_has_stack(d, k);
	}
	dict_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct compress z = {};
	struct chunk parsed = {};
	struct buf bytes;

	chunk_parse(data, len, &z, &parsed);
	buf_init(&bytes, len + 16);
	buf_add(&bytes, data, len);
	buf_add_u64(&bytes, compress_checksum(data, len, 0));
	if (bytes.err == 0 && chunk_parse(bytes.data, bytes.len, &z, &parsed) == 0) {
		write_again(&parsed, &z);
		apply_twice(&parsed);
	}
	if (bytes.err == 0)
		wait_twice(&bytes, &z);
	chunk_done(&parsed);
	buf_done(&bytes);
	compress_done(&z);
	return 0;
}
