/*
 * `hearth serve`: see daemon.h. daemon_run() tells the story; second() is what happens once a
 * second.
 *
 * This thread: records come in a few times a second, names as they arrive, and each second ends
 * with a flush, which flusher.c's thread commits, and every tenth of them syncs to the disk:
 * nothing here waits for one. The web process asks for the status over its socket.
 */
#include "profiler/daemon.h"

#include "profiler/base/cleanup.h"
#include "profiler/base/heap.h"
#include "profiler/base/quantity.h"
#include "profiler/collector/collector.h"
#include "profiler/features/features.h"
#include "profiler/flusher.h"
#include "profiler/jail/jail.h"
#include "profiler/jail/web_link.h"
#include "profiler/renamer.h"
#include "profiler/signals.h"
#include "profiler/status.h"
#include "profiler/cli/token.h"
#include "storage/store.h"
#include "web/server.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

/* How often the ring buffer is emptied: while something waits for it, and else. */
#define ROUND_MS       100
#define CALM_ROUND_MS  500
#define LAST_NAMES_NS  500000000ull /* how long the end waits for names */
#define SECOND_NS      1000000000ull
#define MS_NS	       1000000ull
#define SYNC_EVERY     10 /* flushes; with it and behind it the counters are written */
#define SLOW_S	       5 /* of waiting for one flush are told */
#define SUMMARY_MS     20 /* that an answer waits for what is in the store */
#define TOKEN_BYTES    (WEB_TOKEN_BYTES + 1)
#define NOTE_BYTES     512
#define COUNTERS_BYTES (64u << 10)

struct daemon {
	const struct daemon_options *options;
	char token[TOKEN_BYTES];
	struct store *store;
	struct store_feed *feed;
	struct flusher *flusher; /* who has the store while it is there */
	bool is_taken; /* something is, and not known to be written, */
	uint64_t taken; /* with that many samples */
	unsigned int waited_s; /* for what is under way */
	struct store_summary summary;
	bool summary_known;
	bool previous_unclean;
	struct web_link *web;
	char address[NOTE_BYTES];
	struct collector *collector;
	int signals;
	bool over;
	uint64_t started_ns, second_ns; /* monotonic */
	unsigned int since_sync; /* flushes */
	uint64_t epoch; /* of the feed, when the live profile began */
	struct renamer *renamer; /* while all that is stored is named anew; NULL: it is not */
	bool renamer_waits, renamer_works; /* for, and on, the store's thread */
	bool rename_again; /* and once more after that */
	struct renamer_counts renamed; /* the last time */
	bool was_renamed;
	char store_error[ERR_TEXT_BYTES]; /* "" while writing goes on */
	char sampler_error[ERR_TEXT_BYTES];
};

/* ---- the status, for the web process and for the store ---- */

static void status_input(const struct daemon *d, struct status_input *ret)
{
	*ret = (struct status_input){
		.collector = d->collector,
		.store = d->summary_known ? &d->summary : NULL,
		.store_path = d->options->store,
		.address = d->address,
		.started_ns = d->started_ns,
		.frequency_hz = d->options->frequency_hz,
		.store_error = d->store_error,
		.previous_unclean = d->previous_unclean,
		.renaming = d->was_renamed ? &d->renamed : NULL,
		.is_renaming = d->renamer != NULL,
		.process = {{"collector", getpid()}},
		.n_processes = 1,
	};
	if (d->web && web_link_pid(d->web) > 0)
		ret->process[ret->n_processes++] =
			(struct status_process){"web", web_link_pid(d->web)};
}

static void take_summary(struct daemon *d, int r, const struct store_summary *summary)
{
	if (r < 0)
		return;
	if (d->summary_known)
		store_summary_done(&d->summary);
	d->summary = *summary;
	d->summary_known = true;
}

static int live_status(void *ctx, enum web_live what, struct buf *out)
{
	struct daemon *d = ctx;
	struct store_summary summary;
	struct status_input in;

	take_summary(d, flusher_summary(d->flusher, SUMMARY_MS, &summary), &summary);
	status_input(d, &in);
	return what == WEB_LIVE_METRICS ? status_metrics(&in, out) : status_json(&in, out);
}

/* ---- once a second ---- */

