/*
 * Opening and closing a store, its dictionaries for readers, and its summary; see store.h and
 * store_private.h.
 */
#include "storage/store_private.h"

#include "profiler/base/cleanup.h"
#include "profiler/base/quantity.h"
#include "storage/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DETAIL_NS_DEFAULT	(3 * 24 * 3600 * NS_PER_S)
#define RETENTION_NS_DEFAULT	(30 * 24 * 3600 * NS_PER_S)
#define RETENTION_BYTES_DEFAULT 2000000000ull
#define DICT_BYTES_MAX \
	(48u << 20) /* of all dictionaries that a reader keeps, but for the last one */

/* ---- where the file is ---- */

/* The directory of path without symbolic links, and the file's name below it. */
static int resolve(const char *path, char **ret)
{
	_cleanup_free_ char *for_dir = strdup(path), *for_name = strdup(path), *real = NULL;

	if (!for_dir || !for_name)
		return -ENOMEM;
	real = realpath(dirname(for_dir), NULL);
	if (!real)
		return -errno;
	if (asprintf(ret, "%s/%s", strcmp(real, "/") ? real : "", basename(for_name)) < 0)
		return -ENOMEM;
	return 0;
}

static int make_directory(const char *path, struct err *err)
{
	_cleanup_free_ char *copy = strdup(path);
	const char *dir = copy ? dirname(copy) : NULL;

	if (!dir)
		return -ENOMEM;
	if (mkdir(dir, 0750) < 0 && errno != EEXIST)
		return err_set(err, -errno, "%s: cannot make the directory: %s", dir,
			       strerror(errno));
	return 0;
}

/* Who can write the directory can replace the store under us. */
static int check_directory(const char *real_path, struct err *err)
{
	_cleanup_free_ char *copy = strdup(real_path);
	const char *dir = copy ? dirname(copy) : NULL;
	struct stat st;

	if (!dir)
		return -ENOMEM;
	if (stat(dir, &st) < 0)
		return err_set(err, -errno, "%s: %s", dir, strerror(errno));
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return err_set(err, -EPERM,
			       "%s: belongs to uid %u; the store needs a directory of its own user",
			       dir, st.st_uid);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return err_set(err, -EACCES,
			       "%s: others can write this directory; run: chmod go-w %s", dir, dir);
	return 0;
}

static int check_file(const char *path, struct err *err)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? -ENOENT
				       : err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EPERM, "%s: not a regular file", path);
	if (st.st_uid != geteuid())
		return err_set(err, -EPERM, "%s: belongs to uid %u, not to us", path, st.st_uid);
	return 0;
}

static int make_file(const char *path, struct err *err)
{
	_cleanup_free_ char *copy = strdup(path);
	_cleanup_close_ int fd = -1, dir = -1;

	if (!copy)
		return -ENOMEM;
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (fd < 0 || fchmod(fd, 0640) < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	dir = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0)
		(void)fsync(dir);
	return 0;
}

/* ---- opening ---- */

static struct store *store_new(const char *path, bool writer)
{
	struct store *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->lock_fd = -1;
	s->writer = writer;
	s->hold_ns_max = STORE_HOLD_NS_MAX;
	s->wal_bytes_max = STORE_WAL_BYTES_MAX;
	if (resolve(path, &s->path) < 0) {
		free(s);
		return NULL;
	}
	return s;
}

static void store_free(struct store *s)
{
	if (!s)
		return;
	while (s->feeds)
		store_feed_detach(s->feeds);
	db_close(s->db);
	for (int i = 0; i < STORE_DICTS_MAX; i++)
		dict_free(s->dicts[i].dict);
	growth_done(&s->growth);
	growth_done(&s->previous);
	store_flush_free(s->taken);
	block_done(&s->merging);
	compress_done(&s->compress);
	free(s->run.counters);
	free(s->bad_blocks);
	free(s->path);
	/* Last: the next writer finds everything closed. */
	if (s->writer)
		lock_release(s->lock_fd);
	else if (s->lock_fd >= 0)
		close(s->lock_fd);
	free(s);
}

static void store_freep(struct store **s)
{
	store_free(*s);
}

