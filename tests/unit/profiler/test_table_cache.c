/* Unwind tables on disk: what comes back, whose directory is taken, and what goes first. */
#include "profiler/resolve/table_cache.h"

#include "tests/unit/storage/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define ID_BYTES 20
#define MB	 (1ull << 20)

static const uint8_t an_id[ID_BYTES] = {0xab, 0xcd};

static struct unwind_rule rules[] = {{}, {.kind = UNWIND_KIND_CFA, .base = 7, .ra = UNWIND_AT_CFA}};
static struct unwind_row rows[] = {{0, 1}, {16, 0}, {32, 1}};
static struct unwind_page pages[] = {{3, 0, 3}};

static const struct unwind_table a_table = {
	.rules = rules,
	.n_rules = 2,
	.rows = rows,
	.n_rows = 3,
	.pages = pages,
	.n_pages = 1,
	.source = UNWIND_SOURCE_EH_FRAME,
	.n_fdes = 2,
};

static struct table_cache *open_cache(const struct place *p)
{
	struct table_cache *c = NULL;

	assert_int_equal(table_cache_open(p->dir, &c), 0);
	return c;
}

static int get(struct table_cache *c, uint32_t domain, const uint8_t *id)
{
	struct unwind_table t = {};
	int r = table_cache_get(c, domain, id, ID_BYTES, &t);

	if (r == 0) {
		assert_int_equal(t.n_rows, 3);
		assert_memory_equal(t.rows, rows, sizeof(rows));
		assert_memory_equal(t.rules, rules, sizeof(rules));
		assert_memory_equal(t.pages, pages, sizeof(pages));
	} else {
		assert_null(t.rows);
	}
	unwind_table_done(&t);
	return r;
}

static void file_path(const struct place *p, const char *name, char ret[400])
{
	snprintf(ret, 400, "%s/%s", p->dir, name);
}

/* The only file of the cache. */
static void only_file(const struct place *p, char ret[400])
{
	DIR *d = opendir(p->dir);
	unsigned int n = 0;

	assert_non_null(d);
	for (struct dirent *e = readdir(d); e; e = readdir(d))
		if (e->d_name[0] != '.') {
			file_path(p, e->d_name, ret);
			n++;
		}
	closedir(d);
	assert_int_equal(n, 1);
}

