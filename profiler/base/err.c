/* The sentence beside an errno; see err.h. */
#include "profiler/base/err.h"

#include <stdio.h>
#include <string.h>

/* Cut at the start of a character, so that what is shown stays UTF-8. */
static void mark_cut(char text[ERR_TEXT_BYTES])
{
	size_t at = ERR_TEXT_BYTES - sizeof("...");

	while (at > 0 && ((unsigned char)text[at] & 0xc0) == 0x80)
		at--;
	memcpy(text + at, "...", sizeof("..."));
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
	char text[ERR_TEXT_BYTES] = "";
	va_list ap;
	int n;

	if (!e)
		return code;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof(text))
		mark_cut(text);
	for (char *at = text; *at; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			*at = '?';
	e->code = code;
	memcpy(e->text, text, sizeof(text));
	return code;
}

const char *err_text(const struct err *e)
{
	if (!e)
		return "unknown error";
	if (e->text[0])
		return e->text;
	return strerror(-e->code);
}
