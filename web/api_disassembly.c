/* The instructions of a native function with what they cost in a range. */
#include <errno.h>
#include <string.h>

#include "profiler/base/cleanup.h"
#include "profiler/base/json.h"
#include "web/api.h"
#include "web/costs.h"

static void profile_freep(struct profile **p)
{
	profile_free(*p);
}

/* A range of a file's code, in one of the builds that the profile has of it. */
struct place {
	const char *object, *function;
	uint32_t id; /* of the object */
	const struct web_code *code;
};

static bool is_object(const struct profile *p, const struct profile_object *o, const char *path)
{
	return o->kind == PROFILE_OBJECT_FILE && !strcmp(profile_str(p, o->path), path) &&
	       profile_str(p, o->build_id)[0];
}

/* Place: the location, where it lies in the function, in a file of that path. */
static int64_t location_of(void *ctx, const struct profile *p, uint32_t location, uint32_t i)
{
	const struct place *of = ctx;
	char scratch[PROFILE_SCRATCH_BYTES];
	struct profile_frame f = profile_location_frame(p, location, i, scratch);

	return is_object(p, f.object, of->object) && !strcmp(f.function, of->function)
		       ? (int64_t)location
		       : -1;
}

/*
 * The location of the function that ran most, in whichever build: -1 where none did. One that ran
 * itself, where there is one: its offset is an instruction's first byte.
 */
static int find_hottest(const struct profile *p, struct place *of, int64_t *ret)
{
	_cleanup_(costs_done) struct costs c = {};
	int r = costs_of(p, p->n_locations, location_of, of, &c);
	int64_t best = -1;

	if (r < 0)
		return r;
	for (size_t i = 0; i < c.n; i++)
		if (c.total[i] && (best < 0 || c.self[i] > c.self[best] ||
				   (c.self[i] == c.self[best] && c.total[i] > c.total[best])))
			best = (int64_t)i;
	*ret = best;
	return 0;
}

/* The end of the function's locations in the same build. */
static uint64_t find_until(const struct profile *p, const struct place *of, uint64_t from)
{
	uint64_t until = from + 1;
	char scratch[PROFILE_SCRATCH_BYTES];

	for (uint32_t l = 0; l < p->n_locations; l++) {
		uint32_t n = profile_location_frames(p, l);
		struct profile_frame f = profile_location_frame(p, l, n - 1, scratch);

		if (p->locations[l].object == of->id && p->locations[l].offset >= until &&
		    !strcmp(f.function, of->function))
			until = p->locations[l].offset + 1;
	}
	return until;
}

/* The instruction that an offset lies in. */
static int64_t row_at(const struct web_code *code, uint64_t offset)
{
	size_t low = 0, high = code->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (code->row[middle].offset + code->row[middle].bytes <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low < code->n && code->row[low].offset <= offset ? (int64_t)low : -1;
}

/* The innermost frame alone: a location is one instruction, however much is inlined there. */
static int64_t row_of(void *ctx, const struct profile *p, uint32_t location, uint32_t i)
{
	const struct place *of = ctx;

	if (i > 0 || p->locations[location].object != of->id)
		return -1;
	return row_at(of->code, p->locations[location].offset);
}

static void write_rows(struct json *j, const struct web_code *code, const struct costs *c)
{
	json_key(j, "instructions");
	json_array_begin(j);
	for (size_t i = 0; i < code->n; i++) {
		json_array_begin(j);
		json_u64(j, code->row[i].address);
		json_str(j, code->row[i].text);
		json_u64(j, c->self[i]);
		json_u64(j, c->total[i]);
		json_array_end(j);
	}
	json_array_end(j);
}

static void write_answer(struct web_request *q, const struct profile *p, const struct place *of,
			 uint64_t hottest, const struct costs *c)
{
	int64_t row = row_at(of->code, hottest);
	struct json j;

	web_request_begin(q, "application/json");
	json_init(&j, &q->body);
	json_object_begin(&j);
	json_kv_str(&j, "object", of->object);
	json_kv_str(&j, "build_id", profile_str(p, p->objects[of->id].build_id));
	json_kv_u64(&j, "period_ns", p->period_ns);
	json_kv_u64(&j, "samples", profile_sample_count(p));
	json_kv_u64(&j, "address", row < 0 ? 0 : of->code->row[row].address);
	write_rows(&j, of->code, c);
	json_object_end(&j);
}

static int answer(struct web_service *w, struct web_request *q, const struct profile *p,
		  struct place *of, struct err *err)
{
	_cleanup_(web_code_done) struct web_code code = {};
	_cleanup_(costs_done) struct costs costs = {};
	struct web_code_range range = {.path = of->object};
	int64_t hottest = -1;
	int r = find_hottest(p, of, &hottest);

	if (r < 0)
		return r;
	if (hottest < 0) {
		web_request_refuse(q, 404, "no_code",
				   "None of this function's code that ran here is in a file.");
		return 0;
	}
	of->id = p->locations[hottest].object;
	range.build_id = profile_str(p, p->objects[of->id].build_id);
	range.from = p->locations[hottest].offset;
	range.until = find_until(p, of, range.from);
	r = w->config->code(w->config->ctx, &range, &code, err);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		web_request_refuse(q, r == -EBUSY || r == -ETIMEDOUT ? 503 : 404,
				   r == -EBUSY || r == -ETIMEDOUT ? "busy" : "no_code",
				   err->code ? err_text(err) : strerror(-r));
		return 0;
	}
	of->code = &code;
	r = costs_of(p, code.n, row_of, of, &costs);
	if (r < 0)
		return r;
	write_answer(q, p, of, range.from, &costs);
	return q->body.err;
}

int web_api_disassembly(struct web_service *w, struct store *s, struct web_request *q,
			struct err *err)
{
	static const char *const no_labels[] = {NULL};
	_cleanup_(profile_freep) struct profile *p = NULL;
	struct place of = {
		.object = q->params.value[WEB_PARAM_OBJECT],
		.function = q->params.value[WEB_PARAM_FUNCTION],
	};
	struct store_query query = web_request_query(q);
	int r;

	if (!of.object || !of.function)
		return err_set(err, -EINVAL, "object and function: whose instructions?");
	if (!w->config->code) {
		web_request_refuse(q, 404, "no_code", "nobody disassembles here");
		return 0;
	}
	r = store_query_profile(s, &query, no_labels, false, &p, err);
	return r < 0 ? r : answer(w, q, p, &of, err);
}
