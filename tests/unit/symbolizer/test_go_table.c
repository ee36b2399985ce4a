/* Go's table in its three versions, and what somebody may make of it. */
#include "symbolizer/go_table.h"
#include "tests/unit/symbolizer/make_go.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAGIC_AT   0
#define QUANTUM_AT 6
#define POINTER_AT 7
#define COUNT_AT   8

static const enum go_version versions[] = {GO_1_16, GO_1_18, GO_1_20};
#define N_VERSIONS (sizeof(versions) / sizeof(*versions))

static struct span span_of(const struct buf *b)
{
	return (struct span){b->data, b->len};
}

static bool parse(const struct make_go *m, struct go_table *ret)
{
	struct go_header h;

	if (!go_header_parse(span_of(&m->table), &h))
		return false;
	*ret = h.table;
	if (ret->version != GO_1_16)
		ret->text = MAKE_GO_TEXT;
	return true;
}

static void check_place(const struct go_table *t, const struct go_function *f, uint64_t offset,
			const char *file, int32_t line)
{
	const char *s;
	int32_t value;

	assert_true(go_table_value(t, f, f->lines, MAKE_GO_TEXT + offset, &value));
	assert_int_equal(value, line);
	assert_true(go_table_value(t, f, f->files, MAKE_GO_TEXT + offset, &value));
	assert_true(go_table_file(t, f, value, &s) > 0);
	assert_string_equal(s, file);
}

static void check_version(const struct make_go *m, enum go_version version)
{
	struct go_function f;
	struct go_inlined call;
	struct go_table t;
	const char *s;
	int32_t node;

	assert_true(parse(m, &t));
	assert_int_equal(t.version, version);
	assert_true(go_table_find(&t, MAKE_GO_TEXT + 0x3f, &f));
	assert_int_equal(f.entry, MAKE_GO_TEXT);
	assert_int_equal(f.end, MAKE_GO_TEXT + 0x60);
	assert_int_equal(go_table_name(&t, f.name, &s), strlen("main.outer"));
	assert_string_equal(s, "main.outer");
	check_place(&t, &f, 0, "/src/a.go", 10);
	check_place(&t, &f, 0xf, "/src/a.go", 10);
	check_place(&t, &f, 0x10, "/src/b.go", 3);
	check_place(&t, &f, 0x3f, "/src/a.go", 12);
	assert_true(go_table_value(&t, &f, f.inlined, MAKE_GO_TEXT + 0x1f, &node));
	assert_int_equal(node, 0);
	assert_true(f.has_tree);
	assert_int_equal(f.tree, version == GO_1_16 ? MAKE_GO_TREE_AT : 0);
	assert_true(go_table_inlined(&t, span_of(&m->tree), node, &call));
	assert_true(go_table_name(&t, call.name, &s) > 0);
	assert_string_equal(s, "main.cold");
	assert_int_equal(call.call, 0x20);
	assert_true(go_table_find(&t, MAKE_GO_TEXT + 0x60, &f));
	assert_true(go_table_name(&t, f.name, &s) > 0);
	assert_string_equal(s, "main.after");
	assert_false(f.has_tree);
}

static void each_version_says_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_VERSIONS; i++) {
		struct make_go m;

		make_go(versions[i], &m);
		check_version(&m, versions[i]);
		make_go_done(&m);
	}
}

static void what_is_no_function_has_no_line(void **state)
{
	struct go_function f;
	struct go_table t;
	struct make_go m;
	int32_t value;

	(void)state;
	make_go(GO_1_20, &m);
	assert_true(parse(&m, &t));
	assert_false(go_table_find(&t, MAKE_GO_TEXT - 1, &f));
	assert_false(go_table_find(&t, MAKE_GO_TEXT + 0x70, &f));
	assert_false(go_table_find(&t, 0, &f));
	assert_false(go_table_find(&t, UINT64_MAX, &f));
	assert_true(go_table_find(&t, MAKE_GO_TEXT + 0x40, &f)); /* its index does not know */
	assert_false(go_table_value(&t, &f, f.lines, MAKE_GO_TEXT + 0x40, &value));
	assert_false(go_table_value(&t, &f, 0, MAKE_GO_TEXT, &value)); /* there is no list */
	make_go_done(&m);
}

