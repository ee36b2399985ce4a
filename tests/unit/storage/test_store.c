/*
 * The store end to end: what is flushed is answered, by readers and writers, now and after a
 * reopening.
 */
#include "storage/store.h"
#include "tests/unit/storage/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define MS 1000000ull
#define T0 (1700000000000ull * MS)

static struct profile *live_new(void)
{
	struct profile *p;

	assert_int_equal(profile_new(false, &p), 0);
	p->period_ns = 10101010;
	return p;
}

static uint32_t string(struct profile *p, const char *s)
{
	return (uint32_t)profile_string(p, s);
}

/* comm hits the functions of a path "a;b;c" at time_ms after T0. */
static void hit(struct profile *p, uint64_t time_ms, uint64_t pid, const char *comm,
		const char *path)
{
	struct profile_object o = {.kind = PROFILE_OBJECT_FILE,
				   .path = string(p, "/bin/prog"),
				   .build_id = string(p, "abcd")};
	struct profile_labels l = {.has = 1u << PROFILE_LABEL_PID | 1u << PROFILE_LABEL_COMM};
	uint32_t object = (uint32_t)profile_object(p, &o), stack = 0;

	for (; *path; path += *path == ';') {
		size_t len = strcspn(path, ";");
		uint64_t offset = 0;

		for (size_t i = 0; i < len; i++)
			offset = offset * 256 + (uint8_t)path[i];
		stack = (uint32_t)profile_stack(p, stack,
						(uint32_t)profile_location(p, object, offset));
		path += len;
	}
	l.value[PROFILE_LABEL_PID] = pid;
	l.value[PROFILE_LABEL_COMM] = string(p, comm);
	assert_int_equal(
		profile_add_sample(p, T0 + time_ms * MS, stack, (uint32_t)profile_labels(p, &l), 1),
		0);
}

static void flush(struct store_feed *f)
{
	struct err err = {};

	if (store_feed_flush(f, "{\"taken\":1}", false, &err) < 0)
		fail_msg("%s", err_text(&err));
}

static struct profile *ask(struct store *s, uint64_t from_ms, uint64_t until_ms, const char *match,
			   bool keep)
{
	struct store_query q = {
		.from_ns = T0 + from_ms * MS, .until_ns = T0 + until_ms * MS, .match = match};
	struct profile *p = NULL;
	struct err err = {};

	if (store_query_profile(s, &q, NULL, keep, &p, &err) < 0)
		fail_msg("%s", err_text(&err));
	return p;
}

static uint64_t count(struct store *s, uint64_t from_ms, uint64_t until_ms, const char *match)
{
	struct profile *p = ask(s, from_ms, until_ms, match, false);
	uint64_t n = profile_sample_count(p);

	profile_free(p);
	return n;
}

static void what_was_flushed_is_answered(void **state)
{
	struct place *at = (struct place *)*state;
	struct store *s = place_writer(at, NULL), *r;
	struct profile *live = live_new(), *got;
	struct store_feed *f;
	char scratch[24];
	uint32_t locations[4];

	assert_int_equal(store_feed_new(s, live, &f), 0);
	hit(live, 5, 10, "redis", "a;b;c");
	hit(live, 15, 10, "redis", "a;b;c");
	hit(live, 25, 11, "nginx", "a;d");
	profile_add_loss(live, "ring_full", 3);
	flush(f);
	assert_int_equal(live->n_samples, 0);
	assert_int_equal(live->n_losses, 0);

	r = place_reader(at);
	assert_int_equal(count(r, 0, 1000, NULL), 3);
	assert_int_equal(count(r, 5, 25, NULL), 2); /* [from, until) */
	assert_int_equal(count(r, 6, 1000, NULL), 2);
	assert_int_equal(count(r, 0, 1000, "{comm=\"nginx\"}"), 1);
	assert_int_equal(count(s, 0, 1000, "{pid=\"10\"}"), 2); /* the writer answers too */

	got = ask(r, 0, 1000, "{comm=\"redis\"}", true);
	assert_int_equal(got->n_samples, 2);
	assert_int_equal(got->samples[0].time_ns, T0 + 5 * MS);
	assert_int_equal(got->samples[1].time_ns, T0 + 15 * MS);
	assert_int_equal(profile_stack_locations(got, got->samples[0].stack, locations, 4), 3);
	assert_int_equal(got->locations[locations[0]].offset, 'c');
	assert_int_equal(got->locations[locations[2]].offset, 'a');
	assert_string_equal(profile_label_text(got, got->samples[0].labels, "comm", scratch),
			    "redis");
	assert_string_equal(profile_str(got, got->objects[0].build_id), "abcd");
	assert_int_equal(got->period_ns, 10101010);
	assert_int_equal(got->n_losses, 1);
	assert_string_equal(profile_str(got, got->losses[0].reason), "ring_full");
	assert_int_equal(got->losses[0].count, 3);
	profile_free(got);

	/* A reader sees what comes later. */
	hit(live, 35, 12, "late", "x;y;z");
	flush(f);
	assert_int_equal(count(r, 0, 1000, NULL), 4);
	assert_int_equal(count(r, 0, 1000, "{comm=\"late\"}"), 1);
	store_close(r);
	store_feed_free(f);
	store_close(s);
	profile_free(live);
}

