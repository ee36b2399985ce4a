/* Addresses to objects by /proc/PID/maps; see mappings.h. mappings_place() does the work. */
#include "profiler/collector/mappings.h"

#include "profiler/base/buf.h"
#include "profiler/base/cleanup.h"
#include "profiler/jail/open_for.h"
#include "symbolizer/procmaps.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_BYTES	 4096
#define PROCESS_SHARE	 16 /* of all bytes that one process may have */
#define DEVICE_MINORBITS 20 /* of the kernel's own dev_t */

/* Whose a file is when nobody could say: no one's word. */
#define OWNER_UNKNOWN UINT32_MAX

struct mapping {
	uint64_t start, end; /* [start, end) */
	uint64_t offset; /* of start in the file */
	struct abi_file_key key; /* of a file; generation 0 */
	uint32_t path; /* where it begins in the process's text */
	uint32_t uid;
	uint32_t object; /* number of the file; 0: not asked for yet */
	uint16_t mode;
	uint16_t kind; /* enum abi_object_kind */
};

/* The executable mappings of one process, as they were at one moment. */
struct reading {
	struct mapping *mapping; /* sorted by address, none overlaps */
	uint32_t n, cap;
	struct buf text; /* paths, each with its NUL */
};

struct process {
	uint32_t pid;
	uint32_t exe; /* number; 0 not known */
	uint64_t start_ns;
	struct reading reading;
	uint64_t read_ns; /* when; monotonic */
	uint64_t wait_ns; /* until a miss may read again */
	uint64_t used; /* by mappings.clock */
	bool missed; /* by a walk, since they were read */
};

struct mappings {
	struct objects *objects;
	struct mappings_limits limits;
	struct process *process;
	uint32_t n, cap;
	size_t bytes;
	uint64_t clock; /* counts uses */
	uint64_t evicted; /* objects, when the numbers here were last known good */
	uint64_t readings, left_out;
};

int mappings_new(struct objects *objects, const struct mappings_limits *limits,
		 struct mappings **ret)
{
	struct mappings *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->objects = objects;
	m->limits = limits ? *limits
			   : (struct mappings_limits){
				     .processes = MAPPINGS_PROCESSES,
				     .of_process = MAPPINGS_OF_PROCESS,
				     .bytes = MAPPINGS_BYTES,
			     };
	m->evicted = objects_evicted(objects);
	*ret = m;
	return 0;
}

static void reading_done(struct reading *r)
{
	free(r->mapping);
	buf_done(&r->text);
	*r = (struct reading){};
}

static size_t reading_bytes(const struct reading *r)
{
	return r->cap * sizeof(*r->mapping) + r->text.cap;
}

struct mappings *mappings_free(struct mappings *m)
{
	if (!m)
		return NULL;
	for (uint32_t i = 0; i < m->n; i++)
		reading_done(&m->process[i].reading);
	free(m->process);
	free(m);
	return NULL;
}

/* ---- reading ---- */

struct reader {
	struct reading into;
	const struct mappings_limits *limits;
	int map_files; /* /proc/PID/map_files; -1: not to be had */
	uint64_t left_out;
};

/*
 * What the mapped file itself says, through the link of its very mapping: nothing that the
 * process's paths lead to. Cached attributes do: no file server is asked. Where this cannot be had,
 * the file is told by device and inode alone, and trusted by nobody.
 */
static void read_identity(const struct reader *r, struct mapping *mapping)
{
	char name[40];
	struct statx st;

	mapping->uid = OWNER_UNKNOWN;
	if (r->map_files < 0)
		return;
	snprintf(name, sizeof(name), "%" PRIx64 "-%" PRIx64, mapping->start, mapping->end);
	if (statx(r->map_files, name, AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &st) < 0)
		return;
	if (st.stx_ino != mapping->key.ino)
		return; /* mapped since */
	mapping->key.mtime_ns =
		(uint64_t)st.stx_mtime.tv_sec * 1000000000ull + st.stx_mtime.tv_nsec;
	mapping->key.size = st.stx_size;
	mapping->uid = st.stx_uid;
	mapping->mode = st.stx_mode;
}

