/* A directory of its own for each test that needs a store, gone when the test ends. */
#pragma once

#include "storage/store.h"

struct place {
	char dir[64], path[96];
};

int place_make(void **state); /* cmocka's set-up and tear-down: *state is a struct place */
int place_remove(void **state);
void place_empty(const struct place *p); /* removes the files in it */

#define PLACE_TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

/* Open or fail the test with the sentence. */
struct store *place_writer(const struct place *p, const struct store_options *options);
struct store *place_reader(const struct place *p);