/* Tell a failure of the store once when it begins and once when it ends. */
static void tell_store(struct daemon *d, int r, const struct err *err)
{
	if (r < 0 && !d->store_error[0])
		fprintf(stderr,
			"hearth serve: the store cannot be written: %s; sampling goes on, and so "
			"do the tries\n",
			err_text(err));
	if (r > 0 && !d->store_error[0])
		fprintf(stderr, "hearth serve: %s\n", err_text(err));
	if (r == 0 && d->store_error[0])
		fprintf(stderr, "hearth serve: the store is written again\n");
	snprintf(d->store_error, sizeof(d->store_error), "%s", r ? err_text(err) : "");
}

/* What became of the flush that was under way. */
static void take_round(struct daemon *d)
{
	struct flusher_round round;

	if (!flusher_done(d->flusher, &round))
		return;
	round.write_err.code = round.written;
	tell_store(d, round.written, &round.write_err);
	if (round.written >= 0) {
		collector_stored(d->collector, d->taken);
		d->taken = 0;
		d->is_taken = false;
	}
	if (round.aged < 0 && !d->store_error[0])
		fprintf(stderr, "hearth serve: old samples could not be rolled up: %s\n",
			err_text(&round.age_err));
}

static void tell_slow(struct daemon *d)
{
	struct err err = {};

	if (++d->waited_s != SLOW_S)
		return;
	err_set(&err, -EBUSY, "%s takes longer than %d seconds",
		d->renamer_works ? "naming anew what is stored" : "the disk", SLOW_S);
	tell_store(d, -EBUSY, &err);
}

static int take(struct daemon *d, bool counters)
{
	uint64_t samples = collector_live(d->collector)->n_samples;
	struct status_input in;
	struct err err = {};
	struct buf text;
	int r;

	buf_init(&text, COUNTERS_BYTES);
	if (counters) {
		status_input(d, &in);
		status_counters_json(&in, &text);
	}
	r = store_feed_take(d->feed, text.len && !text.err ? buf_str(&text) : NULL, &err);
	buf_done(&text);
	if (r < 0) {
		tell_store(d, r, &err);
		return r;
	}
	d->taken = samples;
	d->is_taken = true;
	return 0;
}

/*
 * 1: all that live had was taken and is written now; 0: the flush before it still is, or could not
 * be and is tried again, and samples wait.
 */
static int flush(struct daemon *d, bool sync)
{
	bool waits;

	if (flusher_is_busy(d->flusher)) {
		tell_slow(d);
		return 0;
	}
	take_round(d);
	waits = d->is_taken;
	if (!waits && take(d, sync || !d->since_sync) < 0)
		return 0;
	d->waited_s = 0;
	d->since_sync = sync ? 0 : d->since_sync + 1;
	flusher_begin(d->flusher, sync);
	return !waits;
}

static int begin_feed(struct daemon *d)
{
	int r = store_feed_new(d->store, collector_live(d->collector), &d->feed);

	if (r == 0)
		d->epoch = store_feed_epoch(d->feed);
	return r;
}

/* Everything is written, so start a new live profile. */
static int renew(struct daemon *d)
{
	int r;

	d->feed = store_feed_free(d->feed);
	r = collector_renew(d->collector);
	return r < 0 ? r : begin_feed(d);
}

/* It grew too large, or the store's dictionary did: not both are kept beside what follows. */
static bool wants_renewal(const struct daemon *d)
{
	return collector_wants_renewal(d->collector, store_feed_bytes(d->feed)) ||
	       store_feed_epoch(d->feed) != d->epoch;
}

static void tell_sampler(struct daemon *d, int r, const struct err *err)
{
	const char *text = r < 0 ? err_text(err) : "";

	if (r < 0 && strcmp(text, d->sampler_error) != 0)
		fprintf(stderr, "hearth serve: %s\n", text);
	snprintf(d->sampler_error, sizeof(d->sampler_error), "%s", text);
}

static int second(struct daemon *d)
{
	struct err err = {};
	int r = collector_tick(d->collector, &err);

	/* What is not yet told of is written now all the same. */
	collector_take_names(d->collector);
	err.code = r;
	tell_sampler(d, r, &err);
	if (flush(d, d->since_sync == SYNC_EVERY - 1) > 0 && wants_renewal(d))
		return renew(d);
	collector_ask_names(d->collector);
	return 0;
}

/* ---- naming anew what is stored ---- */

