/*
 * The collector's side of the web worker; see web_link.h. web_link_dispatch() is where everything
 * happens after the start.
 */
#include "profiler/jail/web_link.h"
#include "profiler/base/cleanup.h"
#include "profiler/base/wire.h"
#include "profiler/jail/code_reader.h"
#include "profiler/jail/jail.h"
#include "profiler/jail/protocol.h"
#include "profiler/jail/worker.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGS_MAX    (WEB_HOST_NAMES_MAX + WEB_SOURCE_DIRS_MAX + 5)
#define SEND_MS	    500 /* a web worker that does not read is ended */
#define RECEIVE_MS  100 /* and so is one that sends half a message */
#define AT_ONCE_MAX 16 /* questions answered before the caller goes on */
#define ADDRESS_MAX 512
#define STEADY_MS   60000 /* having run so long makes the next restart a first one */

#define ARG_LISTEN  1 /* its place in args */

enum web_link_state {
	WEB_LINK_STARTING,
	WEB_LINK_RUNNING,
	WEB_LINK_WAITING, /* to be started again */
};

struct web_link {
	struct web_link_options options;
	char *args[ARGS_MAX + 1];
	char *token;
	struct jail_worker worker;
	struct code_reader *code;
	uint32_t code_asked_by; /* restarts when it was: its answer is for that worker */
	enum web_link_state state;
	char address[ADDRESS_MAX + 1];
	int epoll, timer;
	int64_t started_ms;
	int backoff_ms;
	uint32_t restarts;
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- starting ---- */

static int add_arg(struct web_link *l, size_t *n, const char *name, const char *value)
{
	char *arg;

	if (asprintf(&arg, "%s%s", name, value) < 0)
		return -ENOMEM;
	l->args[(*n)++] = arg;
	return 0;
}

static int copy_options(struct web_link *l, const struct web_link_options *o)
{
	size_t n = 0;
	int r;

	l->options =
		(struct web_link_options){.sandbox = o->sandbox, .live = o->live, .ctx = o->ctx};
	r = add_arg(l, &n, WORKER_STORE, o->store_path);
	if (r == 0)
		r = add_arg(l, &n, WORKER_LISTEN, o->listen);
	if (r == 0)
		r = add_arg(l, &n, WORKER_VERSION, o->version);
	if (r == 0 && o->speedscope)
		r = add_arg(l, &n, WORKER_SPEEDSCOPE, o->speedscope);
	for (size_t i = 0; i < o->n_host_names && i < WEB_HOST_NAMES_MAX && r == 0; i++)
		r = add_arg(l, &n, WORKER_HOST_NAME, o->host_names[i]);
	for (size_t i = 0; i < o->n_source_dirs && i < WEB_SOURCE_DIRS_MAX && r == 0; i++)
		r = add_arg(l, &n, WORKER_SOURCE, o->source_dirs[i]);
	if (o->token) {
		if (strlen(o->token) > PROTOCOL_TOKEN_MAX)
			return -E2BIG;
		l->token = strdup(o->token);
		if (!l->token)
			return -ENOMEM;
	}
	return r;
}

static int watch(struct web_link *l, int fd)
{
	struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

static void set_timer(struct web_link *l, int ms)
{
	struct itimerspec t = {
		.it_value = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000L}};

	timerfd_settime(l->timer, 0, &t, NULL);
}

static int send_config(struct web_link *l)
{
	struct wire_msg m;
	int r;

	wire_msg_init(&m, PROTOCOL_CONFIG, 0);
	protocol_config_write(&m.body, l->token);
	r = wire_send(l->worker.sock, &m, SEND_MS);
	if (m.body.data)
		explicit_bzero(m.body.data, m.body.len);
	wire_msg_done(&m);
	return r;
}

static int start(struct web_link *l, struct err *err)
{
	int r = jail_start(JAIL_WEB, (const char *const *)l->args, l->options.sandbox, &l->worker,
			   err);

	if (r < 0)
		return r;
	r = send_config(l);
	if (r == 0)
		r = watch(l, l->worker.sock);
	if (r == 0)
		r = watch(l, l->worker.pidfd);
	if (r < 0) {
		jail_end(&l->worker);
		return err_set(err, r, "the web worker could not be told its configuration: %s",
			       strerror(-r));
	}
	l->state = WEB_LINK_STARTING;
	l->started_ms = now_ms();
	set_timer(l, WEB_LINK_START_MS);
	return 0;
}

/* ---- what the worker says ---- */

/* A restarted worker listens where the first one did, also where the system chose the port. */
static int keep_address(struct web_link *l)
{
	static const char scheme[] = "http://";
	const char *host = l->address + sizeof(scheme) - 1;
	char *arg;

	if (strncmp(l->address, scheme, sizeof(scheme) - 1) != 0)
		return 0;
	if (asprintf(&arg, WORKER_LISTEN "%.*s", (int)strcspn(host, "/"), host) < 0)
		return -ENOMEM;
	free(l->args[ARG_LISTEN]);
	l->args[ARG_LISTEN] = arg;
	return 0;
}

static int on_ready(struct web_link *l, const struct wire_msg *m)
{
	if (l->state != WEB_LINK_STARTING || m->body.len > ADDRESS_MAX || m->body.len == 0)
		return -EBADMSG;
	for (size_t i = 0; i < m->body.len; i++)
		if (m->body.data[i] <= ' ' || m->body.data[i] >= 0x7f)
			return -EBADMSG;
	memcpy(l->address, m->body.data, m->body.len);
	l->address[m->body.len] = '\0';
	l->state = WEB_LINK_RUNNING;
	set_timer(l, 0);
	return keep_address(l);
}

static int on_failed(const struct wire_msg *m, struct err *err)
{
	char sentence[PROTOCOL_SENTENCE_MAX + 1];
	int error;
	int r = protocol_failed_parse(m->body.data, m->body.len, &error, sentence);

	return r < 0 ? r : err_set(err, error, "%s", sentence);
}

static int on_live(struct web_link *l, const struct wire_msg *m)
{
	struct wire_msg out;
	uint32_t what;
	int r = protocol_u32_parse(m->body.data, m->body.len, &what);

	if (r < 0 || l->state != WEB_LINK_RUNNING || what > WEB_LIVE_METRICS)
		return -EBADMSG;
	wire_msg_init(&out, PROTOCOL_LIVE, m->id);
	r = l->options.live(l->options.ctx, (enum web_live)what, &out.body);
	if (r < 0 || out.body.err) {
		buf_clear(&out.body);
		out.type = PROTOCOL_FAILED;
		protocol_failed_write(&out.body, r < 0 ? r : -EFBIG, "the collector has no answer");
	}
	r = wire_send(l->worker.sock, &out, SEND_MS);
	wire_msg_done(&out);
	return r;
}

static int send_failure(struct web_link *l, uint32_t id, int error, const char *sentence)
{
	struct wire_msg out;
	int r;

	wire_msg_init(&out, PROTOCOL_FAILED, id);
	protocol_failed_write(&out.body, error, sentence);
	r = wire_send(l->worker.sock, &out, SEND_MS);
	wire_msg_done(&out);
	return r;
}

static int on_code(struct web_link *l, const struct wire_msg *m)
{
	struct protocol_code q;
	int r = protocol_code_parse(m->body.data, m->body.len, &q);

	if (r < 0 || l->state != WEB_LINK_RUNNING)
		return -EBADMSG;
	r = code_reader_ask(l->code, &q, m->id);
	if (r < 0)
		return send_failure(l, m->id, r,
				    r == -EBUSY ? "another function is being read: try again"
						: "there is no thread to read code");
	l->code_asked_by = l->restarts;
	return 0;
}

/* An answer for a worker that has been restarted since is nobody's. */
static int send_code(struct web_link *l)
{
	struct wire_msg m;
	int r = code_reader_take(l->code, &m);

	if (r <= 0)
		return r;
	r = l->state == WEB_LINK_RUNNING && l->code_asked_by == l->restarts
		    ? wire_send(l->worker.sock, &m, SEND_MS)
		    : 0;
	wire_msg_done(&m);
	return r;
}

static int handle(struct web_link *l, const struct wire_msg *m, struct err *err)
{
	if (m->n_fds)
		return -EBADMSG;
	switch (m->type) {
	case PROTOCOL_READY:
		return on_ready(l, m);
	case PROTOCOL_FAILED:
		return on_failed(m, err);
	case PROTOCOL_LIVE:
		return on_live(l, m);
	case PROTOCOL_CODE:
		return on_code(l, m);
	default:
		return -EBADMSG;
	}
}

static bool is_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

/*
 * What has arrived, up to READY: whoever waits for that is not prepared for questions. Negative
 * errno: the worker is of no use any more, the sentence in err where it said why.
 */
static int receive(struct web_link *l, struct err *err)
{
	enum web_link_state before = l->state;

	for (int i = 0; i < AT_ONCE_MAX && l->state == before && is_readable(l->worker.sock); i++) {
		struct wire_msg m;
		int r = wire_receive(l->worker.sock, &m, RECEIVE_MS);

		if (r <= 0)
			return r < 0 ? r : -EPIPE;
		r = handle(l, &m, err);
		wire_msg_done(&m);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- its end ---- */

static void describe_end(int status, int why, struct err *err)
{
	if (err->code)
		return;
	if (why == -EBADMSG || why == -ETIMEDOUT)
		err_set(err, why, "the web worker was ended: %s",
			why == -EBADMSG ? "it broke the protocol" : "it did not answer");
	else if (status >= 0 && WIFSIGNALED(status))
		err_set(err, -EPIPE, "the web worker was ended by signal %d (%s)", WTERMSIG(status),
			strsignal(WTERMSIG(status)));
	else
		err_set(err, -EPIPE, "the web worker ended");
}

/* The status of one that ended by itself is its own; one that is still there is killed. */
static void bury(struct web_link *l, int why, struct err *err)
{
	struct pollfd p = {.fd = l->worker.pidfd, .events = POLLIN};

	if (why == -EPIPE)
		poll(&p, 1, RECEIVE_MS);
	describe_end(jail_end(&l->worker), why, err);
	if (now_ms() - l->started_ms > STEADY_MS)
		l->backoff_ms = WEB_LINK_BACKOFF_MS;
	l->state = WEB_LINK_WAITING;
	set_timer(l, l->backoff_ms);
	l->backoff_ms =
		l->backoff_ms * 2 < WEB_LINK_BACKOFF_MAX ? l->backoff_ms * 2 : WEB_LINK_BACKOFF_MAX;
}

static int restart(struct web_link *l, struct err *err)
{
	int r;

	l->restarts++;
	r = start(l, err);
	if (r < 0)
		bury(l, r, err);
	return r < 0;
}

int web_link_dispatch(struct web_link *l, struct err *err)
{
	struct err own = {};
	uint64_t times;
	bool timer = read(l->timer, &times, sizeof(times)) == sizeof(times);
	int r;

	if (l->state == WEB_LINK_WAITING) {
		r = timer ? restart(l, &own) : 0;
	} else {
		r = receive(l, &own);
		if (r == 0)
			r = send_code(l);
		if (r == 0 && jail_has_ended(&l->worker))
			r = -EPIPE;
		if (r == 0 && timer && l->state == WEB_LINK_STARTING)
			r = -ETIMEDOUT;
		if (r < 0) {
			bury(l, r, &own);
			r = 1;
		}
	}
	if (r > 0 && err)
		*err = own;
	return r;
}

/* ---- the door ---- */

static int wait_until_ready(struct web_link *l, struct err *err)
{
	struct pollfd p = {.fd = l->epoll, .events = POLLIN};
	struct err own = {};

	while (l->state == WEB_LINK_STARTING) {
		if (poll(&p, 1, WEB_LINK_START_MS) < 0 && errno != EINTR)
			return err_set(err, -errno, "cannot wait for the web worker: %s",
				       strerror(errno));
		if (web_link_dispatch(l, &own) > 0)
			return err_set(err, own.code, "%s", own.text);
	}
	return 0;
}

int web_link_new(const struct web_link_options *options, struct web_link **ret, struct err *err)
{
	struct web_link *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return err_set(err, -ENOMEM, "no memory for the web worker");
	l->backoff_ms = WEB_LINK_BACKOFF_MS;
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	r = l->epoll < 0 || l->timer < 0 ? -errno : watch(l, l->timer);
	if (r == 0)
		r = code_reader_new(options->sandbox, &l->code);
	if (r == 0)
		r = watch(l, code_reader_fd(l->code));
	if (r == 0)
		r = copy_options(l, options);
	if (r < 0)
		err_set(err, r, "the web worker cannot be started: %s", strerror(-r));
	else
		r = start(l, err);
	if (r == 0)
		r = wait_until_ready(l, err);
	if (r < 0)
		web_link_free(l);
	else
		*ret = l;
	return r;
}

struct web_link *web_link_free(struct web_link *l)
{
	if (!l)
		return NULL;
	jail_end(&l->worker);
	code_reader_free(l->code);
	for (size_t i = 0; l->args[i]; i++)
		free(l->args[i]);
	if (l->token)
		explicit_bzero(l->token, strlen(l->token));
	free(l->token);
	if (l->epoll >= 0)
		close(l->epoll);
	if (l->timer >= 0)
		close(l->timer);
	free(l);
	return NULL;
}

const char *web_link_address(const struct web_link *l)
{
	return l->address;
}

int web_link_pid(const struct web_link *l)
{
	return l->worker.pid;
}

uint32_t web_link_restarts(const struct web_link *l)
{
	return l->restarts;
}

int web_link_fd(const struct web_link *l)
{
	return l->epoll;
}
