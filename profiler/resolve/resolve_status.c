/* What resolve tells about itself: its workers, and the "symbols" of the status. */
#include "profiler/resolve/resolve_state.h"

static pthread_mutex_t *lock_of(const struct resolve *r)
{
	return (pthread_mutex_t *)&r->lock;
}

size_t resolve_processes(const struct resolve *r, struct resolve_process *ret, size_t max)
{
	size_t n = 0;

	pthread_mutex_lock(lock_of(r));
	for (unsigned int i = 0; i < RESOLVE_SLOTS && n < max; i++)
		if (r->slot[i].alive)
			ret[n++] = (struct resolve_process){jail_role_name(JAIL_SYMBOLIZER),
							    r->slot[i].worker.pid};
	if (n < max && r->fetch && fetch_pid(r->fetch) > 0)
		ret[n++] =
			(struct resolve_process){jail_role_name(JAIL_FETCHER), fetch_pid(r->fetch)};
	pthread_mutex_unlock(lock_of(r));
	return n;
}

static void put_failed(const struct resolve *r, struct json *j)
{
	uint64_t first =
		r->failed_total > RESOLVE_FAILED_MAX ? r->failed_total - RESOLVE_FAILED_MAX : 0;

	json_key(j, "failed_objects");
	json_array_begin(j);
	for (uint64_t i = first; i < r->failed_total; i++) {
		const struct resolve_failed *f = &r->failed[i % RESOLVE_FAILED_MAX];

		json_object_begin(j);
		json_kv_str(j, "path", f->path);
		json_kv_str(j, "reason", f->reason);
		json_object_end(j);
	}
	json_array_end(j);
}

static void put_jail(const struct resolve *r, struct json *j)
{
	json_key(j, "jail");
	json_object_begin(j);
	json_kv_bool(j, "uid", r->jail_bits & PROTOCOL_JAIL_UID);
	json_kv_bool(j, "seccomp", r->jail_bits & PROTOCOL_JAIL_SECCOMP);
	json_kv_bool(j, "landlock", r->jail_bits & PROTOCOL_JAIL_LANDLOCK);
	json_kv_bool(j, "no_network", r->jail_bits & PROTOCOL_JAIL_NO_NETWORK);
	json_object_end(j);
}

void resolve_status(const struct resolve *r, struct json *j)
{
	pthread_mutex_lock(lock_of(r));
	json_object_begin(j);
	json_kv_u64(j, "asked", r->asked);
	json_kv_u64(j, "named", r->named);
	json_kv_u64(j, "nameless", r->nameless);
	json_kv_u64(j, "pending", atomic_load(&r->pending));
	json_kv_u64(j, "objects", r->n_entries);
	json_kv_u64(j, "files_open", r->n_open);
	json_kv_u64(j, "objects_failed", r->failed_total);
	put_failed(r, j); /* the latest */
	json_kv_u64(j, "workers_started", r->workers_started);
	json_kv_u64(j, "workers_restarted", r->workers_restarted);
	put_jail(r, j);
	resolve_put_fetch(r, j);
	json_object_end(j);
	pthread_mutex_unlock(lock_of(r));
}
