/*
 * block.h over any bytes: parsing is bounded, and what it takes survives being written and parsed
 * again.
 *
 * The checksum that ends a block is appended here, so that the search gets past it; the input is
 * what stands before it.
 */
#include "storage/block.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int takes_odd(void *arg, uint32_t labels)
{
	(void)arg;
	return labels % 2;
}

/* What the whole passes, its parts do. */
static void parse_parts(const struct block *whole, const struct buf *bytes, struct compress *z)
{
	for (int i = 0; i < 5; i++) {
		struct block_want want = {.labels = i ? takes_odd : NULL,
					  .no_stacks = i == 0 || i == 2,
					  .no_times = i % 2 == 0,
					  .summed = i >= 3,
					  .until_ms = UINT64_MAX};
		struct block part = {};

		if (block_parse_some(bytes->data, bytes->len, z, &want, &part) < 0 ||
		    part.n_samples > whole->n_samples || part.n_losses != whole->n_losses)
			abort();
		block_done(&part);
	}
}

static void write_again(struct block *first, struct compress *z)
{
	struct block second = {};
	struct buf bytes;
	int r;

	buf_init(&bytes, 64u << 20);
	r = block_write(first, z, 10101010, 1, &bytes);
	if (r == 0) {
		if (block_parse(bytes.data, bytes.len, z, &second) < 0)
			abort();
		if (second.n_samples != first->n_samples || second.n_losses != first->n_losses ||
		    block_count(&second) != block_count(first))
			abort();
	}
	block_done(&second);
	buf_done(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct compress z = {};
	struct block parsed = {};
	struct buf bytes;

	block_parse(data, len, &z, &parsed);
	buf_init(&bytes, len + 16);
	buf_add(&bytes, data, len);
	buf_add_u64(&bytes, compress_checksum(data, len, 0));
	if (bytes.err == 0 && block_parse(bytes.data, bytes.len, &z, &parsed) == 0) {
		parse_parts(&parsed, &bytes, &z);
		write_again(&parsed, &z);
	}
	block_done(&parsed);
	buf_done(&bytes);
	compress_done(&z);
	return 0;
}
