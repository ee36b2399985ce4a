/* States into rules: what a rule says, the kind of what it cannot, and the dictionary. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "symbolizer/unwind/rules.h"
#include "tests/unit/unwind/make.h"

static struct cfi_rule at(int64_t offset)
{
	return (struct cfi_rule){.how = CFI_AT, .offset = offset};
}

static struct cfi_rule expression(const uint8_t *bytes, size_t n)
{
	return (struct cfi_rule){.how = CFI_EXPRESSION, .expression = bytes, .bytes = (uint32_t)n};
}

static struct cfi_state plain(void)
{
	return (struct cfi_state){.has_cfa = true, .cfa = at(16), .base = 7, .ra = at(-8)};
}

static struct unwind_rule make_for(uint16_t machine, bool is_signal, const struct cfi_state *s)
{
	struct cfi_cie cie = {.is_signal = is_signal};
	struct cfi_registers registers;

	assert_true(cfi_registers_of(machine, &registers));
	return unwind_rule_make(&registers, &cie, s);
}

static struct unwind_rule make(const struct cfi_state *s)
{
	return make_for(EM_X86_64, false, s);
}

static void assert_only(struct unwind_rule rule, enum unwind_kind kind)
{
	struct unwind_rule only = {.kind = (uint8_t)kind};

	assert_memory_equal(&rule, &only, sizeof(rule));
}

static void a_plain_row_is_a_plain_rule(void **state)
{
	struct cfi_state s = plain();
	struct unwind_rule r;

	(void)state;
	s.fp = at(-16);
	r = make(&s);
	assert_int_equal(r.kind, UNWIND_KIND_CFA);
	assert_int_equal(r.base, 7);
	assert_int_equal(r.cfa_offset, 16);
	assert_int_equal(r.ra, UNWIND_AT_CFA);
	assert_int_equal(r.ra_offset, -8);
	assert_int_equal(r.fp, UNWIND_AT_CFA);
	assert_int_equal(r.fp_offset, -16);
}

static void the_frame_pointer_may_be_anywhere(void **state)
{
	const struct {
		struct cfi_rule fp;
		enum unwind_where where;
		int offset;
	} table[] = {
		{{.how = CFI_UNSPECIFIED}, UNWIND_SAME, 0},
		{{.how = CFI_SAME}, UNWIND_SAME, 0},
		{{.how = CFI_UNDEFINED}, UNWIND_UNDEFINED, 0},
		{{.how = CFI_IN_REGISTER, .offset = 9}, UNWIND_IN_REGISTER, 9},
		{{.how = CFI_EXPRESSION, .expression = (const uint8_t[]){0x76, 0x70}, .bytes = 2},
		 UNWIND_AT_FP,
		 -16},
		{{.how = CFI_EXPRESSION, .expression = (const uint8_t[]){0x77, 0x08}, .bytes = 2},
		 UNWIND_AT_SP,
		 8},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct cfi_state s = plain();
		struct unwind_rule r;

		s.fp = table[i].fp;
		r = make(&s);
		assert_int_equal(r.kind, UNWIND_KIND_CFA);
		assert_int_equal(r.fp, table[i].where);
		assert_int_equal(r.fp_offset, table[i].offset);
	}
}

static void the_anchor_is_below_the_cfa_or_is_not_followed(void **state)
{
	const struct {
		struct cfi_rule anchor;
		unsigned int words;
	} table[] = {
		{{.how = CFI_UNSPECIFIED}, UNWIND_ANCHOR_SAME},
		{{.how = CFI_SAME}, UNWIND_ANCHOR_SAME},
		{{.how = CFI_AT, .offset = -16}, 2},
		{{.how = CFI_AT, .offset = -240}, UNWIND_ANCHOR_WORDS_MAX},
		{{.how = CFI_AT, .offset = -248}, UNWIND_ANCHOR_UNKNOWN},
		{{.how = CFI_AT, .offset = -12}, UNWIND_ANCHOR_UNKNOWN},
		{{.how = CFI_AT, .offset = 0}, UNWIND_ANCHOR_UNKNOWN},
		{{.how = CFI_AT, .offset = 16}, UNWIND_ANCHOR_UNKNOWN},
		{{.how = CFI_AT, .offset = INT64_MIN}, UNWIND_ANCHOR_UNKNOWN},
		{{.how = CFI_UNDEFINED}, UNWIND_ANCHOR_UNKNOWN},
		{{.how = CFI_IN_REGISTER, .offset = 9}, UNWIND_ANCHOR_UNKNOWN},
		{{.how = CFI_VALUE, .offset = -16}, UNWIND_ANCHOR_UNKNOWN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct cfi_state s = plain();
		struct unwind_rule r;

		s.anchor = table[i].anchor;
		r = make(&s);
		assert_int_equal(r.kind, UNWIND_KIND_CFA);
		assert_int_equal(r.anchor, table[i].words);
	}
}

static void a_return_address_may_be_in_a_register(void **state)
{
	struct cfi_state s = plain();
	struct unwind_rule r;

	(void)state;
	s.ra = (struct cfi_rule){.how = CFI_IN_REGISTER, .offset = 5};
	r = make(&s);
	assert_int_equal(r.ra, UNWIND_IN_REGISTER);
	assert_int_equal(r.ra_offset, 5);
	s.ra = (struct cfi_rule){};
	r = make(&s);
	assert_int_equal(r.ra, UNWIND_AT_CFA);
	assert_int_equal(r.ra_offset, -8);
}

static void a_realigned_stack_is_read(void **state)
{
	struct cfi_state s = plain();
	struct unwind_rule r;

	(void)state;
	s.cfa = expression(BYTES(0x76, 0x78, 0x06, 0x23, 8));
	r = make(&s);
	assert_int_equal(r.kind, UNWIND_KIND_CFA_DEREF);
	assert_int_equal(r.base, 6);
	assert_int_equal(UNWIND_DEREF_AT(r.cfa_offset), -8);
	assert_int_equal(UNWIND_DEREF_ADD(r.cfa_offset), 8);
	s.cfa = expression(BYTES(0x76, 0x10));
	r = make(&s);
	assert_int_equal(r.kind, UNWIND_KIND_CFA);
	assert_int_equal(r.cfa_offset, 16);
}

static void an_indexed_stack_is_read(void **state)
{
	struct cfi_state s = plain();
	struct unwind_rule r;

	(void)state;
	s.cfa = expression(BYTES(0x77, 0x78, 0x79, 0, 0x38, 0x1e, 0x22, 0x06, 0x09, 0xf0, 0x22));
	r = make(&s);
	assert_int_equal(r.kind, UNWIND_KIND_CFA_INDEXED);
	assert_int_equal(r.base, 7);
	assert_int_equal(UNWIND_INDEXED_BY(r.cfa_offset), 9);
	assert_int_equal(UNWIND_INDEXED_AT(r.cfa_offset), -8);
	assert_int_equal(UNWIND_INDEXED_ADD(r.cfa_offset), -16);
}

static void a_plt_stub_keeps_its_threshold(void **state)
{
	struct cfi_state s = plain();
	struct unwind_rule r;

	(void)state;
	s.cfa = expression(BYTES(0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3a, 0x2a, 0x33, 0x24, 0x22));
	r = make(&s);
	assert_int_equal(r.kind, UNWIND_KIND_PLT);
	assert_int_equal(r.cfa_offset, 10);
	s.cfa = expression(BYTES(0x77, 16, 0x80, 0, 0x3f, 0x1a, 0x3a, 0x2a, 0x33, 0x24, 0x22));
	assert_only(make(&s), UNWIND_KIND_EXPRESSION);
}

static void an_undefined_return_address_is_the_end(void **state)
{
	struct cfi_state s = plain();

	(void)state;
	s.ra = (struct cfi_rule){.how = CFI_UNDEFINED};
	assert_only(make(&s), UNWIND_KIND_END);
	s.has_cfa = false;
	assert_only(make(&s), UNWIND_KIND_END);
	s.ra = at(-8);
	assert_only(make(&s), UNWIND_KIND_HOLE);
}

static struct cfi_state restorer(void)
{
	static const uint8_t cfa[] = {0x77, 0xa0, 1, 0x06}, ra[] = {0x77, 0xa8, 1},
			     fp[] = {0x77, 0xf8, 0}, sp[] = {0x77, 0xa0, 1};

	return (struct cfi_state){.has_cfa = true,
				  .cfa = expression(cfa, sizeof(cfa)),
				  .ra = expression(ra, sizeof(ra)),
				  .fp = expression(fp, sizeof(fp)),
				  .sp = expression(sp, sizeof(sp))};
}

static void a_signal_frame_is_the_kernels_and_nothing_else_is(void **state)
{
	struct cfi_state s = restorer();

	(void)state;
	assert_only(make_for(EM_X86_64, true, &s), UNWIND_KIND_SIGNAL);
	assert_only(make_for(EM_X86_64, false, &s), UNWIND_KIND_EXPRESSION);
	s.ra = expression(BYTES(0x77, 0xa0, 1));
	assert_only(make_for(EM_X86_64, true, &s), UNWIND_KIND_EXPRESSION);
	s = restorer();
	s.fp = at(-16);
	assert_int_not_equal(make_for(EM_X86_64, true, &s).kind, UNWIND_KIND_SIGNAL);
	s = plain();
	assert_int_equal(make_for(EM_X86_64, true, &s).kind, UNWIND_KIND_CFA);
	assert_only(make_for(EM_AARCH64, true, &s), UNWIND_KIND_SIGNAL);
}

static struct cfi_rule in(int64_t number)
{
	return (struct cfi_rule){.how = CFI_IN_REGISTER, .offset = number};
}

/* glibc's longjmp behind its loads: CFA = rdi, rsp in r8, rbp in r9, rip in rdx. */
static void longjmp_has_its_callers_stack_pointer_in_a_register(void **state)
{
	struct cfi_state s = plain();
	struct unwind_rule r;

	(void)state;
	s.cfa = at(0);
	s.base = 5;
	s.sp = in(8);
	s.fp = in(9);
	s.ra = in(1);
	r = make(&s);
	assert_int_equal(r.kind, UNWIND_KIND_JUMP);
	assert_int_equal(r.base, 8);
	assert_int_equal(r.cfa_offset, 0);
	assert_int_equal(r.ra, UNWIND_IN_REGISTER);
	assert_int_equal(r.ra_offset, 1);
	assert_int_equal(r.fp, UNWIND_IN_REGISTER);
	assert_int_equal(r.fp_offset, 9);
	/* What is saved at the CFA cannot be said beside another stack pointer. */
	s.fp = at(-16);
	assert_only(make(&s), UNWIND_KIND_REGISTER);
	s.fp = in(9);
	s.sp = in(40);
	assert_only(make(&s), UNWIND_KIND_REGISTER);
}

