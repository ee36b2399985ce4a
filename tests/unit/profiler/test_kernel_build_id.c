/* The kernel's build id among its notes, and notes that lie. */
#include "profiler/collector/kernel_build_id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define WORD(n) (n) & 0xff, ((n) >> 8) & 0xff, ((n) >> 16) & 0xff, ((n) >> 24) & 0xff

static void the_id_is_found_behind_other_notes(void **state)
{
	static const uint8_t notes[] = {WORD(6), WORD(1), WORD(0x101), 'L',	'i', 'n', 'u',
					'x',	 0,	  0,	       0,	7,   0,	  0,
					0,	 WORD(4), WORD(4),     WORD(3), 'G', 'N', 'U',
					0,	 0xde,	  0xad,	       0xbe,	0xef};
	static const uint8_t id[] = {0xde, 0xad, 0xbe, 0xef};
	uint8_t got[ABI_BUILD_ID_MAX];

	(void)state;
	assert_int_equal(kernel_build_id_parse(notes, sizeof(notes), got), 4);
	assert_memory_equal(got, id, 4);
}

static void notes_that_lie_give_none(void **state)
{
	static const uint8_t too_long[] = {WORD(4), WORD(64), WORD(3), 'G', 'N', 'U', 0};
	static const uint8_t huge[] = {
		WORD(0xffffffff), WORD(4), WORD(3), 'G', 'N', 'U', 0, 1, 2, 3, 4};
	static const uint8_t cut[] = {WORD(4), WORD(20), WORD(3), 'G', 'N', 'U', 0, 1, 2};
	static const uint8_t other[] = {WORD(4), WORD(4), WORD(1), 'G', 'N', 'U', 0, 1, 2, 3, 4};
	uint8_t got[ABI_BUILD_ID_MAX];
	uint8_t oversized[16 + 64] = {WORD(4), WORD(64), WORD(3), 'G', 'N', 'U', 0};

	(void)state;
	assert_int_equal(kernel_build_id_parse(too_long, sizeof(too_long), got), 0);
	assert_int_equal(kernel_build_id_parse(huge, sizeof(huge), got), 0);
	assert_int_equal(kernel_build_id_parse(cut, sizeof(cut), got), 0);
	assert_int_equal(kernel_build_id_parse(other, sizeof(other), got), 0);
	assert_int_equal(kernel_build_id_parse(oversized, sizeof(oversized), got), 0);
	assert_int_equal(kernel_build_id_parse("", 0, got), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_id_is_found_behind_other_notes),
		cmocka_unit_test(notes_that_lie_give_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
