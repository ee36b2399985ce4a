/* Records of the ring buffer to callbacks; see events.h. events_dispatch() does the work. */
#include "profiler/collector/events.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct events {
	struct ring_buffer *ring;
	struct events_handlers handlers;
	void *ctx;
	uint64_t malformed;
};

void events_path(const char *components, size_t bytes, char ret[EVENTS_PATH_BYTES])
{
	char reversed[EVENTS_PATH_BYTES];
	size_t at = sizeof(reversed) - 1, from = 0;

	reversed[at] = '\0';
	while (from < bytes) {
		size_t n = strnlen(components + from, bytes - from);

		if (n && n + 1 <= at) {
			at -= n;
			memcpy(reversed + at, components + from, n);
			reversed[--at] = '/';
		}
		from += n + 1;
	}
	if (reversed[at] == '\0')
		reversed[--at] = '/';
	memcpy(ret, reversed + at, sizeof(reversed) - at);
}

/* Where the record ends whose objects end there. NULL: it says that its stack is too large. */
static const char *snapshot_end(const struct abi_sample *s, const char *objects_end)
{
	if (!(s->flags & ABI_SAMPLE_SNAPSHOT))
		return s->stack_bytes ? NULL : objects_end;
	if (s->stack_bytes > ABI_STACK_BYTES_MAX)
		return NULL;
	return objects_end + sizeof(struct arch_regs) + s->stack_bytes;
}

const struct arch_regs *events_registers(const struct abi_sample *s)
{
	const char *end = (const char *)s + s->bytes;

	if (!(s->flags & ABI_SAMPLE_SNAPSHOT))
		return NULL;
	return (const struct arch_regs *)(end - s->stack_bytes - sizeof(struct arch_regs));
}

static int dispatch_sample(const void *record, size_t bytes, const struct events_handlers *h,
			   void *ctx)
{
	const struct abi_sample *s = record;
	const uint64_t *kernel = (const uint64_t *)(s + 1);
	const struct abi_frame *user;
	const struct abi_object_ref *objects;

	if (bytes < sizeof(*s) || s->n_kernel > ABI_KERNEL_FRAMES_MAX ||
	    s->n_user > ABI_USER_FRAMES_MAX || s->n_objects > ABI_SAMPLE_OBJECTS_MAX ||
	    s->end >= ABI_END_COUNT)
		return -EBADMSG;
	user = (const struct abi_frame *)(kernel + s->n_kernel);
	objects = (const struct abi_object_ref *)(user + s->n_user);
	if (snapshot_end(s, (const char *)(objects + s->n_objects)) !=
	    (const char *)record + s->bytes)
		return -EBADMSG;
	for (unsigned int i = 0; i < s->n_user; i++)
		if (user[i].object >= s->n_objects)
			return -EBADMSG;
	if (!(s->flags & ABI_SAMPLE_EXE_NONE) && s->exe >= s->n_objects)
		return -EBADMSG;
	h->sample(ctx, s, kernel, user, objects);
	return 0;
}

static int dispatch_object(const void *record, size_t bytes, const struct events_handlers *h,
			   void *ctx)
{
	const struct abi_object *o = record;
	char path[EVENTS_PATH_BYTES];

	if (bytes < sizeof(*o) || o->path_bytes > ABI_PATH_BYTES ||
	    o->bytes != sizeof(*o) + o->path_bytes || o->build_id_bytes > ABI_BUILD_ID_MAX)
		return -EBADMSG;
	events_path((const char *)(o + 1), o->path_bytes, path);
	h->object(ctx, o, path);
	return 0;
}

static int dispatch_cgroup(const void *record, size_t bytes, const struct events_handlers *h,
			   void *ctx)
{
	const struct abi_cgroup *c = record;
	char path[EVENTS_PATH_BYTES];

	if (bytes < sizeof(*c) || c->path_bytes > ABI_CGROUP_BYTES ||
	    c->bytes != sizeof(*c) + c->path_bytes)
		return -EBADMSG;
	events_path((const char *)(c + 1), c->path_bytes, path);
	h->cgroup(ctx, c, path);
	return 0;
}

/* What every record begins with. */
struct record_head {
	uint32_t bytes;
	uint16_t kind;
};

int events_dispatch(const void *record, size_t bytes, const struct events_handlers *handlers,
		    void *ctx)
{
	struct record_head head;

	if (bytes < sizeof(head))
		return -EBADMSG;
	memcpy(&head, record, sizeof(head));
	if (head.bytes > bytes)
		return -EBADMSG;
	switch (head.kind) {
	case ABI_RECORD_SAMPLE:
		return dispatch_sample(record, head.bytes, handlers, ctx);
	case ABI_RECORD_OBJECT:
		return dispatch_object(record, head.bytes, handlers, ctx);
	case ABI_RECORD_CGROUP:
		return dispatch_cgroup(record, head.bytes, handlers, ctx);
	default:
		return -EBADMSG;
	}
}

static int on_record(void *ctx, void *data, size_t size)
{
	struct events *e = ctx;

	if (events_dispatch(data, size, &e->handlers, e->ctx) < 0)
		e->malformed++;
	return 0;
}

int events_open(int ring_fd, const struct events_handlers *handlers, void *ctx, struct events **ret)
{
	struct events *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->handlers = *handlers;
	e->ctx = ctx;
	e->ring = ring_buffer__new(ring_fd, on_record, e, NULL);
	if (!e->ring) {
		int r = -errno;

		free(e);
		return r;
	}
	*ret = e;
	return 0;
}

struct events *events_close(struct events *e)
{
	if (!e)
		return NULL;
	ring_buffer__free(e->ring);
	free(e);
	return NULL;
}

int events_fd(const struct events *e)
{
	return ring_buffer__epoll_fd(e->ring);
}

int events_consume(struct events *e)
{
	return ring_buffer__consume(e->ring);
}

uint64_t events_malformed(const struct events *e)
{
	return e->malformed;
}
