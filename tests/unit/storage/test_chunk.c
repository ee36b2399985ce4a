/*
 * Chunks and the dictionaries made of them: what grew is read back, gaps become holes, what is
 * malformed is refused.
 */
#include "storage/growth.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* Entry number n of each kind, each needing the others. */
static void grow(struct growth *g, uint32_t n)
{
	struct profile_object o = {
		.kind = PROFILE_OBJECT_FILE, .domain = 1000 + n, .identity = UINT64_MAX - n};
	struct profile_labels l = {.has = 1u << PROFILE_LABEL_PID | 1u << PROFILE_LABEL_COMM,
				   .n_extra = 1};
	struct profile_line lines[2] = {};
	struct profile_function f = {.start_line = n};
	uint32_t location, class;
	char text[32];

	snprintf(text, sizeof(text), "string-%u", n);
	f.name = f.file = o.path = o.build_id = (uint32_t)growth_string(g, text);
	f.system_name = (uint32_t)growth_string(g, "system");
	location = (uint32_t)growth_location(g, (uint32_t)growth_object(g, &o), (uint64_t)n << 40);
	growth_stack(g, n ? g->dict->tables->n_stacks - 1 : 0, location);
	lines[0].function = lines[1].function = (uint32_t)growth_function(g, &f);
	lines[0].line = n;
	lines[1].column = UINT32_MAX - n;
	assert_int_equal(growth_name(g, location, lines, n % 3), 0);
	l.value[PROFILE_LABEL_PID] = n;
	l.value[PROFILE_LABEL_COMM] = f.system_name;
	l.extra[0] = (struct profile_extra_label){f.name, f.system_name};
	assert_true(growth_labels(g, &l, &class) >= 0);
	assert_int_equal(class,
			 0); /* comm and exe are equal, so all are of the first one's class */
	assert_false(g->torn);
}

static void write_pending(struct growth *g, struct compress *z, struct buf *ret)
{
	struct chunk c = {};

	buf_init(ret, CHUNK_BYTES_MAX);
	growth_take(g, &c);
	assert_int_equal(chunk_write(&c, z, 1, ret), 0);
	chunk_done(&c);
}

static void assert_entry(struct dict *d, uint32_t n)
{
	const struct profile *t = d->tables;
	const struct profile_object *o = &t->objects[n];
	const struct profile_location *l = &t->locations[n];
	struct profile_labels labels;
	char text[32];

	snprintf(text, sizeof(text), "string-%u", n);
	assert_string_equal(profile_str(t, o->path), text);
	assert_int_equal(o->domain, 1000 + n);
	assert_int_equal(o->identity, UINT64_MAX - n);
	assert_int_equal(l->object, n);
	assert_int_equal(l->offset, (uint64_t)n << 40);
	assert_int_equal(l->n_lines, n % 3);
	assert_int_equal(l->naming, n % 3 ? PROFILE_NAMED : PROFILE_NAMELESS);
	if (l->n_lines) {
		assert_int_equal(t->lines[l->first_line].line, n);
		assert_string_equal(
			profile_str(t, t->functions[t->lines[l->first_line].function].name), text);
	}
	assert_int_equal(t->stacks[n + 1].location, n);
	assert_int_equal(t->stacks[n + 1].parent, n);
	assert_int_equal(dict_labels(d, n, &labels), 0);
	assert_int_equal(labels.value[PROFILE_LABEL_PID], n);
	assert_string_equal(profile_str(t, (uint32_t)labels.value[PROFILE_LABEL_COMM]), "system");
	assert_string_equal(profile_str(t, labels.extra[0].key), text);
}

/* Ten chunks of three entries each. */
static void make_chunks(struct buf *chunks, struct compress *z)
{
	struct growth g;

	assert_int_equal(growth_init(&g, 1), 0);
	for (uint32_t c = 0; c < 10; c++) {
		for (uint32_t i = 0; i < 3; i++)
			grow(&g, 3 * c + i);
		write_pending(&g, z, &chunks[c]);
	}
	growth_done(&g);
}

/* As a reader: bytes that wait, and are unpacked at once or when they are asked for. */
static int wait_for(struct dict *d, const struct buf *bytes, struct compress *z)
{
	return dict_add_bytes(d, bytes->data, bytes->len, z);
}

static int unpack(struct dict *d, const struct buf *bytes, struct compress *z)
{
	int r = dict_add_bytes(d, bytes->data, bytes->len, z);

	return r < 0 ? r : dict_unpack(d);
}

