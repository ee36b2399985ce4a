/*
 * The HTTP server: libmicrohttpd on one thread, the store's questions on the workers.
 *
 * The only file that knows libmicrohttpd. answer_first() checks who asks and what, answer_file()
 * and workers answer, send_answer() adds the headers that every answer has.
 */
#include "web/server.h"

#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "profiler/base/cleanup.h"
#include "profiler/base/quantity.h"
#include "web/export/flame.h"
#include "web/host.h"
#include "web/listen.h"
#include "web/token.h"
#include "web/viewer.h"
#include "web/workers.h"

/* web/API.md has these for users. */
#define CONNECTIONS_MAX 32
#define HEADER_BYTES_MAX \
	16384 /* libmicrohttpd's memory a connection: request line and headers, then ours */
#define IDLE_SECONDS_MAX 30
#define HTTP_STACK_BYTES (512u << 10)
/* At the end: up to a fifth of a second, of the two in which the whole daemon ends. */
#define DRAIN_STEPS   40
#define DRAIN_STEP_NS 5000000

struct web_server {
	struct web_config config; /* its strings are ours */
	struct web_service service;
	struct web_listener listener;
	struct web_source_dirs sources;
	struct web_viewer viewer;
	char *policy; /* of content security */
	struct web_workers *workers;
	struct MHD_Daemon *daemon;
};

/* One request on its connection. */
struct exchange {
	struct web_job job; /* first: a job is its exchange */
	struct web_server *server;
	struct MHD_Connection *connection;
	bool answered; /* a worker has */
};

/* ---- answers ---- */

/* With what web_assets_policy allows in the middle. */
#define POLICY                                                                                \
	"default-src 'none'; %s; img-src 'self' data:; connect-src 'self'; base-uri 'none'; " \
	"form-action 'none'; frame-ancestors 'none'"

static const char *const headers_of_all[][2] = {
	{"X-Content-Type-Options", "nosniff"},
	{"Referrer-Policy", "no-referrer"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"Vary", "Accept-Encoding"},
};

static void add_header(struct MHD_Response *r, const char *name, const char *value)
{
	MHD_add_response_header(r, name, value);
}

/* Queue and release r (NULL: memory ran out, the connection ends). */
static enum MHD_Result queue(struct exchange *x, unsigned int status, struct MHD_Response *r)
{
	enum MHD_Result result;

	if (!r)
		return MHD_NO;
	add_header(r, "Content-Security-Policy", x->server->policy);
	for (size_t i = 0; i < sizeof(headers_of_all) / sizeof(headers_of_all[0]); i++)
		add_header(r, headers_of_all[i][0], headers_of_all[i][1]);
	atomic_fetch_add(&x->server->service.counter[WEB_COUNTER_REQUESTS], 1);
	if (status >= 400)
		atomic_fetch_add(&x->server->service.counter[status < 500 ? WEB_COUNTER_REFUSED
									  : WEB_COUNTER_FAILED],
				 1);
	result = MHD_queue_response(x->connection, status, r);
	MHD_destroy_response(r);
	return result;
}

static void add_status_headers(struct MHD_Response *r, unsigned int status)
{
	if (status == MHD_HTTP_UNAUTHORIZED)
		add_header(r, "WWW-Authenticate", "Basic realm=\"hearth\", charset=\"UTF-8\"");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		add_header(r, "Allow", "GET, HEAD");
	if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
		add_header(r, "Retry-After", "1");
}

/* Profiles in its own format, and nothing else, may be read by the speedscope that is named. */
static void allow_speedscope(const struct exchange *x, struct MHD_Response *r)
{
	const char *url = x->server->config.speedscope;
	_cleanup_free_ char *origin = NULL;

	if (!url || !x->job.route || x->job.request.params.format != EXPORT_SPEEDSCOPE)
		return;
	origin = strndup(url, web_url_origin(url));
	if (origin)
		add_header(r, "Access-Control-Allow-Origin", origin);
}

