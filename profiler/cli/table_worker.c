/* Starting, asking and ending the worker; see table_worker.h. */
#include "profiler/cli/table_worker.h"

#include "profiler/base/cleanup.h"
#include "profiler/base/wire.h"
#include "profiler/jail/protocol.h"
#include "profiler/jail/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define HELLO_MS   5000
#define SEND_MS	   5000
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

static int receive_hello(int sock, struct err *err)
{
	char sentence[PROTOCOL_SENTENCE_MAX + 1];
	struct wire_msg m;
	int error;
	int r = wire_receive(sock, &m, HELLO_MS);

	if (r <= 0)
		return err_set(err, r < 0 ? r : -EPIPE, "the worker did not start: %s",
			       r < 0 ? strerror(-r) : "it ended at once");
	r = 0;
	if (m.type == PROTOCOL_FAILED &&
	    protocol_failed_parse(m.body.data, m.body.len, &error, sentence) == 0)
		r = err_set(err, error, "the worker did not start: %s", sentence);
	else if (m.type != PROTOCOL_HELLO || m.n_fds)
		r = err_set(err, -EBADMSG, "the worker began with something else than its jail");
	wire_msg_done(&m);
	return r;
}

static int ensure(struct table_worker *w, uid_t domain, struct err *err)
{
	static const char *const args[] = {WORKER_MEMORY MEMORY, NULL};
	int r;

	if (w->worker.pid && w->domain == domain)
		return 0;
	table_worker_done(w);
	r = jail_start(JAIL_SYMBOLIZER, args, true, &w->worker, err);
	if (r < 0)
		return r;
	w->domain = domain;
	r = receive_hello(w->worker.sock, err);
	if (r < 0)
		table_worker_done(w);
	return r;
}

static int send_file(struct table_worker *w, int fd, uint32_t ask)
{
	struct wire_msg m;
	int r;

	wire_msg_init(&m, PROTOCOL_TABLE, 1);
	buf_add_u32(&m.body, ask);
	m.fds[0] = fd;
	m.n_fds = 1;
	r = wire_send(w->worker.sock, &m, SEND_MS);
	m.n_fds = 0; /* still the caller's */
	wire_msg_done(&m);
	return r;
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

/* What a worker that is lost tells of the file. */
static int lost(struct table_worker *w, int why, struct err *err)
{
	int status = jail_end(&w->worker);

	*w = (struct table_worker){};
	if (why == -ETIMEDOUT)
		return err_set(err, why, "it keeps the worker busy for too long");
	if (why == -EBADMSG)
		return err_set(err, why, "the worker answered with nonsense, and was ended");
	if (status >= 0 && WIFSIGNALED(status))
		return err_set(err, why, "it ended the worker by signal %d", WTERMSIG(status));
	return err_set(err, why, "it ended the worker");
}

static int open_file(const char *path, struct stat *st, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 || fstat(fd, st) < 0)
		return err_set(err, -errno, "%s", strerror(errno));
	if (!S_ISREG(st->st_mode))
		return err_set(err, -EINVAL, "not a regular file");
	return steal_fd(fd);
}

static int ask_for(struct table_worker *w, const char *path, uint32_t ask,
		   struct protocol_table *ret, struct err *err)
{
	int timeout_ms = ask & PROTOCOL_TABLE_VERIFY ? VERIFY_MS : COMPILE_MS;
	struct stat st;
	_cleanup_close_ int fd = open_file(path, &st, err);
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
		return lost(w, r, err);
	return r > 0 ? err->code : 0;
}

int table_worker_ask(struct table_worker *w, const char *path, uint32_t ask,
		     struct protocol_table *ret, struct err *err)
{
	struct err why = {};
	int r = ask_for(w, path, ask, ret, &why);

	return r < 0 ? err_set(err, r, "%s: %s", path, err_text(&why)) : 0;
}
