/* The table of objects; see objects.h. objects_describe() and objects_of_ref() do the work. */
#include "profiler/collector/objects.h"

#include "profiler/base/hex.h"
#include "profiler/collector/kernel_build_id.h"
#include "profiler/jail/open_for.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVICT_AGAIN_NS (OBJECTS_REUSE_NS / 10)

struct objects {
	struct bpf_programs *programs;
	struct resolve *resolve;
	struct tables *tables;
	struct object *table; /* [0] unused; a free place has path NULL, see next_free */
	uint32_t n, cap;
	uint32_t used;
	uint32_t free_oldest, free_newest; /* places, by when they were left; 0 none */
	uint64_t evict_again_ns; /* not before */
	struct idmap by_key; /* rebuilt when an object is evicted */
	uint32_t *by_profile; /* numbers, by object id of the live profile; 0 none */
	uint32_t cap_by_profile;
	uint32_t jit;
	uint64_t evicted;
};

/* What makes an object of one kind itself. */
struct object_id {
	uint32_t kind;
	uint32_t pid;
	uint64_t start_ns;
	uint64_t base;
	struct abi_file_key key;
};

static struct object_id id_of(const struct object *object)
{
	return (struct object_id){
		.kind = object->kind,
		.pid = object->pid,
		.start_ns = object->start_ns,
		.base = object->base,
		.key = object->key,
	};
}

/* Without the generation: what is met in /proc/PID/maps has none and is looked for all the same. */
static uint64_t id_hash(const struct object_id *id)
{
	struct object_id hashed = *id;

	hashed.key.generation = 0;
	return hash_bytes(&hashed, sizeof(hashed));
}

int objects_new(struct bpf_programs *programs, struct resolve *resolve, struct tables *tables,
		struct objects **ret)
{
	struct objects *o = calloc(1, sizeof(*o));

	if (!o)
		return -ENOMEM;
	o->programs = programs;
	o->resolve = resolve;
	o->tables = tables;
	o->n = 1;
	*ret = o;
	return 0;
}

struct objects *objects_free(struct objects *o)
{
	if (!o)
		return NULL;
	for (uint32_t i = 1; i < o->n; i++) {
		free(o->table[i].path);
		free(o->table[i].ends);
	}
	free(o->table);
	free(o->by_profile);
	idmap_done(&o->by_key);
	free(o);
	return NULL;
}

void objects_new_profile(struct objects *o)
{
	for (uint32_t i = 1; i < o->n; i++)
		o->table[i].profile_id = IDMAP_NONE;
	memset(o->by_profile, 0, o->cap_by_profile * sizeof(*o->by_profile));
}

struct object *objects_of_profile(struct objects *o, uint32_t profile_id)
{
	return profile_id < o->cap_by_profile ? objects_by_number(o, o->by_profile[profile_id])
					      : NULL;
}

