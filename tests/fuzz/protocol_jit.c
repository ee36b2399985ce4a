/*
 * What a worker and the collector say about JIT code, of any bytes: a request or an answer that is
 * taken is written again as it was.
 */
#include "profiler/jail/protocol_jit.h"

#include <string.h>

#undef NDEBUG /* the checks are what it is for */
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void try_request(const uint8_t *data, size_t len)
{
	struct protocol_jit_request q;
	struct buf again;

	if (protocol_jit_request_parse(data, len, &q) < 0)
		return;
	buf_init(&again, 1 << 20);
	protocol_jit_request_write(&again, &q);
	assert(again.len == len && !memcmp(again.data, data, len));
	buf_done(&again);
	protocol_jit_request_done(&q);
}

static void try_answer(const uint8_t *data, size_t len, uint32_t asked)
{
	struct protocol_jit_answer a;
	struct buf again;

	if (protocol_jit_answer_parse(data, len, asked, &a) < 0)
		return;
	assert(a.n_places <= asked && a.n == (a.behind ? 0 : asked));
	for (uint32_t i = 0; i < a.n; i++)
		assert(a.which[i] <= a.n_places);
	buf_init(&again, 1 << 20);
	protocol_jit_answer_write(&again, &a);
	assert(again.len == len); /* sentences are made printable */
	buf_done(&again);
	protocol_jit_answer_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (!len)
		return 0;
	try_request(data + 1, len - 1);
	try_answer(data + 1, len - 1, data[0] & 15);
	return 0;
}
