/* Frames to prefix-tree nodes; see stacks.h. stacks_of() does the work. */
#include "profiler/collector/stacks.h"

#include "profiler/base/cleanup.h"
#include "profiler/base/quantity.h"
#include "symbolizer/kallsyms.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* A stack that was met: the node it became, and the words that make it. */
struct cached {
	uint64_t hash;
	uint32_t node;
	uint32_t words_at; /* into words */
	uint32_t n_words;
};

/*
 * The way of the last stack from its root on, by what a program does: the next one mostly begins
 * the same, and what follows here is several times cheaper than a look at an index.
 */
#define WAYS	    32
#define WAY_STEPS   192 /* of an interpreter's stacks half is beyond 64 */
#define WAY_FRAME   12 /* from the root: what a program does, beside itself */
#define STEP_KERNEL UINT32_MAX /* in place of an object's number */
#define STEP_MARK   (UINT32_MAX - 1)

struct step {
	uint64_t offset;
	uint32_t object; /* number */
	uint32_t node;
};

struct way {
	uint32_t n;
	struct step step[WAY_STEPS];
};

struct stacks {
	struct objects *objects;
	struct mappings *mappings;
	struct kernel_layout layout;
	uint64_t layout_read_ns; /* monotonic; 0 never */
	struct cached *cache;
	uint32_t n_cache, cap_cache;
	uint64_t *words;
	size_t n_words, cap_words;
	struct idmap by_hash;
	struct way way[WAYS];
	uint32_t mark[ABI_END_COUNT]; /* profile locations of the incomplete marks, + 1 */
	uint64_t ends[ABI_END_COUNT];
	struct quality quality;
	uint64_t evicted; /* of objects, when the cache was last known good */
};

static const char *const end_names[] = {
#define END_NAME(name, shortname, sentence) shortname,
	ABI_END_LIST(END_NAME)
#undef END_NAME
};

int stacks_new(struct objects *objects, struct stacks **ret)
{
	struct stacks *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	r = mappings_new(objects, NULL, &s->mappings);
	if (r < 0) {
		free(s);
		return r;
	}
	s->objects = objects;
	*ret = s;
	return 0;
}

struct stacks *stacks_free(struct stacks *s)
{
	if (!s)
		return NULL;
	mappings_free(s->mappings);
	kernel_layout_done(&s->layout);
	free(s->cache);
	free(s->words);
	idmap_done(&s->by_hash);
	quality_done(&s->quality);
	free(s);
	return NULL;
}

static void cache_clear(struct stacks *s)
{
	s->n_cache = 0;
	s->n_words = 0;
	idmap_clear(&s->by_hash);
	for (size_t i = 0; i < WAYS; i++)
		s->way[i].n = 0;
}

void stacks_new_profile(struct stacks *s)
{
	cache_clear(s);
	memset(s->mark, 0, sizeof(s->mark));
}

/* ---- the kernel's layout ---- */

