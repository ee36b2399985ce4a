/* Text to address, lines to text; see symbol_text.h. */
#include "profiler/cli/symbol_text.h"

#include "profiler/base/json.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DIGITS_MAX    16
#define ADDRESS_BYTES 24

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int symbol_text_address(const char *text, size_t len, uint64_t *ret)
{
	uint64_t v = 0;

	if (len > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		text += 2;
		len -= 2;
	}
	while (len > 1 && text[0] == '0') {
		text++;
		len--;
	}
	if (len == 0 || len > DIGITS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		int d = digit(text[i]);

		if (d < 0)
			return -EINVAL;
		v = v << 4 | (unsigned int)d;
	}
	*ret = v;
	return 0;
}

static void add_printable(struct buf *out, const char *s)
{
	size_t len = strlen(s);
	uint8_t *to = buf_reserve(out, len);

	if (!to)
		return;
	for (size_t i = 0; i < len; i++)
		to[i] = (uint8_t)s[i] < ' ' || s[i] == 0x7f ? '?' : (uint8_t)s[i];
	out->len += len;
}

static void add_number(struct buf *out, uint32_t v)
{
	char digits[10];
	size_t n = sizeof(digits);

	do
		digits[--n] = (char)('0' + v % 10);
	while (v /= 10);
	buf_add(out, digits + n, sizeof(digits) - n);
}

static void add_line(struct buf *out, const struct protocol_line *line)
{
	add_printable(out, line->function ? line->function : "??");
	buf_add_str(out, " at ");
	add_printable(out, line->file ? line->file : "??");
	buf_add_char(out, ':');
	if (line->line)
		add_number(out, line->line);
	else
		buf_add_char(out, '?');
	buf_add_char(out, '\n');
}

void symbol_text_words(struct buf *out, const struct protocol_line *lines, size_t n)
{
	if (!n)
		buf_add_str(out, "?? ??:0\n");
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_add_str(out, " (inlined by) ");
		add_line(out, &lines[i]);
	}
}

static void add_frame(struct json *j, const struct protocol_line *line, bool inlined)
{
	json_object_begin(j);
	json_kv_str(j, "function", line->function);
	json_kv_str(j, "system_name", line->system_name ? line->system_name : line->function);
	json_kv_str(j, "file", line->file);
	json_kv_u64(j, "line", line->line);
	json_kv_u64(j, "column", line->column);
	json_kv_bool(j, "inlined", inlined);
	json_object_end(j);
}

void symbol_text_json(struct buf *out, uint64_t address, const struct protocol_line *lines,
		      size_t n)
{
	char text[ADDRESS_BYTES];
	struct json j;

	snprintf(text, sizeof(text), "0x%" PRIx64, address);
	json_init(&j, out);
	json_object_begin(&j);
	json_kv_str(&j, "address", text);
	json_key(&j, "frames");
	json_array_begin(&j);
	for (size_t i = 0; i < n; i++)
		add_frame(&j, &lines[i], i + 1 < n);
	json_array_end(&j);
	json_object_end(&j);
	buf_add_char(out, '\n');
}
