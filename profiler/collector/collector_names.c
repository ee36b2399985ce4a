/*
 * What the collector asks of resolve, and the answers: names of the live profile's locations, build
 * ids, unwind tables, frames of copied stacks.
 */
#include "profiler/collector/collector_state.h"

#include "profiler/base/cleanup.h"
#include "profiler/base/quantity.h"

#include <errno.h>
#include <stdlib.h>

void collector_ask_jit(struct collector *c)
{
	uint64_t now_ns = quantity_monotonic_ns();
	bool due = now_ns >= c->jit_due_ns;

	jit_ask(c->jit, due, now_ns, c->live);
	if (due)
		c->jit_due_ns = UINT64_MAX;
}

static int64_t intern_line(struct collector *c, const struct resolve_line *l,
			   struct profile_line *ret)
{
	struct profile_function f = {};
	int64_t id = profile_string(c->live, l->function);

	if (id < 0)
		return id;
	f.name = (uint32_t)id;
	id = profile_string(c->live, l->system_name ? l->system_name : l->function);
	if (id < 0)
		return id;
	f.system_name = (uint32_t)id;
	id = profile_string(c->live, l->file);
	if (id < 0)
		return id;
	f.file = (uint32_t)id;
	id = profile_function(c->live, &f);
	if (id >= 0)
		*ret = (struct profile_line){
			.function = (uint32_t)id, .line = l->line, .column = l->column};
	return id;
}

static void on_named(void *ctx, uint32_t number, uint64_t offset, const struct resolve_line *lines,
		     uint32_t n)
{
	struct collector *c = ctx;
	struct object *object = objects_by_number(c->objects, number);
	struct profile_line interned[64];
	int64_t location;

	if (!object || object->profile_id == IDMAP_NONE)
		return; /* asked for a live profile that has been replaced */
	location = profile_location(c->live, object->profile_id, offset);
	if (location < 0)
		return;
	/* Asked again, and this time nobody knew: it keeps what it had. */
	if (n == 0 && c->live->locations[location].naming == PROFILE_NAMED)
		return;
	if (n > sizeof(interned) / sizeof(interned[0]))
		n = sizeof(interned) / sizeof(interned[0]);
	for (uint32_t i = 0; i < n; i++)
		if (intern_line(c, &lines[i], &interned[i]) < 0)
			return;
	profile_set_lines(c->live, (uint32_t)location, interned, n);
}

static void on_changed(void *ctx, uint32_t number)
{
	struct collector *c = ctx;
	struct object *object = objects_by_number(c->objects, number);

	if (!object)
		return;
	object->changed = c->round;
	c->changed = true;
}

static void on_identified(void *ctx, uint32_t number, const uint8_t *build_id, uint32_t bytes)
{
	struct collector *c = ctx;

	objects_identified(c->objects, number, build_id, bytes, c->live);
}

static void on_jit(void *ctx, uint32_t number, const struct resolve_jit_names *names)
{
	struct collector *c = ctx;

	jit_answered(c->jit, number, names, c->live);
}

static void on_failed(void *ctx, uint32_t number, int error, const char *sentence)
{
	/* resolve keeps the reason for the status; the offsets come as nameless. */
	(void)ctx;
	(void)number;
	(void)error;
	(void)sentence;
}

static void on_table(void *ctx, uint32_t number, const struct unwind_table *table, bool for_now)
{
	struct collector *c = ctx;
	const struct object *object = objects_by_number(c->objects, number);
	struct tables_object of = {.number = number, .key = ABI_VDSO_KEY};

	if (!object)
		return;
	of.domain = object->domain;
	if (object->kind != PROFILE_OBJECT_VDSO)
		of.key = object->key;
	/* What found no room is missed, and asked for, again. */
	if (table)
		(void)tables_add(c->tables, &of, table, quantity_monotonic_ns());
	else if (for_now)
		tables_later(c->tables, number);
	else
		(void)tables_none(c->tables, &of);
}

static void on_snapshot(void *ctx, uint64_t id, const struct snapshot_frame *frames, uint32_t n,
			unsigned int end)
{
	struct collector *c = ctx;

	if (c->snapshots)
		snapshots_answered(c->snapshots, id, frames, n, end);
}

int collector_take_names(struct collector *c)
{
	static const struct resolve_answers answers = {.named = on_named,
						       .identified = on_identified,
						       .failed = on_failed,
						       .jit = on_jit,
						       .changed = on_changed,
						       .table = on_table,
						       .snapshot = on_snapshot};

	int n = resolve_take(c->resolve, &answers, c, 0);

	if (c->tables)
		tables_rest(c->tables);
	return n;
}

size_t collector_names_pending(const struct collector *c)
{
	return resolve_pending(c->resolve) + jit_pending(c->jit) + c->changed;
}

size_t collector_fetching(const struct collector *c)
{
	return resolve_fetching(c->resolve);
}

void collector_look_again(struct collector *c)
{
	resolve_look_again(c->resolve);
}

void collector_give_up_names(struct collector *c)
{
	jit_release(c->jit, c->live);
}

static int by_object(const void *a, const void *b)
{
	const struct resolve_question *x = a, *y = b;

	return x->object < y->object ? -1 : x->object > y->object;
}

/* A name that debug information would have a file for, or none. */
static bool is_poor(const struct profile *p, const struct profile_location *l)
{
	return l->naming != PROFILE_NAMED || l->n_lines == 0 ||
	       p->functions[p->lines[l->first_line].function].file == 0;
}

/*
 * The locations of live from first on that somebody can be asked for: the new ones, and of changed
 * objects all that lack something. Sorted by object.
 */
static size_t collect_questions(struct collector *c, uint32_t first, struct resolve_question *ret)
{
	size_t n = 0;

	for (uint32_t i = first; i < c->live->n_locations; i++) {
		const struct profile_location *l = &c->live->locations[i];
		const struct object *object = objects_of_profile(c->objects, l->object);

		if (!object || !object->announced)
			continue;
		if ((i >= c->asked && l->naming == PROFILE_UNNAMED) ||
		    (object->changed == c->round && is_poor(c->live, l)))
			ret[n++] = (struct resolve_question){object->number, l->offset};
	}
	qsort(ret, n, sizeof(*ret), by_object);
	return n;
}

int collector_ask_names(struct collector *c)
{
	_cleanup_free_ struct resolve_question *questions = NULL;
	uint32_t first = c->changed ? 0 : c->asked;
	size_t n;
	int r;

	collector_ask_jit(c);
	if (first == c->live->n_locations)
		return 0;
	questions = calloc(c->live->n_locations - first, sizeof(*questions));
	if (!questions)
		return -ENOMEM;
	n = collect_questions(c, first, questions);
	r = resolve_ask_all(c->resolve, questions, n);
	/*
	 * What resolve has no room for is asked again with the next ones: an answer twice does no
	 * harm.
	 */
	if (r == 0) {
		c->asked = c->live->n_locations;
		c->round++;
		c->changed = false;
	}
	return r;
}
