/* The collector; see collector.h. on_sample() is the way of every sample. */
#include "profiler/collector/collector_state.h"

#include "profiler/base/quantity.h"
#include "profiler/collector/cgroup_path.h"
#include "profiler/collector/tables_kernel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CLOCK_STEP_NS 1000000000ll /* a jump of the wall clock that is told */
/* Samples through JIT code are named this long after a tick: shortly before the next. */
#define JIT_ASK_NS 800000000ull
/*
 * For so long it is not calm: after the start, and a frame without its table; and where a process
 * must be looked at, for its JIT code's names or for its mappings, such processes are usual here.
 */
#define HASTE_NS      2000000000ull
#define HASTE_CODE_NS 60000000000ull

static int64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/*
 * Wall time is monotonic time and an offset that is measured again and again: a step is told, never
 * smoothed.
 */
static void read_clocks(struct collector *c)
{
	int64_t wall = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
	int64_t step = wall - c->wall_offset_ns;

	if (c->wall_offset_ns && (step > CLOCK_STEP_NS || step < -CLOCK_STEP_NS)) {
		c->clock_steps++;
		c->last_step_ns = step;
	}
	c->wall_offset_ns = wall;
	c->boot_offset_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME);
}

static int sample_add(struct collector *c, const struct abi_sample *s, const uint64_t *kernel,
		      const struct abi_frame *user, const struct abi_object_ref *refs)
{
	const struct object *exe = NULL;
	int64_t labels, stack;

	stack = stacks_of(c->stacks, s, kernel, user, refs, c->live);
	if (stack < 0)
		return (int)stack;
	/* Behind the stack: its objects may have moved the table. */
	if (!(s->flags & ABI_SAMPLE_EXE_NONE))
		exe = objects_of_ref(c->objects, s, &refs[s->exe], s->time_ns);
	labels = labels_of(c->labels, s, exe, c->boot_offset_ns, c->live);
	if (labels < 0)
		return (int)labels;
	return profile_add_sample(c->live, (uint64_t)((int64_t)s->time_ns + c->wall_offset_ns),
				  (uint32_t)stack, (uint32_t)labels, 1);
}

/* A sample whose JIT code, if it has any, is named, or never will be. */
static void on_ready(void *ctx, const struct abi_sample *s, const uint64_t *kernel,
		     const struct abi_frame *user, const struct abi_object_ref *refs)
{
	struct collector *c = ctx;

	if (!c->options.merge && c->live->n_samples >= COLLECTOR_PENDING_MAX)
		c->loss[COLLECTOR_LOSS_STORE_FULL]++;
	else if (sample_add(c, s, kernel, user, refs) < 0)
		c->loss[COLLECTOR_LOSS_MEMORY]++;
}

/* A sample whose stack is known as well as it will be. */
static void on_unwound(void *ctx, const struct abi_sample *s, const uint64_t *kernel,
		       const struct abi_frame *user, const struct abi_object_ref *refs)
{
	struct collector *c = ctx;

	if (jit_wants(s, refs))
		jit_take(c->jit, s, kernel, user, refs);
	else
		on_ready(c, s, kernel, user, refs);
}

static void note_haste(struct collector *c, const struct abi_sample *s,
		       const struct abi_object_ref *refs)
{
	uint64_t until_ns = s->end == ABI_END_NO_TABLE ? s->time_ns + HASTE_NS : 0;

	for (unsigned int i = 0; i < s->n_objects; i++)
		if (refs[i].kind == ABI_OBJECT_ANON || refs[i].kind == ABI_OBJECT_RAW)
			until_ns = s->time_ns + HASTE_CODE_NS;
	if (until_ns > c->haste_until_ns)
		c->haste_until_ns = until_ns;
}

static void on_sample(void *ctx, const struct abi_sample *s, const uint64_t *kernel,
		      const struct abi_frame *user, const struct abi_object_ref *refs)
{
	struct collector *c = ctx;

	c->received++;
	note_haste(c, s, refs);
	if (c->snapshots && events_registers(s))
		snapshots_take(c->snapshots, s, kernel, user, refs, quantity_monotonic_ns());
	else
		on_unwound(c, s, kernel, user, refs);
}

static void on_object(void *ctx, const struct abi_object *o, const char *path)
{
	struct collector *c = ctx;

	objects_describe(c->objects, o, path, quantity_monotonic_ns());
}

static void on_cgroup(void *ctx, const struct abi_cgroup *cgroup, const char *path)
{
	struct collector *c = ctx;

	labels_describe_cgroup(c->labels, cgroup, path);
}