static int apply(struct dict *d, const struct buf *bytes, struct compress *z)
{
	struct chunk c = {};
	int r = chunk_parse(bytes->data, bytes->len, z, &c);

	if (r == 0)
		r = dict_apply(d, &c);
	chunk_done(&c);
	return r;
}

typedef int (*give_fn)(struct dict *d, const struct buf *bytes, struct compress *z);

static void assert_sum_of_chunks(give_fn give)
{
	struct compress z = {};
	struct buf chunks[10];
	struct dict *d;

	make_chunks(chunks, &z);
	assert_int_equal(dict_new(1, true, &d), 0);
	for (int c = 0; c < 10; c++)
		assert_int_equal(give(d, &chunks[c], &z), 0);
	/* Once more changes nothing: a reader may meet a merged chunk whose beginning it has. */
	assert_int_equal(give(d, &chunks[8], &z), 0);
	assert_int_equal(dict_count(d, CHUNK_STACK), 31);
	assert_int_equal(dict_unpack(d), 0);
	for (uint32_t n = 0; n < 30; n++) {
		assert_entry(d, n);
		assert_true(dict_has_stack(d, n + 1));
	}
	assert_int_equal(dict_count(d, CHUNK_LABELS), 30);
	assert_false(dict_has_stack(d, 31));
	dict_free(d);
	for (int c = 0; c < 10; c++)
		buf_done(&chunks[c]);
	compress_done(&z);
}

static void dictionaries_are_the_sum_of_their_chunks(void **state)
{
	(void)state;
	assert_sum_of_chunks(apply);
	assert_sum_of_chunks(unpack);
	assert_sum_of_chunks(wait_for);
}

static void merged_chunks_say_the_same(void **state)
{
	struct compress z = {};
	struct chunk all = {}, part = {};
	struct buf chunks[10], bytes;
	struct dict *d;

	(void)state;
	make_chunks(chunks, &z);
	for (int c = 0; c < 10; c++) {
		assert_int_equal(chunk_parse(chunks[c].data, chunks[c].len, &z, &part), 0);
		assert_int_equal(chunk_append(&all, &part), 0);
		if (c == 4) /* one that does not follow */
			assert_int_equal(chunk_append(&all, &part), -EINVAL);
	}
	buf_init(&bytes, CHUNK_BYTES_MAX);
	assert_int_equal(chunk_write(&all, &z, 9, &bytes), 0);
	assert_int_equal(dict_new(1, true, &d), 0);
	assert_int_equal(apply(d, &bytes, &z), 0);
	for (uint32_t n = 0; n < 30; n++)
		assert_entry(d, n);
	dict_free(d);
	chunk_done(&all);
	chunk_done(&part);
	buf_done(&bytes);
	for (int c = 0; c < 10; c++)
		buf_done(&chunks[c]);
	compress_done(&z);
}

/* Bytes with a right checksum whose columns make no sense. */
static void spoil(struct buf *bytes)
{
	bytes->data[bytes->len - 9] ^= 0x40;
	bytes->len -= 8;
	buf_add_u64(bytes, compress_checksum(bytes->data, bytes->len, 0));
}

static void assert_holes(give_fn give, bool missing)
{
	struct profile_labels l;
	struct compress z = {};
	struct buf chunks[10];
	struct dict *d;

	make_chunks(chunks, &z);
	if (!missing)
		spoil(&chunks[4]);
	assert_int_equal(dict_new(1, true, &d), 0);
	for (int c = 0; c < 10; c++)
		if (c != 4 || !missing)
			give(d, &chunks[c], &z);
	assert_int_equal(dict_unpack(d), 0);
	/*
	 * 12 to 14 are gone. What stands on them (stacks are one long chain here) is not there
	 * either.
	 */
	for (uint32_t n = 0; n < 30; n++) {
		assert_int_equal(dict_has(d, CHUNK_OBJECT, n), n < 12 || n > 14);
		assert_int_equal(dict_has_stack(d, n + 1), n < 12);
		assert_int_equal(dict_labels(d, n, &l), n < 12 || n > 14 ? 0 : -EBADMSG);
		if (n > 14) {
			assert_int_equal(d->tables->locations[n].object, n);
			assert_int_equal(l.value[PROFILE_LABEL_PID], n);
		}
	}
	dict_free(d);
	for (int c = 0; c < 10; c++)
		buf_done(&chunks[c]);
	compress_done(&z);
}

