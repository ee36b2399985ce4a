/* liblzma, with memory for what it may need and not a byte more; minidebug.h is the contract. */
#include "symbolizer/minidebug.h"

#include "profiler/base/cleanup.h"

#include <errno.h>
#include <lzma.h>

#define GROWTH_FIRST ((size_t)256 << 10)

static int grow(uint8_t **out, size_t *cap, size_t bytes_max)
{
	size_t bigger = *cap ? *cap * 2 : GROWTH_FIRST;
	uint8_t *v;

	if (*cap >= bytes_max)
		return -EFBIG;
	if (bigger > bytes_max)
		bigger = bytes_max;
	v = realloc(*out, bigger);
	if (!v)
		return -ENOMEM;
	*out = v;
	*cap = bigger;
	return 0;
}

static int translate(lzma_ret code)
{
	switch (code) {
	case LZMA_OK:
		return 0;
	case LZMA_MEM_ERROR:
		return -ENOMEM;
	case LZMA_MEMLIMIT_ERROR:
		return -EFBIG;
	default:
		return -EBADMSG;
	}
}

/* All of it: the size stands nowhere, so the room doubles as it fills. */
static int run(lzma_stream *s, size_t bytes_max, uint8_t **out)
{
	size_t cap = 0;

	for (;;) {
		lzma_ret code;
		int r = 0;

		if (s->total_out == cap)
			r = grow(out, &cap, bytes_max);
		if (r < 0)
			return r;
		s->next_out = *out + s->total_out;
		s->avail_out = cap - s->total_out;
		code = lzma_code(s, LZMA_FINISH);
		if (code == LZMA_STREAM_END)
			return 0;
		r = translate(code);
		if (r < 0)
			return r;
	}
}

int minidebug_inflate(struct span section, size_t bytes_max, uint8_t **ret, size_t *ret_size)
{
	_cleanup_free_ uint8_t *out = NULL;
	lzma_stream s = LZMA_STREAM_INIT;
	size_t size;
	int r = translate(lzma_stream_decoder(&s, bytes_max, 0));

	if (r < 0)
		return r;
	s.next_in = section.data;
	s.avail_in = section.size;
	r = run(&s, bytes_max, &out);
	size = s.total_out;
	lzma_end(&s);
	if (r < 0)
		return r;
	*ret = steal_ptr(out);
	*ret_size = size;
	return 0;
}
