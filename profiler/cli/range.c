/* Ranges of time as arguments; see range.h. */
#include "profiler/cli/range.h"

#include <errno.h>
#include <string.h>

#include "profiler/base/quantity.h"

#define TIME_BYTES 64 /* longer than any time */

int range_parse(const char *text, uint64_t now_ns, uint64_t *ret_from_ns, uint64_t *ret_until_ns,
		struct err *err)
{
	const char *dots = strstr(text, "..");
	uint64_t from, until;
	char first[TIME_BYTES];

	if (!dots || (size_t)(dots - text) >= sizeof(first))
		return err_set(err, -EINVAL, "\"%s\" is not a range T..T, such as -2h..-1h", text);
	memcpy(first, text, (size_t)(dots - text));
	first[dots - text] = '\0';
	if (quantity_time(first, now_ns, &from) < 0)
		return err_set(err, -EINVAL, "\"%s\" in %s is not a time", first, text);
	if (quantity_time(dots + 2, now_ns, &until) < 0)
		return err_set(err, -EINVAL, "\"%s\" in %s is not a time", dots + 2, text);
	if (from >= until)
		return err_set(err, -EINVAL,
			       "the range %s is empty: its start is not before its end", text);
	*ret_from_ns = from;
	*ret_until_ns = until;
	return 0;
}