static void begin_renaming(struct daemon *d)
{
	const struct renamer_options o = {.servers = &d->options->servers,
					  .room_dir = COLLECTOR_CACHE,
					  .sandbox = d->options->sandbox};
	struct err err = {};

	d->rename_again = d->renamer != NULL;
	if (!d->renamer && renamer_new(&o, d->store, &d->renamer, &err) < 0)
		fprintf(stderr, "hearth serve: nothing is named anew: %s\n", err_text(&err));
}

/* Its work waits for a flush that is under way, and its next step for its work. */
static void go_on_renaming(struct daemon *d)
{
	struct err err = {};
	int r;

	if (!d->renamer || ((d->renamer_works || d->renamer_waits) && flusher_is_busy(d->flusher)))
		return;
	if (d->renamer_waits) {
		d->renamer_waits = false;
		d->renamer_works = true;
		flusher_work(d->flusher, renamer_work, d->renamer);
		return;
	}
	d->renamer_works = false;
	r = renamer_step(d->renamer, &err);
	d->renamed = renamer_counts(d->renamer);
	d->was_renamed = true;
	d->renamer_waits = r == RENAMER_WORK;
	if (r > 0)
		return;
	if (r < 0)
		fprintf(stderr, "hearth serve: not all is named anew: %s\n", err_text(&err));
	d->renamer = renamer_free(d->renamer);
	heap_trim();
	if (d->rename_again)
		begin_renaming(d);
}

/* ---- the loop ---- */

static void serve_web(struct daemon *d)
{
	struct err err = {};

	if (web_link_dispatch(d->web, &err) > 0)
		fprintf(stderr, "hearth serve: the web process ended: %s; it is started again\n",
			err_text(&err));
}

