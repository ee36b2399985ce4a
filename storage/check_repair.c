/*
 * A sound store of what is left of a damaged one; see check.h.
 *
 * Rows that are good are copied as they are, in their numbers. In the place of what is lost stands
 * a block without samples that has it as a loss. Sums are made again. The next writer begins a new
 * epoch, since numbers of the last one may have been given out and lost.
 */
#include "storage/check_private.h"

#include "profiler/base/cleanup.h"
#include "profiler/base/quantity.h"
#include "storage/lock.h"
#include "storage/store_age.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define COMMIT_BYTES (4u << 20)
#define LOSS_LEVEL   1 /* of zstd */

struct copy {
	struct store *to;
	size_t uncommitted; /* bytes */
	struct db_chunk last_chunk; /* first 0: none yet; written when the next one is known */
	struct buf chunk, bytes;
	uint64_t epoch; /* of the block before */
};

static void copy_done(struct copy *c)
{
	buf_done(&c->chunk);
	buf_done(&c->bytes);
}

/* ---- rows into the new file ---- */

static int wrote(struct copy *c, size_t bytes)
{
	int r;

	c->uncommitted += bytes;
	if (c->uncommitted < COMMIT_BYTES)
		return 0;
	c->uncommitted = 0;
	r = db_commit(c->to->db, false);
	return r < 0 ? r : db_begin(c->to->db, true);
}

/* Up to the number where the next one begins, so that no number is left out. */
static int put_last_chunk(struct copy *c, uint64_t next)
{
	int r;

	if (!c->last_chunk.first)
		return 0;
	if (next > c->last_chunk.last + 1)
		c->last_chunk.last = next - 1;
	r = db_chunk_put(c->to->db, DB_CHUNKS, &c->last_chunk, c->chunk.data, c->chunk.len);
	c->last_chunk.first = 0;
	return r < 0 ? r : wrote(c, c->chunk.len);
}

static int copy_chunk(struct walk *w, const struct db_chunk *head)
{
	struct copy *c = (struct copy *)w->arg;
	bool is_first = !c->last_chunk.first && !c->to->state.first_chunk;
	int r = put_last_chunk(c, head->first);

	if (r < 0)
		return r;
	if (is_first)
		c->to->state.first_chunk = head->first;
	c->last_chunk = *head;
	buf_clear(&c->chunk);
	return buf_add(&c->chunk, w->data.data, w->data.len);
}

static int put_block(struct copy *c, struct db_block *head, struct block *b)
{
	int r;

	buf_clear(&c->bytes);
	r = block_write(b, &c->to->compress,
			head->resolution_ms > 1 ? head->resolution_ms * NS_PER_MS : head->period_ns,
			LOSS_LEVEL, &c->bytes);
	if (r < 0)
		return r;
	block_span(b, &head->from_ms, &head->until_ms);
	head->samples = block_count(b);
	head->entries = b->n_samples;
	r = db_block_put(c->to->db, head, c->bytes.data, c->bytes.len);
	return r < 0 ? r : wrote(c, c->bytes.len);
}

/* The bytes as they are in the file. */
static int copy_bytes(struct walk *w, struct copy *c, struct db_block *head)
{
	int r;

	buf_clear(&c->bytes);
	r = db_block_data(w->survey.db, head, &c->bytes);
	if (r >= 0)
		r = db_block_put(c->to->db, head, c->bytes.data, c->bytes.len);
	return r < 0 ? r : wrote(c, c->bytes.len);
}

static int copy_block(struct walk *w, const struct db_block *head, struct block *b, bool changed)
{
	struct copy *c = (struct copy *)w->arg;
	struct db_block copy = *head;

	c->epoch = head->epoch;
	if (head->level == DB_DROPPED)
		return db_block_move(c->to->db, head->first, &copy);
	return changed ? put_block(c, &copy, b) : copy_bytes(w, c, &copy);
}

static int put_loss(struct walk *w, const struct check_item *item, const struct db_block *head)
{
	_cleanup_(block_done) struct block b = {};
	struct copy *c = (struct copy *)w->arg;
	struct db_block row = {
		.first = item->first,
		.last = item->last,
		.type = STORE_TYPE_CPU,
		.epoch = head ? head->epoch : c->epoch,
		.resolution_ms = head ? head->resolution_ms : 1,
		.period_ns = head ? head->period_ns : 0,
	};
	int r;

	if (head)
		memcpy(row.type, head->type, sizeof(row.type));
	/* How many samples a missing number had nobody knows: at least one. */
	r = block_add_loss(&b, item->from_ms, head ? STORE_LOST_BLOCK : STORE_LOST_MISSING,
			   item->samples ? item->samples : item->last - item->first + 1);
	return r < 0 ? r : put_block(c, &row, &b);
}

static int put_state(struct walk *w, struct copy *c)
{
	struct db_state state = w->survey.state;
	int r = put_last_chunk(c, state.next_chunk);

	/* Where no chunk is left, the numbers of all have gone. */
	state.first_chunk = c->to->state.first_chunk ? c->to->state.first_chunk : state.next_chunk;
	state.epoch++;
	state.epoch_started_ns = quantity_now_ns();
	state.epoch_samples = state.locations = state.named = state.nameless = 0;
	state.lost_rows = 0;
	state.run = w->survey.run.counters ? w->survey.run.number : 0;
	if (r >= 0)
		r = db_state_put(c->to->db, &state);
	if (r >= 0 && w->survey.run.counters)
		r = db_run_put(c->to->db, &w->survey.run);
	return r;
}

