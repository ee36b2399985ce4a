/*
 * web/export/pprof.c: the message is taken apart again by a reader of its own. `go tool pprof`
 * judges it elsewhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "tests/unit/web/build.h"

#define FIELDS_MAX 20000

/* Fields of one message, in order. */
struct field {
	uint32_t number;
	uint64_t value; /* varint */
	const uint8_t *data; /* bytes */
	size_t len;
};

struct message {
	struct field field[FIELDS_MAX];
	size_t n;
};

static void message_read(struct message *m, const uint8_t *data, size_t len)
{
	struct cursor c = cursor_over(data, len);

	m->n = 0;
	while (cursor_left(&c)) {
		uint64_t tag = cursor_varint(&c);
		struct field *f = &m->field[m->n++];

		assert_true(m->n < FIELDS_MAX);
		*f = (struct field){.number = (uint32_t)(tag >> 3)};
		if ((tag & 7) == 0) {
			f->value = cursor_varint(&c);
		} else {
			assert_int_equal(tag & 7, 2);
			f->len = cursor_varint(&c);
			f->data = cursor_bytes(&c, f->len);
		}
		assert_int_equal(c.err, 0);
	}
}

struct read {
	uint8_t *raw;
	struct message top, part;
	const struct field *strings[FIELDS_MAX];
	size_t n_strings;
};

static struct read *read_comparison(const struct profile *p, const struct profile *base)
{
	struct read *r = calloc(1, sizeof(*r));
	struct export_options options = {.version = "9.9", .base = base};
	size_t len;
	char *gz = build_export(EXPORT_PPROF, p, &options, &len);
	z_stream z = {.next_in = (unsigned char *)gz, .avail_in = (unsigned int)len};

	assert_non_null(r);
	assert_memory_equal(gz, "\x1f\x8b\x08\x00\x00\x00\x00\x00", 8);
	r->raw = malloc(8 << 20);
	assert_non_null(r->raw);
	z.next_out = r->raw;
	z.avail_out = 8 << 20;
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	message_read(&r->top, r->raw, z.total_out);
	inflateEnd(&z);
	free(gz);
	for (size_t i = 0; i < r->top.n; i++)
		if (r->top.field[i].number == 6)
			r->strings[r->n_strings++] = &r->top.field[i];
	assert_int_equal(r->strings[0]->len, 0);
	return r;
}

static struct read *read_profile(const struct profile *p)
{
	return read_comparison(p, NULL);
}

static void read_free(struct read *r)
{
	free(r->raw);
	free(r);
}

static bool is_string(const struct read *r, uint64_t id, const char *want)
{
	assert_true(id < r->n_strings);
	return r->strings[id]->len == strlen(want) &&
	       !memcmp(r->strings[id]->data, want, strlen(want));
}

static uint64_t number_of(const struct message *m, uint32_t field)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->field[i].number == field)
			return m->field[i].value;
	return 0;
}

/* The index-th field of that number, read into r->part. False past the last. */
static bool nth(struct read *r, uint32_t number, size_t index)
{
	for (size_t i = 0; i < r->top.n; i++)
		if (r->top.field[i].number == number && index-- == 0) {
			message_read(&r->part, r->top.field[i].data, r->top.field[i].len);
			return true;
		}
	return false;
}

static size_t count_of(const struct read *r, uint32_t number)
{
	size_t n = 0;

	for (size_t i = 0; i < r->top.n; i++)
		n += r->top.field[i].number == number;
	return n;
}