/* The state is gone, the rows are not: go on behind them, and say that something was lost. */
static int recover_state(struct store *s, uint64_t now_ns)
{
	struct db_block_list blocks;
	struct db_chunk_list chunks;
	int r = db_block_list(s->db, &blocks);

	if (r < 0)
		return r;
	s->state = (struct db_state){.first_block = 1,
				     .next_block = 1,
				     .first_chunk = 1,
				     .next_chunk = 1,
				     .epoch_started_ns = now_ns,
				     .lost_rows = 1};
	if (blocks.n)
		s->state.first_block = blocks.blocks[0].first;
	for (size_t i = 0; i < blocks.n; i++) {
		const struct db_block *b = &blocks.blocks[i];

		if (b->last >= s->state.next_block)
			s->state.next_block = b->last + 1;
		if (b->epoch > s->state.epoch)
			s->state.epoch = b->epoch;
		if (b->period_ns)
			s->state.period_ns = b->period_ns;
	}
	db_block_list_done(&blocks);
	r = db_chunk_list(s->db, DB_CHUNKS, &chunks);
	if (r < 0)
		return r;
	if (chunks.n)
		s->state.first_chunk = chunks.chunks[0].first;
	for (size_t i = 0; i < chunks.n; i++) {
		if (chunks.chunks[i].last >= s->state.next_chunk)
			s->state.next_chunk = chunks.chunks[i].last + 1;
		if (chunks.chunks[i].epoch > s->state.epoch)
			s->state.epoch = chunks.chunks[i].epoch;
	}
	db_chunk_list_done(&chunks);
	return 0;
}

/* Is a chunk that says that it is of another epoch what was written? */
static bool is_sound(struct store *s, const struct db_chunk *c)
{
	struct buf data;
	int r;

	buf_init(&data, CHUNK_BYTES_MAX);
	r = db_chunk_data(s->db, DB_CHUNKS, c, &data);
	buf_done(&data);
	return r >= 0;
}

/*
 * Later chunks may be names for older epochs, or of newer ones: none of them is missing, and none
 * was this epoch's.
 */
int store_chunks_are_whole(struct store *s, uint64_t epoch, bool *ret)
{
	struct db_chunk_list l;
	size_t i = 0;
	int r = db_chunk_list(s->db, DB_CHUNKS, &l);

	if (r < 0)
		return r;
	while (i < l.n && l.chunks[i].epoch != epoch)
		i++;
	*ret = i < l.n && l.chunks[l.n - 1].last + 1 == s->state.next_chunk;
	for (i++; *ret && i < l.n; i++)
		*ret = l.chunks[i - 1].last + 1 == l.chunks[i].first &&
		       (l.chunks[i].epoch == epoch || is_sound(s, &l.chunks[i]));
	db_chunk_list_done(&l);
	return 0;
}

/*
 * Go on with the last epoch if its dictionary is whole, else begin a new one: nothing is added to
 * damage.
 */
static int load_growth(struct store *s, bool recovered, uint64_t now_ns)
{
	uint64_t next_chunk = 0, damaged = 0;
	bool whole;
	int r = growth_init(&s->growth, s->state.epoch);

	if (r >= 0)
		r = store_chunks_are_whole(s, s->state.epoch, &whole);
	if (r >= 0)
		r = store_load_chunks(s, s->growth.dict, &next_chunk, &damaged);
	if (r < 0)
		return r;
	growth_loaded(&s->growth);
	if (whole && !recovered && !damaged && !s->growth.dict->n_holes && !s->growth.dict->broken)
		return 0;
	s->state.lost_rows += damaged;
	r = store_new_epoch(s, now_ns);
	growth_done(&s->previous); /* holes are no names */
	return r;
}

/* An epoch that has just begun still takes names from the one before. Damaged, it has none. */
static int load_previous(struct store *s, uint64_t now_ns)
{
	uint64_t next_chunk = 0, damaged = 0;
	struct growth previous;
	int r;

	if (s->previous.dict || !s->growth.dict->epoch ||
	    now_ns > s->epoch_started_ns + STORE_PREVIOUS_NS)
		return 0;
	r = growth_init(&previous, s->growth.dict->epoch - 1);
	if (r < 0)
		return r;
	r = store_load_chunks(s, previous.dict, &next_chunk, &damaged);
	if (r < 0 || damaged || previous.dict->n_holes || previous.dict->broken)
		growth_done(&previous);
	s->previous = previous;
	return r;
}

