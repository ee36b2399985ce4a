/* A file comes as a descriptor, is read to its end, and its samples go back in batches. */
#include "profiler/jail/worker_import.h"

#include "profiler/jail/jail.h"
#include "profiler/jail/protocol.h"
#include "profiler/jail/protocol_import.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define SEND_MS	   600000 /* the other side writes to a disk meanwhile */
#define READ_BYTES (256u << 10)

static int send_batch(void *arg, const struct import_batch *b)
{
	struct wire_msg out;
	int r;

	wire_msg_init(&out, PROTOCOL_IMPORT, *(uint32_t *)arg);
	r = protocol_import_batch_write(&out.body, b);
	if (r >= 0)
		r = wire_send(JAIL_SOCK, &out, SEND_MS);
	wire_msg_done(&out);
	return r;
}

static int read_all(int fd, struct import *w, struct err *err)
{
	static char data[READ_BYTES];
	ssize_t n;
	int r = 0;

	while (r >= 0 && (n = read(fd, data, sizeof(data))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, -errno, "cannot be read: %s", strerror(errno));
		r = import_add(w, data, (size_t)n, err);
	}
	return r < 0 ? r : import_end(w, err);
}

static int import(int fd, const struct protocol_import_request *q, uint32_t id,
		  struct import_counts *ret, struct err *err)
{
	struct import_options options = {.format = q->format,
					 .name = q->name,
					 .at_ms = q->at_ms,
					 .take = send_batch,
					 .arg = &id};
	struct import *w;
	int r = import_new(&options, &w);

	if (r < 0)
		return r;
	r = read_all(fd, w, err);
	*ret = *import_counts(w);
	import_free(w);
	return r;
}

int worker_import(const struct wire_msg *m)
{
	struct protocol_import_request q;
	struct import_counts counts;
	struct err err = {};
	struct wire_msg out;
	int r = protocol_import_request_parse(m->body.data, m->body.len, &q);

	if (r < 0 || m->n_fds != 1)
		return -EBADMSG;
	r = import(m->fds[0], &q, m->id, &counts, &err);
	wire_msg_init(&out, r < 0 ? PROTOCOL_FAILED : PROTOCOL_IMPORTED, m->id);
	if (r < 0)
		protocol_failed_write(&out.body, r, err.text[0] ? err.text : strerror(-r));
	else
		protocol_import_counts_write(&out.body, &counts);
	r = wire_send(JAIL_SOCK, &out, SEND_MS);
	wire_msg_done(&out);
	return r;
}
