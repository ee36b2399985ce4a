/* Label sets of samples; see labels.h. labels_of() does the work. */
#include "profiler/collector/labels.h"

#include "profiler/collector/cgroup_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HOST_BYTES 256
#define MS	   1000000ll

struct cgroup_entry {
	uint64_t id;
	uint32_t hierarchy;
	char *path;
};

/* Everything that a label set is made of. */
struct label_key {
	uint64_t start_ns;
	uint64_t cgroup;
	uint32_t hierarchy;
	uint32_t pid, tid, uid;
	uint32_t exe;
	uint32_t zero;
	char comm[ABI_COMM_BYTES];
	char thread[ABI_COMM_BYTES];
};

struct cached {
	struct label_key key;
	uint32_t id;
};

struct labels {
	struct bpf_programs *programs;
	char host[HOST_BYTES];
	const struct static_labels *statics; /* NULL: none */
	struct cgroup_entry *cgroups;
	uint32_t n_cgroups, cap_cgroups;
	struct idmap by_cgroup;
	struct cached *cache;
	uint32_t n_cache, cap_cache;
	struct idmap by_key;
};

int labels_new(struct bpf_programs *programs, struct labels **ret)
{
	struct labels *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->programs = programs;
	if (gethostname(l->host, sizeof(l->host) - 1))
		l->host[0] = '\0';
	*ret = l;
	return 0;
}

void labels_set_static(struct labels *l, const struct static_labels *statics)
{
	l->statics = statics;
}

void labels_new_profile(struct labels *l)
{
	l->n_cache = 0;
	idmap_clear(&l->by_key);
}

struct labels *labels_free(struct labels *l)
{
	if (!l)
		return NULL;
	for (uint32_t i = 0; i < l->n_cgroups; i++)
		free(l->cgroups[i].path);
	free(l->cgroups);
	free(l->cache);
	idmap_done(&l->by_cgroup);
	idmap_done(&l->by_key);
	free(l);
	return NULL;
}

static uint64_t cgroup_hash(uint64_t id, uint32_t hierarchy)
{
	uint64_t words[2] = {id, hierarchy};

	return hash_bytes(words, sizeof(words));
}

static struct cgroup_entry *cgroup_find(struct labels *l, uint64_t id, uint32_t hierarchy)
{
	uint64_t hash = cgroup_hash(id, hierarchy);
	uint32_t at, i;

	for (i = idmap_first(&l->by_cgroup, hash, &at); i != IDMAP_NONE;
	     i = idmap_next(&l->by_cgroup, hash, &at))
		if (l->cgroups[i].id == id && l->cgroups[i].hierarchy == hierarchy)
			return &l->cgroups[i];
	return NULL;
}

/*
 * All cgroups leave, also from the kernel's table: the living ones are described again at their
 * next sample.
 */
static void cgroups_clear(struct labels *l)
{
	for (uint32_t i = 0; i < l->n_cgroups; i++) {
		if (l->programs)
			bpf_programs_forget_cgroup(l->programs, l->cgroups[i].id,
						   l->cgroups[i].hierarchy);
		free(l->cgroups[i].path);
	}
	l->n_cgroups = 0;
	idmap_clear(&l->by_cgroup);
}

static struct cgroup_entry *cgroup_place(struct labels *l)
{
	if (l->n_cgroups >= LABELS_CGROUPS_MAX)
		cgroups_clear(l);
	if (l->n_cgroups == l->cap_cgroups) {
		uint32_t cap = l->cap_cgroups ? l->cap_cgroups * 2 : 64;
		struct cgroup_entry *more = realloc(l->cgroups, cap * sizeof(*more));

		if (!more)
			return NULL;
		l->cgroups = more;
		l->cap_cgroups = cap;
	}
	return &l->cgroups[l->n_cgroups];
}

void labels_describe_cgroup(struct labels *l, const struct abi_cgroup *c, const char *path)
{
	struct cgroup_entry *entry;

	if (cgroup_find(l, c->id, c->hierarchy))
		return;
	entry = cgroup_place(l);
	if (!entry)
		return;
	*entry =
		(struct cgroup_entry){.id = c->id, .hierarchy = c->hierarchy, .path = strdup(path)};
	if (!entry->path ||
	    idmap_add(&l->by_cgroup, cgroup_hash(c->id, c->hierarchy), l->n_cgroups) < 0) {
		free(entry->path);
		return;
	}
	l->n_cgroups++;
	if (l->programs)
		bpf_programs_number_cgroup(l->programs, c->id, c->hierarchy, l->n_cgroups);
}

static void put_number(struct profile_labels *set, enum profile_label label, uint64_t value)
{
	set->value[label] = value;
	set->has |= 1u << label;
}

/* A missing text is a missing label. */
static int put_text(struct profile_labels *set, enum profile_label label, const char *text,
		    size_t len, struct profile *live)
{
	int64_t id;

	if (len == 0)
		return 0;
	id = profile_string_len(live, text, len);
	if (id < 0)
		return (int)id;
	put_number(set, label, (uint64_t)id);
	return 0;
}

