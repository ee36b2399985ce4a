/*
 * The web worker: opens the store and the listening socket, closes the jail, and serves until its
 * socket ends.
 *
 * What only the collector knows it asks over the socket: one question at a time, from whatever
 * thread needs it.
 */
#include "profiler/jail/worker.h"
#include "profiler/base/hex.h"
#include "profiler/base/wire.h"
#include "profiler/jail/protocol.h"
#include "profiler/jail/protocol_code.h"
#include "web/server.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define CONFIG_MS 5000
#define LIVE_MS	  5000 /* where many want the CPU, a collector that lives answers late */
#define CODE_MS	  8000 /* a worker is started, and a large file read */

struct worker {
	struct web_config config;
	char token[PROTOCOL_TOKEN_MAX + 1];
	pthread_mutex_t lock; /* one question on the socket */
	uint32_t asked; /* id of the last */
};

static int read_args(struct web_config *c, char **args, struct err *err)
{
	for (; *args; args++) {
		const char *value;

		if ((value = worker_arg(*args, WORKER_STORE)))
			c->store_path = value;
		else if ((value = worker_arg(*args, WORKER_LISTEN)))
			c->listen = value;
		else if ((value = worker_arg(*args, WORKER_VERSION)))
			c->version = value;
		else if ((value = worker_arg(*args, WORKER_SPEEDSCOPE)))
			c->speedscope = value;
		else if ((value = worker_arg(*args, WORKER_HOST_NAME)) &&
			 c->n_host_names < WEB_HOST_NAMES_MAX)
			c->host_names[c->n_host_names++] = value;
		else if ((value = worker_arg(*args, WORKER_SOURCE)) &&
			 c->n_source_dirs < WEB_SOURCE_DIRS_MAX)
			c->source_dirs[c->n_source_dirs++] = value;
		else
			return err_set(err, -EINVAL, "the web worker does not know %s", *args);
	}
	if (!c->store_path || !c->listen || !c->version)
		return err_set(err, -EINVAL, "the web worker was told too little");
	return 0;
}

static int read_config(struct worker *w, struct err *err)
{
	struct wire_msg m;
	int r = wire_receive(JAIL_SOCK, &m, CONFIG_MS);

	if (r <= 0)
		return err_set(err, r < 0 ? r : -EPIPE, "the web worker was told no configuration");
	r = m.type == PROTOCOL_CONFIG ? protocol_config_parse(m.body.data, m.body.len, w->token)
				      : -EBADMSG;
	if (m.body.data)
		explicit_bzero(m.body.data, m.body.len);
	wire_msg_done(&m);
	if (r < 0)
		return err_set(err, r, "the web worker's configuration is malformed");
	w->config.token = w->token[0] ? w->token : NULL;
	return 0;
}

/*
 * Ours is the answer with the last id: earlier ones come late, for somebody who has stopped
 * waiting.
 */
static int receive_answer(uint32_t id, int timeout_ms, struct wire_msg *ret)
{
	struct pollfd p = {.fd = JAIL_SOCK, .events = POLLIN};

	for (;;) {
		struct wire_msg m;
		int r = poll(&p, 1, timeout_ms);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r < 0 ? -errno : -ETIMEDOUT;
		r = wire_receive(JAIL_SOCK, &m, LIVE_MS);
		if (r <= 0)
			_exit(r <
			      /*
			       * the collector has gone, or nobody knows where the next message
			       * begins
			       */
			      0);
		if (m.id == id) {
			*ret = m;
			return 0;
		}
		wire_msg_done(&m);
	}
}

static int ask_live(uint32_t id, enum web_live what, struct buf *out)
{
	struct wire_msg m;
	int r;

	wire_msg_init(&m, PROTOCOL_LIVE, id);
	buf_add_u32(&m.body, (uint32_t)what);
	r = wire_send(JAIL_SOCK, &m, LIVE_MS);
	wire_msg_done(&m);
	if (r < 0)
		_exit(1); /* a part of a message may have left */
	r = receive_answer(id, LIVE_MS, &m);
	if (r < 0)
		return r;
	r = m.type == PROTOCOL_LIVE ? buf_add(out, m.body.data, m.body.len) : -EIO;
	wire_msg_done(&m);
	return r;
}