static void take_signal(struct daemon *d)
{
	struct signalfd_siginfo info;

	if (read(d->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo != SIGHUP) {
		d->over = true;
		return;
	}
	collector_look_again(d->collector);
	begin_renaming(d);
}

/* Until the next round, or the end of this second. */
static int round_ms(const struct daemon *d)
{
	bool calm = !d->renamer && collector_is_calm(d->collector);
	uint64_t now_ns = quantity_monotonic_ns(), end_ns = d->second_ns + SECOND_NS;
	uint64_t ms = end_ns > now_ns ? (end_ns - now_ns + MS_NS - 1) / MS_NS : 0;
	uint64_t round = calm ? CALM_ROUND_MS : ROUND_MS;

	return (int)(ms < round ? ms : round);
}

static int loop(struct daemon *d)
{
	int r = 0;

	while (!d->over && r >= 0) {
		struct collector_fds fds = collector_fds(d->collector);
		struct pollfd p[5] = {
			{.fd = fds.ring, .events = POLLIN},
			{.fd = fds.names, .events = POLLIN},
			{.fd = d->signals, .events = POLLIN},
			{.fd = web_link_fd(d->web), .events = POLLIN},
			{.fd = d->renamer ? renamer_fd(d->renamer) : -1, .events = POLLIN},
		};

		if (poll(p, 5, round_ms(d)) < 0 && errno != EINTR)
			return -errno;
		if (p[2].revents)
			take_signal(d);
		collector_take_records(d->collector);
		if (p[1].revents)
			collector_take_names(d->collector);
		if (p[3].revents)
			serve_web(d);
		take_round(d);
		go_on_renaming(d);
		if (quantity_monotonic_ns() >= d->second_ns + SECOND_NS) {
			d->second_ns = quantity_monotonic_ns();
			r = second(d);
		}
	}
	return r;
}

/* ---- start and end ---- */

static int start_web(struct daemon *d, struct err *err)
{
	const struct daemon_options *o = d->options;
	struct web_link_options w = {
		.store_path = o->store,
		.listen = o->listen,
		.token = d->token[0] ? d->token : NULL,
		.n_host_names = o->n_host_names,
		.n_source_dirs = o->n_source_dirs,
		.speedscope = o->speedscope,
		.version = HEARTH_VERSION,
		.sandbox = o->sandbox,
		.live = live_status,
		.ctx = d,
	};
	int r;

	for (size_t i = 0; i < o->n_host_names; i++)
		w.host_names[i] = o->host_names[i];
	for (size_t i = 0; i < o->n_source_dirs; i++)
		w.source_dirs[i] = o->source_dirs[i];
	r = web_link_new(&w, &d->web, err);
	if (r == 0)
		snprintf(d->address, sizeof(d->address), "%s", web_link_address(d->web));
	return r;
}

static int start(struct daemon *d, struct err *err)
{
	const struct daemon_options *o = d->options;
	struct store_options s = {o->detail_time_ns, o->retention_time_ns, o->retention_bytes};
	struct collector_options c = {
		.frequency_hz = o->frequency_hz,
		.user = true,
		.kernel = true,
		.unwind = o->unwind,
		.labels = &o->labels,
		.servers = &o->servers,
		.sandbox = o->sandbox,
	};
	struct store_summary summary;
	char note[NOTE_BYTES + 64];
	int r = 0;

	if (o->token_file)
		r = token_read(o->token_file, d->token, sizeof(d->token), err);
	if (r == 0)
		r = store_open_writer(o->store, &s, &d->store, err);
	if (r < 0)
		return r;
	take_summary(d, store_summary(d->store, &summary, NULL), &summary);
	d->previous_unclean = d->summary_known && d->summary.last_flush_ns && !d->summary.clean;
	r = start_web(d, err);
	if (r == 0 && o->sandbox)
		r = jail_limit_collector(err);
	if (r == 0)
		r = collector_new(&c, &d->collector, err);
	if (r == 0)
		r = begin_feed(d);
	if (r == 0)
		r = flusher_new(d->store, &d->flusher);
	if (r < 0)
		return r;
	snprintf(note, sizeof(note), "pid=%d address=%s", getpid(), d->address);
	r = store_lock_note(d->store, note);
	return r < 0 ? r : collector_start(d->collector, err);
}

static void greet(const struct daemon *d)
{
	struct collector_counts counts;

	if (d->previous_unclean)
		fprintf(stderr,
			"hearth serve: the daemon before this one ended without its last second\n");
	if (collector_counts(d->collector, &counts) < 0)
		return;
	printf("Hearth samples %u CPUs at %u Hz. Open %s\n", counts.cpus, d->options->frequency_hz,
	       d->address);
	if (web_listen_is_local(d->options->listen, NULL) > 0 && !d->token[0])
		printf("Every user of this host can read it; --token-file asks for a token.\n");
	fflush(stdout);
}

/* What was sampled last is named as well, as far as that is quick. */
static void last_names(struct daemon *d)
{
	uint64_t until = quantity_monotonic_ns() + LAST_NAMES_NS;
	struct pollfd p = {.fd = collector_fds(d->collector).names, .events = POLLIN};

	collector_ask_names(d->collector);
	while (collector_names_pending(d->collector) && quantity_monotonic_ns() < until) {
		poll(&p, 1, ROUND_MS);
		collector_take_names(d->collector);
		collector_ask_names(d->collector);
	}
	collector_give_up_names(d->collector);
}

/* Waits for the disk: it is the end. */
static void flush_all(struct daemon *d)
{
	int taken = 0;

	/* What is under way, or could not be written, comes before what is there now. */
	for (int i = 0; i < 2 && taken == 0; i++) {
		flusher_wait(d->flusher);
		taken = flush(d, true);
	}
	flusher_wait(d->flusher);
	take_round(d);
}

/* The last samples are written before anything else ends. */
static void stop(struct daemon *d)
{
	if (d->flusher) {
		collector_stop(d->collector);
		flush_all(d);
		last_names(d);
		flush_all(d);
	}
	web_link_free(d->web);
	flusher_free(d->flusher);
	renamer_free(d->renamer);
	store_feed_free(d->feed);
	store_close(d->store);
	collector_free(d->collector);
	if (d->summary_known)
		store_summary_done(&d->summary);
	if (d->signals >= 0)
		close(d->signals);
	explicit_bzero(d->token, sizeof(d->token));
}

int daemon_run(const struct daemon_options *options)
{
	struct daemon d = {.options = options, .signals = -1};
	struct err err = {};
	int r;

	heap_settle();
	r = features_demand(&err);
	if (r == 0) {
		d.signals = signals_open();
		r = d.signals < 0 ? d.signals : start(&d, &err);
	}
	if (r == 0) {
		d.started_ns = d.second_ns = quantity_monotonic_ns();
		greet(&d);
		r = loop(&d);
	}
	stop(&d);
	if (r >= 0)
		return 0;
	err.code = r;
	fprintf(stderr, "hearth serve: %s\n", err_text(&err));
	return 1;
}
