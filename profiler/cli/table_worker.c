/* Starting, asking and ending the worker; see table_worker.h. */
#include "profiler/cli/table_worker.h"

#include "profiler/base/cleanup.h"
#include "profiler/base/wire.h"
#include "profiler/cli/file_worker.h"
#include "profiler/jail/protocol.h"

#include <errno.h>

#define COMPILE_MS 60000
#define VERIFY_MS  900000 /* libdw runs a function's program anew for each of its rows */
/* For libdw's trees of the largest browsers; the compiler takes a tenth of it. */
#define MEMORY "4GB"

void table_worker_done(struct table_worker *w)
{
	if (w->worker.pid)
		jail_end(&w->worker);
	*w = (struct table_worker){};
}

static int ensure(struct table_worker *w, uid_t domain, struct err *err)
{
	int r;

	if (w->worker.pid && w->domain == domain)
		return 0;
	table_worker_done(w);
	r = file_worker_start(MEMORY, &w->worker, err);
	if (r == 0)
		w->domain = domain;
	return r;
}

static int send_file(struct table_worker *w, int fd, uint32_t ask)
{
	_cleanup_(buf_done) struct buf body;

	buf_init(&body, sizeof(ask));
	buf_add_u32(&body, ask);
	return file_worker_send(&w->worker, PROTOCOL_TABLE, 1, &body, fd);
}

/* 0, the worker's refusal (1, its sentence in err), or the end of the conversation. */
static int receive_table(struct table_worker *w, int timeout_ms, struct protocol_table *ret,
			 struct err *err)
{
	char sentence[PROTOCOL_SENTENCE_MAX + 1];
	struct wire_msg m;
	int error, r = wire_receive(w->worker.sock, &m, timeout_ms);

	if (r <= 0)
		return r < 0 ? r : -EPIPE;
	r = -EBADMSG;
	if (m.id == 1 && m.type == PROTOCOL_TABLE && !m.n_fds) {
		r = protocol_table_parse(m.body.data, m.body.len, ret);
	} else if (m.id == 1 && m.type == PROTOCOL_FAILED && !m.n_fds &&
		   protocol_failed_parse(m.body.data, m.body.len, &error, sentence) == 0) {
		err_set(err, error, "%s", sentence);
		r = 1;
	}
	wire_msg_done(&m);
	return r;
}

static int ask_for(struct table_worker *w, const char *path, uint32_t ask,
		   struct protocol_table *ret, struct err *err)
{
	int timeout_ms = ask & PROTOCOL_TABLE_VERIFY ? VERIFY_MS : COMPILE_MS;
	struct stat st;
	_cleanup_close_ int fd = file_worker_open(path, &st, err);
	int r;

	if (fd < 0)
		return fd;
	r = ensure(w, st.st_uid, err);
	if (r < 0)
		return r;
	r = send_file(w, fd, ask);
	if (r == 0)
		r = receive_table(w, timeout_ms, ret, err);
	if (r < 0)
		return file_worker_lost(&w->worker, r, err);
	return r > 0 ? err->code : 0;
}

int table_worker_ask(struct table_worker *w, const char *path, uint32_t ask,
		     struct protocol_table *ret, struct err *err)
{
	struct err why = {};
	int r = ask_for(w, path, ask, ret, &why);

	return r < 0 ? err_set(err, r, "%s: %s", path, err_text(&why)) : 0;
}
