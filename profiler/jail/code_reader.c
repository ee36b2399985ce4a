/* Reading code for the web worker; see code_reader.h. read_code() is what the thread does. */
#include "profiler/jail/code_reader.h"

#include "profiler/base/cleanup.h"
#include "profiler/base/err.h"
#include "profiler/jail/jail.h"
#include "profiler/jail/open_for.h"
#include "profiler/jail/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#define ANSWER_MS    5000
#define WORKER_BYTES "256MB" /* its private memory */

struct code_reader {
	bool sandbox;
	bool busy; /* a thread is there to be joined */
	int event;
	pthread_t thread;
	struct protocol_code question;
	struct wire_msg answer;
	atomic_bool left; /* nobody takes the answer any more: the thread frees all */
};

static int receive_code(struct jail_worker *w, struct wire_msg *ret, struct err *err)
{
	char sentence[PROTOCOL_SENTENCE_MAX + 1];
	int error, r = wire_receive(w->sock, ret, ANSWER_MS);

	if (r <= 0)
		return err_set(err, r < 0 ? r : -EPIPE, "the worker that reads it ended");
	if (ret->type == PROTOCOL_CODE && !ret->n_fds)
		return 0;
	r = -EBADMSG;
	if (ret->type == PROTOCOL_FAILED &&
	    protocol_failed_parse(ret->body.data, ret->body.len, &error, sentence) == 0)
		r = err_set(err, error < 0 ? error : -EIO, "%s", sentence);
	wire_msg_done(ret);
	return r;
}

static int send_question(struct jail_worker *w, const struct protocol_code *q, int fd)
{
	struct protocol_code nameless = *q;
	struct wire_msg m;
	int r;

	nameless.path[0] = '\0';
	wire_msg_init(&m, PROTOCOL_CODE, 1);
	protocol_code_write(&m.body, &nameless);
	m.fds[0] = fd;
	m.n_fds = 1;
	r = m.body.err ? m.body.err : wire_send(w->sock, &m, ANSWER_MS);
	m.n_fds = 0; /* still the caller's */
	wire_msg_done(&m);
	return r;
}

/* Nothing passes that the web worker could not parse. */
static int ask_worker(struct jail_worker *w, const struct protocol_code *q, int fd,
		      struct buf *body, struct err *err)
{
	struct web_code code = {};
	struct wire_msg m;
	uint32_t bits;
	int r = jail_receive_hello(w, &bits, err);

	if (r == 0)
		r = send_question(w, q, fd);
	if (r == 0)
		r = receive_code(w, &m, err);
	if (r < 0)
		return r;
	r = protocol_code_rows_parse(m.body.data, m.body.len, &code);
	if (r == 0)
		r = buf_add(body, m.body.data, m.body.len);
	web_code_done(&code);
	wire_msg_done(&m);
	return r;
}

static int read_code(const struct code_reader *reader, struct buf *body, struct err *err)
{
	static const char *const args[] = {WORKER_MEMORY WORKER_BYTES, WORKER_DISASSEMBLE, NULL};
	const struct protocol_code *q = &reader->question;
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -1;
	struct jail_worker w;
	int r;

	fd = root < 0 ? -errno : open_for_everyone(root, q->path);
	if (fd < 0)
		return err_set(err, fd,
			       fd == -EACCES || fd == -EPERM || fd == -ESTALE
				       ? "%s is no regular file that everyone may read"
				       : "%s is not there any more",
			       q->path);
	r = jail_start(JAIL_SYMBOLIZER, args, reader->sandbox, &w, err);
	if (r < 0)
		return r;
	r = ask_worker(&w, q, fd, body, err);
	jail_end(&w);
	return r;
}

static void reader_done(struct code_reader *r)
{
	close(r->event);
	free(r);
}

static void *run(void *arg)
{
	struct code_reader *r = arg;
	struct err err = {};
	int result = read_code(r, &r->answer.body, &err);

	if (result < 0 || r->answer.body.err) {
		buf_clear(&r->answer.body);
		r->answer.type = PROTOCOL_FAILED;
		protocol_failed_write(&r->answer.body, result < 0 ? result : -EFBIG,
				      err.text[0] ? err.text : "its code cannot be read");
	}
	if (atomic_exchange(&r->left, true)) {
		wire_msg_done(&r->answer);
		reader_done(r);
	} else {
		eventfd_write(r->event, 1);
	}
	return NULL;
}

int code_reader_new(bool sandbox, struct code_reader **ret)
{
	struct code_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->sandbox = sandbox;
	r->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->event < 0) {
		free(r);
		return -errno;
	}
	*ret = r;
	return 0;
}

struct code_reader *code_reader_free(struct code_reader *r)
{
	if (!r)
		return NULL;
	if (r->busy && !atomic_exchange(&r->left, true)) {
		pthread_detach(r->thread);
		return NULL;
	}
	if (r->busy) {
		pthread_join(r->thread, NULL);
		wire_msg_done(&r->answer);
	}
	reader_done(r);
	return NULL;
}

int code_reader_fd(const struct code_reader *r)
{
	return r->event;
}

int code_reader_ask(struct code_reader *r, const struct protocol_code *q, uint32_t id)
{
	sigset_t all, before;
	int error;

	if (r->busy)
		return -EBUSY;
	r->question = *q;
	wire_msg_init(&r->answer, PROTOCOL_CODE, id);
	atomic_store(&r->left, false);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&r->thread, NULL, run, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error)
		wire_msg_done(&r->answer);
	r->busy = !error;
	return -error;
}

int code_reader_take(struct code_reader *r, struct wire_msg *ret)
{
	eventfd_t n;

	if (!r->busy || eventfd_read(r->event, &n) < 0)
		return 0;
	pthread_join(r->thread, NULL);
	r->busy = false;
	*ret = r->answer;
	return 1;
}
