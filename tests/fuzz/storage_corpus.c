/*
 * storage_corpus BLOCKS CHUNKS: writes the corpora of storage_block and storage_chunk into these
 * folders again, after a change of the format. The inputs end before their checksum.
 */
#include "storage/block.h"
#include "storage/growth.h"

#include <stdio.h>
#include <stdlib.h>

#define CHECKSUM_BYTES 8
#define PERIOD_NS      10101010

static void save(const char *folder, const char *name, struct buf *bytes)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "we");
	if (!f || bytes->err ||
	    fwrite(bytes->data, 1, bytes->len - CHECKSUM_BYTES, f) != bytes->len - CHECKSUM_BYTES) {
		perror(path);
		exit(1);
	}
	fclose(f);
	buf_clear(bytes);
}

static void save_block(struct block *b, struct compress *z, uint64_t tick_ns, const char *folder,
		       const char *name)
{
	struct buf bytes;

	buf_init(&bytes, BLOCK_BYTES_MAX);
	if (block_write(b, z, tick_ns, 1, &bytes) < 0)
		exit(1);
	save(folder, name, &bytes);
	buf_done(&bytes);
}

static void write_blocks(const char *folder, struct compress *z)
{
	struct block b = {};

	save_block(&b, z, 0, folder, "empty");
	for (uint32_t i = 0; i < 300; i++) {
		struct block_sample s = {.time_ms = 1700000000000 + i * 10101 / 1000 + i % 2 * 3,
					 .count = 1,
					 .stack = i * i % 61,
					 .labels = 100 + i / 10 % 7,
					 .class = 100 + i / 10 % 7 / 3};

		if (block_add(&b, &s) < 0)
			exit(1);
	}
	save_block(&b, z, PERIOD_NS, folder, "seconds");
	b.samples[3].count = 1ull << 40;
	b.samples[5].count = 300;
	b.samples[7].time_ms = 5;
	block_add_loss(&b, 1700000000100, "ring_full", 7);
	block_add_loss(&b, 1600000000000, "throttled", 1);
	save_block(&b, z, PERIOD_NS, folder, "losses_counts_jump");
	block_coarsen(&b, 1000);
	save_block(&b, z, 1000000000, folder, "seconds_coarse");
	block_done(&b);
}

static void grow(struct growth *g)
{
	struct profile_object o = {.kind = PROFILE_OBJECT_FILE, .domain = 1001, .identity = 77};
	struct profile_labels l = {.has = (1u << PROFILE_LABEL_COUNT) - 1, .n_extra = 1};
	struct profile_function f = {.start_line = 12};
	uint32_t stack = 0, object, class;

	o.path = (uint32_t)growth_string(g, "/lib/libc.so.6");
	o.build_id = (uint32_t)growth_string(g, "abcd12");
	object = (uint32_t)growth_object(g, &o);
	f.name = f.system_name = (uint32_t)growth_string(g, "main");
	f.file = (uint32_t)growth_string(g, "main.c");
	for (uint32_t i = 0; i < 40; i++) {
		struct profile_line lines[2] = {{.line = i, .column = 3}, {.line = i + 1}};
		uint32_t location =
			(uint32_t)growth_location(g, object, 4096 + i * (i % 3 ? 16 : 99999));

		stack = (uint32_t)growth_stack(g, i % 5 ? stack : 0, location);
		lines[0].function = lines[1].function = (uint32_t)growth_function(g, &f);
		growth_name(g, location, lines, i % 3);
	}
	for (uint32_t i = 0; i < PROFILE_LABEL_COUNT; i++)
		l.value[i] = profile_label_is_number((enum profile_label)i) ? 1000 + i : o.path;
	l.extra[0] = (struct profile_extra_label){f.name, f.file};
	growth_labels(g, &l, &class);
	l.has = 3;
	growth_labels(g, &l, &class);
}

static void write_chunks(const char *folder, struct compress *z)
{
	static const char *const names[] = {"empty", "first", "second"};
	struct chunk c = {};
	struct growth g;
	struct buf bytes;

	buf_init(&bytes, CHUNK_BYTES_MAX);
	if (growth_init(&g, 1) < 0)
		exit(1);
	for (int i = 0; i < 3; i++) {
		if (i == 1)
			grow(&g);
		if (i == 2 && (growth_string(&g, "later") < 0 || growth_name(&g, 0, NULL, 0) < 0))
			exit(1);
		growth_take(&g, &c);
		if (chunk_write(&c, z, 1, &bytes) < 0)
			exit(1);
		save(folder, names[i], &bytes);
	}
	chunk_done(&c);
	growth_done(&g);
	buf_done(&bytes);
}

int main(int argc, char **argv)
{
	struct compress z = {};

	if (argc != 3) {
		fputs("usage: storage_corpus BLOCKS CHUNKS\n", stderr);
		return 2;
	}
	write_blocks(argv[1], &z);
	write_chunks(argv[2], &z);
	compress_done(&z);
	return 0;
}
