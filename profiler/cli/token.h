/* The access token: one line of a file that only its owner can read. */
#pragma once

#include "profiler/base/err.h"

#include <stddef.h>

/*
 * Read it, without its end of line, into ret (bytes, at least 2; a NUL behind it). -EPERM: not a
 * regular file of mode 0600 (or stricter) of root or the caller; -EBADMSG: empty, longer than
 * fits, or not printable ASCII without spaces.
 */
int token_read(const char *path, char *ret, size_t bytes, struct err *err);
