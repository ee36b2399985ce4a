/*
 * The functions of a range, and who calls one of them. Of each dictionary the samples are counted
 * by stack, and its stacks walked once when all are: what stays are functions.
 */
#include "storage/store_scan.h"

#include "profiler/base/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NO_CODE UINT32_MAX /* in the place of a function's number: where a walk ended */
#define FRESH	64

struct function {
	uint32_t name, object; /* strings of texts */
	uint64_t self, total; /* of a neighbour of one function: samples and 0 */
	uint64_t seen; /* on which of the stacks that were walked, the last time */
	bool asked; /* it has the name that is asked about */
};

struct functions {
	struct scan scan;
	struct dict *dict; /* whose samples are counted */
	uint64_t *count; /* by stack of it */
	uint32_t *first; /* by location of it: into frames, NO_CODE until needed */
	uint32_t *object; /* by object of it: the string of texts, NO_CODE until needed */
	uint32_t *frames; /* functions of locations, outermost first */
	uint32_t n_frames, cap_frames;
	uint32_t *path; /* functions of the stack at hand, root first */
	uint32_t cap_path;
	uint32_t *stacks; /* scratch: the stack's nodes */
	uint32_t cap_stacks;
	struct profile *texts;
	struct idmap index;
	struct function *function;
	uint32_t n, cap, next; /* what follows in one dictionary mostly follows in the others */
	uint64_t walked;
	uint64_t samples, no_neighbour;
	const char *of; /* NULL: all functions */
	bool callers;
};

static void functions_done(struct functions *w)
{
	scan_close(&w->scan);
	free(w->count);
	free(w->first);
	free(w->object);
	free(w->frames);
	free(w->path);
	free(w->stacks);
	free(w->function);
	profile_free(w->texts);
	idmap_done(&w->index);
}

/* Room for one more of 32 bits. */
static int widen(uint32_t **array, uint32_t *cap, uint32_t n)
{
	uint32_t *wider;

	if (n < *cap)
		return 0;
	wider = realloc(*array, (*cap ? 2 * (size_t)*cap : FRESH) * sizeof(*wider));
	if (!wider)
		return -ENOMEM;
	*array = wider;
	*cap = *cap ? 2 * *cap : FRESH;
	return 0;
}

/* ---- functions ---- */

