/*
 * The judge must see: a table that was compiled from a file passes, and the same with any one thing
 * changed does not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "symbolizer/unwind/verify.h"
#include "tests/unit/unwind/make.h"

#define START MAKE_CODE_ADDRESS

static struct buf frames;
static struct unwind_input in;
static struct unwind_table t;

/* A function with a frame pointer, a PLT stub, a realigned stack, a restorer, an end. */
static int begin(void **state)
{
	static const uint8_t restorer[] = {0x0f, 4,    0x77, 0xa0, 1,	 0x06, 0x10, 16,
					   3,	 0x77, 0xa8, 1,	   0x10, 6,    3,    0x77,
					   0xf8, 0,    0x10, 7,	   3,	 0x77, 0xa0, 1};
	size_t cie, signal;
	struct make_file f = {.eh_frame = &frames};

	(void)state;
	buf_init(&frames, 1u << 20);
	cie = make_cie(&frames, "z", BYTES(MAKE_BEGIN));
	signal = make_cie(&frames, "zS", restorer, sizeof(restorer));
	make_fde(&frames, cie, true, START + 0x10, 0x20,
		 BYTES(0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6, 0x83, 5, 0x45, 0x09, 16, 5));
	make_fde(&frames, cie, true, START + 0x40, 0x20,
		 BYTES(0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22));
	make_fde(&frames, cie, true, START + 0x60, 0x20,
		 BYTES(0x0f, 3, 0x76, 0x78, 0x06, 0x10, 6, 2, 0x76, 0));
	make_fde(&frames, cie, true, START + 0x80, 0x10, BYTES(0x07, 16));
	make_fde(&frames, signal, true, START + 0xa0, 0x10, NULL, 0);
	make_fde(&frames, cie, true, START + 0x90, 0x8,
		 BYTES(0x0f, 10, 0x77, 8, 0x79, 0, 0x38, 0x1e, 0x22, 0x06, 0x23, 8));
	make_fde(&frames, cie, true, START + 0xb0, 0x10,
		 BYTES(0x0f, 7, 0x77, 8, 0x79, 0, 0x22, 0x06, 0x06));
	in.data = make_elf(&f, &in.bytes);
	return unwind_compile(&in, &t, NULL);
}

static int end(void **state)
{
	(void)state;
	unwind_table_done(&t);
	free((void *)in.data);
	buf_done(&frames);
	return 0;
}

static uint64_t mismatches(void)
{
	struct unwind_verdict v;

	assert_int_equal(unwind_verify(&in, &t, &v, NULL), 0);
	if (v.mismatches) {
		assert_true(v.mismatch[0].address >= START);
		assert_true(v.mismatch[0].text[0] != '\0');
	}
	return v.mismatches;
}

static struct unwind_rule *rule_at(uint64_t address)
{
	return (struct unwind_rule *)make_rule_at(&t, address);
}

static void what_was_compiled_passes(void **state)
{
	struct unwind_verdict v;

	(void)state;
	assert_int_equal(unwind_verify(&in, &t, &v, NULL), 0);
	assert_int_equal(v.mismatches, 0);
	assert_true(v.compared > 15);
	assert_true(v.unsaid[UNWIND_KIND_EXPRESSION] > 0);
	assert_int_equal(v.refused, 0);
}

/* Each rule of the table, each field of it. */
static void any_change_of_a_rule_is_seen(void **state)
{
	(void)state;
	for (uint32_t i = 1; i < t.n_rules; i++) {
		struct unwind_rule good = t.rules[i], *r = &t.rules[i];

		if (r->kind == UNWIND_KIND_EXPRESSION)
			continue;
		r->kind = r->kind == UNWIND_KIND_CFA ? UNWIND_KIND_CFA_DEREF : UNWIND_KIND_CFA;
		if (mismatches() == 0)
			fail_msg("rule %u: its kind", i);
		*r = good;
		if (r->kind == UNWIND_KIND_END || r->kind == UNWIND_KIND_SIGNAL)
			continue;
		r->base = 12;
		if (good.kind != UNWIND_KIND_PLT && mismatches() == 0)
			fail_msg("rule %u: its base", i);
		*r = good;
		r->cfa_offset--;
		if (mismatches() == 0)
			fail_msg("rule %u: its offset", i);
		*r = good;
		r->ra_offset ^= 1;
		if (mismatches() == 0)
			fail_msg("rule %u: where its return address is", i);
		*r = good;
		r->fp = r->fp == UNWIND_SAME ? UNWIND_AT_CFA : UNWIND_SAME;
		if (mismatches() == 0)
			fail_msg("rule %u: where its frame pointer is", i);
		*r = good;
		r->anchor = r->anchor == 5 ? 4 : 5;
		if (mismatches() == 0)
			fail_msg("rule %u: where its anchor is", i);
		*r = good;
	}
	assert_int_equal(mismatches(), 0);
}

