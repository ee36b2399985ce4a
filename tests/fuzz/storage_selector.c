/*
 * selector.h over any text: parsing and matching are bounded, and a selector that is taken says
 * 1, 0 or that it needs too much.
 */
#include "storage/selector.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct profile *example(void)
{
	struct profile_labels l = {.has = 1u << PROFILE_LABEL_PID | 1u << PROFILE_LABEL_COMM,
				   .n_extra = 1};
	struct profile *p;

	if (profile_new(false, &p) < 0)
		abort();
	l.value[PROFILE_LABEL_PID] = 4711;
	l.value[PROFILE_LABEL_COMM] =
		(uint64_t)profile_string(p, "aaaaaaaaaaaaaaaaaaaaaaaaaaaa redis-server \xff");
	l.extra[0].key = (uint32_t)profile_string(p, "zone");
	l.extra[0].value = (uint32_t)profile_string(p, "eu");
	if (profile_labels(p, &l) != 0)
		abort();
	return p;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = strndup((const char *)data, len);
	struct profile *p = example();
	struct selector *s = NULL;
	struct err err = {};
	int r;

	if (!text)
		abort();
	r = selector_parse(text, &s, &err);
	if (r < 0 && (s || err.code != r || !err.text[0]))
		abort();
	if (r == 0) {
		r = selector_matches(s, p, 0);
		if (r != 0 && r != 1 && r != -E2BIG && r != -ENOMEM)
			abort();
	}
	selector_free(s);
	profile_free(p);
	free(text);
	return 0;
}
