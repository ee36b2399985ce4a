/*
 * A full disk, a real one: a small tmpfs in a mount namespace of its own. Flushes fail with a
 * sentence, nothing is half written, questions go on, and when there is room again everything
 * that was waiting is stored.
 */
#include "tests/unit/storage/oracle.h"
#include "tests/unit/storage/place.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define SKIPPED 77

static void fill_disk(const char *path, size_t leave)
{
	static char zeros[4096];
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	off_t len = 0;
	ssize_t n;

	assert_true(fd >= 0);
	while ((n = write(fd, zeros, sizeof(zeros))) > 0)
		len += n;
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(ftruncate(fd, len > (off_t)leave ? len - (off_t)leave : 0), 0);
	close(fd);
}

static void a_full_disk_stops_writing_and_nothing_else(void **state)
{
	struct place *at = (struct place *)*state;
	struct oracle o = {.random = 5};
	struct store_feed *f;
	struct profile *live;
	struct store *s, *reader;
	uint64_t now = ORACLE_T0_MS, stored = 0;
	unsigned int failures = 0;
	char ballast[128];

	snprintf(ballast, sizeof(ballast), "%s/ballast", at->dir);
	s = place_writer(at, NULL);
	reader = place_reader(at);
	assert_int_equal(profile_new(false, &live), 0);
	live->period_ns = 10101010;
	assert_int_equal(store_feed_new(s, live, &f), 0);
	for (int cycle = 0; cycle < 4; cycle++) {
		/*
		 * Different room each time, so that the disk fills at different places of a
		 * commit.
		 */
		fill_disk(ballast, (size_t)cycle * 20000 + 5000);
		for (int i = 0; i < 60; i++, now += 1000) {
			struct err err = {};
			int r;

			oracle_add_some(&o, live, 40, now, now + 1000, 2000, 30);
			r = store_feed_flush(f, "{}", i % 10 == 0, &err);
			if (r == 0) {
				stored = o.n;
				continue;
			}
			failures++;
			if (r != -ENOSPC)
				fail_msg("%d %s", r, err.text);
			assert_true(strstr(err.text, "full") != NULL);
			if (i % 20 == 0) {
				struct oracle before = o;

				before.n = stored;
				oracle_check_store(&before, reader, ORACLE_T0_MS, now + 2000, NULL);
			}
			r = store_age(s, now * ORACLE_MS, &err);
			if (r < 0 && r != -ENOSPC)
				fail_msg("%d %s", r, err.text);
		}
		assert_int_equal(unlink(ballast), 0);
		assert_int_equal(store_feed_flush(f, "{}", true, NULL), 0);
		stored = o.n;
		oracle_check_store(&o, reader, ORACLE_T0_MS, now + 2000, NULL);
	}
	assert_true(failures > 20);
	store_feed_free(f);
	store_close(s);
	oracle_check_store(&o, reader, ORACLE_T0_MS, now + 2000, NULL);
	store_close(reader);
	profile_free(live);
	oracle_done(&o);
}

/* A directory that is a disk of 1 MB; in our own mount namespace, so it goes with us. */
static int make_small_disk(void **state)
{
	struct place *p;

	if (place_make(state) < 0)
		return -1;
	p = (struct place *)*state;
	return mount("tmpfs", p->dir, "tmpfs", 0, "size=1m,mode=0755");
}

static int remove_small_disk(void **state)
{
	struct place *p = (struct place *)*state;

	umount2(p->dir, MNT_DETACH);
	return place_remove(state);
}

static int map_id(const char *path, unsigned int id)
{
	FILE *f = fopen(path, "w");

	if (!f)
		return -1;
	fprintf(f, "0 %u 1", id);
	return fclose(f);
}

static int enter_namespace(void)
{
	unsigned int uid = getuid();

	if (uid == 0)
		return unshare(CLONE_NEWNS);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return -1;
	return map_id("/proc/self/uid_map", uid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_full_disk_stops_writing_and_nothing_else,
						make_small_disk, remove_small_disk),
	};

	if (enter_namespace() < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
		fprintf(stderr, "skipped: no mount namespace to make a small disk in: %s\n",
			strerror(errno));
		return SKIPPED;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
