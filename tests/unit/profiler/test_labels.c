/* Label sets: what a sample says becomes labels, once for equal samples, and cgroups are cut. */
#include "profiler/collector/labels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct bench {
	struct labels *labels;
	struct profile *live;
};

static int begin(void **state)
{
	static struct bench b;

	assert_int_equal(labels_new(NULL, &b.labels), 0);
	assert_int_equal(profile_new(false, &b.live), 0);
	*state = &b;
	return 0;
}

static int end(void **state)
{
	struct bench *b = *state;

	labels_free(b->labels);
	profile_free(b->live);
	return 0;
}

static struct abi_sample a_sample(void)
{
	return (struct abi_sample){
		.pid = 7,
		.tid = 8,
		.uid = 1000,
		.start_ns = 5000000000,
		.cgroup = 42,
		.comm = "server",
		.thread = "worker 1",
	};
}

static const char *text(const struct bench *b, int64_t set, const char *name)
{
	static char scratch[24];

	assert_true(set >= 0);
	return profile_label_text(b->live, (uint32_t)set, name, scratch);
}

static void a_sample_says_who_it_was(void **state)
{
	struct bench *b = *state;
	struct abi_sample s = a_sample();
	struct object exe = {.number = 3, .path = (char *)"/usr/bin/server"};
	int64_t set = labels_of(b->labels, &s, &exe, 1000000000000, b->live);

	assert_string_equal(text(b, set, "pid"), "7");
	assert_string_equal(text(b, set, "tid"), "8");
	assert_string_equal(text(b, set, "uid"), "1000");
	assert_string_equal(text(b, set, "start"), "1005000");
	assert_string_equal(text(b, set, "comm"), "server");
	assert_string_equal(text(b, set, "thread"), "worker 1");
	assert_string_equal(text(b, set, "exe"), "/usr/bin/server");
	assert_string_equal(text(b, set, "container"), "");
	assert_string_not_equal(text(b, set, "host"), "");
}

static void a_described_cgroup_gives_its_labels(void **state)
{
	struct bench *b = *state;
	struct abi_cgroup c = {.id = 42};
	struct abi_sample s = a_sample();
	int64_t set;

	labels_describe_cgroup(b->labels, &c, "/system.slice/docker-" ID ".scope");
	set = labels_of(b->labels, &s, NULL, 0, b->live);
	assert_string_equal(text(b, set, "cgroup"), "/system.slice/docker-" ID ".scope");
	assert_string_equal(text(b, set, "container"), ID);
	assert_string_equal(text(b, set, "runtime"), "docker");
	assert_string_equal(text(b, set, "pod"), "");
	assert_string_equal(text(b, set, "unit"), "docker-" ID ".scope");
	/* The same number in another hierarchy is another cgroup. */
	s.cgroup_hierarchy = 4;
	set = labels_of(b->labels, &s, NULL, 0, b->live);
	assert_string_equal(text(b, set, "cgroup"), "");
}

static void a_pod_is_told_and_labels_of_the_host_are_in_every_set(void **state)
{
	struct bench *b = *state;
	struct abi_cgroup c = {.id = 42};
	struct abi_sample s = a_sample();
	struct static_labels statics = {.n = 2, .label = {{"zone", "eu"}, {"host", "web-3"}}};
	int64_t set;

	labels_set_static(b->labels, &statics);
	labels_describe_cgroup(b->labels, &c,
			       "/kubepods/burstable/pod6f2e1c9a-3b4d-4e5f-8a7b-9c0d1e2f3a4b/" ID);
	set = labels_of(b->labels, &s, NULL, 0, b->live);
	assert_string_equal(text(b, set, "pod"), "6f2e1c9a-3b4d-4e5f-8a7b-9c0d1e2f3a4b");
	assert_string_equal(text(b, set, "container"), ID);
	assert_string_equal(text(b, set, "runtime"), "");
	assert_string_equal(text(b, set, "zone"), "eu");
	assert_string_equal(text(b, set, "host"), "web-3");
}