static int live(void *ctx, enum web_live what, struct buf *out)
{
	struct worker *w = ctx;
	int r;

	pthread_mutex_lock(&w->lock);
	r = ask_live(++w->asked, what, out);
	pthread_mutex_unlock(&w->lock);
	return r;
}

static int read_question(const struct web_code_range *of, struct protocol_code *ret)
{
	struct protocol_code q = {.from = of->from, .until = of->until};
	size_t n = strlen(of->build_id) / 2;

	if (n > sizeof(q.build_id) || hex_parse(of->build_id, q.build_id, n) < 0 ||
	    strlen(of->path) > PROTOCOL_CODE_PATH_MAX)
		return -EINVAL;
	q.build_id_bytes = n;
	memcpy(q.path, of->path, strlen(of->path));
	*ret = q;
	return 0;
}

static int read_rows(const struct wire_msg *m, struct web_code *ret, struct err *err)
{
	char sentence[PROTOCOL_SENTENCE_MAX + 1];
	int error;

	if (m->type == PROTOCOL_CODE)
		return protocol_code_rows_parse(m->body.data, m->body.len, ret);
	if (protocol_failed_parse(m->body.data, m->body.len, &error, sentence) == 0 && error < 0)
		return err_set(err, error, "%s", sentence);
	return -EBADMSG;
}

static int ask_code(uint32_t id, const struct protocol_code *q, struct web_code *ret,
		    struct err *err)
{
	struct wire_msg m;
	int r;

	wire_msg_init(&m, PROTOCOL_CODE, id);
	protocol_code_write(&m.body, q);
	r = wire_send(JAIL_SOCK, &m, LIVE_MS);
	wire_msg_done(&m);
	if (r < 0)
		_exit(1); /* a part of a message may have left */
	r = receive_answer(id, CODE_MS, &m);
	if (r < 0)
		return err_set(err, r, "the code could not be read in time");
	r = read_rows(&m, ret, err);
	wire_msg_done(&m);
	return r;
}

static int code(void *ctx, const struct web_code_range *of, struct web_code *ret, struct err *err)
{
	struct worker *w = ctx;
	struct protocol_code q;
	int r = read_question(of, &q);

	if (r < 0)
		return err_set(err, r, "this is no file whose code can be read");
	pthread_mutex_lock(&w->lock);
	r = ask_code(++w->asked, &q, ret, err);
	pthread_mutex_unlock(&w->lock);
	return r;
}

static int say_ready(const char *address)
{
	struct wire_msg m;
	int r;

	wire_msg_init(&m, PROTOCOL_READY, 0);
	buf_add_str(&m.body, address);
	r = wire_send(JAIL_SOCK, &m, CONFIG_MS);
	wire_msg_done(&m);
	return r;
}

static int start(struct worker *w, char **args, bool sandbox, struct web_server **ret,
		 struct err *err)
{
	const struct web_source_dirs *sources;
	int r = read_args(&w->config, args, err);

	if (r == 0)
		r = read_config(w, err);
	if (r == 0)
		r = web_server_open(&w->config, ret, err);
	if (r < 0)
		return r;
	sources = web_server_sources(*ret);
	r = worker_close(JAIL_WEB, sandbox, &(struct jail_dirs){sources->fd, sources->n}, err);
	if (r < 0)
		return r;
	/* Its threads may have questions at once: they wait until READY is said. */
	pthread_mutex_lock(&w->lock);
	r = web_server_run(*ret, err);
	if (r == 0)
		r = say_ready(web_server_address(*ret));
	pthread_mutex_unlock(&w->lock);
	return r;
}

/* Answers are for the threads that asked; the end of the socket is for everybody. */
static void wait_for_end(void)
{
	struct pollfd p = {.fd = JAIL_SOCK, .events = POLLRDHUP};

	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
}

int worker_web(char **args, bool sandbox)
{
	struct worker w = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct web_server *server = NULL;
	struct err err = {};

	w.config.live = live;
	w.config.code = code;
	w.config.ctx = &w;
	if (start(&w, args, sandbox, &server, &err) < 0) {
		worker_failed(&err);
		_exit(1);
	}
	wait_for_end();
	web_server_close(server);
	_exit(0);
}
