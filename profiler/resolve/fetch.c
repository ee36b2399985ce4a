/* Asking server after server, through the fetcher; see fetch.h. */
#include "profiler/resolve/fetch.h"

#include "profiler/base/cleanup.h"
#include "profiler/base/hex.h"
#include "profiler/base/quantity.h"
#include "profiler/base/wire.h"
#include "profiler/jail/jail.h"
#include "profiler/jail/protocol.h"
#include "profiler/jail/protocol_fetch.h"
#include "profiler/jail/worker.h"
#include "profiler/resolve/file_cache.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SEND_MS	       5000
#define SLACK_MS       5000 /* beyond what a file may take: then the fetcher hangs */
#define REASON_BYTES   256
#define FETCH_DOWN_MAX 5 /* FETCH_DOWN_MS doubled so often is FETCH_DOWN_MS_MAX */

struct server {
	const char *url;
	char shown[DEBUG_SERVERS_URL_BYTES]; /* without user and password */
	uint64_t down_until_ms; /* 0: it answers, as far as we know */
	unsigned int down_times; /* in a row */
	uint64_t fetched, none, failed;
	char reason[REASON_BYTES]; /* of the last failure; "": none yet */
};

struct fetch {
	struct fetch_options options;
	struct file_cache *cache;
	uint64_t file_bytes_max;
	uint32_t request;
	uint64_t used_ms;
	pthread_mutex_t lock; /* of all below */
	bool cancelled;
	struct jail_worker worker;
	struct server server[DEBUG_SERVERS_MAX];
	uint64_t bytes; /* that came */
};

static uint64_t now_ms(void)
{
	return quantity_monotonic_ns() / 1000000;
}

/* scheme://USER:PASSWORD@host/path is shown to whoever may see the status. */
static void show(const char *url, char ret[DEBUG_SERVERS_URL_BYTES])
{
	const char *host = strstr(url, "://") + 3;
	size_t len = strcspn(host, "/");
	const char *at = memrchr(host, '@', len);

	snprintf(ret, DEBUG_SERVERS_URL_BYTES, "%.*s%s", (int)(host - url), url,
		 at ? at + 1 : host);
}

int fetch_new(const struct fetch_options *options, struct fetch **ret, struct err *err)
{
	const struct file_cache_limits limits = {options->servers.cache_bytes, FETCH_FILES_MAX};
	struct fetch *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return err_set(err, -ENOMEM, "no memory for fetching debug files");
	r = file_cache_open(options->directory, &limits, &f->cache);
	if (r < 0) {
		free(f);
		return err_set(err, r, "debug files cannot be kept in %s: %s", options->directory,
			       r == -EPERM ? "others may write there" : strerror(-r));
	}
	f->options = *options;
	f->file_bytes_max = limits.bytes_max / DEBUG_SERVERS_FILE_PART;
	f->worker = (struct jail_worker){.pidfd = -1, .sock = -1};
	for (size_t i = 0; i < options->servers.n; i++) {
		f->server[i].url = f->options.servers.url[i];
		show(f->server[i].url, f->server[i].shown);
	}
	pthread_mutex_init(&f->lock, NULL);
	*ret = f;
	return 0;
}

static void end_worker(struct fetch *f)
{
	struct jail_worker w;

	pthread_mutex_lock(&f->lock);
	w = f->worker;
	f->worker = (struct jail_worker){.pidfd = -1, .sock = -1};
	pthread_mutex_unlock(&f->lock);
	jail_end(&w);
}

struct fetch *fetch_free(struct fetch *f)
{
	if (!f)
		return NULL;
	end_worker(f);
	pthread_mutex_destroy(&f->lock);
	file_cache_close(f->cache);
	free(f);
	return NULL;
}

int fetch_find(const struct fetch *f, uint32_t domain, const uint8_t *build_id, size_t bytes)
{
	return file_cache_find(f->cache, domain, build_id, bytes);
}

void fetch_refuse(struct fetch *f, uint32_t domain, const uint8_t *build_id, size_t bytes)
{
	file_cache_drop(f->cache, domain, build_id, bytes);
}

/* ---- the fetcher ---- */

static int start_worker(struct fetch *f, struct err *err)
{
	char limit[64];
	const char *const args[] = {limit, NULL};
	struct jail_worker w;
	uint32_t bits;
	int r;

	snprintf(limit, sizeof(limit), WORKER_FILE_BYTES "%" PRIu64, f->file_bytes_max);
	r = jail_start(JAIL_FETCHER, args, f->options.sandbox, &w, err);
	if (r < 0)
		return r;
	r = jail_receive_hello(&w, &bits, err);
	if (r < 0) {
		jail_end(&w);
		return r;
	}
	pthread_mutex_lock(&f->lock);
	f->worker = w;
	pthread_mutex_unlock(&f->lock);
	return 0;
}

