/* One object at a time is asked about; see renamer.h. renamer_step() does the work. */
#include "profiler/renamer.h"

#include "profiler/base/cleanup.h"
#include "profiler/base/hex.h"
#include "profiler/resolve/resolve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LINES_MAX 64

struct renamer {
	struct resolve *resolve;
	struct store_refresh *refresh;
	struct store_unnamed what; /* that is asked, in refresh */
	uint32_t object; /* its number in resolve; 0: nothing is asked */
	bool changed; /* debug information of it has turned up: it is asked again */
	int error; /* of taking an answer, or of work */
	struct err work_err;
	uint64_t files, gone;
};

/* ---- answers ---- */

static int by_offset(const void *pa, const void *pb)
{
	const uint64_t *a = pa, *b = pb;

	return (*a > *b) - (*a < *b);
}

static void on_named(void *ctx, uint32_t object, uint64_t offset, const struct resolve_line *lines,
		     uint32_t n)
{
	struct renamer *r = ctx;
	struct store_line named[LINES_MAX];
	const uint64_t *at =
		bsearch(&offset, r->what.offsets, r->what.n, sizeof(offset), by_offset);

	if (object != r->object || !at || r->error < 0)
		return;
	if (n > LINES_MAX)
		n = LINES_MAX;
	for (uint32_t i = 0; i < n; i++)
		named[i] = (struct store_line){lines[i].function, lines[i].system_name,
					       lines[i].file, lines[i].line, lines[i].column};
	r->error = store_refresh_take(r->refresh, (size_t)(at - r->what.offsets), named, n);
}

static void on_identified(void *ctx, uint32_t object, const uint8_t *build_id, uint32_t bytes)
{
	(void)ctx;
	(void)object;
	(void)build_id;
	(void)bytes;
}

static void on_failed(void *ctx, uint32_t object, int error, const char *sentence)
{
	struct renamer *r = ctx;

	(void)error;
	(void)sentence; /* a file that has gone is no news */
	r->gone += object == r->object;
}

static void on_changed(void *ctx, uint32_t object)
{
	struct renamer *r = ctx;

	r->changed |= object == r->object;
}

/* ---- questions ---- */

/* A build id is a claim of the store's, which the file at the path has to agree with. */
static int ask(struct renamer *r)
{
	struct resolve_object o = {.object = r->object + 1,
				   .kind = RESOLVE_FILE,
				   .domain = r->what.domain,
				   .path = r->what.path};
	size_t bytes = strlen(r->what.build_id) / 2;
	int result;

	r->files++;
	if (r->what.path[0] != '/' || bytes > sizeof(o.build_id) ||
	    hex_parse(r->what.build_id, o.build_id, bytes) < 0) {
		r->gone++;
		return 0;
	}
	o.build_id_bytes = (uint8_t)bytes;
	result = resolve_announce(r->resolve, &o);
	if (result == 0) {
		r->object = o.object;
		result = resolve_ask(r->resolve, r->object, r->what.offsets, r->what.n);
	}
	return result;
}

static int told(int result, struct err *err)
{
	return result < 0 ? err_set(err, result, "names cannot be asked for: %s", strerror(-result))
			  : 1;
}

/* 1: the next object is asked about, or could not be. */
static int go_on(struct renamer *r, struct err *err)
{
	int result;

	resolve_forget(r->resolve, r->object);
	result = store_refresh_next(r->refresh, &r->what, err);
	if (result == STORE_REFRESH_WORK)
		return RENAMER_WORK;
	return result > 0 ? told(ask(r), err) : result;
}

void renamer_work(void *renamer)
{
	struct renamer *r = renamer;

	r->error = store_refresh_work(r->refresh, &r->work_err);
}

int renamer_step(struct renamer *r, struct err *err)
{
	static const struct resolve_answers answers = {.named = on_named,
						       .identified = on_identified,
						       .failed = on_failed,
						       .changed = on_changed};

	resolve_take(r->resolve, &answers, r, 0);
	if (r->error < 0 && r->work_err.text[0])
		return err_set(err, r->error, "%s", err_text(&r->work_err));
	if (r->error < 0)
		return err_set(err, r->error, "names cannot be kept: %s", strerror(-r->error));
	if (resolve_pending(r->resolve) || resolve_fetching(r->resolve))
		return 1;
	if (!r->changed)
		return go_on(r, err);
	r->changed = false;
	return told(resolve_ask(r->resolve, r->object, r->what.offsets, r->what.n), err);
}

int renamer_fd(const struct renamer *r)
{
	return resolve_fd(r->resolve);
}

struct renamer_counts renamer_counts(const struct renamer *r)
{
	return (struct renamer_counts){store_refresh_counts(r->refresh), r->files, r->gone};
}

/* ---- beginning and end ---- */

int renamer_new(const struct renamer_options *options, struct store *s, struct renamer **ret,
		struct err *err)
{
	char fetched[DEBUG_SERVERS_DIRECTORY_BYTES];
	struct resolve_options o = {.sandbox = options->sandbox, .room_dir = options->room_dir};
	struct renamer *r = calloc(1, sizeof(*r));
	int result;

	if (!r)
		return err_set(err, -ENOMEM, "no memory to name anew");
	if (options->servers && options->servers->n) {
		debug_servers_directory(fetched);
		o.servers = *options->servers;
		o.fetch_cache = fetched;
	}
	result = resolve_new(&o, &r->resolve, err);
	if (result == 0)
		result = store_refresh_new(s, &r->refresh, err);
	if (result < 0) {
		renamer_free(r);
		return result;
	}
	*ret = r;
	return 0;
}

struct renamer *renamer_free(struct renamer *r)
{
	if (!r)
		return NULL;
	store_refresh_free(r->refresh);
	resolve_free(r->resolve);
	free(r);
	return NULL;
}