static void a_missing_chunk_leaves_holes_and_nothing_shifts(void **state)
{
	(void)state;
	assert_holes(apply, true);
	assert_holes(unpack, true);
	assert_holes(wait_for, true);
}

static void damage_that_is_found_late_leaves_the_same_holes(void **state)
{
	(void)state;
	assert_holes(apply, false);
	assert_holes(unpack, false);
	assert_holes(wait_for, false);
}

static void the_last_name_counts(void **state)
{
	struct compress z = {};
	struct profile_line line = {};
	struct profile_function f = {};
	struct growth g;
	struct buf first, second;
	struct dict *d;

	(void)state;
	assert_int_equal(growth_init(&g, 1), 0);
	grow(&g, 0); /* nameless */
	assert_int_equal(g.nameless, 1);
	write_pending(&g, &z, &first);
	f.name = (uint32_t)growth_string(&g, "late");
	line.function = (uint32_t)growth_function(&g, &f);
	assert_int_equal(growth_name(&g, 0, &line, 1), 0);
	assert_int_equal(g.nameless, 0);
	assert_int_equal(g.named, 1);
	assert_int_equal(growth_name(&g, 0, &line, 1), 0);
	assert_int_equal(g.pending.n_namings, 1); /* the same again is nothing new */
	write_pending(&g, &z, &second);
	assert_int_equal(dict_new(1, true, &d), 0);
	assert_int_equal(apply(d, &first, &z), 0);
	assert_int_equal(d->tables->locations[0].naming, PROFILE_NAMELESS);
	assert_int_equal(apply(d, &second, &z), 0);
	assert_int_equal(d->tables->locations[0].naming, PROFILE_NAMED);
	dict_free(d);
	growth_done(&g);
	buf_done(&first);
	buf_done(&second);
	compress_done(&z);
}

static void malformed_bytes_are_refused(void **state)
{
	struct compress z = {};
	struct buf chunks[10], bad;
	struct chunk c = {};

	(void)state;
	make_chunks(chunks, &z);
	for (size_t len = 0; len < chunks[1].len; len++) {
		buf_init(&bad, 1 << 20);
		buf_add(&bad, chunks[1].data, len);
		assert_int_equal(chunk_parse(bad.data, bad.len, &z, &c), -EBADMSG);
		buf_add_u64(&bad, compress_checksum(bad.data, bad.len, 0));
		if (len + 8 != chunks[1].len)
			assert_int_equal(chunk_parse(bad.data, bad.len, &z, &c), -EBADMSG);
		buf_done(&bad);
	}
	for (size_t bit = 0; bit < chunks[1].len * 8; bit++) {
		struct profile_labels labels;
		struct dict *d;

		buf_init(&bad, 1 << 20);
		buf_add(&bad, chunks[1].data, chunks[1].len);
		bad.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(chunk_parse(bad.data, bad.len, &z, &c), -EBADMSG);
		/*
		 * With a right checksum it may be taken, and must fit a dictionary or be refused
		 * by it.
		 */
		bad.len -= 8;
		buf_add_u64(&bad, compress_checksum(bad.data, bad.len, 0));
		assert_int_equal(dict_new(1, true, &d), 0);
		assert_int_equal(apply(d, &chunks[0], &z), 0);
		apply(d, &bad, &z);
		apply(d, &chunks[2], &z);
		dict_free(d);
		assert_int_equal(dict_new(1, true, &d), 0);
		wait_for(d, &chunks[0], &z);
		wait_for(d, &bad, &z);
		wait_for(d, &chunks[2], &z);
		for (uint32_t n = 0; n < dict_count(d, CHUNK_LABELS) && n < 100; n++)
			dict_labels(d, n, &labels);
		assert_int_equal(dict_unpack(d), 0);
		dict_free(d);
		buf_done(&bad);
	}
	chunk_done(&c);
	for (int i = 0; i < 10; i++)
		buf_done(&chunks[i]);
	compress_done(&z);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dictionaries_are_the_sum_of_their_chunks),
		cmocka_unit_test(merged_chunks_say_the_same),
		cmocka_unit_test(a_missing_chunk_leaves_holes_and_nothing_shifts),
		cmocka_unit_test(damage_that_is_found_late_leaves_the_same_holes),
		cmocka_unit_test(the_last_name_counts),
		cmocka_unit_test(malformed_bytes_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