static int copy_all(struct walk *w, struct copy *c)
{
	int r = db_begin(c->to->db, true);

	w->on_chunk = copy_chunk;
	w->on_block = copy_block;
	w->on_lost = put_loss;
	w->arg = c;
	if (r >= 0)
		r = walk_all(w);
	if (r >= 0)
		r = put_state(w, c);
	if (r >= 0)
		r = db_commit(c->to->db, true);
	if (r >= 0)
		r = db_empty_wal(c->to->db);
	if (r < 0)
		db_rollback(c->to->db);
	return r;
}

/* ---- files ---- */

struct names {
	char *real, *made, *aside;
};

static void names_done(struct names *n)
{
	free(n->real);
	free(n->made);
	free(n->aside);
}

static int names_make(const char *path, struct names *ret)
{
	struct names n = {.real = realpath(path, NULL)};
	time_t now = (time_t)(quantity_now_ns() / NS_PER_S);
	char stamp[32];
	struct tm tm;

	if (!n.real)
		return -errno;
	if (!gmtime_r(&now, &tm) || !strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm))
		memcpy(stamp, "0", sizeof("0"));
	if (asprintf(&n.made, "%s.repair", n.real) < 0)
		n.made = NULL;
	if (asprintf(&n.aside, "%s.damaged-%s", n.real, stamp) < 0)
		n.aside = NULL;
	if (!n.made || !n.aside) {
		names_done(&n);
		return -ENOMEM;
	}
	*ret = n;
	return 0;
}

static int move(const char *from, const char *to, const char *ending, bool may_miss)
{
	_cleanup_free_ char *a = NULL, *b = NULL;

	if (asprintf(&a, "%s%s", from, ending) < 0 || asprintf(&b, "%s%s", to, ending) < 0)
		return -ENOMEM;
	if (rename(a, b) < 0 && !(may_miss && errno == ENOENT))
		return -errno;
	return 0;
}

static void forget(const char *path)
{
	static const char *const endings[] = {"", "-wal", "-shm", ".lock"};

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		_cleanup_free_ char *name = NULL;

		if (asprintf(&name, "%s%s", path, endings[i]) >= 0)
			unlink(name);
	}
}

static void sync_folder(const char *path)
{
	_cleanup_free_ char *copy = strdup(path);
	_cleanup_close_ int dir = -1;

	if (copy)
		dir = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0)
		(void)fsync(dir);
}

/*
 * The damaged file goes with its WAL, which belongs to no other, before the new one comes; between
 * the two there is no store, and a sentence tells where both are.
 */
static int put_in_place(const struct names *n, struct err *err)
{
	int r = move(n->real, n->aside, "-wal", true);

	if (r >= 0)
		r = move(n->real, n->aside, "-shm", true);
	if (r >= 0)
		r = move(n->real, n->aside, "", false);
	if (r >= 0)
		r = move(n->made, n->real, "", false);
	if (r < 0)
		return err_set(err, r, "%s: %s; the damaged store is at %s, the repaired one at %s",
			       n->real, strerror(-r), n->aside, n->made);
	forget(n->made);
	sync_folder(n->real);
	return 0;
}

static int make_new(const struct names *n, struct walk *w, struct err *err)
{
	_cleanup_(copy_done) struct copy c = {};
	int r;

	forget(n->made);
	r = store_open_writer(n->made, NULL, &c.to, err);
	if (r < 0)
		return r;
	c.to->state = (struct db_state){};
	buf_init(&c.chunk, CHUNK_BYTES_MAX);
	buf_init(&c.bytes, BLOCK_BYTES_MAX);
	r = copy_all(w, &c);
	if (r >= 0)
		r = store_sum_up(c.to);
	if (r < 0)
		db_error(c.to->db, err, r, n->made);
	store_close(c.to);
	if (r < 0)
		forget(n->made);
	return r;
}

static int repair(const struct names *n, struct check *ret, bool *ret_done, struct err *err)
{
	_cleanup_(walk_done) struct walk w = {};
	struct check again = {};
	int r = check_store(n->real, ret, err);

	*ret_done = false;
	if (r < 0 || check_is_good(ret))
		return r;
	r = survey_open(n->real, &w.survey, err);
	if (r < 0)
		return r;
	w.check = &again;
	buf_init(&w.data, BLOCK_BYTES_MAX);
	r = make_new(n, &w, err);
	check_done(&again);
	if (r < 0)
		return r;
	survey_close(&w.survey);
	*ret_done = true;
	return put_in_place(n, err);
}

int check_repair(const char *path, struct check *ret, char **ret_aside, struct err *err)
{
	_cleanup_(names_done) struct names n = {};
	struct check c = {};
	bool done = false;
	int lock_fd = -1;
	int r = names_make(path, &n);

	if (r < 0)
		return err_set(err, r, "%s: %s", path,
			       r == -ENOENT ? "no such store" : strerror(-r));
	r = lock_take(n.real, &lock_fd, err);
	if (r < 0)
		return r;
	r = repair(&n, &c, &done, err);
	lock_release(lock_fd);
	if (r < 0) {
		check_done(&c);
		return err && err->code ? r : err_set(err, r, "%s: %s", path, strerror(-r));
	}
	*ret = c;
	*ret_aside = done ? steal_ptr(n.aside) : NULL;
	return 0;
}
