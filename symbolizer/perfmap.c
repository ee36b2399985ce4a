/*
 * Lines of a perf map ("7f3f48006200 310 JS:*alpha hot.js:1:15"); perfmap.h is the contract.
 */
#include "symbolizer/perfmap.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define HEX_DIGITS_MAX 16

struct text {
	const char *at;
	const char *end;
};

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* A number and the blanks behind it, at least one. */
static bool take_number(struct text *t, uint64_t *ret)
{
	uint64_t value = 0;
	unsigned int digits = 0;

	if (t->end - t->at > 2 && t->at[0] == '0' && t->at[1] == 'x')
		t->at += 2;
	for (; t->at < t->end && digit_of(*t->at) >= 0; t->at++, digits++) {
		if (value >> 60) /* leading zeros are no digits of it */
			return false;
		value = value << 4 | (unsigned int)digit_of(*t->at);
	}
	if (!digits || digits > 2 * HEX_DIGITS_MAX || t->at == t->end || *t->at != ' ')
		return false;
	while (t->at < t->end && *t->at == ' ')
		t->at++;
	*ret = value;
	return true;
}

int perfmap_parse_line(const char *line, size_t len, struct perfmap_line *ret)
{
	struct text t = {line, line + len};
	uint64_t start, size;

	if (!take_number(&t, &start) || !take_number(&t, &size) || size > UINT64_MAX - start)
		return -EBADMSG;
	while (t.end > t.at && (t.end[-1] == '\r' || t.end[-1] == ' '))
		t.end--;
	if (t.at == t.end || memchr(t.at, '\0', (size_t)(t.end - t.at)))
		return -EBADMSG;
	*ret = (struct perfmap_line){
		.start = start,
		.end = start + size,
		.name = t.at,
		.name_len = (size_t)(t.end - t.at),
	};
	return 0;
}