static void a_store_goes_on_where_it_ended(void **state)
{
	struct place *at = (struct place *)*state;
	struct store_summary sum;

	for (uint64_t run = 0; run < 3; run++) {
		struct store *s = place_writer(at, NULL);
		struct profile *live = live_new();
		struct store_feed *f;

		assert_int_equal(store_feed_new(s, live, &f), 0);
		for (uint64_t i = 0; i < 5; i++) {
			hit(live, 100 * run + i, 10, "redis", "a;b;c");
			hit(live, 100 * run + i, 10 + run, "nginx", "a;b;e");
			flush(f);
		}
		store_feed_free(f);
		assert_int_equal(count(s, 0, 10000, NULL), 10 * (run + 1));
		store_close(s);
		profile_free(live);
	}
	struct store *r = place_reader(at);
	struct profile *p = ask(r, 0, 10000, NULL, false);

	assert_int_equal(p->n_samples, 4); /* nginx has three pids */
	profile_free(p);
	assert_int_equal(store_summary(r, &sum, NULL), 0);
	assert_int_equal(sum.samples, 30);
	assert_int_equal(sum.from_ns, T0);
	assert_int_equal(sum.until_ns, T0 + 205 * MS);
	assert_true(sum.clean);
	assert_int_equal(sum.damaged_blocks + sum.damaged_rows + sum.missing_blocks, 0);
	assert_string_equal(sum.counters_json, "{\"taken\":1}");
	assert_int_equal(sum.locations, 4);
	store_summary_done(&sum);
	store_close(r);
}

/* ---- names ---- */

static uint32_t leaf_of(const struct profile *p, uint32_t sample)
{
	return p->stacks[p->samples[sample].stack].location;
}

static void name(struct profile *p, uint32_t location, const char *text)
{
	struct profile_function f = {.name = string(p, text),
				     .system_name = string(p, text),
				     .file = string(p, "file.c"),
				     .start_line = 3};
	struct profile_line line = {.line = 7};

	line.function = (uint32_t)profile_function(p, &f);
	assert_int_equal(profile_set_lines(p, location, &line, 1), 0);
}

static const char *leaf_name(struct store *s, const char *comm, char *scratch)
{
	static char text[PROFILE_SCRATCH_BYTES];
	char match[64];
	struct profile *p;

	snprintf(match, sizeof(match), "{comm=\"%s\"}", comm);
	p = ask(s, 0, 100000, match, false);
	assert_true(p->n_samples > 0);
	snprintf(text, sizeof(text), "%s",
		 profile_location_frame(p, leaf_of(p, 0), 0, scratch).function);
	profile_free(p);
	return text;
}

