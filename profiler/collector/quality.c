/* Counting ends; see quality.h. */
#include "profiler/collector/quality.h"

#include <stdlib.h>
#include <string.h>

#define NAMES_FIRST 64

bool quality_is_incomplete(enum abi_end end)
{
	return end != ABI_END_ROOT && end != ABI_END_NONE && end != ABI_END_EXEC;
}

static void count_place(struct quality_ends *e, enum abi_end end, uint32_t object, uint64_t offset)
{
	struct quality_place *rarest = e->place;

	for (size_t i = 0; i < QUALITY_PLACES; i++) {
		struct quality_place *p = &e->place[i];

		if (p->count && p->object == object && p->offset == offset && p->end == end) {
			p->count++;
			return;
		}
		if (p->count < rarest->count)
			rarest = p;
	}
	rarest->object = object;
	rarest->offset = offset;
	rarest->end = end;
	rarest->count++;
}

void quality_count(struct quality_ends *e, enum abi_end end, uint32_t object, uint64_t offset)
{
	if (end == ABI_END_ROOT)
		e->complete++;
	if (!quality_is_incomplete(end))
		return;
	e->incomplete++;
	e->reason[end]++;
	count_place(e, end, object, offset);
}

void quality_done(struct quality *q)
{
	free(q->name);
	idmap_done(&q->by_name);
	*q = (struct quality){};
}

static struct quality_name *add(struct quality *q, const char comm[ABI_COMM_BYTES])
{
	if (q->n == q->cap) {
		uint32_t cap = q->cap ? q->cap * 2 : NAMES_FIRST;
		struct quality_name *more = realloc(q->name, cap * sizeof(*more));

		if (!more)
			return NULL;
		q->name = more;
		q->cap = cap;
	}
	if (idmap_add(&q->by_name, hash_bytes(comm, ABI_COMM_BYTES), q->n) < 0)
		return NULL;
	q->name[q->n] = (struct quality_name){};
	memcpy(q->name[q->n].comm, comm, ABI_COMM_BYTES);
	return &q->name[q->n++];
}

static struct quality_name *find(const struct quality *q, const char comm[ABI_COMM_BYTES])
{
	uint64_t hash = hash_bytes(comm, ABI_COMM_BYTES);
	uint32_t at, id;

	for (id = idmap_first(&q->by_name, hash, &at); id != IDMAP_NONE;
	     id = idmap_next(&q->by_name, hash, &at))
		if (memcmp(q->name[id].comm, comm, ABI_COMM_BYTES) == 0)
			return &q->name[id];
	return NULL;
}

struct quality_ends *quality_of_name(struct quality *q, const char comm[ABI_COMM_BYTES])
{
	static const char others[ABI_COMM_BYTES];
	struct quality_name *name = find(q, comm);

	if (!name && q->n >= QUALITY_NAMES_MAX) {
		comm = others;
		name = find(q, comm);
	}
	if (!name)
		name = add(q, comm);
	return name ? &name->ends : NULL;
}

size_t quality_rank(struct quality_rank *ranks, size_t n, size_t max,
		    const struct quality_ends *ends, const void *whose)
{
	size_t at = n;

	if (ends->incomplete == 0)
		return n;
	while (at > 0 && ranks[at - 1].ends->incomplete < ends->incomplete)
		at--;
	if (at == max)
		return n;
	if (n < max)
		n++;
	memmove(&ranks[at + 1], &ranks[at], (n - at - 1) * sizeof(*ranks));
	ranks[at] = (struct quality_rank){ends, whose};
	return n;
}

size_t quality_poorest(const struct quality *q, struct quality_rank *ret, size_t max)
{
	size_t n = 0;

	for (uint32_t i = 0; i < q->n; i++)
		n = quality_rank(ret, n, max, &q->name[i].ends, &q->name[i]);
	return n;
}