static void layout_read(struct stacks *s, uint64_t now_ns)
{
	_cleanup_close_ int kallsyms = open("/proc/kallsyms", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int modules = open("/proc/modules", O_RDONLY | O_CLOEXEC);
	struct kernel_layout layout;

	s->layout_read_ns = now_ns;
	if (kallsyms < 0 || kernel_layout_read(kallsyms, modules, &layout) < 0)
		return;
	kernel_layout_done(&s->layout);
	s->layout = layout;
	/* What was placed by the old layout may lie elsewhere now. */
	cache_clear(s);
}

static const struct kernel_range *range_of(struct stacks *s, uint64_t address, uint64_t now_ns)
{
	const struct kernel_range *range = kernel_layout_find(&s->layout, address);

	if (range || (s->layout_read_ns && s->layout_read_ns + STACKS_LAYOUT_NS > now_ns))
		return range;
	layout_read(s, now_ns);
	return kernel_layout_find(&s->layout, address);
}

/* ---- building ---- */

static int64_t location_in(struct stacks *s, struct object *object, uint64_t offset,
			   struct profile *live)
{
	int64_t id;

	if (!object)
		return -ENOMEM;
	id = objects_intern(s->objects, object, live);
	return id < 0 ? id : profile_location(live, (uint32_t)id, offset);
}

/* A BPF program is named by the kernel itself. */
static int name_program(const struct object *object, uint32_t location, struct profile *live)
{
	struct profile_function f = {};
	struct profile_line line = {};
	int64_t id;

	if (live->locations[location].naming != PROFILE_UNNAMED)
		return 0;
	id = profile_string(live, object->path);
	if (id < 0)
		return (int)id;
	f.name = f.system_name = (uint32_t)id;
	id = profile_function(live, &f);
	if (id < 0)
		return (int)id;
	line.function = (uint32_t)id;
	return profile_set_lines(live, location, &line, 1);
}

/* *ret_placed false: it stands for all that cannot be placed now. */
static int64_t kernel_location(struct stacks *s, uint64_t address, uint64_t now_ns,
			       struct profile *live, bool *ret_placed)
{
	static const struct kernel_range nowhere = {.name = "kernel", .kind = KERNEL_RANGE_MODULE};
	const struct kernel_range *range = range_of(s, address, now_ns);
	struct object *object;
	int64_t id;

	*ret_placed = range != NULL;
	/*
	 * An address that cannot be placed is not told: it would be a run-time address of the
	 * kernel.
	 */
	if (!range)
		return location_in(s, objects_of_kernel(s->objects, &nowhere, now_ns), 0, live);
	object = objects_of_kernel(s->objects, range, now_ns);
	id = location_in(s, object, address - range->start, live);
	if (id >= 0 && range->kind == KERNEL_RANGE_BPF) {
		int r = name_program(object, (uint32_t)id, live);

		if (r < 0)
			return r;
	}
	return id;
}

/* The mark of a walk that ended early: an own root. */
static int64_t mark_of(struct stacks *s, unsigned int end, struct profile *live)
{
	struct profile_object o = {.kind = PROFILE_OBJECT_INCOMPLETE};
	int64_t id;

	if (s->mark[end])
		return s->mark[end] - 1;
	id = profile_string(live, end_names[end]);
	if (id < 0)
		return id;
	o.path = (uint32_t)id;
	id = profile_object(live, &o);
	if (id >= 0)
		id = profile_location(live, (uint32_t)id, 0);
	if (id >= 0)
		s->mark[end] = (uint32_t)id + 1;
	return id;
}

/* What the frames of one sample lie in: numbers, 0 where memory ran out. */
struct frame_objects {
	uint32_t number[ABI_SAMPLE_OBJECTS_MAX]; /* by the record's index; 0 for raw frames */
	uint32_t exe; /* 0: not known */
	uint64_t now_ns;
};

static void find_objects(struct stacks *s, const struct abi_sample *sample,
			 const struct abi_object_ref *refs, struct frame_objects *ret)
{
	bool raw = false;

	memset(ret, 0, sizeof(*ret));
	for (unsigned int i = 0; i < sample->n_objects; i++) {
		const struct object *object;

		if (refs[i].kind == ABI_OBJECT_RAW) {
			raw = true;
			continue;
		}
		object = objects_of_ref(s->objects, sample, &refs[i], sample->time_ns);
		ret->number[i] = object ? object->number : 0;
	}
	if (!raw)
		return;
	if (!(sample->flags & ABI_SAMPLE_EXE_NONE))
		ret->exe = ret->number[sample->exe];
	ret->now_ns = quantity_monotonic_ns();
}

static int64_t user_location(struct stacks *s, const struct abi_sample *sample,
			     const struct abi_frame *frame, const struct abi_object_ref *refs,
			     const struct frame_objects *objects, struct profile *live)
{
	struct object *object;
	uint64_t offset = frame->offset;

	if (refs[frame->object].kind == ABI_OBJECT_RAW)
		object = mappings_place(s->mappings, sample, objects->exe, frame->offset,
					objects->now_ns, &offset);
	else
		object = objects_by_number(s->objects, objects->number[frame->object]);
	return location_in(s, object, offset, live);
}

/* From the root to the leaf. */
struct climb {
	struct way *way; /* NULL: none, or gone beyond */
	uint32_t at; /* steps of it that were taken */
	int64_t node; /* where it is, or negative errno */
	struct profile *live;
};

static bool go_known(struct climb *c, uint32_t object, uint64_t offset)
{
	const struct step *step;

	if (!c->way || c->at == c->way->n)
		return false;
	step = &c->way->step[c->at];
	if (step->object != object || step->offset != offset)
		return false;
	c->node = step->node;
	c->at++;
	return true;
}

static void go(struct climb *c, int64_t location)
{
	c->node = location < 0 ? location
			       : profile_stack(c->live, (uint32_t)c->node, (uint32_t)location);
}

/* The way leads here now, and no further. */
static void remember_step(struct climb *c, uint32_t object, uint64_t offset)
{
	if (!c->way || c->node < 0 || c->at == WAY_STEPS) {
		c->way = NULL;
		return;
	}
	c->way->step[c->at] = (struct step){offset, object, (uint32_t)c->node};
	c->way->n = ++c->at;
}

static void climb_user(struct stacks *s, struct climb *c, const struct abi_sample *sample,
		       const struct abi_frame *user, const struct abi_object_ref *refs)
{
	struct frame_objects objects;

	find_objects(s, sample, refs, &objects);
	for (unsigned int i = sample->n_user; c->node >= 0 && i-- > 0;) {
		uint32_t object = objects.number[user[i].object];

		if (go_known(c, object, user[i].offset))
			continue;
		go(c, user_location(s, sample, &user[i], refs, &objects, c->live));
		remember_step(c, object, user[i].offset);
	}
}

static void climb_kernel(struct stacks *s, struct climb *c, const struct abi_sample *sample,
			 const uint64_t *kernel)
{
	for (unsigned int i = sample->n_kernel; c->node >= 0 && i-- > 0;) {
		/* All but the innermost are return addresses: looked up inside the call. */
		uint64_t address = kernel[i] - (i > 0);
		bool placed;

		if (go_known(c, STEP_KERNEL, address))
			continue;
		go(c, kernel_location(s, address, sample->time_ns, c->live, &placed));
		/* The layout may have been read again: all ways are new then. */
		if (!placed || (c->way && c->at > c->way->n))
			c->way = NULL;
		remember_step(c, STEP_KERNEL, address);
	}
}

/* way: where its frames mean the same in every sample; else NULL. */
static int64_t build(struct stacks *s, const struct abi_sample *sample, const uint64_t *kernel,
		     const struct abi_frame *user, const struct abi_object_ref *refs,
		     struct way *way, struct profile *live)
{
	struct climb c = {.way = way, .live = live};

	if (quality_is_incomplete(sample->end) && !go_known(&c, STEP_MARK, sample->end)) {
		go(&c, mark_of(s, sample->end, live));
		remember_step(&c, STEP_MARK, sample->end);
	}
	if (c.node >= 0)
		climb_user(s, &c, sample, user, refs);
	climb_kernel(s, &c, sample, kernel);
	return c.node;
}

/* ---- the cache ---- */

/*
 * Whether the record's frames mean the same in every sample: files all numbered, nothing of one
 * process alone.
 */
static bool is_shared(const struct abi_sample *sample, const struct abi_object_ref *refs)
{
	for (unsigned int i = 0; i < sample->n_objects; i++)
		if (refs[i].kind != ABI_OBJECT_VDSO &&
		    !(refs[i].kind == ABI_OBJECT_FILE && refs[i].number))
			return false;
	return true;
}

/* Frames that carry their object's number instead of the record's own index. */
static size_t flatten(const struct abi_sample *sample, const uint64_t *kernel,
		      const struct abi_frame *user, const struct abi_object_ref *refs,
		      uint64_t *ret)
{
	size_t n = 0;

	ret[n++] = (uint64_t)sample->end << 32 | (uint32_t)sample->n_user << 8 | sample->n_kernel;
	for (unsigned int i = 0; i < sample->n_user; i++)
		ret[n++] = user[i].offset;
	for (unsigned int i = 0; i < sample->n_user; i++)
		ret[n++] = refs[user[i].object].number;
	for (unsigned int i = 0; i < sample->n_kernel; i++)
		ret[n++] = kernel[i];
	return n;
}

#define FLAT_WORDS (1 + 2 * ABI_USER_FRAMES_MAX + ABI_KERNEL_FRAMES_MAX)

static struct way *way_of(struct stacks *s, const struct abi_sample *sample,
			  const struct abi_frame *user, const struct abi_object_ref *refs)
{
	uint64_t place = 0;

	if (!(sample->flags & ABI_SAMPLE_EXE_NONE))
		place = refs[sample->exe].number;
	if (sample->n_user > WAY_FRAME)
		place += user[sample->n_user - WAY_FRAME].offset;
	return &s->way[place % WAYS];
}

static int64_t cache_find(const struct stacks *s, uint64_t hash, const uint64_t *words, size_t n)
{
	uint32_t at, i;

	for (i = idmap_first(&s->by_hash, hash, &at); i != IDMAP_NONE;
	     i = idmap_next(&s->by_hash, hash, &at)) {
		const struct cached *c = &s->cache[i];

		if (c->hash == hash && c->n_words == n &&
		    !memcmp(s->words + c->words_at, words, n * sizeof(*words)))
			return c->node;
	}
	return -ENOENT;
}

static int room_for(struct stacks *s, size_t n)
{
	if ((s->n_words + n) * sizeof(*s->words) > STACKS_CACHED_BYTES)
		cache_clear(s);
	if (s->n_words + n > s->cap_words) {
		size_t cap = s->cap_words ? s->cap_words * 2 : 4 * FLAT_WORDS;
		uint64_t *more = realloc(s->words, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		s->words = more;
		s->cap_words = cap;
	}
	if (s->n_cache == s->cap_cache) {
		uint32_t cap = s->cap_cache ? s->cap_cache * 2 : 256;
		struct cached *more = realloc(s->cache, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		s->cache = more;
		s->cap_cache = cap;
	}
	return 0;
}

static void cache_add(struct stacks *s, uint64_t hash, const uint64_t *words, size_t n,
		      uint32_t node)
{
	if (room_for(s, n) < 0 || idmap_add(&s->by_hash, hash, s->n_cache) < 0)
		return; /* only slower */
	memcpy(s->words + s->n_words, words, n * sizeof(*words));
	s->cache[s->n_cache++] = (struct cached){.hash = hash,
						 .node = node,
						 .words_at = (uint32_t)s->n_words,
						 .n_words = (uint32_t)n};
	s->n_words += n;
}

/* The frame where a walk was lost: the outermost one, or the first whose table was not there. */
static unsigned int lost_at(const struct abi_sample *sample, const struct abi_frame *user)
{
	for (unsigned int i = 0; i < sample->n_user; i++)
		if (user[i].flags & ABI_FRAME_NO_TABLE)
			return i;
	return sample->n_user - 1;
}

/* A walk through object ended: in it, at offset, where it is incomplete. */
static void count_in(struct object *object, enum abi_end end, uint64_t offset)
{
	if (!object->ends)
		object->ends = calloc(1, sizeof(*object->ends));
	if (object->ends)
		quality_count(object->ends, end, object->number, offset);
}

/* A walk that reached its root speaks for every object on its way, a lost one for one. */
static void count_end(struct stacks *s, const struct abi_sample *sample,
		      const struct abi_frame *user, const struct abi_object_ref *refs)
{
	struct quality_ends *process = quality_of_name(&s->quality, sample->comm);
	const struct abi_frame *lost;
	struct object *object = NULL;
	uint64_t met = 0, offset;
	bool is_raw;

	s->ends[sample->end]++;
	if (sample->n_user == 0) {
		if (process)
			quality_count(process, sample->end, 0, 0);
		return;
	}
	lost = &user[lost_at(sample, user)];
	/* A raw frame is an address of a process, which is not told. */
	is_raw = refs[lost->object].kind == ABI_OBJECT_RAW;
	offset = is_raw ? 0 : lost->offset;
	if (quality_is_incomplete(sample->end) && !is_raw) {
		object = objects_of_ref(s->objects, sample, &refs[lost->object], sample->time_ns);
		if (object)
			count_in(object, sample->end, offset);
	}
	if (process)
		quality_count(process, sample->end, object ? object->number : 0, offset);
	for (unsigned int i = 0; sample->end == ABI_END_ROOT && i < sample->n_user; i++) {
		if (met >> user[i].object & 1)
			continue;
		met |= 1ull << user[i].object;
		object = objects_by_number(s->objects, refs[user[i].object].number);
		if (object)
			count_in(object, sample->end, 0);
	}
}

/* Frames that were walked on by frame pointer, for want of a page of their object's table. */
static void ask_tables(struct stacks *s, const struct abi_sample *sample,
		       const struct abi_frame *user, const struct abi_object_ref *refs)
{
	for (unsigned int i = 0; i < sample->n_user; i++) {
		const struct object *object;

		if (!(user[i].flags & ABI_FRAME_NO_TABLE))
			continue;
		object = objects_of_ref(s->objects, sample, &refs[user[i].object], sample->time_ns);
		if (object)
			objects_miss_table(s->objects, object, user[i].offset, sample->time_ns);
	}
}

int64_t stacks_of(struct stacks *s, const struct abi_sample *sample, const uint64_t *kernel,
		  const struct abi_frame *user, const struct abi_object_ref *refs,
		  struct profile *live)
{
	uint64_t words[FLAT_WORDS];
	uint64_t hash = sample->user_stack ^ (sample->kernel_stack * 0x9e3779b97f4a7c15ull);
	bool shared = is_shared(sample, refs);
	size_t n = 0;
	int64_t node;

	count_end(s, sample, user, refs);
	if (sample->end == ABI_END_NO_TABLE)
		ask_tables(s, sample, user, refs);
	/*
	 * An evicted object's number may be given to another: nothing may stand for stacks of the
	 * old one.
	 */
	if (s->evicted != objects_evicted(s->objects)) {
		s->evicted = objects_evicted(s->objects);
		cache_clear(s);
	}
	if (shared) {
		for (unsigned int i = 0; i < sample->n_objects; i++)
			objects_touch(s->objects, refs[i].number, sample->time_ns);
		n = flatten(sample, kernel, user, refs, words);
		node = cache_find(s, hash, words, n);
		if (node >= 0)
			return node;
	}
	node = build(s, sample, kernel, user, refs, shared ? way_of(s, sample, user, refs) : NULL,
		     live);
	if (node >= 0 && shared)
		cache_add(s, hash, words, n, (uint32_t)node);
	return node;
}

struct mappings *stacks_mappings(struct stacks *s)
{
	return s->mappings;
}

const uint64_t *stacks_ends(const struct stacks *s)
{
	return s->ends;
}

const struct quality *stacks_quality(const struct stacks *s)
{
	return &s->quality;
}

bool stacks_kernel_hidden(const struct stacks *s)
{
	return s->layout.hidden;
}