static bool is_cancelled(struct fetch *f)
{
	bool is;

	pthread_mutex_lock(&f->lock);
	is = f->cancelled;
	pthread_mutex_unlock(&f->lock);
	return is;
}

static int ensure_worker(struct fetch *f, struct err *err)
{
	int r = 0;

	if (f->worker.pid > 0 && jail_has_ended(&f->worker))
		end_worker(f);
	if (f->worker.pid <= 0)
		r = start_worker(f, err);
	/* It may have come too late to be killed. */
	return r == 0 && is_cancelled(f) ? -ECANCELED : r;
}

static int send_fetch(struct fetch *f, const char *url, int fd)
{
	struct protocol_fetch q = {.ms_max =
					   f->options.file_ms ? f->options.file_ms : FETCH_FILE_MS};
	struct wire_msg m;
	int r;

	snprintf(q.url, sizeof(q.url), "%s", url);
	snprintf(q.proxy, sizeof(q.proxy), "%s", debug_servers_proxy(&f->options.servers, url));
	snprintf(q.no_proxy, sizeof(q.no_proxy), "%s", f->options.servers.no_proxy);
	wire_msg_init(&m, PROTOCOL_FETCH, ++f->request);
	protocol_fetch_write(&m.body, &q);
	m.fds[m.n_fds++] = fd;
	r = wire_send(f->worker.sock, &m, SEND_MS);
	m.n_fds = 0; /* still ours */
	wire_msg_done(&m);
	return r;
}

/* 0, what the server said, or -EPROTO: the fetcher is lost. */
static int take_answer(const struct fetch *f, const struct wire_msg *m, struct err *err)
{
	char sentence[PROTOCOL_SENTENCE_MAX + 1];
	uint64_t bytes;
	int error;

	if (m->id != f->request || m->n_fds)
		return -EPROTO;
	if (m->type == PROTOCOL_FETCHED &&
	    protocol_fetched_parse(m->body.data, m->body.len, &bytes) == 0)
		return 0;
	if (m->type == PROTOCOL_FAILED &&
	    protocol_failed_parse(m->body.data, m->body.len, &error, sentence) == 0)
		return err_set(err, error == -EPROTO ? -EBADMSG : error, "%s", sentence);
	return -EPROTO;
}

/* One URL into the file fd. */
static int exchange(struct fetch *f, const char *url, int fd, struct err *err)
{
	uint32_t ms = f->options.file_ms ? f->options.file_ms : FETCH_FILE_MS;
	struct wire_msg m;
	int r = ensure_worker(f, err);

	if (r < 0)
		return r;
	r = send_fetch(f, url, fd);
	if (r == 0)
		r = wire_receive(f->worker.sock, &m, (int)(ms + SLACK_MS));
	if (r > 0) {
		r = take_answer(f, &m, err);
		wire_msg_done(&m);
		if (r != -EPROTO)
			return r;
	}
	end_worker(f);
	return err_set(err, -EAGAIN, "was not heard to its end: the fetcher %s",
		       r == -ETIMEDOUT ? "took too long" : "ended");
}

/* ---- servers ---- */

static void build_url(const struct server *s, const uint8_t *build_id, size_t bytes,
		      char ret[PROTOCOL_URL_MAX + 1])
{
	char hex[2 * FILE_CACHE_BUILD_ID_MAX + 1];

	hex_text(build_id, bytes, hex);
	snprintf(ret, PROTOCOL_URL_MAX + 1, "%s/buildid/%s/debuginfo", s->url, hex);
}

/* The size is what stands on our disk, whatever the fetcher said. */
static int size_of(const struct fetch *f, int fd, uint64_t *ret)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size <= 0 || (uint64_t)st.st_size > f->file_bytes_max)
		return -EBADMSG;
	*ret = (uint64_t)st.st_size;
	return 0;
}

static int ask(struct fetch *f, const struct server *s, uint32_t domain, const uint8_t *build_id,
	       size_t bytes, uint64_t *ret_bytes, struct err *err)
{
	_cleanup_close_ int fd = file_cache_begin(f->cache);
	char url[PROTOCOL_URL_MAX + 1];
	int r;

	if (fd < 0)
		return err_set(err, fd, "is not asked: %s", strerror(-fd));
	build_url(s, build_id, bytes, url);
	r = exchange(f, url, fd, err);
	if (r < 0)
		return r;
	r = size_of(f, fd, ret_bytes);
	if (r == 0)
		r = file_cache_keep(f->cache, fd, domain, build_id, bytes);
	return r < 0 ? err_set(err, r, "sent what cannot be kept: %s", strerror(-r)) : 0;
}