static void names_are_stored_once_and_given_back(void **state)
{
	struct place *at = (struct place *)*state;
	char scratch[PROFILE_SCRATCH_BYTES];
	struct profile *live = live_new();
	struct store_summary sum;
	struct store_feed *f;
	struct store *s = place_writer(at, NULL);
	uint32_t a, b, c;

	assert_int_equal(store_feed_new(s, live, &f), 0);
	hit(live, 1, 1, "one", "a");
	hit(live, 2, 1, "two", "b");
	hit(live, 3, 1, "three", "c");
	a = leaf_of(live, 0);
	b = leaf_of(live, 1);
	c = leaf_of(live, 2);
	flush(f);
	assert_string_equal(leaf_name(s, "one", scratch), "prog+0x61");
	/* What live learns later reaches what was stored before. */
	name(live, a, "alpha");
	profile_set_lines(live, b, NULL, 0);
	flush(f);
	assert_string_equal(leaf_name(s, "one", scratch), "alpha");
	name(live, a, "alpha2");
	flush(f);
	assert_string_equal(leaf_name(s, "one", scratch), "alpha2");
	assert_int_equal(store_summary(s, &sum, NULL), 0);
	assert_int_equal(sum.named, 1);
	assert_int_equal(sum.nameless, 1);
	store_summary_done(&sum);
	assert_int_equal(live->locations[c].naming, PROFILE_UNNAMED);
	store_feed_free(f);
	profile_free(live);
	store_close(s);

	/*
	 * Another run, another live profile: names come from the store; what had none may have one
	 * now, and is to be asked for.
	 */
	s = place_writer(at, NULL);
	live = live_new();
	assert_int_equal(store_feed_new(s, live, &f), 0);
	hit(live, 11, 1, "three", "c");
	hit(live, 12, 1, "two", "b");
	hit(live, 13, 1, "one", "a");
	c = leaf_of(live, 0);
	b = leaf_of(live, 1);
	a = leaf_of(live, 2);
	flush(f);
	assert_int_equal(live->locations[a].naming, PROFILE_NAMED);
	assert_string_equal(profile_location_frame(live, a, 0, scratch).function, "alpha2");
	assert_string_equal(profile_location_frame(live, a, 0, scratch).file, "file.c");
	assert_int_equal(live->locations[b].naming, PROFILE_UNNAMED);
	assert_int_equal(live->locations[c].naming, PROFILE_UNNAMED);
	/* With an answer this time. */
	name(live, b, "beta");
	flush(f);
	assert_string_equal(leaf_name(s, "two", scratch), "beta");
	store_feed_free(f);
	profile_free(live);
	store_close(s);
}

static void two_feeds_share_the_dictionary(void **state)
{
	struct place *at = (struct place *)*state;
	struct store *s = place_writer(at, NULL);
	struct store_summary sum;

	/* A live profile that grew too large is replaced. */
	for (uint64_t i = 0; i < 3; i++) {
		struct profile *live = live_new();
		struct store_feed *f;

		assert_int_equal(store_feed_new(s, live, &f), 0);
		if (i == 1)
			hit(live, 10 * i, 1, "other",
			    "x;y"); /* so that its ids are not those of before */
		hit(live, 10 * i + 1, 1, "one", "a;b;c");
		flush(f);
		store_feed_free(f);
		profile_free(live);
	}
	assert_int_equal(count(s, 0, 1000, "{comm=\"one\"}"), 3);
	assert_int_equal(store_summary(s, &sum, NULL), 0);
	assert_int_equal(sum.locations, 5);
	store_summary_done(&sum);
	store_close(s);
}

/* ---- who may ---- */

static void one_writer_at_a_time(void **state)
{
	struct place *at = (struct place *)*state;
	struct store *s = place_writer(at, NULL), *second = NULL;
	struct err err = {};
	char text[128];

	assert_int_equal(store_lock_note(s, "pid=12 address=http://127.0.0.1:7979/"), 0);
	assert_int_equal(store_open_writer(at->path, NULL, &second, &err), -EBUSY);
	assert_non_null(strstr(err.text, "pid=12"));
	assert_null(second);
	/*
	 * Readers come and go, and so do other descriptors of the same files, in this very
	 * process.
	 */
	store_close(place_reader(at));
	close(open(at->path, O_RDONLY));
	assert_int_equal(store_lock_read(at->path, text, sizeof(text)), 0);
	assert_string_equal(text, "pid=12 address=http://127.0.0.1:7979/");
	assert_int_equal(store_lock_note(s, "short"), 0);
	assert_int_equal(store_lock_read(at->path, text, sizeof(text)), 0);
	assert_string_equal(text, "short");
	assert_int_equal(store_open_writer(at->path, NULL, &second, &err), -EBUSY);
	store_close(s);
	assert_int_equal(store_lock_read(at->path, text, sizeof(text)), -ENOENT);
	store_close(place_writer(at, NULL));
}

static void files_have_their_modes(void **state)
{
	static const char *const names[] = {"", "-wal", "-shm", ".lock"};
	struct place *at = (struct place *)*state;
	char path[200];
	struct place deep = *at;
	struct store *s;
	struct stat st;

	umask(0);
	snprintf(deep.path, sizeof(deep.path), "%s/sub/hearth.db", at->dir);
	s = place_writer(&deep, NULL);
	snprintf(path, sizeof(path), "%s/sub", at->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s%s", deep.path, names[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0640);
	}
	store_close(s);
	/* They stay, so that a reader without rights to make them can open the store. */
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s%s", deep.path, names[i]);
		assert_int_equal(unlink(path), 0);
	}
	snprintf(path, sizeof(path), "%s/sub", at->dir);
	rmdir(path);
}

