/* web/builds.c over a real store: which file was replaced, and in which second. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/web/build.h"
#include "web/builds.h"

#define S UINT64_C(1000000000)

static char dir[64], path[96];

static uint32_t stack_in(struct profile *p, const char *file, const char *build_id)
{
	struct profile_object o = {
		.kind = PROFILE_OBJECT_FILE,
		.path = (uint32_t)profile_string(p, file),
		.build_id = (uint32_t)profile_string(p, build_id),
	};
	int64_t location = profile_location(p, (uint32_t)profile_object(p, &o), 16);

	return BUILD_STACK(p, (uint32_t)location);
}

/* /a is replaced twice, /b once, /c never; /d has no build id. */
static void fill(struct profile *p)
{
	uint32_t labels = build_labels(p, 1, 1, "a", "a");

	for (uint64_t t = 100; t < 160; t++) {
		const char *a = t < 120 ? "aa01" : t < 137 ? "aa02" : "aa03";

		build_sample(p, t * S + S / 2, stack_in(p, "/a", a), labels, 1);
		build_sample(p, t * S, stack_in(p, "/b", t < 141 ? "bb02" : "bb01"), labels, 1);
		build_sample(p, t * S, stack_in(p, "/c", "cc01"), labels, 1);
		build_sample(p, t * S, stack_in(p, "/d", ""), labels, 1);
	}
}

static int make_store(void **state)
{
	struct profile *live = build_profile(false);
	struct store_feed *feed = NULL;
	struct store *s = NULL;
	struct err err = {};

	snprintf(dir, sizeof(dir), "/tmp/hearth-builds-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/hearth.db", dir);
	fill(live);
	if (store_open_writer(path, NULL, &s, &err) < 0 || store_feed_new(s, live, &feed) < 0 ||
	    store_feed_flush(feed, "{}", true, &err) < 0)
		fail_msg("%s", err_text(&err));
	store_feed_free(feed);
	store_close(s);
	profile_free(live);
	if (store_open_reader(path, &s, &err) < 0)
		fail_msg("%s", err_text(&err));
	*state = s;
	return 0;
}

static int remove_store(void **state)
{
	struct dirent *e;
	char name[400];
	DIR *d = opendir(dir);

	store_close(*state);
	while (d && (e = readdir(d))) {
		snprintf(name, sizeof(name), "%s/%s", dir, e->d_name);
		unlink(name);
	}
	closedir(d);
	return rmdir(dir);
}

static struct builds find(void **state, uint64_t from, uint64_t until, const char *match)
{
	struct store_query q = {.from_ns = from * S, .until_ns = until * S, .match = match};
	struct builds b;
	struct err err = {};

	if (builds_find(*state, &q, &b, &err) < 0)
		fail_msg("%s", err_text(&err));
	return b;
}

static void check_change(const struct builds_change *c, const char *file, const char *before,
			 const char *after, const uint64_t *seconds)
{
	assert_string_equal(c->path, file);
	assert_string_equal(c->before, before);
	assert_string_equal(c->after, after);
	assert_int_equal(c->from_ns / S, seconds[0]);
	assert_in_range(c->at_ns, seconds[1] * S - BUILDS_EXACT_NS, seconds[1] * S + S / 2);
	assert_in_range(c->until_ns, seconds[2] * S - BUILDS_EXACT_NS, seconds[2] * S + S / 2);
}

static void a_change_of_build_is_found_to_the_second(void **state)
{
	struct builds b = find(state, 100, 160, NULL);

	assert_int_equal(b.n, 3);
	check_change(&b.change[0], "/a", "aa01", "aa02", (const uint64_t[]){100, 120, 137});
	check_change(&b.change[2], "/b", "bb02", "bb01", (const uint64_t[]){100, 141, 160});
	assert_string_equal(b.change[1].after, "aa03");
	assert_int_equal(b.change[1].from_ns, b.change[0].at_ns);
	assert_int_equal(b.change[1].until_ns, 160 * S);
	assert_int_equal(b.left_out, 0);
	builds_done(&b);
}

static void a_range_without_a_change_has_none(void **state)
{
	struct builds b = find(state, 100, 119, NULL);

	assert_int_equal(b.n, 0);
	builds_done(&b);
	b = find(state, 100, 160, "{comm=\"nobody\"}");
	assert_int_equal(b.n, 0);
	builds_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_change_of_build_is_found_to_the_second),
		cmocka_unit_test(a_range_without_a_change_has_none),
	};

	return cmocka_run_group_tests(tests, make_store, remove_store);
}
