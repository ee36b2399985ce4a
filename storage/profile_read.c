/*
 * What encoders ask of a profile: stacks as locations, locations as shown frames, labels as text.
 *
 * Nothing here changes a profile. Run-time addresses (those of JIT code and of unknown mappings)
 * stay behind: neither a made-up name nor a frame's offset shows one.
 */
#include "storage/profile.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NUMBER_BYTES 24 /* of 64 bits in decimal digits, and the NUL */

uint64_t profile_sample_count(const struct profile *p)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < p->n_samples; i++)
		sum += p->samples[i].count;
	return sum;
}

static const struct profile_object *object_of(const struct profile *p, uint32_t location)
{
	return &p->objects[p->locations[location].object];
}

const char *profile_stack_incomplete(const struct profile *p, uint32_t stack)
{
	const char *reason = NULL;

	assert(stack < p->n_stacks);
	for (; stack; stack = p->stacks[stack].parent) {
		const struct profile_object *o = object_of(p, p->stacks[stack].location);

		if (o->kind == PROFILE_OBJECT_INCOMPLETE)
			reason = profile_str(p, o->path);
	}
	return reason;
}

uint32_t profile_stack_locations(const struct profile *p, uint32_t stack, uint32_t *ret,
				 uint32_t max)
{
	uint32_t n = 0;

	assert(stack < p->n_stacks);
	for (; stack; stack = p->stacks[stack].parent) {
		uint32_t location = p->stacks[stack].location;

		if (object_of(p, location)->kind == PROFILE_OBJECT_INCOMPLETE)
			continue;
		if (n < max)
			ret[n] = location;
		n++;
	}
	return n;
}

static const char *extra_text(const struct profile *p, const struct profile_labels *l,
			      const char *name)
{
	for (uint32_t i = 0; i < l->n_extra; i++)
		if (!strcmp(profile_str(p, l->extra[i].key), name))
			return profile_str(p, l->extra[i].value);
	return "";
}

/* A selector asks for one of each process: printf() would be most of a question about one. */
static const char *number_text(uint64_t v, char *scratch)
{
	char *at = scratch + NUMBER_BYTES - 1;

	*at = '\0';
	do
		*--at = (char)('0' + v % 10);
	while (v /= 10);
	return at;
}

const char *profile_label_text(const struct profile *p, uint32_t labels, const char *name,
			       char *scratch)
{
	const struct profile_labels *l = &p->labels[labels];
	int which = profile_label_parse(name);

	assert(labels < p->n_labels);
	if (which < 0)
		return extra_text(p, l, name);
	if (!(l->has & (1u << which)))
		return "";
	if (!profile_label_is_number((enum profile_label)which))
		return profile_str(p, (uint32_t)l->value[which]);
	return number_text(l->value[which], scratch);
}

/* ---- frames ---- */

uint32_t profile_location_frames(const struct profile *p, uint32_t location)
{
	assert(location < p->n_locations);
	return p->locations[location].n_lines ? p->locations[location].n_lines : 1;
}

/* An imported symbol has no mapping to tell its kind: its object's path is the kind's word. */
static enum profile_frame_kind symbol_kind(const char *path)
{
	for (int k = 0; k < PROFILE_FRAME_COUNT; k++)
		if (!strcmp(path, profile_frame_kind_name((enum profile_frame_kind)k)))
			return (enum profile_frame_kind)k;
	return PROFILE_FRAME_NATIVE;
}

static enum profile_frame_kind kind_of(const struct profile *p, const struct profile_object *o)
{
	switch (o->kind) {
	case PROFILE_OBJECT_KERNEL:
	case PROFILE_OBJECT_MODULE:
	case PROFILE_OBJECT_BPF:
		return PROFILE_FRAME_KERNEL;
	case PROFILE_OBJECT_JIT:
		return PROFILE_FRAME_JIT;
	case PROFILE_OBJECT_SYMBOL:
		return symbol_kind(profile_str(p, o->path));
	default:
		return PROFILE_FRAME_NATIVE;
	}
}

static bool offset_is_address(const struct profile_object *o)
{
	return o->kind == PROFILE_OBJECT_JIT || o->kind == PROFILE_OBJECT_UNKNOWN;
}

static const char *made_up_name(const struct profile *p, const struct profile_object *o,
				uint64_t offset, char *scratch)
{
	const char *path = profile_str(p, o->path);
	const char *slash = strrchr(path, '/');
	const char *base = slash && slash[1] ? slash + 1 : path;

	if (o->kind == PROFILE_OBJECT_INCOMPLETE)
		snprintf(scratch, PROFILE_SCRATCH_BYTES, "[incomplete: %s]", path);
	else if (o->kind == PROFILE_OBJECT_JIT)
		return "[jit]";
	else if (o->kind == PROFILE_OBJECT_UNKNOWN || !*base)
		return "[unknown]";
	else
		snprintf(scratch, PROFILE_SCRATCH_BYTES, "%.480s+0x%" PRIx64, base, offset);
	return scratch;
}

static void frame_name(const struct profile *p, const struct profile_line *line,
		       struct profile_frame *f)
{
	const struct profile_function *fn = &p->functions[line->function];

	f->file = profile_str(p, fn->file);
	f->line = line->line;
	f->column = line->column;
	f->start_line = fn->start_line;
	if (!fn->name)
		return;
	f->function = profile_str(p, fn->name);
	f->system_name = fn->system_name ? profile_str(p, fn->system_name) : f->function;
	f->named = true;
}

struct profile_frame profile_location_frame(const struct profile *p, uint32_t location, uint32_t i,
					    char *scratch)
{
	const struct profile_location *l = &p->locations[location];
	const struct profile_object *o = &p->objects[l->object];
	struct profile_frame f = {
		.file = "",
		.object = o,
		.location = location,
		.offset = offset_is_address(o) ? 0 : l->offset,
		.kind = i + 1 < l->n_lines ? PROFILE_FRAME_INLINED : kind_of(p, o),
	};

	assert(location < p->n_locations && i < profile_location_frames(p, location));
	if (l->n_lines)
		frame_name(p, &p->lines[l->first_line + i], &f);
	if (!f.named) {
		f.function = made_up_name(p, o, l->offset, scratch);
		f.system_name = f.function;
	}
	return f;
}
