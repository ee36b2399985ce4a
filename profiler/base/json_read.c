/* Slices of JSON text; see json_read.h. The grammar is that of RFC 8259. */
#include "profiler/base/json_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct text {
	const char *at;
	const char *end;
};

static char peek(const struct text *t)
{
	return t->at < t->end ? *t->at : '\0';
}

static void skip_space(struct text *t)
{
	while (t->at < t->end &&
	       (*t->at == ' ' || *t->at == '\t' || *t->at == '\n' || *t->at == '\r'))
		t->at++;
}

static bool skip_char(struct text *t, char c)
{
	if (t->at >= t->end || *t->at != c)
		return false;
	t->at++;
	return true;
}

static bool skip_word(struct text *t, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(t->end - t->at) < len || memcmp(t->at, word, len) != 0)
		return false;
	t->at += len;
	return true;
}

static bool skip_digits(struct text *t)
{
	const char *from = t->at;

	while (t->at < t->end && *t->at >= '0' && *t->at <= '9')
		t->at++;
	return t->at > from;
}

static bool skip_number(struct text *t)
{
	skip_char(t, '-');
	if (!skip_char(t, '0') && !skip_digits(t))
		return false;
	if (skip_char(t, '.') && !skip_digits(t))
		return false;
	if (peek(t) == 'e' || peek(t) == 'E') {
		t->at++;
		if (!skip_char(t, '+'))
			skip_char(t, '-');
		return skip_digits(t);
	}
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The four digits behind \u, or -1. */
static int take_hex4(struct text *t)
{
	int v = 0;

	for (int i = 0; i < 4; i++) {
		int digit = hex_digit(peek(t));

		if (digit < 0)
			return -1;
		v = v * 16 + digit;
		t->at++;
	}
	return v;
}

static bool skip_escape(struct text *t)
{
	char c = peek(t);

	if (c == '\0' || !strchr("\"\\/bfnrtu", c))
		return false;
	t->at++;
	return c != 'u' || take_hex4(t) >= 0;
}

static bool skip_string(struct text *t)
{
	if (!skip_char(t, '"'))
		return false;
	while (t->at < t->end) {
		unsigned char c = (unsigned char)*t->at++;

		if (c == '"')
			return true;
		if (c < 0x20 || (c == '\\' && !skip_escape(t)))
			return false;
	}
	return false;
}

static bool skip_scalar(struct text *t)
{
	switch (peek(t)) {
	case '"':
		return skip_string(t);
	case 't':
		return skip_word(t, "true");
	case 'f':
		return skip_word(t, "false");
	case 'n':
		return skip_word(t, "null");
	default:
		return skip_number(t);
	}
}

static bool skip_key(struct text *t)
{
	skip_space(t);
	if (!skip_string(t))
		return false;
	skip_space(t);
	if (!skip_char(t, ':'))
		return false;
	skip_space(t);
	return true;
}

/* A whole value. Nesting is a stack of closing characters, not of calls. */
static bool skip_value(struct text *t)
{
	char close[JSON_READ_DEPTH_MAX];
	unsigned int depth = 0;

	for (;;) {
		char c = peek(t);

		if (c == '{' || c == '[') {
			if (depth == JSON_READ_DEPTH_MAX)
				return false;
			close[depth++] = c == '{' ? '}' : ']';
			t->at++;
			skip_space(t);
			if (peek(t) != close[depth - 1]) {
				if (c == '{' && !skip_key(t))
					return false;
				continue;
			}
			t->at++;
			depth--;
		} else if (!skip_scalar(t)) {
			return false;
		}
		/* Behind a value: close what ends here, or go on behind a comma. */
		for (;;) {
			if (depth == 0)
				return true;
			skip_space(t);
			if (!skip_char(t, close[depth - 1]))
				break;
			depth--;
		}
		if (!skip_char(t, ','))
			return false;
		skip_space(t);
		if (close[depth - 1] == '}' && !skip_key(t))
			return false;
	}
}

int json_read_check(const char *text, size_t len, struct json_value *ret)
{
	struct text t = {.at = text, .end = text + len};
	const char *from;
	size_t value_len;

	skip_space(&t);
	from = t.at;
	if (!skip_value(&t))
		return -EBADMSG;
	value_len = (size_t)(t.at - from);
	skip_space(&t);
	if (t.at != t.end)
		return -EBADMSG;
	*ret = (struct json_value){.at = from, .len = value_len};
	return 0;
}

bool json_read_next(struct json_value container, size_t *at, struct json_value *ret_key,
		    struct json_value *ret_value)
{
	struct json_value key = {.at = ""};
	const char *from;
	struct text t;

	if (container.len < 2 || *at > container.len ||
	    (container.at[0] != '{' && container.at[0] != '['))
		return false;
	t = (struct text){.at = container.at + *at, .end = container.at + container.len};
	if (*at == 0)
		t.at++;
	skip_space(&t);
	if (*at > 0 && !skip_char(&t, ','))
		return false;
	skip_space(&t);
	if (container.at[0] == '{') {
		from = t.at;
		if (!skip_string(&t))
			return false;
		key = (struct json_value){.at = from + 1, .len = (size_t)(t.at - from) - 2};
		t.at = from;
		if (!skip_key(&t))
			return false;
	}
	from = t.at;
	if (!skip_value(&t))
		return false;
	*ret_value = (struct json_value){.at = from, .len = (size_t)(t.at - from)};
	if (ret_key)
		*ret_key = key;
	*at = (size_t)(t.at - container.at);
	return true;
}

bool json_read_member(struct json_value object, const char *key, struct json_value *ret)
{
	struct json_value name, value;
	size_t at = 0;

	if (object.len == 0 || object.at[0] != '{')
		return false;
	while (json_read_next(object, &at, &name, &value)) {
		if (name.len == strlen(key) && memcmp(name.at, key, name.len) == 0) {
			*ret = value;
			return true;
		}
	}
	return false;
}

bool json_read_u64(struct json_value v, uint64_t *ret)
{
	uint64_t n = 0;

	if (v.len == 0)
		return false;
	for (size_t i = 0; i < v.len; i++) {
		if (v.at[i] < '0' || v.at[i] > '9' || __builtin_mul_overflow(n, 10u, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(v.at[i] - '0'), &n))
			return false;
	}
	*ret = n;
	return true;
}

bool json_read_double(struct json_value v, double *ret)
{
	char copy[64];
	struct text t;

	if (v.len == 0 || v.len >= sizeof(copy))
		return false;
	t = (struct text){.at = v.at, .end = v.at + v.len};
	if (!skip_number(&t) || t.at != t.end)
		return false;
	memcpy(copy, v.at, v.len);
	copy[v.len] = '\0';
	*ret = strtod(copy, NULL);
	return true;
}

bool json_read_bool(struct json_value v, bool *ret)
{
	bool yes = v.len == 4 && memcmp(v.at, "true", 4) == 0;

	if (!yes && (v.len != 5 || memcmp(v.at, "false", 5) != 0))
		return false;
	*ret = yes;
	return true;
}

static size_t encode_utf8(uint32_t c, char out[4])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/*
 * Behind \u: a code point, from two escapes where it is a surrogate pair; a lone surrogate is
 * U+FFFD.
 */
static uint32_t take_code_point(struct text *t)
{
	int high = take_hex4(t), low;
	struct text behind = *t;

	if (high < 0 || (high >= 0xdc00 && high <= 0xdfff))
		return 0xfffd;
	if (high < 0xd800 || high > 0xdbff)
		return (uint32_t)high;
	if (!skip_word(&behind, "\\u"))
		return 0xfffd;
	low = take_hex4(&behind);
	if (low < 0xdc00 || low > 0xdfff)
		return 0xfffd;
	*t = behind;
	return 0x10000 + (((uint32_t)high - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
}

static size_t take_escape(struct text *t, char out[4])
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	char c = peek(t);
	const char *known = c ? strchr(from, c) : NULL;

	t->at++;
	if (c == 'u') {
		uint32_t code_point = take_code_point(t);

		return encode_utf8(code_point ? code_point : '?', out);
	}
	out[0] = known ? to[known - from] : c;
	return 1;
}

bool json_read_str(struct json_value v, char *ret, size_t bytes)
{
	size_t len = 0;
	struct text t;

	if (v.len < 2)
		return false;
	t = (struct text){.at = v.at, .end = v.at + v.len};
	if (!skip_string(&t) || t.at != t.end)
		return false;
	t.at = v.at + 1;
	t.end--;
	while (t.at < t.end) {
		char one[4] = {*t.at++};
		size_t n = 1;

		if (one[0] == '\\')
			n = take_escape(&t, one);
		if (len + n >= bytes)
			break;
		memcpy(ret + len, one, n);
		len += n;
	}
	ret[len] = '\0';
	return true;
}
