/* The made-up day as a live profile; see day_profile.h. */
#include "tests/bench/day_profile.h"

#include <stdio.h>

#define DEPTH 24

/*
 * Stacks of a program share their roots: a tree of three children a node, seen from the leaf's
 * number.
 */
uint32_t day_profile_stack(struct profile *p, uint32_t program, uint32_t number)
{
	struct profile_object o = {.kind = PROFILE_OBJECT_FILE, .identity = program};
	uint32_t stack = 0, object;
	char text[64];

	snprintf(text, sizeof(text), "/usr/lib/x86_64-linux-gnu/libprogram-%u.so.1", program);
	o.path = (uint32_t)profile_string(p, text);
	object = (uint32_t)profile_object(p, &o);
	for (uint32_t depth = 0; depth < DEPTH; depth++) {
		uint32_t at = depth < 14
				      ? depth
				      : number * 31 / (1 + (DEPTH - depth) * (DEPTH - depth) * 9);
		int64_t location = profile_location(p, object, 4096 + depth * 65536 + at * 37);

		if (depth == DEPTH - 1)
			location = profile_location(p, object, 4096 + 20 * 65536 + number * 29);
		stack = (uint32_t)profile_stack(p, stack, (uint32_t)location);
	}
	return stack;
}

void day_profile_name(struct profile *p, uint32_t *named)
{
	for (; *named < p->n_locations; ++*named) {
		char text[96];
		struct profile_function f = {};
		struct profile_line line = {.line = *named % 900 + 1};

		if (p->locations[*named].naming != PROFILE_UNNAMED)
			continue;
		snprintf(text, sizeof(text),
			 "ns%u::some_class_%u::do_the_work_%u(int, std::string const&)", *named % 7,
			 *named % 211, *named / 4);
		f.name = f.system_name = (uint32_t)profile_string(p, text);
		snprintf(text, sizeof(text), "src/module%u/file%u.cc", *named % 13, *named % 311);
		f.file = (uint32_t)profile_string(p, text);
		f.start_line = *named % 800;
		line.function = (uint32_t)profile_function(p, &f);
		profile_set_lines(p, *named, &line, 1);
	}
}

uint32_t day_profile_labels(struct profile *p, const struct day_sample *s)
{
	struct profile_labels l = {};
	char text[64];

	l.has = 1u << PROFILE_LABEL_PID | 1u << PROFILE_LABEL_START | 1u << PROFILE_LABEL_TID |
		1u << PROFILE_LABEL_COMM | 1u << PROFILE_LABEL_THREAD | 1u << PROFILE_LABEL_EXE |
		1u << PROFILE_LABEL_CGROUP | 1u << PROFILE_LABEL_UID | 1u << PROFILE_LABEL_HOST;
	l.value[PROFILE_LABEL_PID] = s->pid;
	l.value[PROFILE_LABEL_START] = s->pid < 1000 ? 1759990000000ull + s->pid * 1171
						     : 1760000000000ull + s->pid * 960ull;
	l.value[PROFILE_LABEL_TID] = s->pid < 1000 ? s->pid * 10 + s->thread : s->pid;
	snprintf(text, sizeof(text), "program-%u", s->program);
	l.value[PROFILE_LABEL_COMM] = (uint64_t)profile_string(p, text);
	snprintf(text, sizeof(text), "worker-%u", s->thread);
	l.value[PROFILE_LABEL_THREAD] = (uint64_t)profile_string(p, text);
	snprintf(text, sizeof(text), "/usr/bin/program-%u", s->program);
	l.value[PROFILE_LABEL_EXE] = (uint64_t)profile_string(p, text);
	snprintf(text, sizeof(text), "/system.slice/program-%u.service", s->program);
	l.value[PROFILE_LABEL_CGROUP] = (uint64_t)profile_string(p, text);
	l.value[PROFILE_LABEL_UID] = s->program % 5;
	l.value[PROFILE_LABEL_HOST] = (uint64_t)profile_string(p, "host-1");
	return (uint32_t)profile_labels(p, &l);
}
