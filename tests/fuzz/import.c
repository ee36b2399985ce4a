/*
 * web/import over any bytes, in pieces of any size, in each format; and what comes of it goes over
 * the wire of the jail and arrives as it was. The first byte is the format, the second the size of
 * the pieces.
 */
#include "profiler/jail/protocol_import.h"
#include "web/import/import.h"

#include <errno.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int send_over(void *arg, const struct import_batch *b)
{
	static const struct protocol_import_rules rules = {.name = "x"};
	struct profile **there = arg;
	struct buf body;

	buf_init(&body, 64u << 20);
	if (protocol_import_batch_write(&body, b) < 0)
		abort();
	if (protocol_import_batch_is_fresh(body.data, body.len)) {
		profile_free(*there);
		if (profile_new(false, there) < 0)
			abort();
	}
	/* What our own side writes must be taken by our own side. */
	if (protocol_import_batch_apply(body.data, body.len, &rules, *there) < 0)
		abort();
	if (profile_sample_count(*there) != profile_sample_count(b->p))
		abort();
	profile_clear_samples(*there);
	buf_done(&body);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct profile *there = NULL;
	struct import_options o = {
		.name = "x", .at_ms = 1795000000000, .take = send_over, .arg = &there};
	struct err err = {};
	struct import *w;
	size_t step;
	int r;

	if (len < 2)
		return 0;
	o.format = (enum import_format)(data[0] % (IMPORT_FORMAT_COUNT + 1)) - 1;
	step = data[1] ? data[1] : len;
	if (import_new(&o, &w) < 0)
		abort();
	r = 0;
	for (size_t at = 2; at < len && r == 0; at += step)
		r = import_add(w, data + at, step < len - at ? step : len - at, &err);
	if (r == 0)
		r = import_end(w, &err);
	if (r < 0 && (err.code != r || !err.text[0]))
		abort();
	import_free(w);
	profile_free(there);
	return 0;
}
