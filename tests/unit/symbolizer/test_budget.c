/* What is dropped first, and how bytes are counted. */
#include "symbolizer/budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static int dropped[4];
static int n_dropped;
static struct budget_item items[4];

static void note_drop(struct budget_item *item)
{
	dropped[n_dropped++] = (int)(item - items);
}

static int reset(void **state)
{
	(void)state;
	n_dropped = 0;
	for (int i = 0; i < 4; i++)
		items[i] = (struct budget_item){.drop = note_drop};
	return 0;
}

static void the_least_recently_used_goes_first(void **state)
{
	struct budget b = {.bytes_max = 250};

	(void)state;
	for (int i = 0; i < 3; i++)
		budget_charge(&b, &items[i], 100);
	budget_touch(&items[0]);
	budget_trim(&b);
	assert_int_equal(n_dropped, 1);
	assert_int_equal(dropped[0], 1);
	assert_int_equal(b.bytes, 200);
	b.bytes_max = 100;
	budget_trim(&b);
	assert_int_equal(dropped[1], 2);
	assert_int_equal(b.bytes, 100);
	assert_ptr_equal(b.newest, &items[0]);
	assert_ptr_equal(b.oldest, &items[0]);
}

static void what_is_dear_goes_last(void **state)
{
	struct budget b = {.bytes_max = 250};

	(void)state;
	items[0].dear = true;
	for (int i = 0; i < 4; i++)
		budget_charge(&b, &items[i], 100);
	budget_touch(&items[3]);
	budget_trim(&b);
	assert_int_equal(n_dropped, 2);
	assert_int_equal(dropped[0], 1);
	assert_int_equal(dropped[1], 2);
	b.bytes_max = 50; /* now it is more than half */
	budget_trim(&b);
	assert_int_equal(n_dropped, 4);
	assert_int_equal(b.bytes, 0);
	assert_int_equal(b.dear_bytes, 0);
}

static void many_that_are_dear_are_as_all_others(void **state)
{
	struct budget b = {.bytes_max = 250};

	(void)state;
	for (int i = 0; i < 4; i++) {
		items[i].dear = i < 3;
		budget_charge(&b, &items[i], 100);
	}
	budget_trim(&b);
	assert_int_equal(n_dropped, 2);
	assert_int_equal(dropped[0], 0);
	b.bytes_max = 0;
	budget_trim(&b);
	assert_int_equal(n_dropped, 4);
}

static void what_fits_stays(void **state)
{
	struct budget b = {.bytes_max = 300};

	(void)state;
	for (int i = 0; i < 3; i++)
		budget_charge(&b, &items[i], 100);
	budget_trim(&b);
	assert_int_equal(n_dropped, 0);
}

static void charging_again_replaces_the_bytes(void **state)
{
	struct budget b = {.bytes_max = 1000};

	(void)state;
	budget_charge(&b, &items[0], 100);
	budget_charge(&b, &items[1], 50);
	budget_charge(&b, &items[0], 300);
	assert_int_equal(b.bytes, 350);
	assert_ptr_equal(b.oldest, &items[1]);
}

static void a_forgotten_item_is_not_dropped(void **state)
{
	struct budget b = {.bytes_max = 10};

	(void)state;
	for (int i = 0; i < 3; i++)
		budget_charge(&b, &items[i], 100);
	budget_forget(&b, &items[1]);
	budget_forget(&b, &items[1]);
	budget_touch(&items[1]);
	budget_trim(&b);
	assert_int_equal(n_dropped, 2);
	assert_int_equal(dropped[0], 0);
	assert_int_equal(dropped[1], 2);
	assert_int_equal(b.bytes, 0);
	assert_null(b.newest);
	assert_null(b.oldest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_dear_goes_last, reset),
		cmocka_unit_test_setup(many_that_are_dear_are_as_all_others, reset),
		cmocka_unit_test_setup(the_least_recently_used_goes_first, reset),
		cmocka_unit_test_setup(what_fits_stays, reset),
		cmocka_unit_test_setup(charging_again_replaces_the_bytes, reset),
		cmocka_unit_test_setup(a_forgotten_item_is_not_dropped, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
