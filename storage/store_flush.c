/*
 * Feeds: the samples of a live profile into blocks, what they need into the dictionary, one commit for all.
 *
 * A feed keeps, for every id of its live profile, the number that it has in the dictionary, so that in a
 * steady state a flush looks nothing up by content.
 */
#include "storage/store_private.h"

#include "profiler/base/cleanup.h"
#include "profiler/base/quantity.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define UNSEEN		  UINT32_MAX
#define FLUSH_ENTRIES_MAX (1u << 18) /* of one block; more make several */
#define FLUSH_BLOCKS_MAX  64
#define FRESH_LEVEL	  3 /* zstd's: what is fresh is soon coded again */
#define RUNS_KEPT	  100

/* An epoch ends when it is a day old and has samples that are worth a dictionary, or is old, or its dictionary large. */
#define EPOCH_NS_MIN	 (24 * 3600 * NS_PER_S)
#define EPOCH_NS_MAX	 (4 * 24 * 3600 * NS_PER_S)
#define EPOCH_SAMPLES	 8000000
#define EPOCH_DICT_BYTES (20u << 20)
#define EPOCH_LABELS	 1000000

/* ---- feeds ---- */

int store_feed_new(struct store *s, struct profile *live, struct store_feed **ret)
{
	struct store_feed *f;

	if (!s->writer || live->merge)
		return -EINVAL;
	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->store = s;
	f->live = live;
	f->epoch = s->state.epoch;
	f->next = s->feeds;
	s->feeds = f;
	*ret = f;
	return 0;
}

static void forget_numbers(struct store_feed *f)
{
	f->n_string = f->n_object = f->n_function = f->n_location = 0;
	f->n_stack = f->n_labels = f->n_class = f->n_named = 0;
}

void store_feed_detach(struct store_feed *f)
{
	struct store_feed **at = &f->store->feeds;

	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	f->store = NULL;
}

struct store_feed *store_feed_free(struct store_feed *f)
{
	if (!f)
		return NULL;
	if (f->store)
		store_feed_detach(f);
	free(f->string);
	free(f->object);
	free(f->function);
	free(f->location);
	free(f->stack);
	free(f->labels);
	free(f->class);
	free(f->named);
	free(f);
	return NULL;
}

/* Bring a table of numbers to n entries; new ones are UNSEEN. The arrays grow with the live profile's own. */
static int widen(uint32_t **table, uint32_t *have, uint32_t n)
{
	uint32_t *wider;

	if (n <= *have && *table)
		return 0;
	wider = realloc(*table, ((size_t)n + n / 4 + 1) * sizeof(*wider));
	if (!wider)
		return -ENOMEM;
	*table = wider;
	memset(wider + *have, 0xff, (n - *have) * sizeof(*wider));
	*have = n;
	return 0;
}

static int widen_all(struct store_feed *f)
{
	const struct profile *p = f->live;
	int r = widen(&f->string, &f->n_string, p->n_strings);

	if (r >= 0)
		r = widen(&f->object, &f->n_object, p->n_objects);
	if (r >= 0)
		r = widen(&f->function, &f->n_function, p->n_functions);
	if (r >= 0)
		r = widen(&f->location, &f->n_location, p->n_locations);
	if (r >= 0)
		r = widen(&f->stack, &f->n_stack, p->n_stacks);
	if (r >= 0)
		r = widen(&f->labels, &f->n_labels, p->n_labels);
	if (r >= 0)
		r = widen(&f->class, &f->n_class, p->n_labels);
	if (r >= 0 && f->n_named < p->n_locations) {
		struct store_feed_named *named = realloc(
			f->named, ((size_t)p->n_locations + p->n_locations / 4) * sizeof(*named));

		if (!named)
			return -ENOMEM;
		memset(named + f->n_named, 0, (p->n_locations - f->n_named) * sizeof(*named));
		f->named = named;
		f->n_named = p->n_locations;
	}
	return r;
}

/* ---- numbers of the live profile's entries ---- */

static int keep(uint32_t *slot, int64_t id)
{
	if (id < 0)
		return (int)id;
	*slot = (uint32_t)id;
	return 0;
}

