/* The naive answers; see oracle.h. */
#include "tests/unit/storage/oracle.h"

#include "storage/profile_map.h"

#include "storage/selector.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define KEY_BYTES 640

uint64_t oracle_random(struct oracle *o, uint64_t below)
{
	o->random ^= o->random << 13;
	o->random ^= o->random >> 7;
	o->random ^= o->random << 17;
	return o->random % below;
}

void oracle_done(struct oracle *o)
{
	free(o->samples);
	*o = (struct oracle){};
}

/* ---- what numbers look like ---- */

/* Two of three locations have a name, with an inlined one where the offset is odd. */
static void name_location(struct profile *p, uint32_t location)
{
	uint64_t offset = p->locations[location].offset;
	struct profile_line lines[2] = {};
	char text[32];

	if (offset % 3 == 0 || p->locations[location].naming != PROFILE_UNNAMED)
		return;
	for (uint32_t i = 0; i < 2; i++) {
		struct profile_function f = {.start_line = i};

		snprintf(text, sizeof(text), "%s-%" PRIu64, i ? "outer" : "function", offset);
		f.name = f.system_name = (uint32_t)profile_string(p, text);
		lines[i].function = (uint32_t)profile_function(p, &f);
		lines[i].line = (uint32_t)offset + i;
	}
	assert_int_equal(profile_set_lines(p, location, lines, 1 + offset % 2), 0);
}

static uint32_t make_stack(struct profile *p, uint32_t number)
{
	uint32_t stack = 0, location;
	char path[32];

	for (uint32_t depth = 0; depth <= number % 7; depth++) {
		struct profile_object o = {.kind = PROFILE_OBJECT_FILE, .identity = number % 3};

		snprintf(path, sizeof(path), "/lib/object-%u", (number + depth) % 5);
		o.path = (uint32_t)profile_string(p, path);
		location = (uint32_t)profile_location(p, (uint32_t)profile_object(p, &o),
						      depth == number % 7 ? number : depth);
		name_location(p, location);
		stack = (uint32_t)profile_stack(p, stack, location);
	}
	return stack;
}

static uint32_t make_labels(struct profile *p, uint32_t number)
{
	struct profile_labels l = {.has = 1u << PROFILE_LABEL_PID | 1u << PROFILE_LABEL_TID |
					  1u << PROFILE_LABEL_COMM};
	char text[32];

	l.value[PROFILE_LABEL_PID] = 100 + number / 3;
	l.value[PROFILE_LABEL_TID] = 100 + number;
	snprintf(text, sizeof(text), "comm-%u", number / 5);
	l.value[PROFILE_LABEL_COMM] = (uint64_t)profile_string(p, text);
	if (number % 2) {
		l.has |= 1u << PROFILE_LABEL_CONTAINER;
		snprintf(text, sizeof(text), "web%u", number % 4);
		l.value[PROFILE_LABEL_CONTAINER] = (uint64_t)profile_string(p, text);
	}
	if (number % 3 == 0) {
		l.n_extra = 1;
		l.extra[0].key = (uint32_t)profile_string(p, "zone");
		l.extra[0].value = (uint32_t)profile_string(p, "eu");
	}
	return (uint32_t)profile_labels(p, &l);
}

/* ---- adding ---- */

void oracle_add(struct oracle *o, struct profile *live, uint64_t time_ms, uint32_t stack,
		uint32_t labels, uint64_t count)
{
	if (o->n == o->cap) {
		o->cap = o->cap ? 2 * o->cap : 1024;
		o->samples = realloc(o->samples, o->cap * sizeof(*o->samples));
		assert_non_null(o->samples);
	}
	o->samples[o->n++] = (struct oracle_sample){time_ms, count, stack, labels};
	assert_int_equal(profile_add_sample(live, time_ms * ORACLE_MS + oracle_random(o, ORACLE_MS),
					    make_stack(live, stack), make_labels(live, labels),
					    count),
			 0);
}