/* A label that is not built in. */
static int put_extra(struct profile_labels *set, const char *key, const char *value,
		     struct profile *live)
{
	int64_t k = profile_string(live, key), v = profile_string(live, value);

	if (k < 0 || v < 0)
		return k < 0 ? (int)k : (int)v;
	if (set->n_extra == PROFILE_EXTRA_LABELS_MAX)
		return -E2BIG;
	set->extra[set->n_extra++] = (struct profile_extra_label){(uint32_t)k, (uint32_t)v};
	return 0;
}

static int put_statics(struct profile_labels *set, const struct static_labels *statics,
		       struct profile *live)
{
	int r = 0;

	for (size_t i = 0; statics && i < statics->n && r == 0; i++) {
		const struct static_label *s = &statics->label[i];
		int built_in = profile_label_parse(s->key);

		if (built_in >= 0)
			r = put_text(set, (enum profile_label)built_in, s->value, strlen(s->value),
				     live);
		else
			r = put_extra(set, s->key, s->value, live);
	}
	return r;
}

static int put_cgroup(struct profile_labels *set, const struct cgroup_entry *c,
		      struct profile *live)
{
	char name[CGROUP_NAME_BYTES];
	const char *runtime = "";
	int r = put_text(set, PROFILE_LABEL_CGROUP, c->path, strlen(c->path), live);

	if (r == 0 && cgroup_container(c->path, name, &runtime))
		r = put_text(set, PROFILE_LABEL_CONTAINER, name, strlen(name), live);
	if (r == 0 && *runtime)
		r = put_extra(set, "runtime", runtime, live);
	if (r == 0 && cgroup_pod(c->path, name))
		r = put_extra(set, "pod", name, live);
	if (r == 0 && cgroup_unit(c->path, name))
		r = put_text(set, PROFILE_LABEL_UNIT, name, strlen(name), live);
	return r;
}

static int64_t build(struct labels *l, const struct label_key *k, const struct object *exe,
		     int64_t boot_wall_ns, struct profile *live)
{
	struct profile_labels set = {};
	const struct cgroup_entry *cgroup = cgroup_find(l, k->cgroup, k->hierarchy);
	int r;

	put_number(&set, PROFILE_LABEL_PID, k->pid);
	put_number(&set, PROFILE_LABEL_TID, k->tid);
	put_number(&set, PROFILE_LABEL_UID, k->uid);
	put_number(&set, PROFILE_LABEL_START,
		   (uint64_t)(((int64_t)k->start_ns + boot_wall_ns) / MS));
	r = put_text(&set, PROFILE_LABEL_COMM, k->comm, strnlen(k->comm, sizeof(k->comm)), live);
	if (r == 0)
		r = put_text(&set, PROFILE_LABEL_THREAD, k->thread,
			     strnlen(k->thread, sizeof(k->thread)), live);
	if (r == 0 && exe)
		r = put_text(&set, PROFILE_LABEL_EXE, exe->path, strlen(exe->path), live);
	if (r == 0)
		r = put_text(&set, PROFILE_LABEL_HOST, l->host, strlen(l->host), live);
	if (r == 0)
		r = put_statics(&set, l->statics, live);
	if (r == 0 && cgroup)
		r = put_cgroup(&set, cgroup, live);
	return r < 0 ? r : profile_labels(live, &set);
}

static int remember(struct labels *l, const struct label_key *k, uint64_t hash, uint32_t id)
{
	if (l->n_cache >= LABELS_CACHED_MAX)
		labels_new_profile(l);
	if (l->n_cache == l->cap_cache) {
		uint32_t cap = l->cap_cache ? l->cap_cache * 2 : 256;
		struct cached *more = realloc(l->cache, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		l->cache = more;
		l->cap_cache = cap;
	}
	l->cache[l->n_cache] = (struct cached){.key = *k, .id = id};
	return idmap_add(&l->by_key, hash, l->n_cache++);
}

int64_t labels_of(struct labels *l, const struct abi_sample *s, const struct object *exe,
		  int64_t boot_wall_ns, struct profile *live)
{
	struct label_key k = {
		.start_ns = s->start_ns,
		.cgroup = s->cgroup,
		.hierarchy = s->cgroup_hierarchy,
		.pid = s->pid,
		.tid = s->tid,
		.uid = s->uid,
		.exe = exe ? exe->number : 0,
	};
	uint32_t at, i;
	uint64_t hash;
	int64_t id;

	memcpy(k.comm, s->comm, sizeof(k.comm));
	memcpy(k.thread, s->thread, sizeof(k.thread));
	hash = hash_bytes(&k, sizeof(k));
	for (i = idmap_first(&l->by_key, hash, &at); i != IDMAP_NONE;
	     i = idmap_next(&l->by_key, hash, &at))
		if (!memcmp(&l->cache[i].key, &k, sizeof(k)))
			return l->cache[i].id;
	id = build(l, &k, exe, boot_wall_ns, live);
	/* What is not described yet will be: such a set is not what equal samples have later. */
	if (id >= 0 && cgroup_find(l, k.cgroup, k.hierarchy) &&
	    !(exe && exe->state == OBJECT_KEY_ONLY))
		remember(l, &k, hash, (uint32_t)id);
	return id;
}
