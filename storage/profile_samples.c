/* What was counted and what was lost; see profile.h. profile.c has the tables that it refers to. */
#include "storage/profile_private.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define PROFILE_LOSSES_MAX 256 /* reasons are ours, a few dozen */

static uint64_t sample_hash(uint32_t stack, uint32_t labels)
{
	uint32_t key[2] = {stack, labels};

	return hash_bytes(key, sizeof(key));
}

static struct profile_sample *sample_find(struct profile *p, uint64_t hash, uint32_t stack,
					  uint32_t labels)
{
	uint32_t at, id;

	for (id = idmap_first(&p->sample_index, hash, &at); id != IDMAP_NONE;
	     id = idmap_next(&p->sample_index, hash, &at))
		if (p->samples[id].stack == stack && p->samples[id].labels == labels)
			return &p->samples[id];
	return NULL;
}

int64_t profile_add_sample_row(struct profile *p, uint64_t time_ns, uint32_t stack, uint32_t labels,
			       uint64_t count)
{
	struct profile_sample s = {p->merge ? 0 : time_ns, stack, labels, count};
	uint64_t hash = p->merge ? sample_hash(stack, labels) : 0;
	struct profile_sample *have = p->merge ? sample_find(p, hash, stack, labels) : NULL;
	int r;

	assert(stack < p->n_stacks && labels < p->n_labels);
	if (have) {
		have->count += count;
		return have - p->samples;
	}
	r = profile_grow(&p->samples, &p->cap_samples, p->n_samples, 1, sizeof(s),
			 PROFILE_SAMPLES_MAX);
	if (r < 0)
		return r;
	if (p->merge) {
		r = idmap_add(&p->sample_index, hash, p->n_samples);
		if (r < 0)
			return r;
	}
	p->samples[p->n_samples] = s;
	return p->n_samples++;
}

int profile_add_sample(struct profile *p, uint64_t time_ns, uint32_t stack, uint32_t labels,
		       uint64_t count)
{
	int64_t row = profile_add_sample_row(p, time_ns, stack, labels, count);

	return row < 0 ? (int)row : 0;
}

void profile_clear_samples(struct profile *p)
{
	p->n_samples = 0;
	idmap_clear(&p->sample_index);
}

int profile_drop_empty(struct profile *p)
{
	uint32_t kept = 0;
	int r = 0;

	for (uint32_t i = 0; i < p->n_samples; i++)
		if (p->samples[i].count)
			p->samples[kept++] = p->samples[i];
	if (kept == p->n_samples)
		return 0;
	p->n_samples = kept;
	idmap_clear(&p->sample_index);
	for (uint32_t i = 0; i < kept && p->merge && r >= 0; i++)
		r = idmap_add(&p->sample_index,
			      sample_hash(p->samples[i].stack, p->samples[i].labels), i);
	return r;
}

int profile_add_loss(struct profile *p, const char *reason, uint64_t count)
{
	int64_t id = profile_string(p, reason);
	struct profile_loss *losses;

	if (id < 0)
		return (int)id;
	for (uint32_t i = 0; i < p->n_losses; i++) {
		if (p->losses[i].reason == (uint32_t)id) {
			p->losses[i].count += count;
			return 0;
		}
	}
	if (p->n_losses >= PROFILE_LOSSES_MAX)
		return -E2BIG;
	losses = realloc(p->losses, (p->n_losses + 1) * sizeof(*losses));
	if (!losses)
		return -ENOMEM;
	p->losses = losses;
	losses[p->n_losses++] = (struct profile_loss){.reason = (uint32_t)id, .count = count};
	return 0;
}