void oracle_add_some(struct oracle *o, struct profile *live, size_t n, uint64_t from_ms,
		     uint64_t until_ms, uint32_t stacks, uint32_t labels)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t at = from_ms + oracle_random(o, until_ms - from_ms);
		uint32_t stack = (uint32_t)oracle_random(o, 1 + oracle_random(o, stacks));

		oracle_add(o, live, at, stack, (uint32_t)oracle_random(o, labels),
			   oracle_random(o, 20) ? 1 : 1 + oracle_random(o, 5));
	}
}

void oracle_coarsen(struct oracle *o, uint64_t before_ms, uint64_t resolution_ms)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->samples[i].time_ms < before_ms)
			o->samples[i].time_ms -= o->samples[i].time_ms % resolution_ms;
}

/* ---- asking the list ---- */

/* The label sets of the list, each once, so that the selector has something to look at. */
static struct profile *all_labels(const struct oracle *o)
{
	struct profile *p;
	uint32_t most = 0;

	assert_int_equal(profile_new(false, &p), 0);
	for (size_t i = 0; i < o->n; i++)
		most = o->samples[i].labels > most ? o->samples[i].labels : most;
	for (uint32_t i = 0; i <= most; i++)
		assert_int_equal(make_labels(p, i), i);
	return p;
}

struct judge {
	struct profile *labels;
	struct selector *selector;
};

static struct judge judge_new(const struct oracle *o, const char *match)
{
	struct judge j = {.labels = all_labels(o)};

	assert_int_equal(selector_parse(match, &j.selector, NULL), 0);
	return j;
}

static void judge_done(struct judge *j)
{
	selector_free(j->selector);
	profile_free(j->labels);
}

static bool takes(const struct judge *j, const struct oracle_sample *s, uint64_t from_ms,
		  uint64_t until_ms)
{
	return s->time_ms >= from_ms && s->time_ms < until_ms &&
	       selector_matches(j->selector, j->labels, s->labels) == 1;
}

uint64_t oracle_count(const struct oracle *o, uint64_t from_ms, uint64_t until_ms,
		      const char *match)
{
	struct judge j = judge_new(o, match);
	uint64_t sum = 0;

	for (size_t i = 0; i < o->n; i++)
		if (takes(&j, &o->samples[i], from_ms, until_ms))
			sum += o->samples[i].count;
	judge_done(&j);
	return sum;
}

/* ---- profiles: both sides as sorted lines of text with counts ---- */

struct line {
	char key[KEY_BYTES];
	uint64_t count;
};

static void describe(const struct profile *p, uint64_t time_ms, uint32_t stack, uint32_t labels,
		     char *key)
{
	static const char *const names[] = {"pid", "tid", "comm", "container", "zone", "host"};
	uint32_t locations[16], n = profile_stack_locations(p, stack, locations, 16);
	size_t at = (size_t)snprintf(key, KEY_BYTES, "%" PRIu64, time_ms);
	char scratch[24], made_up[PROFILE_SCRATCH_BYTES];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		at += (size_t)snprintf(key + at, KEY_BYTES - at, " %s=%s", names[i],
				       profile_label_text(p, labels, names[i], scratch));
	for (uint32_t i = 0; i < n; i++) {
		const struct profile_object *o = &p->objects[p->locations[locations[i]].object];

		at += (size_t)snprintf(key + at, KEY_BYTES - at, ";%s(%" PRIu64 ")+%" PRIu64,
				       profile_str(p, o->path), o->identity,
				       p->locations[locations[i]].offset);
		for (uint32_t k = 0; k < profile_location_frames(p, locations[i]); k++) {
			struct profile_frame f =
				profile_location_frame(p, locations[i], k, made_up);

			if (f.named)
				at += (size_t)snprintf(key + at, KEY_BYTES - at, "=%s:%u",
						       f.function, f.line);
		}
	}
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(((const struct line *)a)->key, ((const struct line *)b)->key);
}