static void a_directory_that_others_can_write_is_refused(void **state)
{
	static const mode_t modes[] = {0777, 01777, 0770, 0702};
	struct place *at = (struct place *)*state;
	struct store *s = NULL;
	struct err err = {};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod(at->dir, modes[i]), 0);
		assert_int_equal(store_open_writer(at->path, NULL, &s, &err), -EACCES);
		assert_non_null(strstr(err.text, "others can write"));
		assert_int_equal(access(at->path, F_OK), -1);
	}
	assert_int_equal(chmod(at->dir, 0750), 0);
	assert_int_equal(symlink("/etc/passwd", at->path), 0);
	assert_int_equal(store_open_writer(at->path, NULL, &s, &err), -EPERM);
}

static void what_is_not_a_store_is_said(void **state)
{
	struct place *at = (struct place *)*state;
	struct store *s = NULL;
	struct err err = {};
	FILE *f;

	assert_int_equal(store_open_reader(at->path, &s, &err), -ENOENT);
	f = fopen(at->path, "w");
	for (int i = 0; i < 1000; i++)
		fputs("this is no database\n", f);
	fclose(f);
	assert_int_equal(store_open_reader(at->path, &s, &err), -EBADMSG);
	assert_int_equal(store_open_writer(at->path, NULL, &s, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "not a store"));
	assert_null(s);
}

static void a_newer_version_is_left_alone(void **state)
{
	struct place *at = (struct place *)*state;
	struct store *s = place_writer(at, NULL);
	struct err err = {};
	uint8_t version[4] = {0, 0, 0, 99};
	char wal[128];
	int fd;

	store_close(s);
	snprintf(wal, sizeof(wal), "%s-wal", at->path);
	unlink(wal);
	/* user_version, at byte 60 of an SQLite file. */
	fd = open(at->path, O_WRONLY);
	assert_int_equal(pwrite(fd, version, 4, 60), 4);
	close(fd);
	assert_int_equal(store_open_reader(at->path, &s, &err), -EPROTO);
	assert_int_equal(store_open_writer(at->path, NULL, &s, &err), -EPROTO);
	assert_non_null(strstr(err.text, "99"));
}

static void an_open_reader_needs_no_path(void **state)
{
	struct place *at = (struct place *)*state;
	struct store *s = place_writer(at, NULL), *r;
	struct profile *live = live_new();
	char away[128];
	struct store_feed *f;

	assert_int_equal(store_feed_new(s, live, &f), 0);
	hit(live, 1, 1, "one", "a");
	flush(f);
	r = place_reader(at);
	/* As after a change of uid: nothing of the name can be opened any more. */
	snprintf(away, sizeof(away), "%s.away", at->dir);
	assert_int_equal(rename(at->dir, away), 0);
	assert_int_equal(count(r, 0, 1000, NULL), 1);
	for (uint64_t i = 0; i < 2000; i++) { /* past a checkpoint */
		hit(live, 2 + i, i, "one", "a;b");
		flush(f);
	}
	assert_int_equal(count(r, 0, 10000, NULL), 2001);
	store_feed_free(f);
	store_close(s);
	assert_int_equal(count(r, 0, 10000, NULL), 2001);
	store_close(r);
	assert_int_equal(rename(away, at->dir), 0);
	profile_free(live);
}

/* ---- limits of questions ---- */

static void questions_end_when_they_are_told_to(void **state)
{
	struct place *at = (struct place *)*state;
	struct store *s = place_writer(at, NULL);
	struct profile *live = live_new(), *p = NULL;
	atomic_bool cancel = true;
	struct store_query q = {.until_ns = UINT64_MAX};
	struct store_series series;
	struct store_heatmap map;
	struct err err = {};
	struct store_feed *f;

	assert_int_equal(store_feed_new(s, live, &f), 0);
	hit(live, 1, 1, "one", "a");
	flush(f);
	q.deadline_ns = 1;
	assert_int_equal(store_query_profile(s, &q, NULL, false, &p, &err), -ETIMEDOUT);
	assert_non_null(strstr(err.text, "time limit"));
	q.deadline_ns = 0;
	q.cancel = &cancel;
	assert_int_equal(store_query_profile(s, &q, NULL, false, &p, &err), -ECANCELED);
	cancel = false;
	assert_int_equal(store_query_profile(s, &q, NULL, false, &p, &err), 0);
	p = profile_free(p);
	q.match = "{comm=";
	assert_int_equal(store_query_profile(s, &q, NULL, false, &p, &err), -EINVAL);
	q.match = NULL;
	q.type = "off-cpu";
	assert_int_equal(store_query_profile(s, &q, NULL, false, &p, &err), 0);
	assert_int_equal(p->n_samples, 0);
	p = profile_free(p);
	q.type = NULL;
	q.from_ns = 5;
	q.until_ns = 4;
	assert_int_equal(store_query_profile(s, &q, NULL, false, &p, &err), -EINVAL);
	assert_null(p);
	q.from_ns = T0;
	q.until_ns = T0 + 100000ull * 1000 * MS;
	assert_int_equal(store_query_heatmap(s, &q, &map, &err), -E2BIG);
	assert_int_equal(store_query_series(s, &q, 1000 * MS, NULL, &series, &err), -E2BIG);
	assert_int_equal(store_query_series(s, &q, 0, NULL, &series, &err), 0);
	assert_true(series.n_steps >= 100 && series.n_steps <= 301);
	store_series_done(&series);
	store_feed_free(f);
	profile_free(live);
	store_close(s);
}