static void what_a_rule_cannot_say_has_a_kind(void **state)
{
	struct cfi_state s;

	(void)state;
	s = plain();
	s.base = 17;
	assert_only(make(&s), UNWIND_KIND_REGISTER);
	s = plain();
	s.cfa.offset = 1ll << 31;
	assert_only(make(&s), UNWIND_KIND_REGISTER);
	s = plain();
	s.fp = at(-32776);
	assert_only(make(&s), UNWIND_KIND_REGISTER);
	s = plain();
	s.ra = at(32768);
	assert_only(make(&s), UNWIND_KIND_REGISTER);
	s = plain();
	s.ra.how = CFI_SAME;
	assert_only(make(&s), UNWIND_KIND_REGISTER);
	s = plain();
	s.fp.how = CFI_VALUE;
	assert_only(make(&s), UNWIND_KIND_REGISTER);
	s = plain();
	s.fp = (struct cfi_rule){.how = CFI_IN_REGISTER, .offset = 40};
	assert_only(make(&s), UNWIND_KIND_REGISTER);
	s = plain();
	s.sp = (struct cfi_rule){.how = CFI_IN_REGISTER, .offset = 8}; /* as in longjmp */
	assert_only(make(&s), UNWIND_KIND_REGISTER);
	s = plain();
	s.cfa = expression(BYTES(0x77, 8, 0x79, 0, 0x34, 0x1e, 0x22, 0x06));
	assert_only(make(&s), UNWIND_KIND_EXPRESSION);
	s = plain();
	s.cfa = expression(BYTES(0x77, 8, 0x79, 0, 0x38, 0x1e, 0x22, 0x06, 0x23, 0x80, 1));
	assert_only(make(&s), UNWIND_KIND_REGISTER); /* adds more than 127 */
	s = plain();
	s.cfa = expression(BYTES(0x77, 0x80, 0x80, 2, 0x06)); /* an offset of 32768 */
	assert_only(make(&s), UNWIND_KIND_REGISTER);
	s = plain();
	s.fp.how = CFI_VALUE_EXPRESSION;
	assert_only(make(&s), UNWIND_KIND_EXPRESSION);
	s = plain();
	s.ra = expression(BYTES(0x76, 0x08));
	assert_only(make(&s), UNWIND_KIND_EXPRESSION);
}