static int number_string(struct store_feed *f, uint32_t id, uint32_t *ret)
{
	int r = 0;

	if (f->string[id] == UNSEEN)
		r = keep(&f->string[id],
			 growth_string(&f->store->growth, profile_str(f->live, id)));
	*ret = f->string[id];
	return r;
}

static int number_object(struct store_feed *f, uint32_t id)
{
	struct profile_object o = f->live->objects[id];
	int r;

	if (f->object[id] != UNSEEN)
		return 0;
	r = number_string(f, o.path, &o.path);
	if (r >= 0)
		r = number_string(f, o.build_id, &o.build_id);
	return r < 0 ? r : keep(&f->object[id], growth_object(&f->store->growth, &o));
}

static int number_function(struct store_feed *f, uint32_t id)
{
	struct profile_function fn = f->live->functions[id];
	int r;

	if (f->function[id] != UNSEEN)
		return 0;
	r = number_string(f, fn.name, &fn.name);
	if (r >= 0)
		r = number_string(f, fn.system_name, &fn.system_name);
	if (r >= 0)
		r = number_string(f, fn.file, &fn.file);
	return r < 0 ? r : keep(&f->function[id], growth_function(&f->store->growth, &fn));
}

static int number_location(struct store_feed *f, uint32_t id)
{
	const struct profile_location *l = &f->live->locations[id];
	int r;

	if (f->location[id] != UNSEEN)
		return 0;
	r = number_object(f, l->object);
	if (r < 0)
		return r;
	return keep(&f->location[id],
		    growth_location(&f->store->growth, f->object[l->object], l->offset));
}

/* Parents first. Stacks are hundreds deep, so this is no recursion: each pass numbers the first that can be. */
static int number_stack(struct store_feed *f, uint32_t id)
{
	const struct profile_stack *stacks = f->live->stacks;
	_cleanup_free_ uint32_t *path = NULL;
	uint32_t n = 0, at;
	int r;

	f->stack[0] = 0;
	if (f->stack[id] != UNSEEN)
		return 0;
	for (at = id; f->stack[at] == UNSEEN; at = stacks[at].parent)
		n++;
	path = malloc(n * sizeof(*path));
	if (!path)
		return -ENOMEM;
	for (at = id, n = 0; f->stack[at] == UNSEEN; at = stacks[at].parent)
		path[n++] = at;
	while (n > 0) {
		at = path[--n];
		r = number_location(f, stacks[at].location);
		if (r < 0)
			return r;
		r = keep(&f->stack[at], growth_stack(&f->store->growth, f->stack[stacks[at].parent],
						     f->location[stacks[at].location]));
		if (r < 0)
			return r;
	}
	return 0;
}

static int number_labels(struct store_feed *f, uint32_t id)
{
	struct profile_labels l = f->live->labels[id];
	uint32_t class;
	int r = 0;

	if (f->labels[id] != UNSEEN)
		return 0;
	for (uint32_t i = 0; i < PROFILE_LABEL_COUNT && r >= 0; i++) {
		uint32_t string = 0;

		if (!(l.has & (1u << i)) || profile_label_is_number((enum profile_label)i))
			continue;
		r = number_string(f, (uint32_t)l.value[i], &string);
		l.value[i] = string;
	}
	for (uint32_t i = 0; i < l.n_extra && r >= 0; i++) {
		r = number_string(f, l.extra[i].key, &l.extra[i].key);
		if (r >= 0)
			r = number_string(f, l.extra[i].value, &l.extra[i].value);
	}
	if (r < 0)
		return r;
	r = keep(&f->labels[id], growth_labels(&f->store->growth, &l, &class));
	if (r >= 0)
		f->class[id] = class;
	return r;
}

/* ---- names ---- */