static void series_keep_the_largest_lines_and_sum_the_rest(void **state)
{
	struct place *at = (struct place *)*state;
	struct store *s = place_writer(at, NULL);
	struct profile *live = live_new();
	struct store_query q = {.from_ns = T0, .until_ns = T0 + 1000 * MS};
	struct store_series series;
	struct store_feed *f;

	assert_int_equal(store_feed_new(s, live, &f), 0);
	for (uint64_t pid = 1; pid <= STORE_SERIES_LINES_MAX + 20; pid++)
		for (uint64_t i = 0; i < pid; i++)
			hit(live, i, pid, "x", "a");
	flush(f);
	assert_int_equal(store_query_series(s, &q, 0, "pid", &series, NULL), 0);
	assert_int_equal(series.n_lines, STORE_SERIES_LINES_MAX);
	assert_string_equal(series.lines[0].label, "120");
	assert_int_equal(series.lines[0].total, 120);
	assert_int_equal(series.more_lines, 20);
	assert_int_equal(series.more_count, 20 * 21 / 2);
	assert_int_equal(series.period_ns, 10101010);
	store_series_done(&series);
	store_feed_free(f);
	profile_free(live);
	store_close(s);
}

static void closing_flushes_what_feeds_still_hold(void **state)
{
	struct place *at = (struct place *)*state;
	struct store *s = place_writer(at, NULL);
	struct profile *live = live_new();
	struct store_feed *f;

	assert_int_equal(store_feed_new(s, live, &f), 0);
	hit(live, 1, 1, "one", "a");
	store_close(s);
	assert_int_equal(live->n_samples, 0);
	assert_int_equal(store_feed_flush(f, "{}", false, NULL), -EINVAL);
	store_feed_free(f);
	profile_free(live);
	s = place_reader(at);
	assert_int_equal(count(s, 0, 1000, NULL), 1);
	store_close(s);
}

static void an_empty_store_answers_with_nothing(void **state)
{
	struct place *at = (struct place *)*state;
	struct store *s = place_writer(at, NULL);
	struct store_query q = {.until_ns = UINT64_MAX};
	struct store_series series;
	struct store_summary sum;
	struct store_values v;

	assert_int_equal(count(s, 0, 1000, NULL), 0);
	assert_int_equal(store_query_labels(s, &q, &v, NULL), 0);
	assert_int_equal(v.n, 0);
	store_values_done(&v);
	assert_int_equal(store_query_series(s, &q, 0, "comm", &series, NULL), 0);
	assert_int_equal(series.n_lines, 0);
	store_series_done(&series);
	assert_int_equal(store_age(s, T0, NULL), 0);
	assert_int_equal(store_summary(s, &sum, NULL), 0);
	assert_int_equal(sum.samples + sum.blocks + sum.from_ns + sum.until_ns, 0);
	assert_int_equal(sum.damaged_blocks + sum.damaged_rows + sum.missing_blocks, 0);
	assert_true(sum.clean);
	assert_true(sum.bytes > 0);
	store_summary_done(&sum);
	store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST(what_was_flushed_is_answered),
		PLACE_TEST(a_store_goes_on_where_it_ended),
		PLACE_TEST(names_are_stored_once_and_given_back),
		PLACE_TEST(two_feeds_share_the_dictionary),
		PLACE_TEST(one_writer_at_a_time),
		PLACE_TEST(files_have_their_modes),
		PLACE_TEST(a_directory_that_others_can_write_is_refused),
		PLACE_TEST(what_is_not_a_store_is_said),
		PLACE_TEST(a_newer_version_is_left_alone),
		PLACE_TEST(an_open_reader_needs_no_path),
		PLACE_TEST(questions_end_when_they_are_told_to),
		PLACE_TEST(series_keep_the_largest_lines_and_sum_the_rest),
		PLACE_TEST(closing_flushes_what_feeds_still_hold),
		PLACE_TEST(an_empty_store_answers_with_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
