/* Frames to prefix-tree nodes; see stacks.h. stacks_of() does the work. */
#include "profiler/collector/stacks.h"

#include "profiler/base/cleanup.h"
#include "profiler/base/quantity.h"
#include "profiler/collector/edges.h"
#include "symbolizer/kallsyms.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* In place of an object's number. */
#define STEP_KERNEL UINT32_MAX
#define STEP_MARK   (UINT32_MAX - 1)
#define STEP_RAW    (UINT32_MAX - 2)
#define STEPS_MAX   (1 + ABI_USER_FRAMES_MAX + ABI_KERNEL_FRAMES_MAX)

/* One edge of a sample's way through the tree, as its record has it. */
struct step {
	uint64_t offset; /* an address where the kernel placed none, or how the walk ended */
	uint32_t object;
	bool lasting; /* it means the same in every sample */
	struct edges_set *set;
};

struct stacks {
	struct objects *objects;
	struct mappings *mappings;
	struct kernel_layout layout;
	uint64_t layout_read_ns; /* monotonic; 0 never */
	struct edges edges;
	struct step step[STEPS_MAX];
	uint32_t mark[ABI_END_COUNT]; /* profile locations of the incomplete marks, + 1 */
	uint64_t ends[ABI_END_COUNT];
	struct quality quality;
	uint64_t evicted; /* of objects, when the edges were last known good */
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
	if (r == 0)
		r = edges_new(&s->edges);
	if (r < 0) {
		stacks_free(s);
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
	edges_done(&s->edges);
	quality_done(&s->quality);
	free(s);
	return NULL;
}

void stacks_new_profile(struct stacks *s)
{
	edges_clear(&s->edges);
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
	edges_clear(&s->edges);
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

/* Frames mean the same in every sample where they lie in a file that has a number. */
static bool is_lasting(const struct abi_object_ref *ref)
{
	return ref->kind == ABI_OBJECT_VDSO || (ref->kind == ABI_OBJECT_FILE && ref->number);
}

/* ---- from the root to the leaf ---- */

static uint32_t steps_of_user(struct step *to, const struct abi_sample *sample,
			      const struct abi_frame *user, const struct abi_object_ref *refs,
			      const struct frame_objects *objects)
{
	uint32_t n = 0;

	for (unsigned int i = sample->n_user; i-- > 0;) {
		const struct abi_object_ref *ref = &refs[user[i].object];

		to[n++] = (struct step){
			.offset = user[i].offset,
			.object = ref->kind == ABI_OBJECT_RAW ? STEP_RAW
							      : objects->number[user[i].object],
			.lasting = is_lasting(ref),
		};
	}
	return n;
}

/* All but the innermost are return addresses: looked up inside the call. */
static uint32_t steps_of_kernel(struct step *to, const struct abi_sample *sample,
				const uint64_t *kernel)
{
	uint32_t n = 0;

	for (unsigned int i = sample->n_kernel; i-- > 0;)
		to[n++] = (struct step){
			.offset = kernel[i] - (i > 0), .object = STEP_KERNEL, .lasting = true};
	return n;
}

static uint32_t steps_of(struct stacks *s, const struct abi_sample *sample, const uint64_t *kernel,
			 const struct abi_frame *user, const struct abi_object_ref *refs,
			 const struct frame_objects *objects)
{
	uint64_t path = 0;
	uint32_t n = 0;

	if (quality_is_incomplete(sample->end))
		s->step[n++] =
			(struct step){.offset = sample->end, .object = STEP_MARK, .lasting = true};
	n += steps_of_user(&s->step[n], sample, user, refs, objects);
	n += steps_of_kernel(&s->step[n], sample, kernel);
	for (uint32_t i = 0; i < n; i++) {
		path = edges_path(path, s->step[i].object, s->step[i].offset);
		s->step[i].set = edges_fetch(&s->edges, path);
	}
	return n;
}

/* May find that the step does not last. */
static int64_t location_of(struct stacks *s, struct step *step, const struct abi_sample *sample,
			   const struct frame_objects *objects, struct profile *live)
{
	struct object *object;
	uint64_t offset = step->offset;

	switch (step->object) {
	case STEP_MARK:
		return mark_of(s, sample->end, live);
	case STEP_KERNEL:
		return kernel_location(s, offset, sample->time_ns, live, &step->lasting);
	case STEP_RAW:
		object = mappings_place(s->mappings, sample, objects->exe, offset, objects->now_ns,
					&offset);
		break;
	default:
		object = objects_by_number(s->objects, step->object);
		break;
	}
	return location_in(s, object, offset, live);
}

static int64_t climb(struct stacks *s, uint32_t n_steps, const struct abi_sample *sample,
		     const struct frame_objects *objects, struct profile *live)
{
	int64_t node = 0;

	for (uint32_t i = 0; i < n_steps && node >= 0; i++) {
		struct step *step = &s->step[i];
		uint32_t from = (uint32_t)node;

		node = step->lasting ? edges_find(step->set, from, step->object, step->offset) : 0;
		if (node)
			continue;
		node = location_of(s, step, sample, objects, live);
		if (node >= 0)
			node = profile_stack(live, from, (uint32_t)node);
		if (node >= 0 && step->lasting)
			edges_add(step->set, from, step->object, step->offset, (uint32_t)node);
	}
	return node;
}

/* ---- the quality of walks ---- */

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
	struct frame_objects objects;
	uint32_t n;

	count_end(s, sample, user, refs);
	if (sample->end == ABI_END_NO_TABLE)
		ask_tables(s, sample, user, refs);
	find_objects(s, sample, refs, &objects);
	/* An evicted object's number may be given to another: no edge of the old one is left. */
	if (s->evicted != objects_evicted(s->objects)) {
		s->evicted = objects_evicted(s->objects);
		edges_clear(&s->edges);
	}
	n = steps_of(s, sample, kernel, user, refs, &objects);
	return climb(s, n, sample, &objects, live);
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