static enum MHD_Result send_answer(struct exchange *x)
{
	struct web_request *q = &x->job.request;
	_cleanup_free_ char *saved = NULL;
	struct MHD_Response *r;
	size_t len = 0;
	void *data = buf_steal(&q->body, &len);

	if (!data)
		return MHD_NO;
	r = MHD_create_response_from_buffer(len, data, MHD_RESPMEM_MUST_FREE);
	if (!r) {
		free(data);
		return MHD_NO;
	}
	add_header(r, "Content-Type", q->type);
	add_header(r, "Cache-Control", "no-store");
	add_status_headers(r, q->status);
	allow_speedscope(x, r);
	if (x->job.route && x->job.route->params & WEB_PARAM_BIT(FORMAT) &&
	    q->params.format == EXPORT_FLAME)
		add_header(r, "Vary", "Accept");
	if (q->gzipped)
		add_header(r, "Content-Encoding", "gzip");
	if (q->file[0] && asprintf(&saved, "attachment; filename=\"%s\"", q->file) > 0)
		add_header(r, "Content-Disposition", saved);
	return queue(x, q->status, r);
}

static enum MHD_Result refuse(struct exchange *x, unsigned int status, const char *word,
			      const char *sentence)
{
	web_request_refuse(&x->job.request, status, word, sentence);
	return send_answer(x);
}

static enum MHD_Result answer_file(struct exchange *x, struct web_file *f)
{
	const char *known = MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND,
							MHD_HTTP_HEADER_IF_NONE_MATCH);
	bool unchanged = web_file_unchanged(f, known);
	bool gzip = !unchanged && x->job.request.accepts_gzip && web_file_gzip(f);
	const void *data = gzip ? f->gzipped : f->asset->data;
	size_t len = unchanged ? 0 : gzip ? f->gzipped_bytes : f->asset->len;
	struct MHD_Response *r =
		MHD_create_response_from_buffer(len, (void *)data, MHD_RESPMEM_PERSISTENT);

	if (!r)
		return MHD_NO;
	add_header(r, "ETag", f->etag);
	add_header(r, "Cache-Control", "no-cache");
	if (!unchanged)
		add_header(r, "Content-Type", f->asset->type);
	if (gzip)
		add_header(r, "Content-Encoding", "gzip");
	return queue(x, unchanged ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK, r);
}

/* ---- questions ---- */

