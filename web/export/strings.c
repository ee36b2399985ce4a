/* Distinct strings with dense numbers; see strings.h. */
#include "web/export/strings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/base/utf8.h"

#define FIRST_STRINGS 256
#define FIRST_BYTES   8192

int export_strings_init(struct export_strings *t)
{
	int64_t r;

	*t = (struct export_strings){};
	r = export_strings_add(t, "");
	return r < 0 ? (int)r : 0;
}

void export_strings_done(struct export_strings *t)
{
	free(t->text);
	free(t->offset);
	idmap_done(&t->index);
	*t = (struct export_strings){};
}

static int reserve(struct export_strings *t, size_t len)
{
	size_t bytes = t->cap_bytes ? t->cap_bytes : FIRST_BYTES;
	char *text = t->text;

	while (bytes < t->bytes + len)
		bytes *= 2;
	if (bytes != t->cap_bytes)
		text = realloc(t->text, bytes);
	if (!text)
		return -ENOMEM;
	t->text = text;
	t->cap_bytes = bytes;
	if (t->n == t->cap) {
		uint32_t cap = t->cap ? t->cap * 2 : FIRST_STRINGS;
		size_t *offset = realloc(t->offset, cap * sizeof(*offset));

		if (!offset)
			return -ENOMEM;
		t->offset = offset;
		t->cap = cap;
	}
	return 0;
}

int64_t export_strings_add(struct export_strings *t, const char *s)
{
	size_t len = strlen(s);
	uint64_t hash = hash_bytes(s, len);
	uint32_t at, id;
	int r;

	for (id = idmap_first(&t->index, hash, &at); id != IDMAP_NONE;
	     id = idmap_next(&t->index, hash, &at))
		if (!strcmp(t->text + t->offset[id], s))
			return id;
	r = reserve(t, len + 1);
	if (r < 0)
		return r;
	r = idmap_add(&t->index, hash, t->n);
	if (r < 0)
		return r;
	memcpy(t->text + t->bytes, s, len + 1);
	t->offset[t->n] = t->bytes;
	t->bytes += len + 1;
	return t->n++;
}

const char *export_strings_at(const struct export_strings *t, uint32_t id)
{
	return t->text + t->offset[id];
}

int export_strings_clean(struct buf *out, const char *s)
{
	size_t len = strlen(s);
	size_t at = 0, plain = 0;

	while (at < len) {
		uint32_t c;
		int n = utf8_next(s + at, len - at, &c);

		if (n > 0) {
			at += (size_t)n;
			continue;
		}
		buf_add(out, s + plain, at - plain);
		buf_add_str(out, "\xef\xbf\xbd");
		plain = ++at;
	}
	return buf_add(out, s + plain, at - plain);
}
