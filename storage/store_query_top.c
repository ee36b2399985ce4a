/*
 * The functions of a range, and who calls one of them. Of each dictionary the samples are counted
 * by stack, and the tree of its stacks is walked once when all are: what stays are locations with
 * their names, and functions.
 */
#include "storage/store_scan.h"

#include "profiler/base/cleanup.h"
#include "storage/profile_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NO_CODE UINT32_MAX /* in the place of a function's number: where a walk ended */
#define FRESH	64

struct function {
	uint32_t name, object; /* strings of known */
	uint64_t self, total; /* of a neighbour of one function: samples and 0 */
	uint32_t on_path; /* how often it counts where the walk is */
	bool asked; /* it has the name that is asked about */
};

/* The functions of a location of known, [first, ...) of frames; as it was named then. */
struct code {
	uint32_t first, first_line, n_lines;
	bool looked_up;
};

/* A stack of the dictionary at hand. */
struct node {
	uint64_t own, below; /* samples: its own, and those of all stacks that begin with it */
	uint32_t child, sibling; /* those with samples; 0 none */
};

struct functions {
	struct scan scan;
	struct dict *dict; /* whose samples are counted */
	struct node *node;
	struct profile_map map; /* of its locations to those of known */
	struct profile *known; /* locations, and what they are called */
	struct code *code; /* by location of known */
	uint32_t n_code;
	uint32_t *frames; /* functions of locations, outermost first */
	uint32_t n_frames, cap_frames;
	struct idmap index;
	struct function *function;
	uint32_t n, cap;
	uint32_t asked_on_path;
	uint64_t samples, no_neighbour;
	const char *of; /* NULL: all functions */
	bool callers;
};

static void functions_done(struct functions *w)
{
	scan_close(&w->scan);
	free(w->node);
	profile_map_done(&w->map);
	profile_free(w->known);
	free(w->code);
	free(w->frames);
	idmap_done(&w->index);
	free(w->function);
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
		.asked = w->of && !strcmp(profile_str(w->known, name), w->of),
	};
	return w->n++;
}

static int64_t find_function(struct functions *w, uint32_t name, uint32_t object)
{
	const uint32_t key[] = {name, object};
	uint64_t hash = hash_bytes(key, sizeof(key));
	uint32_t at, id;

	for (id = idmap_first(&w->index, hash, &at); id != IDMAP_NONE;
	     id = idmap_next(&w->index, hash, &at))
		if (w->function[id].name == name && w->function[id].object == object)
			return id;
	return add_function(w, name, object, hash);
}

/* ---- the functions of a location ---- */