static int keep_path(struct reader *r, const struct procmaps_mapping *pm, struct mapping *mapping)
{
	char path[PATH_BYTES];
	size_t len = procmaps_path(pm, path, sizeof(path));

	mapping->path = (uint32_t)r->into.text.len;
	return buf_add(&r->into.text, path, len + 1);
}

static int keep_mapping(struct reader *r, const struct mapping *mapping)
{
	struct reading *into = &r->into;

	if (into->n == into->cap) {
		uint32_t cap = into->cap ? into->cap * 2 : 16;
		struct mapping *more;

		if (cap * sizeof(*more) > r->limits->bytes / PROCESS_SHARE)
			return -EFBIG;
		more = realloc(into->mapping, cap * sizeof(*more));
		if (!more)
			return -ENOMEM;
		into->mapping = more;
		into->cap = cap;
	}
	into->mapping[into->n++] = *mapping;
	return 0;
}

static bool is_vdso(const struct procmaps_mapping *pm)
{
	static const char vdso[] = "[vdso]";

	return pm->path_len == sizeof(vdso) - 1 && !memcmp(pm->path, vdso, pm->path_len);
}

static int take_mapping(void *context, const struct procmaps_mapping *pm)
{
	struct reader *r = context;
	struct reading *into = &r->into;
	struct mapping mapping = {.start = pm->start, .end = pm->end, .offset = pm->offset};
	int e = 0;

	if (!(pm->perms & PROCMAPS_EXEC))
		return 0;
	/* The process changed its mappings while they were read. */
	if (into->n && pm->start < into->mapping[into->n - 1].end)
		return 0;
	if (into->n >= r->limits->of_process || into->text.err) {
		r->left_out++;
		return 0;
	}
	if (pm->inode) {
		mapping.kind = ABI_OBJECT_FILE;
		mapping.key.dev = pm->major << DEVICE_MINORBITS | pm->minor;
		mapping.key.ino = pm->inode;
		read_identity(r, &mapping);
		e = keep_path(r, pm, &mapping);
	} else {
		mapping.kind = is_vdso(pm) ? ABI_OBJECT_VDSO : ABI_OBJECT_ANON;
	}
	if (e == 0)
		e = keep_mapping(r, &mapping);
	r->left_out += e < 0;
	return 0;
}

/* The mappings of that very process as they are now. */
static int read_maps(const struct mappings *m, uint32_t pid, uint64_t start_ns, struct reader *r)
{
	_cleanup_close_ int proc = open_for_process(pid, start_ns);
	_cleanup_close_ int maps = -1, map_files = -1;
	int e;

	if (proc < 0)
		return proc;
	maps = openat(proc, "maps", O_RDONLY | O_CLOEXEC);
	if (maps < 0)
		return -errno;
	map_files = openat(proc, "map_files", O_PATH | O_DIRECTORY | O_CLOEXEC);
	*r = (struct reader){.limits = &m->limits, .map_files = map_files};
	buf_init(&r->into.text, m->limits.bytes / PROCESS_SHARE);
	e = procmaps_each(maps, take_mapping, r);
	if (e < 0)
		reading_done(&r->into);
	return e;
}

/* A process that has gone, or whose mappings are nothing to read, keeps what is known of it. */
static void process_read(struct mappings *m, struct process *p, uint64_t now_ns)
{
	struct reader r;

	p->read_ns = now_ns;
	p->missed = false;
	m->readings++;
	if (read_maps(m, p->pid, p->start_ns, &r) < 0)
		return;
	m->bytes -= reading_bytes(&p->reading);
	reading_done(&p->reading);
	p->reading = r.into;
	m->bytes += reading_bytes(&p->reading);
	m->left_out += r.left_out;
}

/* ---- the processes ---- */

