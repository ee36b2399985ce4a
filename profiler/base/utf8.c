/* UTF-8 decoding; see utf8.h. The valid ranges are those of the Unicode Standard, table 3-7. */
#include "profiler/base/utf8.h"

#include <errno.h>

static int length_of(uint8_t first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	if (first >= 0xf0 && first <= 0xf4)
		return 4;
	return -EBADMSG;
}

int utf8_next(const char *s, size_t len, uint32_t *ret_code_point)
{
	static const uint8_t first_mask[5] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
	const uint8_t *at = (const uint8_t *)s;
	int n = length_of(at[0]);
	uint32_t c;

	if (n < 0 || (size_t)n > len)
		return -EBADMSG;
	c = at[0] & first_mask[n];
	for (int i = 1; i < n; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return -EBADMSG;
		c = (c << 6) | (at[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return -EBADMSG;
	*ret_code_point = c;
	return n;
}