static void count(struct fetch *f, struct server *s, int r, uint64_t bytes, const struct err *err)
{
	pthread_mutex_lock(&f->lock);
	if (r == 0 || r == -ENOENT) {
		s->down_until_ms = s->down_times = 0;
		s->fetched += r == 0;
		s->none += r != 0;
		f->bytes += bytes;
	} else {
		s->failed++;
		snprintf(s->reason, sizeof(s->reason), "%s", err_text(err));
	}
	if (r == -EAGAIN) {
		s->down_until_ms = now_ms() + ((uint64_t)FETCH_DOWN_MS << s->down_times);
		s->down_times += s->down_times < FETCH_DOWN_MAX;
	}
	pthread_mutex_unlock(&f->lock);
}

static bool is_left_alone(struct fetch *f, const struct server *s)
{
	bool is;

	pthread_mutex_lock(&f->lock);
	is = now_ms() < s->down_until_ms;
	pthread_mutex_unlock(&f->lock);
	return is;
}

/* Without looking into the cache. 0: it is there now. The answer that says most is kept. */
static int ask_servers(struct fetch *f, uint32_t domain, const uint8_t *build_id, size_t bytes,
		       struct err *err)
{
	int worst = -ENOENT;

	err_set(err, -ENOENT, "no server has it");
	for (size_t i = 0; i < f->options.servers.n && !is_cancelled(f); i++) {
		struct server *s = &f->server[i];
		struct err why = {};
		uint64_t came = 0;
		int r = -EAGAIN;

		if (is_left_alone(f, s)) {
			err_set(&why, -EAGAIN, "is left alone for a while: it %s", s->reason);
		} else {
			r = ask(f, s, domain, build_id, bytes, &came, &why);
			count(f, s, r, came, &why);
			/* What it knew of hosts and their addresses may be what was wrong. */
			if (r < 0 && r != -ENOENT)
				end_worker(f);
		}
		if (r == 0)
			return 0;
		if (r != -ENOENT)
			worst = err_set(err, r, "%s %s", s->shown, err_text(&why));
	}
	return is_cancelled(f) ? -ECANCELED : worst;
}

int fetch_get(struct fetch *f, uint32_t domain, const uint8_t *build_id, size_t bytes,
	      struct err *err)
{
	struct err own = {};
	int fd = fetch_find(f, domain, build_id, bytes);
	int r;

	if (fd >= 0)
		return fd;
	if (bytes < FILE_CACHE_BUILD_ID_MIN || bytes > FILE_CACHE_BUILD_ID_MAX)
		return err_set(err, -ENOENT, "a build id of %zu bytes names nothing", bytes);
	f->used_ms = now_ms();
	r = ask_servers(f, domain, build_id, bytes, err ? err : &own);
	f->used_ms = now_ms();
	return r < 0 ? r : fetch_find(f, domain, build_id, bytes);
}

void fetch_cancel(struct fetch *f)
{
	pthread_mutex_lock(&f->lock);
	f->cancelled = true;
	if (f->worker.pid > 0)
		syscall(SYS_pidfd_send_signal, f->worker.pidfd, SIGKILL, NULL, 0);
	pthread_mutex_unlock(&f->lock);
}

void fetch_rest(struct fetch *f)
{
	if (f->worker.pid > 0 && now_ms() - f->used_ms >= FETCH_IDLE_MS)
		end_worker(f);
}

void fetch_forgive(struct fetch *f)
{
	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->options.servers.n; i++)
		f->server[i].down_until_ms = f->server[i].down_times = 0;
	pthread_mutex_unlock(&f->lock);
}

/* ---- what it tells ---- */

int fetch_pid(const struct fetch *f)
{
	pthread_mutex_t *lock = (pthread_mutex_t *)&f->lock;
	int pid;

	pthread_mutex_lock(lock);
	pid = f->worker.pid;
	pthread_mutex_unlock(lock);
	return pid;
}

static void put_server(const struct server *s, struct json *j)
{
	json_object_begin(j);
	json_kv_str(j, "url", s->shown);
	json_kv_u64(j, "fetched", s->fetched);
	json_kv_u64(j, "not_there", s->none);
	json_kv_u64(j, "failed", s->failed);
	json_kv_str(j, "reason", s->reason[0] ? s->reason : NULL);
	json_kv_bool(j, "left_alone", s->down_until_ms > now_ms());
	json_object_end(j);
}

void fetch_status(const struct fetch *f, struct json *j)
{
	pthread_mutex_t *lock = (pthread_mutex_t *)&f->lock;

	pthread_mutex_lock(lock);
	json_key(j, "servers");
	json_array_begin(j);
	for (size_t i = 0; i < f->options.servers.n; i++)
		put_server(&f->server[i], j);
	json_array_end(j);
	json_kv_u64(j, "bytes", f->bytes);
	pthread_mutex_unlock(lock);
	json_kv_u64(j, "cache_bytes", file_cache_bytes(f->cache));
}