static void any_change_of_a_row_is_seen(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < t.n_rows; i++) {
		struct unwind_row good = t.rows[i];
		bool early = t.rules[good.rule].kind == UNWIND_KIND_SIGNAL;

		if (t.rules[good.rule].kind == UNWIND_KIND_EXPRESSION)
			continue;
		t.rows[i].rule = good.rule == 1 ? 2 : 1;
		if (mismatches() == 0)
			fail_msg("row %u: its rule", i);
		t.rows[i] = good;
		if (i == 0)
			continue;
		t.rows[i].low++;
		if (!early && mismatches() == 0)
			fail_msg("row %u: it begins late", i);
		t.rows[i].low = (uint16_t)(good.low - 1);
		if (mismatches() == 0)
			fail_msg("row %u: it begins early", i);
		t.rows[i] = good;
	}
}

static void a_hole_and_a_row_too_much_are_seen(void **state)
{
	struct unwind_rule good = *rule_at(START + 0x10);
	uint32_t pages;

	(void)state;
	memset(rule_at(START + 0x10), 0, sizeof(good));
	assert_true(mismatches() > 0);
	t.rules[1] = good;
	t.rules[0] = good; /* every hole */
	assert_true(mismatches() > 0);
	memset(&t.rules[0], 0, sizeof(t.rules[0]));
	assert_int_equal(mismatches(), 0);
	pages = t.n_pages;
	t.n_pages = 0; /* a whole page */
	assert_true(mismatches() > 0);
	t.n_pages = pages;
}

/* As it stands in memory: an image that no file holds. */
static void the_vdso_is_what_libdw_says(void **state)
{
	const uint8_t *image = (const uint8_t *)getauxval(AT_SYSINFO_EHDR);
	struct unwind_input vdso = {.data = image};
	struct unwind_table table = {};
	struct unwind_verdict v;
	Elf64_Ehdr ehdr;

	(void)state;
	if (!image)
		skip(); /* started with vdso=0 */
	memcpy(&ehdr, image, sizeof(ehdr));
	vdso.bytes = ehdr.e_shoff + (size_t)ehdr.e_shnum * ehdr.e_shentsize; /* its end */
	assert_int_equal(unwind_compile(&vdso, &table, NULL), 0);
	assert_true(table.n_rows > 5);
	assert_int_equal(unwind_verify(&vdso, &table, &v, NULL), 0);
	assert_int_equal(v.mismatches, 0);
	unwind_table_done(&table);
}

static void debug_frame_is_judged_as_well(void **state)
{
	struct make_file f = {.debug_frame = &frames, .compressed = true};

	(void)state;
	end(NULL);
	buf_init(&frames, 1u << 20);
	make_debug_fde(&frames, make_debug_cie(&frames, BYTES(MAKE_BEGIN)), START + 0x10, 0x20,
		       BYTES(0x41, 0x0e, 16));
	in.data = make_elf(&f, &in.bytes);
	assert_int_equal(unwind_compile(&in, &t, NULL), 0);
	assert_int_equal(t.source, UNWIND_SOURCE_DEBUG_FRAME);
	assert_int_equal(mismatches(), 0);
	rule_at(START + 0x11)->cfa_offset++;
	assert_true(mismatches() > 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_compiled_passes),	   TEST(any_change_of_a_rule_is_seen),
		TEST(any_change_of_a_row_is_seen), TEST(a_hole_and_a_row_too_much_are_seen),
		TEST(the_vdso_is_what_libdw_says), TEST(debug_frame_is_judged_as_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
