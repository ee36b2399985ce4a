/*
 * What the tests of resolve share: this program's own function as the thing to be named, and a
 * record of the answers.
 *
 * Workers are the test program again, so each of them is the symbolizer worker as well: see
 * asker_begins().
 */
#pragma once

#include "profiler/resolve/resolve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#define SEEN_OBJECTS 64

struct seen {
	struct {
		unsigned int named, nameless, identified, failed, tables, tables_later;
		unsigned int table_fdes; /* functions of the last table */
		int error;
		char sentence[256], function[256];
	} object[SEEN_OBJECTS];
	struct resolve *forget_at_once; /* on the first answer of an object, forget it */
};
extern const struct resolve_answers to_seen;

extern char self[4096]; /* the path of this program */

struct resolve *new_resolve(unsigned int request_ms);
struct resolve_object file_object(uint32_t number, const char *path);
uint64_t function_offset(void); /* where our function stands in the file that we run */
void announce_self(struct resolve *r, uint32_t object);
void ask_function(struct resolve *r, uint32_t object);
void copy_self(const char *to, uid_t owner);

void take_all(struct resolve *r, struct seen *s); /* until no answer is awaited */
/* Ask for the table and take answers until it has come: its functions, 0 where there is none. */
unsigned int wait_for_table(struct resolve *r, struct seen *s, uint32_t object);
void assert_named(const struct seen *s, uint32_t object);
uint64_t status_number(struct resolve *r, const char *key); /* of the status JSON */
uint64_t now_ms(void);

/* For main(): true where it is to return *ret: the worker has ended, or we are not root. */
bool asker_begins(int argc, char **argv, int *ret);
