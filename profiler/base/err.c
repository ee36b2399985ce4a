/* The sentence beside an errno; see err.h. */
#include "profiler/base/err.h"

#include <stdio.h>
#include <string.h>

int err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return code;
	e->code = code;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	return code;
}

const char *err_text(const struct err *e)
{
	if (e->text[0])
		return e->text;
	return strerror(-e->code);
}