static int open_parts(struct collector *c, struct err *err)
{
	static const struct events_handlers handlers = {on_sample, on_object, on_cgroup};
	const struct collector_options *o = &c->options;
	struct bpf_programs_options programs = {
		.frequency_hz = o->frequency_hz,
		.user = o->user,
		.kernel = o->kernel,
		.filter = o->filter,
		.filter_allows = o->filter,
		.follow = o->follow,
		.snapshot = o->unwind == UNWIND_MODE_SNAPSHOT,
		.tables = o->unwind == UNWIND_MODE_AUTO,
	};
	struct resolve_options resolve = {.sandbox = o->sandbox,
					  .table_cache = COLLECTOR_CACHE,
					  .room_dir = COLLECTOR_CACHE,
					  .snapshots = programs.snapshot};
	char fetched[DEBUG_SERVERS_DIRECTORY_BYTES];
	int r;

	if (o->servers && o->servers->n) {
		debug_servers_directory(fetched);
		resolve.servers = *o->servers;
		resolve.fetch_cache = fetched;
	}

	r = bpf_programs_load(&programs, &c->programs, err);
	if (r == 0)
		r = resolve_new(&resolve, &c->resolve, err);
	if (r == 0 && programs.tables && bpf_programs_walks_mappings(c->programs))
		r = tables_kernel_new(c->programs, &c->tables);
	if (r == 0)
		r = objects_new(c->programs, c->resolve, c->tables, &c->objects);
	if (r == 0)
		r = labels_new(c->programs, &c->labels);
	if (r == 0)
		labels_set_static(c->labels, o->labels);
	if (r == 0)
		r = stacks_new(c->objects, &c->stacks);
	if (r == 0 && programs.snapshot)
		r = snapshots_new(c->resolve, c->objects, stacks_mappings(c->stacks), on_unwound, c,
				  &c->snapshots);
	if (r == 0)
		r = jit_new(c->resolve, c->objects, on_ready, c, &c->jit);
	if (r == 0)
		r = events_open(bpf_programs_ring_fd(c->programs), &handlers, c, &c->events);
	if (r == 0)
		r = profile_new(o->merge, &c->live);
	return r;
}

static void live_begin(struct collector *c)
{
	c->live->period_ns = 1000000000ull / c->options.frequency_hz;
	c->live->start_ns = quantity_now_ns();
	c->asked = 0;
}

int collector_new(const struct collector_options *options, struct collector **ret, struct err *err)
{
	struct collector *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->options = *options;
	c->round = 1;
	r = open_parts(c, err);
	if (r < 0) {
		collector_free(c);
		if (err && !err->text[0])
			err_set(err, r, "the collector could not be started: %s", strerror(-r));
		return r;
	}
	read_clocks(c);
	live_begin(c);
	*ret = c;
	return 0;
}

struct collector *collector_free(struct collector *c)
{
	if (!c)
		return NULL;
	sampler_stop(c->sampler);
	running_free(c->running);
	events_close(c->events);
	jit_free(c->jit);
	resolve_free(c->resolve);
	snapshots_free(c->snapshots);
	stacks_free(c->stacks);
	labels_free(c->labels);
	objects_free(c->objects);
	tables_free(c->tables);
	profile_free(c->live);
	bpf_programs_free(c->programs);
	free(c);
	return NULL;
}

int collector_filter_pid(struct collector *c, uint32_t pid, bool tree)
{
	struct abi_filter_key key = {.kind = ABI_FILTER_PID, .id = {pid}};

	return bpf_programs_filter_set(c->programs, &key,
				       tree ? ABI_FILTER_ALLOW_TREE : ABI_FILTER_ALLOW);
}

int collector_forget_pid(struct collector *c, uint32_t pid)
{
	struct abi_filter_key key = {.kind = ABI_FILTER_PID, .id = {pid}};

	return bpf_programs_filter_clear(c->programs, &key);
}

int collector_filter_cgroup(struct collector *c, const char *path, struct err *err)
{
	struct abi_filter_key key = {.kind = ABI_FILTER_CGROUP};
	uint64_t id;
	int r = cgroup_path_find(path, &id, &key.hierarchy, err);

	if (r < 0)
		return r;
	key.id[0] = id;
	return bpf_programs_filter_set(c->programs, &key, ABI_FILTER_ALLOW);
}

int collector_start(struct collector *c, struct err *err)
{
	c->live->start_ns = quantity_now_ns();
	c->haste_until_ns = quantity_monotonic_ns() + HASTE_NS;
	if (c->tables) {
		objects_vdso(c->objects, quantity_monotonic_ns());
		c->running = running_start(c->programs);
	}
	return sampler_start(c->programs, c->options.frequency_hz, &c->sampler, err);
}