static void types_period_and_times_are_said(void **state)
{
	struct profile *p = build_typical();
	struct read *r = read_profile(p);

	(void)state;
	assert_int_equal(count_of(r, 1), 2);
	assert_true(nth(r, 1, 0));
	assert_true(is_string(r, number_of(&r->part, 1), "samples"));
	assert_true(is_string(r, number_of(&r->part, 2), "count"));
	assert_true(nth(r, 1, 1));
	assert_true(is_string(r, number_of(&r->part, 1), "cpu"));
	assert_true(is_string(r, number_of(&r->part, 2), "nanoseconds"));
	assert_true(nth(r, 11, 0));
	assert_true(is_string(r, number_of(&r->part, 1), "cpu"));
	assert_int_equal(number_of(&r->top, 12), 10101010);
	assert_int_equal(number_of(&r->top, 9), 100000000000);
	assert_int_equal(number_of(&r->top, 10), 60000000000);
	assert_true(is_string(r, number_of(&r->top, 14), "cpu"));
	read_free(r);
	profile_free(p);
}

static void ids_are_dense_and_every_reference_has_its_target(void **state)
{
	struct profile *p = build_typical();
	struct read *r = read_profile(p);
	size_t locations = count_of(r, 4), functions = count_of(r, 5), mappings = count_of(r, 3);

	(void)state;
	assert_int_equal(locations, 6);
	assert_int_equal(mappings, 4);
	for (size_t i = 0; i < mappings; i++) {
		assert_true(nth(r, 3, i));
		assert_int_equal(number_of(&r->part, 1), i + 1);
		assert_int_equal(number_of(&r->part, 2), 0);
		assert_true(number_of(&r->part, 3) > 0);
	}
	for (size_t i = 0; i < functions; i++) {
		assert_true(nth(r, 5, i));
		assert_int_equal(number_of(&r->part, 1), i + 1);
		assert_true(number_of(&r->part, 2) > 0 && number_of(&r->part, 2) < r->n_strings);
	}
	for (size_t i = 0; i < locations; i++) {
		size_t lines = 0;

		assert_true(nth(r, 4, i));
		assert_int_equal(number_of(&r->part, 1), i + 1);
		assert_in_range(number_of(&r->part, 2), i == 5 ? 0 : 1, mappings);
		for (size_t k = 0; k < r->part.n; k++) {
			struct cursor c;

			if (r->part.field[k].number != 4)
				continue;
			lines++;
			c = cursor_over(r->part.field[k].data, r->part.field[k].len);
			assert_int_equal(cursor_varint(&c), 1 << 3);
			assert_in_range(cursor_varint(&c), 1, functions);
		}
		assert_true(lines >= 1);
	}
	read_free(r);
	profile_free(p);
}

static void a_sample_has_leaf_first_locations_values_and_labels(void **state)
{
	struct profile *p = build_typical();
	struct read *r = read_profile(p);
	struct cursor c;
	size_t labels = 0;

	(void)state;
	assert_int_equal(count_of(r, 2), 6);
	assert_true(nth(r, 2, 1)); /* main, work: 5 + 2 samples */
	c = cursor_over(r->part.field[0].data, r->part.field[0].len);
	assert_int_equal(r->part.field[0].number, 1);
	assert_int_equal(cursor_varint(&c), 2);
	assert_int_equal(cursor_varint(&c), 1);
	assert_int_equal(cursor_left(&c), 0);
	c = cursor_over(r->part.field[1].data, r->part.field[1].len);
	assert_int_equal(r->part.field[1].number, 2);
	assert_int_equal(cursor_varint(&c), 7);
	assert_int_equal(cursor_varint(&c), 7 * 10101010);
	for (size_t i = 2; i < r->part.n; i++, labels++)
		assert_int_equal(r->part.field[i].number, 3);
	assert_int_equal(labels, 4);
	c = cursor_over(r->part.field[2].data, r->part.field[2].len);
	assert_int_equal(cursor_varint(&c), 1 << 3);
	assert_true(is_string(r, cursor_varint(&c), "pid"));
	assert_int_equal(cursor_varint(&c), 2 << 3);
	assert_true(is_string(r, cursor_varint(&c), "10"));
	read_free(r);
	profile_free(p);
}