static int load_state(struct store *s)
{
	uint64_t now_ns = quantity_now_ns();
	int r = db_state_get(s->db, &s->state);
	bool recovered = r == -ENOENT || r == -EBADMSG;

	if (recovered)
		r = recover_state(s, now_ns);
	if (r == 0 && s->state.next_block == 1 && s->state.next_chunk == 1)
		s->state.lost_rows = 0;
	if (r < 0)
		return r;
	s->last_run_clean = true;
	r = db_run_last(s->db, &s->run);
	if (r == 0)
		s->last_run_clean = s->run.clean;
	else if (r != -ENOENT && r != -EBADMSG)
		return r;
	s->run.number = (s->run.number > s->state.run ? s->run.number : s->state.run) + 1;
	s->run.started_ns = now_ns;
	s->epoch_started_ns = s->state.epoch_started_ns;
	s->epoch_samples = s->state.epoch_samples;
	r = load_growth(s, recovered, now_ns);
	return r < 0 ? r : load_previous(s, now_ns);
}

static void set_options(struct store *s, const struct store_options *o)
{
	s->options = o ? *o : (struct store_options){};
	if (!s->options.detail_time_ns)
		s->options.detail_time_ns = DETAIL_NS_DEFAULT;
	if (!s->options.retention_time_ns)
		s->options.retention_time_ns = RETENTION_NS_DEFAULT;
	if (!s->options.retention_bytes)
		s->options.retention_bytes = RETENTION_BYTES_DEFAULT;
}

int store_open_writer(const char *path, const struct store_options *options, struct store **ret,
		      struct err *err)
{
	_cleanup_(store_freep) struct store *s = NULL;
	int r = make_directory(path, err);

	if (r < 0)
		return r;
	s = store_new(path, true);
	if (!s)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	set_options(s, options);
	r = check_directory(s->path, err);
	if (r < 0)
		return r;
	r = check_file(s->path, err);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0) {
		r = lock_take(s->path, &s->lock_fd, err);
	} else {
		r = lock_take(s->path, &s->lock_fd, err);
		if (r >= 0)
			r = make_file(s->path, err);
	}
	if (r < 0)
		return r;
	r = db_open_writer(s->path, &s->db, err);
	if (r < 0)
		return r;
	r = load_state(s);
	if (r < 0)
		return db_error(s->db, err, r, s->path);
	*ret = steal_ptr(s);
	return 0;
}

int store_open_reader(const char *path, struct store **ret, struct err *err)
{
	_cleanup_(store_freep) struct store *s = NULL;
	struct stat st;
	int r;

	if (stat(path, &st) < 0)
		return err_set(err, -errno, "%s: %s", path,
			       errno == ENOENT ? "no such store" : strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EBADMSG, "%s: not a regular file", path);
	s = store_new(path, false);
	if (!s)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	r = db_open_reader(s->path, &s->db, err);
	if (r < 0)
		return r;
	(void)lock_watch(s->path, &s->lock_fd);
	*ret = steal_ptr(s);
	return 0;
}

/* ---- closing ---- */

static void end_run(struct store *s)
{
	struct db_run run;

	if (store_write(s, false, NULL) < 0)
		return;
	while (s->feeds) {
		store_feed_flush(s->feeds, NULL, false, NULL);
		store_feed_detach(s->feeds);
	}
	if (!s->run_written)
		return;
	run = s->run;
	run.clean = true;
	if (db_begin(s->db, true) < 0)
		return;
	if (!run.counters)
		run.counters = (char *)"{}";
	if (db_run_put(s->db, &run) < 0)
		db_rollback(s->db);
	else
		db_commit(s->db, true);
}

struct store *store_close(struct store *s)
{
	if (!s)
		return NULL;
	if (s->writer)
		end_run(s);
	store_free(s);
	return NULL;
}

int store_lock_note(struct store *s, const char *text)
{
	return s->writer ? lock_note(s->lock_fd, text) : -EINVAL;
}

int store_lock_read(const char *path, char *ret_text, size_t text_bytes)
{
	_cleanup_close_ int fd = -1;
	int r = lock_watch(path, &fd);

	return r < 0 ? r : lock_read(fd, ret_text, text_bytes);
}

/* ---- dictionaries for questions ---- */

/* A writer's dictionary has all of them, a reader's unpacks what is asked for. */
static int add_chunk(struct store *s, struct dict *d, const struct buf *data, struct chunk *c)
{
	int r;

	if (d->keep_labels)
		return dict_add_bytes(d, data->data, data->len, &s->compress);
	r = chunk_parse(data->data, data->len, &s->compress, c);
	return r < 0 ? r : dict_apply(d, c);
}

