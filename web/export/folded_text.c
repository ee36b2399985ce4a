/* Frames and labels as folded text; see folded_text.h. */
#include "web/export/folded_text.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/base/utf8.h"

static bool ends_line(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029;
}

static void add_escaped(struct buf *out, const char *s, bool label)
{
	size_t len = strlen(s), at = 0;

	while (at < len) {
		uint32_t c = 0;
		int n = utf8_next(s + at, len - at, &c);

		if (n < 0)
			buf_add_str(out, "\xef\xbf\xbd");
		else if (c == ';')
			buf_add_char(out, ':');
		else if (ends_line(c))
			buf_add_char(out, '?');
		else if (c == ' ' && label)
			buf_add_char(out, '_');
		else
			buf_add(out, s + at, (size_t)n);
		at += n < 0 ? 1 : (size_t)n;
	}
}

void folded_add_name(struct buf *out, const char *name)
{
	add_escaped(out, name, false);
}

void folded_add_label(struct buf *out, const char *value)
{
	add_escaped(out, *value ? value : "-", true);
}

int folded_names_init(struct folded_names *n, const struct profile *p)
{
	*n = (struct folded_names){.p = p};
	buf_init(&n->text, SIZE_MAX / 2);
	n->slice = calloc((size_t)p->n_locations + 1, sizeof(*n->slice));
	return n->slice ? 0 : -ENOMEM;
}

void folded_names_done(struct folded_names *n)
{
	free(n->slice);
	buf_done(&n->text);
	export_path_done(&n->path);
}

static const struct folded_slice *slice_of(struct folded_names *n, uint32_t location)
{
	struct folded_slice *s = &n->slice[location];
	char scratch[PROFILE_SCRATCH_BYTES];

	if (s->len)
		return s;
	s->at = n->text.len;
	for (uint32_t i = profile_location_frames(n->p, location); i-- > 0;) {
		struct profile_frame f = profile_location_frame(n->p, location, i, scratch);

		if (n->text.len > s->at)
			buf_add_char(&n->text, ';');
		folded_add_name(&n->text, f.function);
		buf_add_str(&n->text, profile_frame_kind_suffix(f.kind));
	}
	s->len = n->text.len - s->at;
	return s;
}

/*
 * Readers take ` 123` at the end of a stack for the other column of a diff (flamegraph.pl:
 * `\s+?(\d+(?:\.\d*)?)$`), so the space before it goes.
 */
static void guard_leaf(struct buf *out, size_t begin)
{
	uint8_t *s = out->data;
	size_t at = out->len;

	if (out->err)
		return;
	while (at > begin && isdigit(s[at - 1]))
		at--;
	if (at > begin && s[at - 1] == '.') {
		size_t dot = at - 1;

		at = dot;
		while (at > begin && isdigit(s[at - 1]))
			at--;
		if (at == dot)
			return;
	}
	if (at < out->len && at > begin && s[at - 1] == ' ')
		s[at - 1] = '_';
}

int folded_add_stack(struct folded_names *n, uint32_t stack, uint32_t reason, size_t begin,
		     struct buf *out)
{
	int r = export_path_read(&n->path, n->p, stack);

	if (r < 0)
		return r;
	if (reason != EXPORT_COMPLETE) {
		if (out->len > begin)
			buf_add_char(out, ';');
		buf_add_str(out, "[incomplete: ");
		folded_add_name(out, profile_str(n->p, reason));
		buf_add_char(out, ']');
	}
	for (uint32_t i = n->path.n; i-- > 0;) {
		const struct folded_slice *s = slice_of(n, n->path.location[i]);

		if (out->len > begin)
			buf_add_char(out, ';');
		buf_add(out, n->text.data + s->at, s->len);
	}
	guard_leaf(out, begin);
	return n->text.err ? n->text.err : out->err;
}
