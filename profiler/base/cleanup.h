/*
 * Scoped clean-up: locals free themselves, ownership leaves by an explicit steal.
 *
 * `_cleanup_free_ char *s = strdup(...)` frees s when its scope ends; `return steal_ptr(s)` gives
 * it away.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_freep(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}

#define _cleanup_(f)	 __attribute__((cleanup(f)))
#define _cleanup_free_	 _cleanup_(cleanup_freep)
#define _cleanup_close_	 _cleanup_(cleanup_closep)
#define _cleanup_fclose_ _cleanup_(cleanup_fclosep)

#define steal_ptr(p)                      \
	({                                \
		__typeof__(p) *p_ = &(p); \
		__typeof__(p) v_ = *p_;   \
		*p_ = NULL;               \
		v_;                       \
	})

#define steal_fd(fd)             \
	({                       \
		int *p_ = &(fd); \
		int v_ = *p_;    \
		*p_ = -1;        \
		v_;              \
	})