static int add_frame(struct functions *w, uint32_t location, uint32_t i)
{
	char scratch[PROFILE_SCRATCH_BYTES];
	struct profile_frame f = profile_location_frame(w->known, location, i, scratch);
	uint32_t object = f.object->path;
	int64_t name, function = NO_CODE;

	if (w->n_frames == w->cap_frames) {
		uint32_t cap = w->cap_frames ? 2 * w->cap_frames : FRESH;
		uint32_t *more = realloc(w->frames, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		w->frames = more;
		w->cap_frames = cap;
	}
	if (f.object->kind != PROFILE_OBJECT_INCOMPLETE) {
		name = profile_string(w->known, f.function);
		function = name < 0 ? name : find_function(w, (uint32_t)name, object);
	}
	if (function < 0)
		return (int)function;
	w->frames[w->n_frames++] = (uint32_t)function;
	return 0;
}

/* A name may have come with a later dictionary than the location. */
static int look_up(struct functions *w, uint32_t location)
{
	const struct profile_location *l = &w->known->locations[location];
	struct code *code = &w->code[location];
	int r = 0;

	if (code->looked_up && code->first_line == l->first_line && code->n_lines == l->n_lines)
		return 0;
	*code = (struct code){w->n_frames, l->first_line, l->n_lines, true};
	for (uint32_t i = profile_location_frames(w->known, location); i-- > 0 && r >= 0;)
		r = add_frame(w, location, i);
	return r;
}

static int widen_code(struct functions *w)
{
	uint32_t n = w->known->n_locations;
	struct code *wider;

	if (n <= w->n_code)
		return 0;
	wider = realloc(w->code, n * sizeof(*wider));
	if (!wider)
		return -ENOMEM;
	memset(wider + w->n_code, 0, (n - w->n_code) * sizeof(*wider));
	w->code = wider;
	w->n_code = n;
	return 0;
}

/* All of them first: while the map has only begun, it does not look for what else is in known. */
static int look_up_all(struct functions *w)
{
	const struct profile *p = w->dict->tables;
	uint32_t location;
	int r = 0;

	for (uint32_t i = 1; i < p->n_stacks && r >= 0; i++)
		if (w->node[i].below)
			r = profile_map_location(&w->map, p->stacks[i].location, &location);
	if (r >= 0)
		r = widen_code(w);
	for (uint32_t i = 1; i < p->n_stacks && r >= 0; i++)
		if (w->node[i].below)
			r = look_up(w, w->map.location[p->stacks[i].location]);
	return r;
}

/* ---- the walk ---- */

static bool is_asked(const struct functions *w, uint32_t function)
{
	return function != NO_CODE && w->function[function].asked;
}

/* Of recursive calls the outermost has the caller. */
static void enter_frame(struct functions *w, uint32_t function, uint32_t caller, uint64_t count)
{
	if (w->callers) {
		if (!is_asked(w, function) || w->asked_on_path++)
			return;
		if (caller != NO_CODE)
			w->function[caller].self += count;
		else
			w->no_neighbour += count;
	} else if (function != NO_CODE && (!w->of || is_asked(w, caller))) {
		struct function *f = &w->function[function];

		if (!f->on_path++)
			*(w->of ? &f->self : &f->total) += count;
	}
}

static void leave_frame(struct functions *w, uint32_t function, uint32_t caller)
{
	if (w->callers)
		w->asked_on_path -= is_asked(w, function);
	else if (function != NO_CODE && (!w->of || is_asked(w, caller)))
		w->function[function].on_path--;
}

static void count_leaf(struct functions *w, uint32_t function, uint64_t count)
{
	if (!w->of && function != NO_CODE)
		w->function[function].self += count;
	else if (w->of && !w->callers && is_asked(w, function))
		w->no_neighbour += count;
}

/* A stack's last frames, outermost first. */
static const uint32_t *frames_of(const struct functions *w, uint32_t stack, uint32_t *ret_n)
{
	const struct code *code =
		&w->code[w->map.location[w->dict->tables->stacks[stack].location]];

	*ret_n = code->n_lines ? code->n_lines : 1;
	return w->frames + code->first;
}

static uint32_t last_frame(const struct functions *w, uint32_t stack)
{
	uint32_t n;
	const uint32_t *frames;

	if (!stack)
		return NO_CODE;
	frames = frames_of(w, stack, &n);
	return frames[n - 1];
}

static void enter(struct functions *w, uint32_t stack)
{
	uint32_t caller = last_frame(w, w->dict->tables->stacks[stack].parent), n;
	const uint32_t *frames = frames_of(w, stack, &n);

	for (uint32_t i = 0; i < n; i++) {
		enter_frame(w, frames[i], caller, w->node[stack].below);
		caller = frames[i];
	}
	if (w->node[stack].own)
		count_leaf(w, caller, w->node[stack].own);
}

static void leave(struct functions *w, uint32_t stack)
{
	uint32_t caller = last_frame(w, w->dict->tables->stacks[stack].parent), n;
	const uint32_t *frames = frames_of(w, stack, &n);

	for (uint32_t i = 0; i < n; i++) {
		leave_frame(w, frames[i], caller);
		caller = frames[i];
	}
}

static void walk(struct functions *w)
{
	const struct profile_stack *stacks = w->dict->tables->stacks;
	uint32_t at = w->node[0].child;

	while (at) {
		enter(w, at);
		if (w->node[at].child) {
			at = w->node[at].child;
			continue;
		}
		while (at && !w->node[at].sibling) {
			leave(w, at);
			at = stacks[at].parent;
		}
		if (at) {
			leave(w, at);
			at = w->node[at].sibling;
		}
	}
}

/* ---- dictionaries ---- */

/* Parents come before their children. */
static void add_up(struct functions *w)
{
	const struct profile *p = w->dict->tables;
	struct node *node = w->node;

	for (uint32_t i = p->n_stacks - 1; i; i--) {
		struct node *parent = &node[p->stacks[i].parent];

		node[i].below += node[i].own;
		if (!node[i].below)
			continue;
		parent->below += node[i].below;
		node[i].sibling = parent->child;
		parent->child = i;
	}
	w->samples += node[0].own + node[0].below;
}

static int settle(void *arg)
{
	struct functions *w = (struct functions *)arg;
	int r = 0;

	if (!w->dict)
		return 0;
	add_up(w);
	r = look_up_all(w);
	if (r >= 0)
		walk(w);
	w->dict = NULL;
	return r;
}

static int change_dict(struct functions *w)
{
	const struct profile *p = w->scan.dict->tables;

	free(w->node);
	w->node = calloc(p->n_stacks, sizeof(*w->node));
	if (!w->node)
		return -ENOMEM;
	w->dict = w->scan.dict;
	profile_map_done(&w->map);
	return profile_map_init(&w->map, w->known, p);
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
				w->node[c->block.samples[i].stack].own += c->block.samples[i].count;
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
			.name = strdup(profile_str(w->known, f->name)),
			.object = strdup(profile_str(w->known, f->object)),
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
	r = profile_new(false, &w->known);
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