static int name_in_dict(struct store_feed *f, uint32_t id)
{
	const struct profile_location *l = &f->live->locations[id];
	_cleanup_free_ struct profile_line *lines = calloc(l->n_lines + 1, sizeof(*lines));
	int r;

	if (!lines)
		return -ENOMEM;
	for (uint32_t i = 0; i < l->n_lines; i++) {
		lines[i] = f->live->lines[l->first_line + i];
		r = number_function(f, lines[i].function);
		if (r < 0)
			return r;
		lines[i].function = f->function[lines[i].function];
	}
	return growth_name(&f->store->growth, f->location[id], lines, l->n_lines);
}

static int64_t live_function(struct store_feed *f, const struct profile *from, uint32_t function)
{
	const struct profile_function *have = &from->functions[function];
	int64_t name = profile_string(f->live, profile_str(from, have->name));
	int64_t system_name = profile_string(f->live, profile_str(from, have->system_name));
	int64_t file = profile_string(f->live, profile_str(from, have->file));
	struct profile_function fn = {(uint32_t)name, (uint32_t)system_name, (uint32_t)file,
				      have->start_line};

	if (name < 0 || system_name < 0 || file < 0)
		return -ENOMEM;
	return profile_function(f->live, &fn);
}

/* What a dictionary knows of a location, into the live profile. */
static int name_in_live(struct store_feed *f, uint32_t id, const struct profile *from,
			const struct profile_location *l)
{
	_cleanup_free_ struct profile_line *lines = calloc(l->n_lines + 1, sizeof(*lines));

	if (!lines)
		return -ENOMEM;
	for (uint32_t i = 0; i < l->n_lines; i++) {
		int64_t function;

		lines[i] = from->lines[l->first_line + i];
		function = live_function(f, from, lines[i].function);
		if (function < 0)
			return (int)function;
		lines[i].function = (uint32_t)function;
	}
	return profile_set_lines(f->live, id, lines, l->n_lines);
}

/* The epoch before may have the name. What nobody could name then may be asked again now. */
static int name_from_previous(struct store_feed *f, uint32_t id)
{
	struct profile *old;
	const struct profile_location *l = &f->live->locations[id];
	struct profile_object o = f->live->objects[l->object];
	int64_t path, build_id, object, location;

	if (!f->store->previous.dict)
		return 0;
	old = f->store->previous.dict->tables;
	path = profile_string(old, profile_str(f->live, o.path));
	build_id = profile_string(old, profile_str(f->live, o.build_id));
	if (path < 0 || build_id < 0)
		return -ENOMEM;
	o.path = (uint32_t)path;
	o.build_id = (uint32_t)build_id;
	object = profile_object(old, &o);
	location = object < 0 ? object : profile_location(old, (uint32_t)object, l->offset);
	if (location < 0)
		return (int)location;
	if (old->locations[location].naming != PROFILE_NAMED)
		return 0;
	return name_in_live(f, id, old, &old->locations[location]);
}

static int name_location(struct store_feed *f, uint32_t id)
{
	const struct profile *tables = f->store->growth.dict->tables;
	const struct profile_location *l = &f->live->locations[id];
	const struct profile_location *have = &tables->locations[f->location[id]];
	int r = 0;

	if (l->naming == PROFILE_UNNAMED && have->naming != PROFILE_UNNAMED)
		r = name_in_live(f, id, tables, have);
	else if (l->naming == PROFILE_UNNAMED)
		r = name_from_previous(f, id);
	else if (l->naming == PROFILE_NAMELESS && have->naming == PROFILE_NAMED)
		r = name_in_live(f, id, tables, have);
	if (r >= 0)
		r = widen_all(f); /* a name brings strings and functions */
	if (r < 0)
		return r;
	l = &f->live->locations[id];
	return l->naming == PROFILE_UNNAMED ? 0 : name_in_dict(f, id);
}

static int exchange_names(struct store_feed *f)
{
	uint32_t n = f->live->n_locations;

	for (uint32_t i = 0; i < n; i++) {
		const struct profile_location *l = &f->live->locations[i];
		struct store_feed_named *seen = &f->named[i];
		int r;

		if (f->location[i] == UNSEEN)
			continue;
		if (seen->naming == 1 + l->naming && seen->first_line == l->first_line &&
		    seen->n_lines == l->n_lines)
			continue;
		r = name_location(f, i);
		if (r < 0)
			return r;
		l = &f->live->locations[i];
		*seen = (struct store_feed_named){l->first_line, l->n_lines,
						  (uint8_t)(1 + l->naming)};
	}
	return 0;
}

