/*
 * Lines of folded stacks: `comm;frame;...;frame COUNT`, root first, as stackcollapse tools and our
 * own export write them. They have no times: all stand at the time that was asked for.
 */
#include "web/import/parts.h"

#include <errno.h>
#include <string.h>

static int64_t labels_of(struct import *w, const char *comm, size_t len)
{
	struct profile_labels l = {};
	int r = 0;

	/* What our own export writes for a missing one. */
	if (len != 1 || *comm != '-')
		r = import_label(w, &l, "comm", strlen("comm"), comm, len);
	return r < 0 ? r : import_labels(w, &l);
}

int import_folded_line(struct import *w, const char *line, size_t len)
{
	const char *space, *semicolon;
	size_t comm_len, stack_at;
	uint64_t count;
	int64_t stack, labels;

	while (len && (line[len - 1] == ' ' || line[len - 1] == '\t'))
		len--;
	if (!len || *line == '#')
		return 0;
	space = memrchr(line, ' ', len);
	if (!space || !import_number(space + 1, len - (size_t)(space + 1 - line), &count))
		return import_wrong(w, -EBADMSG, "not a stack with a count behind it: %.*s",
				    len < 40 ? (int)len : 40, line);
	len = (size_t)(space - line);
	semicolon = memchr(line, ';', len);
	comm_len = semicolon ? (size_t)(semicolon - line) : len;
	stack_at = semicolon ? comm_len + 1 : len;
	if (!count)
		return 0;
	stack = import_stack_text(w, line + stack_at, len - stack_at);
	labels = stack < 0 ? stack : labels_of(w, line, comm_len);
	if (labels < 0)
		return (int)labels;
	return import_sample(w, w->options.at_ms, (uint32_t)stack, (uint32_t)labels, count);
}