static size_t add_up(struct line *lines, size_t n)
{
	size_t kept = 0;

	qsort(lines, n, sizeof(*lines), compare_lines);
	for (size_t i = 1; i < n; i++) {
		if (!strcmp(lines[kept].key, lines[i].key))
			lines[kept].count += lines[i].count;
		else
			lines[++kept] = lines[i];
	}
	return n ? kept + 1 : 0;
}

static struct line *lines_of(const struct profile *p, size_t *ret_n)
{
	struct line *lines = calloc(p->n_samples + 1, sizeof(*lines));

	assert_non_null(lines);
	for (uint32_t i = 0; i < p->n_samples; i++) {
		describe(p, p->samples[i].time_ns / ORACLE_MS, p->samples[i].stack,
			 p->samples[i].labels, lines[i].key);
		lines[i].count = p->samples[i].count;
	}
	*ret_n = add_up(lines, p->n_samples);
	return lines;
}

/* The list's samples as a profile of their own, then described in the same way. */
static struct profile *right_answer(const struct oracle *o, uint64_t from_ms, uint64_t until_ms,
				    const char *match, bool with_times)
{
	struct judge j = judge_new(o, match);
	struct profile *p;

	assert_int_equal(profile_new(false, &p), 0);
	for (size_t i = 0; i < o->n; i++) {
		const struct oracle_sample *s = &o->samples[i];

		if (takes(&j, s, from_ms, until_ms))
			profile_add_sample(p, with_times ? s->time_ms * ORACLE_MS : 0,
					   make_stack(p, s->stack), make_labels(p, s->labels),
					   s->count);
	}
	judge_done(&j);
	return p;
}

bool oracle_is_part(const struct oracle *o, const struct profile *p, uint64_t *ret_missing)
{
	struct profile *right = right_answer(o, 0, UINT64_MAX, NULL, true);
	size_t n_right, n_got, at = 0;
	struct line *want = lines_of(right, &n_right), *got = lines_of(p, &n_got);
	uint64_t all = 0, have = 0;
	bool part = true;

	for (size_t i = 0; i < n_right; i++)
		all += want[i].count;
	for (size_t i = 0; i < n_got && part; i++) {
		while (at < n_right && strcmp(want[at].key, got[i].key) < 0)
			at++;
		part = at < n_right && !strcmp(want[at].key, got[i].key) &&
		       got[i].count <= want[at].count;
		have += got[i].count;
		for (size_t d = 0; !part && d < n_right; d++)
			if (!strncmp(want[d].key, got[i].key, 13))
				print_message("  listed: %" PRIu64 " of %s\n", want[d].count,
					      want[d].key);
		if (!part)
			print_message("not in the list: %" PRIu64 " of %s\n", got[i].count,
				      got[i].key);
	}
	*ret_missing = all - have;
	free(want);
	free(got);
	profile_free(right);
	return part;
}

void oracle_check_profile(const struct oracle *o, const struct profile *p, uint64_t from_ms,
			  uint64_t until_ms, const char *match, bool with_times)
{
	struct profile *right = right_answer(o, from_ms, until_ms, match, with_times);
	size_t n_right, n_got;
	struct line *want = lines_of(right, &n_right), *got = lines_of(p, &n_got);

	for (size_t i = 0; i < n_right && i < n_got; i++)
		if (strcmp(want[i].key, got[i].key) || want[i].count != got[i].count)
			fail_msg("want %" PRIu64 " of %s\n got %" PRIu64 " of %s", want[i].count,
				 want[i].key, got[i].count, got[i].key);
	assert_int_equal(n_right, n_got);
	free(want);
	free(got);
	profile_free(right);
}

/* ---- the other questions ---- */

uint64_t oracle_count_in(struct store *s, uint64_t from_ms, uint64_t until_ms)
{
	struct store_query q = {.from_ns = from_ms * ORACLE_MS, .until_ns = until_ms * ORACLE_MS};
	struct profile *p;
	uint64_t count;

	assert_int_equal(store_query_profile(s, &q, NULL, false, &p, NULL), 0);
	assert_int_equal(p->n_losses, 0);
	count = profile_sample_count(p);
	profile_free(p);
	return count;
}