static void forget(struct mappings *m, struct process *p)
{
	m->bytes -= reading_bytes(&p->reading);
	reading_done(&p->reading);
	*p = m->process[--m->n];
}

/* Which process was not met for longest; NULL where there is none but keep. */
static struct process *oldest(struct mappings *m, const struct process *keep)
{
	struct process *old = NULL;

	for (uint32_t i = 0; i < m->n; i++)
		if (&m->process[i] != keep && (!old || m->process[i].used < old->used))
			old = &m->process[i];
	return old;
}

static struct process *process_add(struct mappings *m, const struct abi_sample *s)
{
	if (m->n && m->n >= m->limits.processes)
		forget(m, oldest(m, NULL));
	if (m->n == m->cap) {
		uint32_t cap = m->cap ? m->cap * 2 : 16;
		struct process *more = realloc(m->process, cap * sizeof(*more));

		if (!more)
			return NULL;
		m->process = more;
		m->cap = cap;
	}
	m->process[m->n] = (struct process){
		.pid = s->pid, .start_ns = s->start_ns, .wait_ns = MAPPINGS_AGAIN_NS};
	return &m->process[m->n++];
}

static struct process *process_find(struct mappings *m, const struct abi_sample *s)
{
	for (uint32_t i = 0; i < m->n; i++)
		if (m->process[i].pid == s->pid && m->process[i].start_ns == s->start_ns)
			return &m->process[i];
	return NULL;
}

/*
 * The mappings that hold for s; NULL when they are of before or after an exec. They are read where
 * the process was never met, or now runs another file.
 */
static struct process *process_of(struct mappings *m, const struct abi_sample *s, uint32_t exe,
				  uint64_t now_ns)
{
	struct process *p = process_find(m, s);

	if (!p) {
		p = process_add(m, s);
		if (!p)
			return NULL;
		p->exe = exe;
		process_read(m, p, now_ns);
	} else if (exe && p->exe && exe != p->exe) {
		if (s->time_ns <= p->read_ns)
			return NULL;
		m->bytes -= reading_bytes(&p->reading);
		reading_done(&p->reading);
		p->exe = exe;
		p->wait_ns = MAPPINGS_AGAIN_NS;
		process_read(m, p, now_ns);
	}
	if (!p->exe)
		p->exe = exe;
	p->used = ++m->clock;
	return p;
}

/* Forget others until all fit; *p may move. */
static void make_room(struct mappings *m, struct process **p)
{
	while (m->bytes > m->limits.bytes) {
		struct process *old = oldest(m, *p);

		if (!old)
			return;
		/* The last one takes the place of the one that leaves. */
		if (*p == &m->process[m->n - 1])
			*p = old;
		forget(m, old);
	}
}

/* Numbers of objects that were forgotten may be given to others. */
static void drop_numbers(struct mappings *m)
{
	if (m->evicted == objects_evicted(m->objects))
		return;
	m->evicted = objects_evicted(m->objects);
	for (uint32_t i = 0; i < m->n; i++) {
		struct process *p = &m->process[i];

		p->exe = 0;
		for (uint32_t j = 0; j < p->reading.n; j++)
			p->reading.mapping[j].object = 0;
	}
}

/* ---- placing ---- */