/* ---- blocks ---- */

struct flush {
	struct block blocks[FLUSH_BLOCKS_MAX];
	uint32_t n_blocks;
	struct buf bytes;
	struct db_state state; /* as it will be */
	uint64_t now_ns;
};

static void flush_done(struct flush *w)
{
	for (uint32_t i = 0; i < w->n_blocks; i++)
		block_done(&w->blocks[i]);
	buf_done(&w->bytes);
}

static uint64_t to_ms(uint64_t ns)
{
	return ns / NS_PER_MS < BLOCK_TIME_MS_MAX ? ns / NS_PER_MS : BLOCK_TIME_MS_MAX - 1;
}

static int add_sample(struct store_feed *f, struct flush *w, const struct profile_sample *from)
{
	struct block_sample s = {.time_ms = to_ms(from->time_ns), .count = from->count};
	struct block *b;
	int r = number_stack(f, from->stack);

	if (r >= 0)
		r = number_labels(f, from->labels);
	if (r < 0)
		return r;
	s.stack = f->stack[from->stack];
	s.labels = f->labels[from->labels];
	s.class = f->class[from->labels];
	b = &w->blocks[w->n_blocks - 1];
	if (b->n_samples == FLUSH_ENTRIES_MAX) {
		if (w->n_blocks == FLUSH_BLOCKS_MAX)
			return -E2BIG;
		b = &w->blocks[w->n_blocks++];
	}
	return block_add(b, &s);
}

static int gather(struct store_feed *f, struct flush *w)
{
	const struct profile *p = f->live;
	uint64_t last_ns = 0;
	int r = 0;

	w->n_blocks = 1;
	for (uint32_t i = 0; i < p->n_samples && r >= 0; i++) {
		if (p->samples[i].count)
			r = add_sample(f, w, &p->samples[i]);
		last_ns = p->samples[i].time_ns > last_ns ? p->samples[i].time_ns : last_ns;
	}
	if (!last_ns)
		last_ns = p->end_ns ? p->end_ns - 1 : w->now_ns;
	for (uint32_t i = 0; i < p->n_losses && r >= 0; i++)
		if (p->losses[i].count)
			r = block_add_loss(&w->blocks[0], to_ms(last_ns),
					   profile_str(p, p->losses[i].reason), p->losses[i].count);
	return r;
}

static int put_block(struct store_feed *f, struct flush *w, struct block *b)
{
	struct store *s = f->store;
	struct db_block head = {
		.first = w->state.next_block,
		.last = w->state.next_block,
		.type = STORE_TYPE_CPU,
		.epoch = w->state.epoch,
		.resolution_ms = 1,
		.period_ns = f->live->period_ns,
	};
	int r;

	if (!b->n_samples && !b->n_losses)
		return 0;
	buf_clear(&w->bytes);
	r = block_write(b, &s->compress, head.period_ns, FRESH_LEVEL, &w->bytes);
	if (r < 0)
		return r;
	block_span(b, &head.from_ms, &head.until_ms);
	head.samples = block_count(b);
	head.entries = b->n_samples;
	r = db_block_put(s->db, &head, w->bytes.data, w->bytes.len);
	if (r < 0)
		return r;
	w->state.next_block++;
	w->state.epoch_samples += head.samples;
	return 0;
}

static int put_chunk(struct store *s, struct flush *w)
{
	struct db_chunk head = {
		.first = w->state.next_chunk, .last = w->state.next_chunk, .epoch = w->state.epoch};
	int r;

	if (chunk_is_empty(&s->growth.pending))
		return 0;
	buf_clear(&w->bytes);
	r = chunk_write(&s->growth.pending, &s->compress, FRESH_LEVEL, &w->bytes);
	if (r < 0)
		return r;
	w->state.next_chunk++;
	return db_chunk_put(s->db, &head, w->bytes.data, w->bytes.len);
}

