/* Import, merge of all batches, export; see import_into.h. */
#include "tests/unit/web/import_into.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "web/export/export.h"

static const size_t steps[] = {0, 1, 7, 64};

static int take(void *arg, const struct import_batch *b)
{
	return profile_merge((struct profile *)arg, b->p);
}

static char *text_of(const struct profile *p, bool as_samples)
{
	struct buf out;
	struct err err = {};
	char *text;

	buf_init(&out, EXPORT_BYTES_MAX);
	if (export_write(as_samples ? EXPORT_SAMPLES : EXPORT_FOLDED, p, NULL, &out, &err) < 0)
		fail_msg("%s", err_text(&err));
	text = strdup(buf_str(&out));
	buf_done(&out);
	return text;
}

char *import_into(enum import_format format, const void *bytes, size_t len, size_t step,
		  bool as_samples, struct import_counts *ret, struct err *err)
{
	struct import_options o = {
		.format = format, .name = "x", .at_ms = IMPORT_INTO_AT_MS, .take = take};
	struct profile *p;
	struct import *w;
	char *text = NULL;
	int r;

	assert_int_equal(profile_new(false, &p), 0);
	o.arg = p;
	assert_int_equal(import_new(&o, &w), 0);
	r = 0;
	for (size_t at = 0; at < len && r == 0; at += step ? step : len) {
		size_t n = step && step < len - at ? step : len - at;

		r = import_add(w, (const char *)bytes + at, n, err);
	}
	if (r == 0)
		r = import_end(w, err);
	if (ret)
		*ret = *import_counts(w);
	if (r == 0)
		text = text_of(p, as_samples);
	import_free(w);
	profile_free(p);
	return text;
}

void import_into_check(enum import_format format, const char *text, const char *expected)
{
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct err err = {};
		char *got = import_into(format, text, strlen(text), steps[i], true, NULL, &err);

		if (!got)
			fail_msg("%s", err_text(&err));
		assert_non_null(strchr(got, '\n'));
		assert_string_equal(strchr(got, '\n') + 1, expected);
		free(got);
	}
}

void import_into_refused(enum import_format format, const void *bytes, size_t len, int code,
			 const char *sentence)
{
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct err err = {};
		char *got;

		if (len > 100000 && steps[i] < 64 && steps[i])
			continue;
		got = import_into(format, bytes, len, steps[i], true, NULL, &err);
		if (got)
			fail_msg("taken: %.60s", (const char *)bytes);
		if (err.code != code || !strstr(err_text(&err), sentence))
			fail_msg("%.60s: %d, %s; not: %s", (const char *)bytes, err.code,
				 err_text(&err), sentence);
	}
}
