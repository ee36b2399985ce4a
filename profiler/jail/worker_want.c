/* One WANT out, one FILE in; see worker_want.h. */
#include "profiler/jail/worker_want.h"

#include "profiler/base/cleanup.h"
#include "profiler/base/wire.h"
#include "profiler/jail/jail.h"
#include "profiler/jail/protocol.h"
#include "profiler/jail/protocol_want.h"

#include <errno.h>

#define SEND_MS 10000

void worker_wants_begin(struct worker_wants *w, uint32_t request)
{
	*w = (struct worker_wants){.request = request};
}

static int send_want(uint32_t request, const struct sym_want *want)
{
	struct wire_msg m;
	int r;

	wire_msg_init(&m, PROTOCOL_WANT, request);
	r = protocol_want_write(&m.body, want);
	if (r == 0)
		r = wire_send(JAIL_SOCK, &m, SEND_MS);
	wire_msg_done(&m);
	return r;
}

/* For as long as it takes: the collector's file servers are its own matter. */
static int receive_file(uint32_t request)
{
	struct wire_msg m;
	int r = wire_receive(JAIL_SOCK, &m, -1);

	if (r <= 0)
		return -EPROTO;
	if (m.type != PROTOCOL_FILE || m.id != request)
		r = -EPROTO;
	else
		r = m.n_fds == 1 ? steal_fd(m.fds[0]) : -ENOENT;
	wire_msg_done(&m);
	return r;
}

int worker_want(struct worker_wants *w, const struct sym_want *want)
{
	int r;

	if (w->lost)
		return -EPROTO;
	if (w->n >= PROTOCOL_WANTS_MAX)
		return -ENOENT;
	w->n++;
	r = send_want(w->request, want);
	if (r == -ENAMETOOLONG)
		return r;
	if (r == 0)
		r = receive_file(w->request);
	else
		r = -EPROTO;
	w->lost = r == -EPROTO;
	return r;
}
