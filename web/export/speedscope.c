/*
 * speedscope: https://www.speedscope.app/file-format-schema.json. With times one profile a thread
 * in time order, without them one a process; the heaviest first. Neighbours with equal stacks are
 * one entry with their weights added. A comparison has the base's profiles behind the others, named
 * so.
 */
#include "web/export/formats.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/base/cleanup.h"
#include "profiler/base/json.h"
#include "web/export/frames.h"
#include "web/export/join.h"
#include "web/export/rows.h"

struct track {
	uint64_t key[3]; /* pid, its start, tid; merged: pid, its start, comm */
	uint32_t labels; /* one of its label sets */
	uint32_t number;
	uint64_t samples;
};

struct speedscope {
	const struct profile *p; /* the side that is being written */
	const char *side; /* what its names begin with */
	struct json *j;
	struct frames frames;
	struct frames_map map;
	struct track *tracks;
	uint32_t n_tracks, cap_tracks;
	struct idmap index;
	uint32_t *track_of; /* by label set: track + 1, 0 not known yet */
	uint32_t *order; /* samples, by track and time */
	uint32_t *rank; /* by track: its place */
	struct export_path path;
};

/* What a side leaves behind. */
static void side_done(struct speedscope *s)
{
	free(s->tracks);
	idmap_done(&s->index);
	free(s->track_of);
	free(s->order);
	free(s->rank);
	s->tracks = NULL;
	s->track_of = s->order = s->rank = NULL;
	s->n_tracks = s->cap_tracks = 0;
}

static void speedscope_done(struct speedscope *s)
{
	frames_done(&s->frames);
	frames_map_done(&s->map);
	side_done(s);
	export_path_done(&s->path);
}

static uint64_t label(const struct profile *p, uint32_t labels, enum profile_label which)
{
	const struct profile_labels *l = &p->labels[labels];

	return l->has & (1u << which) ? l->value[which] : 0;
}

static int64_t track_intern(struct speedscope *s, uint32_t labels)
{
	const struct profile *p = s->p;
	struct track t = {
		.key = {label(p, labels, PROFILE_LABEL_PID), label(p, labels, PROFILE_LABEL_START),
			label(p, labels, p->merge ? PROFILE_LABEL_COMM : PROFILE_LABEL_TID)},
		.labels = labels,
		.number = s->n_tracks,
	};
	uint64_t hash = hash_bytes(t.key, sizeof(t.key));
	uint32_t at, id;

	for (id = idmap_first(&s->index, hash, &at); id != IDMAP_NONE;
	     id = idmap_next(&s->index, hash, &at))
		if (!memcmp(s->tracks[id].key, t.key, sizeof(t.key)))
			return id;
	if (s->n_tracks == s->cap_tracks) {
		uint32_t cap = s->cap_tracks ? s->cap_tracks * 2 : 64;
		struct track *tracks = realloc(s->tracks, cap * sizeof(*tracks));

		if (!tracks)
			return -ENOMEM;
		s->tracks = tracks;
		s->cap_tracks = cap;
	}
	if (idmap_add(&s->index, hash, s->n_tracks) < 0)
		return -ENOMEM;
	s->tracks[s->n_tracks] = t;
	return s->n_tracks++;
}

static int find_tracks(struct speedscope *s)
{
	for (uint32_t i = 0; i < s->p->n_samples; i++) {
		const struct profile_sample *sample = &s->p->samples[i];
		uint32_t *track = &s->track_of[sample->labels];

		if (!*track) {
			int64_t id = track_intern(s, sample->labels);

			if (id < 0)
				return (int)id;
			*track = (uint32_t)id + 1;
		}
		s->tracks[*track - 1].samples += sample->count;
	}
	return 0;
}

static int track_compare(const void *left, const void *right)
{
	const struct track *a = left, *b = right;

	if (a->samples != b->samples)
		return a->samples > b->samples ? -1 : 1;
	return memcmp(a->key, b->key, sizeof(a->key));
}

static uint32_t rank_of(const struct speedscope *s, uint32_t sample)
{
	return s->rank[s->track_of[s->p->samples[sample].labels] - 1];
}