/* All that a sample may have fits. */
static void no_label_is_left_out_where_all_are_there(void **state)
{
	struct bench *b = *state;
	struct abi_cgroup c = {.id = 42};
	struct abi_sample s = a_sample();
	struct static_labels statics = {.n = STATIC_LABELS_MAX};
	int64_t set;

	for (int i = 0; i < STATIC_LABELS_MAX; i++)
		statics.label[i] =
			(struct static_label){.key = {'k', (char)('a' + i)}, .value = "v"};
	labels_set_static(b->labels, &statics);
	labels_describe_cgroup(
		b->labels, &c,
		"/kubepods-pod6f2e1c9a_3b4d_4e5f_8a7b_9c0d1e2f3a4b.slice:cri-containerd:" ID);
	set = labels_of(b->labels, &s, NULL, 0, b->live);
	assert_string_equal(text(b, set, "runtime"), "containerd");
	assert_string_equal(text(b, set, "pod"), "6f2e1c9a-3b4d-4e5f-8a7b-9c0d1e2f3a4b");
	assert_string_equal(text(b, set, "kl"), "v");
}

static void what_is_described_later_is_in_later_sets(void **state)
{
	struct bench *b = *state;
	struct abi_cgroup c = {.id = 42};
	struct abi_sample s = a_sample();

	assert_string_equal(text(b, labels_of(b->labels, &s, NULL, 0, b->live), "cgroup"), "");
	labels_describe_cgroup(b->labels, &c, "/late");
	assert_string_equal(text(b, labels_of(b->labels, &s, NULL, 0, b->live), "cgroup"), "/late");
}

static void equal_samples_share_a_set_and_others_do_not(void **state)
{
	struct bench *b = *state;
	struct abi_sample s = a_sample();
	int64_t first = labels_of(b->labels, &s, NULL, 0, b->live);

	assert_int_equal(labels_of(b->labels, &s, NULL, 0, b->live), first);
	/* An exec keeps the process and changes its names. */
	snprintf(s.comm, sizeof(s.comm), "other");
	assert_int_not_equal(labels_of(b->labels, &s, NULL, 0, b->live), first);
	s = a_sample();
	s.start_ns++;
	assert_int_not_equal(labels_of(b->labels, &s, NULL, 2000000, b->live), first);
}

static void a_new_profile_gets_its_own_sets(void **state)
{
	struct bench *b = *state;
	struct abi_sample s = a_sample();

	assert_true(labels_of(b->labels, &s, NULL, 0, b->live) >= 0);
	profile_free(b->live);
	assert_int_equal(profile_new(false, &b->live), 0);
	labels_new_profile(b->labels);
	assert_int_equal(labels_of(b->labels, &s, NULL, 0, b->live), 0);
	assert_int_equal(b->live->n_labels, 1);
}

static void a_comm_without_an_end_is_sixteen_bytes(void **state)
{
	struct bench *b = *state;
	struct abi_sample s = a_sample();

	memset(s.comm, 'x', sizeof(s.comm));
	assert_string_equal(text(b, labels_of(b->labels, &s, NULL, 0, b->live), "comm"),
			    "xxxxxxxxxxxxxxxx");
}

static void more_cgroups_than_are_kept_start_again(void **state)
{
	struct bench *b = *state;
	struct abi_sample s = a_sample();
	struct abi_cgroup c = {};
	char path[32];

	for (unsigned int i = 0; i <= LABELS_CGROUPS_MAX; i++) {
		c.id = 1000 + i;
		snprintf(path, sizeof(path), "/g%u", i);
		labels_describe_cgroup(b->labels, &c, path);
	}
	s.cgroup = c.id;
	assert_string_equal(text(b, labels_of(b->labels, &s, NULL, 0, b->live), "cgroup"), path);
	s.cgroup = 1000;
	assert_string_equal(text(b, labels_of(b->labels, &s, NULL, 0, b->live), "cgroup"), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_sample_says_who_it_was, begin, end),
		cmocka_unit_test_setup_teardown(a_described_cgroup_gives_its_labels, begin, end),
		cmocka_unit_test_setup_teardown(
			a_pod_is_told_and_labels_of_the_host_are_in_every_set, begin, end),
		cmocka_unit_test_setup_teardown(no_label_is_left_out_where_all_are_there, begin,
						end),
		cmocka_unit_test_setup_teardown(what_is_described_later_is_in_later_sets, begin,
						end),
		cmocka_unit_test_setup_teardown(equal_samples_share_a_set_and_others_do_not, begin,
						end),
		cmocka_unit_test_setup_teardown(a_new_profile_gets_its_own_sets, begin, end),
		cmocka_unit_test_setup_teardown(a_comm_without_an_end_is_sixteen_bytes, begin, end),
		cmocka_unit_test_setup_teardown(more_cgroups_than_are_kept_start_again, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
