/*
 * The fetcher: gets what stands at URLs into files that come open, one after the other, until the
 * socket ends. It may connect, and read what finding a host by its name and checking its
 * certificate need; it parses nothing of what it gets.
 */
#include "profiler/jail/worker.h"

#include "profiler/base/quantity.h"
#include "profiler/base/wire.h"
#include "profiler/jail/download.h"
#include "profiler/jail/protocol.h"
#include "profiler/jail/protocol_fetch.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define SEND_MS	     10000
#define MEMORY_BYTES (128ull << 20) /* libcurl, TLS, the stack of the thread that finds hosts */

struct fetcher {
	struct download *download;
	struct download_limits limits;
};

static int limit(int resource, uint64_t bytes, struct err *err)
{
	struct rlimit l = {bytes, bytes};

	return setrlimit(resource, &l) < 0
		       ? err_set(err, -errno, "cannot limit the fetcher: %s", strerror(errno))
		       : 0;
}

static int read_args(struct fetcher *f, char **args, struct err *err)
{
	for (; *args; args++) {
		const char *bytes = worker_arg(*args, WORKER_FILE_BYTES);

		if (!bytes || quantity_bytes(bytes, &f->limits.bytes_max) < 0)
			return err_set(err, -EINVAL, "the fetcher does not know %s", *args);
	}
	return f->limits.bytes_max ? 0 : err_set(err, -EINVAL, "no " WORKER_FILE_BYTES);
}

static int start(struct fetcher *f, char **args, bool sandbox, struct err *err)
{
	int r = read_args(f, args, err);

	if (r == 0)
		r = download_open(&f->download, err);
	if (r == 0 && sandbox)
		r = limit(RLIMIT_FSIZE, f->limits.bytes_max, err);
	if (r == 0 && sandbox)
		r = limit(RLIMIT_DATA, MEMORY_BYTES, err);
	if (r < 0)
		return r;
	r = worker_close(JAIL_FETCHER, sandbox, NULL, err);
	return r < 0 ? r : worker_hello(r);
}

static int answer(struct fetcher *f, struct wire_msg *m)
{
	struct download_place place;
	struct protocol_fetch q;
	struct err err = {};
	struct wire_msg out;
	uint64_t bytes = 0;
	int r;

	if (m->type != PROTOCOL_FETCH || m->n_fds != 1 ||
	    protocol_fetch_parse(m->body.data, m->body.len, &q) < 0)
		return -EBADMSG;
	f->limits.ms_max = q.ms_max;
	place = (struct download_place){q.url, q.proxy, q.no_proxy};
	r = download_get(f->download, &place, m->fds[0], &f->limits, &bytes, &err);
	wire_msg_init(&out, r < 0 ? PROTOCOL_FAILED : PROTOCOL_FETCHED, m->id);
	if (r < 0)
		protocol_failed_write(&out.body, r, err_text(&err));
	else
		buf_add_u64(&out.body, bytes);
	r = wire_send(JAIL_SOCK, &out, SEND_MS);
	wire_msg_done(&out);
	return r;
}

static int serve(struct fetcher *f)
{
	for (;;) {
		struct wire_msg m;
		int r = wire_receive(JAIL_SOCK, &m, -1);

		if (r <= 0)
			return r;
		r = answer(f, &m);
		wire_msg_done(&m);
		if (r < 0)
			return r == -EPIPE ? 0 : r;
	}
}

int worker_fetcher(char **args, bool sandbox)
{
	struct fetcher f = {};
	struct err err = {};

	if (start(&f, args, sandbox, &err) < 0) {
		worker_failed(&err);
		_exit(1);
	}
	_exit(serve(&f) < 0 ? 1 : 0);
}