static int sample_compare(const void *left, const void *right, void *ctx)
{
	const struct speedscope *s = ctx;
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
	uint32_t x = rank_of(s, a), y = rank_of(s, b);

	if (x != y)
		return x < y ? -1 : 1;
	if (s->p->samples[a].time_ns != s->p->samples[b].time_ns)
		return s->p->samples[a].time_ns < s->p->samples[b].time_ns ? -1 : 1;
	return a < b ? -1 : a > b;
}

static int order_samples(struct speedscope *s)
{
	uint32_t n = s->p->n_samples;

	s->rank = calloc((size_t)s->n_tracks + 1, sizeof(*s->rank));
	s->order = calloc((size_t)n + 1, sizeof(*s->order));
	if (!s->rank || !s->order)
		return -ENOMEM;
	if (s->n_tracks)
		qsort(s->tracks, s->n_tracks, sizeof(*s->tracks), track_compare);
	for (uint32_t i = 0; i < s->n_tracks; i++)
		s->rank[s->tracks[i].number] = i;
	for (uint32_t i = 0; i < n; i++)
		s->order[i] = i;
	qsort_r(s->order, n, sizeof(*s->order), sample_compare, s);
	return 0;
}

/* ---- writing ---- */

static int add_stack(struct speedscope *s, uint32_t stack)
{
	int r = 0;
	uint32_t n = 0;

	s->path.n = 0;
	for (uint32_t at = stack; at; at = s->p->stacks[at].parent)
		n++;
	if (n > s->path.cap) {
		uint32_t *location = realloc(s->path.location, 2 * (size_t)n * sizeof(*location));

		if (!location)
			return -ENOMEM;
		s->path.location = location;
		s->path.cap = 2 * n;
	}
	s->path.n = n;
	for (uint32_t at = stack; at; at = s->p->stacks[at].parent)
		s->path.location[--n] = s->p->stacks[at].location;
	json_array_begin(s->j);
	for (uint32_t i = 0; i < s->path.n && r >= 0; i++) {
		const uint32_t *frame;

		r = frames_map_location(&s->map, s->path.location[i], &frame);
		for (int k = 0; k < r; k++)
			json_u64(s->j, frame[k]);
	}
	json_array_end(s->j);
	return r < 0 ? r : s->j->out->err;
}

static void add_name(struct speedscope *s, const struct track *t)
{
	const struct profile *p = s->p;
	_cleanup_(buf_done) struct buf name;
	char scratch[24];

	buf_init(&name, EXPORT_BYTES_MAX);
	buf_printf(&name, "%s%s (pid %" PRIu64 ")", s->side,
		   profile_label_text(p, t->labels, "comm", scratch), t->key[0]);
	if (!p->merge)
		buf_printf(&name, " %s (tid %" PRIu64 ")",
			   profile_label_text(p, t->labels, "thread", scratch), t->key[2]);
	json_kv_str(s->j, "name", buf_str(&name));
}

/* Samples [from, until) of order are one track's. */
static int add_samples(struct speedscope *s, uint32_t from, uint32_t until)
{
	const struct profile_sample *samples = s->p->samples;
	uint64_t unit = s->p->period_ns ? s->p->period_ns : 1, weight = 0;
	int r = 0;

	json_key(s->j, "samples");
	json_array_begin(s->j);
	for (uint32_t i = from; i < until && r == 0; i++)
		if (i == from || samples[s->order[i]].stack != samples[s->order[i - 1]].stack)
			r = add_stack(s, samples[s->order[i]].stack);
	json_array_end(s->j);
	json_key(s->j, "weights");
	json_array_begin(s->j);
	for (uint32_t i = from; i < until; i++) {
		weight += samples[s->order[i]].count * unit;
		if (i + 1 < until && samples[s->order[i + 1]].stack == samples[s->order[i]].stack)
			continue;
		json_u64(s->j, weight);
		weight = 0;
	}
	json_array_end(s->j);
	return r;
}