static int remember_profile_id(struct objects *o, uint32_t profile_id, uint32_t number)
{
	if (profile_id >= o->cap_by_profile) {
		uint32_t cap = profile_id < 128 ? 256 : profile_id * 2;
		uint32_t *more = realloc(o->by_profile, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		memset(more + o->cap_by_profile, 0, (cap - o->cap_by_profile) * sizeof(*more));
		o->by_profile = more;
		o->cap_by_profile = cap;
	}
	o->by_profile[profile_id] = number;
	return 0;
}

static struct object *find(struct objects *o, const struct object_id *id, bool any_generation)
{
	uint32_t at, i;
	uint64_t hash = id_hash(id);

	for (i = idmap_first(&o->by_key, hash, &at); i != IDMAP_NONE;
	     i = idmap_next(&o->by_key, hash, &at)) {
		struct object_id other = id_of(&o->table[i]);

		if (any_generation)
			other.key.generation = id->key.generation;
		if (o->table[i].path && !memcmp(&other, id, sizeof(other)))
			return &o->table[i];
	}
	return NULL;
}

struct object *objects_by_number(struct objects *o, uint32_t number)
{
	if (number == 0 || number >= o->n || !o->table[number].path)
		return NULL;
	return &o->table[number];
}

void objects_touch(struct objects *o, uint32_t number, uint64_t now_ns)
{
	struct object *object = objects_by_number(o, number);

	if (object)
		object->used_ns = now_ns;
}

/* The place is free, but no other's yet. */
static void leave(struct objects *o, struct object *object, uint64_t now_ns)
{
	object->used_ns = now_ns;
	object->next_free = 0;
	if (o->free_newest)
		o->table[o->free_newest].next_free = object->number;
	else
		o->free_oldest = object->number;
	o->free_newest = object->number;
}

static void forget(struct objects *o, struct object *object, uint64_t now_ns)
{
	if (object->kind == PROFILE_OBJECT_FILE && o->programs)
		bpf_programs_forget_object(o->programs, &object->key);
	if (o->tables)
		tables_forget(o->tables, object->number);
	if (object->announced)
		resolve_forget(o->resolve, object->number);
	if (object->kind == PROFILE_OBJECT_JIT)
		o->jit--;
	free(object->path);
	free(object->ends);
	object->path = NULL;
	object->ends = NULL;
	leave(o, object, now_ns);
	o->used--;
	o->evicted++;
}

static int by_use(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Forget the sixteenth that was not met for longest, and index the rest again. */
static int evict(struct objects *o, uint64_t now_ns)
{
	uint64_t *uses = malloc(o->n * sizeof(*uses));
	uint64_t limit;
	uint32_t n = 0;

	if (!uses)
		return -ENOMEM;
	for (uint32_t i = 1; i < o->n; i++)
		if (o->table[i].path)
			uses[n++] = o->table[i].used_ns;
	qsort(uses, n, sizeof(*uses), by_use);
	limit = uses[n / 16];
	free(uses);
	o->evict_again_ns = now_ns + EVICT_AGAIN_NS;
	idmap_clear(&o->by_key);
	for (uint32_t i = 1; i < o->n; i++) {
		struct object *object = &o->table[i];
		struct object_id id;

		if (object->path && object->used_ns <= limit &&
		    object->used_ns + OBJECTS_REUSE_NS < now_ns)
			forget(o, object, now_ns);
		if (!object->path)
			continue;
		id = id_of(object);
		if (idmap_add(&o->by_key, id_hash(&id), i) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* A place for one more: free for long enough, or new. */
static struct object *place(struct objects *o, uint64_t now_ns)
{
	struct object *oldest;

	if (o->used >= OBJECTS_MAX &&
	    (now_ns < o->evict_again_ns || evict(o, now_ns) < 0 || o->used >= OBJECTS_MAX))
		return NULL;
	oldest = o->free_oldest ? &o->table[o->free_oldest] : NULL;
	if (oldest && oldest->used_ns + OBJECTS_REUSE_NS < now_ns) {
		o->free_oldest = oldest->next_free;
		if (!o->free_oldest)
			o->free_newest = 0;
		return oldest;
	}
	/* Twice OBJECTS_MAX at most: what left within that time was not used for as long before. */
	if (o->n == o->cap || !o->table) {
		uint32_t cap = o->cap ? o->cap * 2 : 256;
		struct object *table = realloc(o->table, cap * sizeof(*table));

		if (!table)
			return NULL;
		o->table = table;
		o->cap = cap;
	}
	o->table[o->n] = (struct object){.number = o->n};
	return &o->table[o->n++];
}

/*
 * Add what id says under path. A full table that nothing can leave gives NULL, as missing memory
 * does.
 */
static struct object *add(struct objects *o, const struct object_id *id, const char *path,
			  uint64_t now_ns)
{
	struct object *object = place(o, now_ns);
	uint32_t number;

	if (!object)
		return NULL;
	number = object->number;
	*object = (struct object){
		.number = number,
		.kind = (enum profile_object_kind)id->kind,
		.key = id->key,
		.pid = id->pid,
		.start_ns = id->start_ns,
		.base = id->base,
		.path = strdup(path),
		.profile_id = IDMAP_NONE,
		.used_ns = now_ns,
	};
	if (!object->path || idmap_add(&o->by_key, id_hash(id), number) < 0) {
		free(object->path);
		object->path = NULL;
		leave(o, object, now_ns);
		return NULL;
	}
	o->used++;
	return object;
}

static struct object *find_or_add(struct objects *o, const struct object_id *id, const char *path,
				  uint64_t now_ns)
{
	struct object *object = find(o, id, false);

	if (!object)
		object = add(o, id, path, now_ns);
	if (object)
		object->used_ns = now_ns;
	return object;
}

static void announce(struct objects *o, struct object *object, const struct abi_object *file)
{
	struct resolve_object r = {
		.object = object->number,
		.domain = object->domain,
		.key = object->key,
		.build_id_bytes = object->build_id_bytes,
		.path = object->path,
		.base = object->base,
	};

	if (!o->resolve || object->announced)
		return;
	switch (object->kind) {
	case PROFILE_OBJECT_FILE:
		r.kind = RESOLVE_FILE;
		break;
	case PROFILE_OBJECT_VDSO:
		r.kind = RESOLVE_VDSO;
		break;
	case PROFILE_OBJECT_KERNEL:
		r.kind = RESOLVE_KERNEL;
		break;
	case PROFILE_OBJECT_MODULE:
		if (!object->base)
			return; /* stands for what is in no module that is known */
		r.kind = RESOLVE_MODULE;
		break;
	default:
		return;
	}
	memcpy(r.build_id, object->build_id, sizeof(r.build_id));
	if (file) {
		r.pid = file->pid;
		r.start_ns = file->start_ns;
		r.vm_start = file->vm_start;
		r.vm_end = file->vm_end;
		r.is_exe = file->is_exe;
	}
	object->announced = resolve_announce(o->resolve, &r) == 0;
	if (file && file->is_running && o->tables && object->announced)
		resolve_ask_table(o->resolve, object->number, false);
	else
		objects_miss_table(o, object, 0, object->used_ns);
}

static void tell(struct objects *o, const struct object *object)
{
	struct abi_object_info info = {.number = object->number};

	if (o->programs)
		bpf_programs_tell_object(o->programs, &object->key, &info);
}

void objects_miss_table(struct objects *o, const struct object *object, uint64_t offset,
			uint64_t now_ns)
{
	if (!o->tables || !object->announced ||
	    (object->kind != PROFILE_OBJECT_FILE && object->kind != PROFILE_OBJECT_VDSO))
		return;
	if (tables_miss(o->tables, object->number, offset, now_ns))
		resolve_ask_table(o->resolve, object->number, true);
}

struct object *objects_describe(struct objects *o, const struct abi_object *file, const char *path,
				uint64_t now_ns)
{
	struct object_id id = {.kind = PROFILE_OBJECT_FILE, .key = file->key};
	struct object *object = find_or_add(o, &id, path, now_ns);

	if (!object || object->state == OBJECT_DESCRIBED)
		return object;
	if (strcmp(object->path, path) != 0) {
		char *copy = strdup(path);

		if (copy) {
			free(object->path);
			object->path = copy;
		}
	}
	memcpy(object->build_id, file->build_id, sizeof(object->build_id));
	object->build_id_bytes = file->build_id_bytes;
	object->domain = open_for_domain(file->uid, file->mode);
	object->state = OBJECT_DESCRIBED;
	object->profile_id = IDMAP_NONE;
	tell(o, object);
	announce(o, object, file);
	return object;
}

struct object *objects_describe_mapped(struct objects *o, const struct abi_object *file,
				       const char *path, uint64_t now_ns)
{
	const struct object_id id = {.kind = PROFILE_OBJECT_FILE, .key = file->key};
	const struct object *known = find(o, &id, true);
	struct abi_object described = *file;

	if (known)
		described.key.generation = known->key.generation;
	return objects_describe(o, &described, path, now_ns);
}

static struct object *file_of_ref(struct objects *o, const struct abi_object_ref *ref,
				  uint64_t now_ns)
{
	struct object_id id = {.kind = PROFILE_OBJECT_FILE, .key = ref->key};
	struct object *object = ref->number ? objects_by_number(o, ref->number) : NULL;
	char path[64];

	if (object) {
		object->used_ns = now_ns;
		return object;
	}
	snprintf(path, sizeof(path), "[file %u:%u:%llu]", ref->key.dev >> 20,
		 ref->key.dev & 0xfffff, (unsigned long long)ref->key.ino);
	return find_or_add(o, &id, path, now_ns);
}

static struct object *jit_of(struct objects *o, uint32_t pid, uint64_t start_ns, uint64_t now_ns)
{
	struct object_id id = {.kind = PROFILE_OBJECT_JIT, .pid = pid, .start_ns = start_ns};
	struct object *object = find(o, &id, false);

	if (!object && o->jit >= OBJECTS_JIT_MAX) {
		id.pid = 0;
		id.start_ns = 0;
		object = find(o, &id, false);
	}
	if (!object) {
		object = add(o, &id, "[jit]", now_ns);
		o->jit += object != NULL;
	}
	if (object)
		object->used_ns = now_ns;
	return object;
}

struct object *objects_jit(struct objects *o, uint32_t pid, uint64_t start_ns, uint64_t generation,
			   uint32_t uid, uint64_t now_ns)
{
	struct object *object = jit_of(o, pid, start_ns, now_ns);

	if (!object || object->pid != pid)
		return NULL;
	if (object->generation != generation)
		object->profile_id = IDMAP_NONE;
	object->generation = generation;
	object->domain = open_for_domain(uid, 0);
	return object;
}

struct object *objects_vdso(struct objects *o, uint64_t now_ns)
{
	struct object_id id = {.kind = PROFILE_OBJECT_VDSO};
	struct object *object = find_or_add(o, &id, "[vdso]", now_ns);

	if (object)
		announce(o, object, NULL);
	return object;
}

struct object *objects_of_ref(struct objects *o, const struct abi_sample *s,
			      const struct abi_object_ref *ref, uint64_t now_ns)
{
	struct object_id id = {.kind = PROFILE_OBJECT_UNKNOWN};

	switch (ref->kind) {
	case ABI_OBJECT_FILE:
		return file_of_ref(o, ref, now_ns);
	case ABI_OBJECT_ANON:
		return jit_of(o, s->pid, s->start_ns, now_ns);
	case ABI_OBJECT_VDSO:
		return objects_vdso(o, now_ns);
	default:
		id.pid = s->pid;
		id.start_ns = s->start_ns;
		return find_or_add(o, &id, "[unknown]", now_ns);
	}
}

struct object *objects_of_kernel(struct objects *o, const struct kernel_range *range,
				 uint64_t now_ns)
{
	struct object_id id = {.kind = PROFILE_OBJECT_KERNEL, .base = range->start};
	struct object *object;
	char path[KERNEL_NAME_BYTES + 2];

	snprintf(path, sizeof(path), "[kernel.kallsyms]");
	if (range->kind == KERNEL_RANGE_MODULE) {
		id.kind = PROFILE_OBJECT_MODULE;
		snprintf(path, sizeof(path), "[%s]", range->name);
	} else if (range->kind == KERNEL_RANGE_BPF) {
		id.kind = PROFILE_OBJECT_BPF;
		snprintf(path, sizeof(path), "%s", range->name);
	}
	object = find(o, &id, false);
	/* Another module or program may have been loaded where one was. */
	if (object && strcmp(object->path, path) != 0) {
		forget(o, object, now_ns);
		object = NULL;
	}
	if (!object) {
		object = add(o, &id, path, now_ns);
		if (object && range->kind == KERNEL_RANGE_CORE)
			object->build_id_bytes = (uint8_t)kernel_build_id_read(object->build_id);
	}
	if (!object)
		return NULL;
	object->used_ns = now_ns;
	announce(o, object, NULL);
	return object;
}

/*
 * Without a build id the file's own identity tells builds apart; the hash is stored, so its key is
 * fixed.
 */
static uint64_t identity_of(const struct object *object)
{
	uint64_t jit[] = {object->start_ns, object->generation};

	if (object->kind == PROFILE_OBJECT_JIT)
		return hash_bytes_keyed(1, object->pid, jit, sizeof(jit));
	if (object->kind == PROFILE_OBJECT_UNKNOWN)
		return hash_bytes_keyed(1, object->pid, &object->start_ns,
					sizeof(object->start_ns));
	if (object->kind == PROFILE_OBJECT_FILE && object->build_id_bytes == 0)
		return hash_bytes_keyed(0, 0, &object->key, sizeof(object->key));
	return 0;
}

int64_t objects_intern(struct objects *o, struct object *object, struct profile *live)
{
	char build_id[2 * ABI_BUILD_ID_MAX + 1];
	struct profile_object p = {
		.kind = object->kind, .domain = object->domain, .identity = identity_of(object)};
	int64_t id;

	if (object->profile_id != IDMAP_NONE)
		return object->profile_id;
	hex_text(object->build_id, object->build_id_bytes, build_id);
	id = profile_string(live, object->path);
	if (id < 0)
		return id;
	p.path = (uint32_t)id;
	id = profile_string(live, build_id);
	if (id < 0)
		return id;
	p.build_id = (uint32_t)id;
	id = profile_object(live, &p);
	if (id >= 0 && remember_profile_id(o, (uint32_t)id, object->number) < 0)
		return -ENOMEM;
	if (id >= 0)
		object->profile_id = (uint32_t)id;
	return id;
}

void objects_identified(struct objects *o, uint32_t number, const uint8_t *build_id, uint32_t bytes,
			struct profile *live)
{
	struct object *object = objects_by_number(o, number);
	char text[2 * ABI_BUILD_ID_MAX + 1];
	int64_t id;

	if (!object || object->build_id_bytes || bytes == 0 || bytes > ABI_BUILD_ID_MAX)
		return;
	if (object->profile_id != IDMAP_NONE) {
		/*
		 * The live profile's object learns it too; one that was stored already keeps the
		 * file's identity.
		 */
		hex_text(build_id, bytes, text);
		id = profile_string(live, text);
		if (id < 0)
			return;
		live->objects[object->profile_id].build_id = (uint32_t)id;
	}
	memcpy(object->build_id, build_id, bytes);
	object->build_id_bytes = (uint8_t)bytes;
}

size_t objects_poorest(const struct objects *o, struct quality_rank *ret, size_t max)
{
	size_t n = 0;

	for (uint32_t i = 1; i < o->n; i++) {
		const struct object *object = &o->table[i];

		if (object->path && object->ends)
			n = quality_rank(ret, n, max, object->ends, object);
	}
	return n;
}

uint32_t objects_count(const struct objects *o)
{
	return o->used;
}

uint64_t objects_evicted(const struct objects *o)
{
	return o->evicted;
}
