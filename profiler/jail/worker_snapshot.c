/* A copied stack comes with its mappings, is unwound, and its addresses go back. */
#include "profiler/jail/worker_snapshot.h"

#include "profiler/jail/jail.h"
#include "profiler/jail/protocol.h"
#include "profiler/jail/protocol_snapshot.h"

#include <errno.h>

#define SEND_MS 10000

static int walker_get(struct snapshot_walker **walker)
{
	return *walker ? 0 : snapshot_walker_new(walker);
}

/* What is no ELF file, or does not fit, is code without CFI. */
int worker_snapshot_file(struct snapshot_walker **walker, const struct wire_msg *m)
{
	uint32_t number;
	int r = protocol_u32_parse(m->body.data, m->body.len, &number);

	if (r < 0 || m->n_fds != 1)
		return -EBADMSG;
	r = walker_get(walker);
	if (r == 0)
		(void)snapshot_walker_add(*walker, number, m->fds[0], NULL);
	return r;
}

int worker_snapshot(struct snapshot_walker **walker, const struct wire_msg *m)
{
	struct protocol_snapshot_answer a;
	struct protocol_snapshot q;
	struct wire_msg out;
	int r = m->n_fds ? -EBADMSG : protocol_snapshot_parse(m->body.data, m->body.len, &q);

	if (r < 0)
		return r;
	r = walker_get(walker);
	if (r == 0) {
		a.n = snapshot_walk(*walker, &q.snapshot, a.frames, &a.end);
		wire_msg_init(&out, PROTOCOL_SNAPSHOT, m->id);
		protocol_snapshot_answer_write(&out.body, &a);
		r = wire_send(JAIL_SOCK, &out, SEND_MS);
		wire_msg_done(&out);
	}
	protocol_snapshot_done(&q);
	return r;
}