static int add_track(struct speedscope *s, const struct track *t, uint32_t from, uint32_t until)
{
	uint64_t unit = s->p->period_ns ? s->p->period_ns : 1;
	int r;

	json_object_begin(s->j);
	json_kv_str(s->j, "type", "sampled");
	if (t)
		add_name(s, t);
	else
		json_kv_str(s->j, "name", s->side[0] ? "base: no samples" : "no samples");
	json_kv_str(s->j, "unit", s->p->period_ns ? "nanoseconds" : "none");
	json_kv_u64(s->j, "startValue", 0);
	json_kv_u64(s->j, "endValue", t ? t->samples * unit : 0);
	r = add_samples(s, from, until);
	json_object_end(s->j);
	return r;
}

static int add_profiles(struct speedscope *s)
{
	uint32_t from = 0;
	int r = 0;

	for (uint32_t i = 0; i < s->n_tracks && r == 0; i++) {
		uint32_t until = from;

		while (until < s->p->n_samples && rank_of(s, s->order[until]) == i)
			until++;
		r = add_track(s, &s->tracks[i], from, until);
		from = until;
	}
	if (!s->n_tracks)
		r = add_track(s, NULL, 0, 0);
	return r;
}

static int add_side(struct speedscope *s, const struct profile *p, const char *side)
{
	int r;

	side_done(s);
	s->p = p;
	s->side = side;
	s->track_of = calloc((size_t)p->n_labels + 1, sizeof(*s->track_of));
	r = s->track_of ? find_tracks(s) : -ENOMEM;
	if (r == 0)
		r = order_samples(s);
	return r < 0 ? r : add_profiles(s);
}

static void add_frames(struct speedscope *s)
{
	const struct frames *f = &s->frames;

	json_key(s->j, "shared");
	json_object_begin(s->j);
	json_key(s->j, "frames");
	json_array_begin(s->j);
	for (uint32_t i = 0; i < f->n; i++) {
		const struct frames_frame *frame = &f->frame[i];
		uint32_t file = frame->file ? frame->file : frame->object;

		json_object_begin(s->j);
		json_kv_str(s->j, "name", frames_name(f, i));
		if (file)
			json_kv_str(s->j, "file", export_strings_at(&f->strings, file));
		if (frame->file && frame->line)
			json_kv_u64(s->j, "line", frame->line);
		json_object_end(s->j);
	}
	json_array_end(s->j);
	json_object_end(s->j);
}

static void add_exporter(struct json *j, const char *version)
{
	char text[64];

	snprintf(text, sizeof(text), "hearth%s%s", version ? "@" : "", version ? version : "");
	json_kv_str(j, "exporter", text);
}

static int write_all(struct speedscope *s, const struct profile *p, const struct profile *base,
		     const struct export_options *options)
{
	int r;

	json_object_begin(s->j);
	json_kv_str(s->j, "$schema", "https://www.speedscope.app/file-format-schema.json");
	json_kv_str(s->j, "name", options->title ? options->title : "hearth");
	json_kv_u64(s->j, "activeProfileIndex", 0);
	add_exporter(s->j, options->version);
	json_key(s->j, "profiles");
	json_array_begin(s->j);
	r = add_side(s, p, "");
	if (r == 0 && base)
		r = add_side(s, base, "base: ");
	json_array_end(s->j);
	add_frames(s);
	json_object_end(s->j);
	buf_add_char(s->j->out, '\n');
	return r < 0 ? r : s->j->out->err;
}

int export_speedscope_write(const struct profile *p, const struct export_options *options,
			    struct buf *out, struct err *err)
{
	_cleanup_(export_join_done) struct export_join both = {};
	_cleanup_(speedscope_done) struct speedscope s = {};
	const struct profile *base = NULL;
	struct json j;
	int r = frames_init(&s.frames);

	json_init(&j, out);
	s.j = &j;
	if (r == 0 && options->base) {
		r = export_join_init(&both, p, options->base);
		p = &both.now;
		base = &both.base;
	}
	if (r == 0)
		r = frames_map_init(&s.map, &s.frames, p);
	if (r == 0)
		r = write_all(&s, p, base, options);
	return r < 0 ? err_set(err, r, "writing speedscope: %s", strerror(-r)) : 0;
}