static void take_names(void *ctx)
{
	collector_take_names(ctx);
}

void collector_stop(struct collector *c)
{
	c->sampler = sampler_stop(c->sampler);
	collector_take_records(c);
	if (c->snapshots)
		snapshots_finish(c->snapshots, take_names, c);
	jit_finish(c->jit);
	c->live->end_ns = quantity_now_ns();
}

struct collector_fds collector_fds(const struct collector *c)
{
	return (struct collector_fds){.ring = events_fd(c->events),
				      .names = resolve_fd(c->resolve)};
}

bool collector_is_calm(const struct collector *c)
{
	return !c->snapshots && quantity_monotonic_ns() >= c->haste_until_ns;
}

int collector_take_records(struct collector *c)
{
	int n = events_consume(c->events);

	if (c->tables)
		tables_rest(c->tables);
	collector_ask_jit(c);
	c->loss[COLLECTOR_LOSS_MALFORMED] = events_malformed(c->events);
	return n;
}

/* ---- once a second ---- */

int collector_tick(struct collector *c, struct err *err)
{
	read_clocks(c);
	c->jit_due_ns = quantity_monotonic_ns() + JIT_ASK_NS;
	if (c->snapshots)
		snapshots_give_up(c->snapshots, quantity_monotonic_ns() - SNAPSHOTS_PATIENCE_NS);
	return c->sampler ? sampler_refresh(c->sampler, err) : 0;
}

struct profile *collector_live(struct collector *c)
{
	return c->live;
}

bool collector_wants_renewal(const struct collector *c, size_t store_bytes)
{
	size_t bytes = profile_bytes(c->live);

	return bytes > COLLECTOR_LIVE_BYTES_MIN && bytes + store_bytes > COLLECTOR_LIVE_BYTES;
}

int collector_renew(struct collector *c)
{
	struct profile *fresh;
	int r = profile_new(c->options.merge, &fresh);

	if (r < 0)
		return r;
	profile_free(c->live);
	c->live = fresh;
	live_begin(c);
	objects_new_profile(c->objects);
	labels_new_profile(c->labels);
	stacks_new_profile(c->stacks);
	jit_new_profile(c->jit);
	return 0;
}

void collector_stored(struct collector *c, uint64_t samples)
{
	c->stored += samples;
}

int collector_counts(struct collector *c, struct collector_counts *ret)
{
	struct collector_counts counts = {
		.received = c->received,
		.stored = c->stored,
		.ends = stacks_ends(c->stacks),
		.map_bytes = bpf_programs_map_bytes(c->programs),
		.cpus = c->sampler ? sampler_cpus(c->sampler) : 0,
		.objects = objects_count(c->objects),
		.jit = jit_counts(c->jit),
		.clock_steps = c->clock_steps,
		.last_step_ns = c->last_step_ns,
	};
	int r = bpf_programs_counters(c->programs, counts.kernel);

	if (r < 0)
		return r;
	memcpy(counts.loss, c->loss, sizeof(counts.loss));
	*ret = counts;
	return 0;
}

int collector_add_losses(struct collector *c, struct profile *p)
{
	static const char *const kernel_names[] = {
#define COUNTER_NAME(name, shortname, sentence) shortname,
		ABI_COUNTER_LIST(COUNTER_NAME)
#undef COUNTER_NAME
	};
	static const char *const loss_names[] = {
#define LOSS_NAME(name, shortname, sentence) shortname,
		COLLECTOR_LOSS_LIST(LOSS_NAME)
#undef LOSS_NAME
	};
	static const enum abi_counter lost[] = {ABI_COUNTER_DROP_RING, ABI_COUNTER_DROP_BUSY,
						ABI_COUNTER_MISSED, ABI_COUNTER_KERNEL_STACK_LOST};
	struct collector_counts counts;
	int r = collector_counts(c, &counts);

	for (size_t i = 0; r >= 0 && i < sizeof(lost) / sizeof(lost[0]); i++)
		if (counts.kernel[lost[i]])
			r = profile_add_loss(p, kernel_names[lost[i]], counts.kernel[lost[i]]);
	for (size_t i = 0; r >= 0 && i < COLLECTOR_LOSS_COUNT; i++)
		if (counts.loss[i])
			r = profile_add_loss(p, loss_names[i], counts.loss[i]);
	return r < 0 ? r : 0;
}

struct resolve *collector_resolve(struct collector *c)
{
	return c->resolve;
}

struct objects *collector_objects(struct collector *c)
{
	return c->objects;
}

const struct quality *collector_quality(struct collector *c)
{
	return stacks_quality(c->stacks);
}

const struct tables *collector_tables(struct collector *c)
{
	return c->tables;
}