static void check_profiles(const struct oracle *o, struct store *s, const struct store_query *q,
			   uint64_t from_ms, uint64_t until_ms, bool with_times)
{
	for (int keep = 0; keep < 1 + with_times; keep++) {
		struct profile *p;
		struct err err = {};

		if (store_query_profile(s, q, NULL, keep, &p, &err) < 0)
			fail_msg("%s", err_text(&err));
		oracle_check_profile(o, p, from_ms, until_ms, q->match, keep);
		for (uint32_t i = 1; keep && i < p->n_samples; i++)
			assert_true(p->samples[i - 1].time_ns <= p->samples[i].time_ns);
		for (uint32_t i = 0; i < p->n_losses; i++)
			if (strcmp(profile_str(p, p->losses[i].reason), "ring_full"))
				fail_msg("lost %s", profile_str(p, p->losses[i].reason));
		profile_free(p);
	}
}

/* The rows of p, whatever their labels. */
static struct profile *without_labels(const struct profile *p)
{
	struct profile_labels none = {};
	struct profile_map m;
	struct profile *to;
	uint32_t labels;

	assert_int_equal(profile_new(true, &to), 0);
	assert_int_equal(profile_map_init(&m, to, p), 0);
	labels = (uint32_t)profile_labels(to, &none);
	for (uint32_t i = 0; i < p->n_samples; i++) {
		uint32_t stack;

		assert_int_equal(profile_map_stack(&m, p->samples[i].stack, &stack), 0);
		profile_add_sample(to, 0, stack, labels, p->samples[i].count);
	}
	profile_map_done(&m);
	return to;
}

/* What is asked by stack alone, or by what sums know, is what all label sets add up to. */
static void check_sums(struct store *s, const struct store_query *q)
{
	static const char *const nothing[] = {NULL}, *const comm[] = {"comm", NULL};
	struct profile *all, *by, *right, *got;
	struct line *want, *have;
	size_t n_want, n_have;

	assert_int_equal(store_query_profile(s, q, NULL, false, &all, NULL), 0);
	right = without_labels(all);
	want = lines_of(right, &n_want);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(store_query_profile(s, q, i ? comm : nothing, false, &by, NULL),
				 0);
		got = without_labels(by);
		have = lines_of(got, &n_have);
		assert_int_equal(n_have, n_want);
		for (size_t k = 0; k < n_want; k++) {
			assert_string_equal(have[k].key, want[k].key);
			assert_int_equal(have[k].count, want[k].count);
		}
		free(have);
		profile_free(got);
		profile_free(by);
	}
	free(want);
	profile_free(right);
	profile_free(all);
}

static void check_by(const struct oracle *o, struct store *s, const struct store_query *q)
{
	static const char *const by[] = {"comm", "zone", NULL};
	struct profile *p;
	char scratch[24];

	assert_int_equal(store_query_profile(s, q, by, false, &p, NULL), 0);
	for (uint32_t i = 0; i < p->n_samples; i++)
		assert_string_equal(profile_label_text(p, p->samples[i].labels, "pid", scratch),
				    "");
	assert_int_equal(profile_sample_count(p), oracle_count(o, q->from_ns / ORACLE_MS,
							       q->until_ns / ORACLE_MS, q->match));
	profile_free(p);
}