/* The values of a sample that was read into r->part. */
static void assert_values(const struct read *r, uint64_t samples, uint64_t ns)
{
	struct cursor c = cursor_over(r->part.field[1].data, r->part.field[1].len);

	assert_int_equal(cursor_varint(&c), samples);
	assert_int_equal(cursor_varint(&c), ns);
}

static void a_comparison_has_the_base_negative_and_labelled(void **state)
{
	struct profile *p = build_profile(true), *base = build_profile(true);
	uint32_t f = build_frame(p, "/a", 1, "f"), labels = build_labels(p, 1, 1, "c", "c");
	const struct field *last;
	struct read *r;
	struct cursor c;

	(void)state;
	build_sample(p, 0, BUILD_STACK(p, f), labels, 3);
	build_sample(base, 0, BUILD_STACK(base, build_frame(base, "/b", 9, "g")),
		     build_labels(base, 2, 2, "d", "d"), 7);
	build_sample(base, 0, BUILD_STACK(base, build_frame(base, "/a", 1, "f")),
		     build_labels(base, 1, 1, "c", "c"), 3);
	base->period_ns = 1000;
	r = read_comparison(p, base);
	assert_int_equal(count_of(r, 2), 3);
	assert_int_equal(count_of(r, 4), 2); /* f is one location */
	assert_true(nth(r, 2, 0));
	assert_values(r, 3, 3 * 10101010);
	assert_int_equal(r->part.n, 2 + 4);
	assert_true(nth(r, 2, 1));
	assert_values(r, (uint64_t)-7, (uint64_t)-7000);
	assert_int_equal(r->part.n, 2 + 5);
	last = &r->part.field[r->part.n - 1];
	c = cursor_over(last->data, last->len);
	assert_int_equal(cursor_varint(&c), 1 << 3);
	assert_true(is_string(r, cursor_varint(&c), "pprof::base"));
	assert_int_equal(cursor_varint(&c), 2 << 3);
	assert_true(is_string(r, cursor_varint(&c), "true"));
	assert_int_equal(number_of(&r->top, 9), p->start_ns);
	read_free(r);
	profile_free(p);
	profile_free(base);
}

static void mappings_say_what_their_names_have(void **state)
{
	struct profile *p = build_typical();
	struct read *r = read_profile(p);

	(void)state;
	assert_true(nth(r, 3, 0));
	assert_true(is_string(r, number_of(&r->part, 5), "/usr/bin/a"));
	assert_true(is_string(r, number_of(&r->part, 6), "c0ffee"));
	assert_int_equal(number_of(&r->part, 3), 0x2000);
	for (uint32_t has = 7; has <= 10; has++)
		assert_int_equal(number_of(&r->part, has), 1);
	assert_true(nth(r, 3, 1));
	assert_true(is_string(r, number_of(&r->part, 5), "[kernel.kallsyms]"));
	assert_true(nth(r, 3, 2));
	assert_true(is_string(r, number_of(&r->part, 5), "/usr/lib/libx.so"));
	for (uint32_t has = 7; has <= 10; has++)
		assert_int_equal(number_of(&r->part, has), 0);
	read_free(r);
	profile_free(p);
}

static bool has_string(const struct read *r, const char *want)
{
	for (size_t i = 0; i < r->n_strings; i++)
		if (is_string(r, i, want))
			return true;
	return false;
}

/* pprof drops samples without locations from its tables, silently. */
static void no_sample_is_without_a_location(void **state)
{
	struct profile *p = build_typical();
	struct read *r;

	(void)state;
	build_sample(
		p, 1,
		BUILD_STACK(p, build_location(p, PROFILE_OBJECT_INCOMPLETE, "no-row", 0, NULL)),
		build_labels(p, 1, 1, "c", "c"), 1);
	r = read_profile(p);
	for (size_t i = 0; nth(r, 2, i); i++) {
		assert_int_equal(r->part.field[0].number, 1);
		assert_true(r->part.field[0].len > 0);
	}
	assert_true(has_string(r, "[no stack]"));
	assert_true(has_string(r, "[incomplete: no-row]"));
	read_free(r);
	profile_free(p);
}

