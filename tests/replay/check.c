/* Frames found against frames expected; see check.h. */
#include "tests/replay/check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *object_name(const struct replay_kernel *k, const struct replay_frame *f)
{
	if (f->kind == ABI_OBJECT_RAW)
		return "raw";
	return f->object ? k->object[f->object].name : "anon";
}

int replay_expect(struct replay_case *c, const struct replay_kernel *k,
		  const struct replay_stack *found)
{
	struct replay_expected *v = calloc(found->n + 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	for (uint32_t i = 0; i < found->n; i++) {
		const struct replay_frame *f = &found->frame[i];

		snprintf(v[i].object, sizeof(v[i].object), "%s", object_name(k, f));
		v[i].offset = f->offset;
		v[i].flags = f->flags;
	}
	free(c->frame);
	c->frame = v;
	c->n_frames = found->n;
	c->cap_frames = found->n + 1;
	c->end = (int)found->end;
	return 0;
}

bool replay_check(const struct replay_case *c, const struct replay_kernel *k,
		  const struct replay_stack *found, FILE *f)
{
	for (uint32_t i = 0; i < found->n || i < c->n_frames; i++) {
		const struct replay_frame *frame = &found->frame[i];
		const struct replay_expected *want = &c->frame[i];

		if (i < found->n && i < c->n_frames && frame->offset == want->offset &&
		    frame->flags == want->flags && strcmp(object_name(k, frame), want->object) == 0)
			continue;
		if (i < found->n)
			fprintf(f, "frame %u is %s+%#" PRIx64 " (flags %u)", i,
				object_name(k, frame), frame->offset, frame->flags);
		else
			fprintf(f, "frame %u is missing", i);
		if (i < c->n_frames)
			fprintf(f, ", and should be %s+%#" PRIx64 " (flags %u)\n", want->object,
				want->offset, want->flags);
		else
			fputs(", and there should be none\n", f);
		return false;
	}
	if ((int)found->end == c->end)
		return true;
	fprintf(f, "the walk ends %s, and should end %s\n", replay_end_name((int)found->end),
		replay_end_name(c->end));
	return false;
}