static struct mapping *mapping_find(const struct reading *r, uint64_t address)
{
	uint32_t low = 0, high = r->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (r->mapping[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < r->n && r->mapping[low].start <= address ? &r->mapping[low] : NULL;
}

static struct mapping *mapping_of(struct mappings *m, struct process *p, const struct abi_sample *s,
				  uint64_t address, uint64_t now_ns)
{
	struct mapping *mapping = mapping_find(&p->reading, address);
	bool known = mapping != NULL;
	uint32_t n = p->reading.n;

	/* What was read after the sample is not read again for it. */
	if ((known && !p->missed) || s->time_ns <= p->read_ns || now_ns < p->read_ns + p->wait_ns)
		return mapping;
	process_read(m, p, now_ns);
	mapping = mapping_find(&p->reading, address);
	if (known ? p->reading.n != n : mapping != NULL)
		p->wait_ns = MAPPINGS_AGAIN_NS;
	else if (p->wait_ns < MAPPINGS_AGAIN_MAX_NS)
		p->wait_ns *= 2;
	return mapping;
}

static struct object *file_of(struct mappings *m, const struct abi_sample *s, struct process *p,
			      struct mapping *mapping)
{
	const struct abi_object file = {
		.bytes = sizeof(file),
		.kind = ABI_RECORD_OBJECT,
		.mode = mapping->mode,
		.uid = mapping->uid,
		.pid = s->pid,
		.vm_start = mapping->start,
		.vm_end = mapping->end,
		.key = mapping->key,
		.process_uid = s->uid,
		.start_ns = s->start_ns,
	};
	const char *path = (const char *)p->reading.text.data + mapping->path;
	struct object *object = objects_by_number(m->objects, mapping->object);

	if (object) {
		objects_touch(m->objects, mapping->object, s->time_ns);
		return object;
	}
	object = objects_describe_mapped(m->objects, &file, path, s->time_ns);
	mapping->object = object ? object->number : 0;
	return object;
}

struct object *mappings_place(struct mappings *m, const struct abi_sample *s, uint32_t exe,
			      uint64_t address, uint64_t now_ns, uint64_t *ret_offset)
{
	struct abi_object_ref ref = {.kind = ABI_OBJECT_RAW};
	struct mapping *mapping = NULL;
	struct process *p;

	drop_numbers(m);
	p = process_of(m, s, exe, now_ns);
	if (p) {
		mapping = mapping_of(m, p, s, address, now_ns);
		make_room(m, &p);
	}
	*ret_offset = address;
	if (!mapping)
		return objects_of_ref(m->objects, s, &ref, s->time_ns);
	ref.kind = mapping->kind;
	if (mapping->kind == ABI_OBJECT_ANON)
		return objects_of_ref(m->objects, s, &ref, s->time_ns);
	*ret_offset = address - mapping->start + mapping->offset;
	if (mapping->kind == ABI_OBJECT_VDSO)
		return objects_of_ref(m->objects, s, &ref, s->time_ns);
	return file_of(m, s, p, mapping);
}

#define ADDRESSES_END (1ull << 48) /* above it lies the kernel's vsyscall page */

uint32_t mappings_list(struct mappings *m, const struct abi_sample *s, uint32_t exe, uint64_t pc,
		       uint64_t now_ns, struct snapshot_mapping *ret, uint32_t max)
{
	struct process *p;
	uint32_t n = 0;

	drop_numbers(m);
	p = process_of(m, s, exe, now_ns);
	if (!p)
		return 0;
	mapping_of(m, p, s, pc, now_ns);
	make_room(m, &p);
	for (uint32_t i = 0; i < p->reading.n && n < max; i++) {
		struct mapping *mapping = &p->reading.mapping[i];
		const struct object *file = NULL;

		if (mapping->end > ADDRESSES_END)
			break;
		if (mapping->kind == ABI_OBJECT_FILE)
			file = file_of(m, s, p, mapping);
		ret[n++] = (struct snapshot_mapping){
			.start = mapping->start,
			.end = mapping->end,
			.offset = mapping->offset,
			.file = mapping->kind == ABI_OBJECT_VDSO ? SNAPSHOT_FILE_VDSO
				: file				 ? file->number
								 : SNAPSHOT_FILE_NONE,
		};
	}
	return n;
}

void mappings_missed(struct mappings *m, const struct abi_sample *s)
{
	struct process *p = process_find(m, s);

	if (p && s->time_ns > p->read_ns)
		p->missed = true;
}

struct mappings_counts mappings_counts(const struct mappings *m)
{
	return (struct mappings_counts){
		.processes = m->n,
		.bytes = m->bytes,
		.readings = m->readings,
		.left_out = m->left_out,
	};
}