static const char *header(const struct exchange *x, const char *name)
{
	return MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

static enum MHD_Result count_host(void *ctx, enum MHD_ValueKind kind, const char *name,
				  const char *value)
{
	(void)kind;
	(void)value;
	if (!strcasecmp(name, MHD_HTTP_HEADER_HOST))
		++*(int *)ctx;
	return MHD_YES;
}

static bool host_allowed(const struct exchange *x)
{
	const struct web_config *c = &x->server->config;
	int hosts = 0;

	MHD_get_connection_values(x->connection, MHD_HEADER_KIND, count_host, &hosts);
	return hosts == 1 &&
	       web_host_allowed(header(x, MHD_HTTP_HEADER_HOST), c->host_names, c->n_host_names);
}

static bool has_body(const struct exchange *x)
{
	const char *length = header(x, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return header(x, MHD_HTTP_HEADER_TRANSFER_ENCODING) || (length && strcmp(length, "0") != 0);
}

struct reading {
	struct web_params *params;
	uint32_t known;
	struct err *err;
	int r;
};

static enum MHD_Result read_param(void *ctx, enum MHD_ValueKind kind, const char *name,
				  size_t name_bytes, const char *value, size_t value_bytes)
{
	struct reading *reading = ctx;

	(void)kind;
	if (strlen(name) != name_bytes || (value && strlen(value) != value_bytes))
		reading->r = err_set(reading->err, -EINVAL, "a parameter holds a NUL byte");
	else
		reading->r = web_params_add(reading->params, reading->known, name,
					    value ? value : "", reading->err);
	return reading->r < 0 ? MHD_NO : MHD_YES;
}

/* What the page's own address may have without its first graph being another one. */
static enum MHD_Result read_page_param(void *ctx, enum MHD_ValueKind kind, const char *name,
				       size_t name_bytes, const char *value, size_t value_bytes)
{
	static const char *const looks[] = {"live", "utc", "theme", "color", "flip", "tby"};

	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++)
		if (!strcmp(name, looks[i]))
			return MHD_YES;
	return read_param(ctx, kind, name, name_bytes, value, value_bytes);
}

static int read_params(struct exchange *x, uint32_t known, MHD_KeyValueIteratorN read,
		       struct err *err)
{
	struct reading reading = {&x->job.request.params, known, err, 0};

	MHD_get_connection_values_n(x->connection, MHD_GET_ARGUMENT_KIND, read, &reading);
	if (reading.r < 0)
		return reading.r;
	return web_params_finish(&x->job.request.params, known, quantity_now_ns(), err);
}

/* Who asks and how; refusals are sent at once, also where a body would follow. */
static enum MHD_Result answer_first(struct exchange *x, const char *method)
{
	const struct web_config *c = &x->server->config;

	if (!host_allowed(x))
		return refuse(x, MHD_HTTP_FORBIDDEN, "host_not_allowed",
			      "this Host is not answered: use localhost, an IP address, or a name "
			      "given with --host-name");
	if (c->token && !web_token_allowed(header(x, MHD_HTTP_HEADER_AUTHORIZATION), c->token))
		return refuse(x, MHD_HTTP_UNAUTHORIZED, "unauthorized",
			      "a token is needed: as Bearer, or as the password of Basic");
	if (strcmp(method, MHD_HTTP_METHOD_GET) && strcmp(method, MHD_HTTP_METHOD_HEAD))
		return refuse(x, MHD_HTTP_METHOD_NOT_ALLOWED, "method_not_allowed",
			      "only GET and HEAD are answered");
	if (has_body(x))
		return refuse(x, 413, "no_body", "requests with a body are not answered");
	return MHD_YES;
}

static void resume(struct web_job *job)
{
	struct exchange *x = (struct exchange *)job;

	x->answered = true;
	MHD_resume_connection(x->connection);
}

static enum MHD_Result ask_worker(struct exchange *x)
{
	x->job.fd = MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CONNECTION_FD)
			    ->connect_fd;
	x->job.done = resume;
	MHD_suspend_connection(x->connection);
	if (web_workers_add(x->server->workers, &x->job))
		return MHD_YES;
	web_request_refuse(&x->job.request, MHD_HTTP_SERVICE_UNAVAILABLE, "stopping",
			   "the server ends");
	resume(&x->job);
	return MHD_YES;
}

/*
 * The page comes with its first profile where a browser opens it, the address wants the graph of a
 * range and nothing else, and a worker is free: it is the same page without.
 */
static bool wants_profile(struct exchange *x, const char *path)
{
	struct err ignored = {};

	if (strcmp(path, "/") || !web_accepts(header(x, MHD_HTTP_HEADER_ACCEPT), "text/html") ||
	    web_workers_busy(x->server->workers))
		return false;
	if (read_params(x, WEB_PARAM_RANGE, read_page_param, &ignored) == 0)
		return true;
	web_params_done(&x->job.request.params);
	return false;
}

static enum MHD_Result answer_path(struct exchange *x, const char *path)
{
	struct web_request *q = &x->job.request;
	struct web_file *file = web_viewer_find(&x->server->viewer, path);
	struct err err = {};
	int r;

	q->accepts_gzip = web_accepts(header(x, MHD_HTTP_HEADER_ACCEPT_ENCODING), "gzip");
	q->accepts_binary =
		web_accepts(header(x, MHD_HTTP_HEADER_ACCEPT), EXPORT_FLAME_BINARY_TYPE);
	if (file && !wants_profile(x, path))
		return answer_file(x, file);
	if (file) {
		x->job.route = &web_route_page;
		q->deadline_ns = quantity_monotonic_ns() + WEB_PAGE_LIMIT_NS;
		return ask_worker(x);
	}
	x->job.route = web_route_find(path, q->name);
	if (!x->job.route)
		return refuse(x, MHD_HTTP_NOT_FOUND, "not_found",
			      strcmp(path, "/") ? "there is no such path"
						: "this build has no viewer");
	r = read_params(x, x->job.route->params, read_param, &err);
	if (r < 0) {
		web_request_fail(q, r, err.code ? err_text(&err) : strerror(-r));
		return send_answer(x);
	}
	if (x->job.route->inline_) {
		web_route_answer(x->job.route, &x->server->service, NULL, q);
		return send_answer(x);
	}
	q->deadline_ns = quantity_monotonic_ns() + WEB_QUERY_LIMIT_NS;
	return ask_worker(x);
}

