/* Foreign text for terminals; see text_cell.h. */
#include "web/export/text_cell.h"

#include <string.h>

#include "profiler/base/utf8.h"

static bool moves_text(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

size_t text_cell_add(struct buf *out, const char *s, size_t columns, bool pad)
{
	size_t len = strlen(s), at = 0, used = 0;

	while (at < len && used < columns) {
		uint32_t c = '?';
		int n = utf8_next(s + at, len - at, &c);
		size_t step = n < 0 ? 1 : (size_t)n;

		if (used + 1 == columns && at + step < len) {
			buf_add_str(out, "\xe2\x80\xa6");
			used++;
			break;
		}
		if (n < 0 || moves_text(c))
			buf_add_char(out, '?');
		else
			buf_add(out, s + at, step);
		at += step;
		used++;
	}
	for (; pad && used < columns; used++)
		buf_add_char(out, ' ');
	return used;
}

size_t text_cell_columns(const char *s)
{
	size_t len = strlen(s), at = 0, n = 0;

	for (; at < len; n++) {
		uint32_t c;
		int step = utf8_next(s + at, len - at, &c);

		at += step < 0 ? 1 : (size_t)step;
	}
	return n;
}
