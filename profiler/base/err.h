/*
 * A sentence beside an errno, for failures whose number alone does not tell the user what to do.
 *
 * Functions that take a `struct err *` accept NULL. The sentence is one line without a newline,
 * for people: what failed, on what, why, and what to do about it. Control characters, which the
 * names of foreign files may hold, become `?`; a sentence that does not fit ends in `...`.
 */
#pragma once

#include <stdarg.h>

#define ERR_TEXT_BYTES 512

struct err {
	int code; /* negative errno, 0 when nothing failed */
	char text[ERR_TEXT_BYTES];
};

/*
 * Fill e (may be NULL) and return code, so that a failure is one line: return err_set(e, -EINVAL,
 * ...). The arguments may be parts of e itself, so that a sentence can be wrapped in another.
 */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/*
 * The sentence, or strerror of the code where there is none. Never NULL; "unknown error" for
 * NULL.
 */
const char *err_text(const struct err *e);
