/*
 * Query parameters: which there are, and their values as times, formats and numbers. Pure.
 */
#pragma once

#include "profiler/base/err.h"
#include "web/export/export.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(enum, name) */
#define WEB_PARAM_LIST(X)           \
	X(FROM, "from")             \
	X(UNTIL, "until")           \
	X(BASE_FROM, "base_from")   \
	X(BASE_UNTIL, "base_until") \
	X(MATCH, "match")           \
	X(BASE_MATCH, "base_match") \
	X(TYPE, "type")             \
	X(FORMAT, "format")         \
	X(STEP, "step")             \
	X(BY, "by")                 \
	X(SECONDS, "seconds")       \
	X(FILE, "file")             \
	X(FUNCTION, "function")     \
	X(OBJECT, "object")

enum web_param {
#define WEB_PARAM_ENUM(name, text) WEB_PARAM_##name,
	WEB_PARAM_LIST(WEB_PARAM_ENUM)
#undef WEB_PARAM_ENUM
		WEB_PARAM_COUNT
};

#define WEB_PARAM_BIT(name)  (1u << WEB_PARAM_##name)
#define WEB_PARAM_RANGE	     (WEB_PARAM_BIT(FROM) | WEB_PARAM_BIT(UNTIL) | WEB_PARAM_BIT(MATCH))
#define WEB_PARAM_BYTES_MAX  8192
#define WEB_SECONDS_DEFAULT  30
#define WEB_SECONDS_MAX	     (366ull * 86400)
#define WEB_RANGE_DEFAULT_NS 3600000000000ull

struct web_params {
	char *value[WEB_PARAM_COUNT]; /* as given; NULL missing; [WEB_PARAM_BY] is the first one */
	char *by[EXPORT_BY_MAX + 1]; /* NULL-terminated */
	size_t n_by;
	/* after web_params_finish() */
	uint64_t from_ns, until_ns, base_from_ns, base_until_ns;
	uint64_t step_ns; /* 0: not given */
	enum export_format format; /* flame where not given */
};

/*
 * One parameter of a request whose route knows those of the mask `known`. Copied. 0; -EINVAL with a
 * sentence: unknown, given twice (`by` may be repeated), too long; -ENOMEM.
 */
int web_params_add(struct web_params *p, uint32_t known, const char *name, const char *value,
		   struct err *err);

/* Read the values and fill in what was not given and is known. 0 or -EINVAL with a sentence. */
int web_params_finish(struct web_params *p, uint32_t known, uint64_t now_ns, struct err *err);
void web_params_done(struct web_params *p); /* a zeroed struct is an empty one */