static void on_arm64_the_return_address_waits_in_its_register(void **state)
{
	struct cfi_state s = {.has_cfa = true, .cfa = at(0), .base = 31};
	struct unwind_rule r = make_for(EM_AARCH64, false, &s);

	(void)state;
	assert_int_equal(r.kind, UNWIND_KIND_CFA);
	assert_int_equal(r.base, 31);
	assert_int_equal(r.ra, UNWIND_IN_REGISTER);
	assert_int_equal(r.ra_offset, 30);
	s.ra = at(-8);
	s.fp = at(-16);
	r = make_for(EM_AARCH64, false, &s);
	assert_int_equal(r.ra, UNWIND_AT_CFA);
	assert_int_equal(r.fp_offset, -16);
}

static void a_rule_has_one_number_and_the_hole_is_0(void **state)
{
	struct unwind_rule hole = {}, rule = {.kind = UNWIND_KIND_CFA, .base = 7};
	struct unwind_rules d;

	(void)state;
	assert_int_equal(unwind_rules_init(&d), 0);
	assert_int_equal(unwind_rules_add(&d, &hole), UNWIND_RULE_HOLE);
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 5000; i++) {
			rule.cfa_offset = 8 * i;
			assert_int_equal(unwind_rules_add(&d, &rule), 1 + i);
		}
	assert_int_equal(d.n, 5001);
	unwind_rules_done(&d);
}

