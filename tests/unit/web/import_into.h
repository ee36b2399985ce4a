/* Bytes through web/import and out again as text, for the tests of its formats. */
#pragma once

#include "web/import/import.h"

#define IMPORT_INTO_AT_MS 1795000000123ull

/*
 * Imported as name "x" at IMPORT_INTO_AT_MS, given in pieces of step bytes (0: all at once), and
 * exported as samples or folded. The caller frees; NULL: the import failed, err has why.
 */
char *import_into(enum import_format format, const void *bytes, size_t len, size_t step,
		  bool as_samples, struct import_counts *ret, struct err *err);

/* The text as samples without the head, from any pieces: all must agree. */
void import_into_check(enum import_format format, const char *text, const char *expected);
/* It is refused with this sentence in the message, from any pieces. */
void import_into_refused(enum import_format format, const void *bytes, size_t len, int code,
			 const char *sentence);