static int64_t add_function(struct functions *w, uint32_t name, uint32_t object, uint64_t hash)
{
	if (w->n == w->cap) {
		uint32_t cap = w->cap ? 2 * w->cap : FRESH;
		struct function *more = realloc(w->function, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		w->function = more;
		w->cap = cap;
	}
	if (idmap_add(&w->index, hash, w->n) < 0)
		return -ENOMEM;
	w->function[w->n] = (struct function){
		.name = name,
		.object = object,
		.asked = w->of && !strcmp(profile_str(w->texts, name), w->of),
	};
	return w->n++;
}

static bool is_function(const struct functions *w, uint32_t id, uint32_t object, const char *name)
{
	return id < w->n && w->function[id].object == object &&
	       !strcmp(profile_str(w->texts, w->function[id].name), name);
}

static int64_t find_function(struct functions *w, const char *text, uint32_t object)
{
	int64_t name = profile_string(w->texts, text);
	const uint64_t key[] = {(uint64_t)name, object};
	uint64_t hash = hash_bytes(key, sizeof(key));
	uint32_t at, id;

	if (name < 0)
		return name;
	for (id = idmap_first(&w->index, hash, &at); id != IDMAP_NONE;
	     id = idmap_next(&w->index, hash, &at))
		if (w->function[id].name == name && w->function[id].object == object)
			return id;
	return add_function(w, (uint32_t)name, object, hash);
}

/* ---- the functions of a location ---- */

static int find_object(struct functions *w, const struct profile_object *o, uint32_t *ret)
{
	const struct profile *p = w->dict->tables;
	uint32_t *object = &w->object[o - p->objects];
	int64_t id = *object;

	if (id == NO_CODE)
		id = profile_string(w->texts, profile_str(p, o->path));
	if (id < 0)
		return (int)id;
	*ret = *object = (uint32_t)id;
	return 0;
}

static int add_frame(struct functions *w, uint32_t location, uint32_t i)
{
	const struct profile *p = w->dict->tables;
	char scratch[PROFILE_SCRATCH_BYTES];
	struct profile_frame f = profile_location_frame(p, location, i, scratch);
	int64_t function = NO_CODE;
	uint32_t object = 0;
	int r = widen(&w->frames, &w->cap_frames, w->n_frames);

	if (r >= 0)
		r = find_object(w, f.object, &object);
	if (r < 0)
		return r;
	if (f.object->kind != PROFILE_OBJECT_INCOMPLETE) {
		function = is_function(w, w->next, object, f.function)
				   ? w->next
				   : find_function(w, f.function, object);
		if (function < 0)
			return (int)function;
		w->next = (uint32_t)function + 1;
	}
	w->frames[w->n_frames++] = (uint32_t)function;
	return 0;
}

static int add_location(struct functions *w, uint32_t location)
{
	uint32_t first = w->n_frames;
	int r = 0;

	if (w->first[location] != NO_CODE)
		return 0;
	for (uint32_t i = profile_location_frames(w->dict->tables, location); i-- > 0 && r >= 0;)
		r = add_frame(w, location, i);
	if (r >= 0)
		w->first[location] = first;
	return r;
}

/* ---- a stack ---- */

/* w->path, and how long it is, or a negative errno. */
static int64_t read_path(struct functions *w, uint32_t stack)
{
	const struct profile *p = w->dict->tables;
	uint32_t nodes = 0, n = 0;
	int r = 0;

	for (; stack && r >= 0; stack = p->stacks[stack].parent) {
		r = widen(&w->stacks, &w->cap_stacks, nodes);
		if (r >= 0)
			w->stacks[nodes++] = p->stacks[stack].location;
	}
	while (nodes-- > 0 && r >= 0) {
		uint32_t location = w->stacks[nodes];
		uint32_t frames = profile_location_frames(p, location);

		r = add_location(w, location);
		for (uint32_t i = 0; i < frames && r >= 0; i++) {
			r = widen(&w->path, &w->cap_path, n);
			if (r >= 0)
				w->path[n++] = w->frames[w->first[location] + i];
		}
	}
	return r < 0 ? r : (int64_t)n;
}

static bool is_asked(const struct functions *w, uint32_t function)
{
	return function != NO_CODE && w->function[function].asked;
}

/* Once for each stack. */
static bool is_seen(struct functions *w, uint32_t function)
{
	struct function *f = &w->function[function];
	bool seen = f->seen == w->walked;

	f->seen = w->walked;
	return seen;
}

static void count_all(struct functions *w, uint32_t n, uint64_t count)
{
	for (uint32_t i = 0; i < n; i++)
		if (w->path[i] != NO_CODE && !is_seen(w, w->path[i]))
			w->function[w->path[i]].total += count;
	if (n && w->path[n - 1] != NO_CODE)
		w->function[w->path[n - 1]].self += count;
}

/* Of recursive calls the outermost has the caller. */
static void count_caller(struct functions *w, uint32_t n, uint64_t count)
{
	for (uint32_t i = 0; i < n; i++) {
		if (!is_asked(w, w->path[i]))
			continue;
		if (i && w->path[i - 1] != NO_CODE)
			w->function[w->path[i - 1]].self += count;
		else
			w->no_neighbour += count;
		return;
	}
}

static void count_callees(struct functions *w, uint32_t n, uint64_t count)
{
	for (uint32_t i = 0; i < n; i++) {
		if (!is_asked(w, w->path[i]))
			continue;
		if (i + 1 == n)
			w->no_neighbour += count;
		else if (w->path[i + 1] != NO_CODE && !is_seen(w, w->path[i + 1]))
			w->function[w->path[i + 1]].self += count;
	}
}

static int walk_stack(struct functions *w, uint32_t stack, uint64_t count)
{
	int64_t n = read_path(w, stack);

	if (n < 0)
		return (int)n;
	w->walked++;
	if (!w->of)
		count_all(w, (uint32_t)n, count);
	else if (w->callers)
		count_caller(w, (uint32_t)n, count);
	else
		count_callees(w, (uint32_t)n, count);
	return 0;
}

/* ---- dictionaries ---- */

static int settle(void *arg)
{
	struct functions *w = (struct functions *)arg;
	int r = 0;

	for (uint32_t i = 0; w->dict && i < w->dict->tables->n_stacks && r >= 0; i++)
		if (w->count[i]) {
			w->samples += w->count[i];
			r = walk_stack(w, i, w->count[i]);
		}
	w->dict = NULL;
	return r;
}

static int change_dict(struct functions *w)
{
	const struct profile *p = w->scan.dict->tables;

	free(w->count);
	free(w->first);
	free(w->object);
	w->count = calloc((size_t)p->n_stacks + 1, sizeof(*w->count));
	w->first = malloc(((size_t)p->n_locations + 1) * sizeof(*w->first));
	w->object = malloc(((size_t)p->n_objects + 1) * sizeof(*w->object));
	if (!w->count || !w->first || !w->object)
		return -ENOMEM;
	memset(w->object, 0xff, ((size_t)p->n_objects + 1) * sizeof(*w->object));
	memset(w->first, 0xff, ((size_t)p->n_locations + 1) * sizeof(*w->first));
	w->n_frames = 0;
	w->dict = w->scan.dict;
	return 0;
}

static int count_samples(struct functions *w)
{
	struct scan *c = &w->scan;
	int r;

	while ((r = scan_next(c)) > 0) {
		if (c->dict_changed)
			r = change_dict(w);
		for (uint32_t i = 0; i < c->block.n_samples && r >= 0; i++) {
			r = scan_takes(c, &c->block.samples[i]);
			if (r > 0)
				w->count[c->block.samples[i].stack] += c->block.samples[i].count;
		}
		if (r < 0)
			return r;
	}
	return r < 0 ? r : settle(w);
}

/* ---- the answer ---- */

static int compare(const void *left, const void *right)
{
	const struct store_function *a = (const struct store_function *)left;
	const struct store_function *b = (const struct store_function *)right;
	int order;

	if (a->self != b->self)
		return a->self > b->self ? -1 : 1;
	if (a->total != b->total)
		return a->total > b->total ? -1 : 1;
	order = strcmp(a->name, b->name);
	return order ? order : strcmp(a->object, b->object);
}

static int write_out(struct functions *w, struct store_functions *ret)
{
	_cleanup_(store_functions_done) struct store_functions v = {
		.samples = w->samples,
		.no_neighbour = w->no_neighbour,
		.period_ns = scan_period_ns(&w->scan),
	};

	v.functions = calloc((size_t)w->n + 1, sizeof(*v.functions));
	if (!v.functions)
		return -ENOMEM;
	for (uint32_t i = 0; i < w->n; i++) {
		const struct function *f = &w->function[i];
		struct store_function *to = &v.functions[v.n];

		v.is_known |= f->asked;
		if (!f->self && !f->total)
			continue;
		v.n++;
		*to = (struct store_function){
			.name = strdup(profile_str(w->texts, f->name)),
			.object = strdup(profile_str(w->texts, f->object)),
			.self = f->self,
			.total = f->total,
		};
		if (!to->name || !to->object)
			return -ENOMEM;
	}
	qsort(v.functions, v.n, sizeof(*v.functions), compare);
	*ret = v;
	v = (struct store_functions){};
	return 0;
}

static int ask(struct store *s, const struct store_query *q, struct functions *w,
	       struct store_functions *ret, struct err *err)
{
	static const char *const by[] = {NULL};
	int r = scan_open(&w->scan, s, q, "functions", err);

	if (r < 0)
		return r;
	w->scan.no_labels = true;
	w->scan.dict_ends = settle;
	w->scan.arg = w;
	r = profile_new(false, &w->texts);
	if (r >= 0)
		r = scan_use_sums(&w->scan, by);
	if (r >= 0)
		r = count_samples(w);
	r = scan_end(&w->scan, r, err);
	return r < 0 ? r : write_out(w, ret);
}

int store_query_functions(struct store *s, const struct store_query *q, struct store_functions *ret,
			  struct err *err)
{
	_cleanup_(functions_done) struct functions w = {};

	return ask(s, q, &w, ret, err);
}

int store_query_neighbours(struct store *s, const struct store_query *q, const char *function,
			   bool callers, struct store_functions *ret, struct err *err)
{
	_cleanup_(functions_done) struct functions w = {.of = function, .callers = callers};

	return ask(s, q, &w, ret, err);
}

void store_functions_done(struct store_functions *v)
{
	for (size_t i = 0; i < v->n; i++) {
		free(v->functions[i].name);
		free(v->functions[i].object);
	}
	free(v->functions);
	*v = (struct store_functions){};
}
