/*
 * How the daemon, the store and this server are. What the daemon knows is asked through
 * web_config's callback; where it does not answer, the counters of the store's last flush are told
 * instead, with `running` false.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "profiler/base/cleanup.h"
#include "profiler/base/json.h"
#include "profiler/base/quantity.h"
#include "web/api.h"

static int ask_daemon(const struct web_service *w, enum web_live what, struct buf *out)
{
	return w->config->live ? w->config->live(w->config->ctx, what, out) : -ENOTCONN;
}

static void add_store(struct json *j, const struct web_service *w, const struct store_summary *s)
{
	json_key(j, "store");
	json_object_begin(j);
	json_kv_str(j, "path", w->config->store_path);
	json_kv_u64(j, "bytes", s->bytes);
	json_kv_u64(j, "samples", s->samples);
	json_kv_u64(j, "from", s->from_ns);
	json_kv_u64(j, "until", s->until_ns);
	json_kv_u64(j, "detail_from", s->detail_from_ns);
	json_kv_u64(j, "seconds_from", s->seconds_from_ns);
	json_kv_u64(j, "blocks", s->blocks);
	json_kv_u64(j, "damaged_blocks", s->damaged_blocks);
	json_kv_u64(j, "damaged_rows", s->damaged_rows);
	json_kv_u64(j, "missing_blocks", s->missing_blocks);
	json_kv_bool(j, "clean", s->clean);
	json_kv_u64(j, "last_flush_ns", s->last_flush_ns);
	json_kv_u64(j, "locations", s->locations);
	json_kv_u64(j, "named", s->named);
	json_kv_u64(j, "nameless", s->nameless);
	json_object_end(j);
}

/*
 * The counters are JSON of our own, kept by the store under a checksum; they are passed on as they
 * are.
 */
static void write_stopped(struct web_request *q, const struct web_service *w,
			  const struct store_summary *s)
{
	struct json j;

	json_init(&j, &q->body);
	json_object_begin(&j);
	json_kv_u64(&j, "version", 1);
	json_kv_bool(&j, "running", false);
	add_store(&j, w, s);
	json_object_end(&j);
	if (!s->counters_json || s->counters_json[0] != '{' || q->body.err)
		return;
	q->body.len--;
	buf_add_str(&q->body, ",\"last\":");
	buf_add_str(&q->body, s->counters_json);
	buf_add_char(&q->body, '}');
}

int web_api_status(struct web_service *w, struct store *s, struct web_request *q, struct err *err)
{
	_cleanup_(store_summary_done) struct store_summary summary = {};
	int r;

	web_request_begin(q, "application/json");
	if (ask_daemon(w, WEB_LIVE_STATUS, &q->body) == 0)
		return q->body.err;
	r = store_summary(s, &summary, err);
	if (r < 0)
		return r;
	buf_clear(&q->body);
	write_stopped(q, w, &summary);
	return q->body.err;
}

/* ---- Prometheus ---- */

static void add_metric(struct buf *out, const char *name, const char *type, const char *sentence,
		       double value)
{
	buf_printf(out, "# HELP hearth_%s %s.\n# TYPE hearth_%s %s\nhearth_%s %.17g\n", name,
		   sentence, name, type, name, value);
}

/* In the daemon's place, under the names that it uses. */
static int add_store_metrics(struct buf *out, struct store *store, struct err *err)
{
	_cleanup_(store_summary_done) struct store_summary s = {};
	int r = store_summary(store, &s, err);

	if (r < 0)
		return r;
	add_metric(out, "store_bytes", "gauge", "Bytes of the store on disk", (double)s.bytes);
	add_metric(out, "store_samples", "gauge", "Samples in the store", (double)s.samples);
	add_metric(out, "store_damaged_blocks", "gauge", "Blocks that are damaged or missing",
		   (double)(s.damaged_blocks + s.missing_blocks));
	return 0;
}

static void add_own_metrics(struct buf *out, struct web_service *w)
{
#define ADD_COUNTER(name, text, sentence)                 \
	add_metric(out, "web_" text, "counter", sentence, \
		   (double)atomic_load(&w->counter[WEB_COUNTER_##name]));
	WEB_COUNTER_LIST(ADD_COUNTER)
#undef ADD_COUNTER
	add_metric(out, "web_uptime_seconds", "gauge", "Time since the web server's start",
		   (double)(quantity_monotonic_ns() - w->start_ns) / 1e9);
}

int web_api_metrics(struct web_service *w, struct store *s, struct web_request *q, struct err *err)
{
	bool up;
	int r = 0;

	web_request_begin(q, "text/plain; version=0.0.4; charset=utf-8");
	up = ask_daemon(w, WEB_LIVE_METRICS, &q->body) == 0;
	if (!up) {
		buf_clear(&q->body);
		r = add_store_metrics(&q->body, s, err);
	}
	add_metric(&q->body, "web_daemon_up", "gauge", "Whether the daemon answers the web server",
		   up);
	add_own_metrics(&q->body, w);
	return r < 0 ? r : q->body.err;
}

/* ---- the page ---- */

int web_api_viewer(struct web_service *w, struct store *s, struct web_request *q, struct err *err)
{
	struct json j;

	(void)s;
	(void)err;
	web_request_begin(q, "application/json");
	json_init(&j, &q->body);
	json_object_begin(&j);
	json_kv_str(&j, "speedscope", w->config->speedscope);
	json_kv_bool(&j, "token", w->config->token != NULL);
	json_object_end(&j);
	return q->body.err;
}

/* ---- probes ---- */

int web_api_healthz(struct web_service *w, struct store *s, struct web_request *q, struct err *err)
{
	(void)w;
	(void)s;
	(void)err;
	web_request_begin(q, "text/plain; charset=utf-8");
	return buf_add_str(&q->body, "ok\n");
}

int web_api_readyz(struct web_service *w, struct store *s, struct web_request *q, struct err *err)
{
	_cleanup_(store_summary_done) struct store_summary summary = {};
	int r = store_summary(s, &summary, err);

	(void)w;
	if (r < 0) {
		web_request_refuse(q, 503, "not_ready", err_text(err));
		return 0;
	}
	web_request_begin(q, "text/plain; charset=utf-8");
	return buf_add_str(&q->body, "ok\n");
}
