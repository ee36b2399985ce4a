/*
 * Fuzzer of copied stacks: u32 n, n bytes of an .eh_frame of a made file, and behind them a
 * SNAPSHOT request as the worker gets it, which calls that file 5.
 *
 * What must hold: whatever parses is walked to an end, and the answer is one that the collector
 * takes. The corpus is written by make_snapshot_corpus.py.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "profiler/jail/protocol_snapshot.h"
#include "tests/unit/unwind/make.h"

#define FILE_NUMBER 5
#define ANSWER_MAX  65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void add_file(struct snapshot_walker *w, const uint8_t *eh_frame, size_t len)
{
	struct buf section = {.data = (uint8_t *)eh_frame, .len = len};
	int fd = memfd_create("made", MFD_CLOEXEC);
	size_t bytes;
	uint8_t *file = make_elf(&(struct make_file){.eh_frame = &section}, &bytes);

	must(fd >= 0 && write(fd, file, bytes) == (ssize_t)bytes);
	must(snapshot_walker_add(w, FILE_NUMBER, fd, NULL) == 0);
	free(file);
	close(fd);
}

static void walk(struct snapshot_walker *w, const struct snapshot *s)
{
	static struct protocol_snapshot_answer a, again;
	struct buf b;

	buf_init(&b, ANSWER_MAX);
	a.n = snapshot_walk(w, s, a.frames, &a.end);
	protocol_snapshot_answer_write(&b, &a);
	must(b.err == 0 && protocol_snapshot_answer_parse(b.data, b.len, &again) == 0);
	must(again.n == a.n && again.end == a.end);
	buf_done(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cursor c = cursor_over(data, len);
	uint32_t n = cursor_u32(&c);
	const uint8_t *eh_frame = cursor_bytes(&c, n);
	struct snapshot_walker *w;
	struct protocol_snapshot q;

	if (c.err || protocol_snapshot_parse(c.at, cursor_left(&c), &q) < 0)
		return 0;
	must(snapshot_walker_new(&w) == 0);
	add_file(w, eh_frame, n);
	walk(w, &q.snapshot);
	snapshot_walker_free(w);
	protocol_snapshot_done(&q);
	return 0;
}
