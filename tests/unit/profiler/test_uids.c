/* Who the workers run as, from the text of passwd and group files. */
#include "profiler/jail/parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
	char dir[64], passwd[128], group[128], dynamic[128];
};

static int make_place(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	snprintf(p->dir, sizeof(p->dir), "/tmp/hearth-uids-XXXXXX");
	if (!mkdtemp(p->dir))
		return -1;
	snprintf(p->passwd, sizeof(p->passwd), "%s/passwd", p->dir);
	snprintf(p->group, sizeof(p->group), "%s/group", p->dir);
	snprintf(p->dynamic, sizeof(p->dynamic), "%s/dynamic", p->dir);
	*state = p;
	return mkdir(p->dynamic, 0700);
}

static void remove_dynamic(const struct place *p, int uid)
{
	char path[192];

	snprintf(path, sizeof(path), "%s/direct:%d", p->dynamic, uid);
	unlink(path);
}

static int remove_place(void **state)
{
	struct place *p = *state;

	remove_dynamic(p, UIDS_DYNAMIC_MAX);
	unlink(p->passwd);
	unlink(p->group);
	rmdir(p->dynamic);
	rmdir(p->dir);
	free(p);
	return 0;
}

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void find(const struct place *p, struct jail_ids ids[JAIL_ROLE_COUNT])
{
	assert_int_equal(uids_find(p->passwd, p->group, p->dynamic, ids), 0);
}

static void the_users_of_the_set_up_are_taken(void **state)
{
	struct jail_ids ids[JAIL_ROLE_COUNT];

	put(((struct place *)*state)->passwd,
	    "root:x:0:0::/:/bin/sh\nhearth:x:990:991::/:/bin/false\n"
	    "hearth-web:x:992:993::/:/bin/false\n");
	find(*state, ids);
	assert_true(ids[JAIL_SYMBOLIZER].named);
	assert_int_equal(ids[JAIL_SYMBOLIZER].uid, 990);
	assert_int_equal(ids[JAIL_SYMBOLIZER].gid, 991);
	assert_int_equal(ids[JAIL_WEB].uid, 992);
	assert_false(ids[JAIL_FETCHER].named);
}

static void without_users_each_role_has_an_unused_number_of_its_own(void **state)
{
	struct jail_ids ids[JAIL_ROLE_COUNT];

	find(*state, ids);
	for (int i = 0; i < JAIL_ROLE_COUNT; i++) {
		assert_false(ids[i].named);
		assert_in_range(ids[i].uid, UIDS_DYNAMIC_MIN, UIDS_DYNAMIC_MAX);
		assert_int_equal(ids[i].gid, ids[i].uid);
		for (int k = 0; k < i; k++)
			assert_int_not_equal(ids[i].uid, ids[k].uid);
	}
}

static void numbers_that_somebody_has_are_passed_over(void **state)
{
	const struct place *p = *state;
	struct jail_ids ids[JAIL_ROLE_COUNT];
	char text[128], path[192];

	snprintf(text, sizeof(text), "a:x:%d:1::/:/bin/sh\n", UIDS_DYNAMIC_MAX - 1);
	put(p->passwd, text);
	snprintf(text, sizeof(text), "g:x:%d:\n", UIDS_DYNAMIC_MAX - 2);
	put(p->group, text);
	snprintf(path, sizeof(path), "%s/direct:%d", p->dynamic, UIDS_DYNAMIC_MAX);
	put(path, "");
	find(p, ids);
	for (int i = 0; i < JAIL_ROLE_COUNT; i++)
		assert_true(ids[i].uid < UIDS_DYNAMIC_MAX - 2);
}

static void a_user_of_ours_that_is_root_or_nobody_is_not_taken(void **state)
{
	struct jail_ids ids[JAIL_ROLE_COUNT];

	put(((struct place *)*state)->passwd,
	    "hearth:x:0:0::/:/bin/sh\nhearth-web:x:65534:65534::/:/bin/sh\n"
	    "hearth-fetch:x:990:0::/:/bin/sh\n");
	find(*state, ids);
	for (int i = 0; i < JAIL_ROLE_COUNT; i++) {
		assert_false(ids[i].named);
		assert_in_range(ids[i].uid, UIDS_DYNAMIC_MIN, UIDS_DYNAMIC_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_users_of_the_set_up_are_taken, make_place,
						remove_place),
		cmocka_unit_test_setup_teardown(
			without_users_each_role_has_an_unused_number_of_its_own, make_place,
			remove_place),
		cmocka_unit_test_setup_teardown(numbers_that_somebody_has_are_passed_over,
						make_place, remove_place),
		cmocka_unit_test_setup_teardown(a_user_of_ours_that_is_root_or_nobody_is_not_taken,
						make_place, remove_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
