/* JSON text into a buf; see json.h. */
#include "profiler/base/json.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "profiler/base/utf8.h"

void json_init(struct json *j, struct buf *out)
{
	*j = (struct json){.out = out};
}

static void before_value(struct json *j)
{
	if (j->comma[j->depth])
		buf_add_char(j->out, ',');
	j->comma[j->depth] = true;
}

static void open_level(struct json *j, char c)
{
	before_value(j);
	buf_add_char(j->out, c);
	assert(j->depth + 1 < JSON_DEPTH_MAX);
	j->comma[++j->depth] = false;
}

static void close_level(struct json *j, char c)
{
	assert(j->depth > 0);
	j->depth--;
	buf_add_char(j->out, c);
}

void json_object_begin(struct json *j)
{
	open_level(j, '{');
}

void json_object_end(struct json *j)
{
	close_level(j, '}');
}

void json_array_begin(struct json *j)
{
	open_level(j, '[');
}

void json_array_end(struct json *j)
{
	close_level(j, ']');
}

static void add_code_point(struct buf *out, uint32_t c, const char *bytes, size_t len)
{
	if (c == '"' || c == '\\')
		buf_printf(out, "\\%c", (char)c);
	else if (c == '\n')
		buf_add_str(out, "\\n");
	else if (c == '\t')
		buf_add_str(out, "\\t");
	else if (c < 0x20 || c == 0x7f || c == '<' || c == '>' || c == '&' || c == 0x2028 ||
		 c == 0x2029)
		buf_printf(out, "\\u%04x", c);
	else
		buf_add(out, bytes, len);
}

static bool is_plain(char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

static void add_quoted(struct json *j, const char *s, size_t len)
{
	size_t at = 0;

	buf_add_char(j->out, '"');
	while (at < len) {
		uint32_t c;
		size_t plain = at;
		int n;

		while (at < len && is_plain(s[at]))
			at++;
		buf_add(j->out, s + plain, at - plain);
		if (at == len)
			break;
		n = utf8_next(s + at, len - at, &c);

		if (n < 0) {
			buf_add_str(j->out, "\\ufffd");
			at++;
			continue;
		}
		add_code_point(j->out, c, s + at, (size_t)n);
		at += (size_t)n;
	}
	buf_add_char(j->out, '"');
}

void json_key(struct json *j, const char *key)
{
	before_value(j);
	add_quoted(j, key, strlen(key));
	buf_add_char(j->out, ':');
	j->comma[j->depth] = false;
}

void json_str_len(struct json *j, const char *s, size_t len)
{
	before_value(j);
	add_quoted(j, s, len);
}

void json_str(struct json *j, const char *s)
{
	if (s)
		json_str_len(j, s, strlen(s));
	else
		json_null(j);
}

/* By hand: a call tree is millions of numbers, and printf takes ten times as long. */
void json_u64(struct json *j, uint64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);

	before_value(j);
	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	buf_add(j->out, digits + at, sizeof(digits) - at);
}

void json_i64(struct json *j, int64_t v)
{
	before_value(j);
	buf_printf(j->out, "%" PRId64, v);
}

static void add_double(struct json *j, double v, int digits)
{
	if (!isfinite(v)) {
		json_null(j);
		return;
	}
	before_value(j);
	buf_printf(j->out, "%.*g", digits, v);
}

void json_double(struct json *j, double v)
{
	add_double(j, v, 6);
}

void json_double_exact(struct json *j, double v)
{
	add_double(j, v, 15);
}

void json_bool(struct json *j, bool v)
{
	before_value(j);
	buf_add_str(j->out, v ? "true" : "false");
}

void json_null(struct json *j)
{
	before_value(j);
	buf_add_str(j->out, "null");
}

void json_kv_str(struct json *j, const char *key, const char *s)
{
	json_key(j, key);
	json_str(j, s);
}

void json_kv_u64(struct json *j, const char *key, uint64_t v)
{
	json_key(j, key);
	json_u64(j, v);
}

void json_kv_double(struct json *j, const char *key, double v)
{
	json_key(j, key);
	json_double(j, v);
}

void json_kv_bool(struct json *j, const char *key, bool v)
{
	json_key(j, key);
	json_bool(j, v);
}