static int put_run(struct store *s, struct db_run *run, const char *counters, uint64_t now_ns)
{
	int r;

	run->last_flush_ns = now_ns;
	run->clean = false;
	run->counters = (char *)(counters ? counters : s->run.counters ? s->run.counters : "{}");
	r = db_run_put(s->db, run);
	if (r >= 0 && !s->run_written && run->number > RUNS_KEPT)
		r = db_run_trim(s->db, run->number - RUNS_KEPT);
	return r;
}

static int put_all(struct store_feed *f, struct flush *w, struct db_run *run, const char *counters)
{
	struct store *s = f->store;
	int r = put_chunk(s, w);

	for (uint32_t i = 0; i < w->n_blocks && r >= 0; i++)
		r = put_block(f, w, &w->blocks[i]);
	if (r < 0)
		return r;
	w->state.run = run->number;
	w->state.period_ns = f->live->period_ns ? f->live->period_ns : w->state.period_ns;
	w->state.locations = s->growth.dict->tables->n_locations;
	w->state.named = s->growth.named;
	w->state.nameless = s->growth.nameless;
	r = db_state_put(s->db, &w->state);
	return r < 0 ? r : put_run(s, run, counters, w->now_ns);
}

static int commit(struct store_feed *f, struct flush *w, const char *counters, bool sync)
{
	struct store *s = f->store;
	struct db_run run = s->run;
	char *copy = counters ? strdup(counters) : NULL;
	int r = counters && !copy ? -ENOMEM : db_begin(s->db, true);

	if (r >= 0)
		r = put_all(f, w, &run, counters);
	if (r >= 0)
		r = db_commit(s->db, sync);
	if (r < 0) {
		db_rollback(s->db);
		free(copy);
		return r;
	}
	run.counters = s->run.counters;
	if (copy) {
		free(run.counters);
		run.counters = copy;
	}
	s->run = run;
	s->run_written = true;
	s->state = w->state;
	growth_committed(&s->growth);
	return 0;
}

/* ---- epochs ---- */

static bool epoch_is_over(const struct store *s, uint64_t now_ns)
{
	uint64_t began = s->state.epoch_started_ns;
	uint64_t age = now_ns > began ? now_ns - began : 0;

	if (s->growth.torn || dict_bytes(s->growth.dict) > EPOCH_DICT_BYTES ||
	    s->growth.dict->n_labels > EPOCH_LABELS)
		return true;
	return age > EPOCH_NS_MAX || (age > EPOCH_NS_MIN && s->state.epoch_samples > EPOCH_SAMPLES);
}

int store_new_epoch(struct store *s, uint64_t now_ns)
{
	struct growth fresh;
	int r = growth_init(&fresh, s->state.epoch + 1);

	if (r < 0)
		return r;
	growth_done(&s->previous);
	s->previous = s->growth;
	s->growth = fresh;
	s->state.epoch++;
	s->state.epoch_started_ns = now_ns;
	s->state.epoch_samples = 0;
	return 0;
}

int store_feed_flush(struct store_feed *f, const char *counters_json, bool sync, struct err *err)
{
	_cleanup_(flush_done) struct flush w = {.now_ns = quantity_now_ns()};
	struct store *s = f->store;
	int r = 0;

	if (!s)
		return err_set(err, -EINVAL, "flush: the store was closed");
	if (epoch_is_over(s, w.now_ns))
		r = store_new_epoch(s, w.now_ns);
	if (r >= 0 && f->epoch != s->state.epoch) {
		forget_numbers(f);
		f->epoch = s->state.epoch;
	}
	buf_init(&w.bytes, BLOCK_BYTES_MAX);
	w.state = s->state;
	if (r >= 0)
		r = widen_all(f);
	if (r >= 0)
		r = gather(f, &w);
	if (r >= 0)
		r = exchange_names(f);
	if (r >= 0)
		r = commit(f, &w, counters_json, sync);
	if (r < 0)
		return db_error(s->db, err, r, "flush");
	profile_clear_samples(f->live);
	f->live->n_losses = 0;
	return 0;
}
