/* Files on disk: what comes back, what goes first. Whose directory is taken: test_table_cache. */
#include "profiler/resolve/file_cache.h"

#include "tests/unit/storage/place.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define ID_BYTES 8
#define KB	 1000
#define OWN	 (geteuid() ? geteuid() + 1 : 0)
#define OTHERS	 77777

static const struct file_cache_limits limits = {80 * KB, 100};

static struct file_cache *open_cache(void **state)
{
	const struct place *p = *state;
	struct file_cache *c = NULL;

	assert_int_equal(file_cache_open(p->dir, &limits, &c), 0);
	return c;
}

static void id_of(uint8_t number, uint8_t ret[ID_BYTES])
{
	memset(ret, number, ID_BYTES);
}

/* A file of that size, used so many seconds after 1970. */
static void keep(struct file_cache *c, uint32_t domain, uint8_t number, uint64_t bytes, time_t used)
{
	struct timespec times[2] = {{.tv_sec = used}, {.tv_sec = used}};
	uint8_t id[ID_BYTES];
	int fd = file_cache_begin(c);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
	assert_int_equal(futimens(fd, times), 0);
	id_of(number, id);
	assert_int_equal(file_cache_keep(c, fd, domain, id, ID_BYTES), 0);
	close(fd);
}

/* Its bytes, -1: it is not there. */
static long long there(const struct file_cache *c, uint32_t domain, uint8_t number)
{
	uint8_t id[ID_BYTES];
	struct stat st;
	int fd;

	id_of(number, id);
	fd = file_cache_find(c, domain, id, ID_BYTES);
	if (fd < 0)
		return -1;
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(write(fd, id, 1), -1); /* for reading */
	close(fd);
	return st.st_size;
}

static void what_is_kept_is_found_in_its_domain_until_it_is_dropped(void **state)
{
	struct file_cache *c = open_cache(state);
	uint8_t id[ID_BYTES];

	keep(c, OTHERS, 1, 5, 1);
	assert_int_equal(there(c, OTHERS, 1), 5);
	assert_int_equal(there(c, OTHERS + 1, 1), -1);
	assert_int_equal(there(c, OTHERS, 2), -1);
	keep(c, OTHERS, 1, 7, 1);
	assert_int_equal(there(c, OTHERS, 1), 7);
	id_of(1, id);
	file_cache_drop(c, OTHERS, id, ID_BYTES);
	assert_int_equal(there(c, OTHERS, 1), -1);
	file_cache_close(c);
}

static void what_was_begun_and_not_kept_leaves_nothing(void **state)
{
	struct place *p = *state;
	struct file_cache *c = open_cache(state);
	int fd = file_cache_begin(c);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 1000), 0);
	close(fd);
	assert_int_equal(rmdir(p->dir), 0);
	assert_int_equal(mkdir(p->dir, 0700), 0);
	file_cache_close(c);
}

static void the_file_that_was_not_used_for_longest_goes_first(void **state)
{
	struct file_cache *c = open_cache(state);

	keep(c, OWN, 1, 30 * KB, 100);
	keep(c, OWN, 2, 30 * KB, 50);
	assert_int_equal(file_cache_bytes(c), 60 * KB);
	keep(c, OWN, 3, 30 * KB, 200);
	assert_int_equal(there(c, OWN, 2), -1);
	assert_int_equal(there(c, OWN, 1), 30 * KB);
	assert_int_equal(there(c, OWN, 3), 30 * KB);
	assert_int_equal(file_cache_bytes(c), 60 * KB);
	/* Found was used: the other one is the oldest now. */
	keep(c, OWN, 4, 30 * KB, 300);
	assert_true(file_cache_bytes(c) <= limits.bytes_max);
	file_cache_close(c);
	c = open_cache(state);
	assert_true(file_cache_bytes(c) <= limits.bytes_max);
	file_cache_close(c);
}

static void other_domains_have_a_quarter_together(void **state)
{
	struct file_cache *c = open_cache(state);

	keep(c, 0, 1, 20 * KB, 1);
	keep(c, OWN, 2, 20 * KB, 2);
	for (uint8_t i = 0; i < 10; i++)
		keep(c, OTHERS + i, i, 9 * KB, 100 + i);
	assert_int_equal(there(c, 0, 1), 20 * KB);
	assert_int_equal(there(c, OWN, 2), 20 * KB);
	assert_int_equal(there(c, OTHERS, 0), -1);
	assert_int_equal(there(c, OTHERS + 9, 9), 9 * KB);
	assert_true(file_cache_bytes(c) <= 60 * KB);
	file_cache_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST(what_is_kept_is_found_in_its_domain_until_it_is_dropped),
		PLACE_TEST(what_was_begun_and_not_kept_leaves_nothing),
		PLACE_TEST(the_file_that_was_not_used_for_longest_goes_first),
		PLACE_TEST(other_domains_have_a_quarter_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