/* A file of that size which takes no room on the disk, used so many seconds after 1970. */
static void lay(const struct place *p, const char *name, uint64_t bytes, time_t used)
{
	struct timespec times[2] = {{.tv_sec = used}, {.tv_sec = used}};
	char path[400];
	int fd;

	file_path(p, name, path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
}

static bool is_there(const struct place *p, const char *name)
{
	char path[400];

	file_path(p, name, path);
	return access(path, F_OK) == 0;
}

static void a_table_comes_back_also_in_the_next_start(void **state)
{
	struct table_cache *c = open_cache(*state);

	assert_int_equal(get(c, 0, an_id), -ENOENT);
	table_cache_put(c, 0, an_id, ID_BYTES, &a_table);
	assert_int_equal(get(c, 0, an_id), 0);
	assert_null(table_cache_close(c));
	c = open_cache(*state);
	assert_int_equal(get(c, 0, an_id), 0);
	table_cache_close(c);
}

static void a_build_id_is_a_claim_within_its_domain(void **state)
{
	struct table_cache *c = open_cache(*state);

	table_cache_put(c, 1000, an_id, ID_BYTES, &a_table);
	assert_int_equal(get(c, 0, an_id), -ENOENT);
	assert_int_equal(get(c, 1001, an_id), -ENOENT);
	assert_int_equal(get(c, 1000, an_id), 0);
	table_cache_close(c);
}

static void what_names_nothing_is_not_kept(void **state)
{
	struct table_cache *c = open_cache(*state);
	struct unwind_table t = {};
	uint8_t long_id[65] = {1};

	table_cache_put(c, 0, an_id, 7, &a_table);
	table_cache_put(c, 0, long_id, sizeof(long_id), &a_table);
	assert_int_equal(table_cache_get(c, 0, an_id, 7, &t), -ENOENT);
	assert_int_equal(table_cache_get(c, 0, long_id, sizeof(long_id), &t), -ENOENT);
	assert_int_equal(table_cache_get(c, 0, NULL, 0, &t), -ENOENT);
	/* Without a directory there is no cache, and nobody minds. */
	table_cache_put(NULL, 0, an_id, ID_BYTES, &a_table);
	assert_int_equal(get(NULL, 0, an_id), -ENOENT);
	table_cache_close(c);
}

static void a_directory_that_others_write_is_refused(void **state)
{
	struct place *p = *state;
	struct table_cache *c = NULL;
	char link[400];

	assert_int_equal(chmod(p->dir, 0770), 0);
	assert_int_equal(table_cache_open(p->dir, &c), -EPERM);
	assert_int_equal(chmod(p->dir, 0702), 0);
	assert_int_equal(table_cache_open(p->dir, &c), -EPERM);
	assert_int_equal(chmod(p->dir, 0755), 0);
	snprintf(link, sizeof(link), "%s-link", p->dir);
	assert_int_equal(symlink(p->dir, link), 0);
	assert_int_equal(table_cache_open(link, &c), -ENOTDIR);
	unlink(link);
	assert_int_equal(table_cache_open(p->dir, &c), 0);
	table_cache_close(c);
}

/* By somebody who may not write there: root's own, or as root somebody else's. */
static void a_directory_of_somebody_else_is_refused(void **state)
{
	struct place *p = *state;
	struct table_cache *c = NULL;
	const char *dir = "/";

	if (geteuid() == 0) {
		assert_int_equal(chown(p->dir, 12345, 12345), 0);
		dir = p->dir;
	}
	assert_int_equal(table_cache_open(dir, &c), -EPERM);
	assert_null(c);
}

static void a_missing_directory_is_made_for_its_owner_alone(void **state)
{
	struct place *p = *state;
	struct table_cache *c = NULL;
	char path[400];
	struct stat st;

	file_path(p, "made", path);
	assert_int_equal(table_cache_open(path, &c), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	table_cache_close(c);
	rmdir(path);
	file_path(p, "no/such", path);
	assert_int_equal(table_cache_open(path, &c), -ENOENT);
}

static void a_cut_or_changed_file_is_a_miss_and_goes(void **state)
{
	struct place *p = *state;
	struct table_cache *c = open_cache(p);
	char path[400];
	struct stat st;
	off_t whole;

	table_cache_put(c, 0, an_id, ID_BYTES, &a_table);
	only_file(p, path);
	assert_int_equal(stat(path, &st), 0);
	whole = st.st_size;
	for (off_t at = 0; at < 2 * whole; at++) {
		uint8_t byte = 0;
		int fd = open(path, O_RDWR | O_CLOEXEC);

		assert_true(fd >= 0);
		if (at < whole) {
			assert_int_equal(pread(fd, &byte, 1, at), 1);
			byte ^= 0x10;
			assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		} else {
			assert_int_equal(ftruncate(fd, at - whole), 0);
		}
		close(fd);
		assert_int_equal(get(c, 0, an_id), -ENOENT);
		if (at != whole) /* of an empty file nothing is read */
			assert_int_equal(access(path, F_OK), -1);
		table_cache_put(c, 0, an_id, ID_BYTES, &a_table);
		assert_int_equal(get(c, 0, an_id), 0);
	}
	table_cache_close(c);
}

static void what_is_no_regular_file_is_a_miss(void **state)
{
	struct place *p = *state;
	struct table_cache *c = open_cache(p);
	char path[400], elsewhere[400];

	table_cache_put(c, 0, an_id, ID_BYTES, &a_table);
	only_file(p, path);
	file_path(p, "elsewhere", elsewhere);
	assert_int_equal(rename(path, elsewhere), 0);
	assert_int_equal(symlink(elsewhere, path), 0);
	assert_int_equal(get(c, 0, an_id), -ENOENT);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(get(c, 0, an_id), -ENOENT);
	table_cache_close(c);
}

static void a_file_larger_than_any_table_is_not_read(void **state)
{
	struct place *p = *state;
	struct table_cache *c = open_cache(p);
	char path[400];

	table_cache_put(c, 0, an_id, ID_BYTES, &a_table);
	only_file(p, path);
	assert_int_equal(truncate(path, TABLE_CACHE_TABLE_MAX + 1), 0);
	assert_int_equal(get(c, 0, an_id), -ENOENT);
	table_cache_close(c);
}

static void the_files_not_used_for_longest_go_first(void **state)
{
	struct place *p = *state;

	lay(p, "0-aa", 60 * MB, 300);
	lay(p, "0-bb", 60 * MB, 100);
	lay(p, "0-cc", 40 * MB, 200);
	lay(p, "kept", 500 * MB, 1); /* not one of ours */
	table_cache_close(open_cache(p));
	assert_false(is_there(p, "0-bb"));
	assert_true(is_there(p, "0-aa"));
	assert_true(is_there(p, "0-cc"));
	assert_true(is_there(p, "kept"));
}

static void a_table_that_is_read_counts_as_used(void **state)
{
	struct place *p = *state;
	struct table_cache *c = open_cache(p);
	struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
	char path[400];

	table_cache_put(c, 0, an_id, ID_BYTES, &a_table);
	only_file(p, path);
	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
	assert_int_equal(get(c, 0, an_id), 0);
	table_cache_close(c);
	lay(p, "0-bb", 70 * MB, 100);
	lay(p, "0-cc", 70 * MB, 200);
	c = open_cache(p);
	assert_int_equal(get(c, 0, an_id), 0);
	assert_false(is_there(p, "0-bb"));
	table_cache_close(c);
}

static void others_than_root_have_a_quarter_together(void **state)
{
	struct place *p = *state;

	lay(p, "3e8-aa", 20 * MB, 400);
	lay(p, "3e9-bb", 20 * MB, 500);
	lay(p, "0-cc", 60 * MB, 100);
	table_cache_close(open_cache(p));
	assert_true(is_there(p, "0-cc"));
	assert_false(is_there(p, "3e8-aa"));
	assert_true(is_there(p, "3e9-bb"));
}

static void the_number_of_files_has_a_maximum(void **state)
{
	struct place *p = *state;
	unsigned int left = 0;
	char name[32];

	for (unsigned int i = 0; i < TABLE_CACHE_FILES_MAX + 10; i++) {
		snprintf(name, sizeof(name), "0-%08x", i);
		lay(p, name, 1, 1000 + (time_t)i);
	}
	table_cache_close(open_cache(p));
	for (unsigned int i = 0; i < TABLE_CACHE_FILES_MAX + 10; i++) {
		snprintf(name, sizeof(name), "0-%08x", i);
		left += is_there(p, name);
	}
	assert_in_range(left, 1, TABLE_CACHE_FILES_MAX - 1);
	assert_true(is_there(p, name));
	assert_false(is_there(p, "0-00000000"));
}

static void writing_past_the_maximum_makes_room(void **state)
{
	struct unwind_table large = {.n_rows = 5u << 20};
	struct place *p = *state;
	struct table_cache *c;

	lay(p, "0-aa", 60 * MB, 100);
	lay(p, "0-bb", 52 * MB - 1, 200); /* together just what is left alone */
	c = open_cache(p);
	assert_true(is_there(p, "0-aa"));
	large.rows = calloc(large.n_rows, sizeof(*large.rows));
	assert_non_null(large.rows);
	table_cache_put(c, 0, an_id, ID_BYTES, &large);
	assert_false(is_there(p, "0-aa"));
	assert_true(is_there(p, "0-bb"));
	free(large.rows);
	table_cache_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST(a_table_comes_back_also_in_the_next_start),
		PLACE_TEST(a_build_id_is_a_claim_within_its_domain),
		PLACE_TEST(what_names_nothing_is_not_kept),
		PLACE_TEST(a_directory_that_others_write_is_refused),
		PLACE_TEST(a_directory_of_somebody_else_is_refused),
		PLACE_TEST(a_missing_directory_is_made_for_its_owner_alone),
		PLACE_TEST(a_cut_or_changed_file_is_a_miss_and_goes),
		PLACE_TEST(what_is_no_regular_file_is_a_miss),
		PLACE_TEST(a_file_larger_than_any_table_is_not_read),
		PLACE_TEST(the_files_not_used_for_longest_go_first),
		PLACE_TEST(a_table_that_is_read_counts_as_used),
		PLACE_TEST(others_than_root_have_a_quarter_together),
		PLACE_TEST(the_number_of_files_has_a_maximum),
		PLACE_TEST(writing_past_the_maximum_makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