int store_load_chunks(struct store *s, struct dict *d, uint64_t *next_chunk, uint64_t *ret_damaged)
{
	struct db_chunk_list l;
	struct chunk c = {};
	struct buf data;
	int r = db_chunk_list(s->db, DB_CHUNKS, &l);

	if (r < 0)
		return r;
	buf_init(&data, CHUNK_BYTES_MAX);
	for (size_t i = 0; i < l.n && r >= 0; i++) {
		if (l.chunks[i].epoch != d->epoch || l.chunks[i].last < *next_chunk)
			continue;
		buf_clear(&data);
		r = db_chunk_data(s->db, DB_CHUNKS, &l.chunks[i], &data);
		if (r >= 0)
			r = add_chunk(s, d, &data, &c);
		if (r == -EBADMSG || r == -EPROTO || r == -EFBIG) {
			++*ret_damaged;
			r = 0;
		}
		if (r >= 0)
			*next_chunk = l.chunks[i].last + 1;
	}
	chunk_done(&c);
	buf_done(&data);
	db_chunk_list_done(&l);
	return r;
}

static struct store_dict *oldest_slot(struct store *s)
{
	struct store_dict *oldest = &s->dicts[0];

	for (int i = 0; i < STORE_DICTS_MAX; i++) {
		if (!s->dicts[i].dict)
			return &s->dicts[i];
		if (s->dicts[i].used < oldest->used)
			oldest = &s->dicts[i];
	}
	return oldest;
}

static void trim_dicts(struct store *s, const struct store_dict *keep)
{
	size_t bytes = 0;

	for (int i = 0; i < STORE_DICTS_MAX; i++)
		bytes += s->dicts[i].dict ? dict_bytes(s->dicts[i].dict) : 0;
	for (int i = 0; i < STORE_DICTS_MAX && bytes > DICT_BYTES_MAX; i++) {
		if (&s->dicts[i] == keep || !s->dicts[i].dict)
			continue;
		bytes -= dict_bytes(s->dicts[i].dict);
		dict_free(s->dicts[i].dict);
		s->dicts[i] = (struct store_dict){};
	}
}

int store_read_dict(struct store *s, uint64_t epoch, struct dict **ret)
{
	struct store_dict *slot = NULL;
	uint64_t damaged = 0;
	int r;

	for (int i = 0; i < STORE_DICTS_MAX; i++)
		if (s->dicts[i].dict && s->dicts[i].dict->epoch == epoch)
			slot = &s->dicts[i];
	if (!slot) {
		slot = oldest_slot(s);
		dict_free(slot->dict);
		*slot = (struct store_dict){};
		r = dict_new(epoch, true, &slot->dict);
		if (r < 0)
			return r;
	}
	slot->used = ++s->dict_uses;
	r = store_load_chunks(s, slot->dict, &slot->next_chunk, &damaged);
	if (r < 0)
		return r;
	trim_dicts(s, slot);
	*ret = slot->dict;
	return 0;
}

/* ---- types of blocks ---- */

bool store_is_imported(const struct db_block *b)
{
	const char *dot = strchr(b->type, '.');

	return dot && !strcmp(dot, STORE_IMPORTED);
}

bool store_is_of_type(const struct db_block *b, const char *type)
{
	size_t n = strlen(type);

	return !strncmp(b->type, type, n) && (!b->type[n] || !strcmp(b->type + n, STORE_IMPORTED));
}

/* ---- damage ---- */

bool store_is_bad_block(const struct store *s, uint64_t first)
{
	for (size_t i = 0; i < s->n_bad_blocks; i++)
		if (s->bad_blocks[i] == first)
			return true;
	return false;
}

int store_note_bad_block(struct store *s, uint64_t first)
{
	if (store_is_bad_block(s, first))
		return 0;
	if (s->n_bad_blocks == s->cap_bad_blocks) {
		size_t cap = s->cap_bad_blocks ? 2 * s->cap_bad_blocks : 16;
		uint64_t *more = realloc(s->bad_blocks, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		s->bad_blocks = more;
		s->cap_bad_blocks = cap;
	}
	s->bad_blocks[s->n_bad_blocks++] = first;
	return 0;
}