static struct exchange *exchange_new(struct web_server *w, struct MHD_Connection *connection)
{
	struct exchange *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->server = w;
	x->connection = connection;
	buf_init(&x->job.request.body, WEB_ANSWER_BYTES_MAX);
	return x;
}

static void exchange_ended(void *ctx, struct MHD_Connection *connection, void **con_cls,
			   enum MHD_RequestTerminationCode why)
{
	struct exchange *x = *con_cls;

	(void)ctx;
	(void)connection;
	(void)why;
	if (!x)
		return;
	web_params_done(&x->job.request.params);
	buf_done(&x->job.request.body);
	free(x);
	*con_cls = NULL;
}

/*
 * libmicrohttpd calls this after the headers, after the (absent) body, and after a worker's
 * resume().
 */
static enum MHD_Result handle(void *ctx, struct MHD_Connection *connection, const char *path,
			      const char *method, const char *version, const char *data,
			      size_t *data_bytes, void **con_cls)
{
	struct exchange *x = *con_cls;

	(void)version;
	(void)data;
	if (!x) {
		x = exchange_new(ctx, connection);
		*con_cls = x;
		return x ? answer_first(x, method) : MHD_NO;
	}
	if (*data_bytes)
		return MHD_NO;
	return x->answered ? send_answer(x) : answer_path(x, path);
}

/* ---- start and end ---- */

static int copy_string(const char *from, const char **to)
{
	*to = from ? strdup(from) : NULL;
	return from && !*to ? -ENOMEM : 0;
}

static int copy_config(struct web_server *w, const struct web_config *from)
{
	struct web_config *to = &w->config;
	int r = 0;

	to->live = from->live;
	to->code = from->code;
	to->ctx = from->ctx;
	if (copy_string(from->store_path, &to->store_path) < 0 ||
	    copy_string(from->listen, &to->listen) < 0 ||
	    copy_string(from->token, &to->token) < 0 ||
	    copy_string(from->version, &to->version) < 0 ||
	    copy_string(from->speedscope, &to->speedscope) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < from->n_host_names && i < WEB_HOST_NAMES_MAX && r == 0; i++) {
		r = copy_string(from->host_names[i], &to->host_names[i]);
		to->n_host_names++;
	}
	for (size_t i = 0; i < from->n_source_dirs && r == 0; i++) {
		r = copy_string(from->source_dirs[i], &to->source_dirs[i]);
		to->n_source_dirs++;
	}
	return r;
}

static int check_config(const struct web_config *c, struct err *err)
{
	size_t len = c->token ? strlen(c->token) : 1;

	if (len == 0 || len > WEB_TOKEN_BYTES)
		return err_set(err, -EINVAL, "the token must have 1 to %d bytes", WEB_TOKEN_BYTES);
	if (c->n_host_names > WEB_HOST_NAMES_MAX)
		return err_set(err, -EINVAL, "at most %d host names", WEB_HOST_NAMES_MAX);
	if (c->n_source_dirs > WEB_SOURCE_DIRS_MAX)
		return err_set(err, -EINVAL, "at most %d source directories", WEB_SOURCE_DIRS_MAX);
	if (c->speedscope && !web_url_origin(c->speedscope))
		return err_set(err, -EINVAL, "speedscope is not at an http or https URL");
	return 0;
}

static void server_freep(struct web_server **w)
{
	web_server_close(*w);
}