static void losses_and_the_version_are_comments(void **state)
{
	struct profile *p = build_typical();
	struct read *r = read_profile(p);

	(void)state;
	assert_true(has_string(r, "hearth 9.9"));
	assert_true(has_string(r, "lost: 2 (ring-full)"));
	assert_true(has_string(r, "incomplete stacks: 3 samples (no-frame-pointer)"));
	assert_true(has_string(r, "incomplete"));
	read_free(r);
	profile_free(p);
}

static void strings_are_utf8_and_distinct(void **state)
{
	struct profile *p = build_hostile();
	struct read *r = read_profile(p);

	(void)state;
	assert_true(has_string(r, "torn utf8 \xef\xbf\xbd"));
	assert_true(has_string(r, "</script><script>alert(1)</script>"));
	for (size_t i = 0; i < r->n_strings; i++)
		for (size_t k = 0; k < i; k++)
			assert_false(r->strings[i]->len == r->strings[k]->len &&
				     !memcmp(r->strings[i]->data, r->strings[k]->data,
					     r->strings[i]->len));
	read_free(r);
	profile_free(p);
}

static void the_busiest_program_is_the_first_mapping(void **state)
{
	struct profile *p = build_profile(true);
	struct profile_labels l = {.has = 1u << PROFILE_LABEL_EXE};
	struct read *r;

	(void)state;
	build_sample(p, 0,
		     BUILD_STACK(p, build_frame(p, "/bin/a", 1, "f"),
				 build_frame(p, "/lib/libc.so", 1, "g")),
		     build_labels(p, 1, 1, "a", "a"), 1);
	l.value[PROFILE_LABEL_EXE] = (uint64_t)profile_string(p, "/bin/b");
	build_sample(p, 0, BUILD_STACK(p, build_frame(p, "/bin/b", 1, "h")),
		     (uint32_t)profile_labels(p, &l), 9);
	r = read_profile(p);
	assert_true(nth(r, 3, 0));
	assert_true(is_string(r, number_of(&r->part, 5), "/bin/b"));
	assert_true(nth(r, 3, 1));
	assert_true(is_string(r, number_of(&r->part, 5), "/lib/libc.so"));
	assert_true(nth(r, 4, 0)); /* the leaf's location follows its mapping's new number */
	assert_int_equal(number_of(&r->part, 2), 2);
	read_free(r);
	profile_free(p);
}

static void equal_profiles_are_equal_bytes_and_no_period_is_no_cpu(void **state)
{
	struct profile *p = build_typical();
	size_t len, again_len;
	char *text = build_export(EXPORT_PPROF, p, NULL, &len);
	char *again = build_export(EXPORT_PPROF, p, NULL, &again_len);
	struct read *r;

	(void)state;
	assert_int_equal(len, again_len);
	assert_memory_equal(text, again, len);
	p->period_ns = 0;
	r = read_profile(p);
	assert_int_equal(count_of(r, 1), 1);
	assert_int_equal(count_of(r, 11), 0);
	read_free(r);
	free(text);
	free(again);
	profile_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_period_and_times_are_said),
		cmocka_unit_test(ids_are_dense_and_every_reference_has_its_target),
		cmocka_unit_test(a_sample_has_leaf_first_locations_values_and_labels),
		cmocka_unit_test(a_comparison_has_the_base_negative_and_labelled),
		cmocka_unit_test(mappings_say_what_their_names_have),
		cmocka_unit_test(no_sample_is_without_a_location),
		cmocka_unit_test(losses_and_the_version_are_comments),
		cmocka_unit_test(strings_are_utf8_and_distinct),
		cmocka_unit_test(the_busiest_program_is_the_first_mapping),
		cmocka_unit_test(equal_profiles_are_equal_bytes_and_no_period_is_no_cpu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