static void a_dictionary_that_is_full_says_so(void **state)
{
	struct unwind_rule rule = {.kind = UNWIND_KIND_CFA, .base = 7};
	struct unwind_rules d;

	(void)state;
	assert_int_equal(unwind_rules_init(&d), 0);
	for (int i = 1; i < UNWIND_RULES_MAX; i++) {
		rule.cfa_offset = i;
		assert_int_equal(unwind_rules_add(&d, &rule), i);
	}
	rule.cfa_offset = 0;
	assert_int_equal(unwind_rules_add(&d, &rule), -E2BIG);
	rule.cfa_offset = 7;
	assert_int_equal(unwind_rules_add(&d, &rule), 7);
	unwind_rules_done(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_row_is_a_plain_rule),
		cmocka_unit_test(the_frame_pointer_may_be_anywhere),
		cmocka_unit_test(the_anchor_is_below_the_cfa_or_is_not_followed),
		cmocka_unit_test(a_return_address_may_be_in_a_register),
		cmocka_unit_test(a_realigned_stack_is_read),
		cmocka_unit_test(an_indexed_stack_is_read),
		cmocka_unit_test(a_plt_stub_keeps_its_threshold),
		cmocka_unit_test(an_undefined_return_address_is_the_end),
		cmocka_unit_test(a_signal_frame_is_the_kernels_and_nothing_else_is),
		cmocka_unit_test(longjmp_has_its_callers_stack_pointer_in_a_register),
		cmocka_unit_test(what_a_rule_cannot_say_has_a_kind),
		cmocka_unit_test(on_arm64_the_return_address_waits_in_its_register),
		cmocka_unit_test(a_rule_has_one_number_and_the_hole_is_0),
		cmocka_unit_test(a_dictionary_that_is_full_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