int web_server_open(const struct web_config *config, struct web_server **ret, struct err *err)
{
	_cleanup_(server_freep) struct web_server *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return err_set(err, -ENOMEM, "starting the web server: out of memory");
	w->listener.fd = -1;
	w->service.config = &w->config;
	w->service.sources = &w->sources;
	w->service.start_ns = quantity_monotonic_ns();
	r = check_config(config, err);
	if (r < 0)
		return r;
	if (copy_config(w, config) < 0 ||
	    web_viewer_init(&w->viewer, web_assets, web_assets_n) < 0 ||
	    asprintf(&w->policy, POLICY, web_assets_policy) < 0)
		return err_set(err, -ENOMEM, "starting the web server: out of memory");
	r = web_workers_open(w->config.store_path, &w->service, &w->workers, err);
	if (r == 0)
		r = web_listener_open(&w->listener, w->config.listen, err);
	if (r == 0)
		r = web_source_open(&w->sources, w->config.source_dirs, w->config.n_source_dirs,
				    err);
	if (r < 0)
		return r;
	*ret = steal_ptr(w);
	return 0;
}

const char *web_server_address(const struct web_server *w)
{
	return w->listener.text;
}

const struct web_source_dirs *web_server_sources(const struct web_server *w)
{
	return &w->sources;
}

static struct MHD_Daemon *start_daemon(struct web_server *w)
{
	return MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL |
					MHD_ALLOW_SUSPEND_RESUME,
				0, NULL, NULL, handle, w, MHD_OPTION_LISTEN_SOCKET, w->listener.fd,
				MHD_OPTION_CONNECTION_LIMIT, (unsigned int)CONNECTIONS_MAX,
				MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADER_BYTES_MAX,
				MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)IDLE_SECONDS_MAX,
				MHD_OPTION_THREAD_STACK_SIZE, (size_t)HTTP_STACK_BYTES,
				MHD_OPTION_NOTIFY_COMPLETED, exchange_ended, NULL, MHD_OPTION_END);
}

int web_server_run(struct web_server *w, struct err *err)
{
	sigset_t all, before;
	int r;

	/* Signals are the caller's: none of our threads takes one. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = web_workers_run(w->workers, err);
	if (r == 0) {
		w->daemon = start_daemon(w);
		if (!w->daemon)
			r = err_set(err, errno ? -errno : -EIO, "starting the web server: %s",
				    errno ? strerror(errno) : "libmicrohttpd refused");
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

/*
 * Give connections that end by themselves the time to: libmicrohttpd 0.9.75 crashes where
 * MHD_stop_daemon() meets one that it is about to refuse (headers too large, a bad request line),
 * for it expects an answer that was never queued. Open connections that rest are not waited for
 * longer than this.
 */
static void drain(struct MHD_Daemon *daemon)
{
	for (int i = 0; i < DRAIN_STEPS; i++) {
		const union MHD_DaemonInfo *info =
			MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);

		if (!info || info->num_connections == 0)
			return;
		nanosleep(&(struct timespec){.tv_nsec = DRAIN_STEP_NS}, NULL);
	}
}

struct web_server *web_server_close(struct web_server *w)
{
	if (!w)
		return NULL;
	/*
	 * No new connections; then every suspended one is resumed by its worker and may end; then
	 * the rest is ended.
	 */
	if (w->daemon) {
		MHD_quiesce_daemon(w->daemon);
		web_workers_stop(w->workers);
		drain(w->daemon);
		MHD_stop_daemon(w->daemon);
	}
	web_workers_close(w->workers);
	web_listener_close(&w->listener);
	web_source_close(&w->sources);
	web_viewer_done(&w->viewer);
	free(w->policy);
	free((char *)w->config.store_path);
	free((char *)w->config.listen);
	free((char *)w->config.token);
	free((char *)w->config.version);
	free((char *)w->config.speedscope);
	for (size_t i = 0; i < w->config.n_host_names; i++)
		free((char *)w->config.host_names[i]);
	for (size_t i = 0; i < w->config.n_source_dirs; i++)
		free((char *)w->config.source_dirs[i]);
	free(w);
	return NULL;
}
