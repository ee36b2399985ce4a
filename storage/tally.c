/* Counts by text; see tally.h. */
#include "storage/tally.h"

#include "profiler/base/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_SCRATCH_BYTES 24

int tally_init(struct tally *t)
{
	*t = (struct tally){};
	return profile_new(false, &t->texts);
}

void tally_done(struct tally *t)
{
	profile_free(t->texts);
	free(t->count);
	*t = (struct tally){};
}

int64_t tally_add(struct tally *t, const char *text, uint64_t count)
{
	int64_t id = profile_string(t->texts, text);

	if (id < 0)
		return id;
	if (id >= t->cap) {
		uint32_t cap = (uint32_t)id + (uint32_t)id / 2 + 64;
		uint64_t *more = realloc(t->count, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		memset(more + t->cap, 0, (cap - t->cap) * sizeof(*more));
		t->count = more;
		t->cap = cap;
	}
	if (id >= t->n)
		t->n = (uint32_t)id + 1;
	t->count[id] += count;
	return id;
}

int64_t tally_label(struct tally *t, struct dict *d, uint32_t labels, const char *name)
{
	struct profile_labels l;
	struct profile view = {.labels = &l, .n_labels = 1};
	char scratch[LABEL_SCRATCH_BYTES];
	int which = profile_label_parse(name);
	bool is_number = which >= 0 && profile_label_is_number((enum profile_label)which);
	int r = is_number ? 0 : dict_unpack_strings(d);

	if (r >= 0)
		r = dict_labels(d, labels, &l);
	view.text = d->tables->text;
	view.string_offset = d->tables->string_offset;
	view.n_strings = d->tables->n_strings;
	return r < 0 ? r : tally_add(t, profile_label_text(&view, 0, name, scratch), 0);
}

const char *tally_text(const struct tally *t, uint32_t index)
{
	return profile_str(t->texts, index);
}

static int compare(const void *a, const void *b, void *arg)
{
	const struct tally *t = (const struct tally *)arg;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	if (t->count[x] != t->count[y])
		return t->count[x] > t->count[y] ? -1 : 1;
	return strcmp(tally_text(t, x), tally_text(t, y));
}

int tally_order(const struct tally *t, uint32_t **ret)
{
	uint32_t *order = malloc(((size_t)t->n + 1) * sizeof(*order));

	if (!order)
		return -ENOMEM;
	for (uint32_t i = 0; i < t->n; i++)
		order[i] = i;
	qsort_r(order, t->n, sizeof(*order), compare, (void *)t);
	*ret = order;
	return 0;
}