static void check_series(const struct oracle *o, struct store *s, const struct store_query *q,
			 uint64_t from_ms, uint64_t until_ms, uint64_t resolution_ms)
{
	uint64_t step_ms = ((until_ms - from_ms) / 17 / resolution_ms + 1) * resolution_ms, sum = 0;
	struct store_series all, by;

	assert_int_equal(store_query_series(s, q, step_ms * ORACLE_MS, NULL, &all, NULL), 0);
	for (uint32_t i = 0; i < all.n_steps; i++) {
		uint64_t end = from_ms + (i + 1) * step_ms;
		uint64_t want = oracle_count(o, from_ms + i * step_ms,
					     end < until_ms ? end : until_ms, q->match);

		assert_int_equal(all.n_lines ? all.lines[0].count[i] : 0, want);
	}
	assert_int_equal(store_query_series(s, q, step_ms * ORACLE_MS, "comm", &by, NULL), 0);
	for (size_t i = 0; i < by.n_lines; i++) {
		uint64_t total = 0;

		for (uint32_t k = 0; k < by.n_steps; k++)
			total += by.lines[i].count[k];
		assert_int_equal(total, by.lines[i].total);
		assert_true(i == 0 || by.lines[i - 1].total >= total);
		sum += total;
	}
	assert_int_equal(sum + by.more_count, oracle_count(o, from_ms, until_ms, q->match));
	store_series_done(&all);
	store_series_done(&by);
}

static void check_heatmap(const struct oracle *o, struct store *s, const struct store_query *q,
			  uint64_t from_ms, uint64_t until_ms)
{
	struct judge j = judge_new(o, q->match);
	struct store_heatmap h;
	uint32_t *want;

	if (until_ms - from_ms > 1000ull * (STORE_HEATMAP_COLUMNS_MAX - 1)) {
		judge_done(&j);
		return;
	}
	assert_int_equal(store_query_heatmap(s, q, &h, NULL), 0);
	want = calloc((size_t)h.n_columns * STORE_HEATMAP_SLOTS + 1, sizeof(*want));
	for (size_t i = 0; i < o->n; i++)
		if (takes(&j, &o->samples[i], from_ms, until_ms))
			want[(o->samples[i].time_ms - h.start_ns / ORACLE_MS) / 20] +=
				(uint32_t)o->samples[i].count;
	assert_memory_equal(want, h.count,
			    (size_t)h.n_columns * STORE_HEATMAP_SLOTS * sizeof(*want));
	free(want);
	store_heatmap_done(&h);
	judge_done(&j);
}

static void check_values(const struct oracle *o, struct store *s, const struct store_query *q,
			 uint64_t from_ms, uint64_t until_ms)
{
	struct store_values v;
	uint64_t sum = 0;

	assert_int_equal(store_query_label_values(s, q, "tid", &v, NULL), 0);
	for (size_t i = 0; i < v.n; i++) {
		sum += v.count[i];
		assert_true(i == 0 || v.count[i - 1] >= v.count[i]);
	}
	assert_int_equal(sum, oracle_count(o, from_ms, until_ms, q->match));
	store_values_done(&v);
	assert_int_equal(store_query_labels(s, q, &v, NULL), 0);
	for (size_t i = 0; i < v.n; i++)
		if (!strcmp(v.value[i], "comm"))
			assert_int_equal(v.count[i], sum);
	store_values_done(&v);
}

void oracle_check_store(const struct oracle *o, struct store *s, uint64_t from_ms,
			uint64_t until_ms, const char *match)
{
	struct store_query q = {
		.from_ns = from_ms * ORACLE_MS, .until_ns = until_ms * ORACLE_MS, .match = match};

	check_profiles(o, s, &q, from_ms, until_ms, true);
	check_sums(s, &q);
	check_by(o, s, &q);
	check_series(o, s, &q, from_ms, until_ms, 1);
	check_heatmap(o, s, &q, from_ms, until_ms);
	check_values(o, s, &q, from_ms, until_ms);
}

void oracle_check_minutes(const struct oracle *o, struct store *s, uint64_t from_ms,
			  uint64_t until_ms, const char *match)
{
	struct store_query q = {
		.from_ns = from_ms * ORACLE_MS, .until_ns = until_ms * ORACLE_MS, .match = match};

	check_profiles(o, s, &q, from_ms, until_ms, false);
	check_sums(s, &q);
	check_by(o, s, &q);
	check_series(o, s, &q, from_ms, until_ms, 60000);
	check_values(o, s, &q, from_ms, until_ms);
}