static void other_heads_are_refused(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} damage[] = {
		{MAGIC_AT, 0xfb}, /* Go 1.2 */
		{MAGIC_AT + 3, 0}, {4, 1},
		{QUANTUM_AT, 0},   {QUANTUM_AT, 5},
		{POINTER_AT, 0},   {POINTER_AT, 2},
		{POINTER_AT, 16},  {COUNT_AT + 5, 1}, /* 2^40 functions */
	};
	struct go_table t;
	struct make_go m;

	(void)state;
	make_go(GO_1_20, &m);
	for (size_t i = 0; i < sizeof(damage) / sizeof(*damage); i++) {
		uint8_t before = m.table.data[damage[i].at];

		m.table.data[damage[i].at] = damage[i].value;
		assert_false(parse(&m, &t));
		m.table.data[damage[i].at] = before;
	}
	for (m.table.len = 0; m.table.len < 72; m.table.len++)
		assert_false(parse(&m, &t));
	make_go_done(&m);
}

/* Every question, at an address; what comes is of no matter. */
static void ask(const struct go_table *t, struct span tree, uint64_t address)
{
	struct go_inlined call;
	struct go_function f;
	const char *s;
	int32_t value;

	if (!go_table_find(t, address, &f))
		return;
	go_table_name(t, f.name, &s);
	if (go_table_value(t, &f, f.files, address, &value))
		go_table_file(t, &f, value, &s);
	go_table_value(t, &f, f.lines, address, &value);
	if (go_table_value(t, &f, f.inlined, address, &value) &&
	    go_table_inlined(t, tree, value, &call))
		go_table_name(t, call.name, &s);
}

/* Under sanitizers a step out of the table is an end of the test. */
static void a_table_that_is_cut_or_changed_stays_within_itself(void **state)
{
	(void)state;
	for (size_t v = 0; v < N_VERSIONS; v++) {
		struct make_go m;
		struct go_table t;
		size_t len;

		make_go(versions[v], &m);
		len = m.table.len;
		for (size_t at = 0; at < len; at++) {
			uint8_t *copy = malloc(at + 1);
			struct go_header h;

			memcpy(copy, m.table.data, at + 1);
			if (go_header_parse((struct span){copy, at + 1}, &h)) {
				h.table.text = MAKE_GO_TEXT;
				ask(&h.table, span_of(&m.tree), MAKE_GO_TEXT + 0x18);
			}
			free(copy);
			m.table.data[at] ^= 0xff;
			if (parse(&m, &t))
				for (uint64_t o = 0; o < 0x80; o += 8)
					ask(&t, span_of(&m.tree), MAKE_GO_TEXT + o);
			m.table.data[at] ^= 0xff;
		}
		make_go_done(&m);
	}
}

static void numbers_that_lead_nowhere_name_nothing(void **state)
{
	struct go_inlined call;
	struct go_function f;
	struct go_table t;
	struct make_go m;
	const char *s;

	(void)state;
	make_go(GO_1_18, &m);
	assert_true(parse(&m, &t));
	assert_true(go_table_find(&t, MAKE_GO_TEXT, &f));
	assert_int_equal(go_table_name(&t, -1, &s), -1);
	assert_int_equal(go_table_name(&t, INT32_MAX, &s), -1);
	assert_int_equal(go_table_file(&t, &f, -1, &s), -1);
	assert_int_equal(go_table_file(&t, &f, INT32_MAX, &s), -1);
	assert_false(go_table_inlined(&t, span_of(&m.tree), -1, &call));
	assert_false(go_table_inlined(&t, span_of(&m.tree), 1, &call));
	assert_false(go_table_inlined(&t, (struct span){}, 0, &call));
	make_go_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_version_says_the_same),
		cmocka_unit_test(what_is_no_function_has_no_line),
		cmocka_unit_test(other_heads_are_refused),
		cmocka_unit_test(a_table_that_is_cut_or_changed_stays_within_itself),
		cmocka_unit_test(numbers_that_lead_nowhere_name_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
