/*
 * The names of a process's JIT code, generation by generation; see jit.h. jit_give() does the work.
 */
#include "profiler/collector/jit_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESSES_FIRST 64

/* ---- addresses ---- */

struct jit_address *jit_address_find(const struct jit_process *p, uint64_t address)
{
	uint64_t hash = hash_bytes(&address, sizeof(address));
	uint32_t at, i;

	for (i = idmap_first(&p->by_address, hash, &at); i != IDMAP_NONE;
	     i = idmap_next(&p->by_address, hash, &at))
		if (p->addresses[i].address == address)
			return &p->addresses[i];
	return NULL;
}

static int address_add(struct jit *j, struct jit_process *p, uint64_t address, uint64_t name,
		       uint64_t time_ns)
{
	int r;

	if (p->n == p->cap) {
		uint32_t cap = p->cap ? p->cap * 2 : ADDRESSES_FIRST;
		struct jit_address *more = realloc(p->addresses, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		p->addresses = more;
		p->cap = cap;
	}
	r = idmap_add(&p->by_address, hash_bytes(&address, sizeof(address)), p->n);
	if (r < 0)
		return r;
	p->addresses[p->n++] = (struct jit_address){
		.address = address, .name = name, .time_ns = time_ns, .last_ns = time_ns};
	j->n_addresses++;
	p->n_nameless += name == JIT_NAMELESS;
	return 0;
}

static void begin_generation(struct jit *j, struct jit_process *p, uint64_t time_ns)
{
	j->n_addresses -= p->n;
	/* Never one that was: two samples may be of one nanosecond. */
	p->generation = time_ns > p->generation ? time_ns : p->generation + 1;
	p->n = p->n_nameless = p->again_at = p->round_end = 0;
	idmap_clear(&p->by_address);
}

/* Whoever has most begins anew. */
static void make_room_for_addresses(struct jit *j, uint32_t n, uint64_t time_ns)
{
	struct jit_process *most = j->process[0];

	if (j->n_addresses + n <= JIT_ADDRESSES_MAX)
		return;
	for (uint32_t i = 1; i < j->n; i++)
		if (j->process[i]->n > most->n)
			most = j->process[i];
	begin_generation(j, most, time_ns);
}

/* Whether a generation may begin at that time; it is counted. */
static bool may_begin(struct jit *j, struct jit_process *p, uint64_t time_ns)
{
	uint64_t earned = p->begun_ns && time_ns > p->begun_ns
				  ? (time_ns - p->begun_ns) / JIT_GENERATION_NS
				  : 0;

	if (!p->begun_ns || earned) {
		p->credit = earned + p->credit < JIT_GENERATIONS ? p->credit + (uint32_t)earned
								 : JIT_GENERATIONS;
		p->begun_ns = time_ns;
	}
	if (!p->credit)
		return false;
	p->credit--;
	j->counts.generations++;
	return true;
}

/* ---- names ---- */

uint64_t jit_place_hash(const struct jit_place *place)
{
	uint64_t parts[3], hash;

	if (!place)
		return JIT_NAMELESS;
	parts[0] = hash_bytes(place->name, strlen(place->name));
	parts[1] = place->file ? hash_bytes(place->file, strlen(place->file)) : 0;
	parts[2] = place->line;
	hash = hash_bytes(parts, sizeof(parts));
	return hash == JIT_NAMELESS ? 1 : hash;
}

/* What the answer says of question i. */
const struct jit_place *jit_place_of(const struct resolve_jit_names *names, uint32_t i)
{
	return names && names->which && names->which[i] ? &names->places[names->which[i] - 1]
							: NULL;
}

static int64_t intern_place(const struct jit_place *place, struct profile *live,
			    struct profile_line *ret)
{
	int64_t name = profile_string(live, place->name), file = profile_string(live, place->file);
	struct profile_function f = {(uint32_t)name, (uint32_t)name, (uint32_t)file, 0};
	int64_t function;

	if (name < 0 || file < 0)
		return name < 0 ? name : file;
	function = profile_function(live, &f);
	if (function >= 0)
		*ret = (struct profile_line){.function = (uint32_t)function, .line = place->line};
	return function;
}

void jit_name_location(struct jit *j, const struct jit_process *p, struct jit_address *a,
		       const struct jit_place *place, struct profile *live)
{
	struct object *object =
		objects_jit(j->objects, p->pid, p->start_ns, p->generation, p->uid, p->used_ns);
	struct profile_line line = {};
	int64_t id;

	if (!object)
		return;
	id = objects_intern(j->objects, object, live);
	if (id >= 0)
		id = profile_location(live, (uint32_t)id, a->address);
	if (id < 0)
		return;
	if (place && intern_place(place, live, &line) < 0)
		return;
	if (profile_set_lines(live, (uint32_t)id, &line, place != NULL) == 0)
		a->epoch = j->epoch;
}

/* Whether all addresses of h may be called in p's generation what they are called now. */
static bool fits(const struct jit_process *p, const struct jit_held *h,
		 const struct resolve_jit_names *names, uint32_t question)
{
	for (unsigned int i = 0; i < h->sample.n_user; i++) {
		const struct abi_frame *frame = &jit_held_user(h)[i];
		const struct jit_address *a;

		if (!jit_frame_is(frame, jit_held_refs(h)))
			continue;
		a = jit_address_find(p, frame->offset);
		if (a && a->name != jit_place_hash(jit_place_of(names, question)))
			return false;
		question++;
	}
	return true;
}

/* Take the addresses of h into p's generation. False: they do not all go in. */
static bool place(struct jit *j, struct jit_process *p, const struct jit_held *h,
		  const struct resolve_jit_names *names, uint32_t question)
{
	for (unsigned int i = 0; i < h->sample.n_user; i++) {
		const struct abi_frame *frame = &jit_held_user(h)[i];
		uint64_t name;

		if (!jit_frame_is(frame, jit_held_refs(h)))
			continue;
		name = jit_place_hash(jit_place_of(names, question++));
		if (jit_address_find(p, frame->offset))
			continue;
		if (address_add(j, p, frame->offset, name, h->sample.time_ns) < 0)
			return false;
	}
	return true;
}

static void name_frames(struct jit *j, struct jit_process *p, const struct jit_held *h,
			const struct resolve_jit_names *names, uint32_t question,
			struct profile *live)
{
	for (unsigned int i = 0; i < h->sample.n_user; i++) {
		const struct abi_frame *frame = &jit_held_user(h)[i];
		const struct jit_place *place;
		struct jit_address *a;

		if (!jit_frame_is(frame, jit_held_refs(h)))
			continue;
		place = jit_place_of(names, question++);
		*(place ? &j->counts.frames_named : &j->counts.frames_nameless) += 1;
		a = jit_address_find(p, frame->offset);
		if (a && !place) {
			a->frames++;
			a->last_ns = h->sample.time_ns;
		}
		if (a && a->epoch != j->epoch)
			jit_name_location(j, p, a, place, live);
	}
}

void jit_give(struct jit *j, struct jit_process *p, const struct jit_held *h,
	      const struct resolve_jit_names *names, uint32_t question, struct profile *live)
{
	uint64_t time_ns = h->sample.time_ns;
	bool named;

	make_room_for_addresses(j, h->n_frames, time_ns);
	named = fits(p, h, names, question);
	if (!named && names && may_begin(j, p, time_ns)) {
		begin_generation(j, p, time_ns);
		named = true;
	}
	named = named && place(j, p, h, names, question);
	if (!named) {
		j->counts.left_out++;
		j->counts.frames_nameless += h->n_frames;
	}
	objects_jit(j->objects, p->pid, p->start_ns, named ? p->generation : JIT_UNNAMED, p->uid,
		    time_ns);
	j->give(j->ctx, &h->sample, jit_held_kernel(h), jit_held_user(h), jit_held_refs(h));
	if (named)
		name_frames(j, p, h, names, question, live);
}
