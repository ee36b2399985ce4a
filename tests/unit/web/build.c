/* Hand-made profiles; see build.h. */
#include "tests/unit/web/build.h"

#include <stdlib.h>
#include <string.h>

#define CHECK(x) ((x) ? (void)0 : abort())

static uint32_t good(int64_t id)
{
	CHECK(id >= 0);
	return (uint32_t)id;
}

struct profile *build_profile(bool merge)
{
	struct profile *p = NULL;

	CHECK(profile_new(merge, &p) == 0);
	p->period_ns = 10101010;
	p->start_ns = 100000000000;
	p->end_ns = 160000000000;
	return p;
}

uint32_t build_location(struct profile *p, enum profile_object_kind kind, const char *path,
			uint64_t offset, const char *const *names)
{
	struct profile_object o = {.kind = kind, .path = good(profile_string(p, path))};
	struct profile_line lines[16];
	uint32_t n = 0, location;

	if (kind == PROFILE_OBJECT_FILE)
		o.build_id = good(profile_string(p, "c0ffee"));
	location = good(profile_location(p, good(profile_object(p, &o)), offset));
	for (; names && names[n]; n++) {
		struct profile_function f = {
			.name = good(profile_string(p, names[n])),
			.file = good(profile_string(p, "/src/a.c")),
			.start_line = 10,
		};

		f.system_name = f.name;
		lines[n] = (struct profile_line){good(profile_function(p, &f)), 12 + n, 3};
	}
	if (n)
		CHECK(profile_set_lines(p, location, lines, n) == 0);
	return location;
}

uint32_t build_frame(struct profile *p, const char *path, uint64_t offset, const char *name)
{
	return build_location(p, PROFILE_OBJECT_FILE, path, offset, BUILD_NAMES(name));
}

uint32_t build_stack(struct profile *p, const uint32_t *locations)
{
	uint32_t stack = 0;

	for (; *locations != UINT32_MAX; locations++)
		stack = good(profile_stack(p, stack, *locations));
	return stack;
}

uint32_t build_labels(struct profile *p, uint64_t pid, uint64_t tid, const char *comm,
		      const char *thread)
{
	struct profile_labels l = {
		.has = 1u << PROFILE_LABEL_PID | 1u << PROFILE_LABEL_TID |
		       1u << PROFILE_LABEL_COMM | 1u << PROFILE_LABEL_THREAD,
	};

	l.value[PROFILE_LABEL_PID] = pid;
	l.value[PROFILE_LABEL_TID] = tid;
	l.value[PROFILE_LABEL_COMM] = good(profile_string(p, comm));
	l.value[PROFILE_LABEL_THREAD] = good(profile_string(p, thread));
	return good(profile_labels(p, &l));
}

void build_sample(struct profile *p, uint64_t time_ns, uint32_t stack, uint32_t labels,
		  uint64_t count)
{
	CHECK(profile_add_sample(p, time_ns, stack, labels, count) == 0);
}

struct profile *build_typical(void)
{
	struct profile *p = build_profile(false);
	uint32_t main_ = build_frame(p, "/usr/bin/a", 0x1000, "main");
	uint32_t work = build_location(p, PROFILE_OBJECT_FILE, "/usr/bin/a", 0x1100,
				       BUILD_NAMES("inner", "work"));
	uint32_t sys = build_location(p, PROFILE_OBJECT_KERNEL, "[kernel.kallsyms]", 0x50,
				      BUILD_NAMES("do_syscall_64"));
	uint32_t nameless =
		build_location(p, PROFILE_OBJECT_FILE, "/usr/lib/libx.so", 0x1234, NULL);
	uint32_t jit = build_location(p, PROFILE_OBJECT_JIT, "[jit]", 0x7f0012345678, NULL);
	uint32_t cut = build_location(p, PROFILE_OBJECT_INCOMPLETE, "no-frame-pointer", 0, NULL);
	uint32_t a = build_labels(p, 10, 10, "a", "a"), a2 = build_labels(p, 10, 11, "a", "a/2");
	uint32_t b = build_labels(p, 20, 20, "b b", "b b");

	build_sample(p, 101000000000, BUILD_STACK(p, main_), a, 1);
	build_sample(p, 103000000000, BUILD_STACK(p, main_, work), a, 5);
	build_sample(p, 102000000000, BUILD_STACK(p, main_, work, sys), a2, 7);
	build_sample(p, 104000000000, BUILD_STACK(p, main_, work), a, 2);
	build_sample(p, 105000000000, BUILD_STACK(p, cut, nameless), b, 3);
	build_sample(p, 106000000000, BUILD_STACK(p, main_, jit), b, 4);
	build_sample(p, 107000000000, 0, b, 7);
	CHECK(profile_add_loss(p, "ring-full", 2) == 0);
	return p;
}

const char *const build_hostile_names[] = {
	"<img src=x onerror=alert(1)>",
	"</script><script>alert(1)</script>",
	"bel\a esc\x1b[31m",
	"\xe2\x80\xae"
	"evil rtl",
	"semi;colon",
	"new\nline\r\ttab",
	"torn utf8 \xc3",
	"c1 \xc2\x9b and separator \xe2\x80\xa8",
	"back\\slash \"quote\"",
	"worker 123",
	NULL,
};

struct profile *build_hostile(void)
{
	struct profile *p = build_profile(false);
	char *huge = malloc(10001);
	uint32_t stack = 0;

	CHECK(huge);
	memset(huge, 'x', 10000);
	huge[10000] = '\0';
	stack = good(profile_stack(p, stack, build_frame(p, "/bin/</script>", 1, huge)));
	for (uint32_t i = 0; build_hostile_names[i]; i++)
		stack = good(profile_stack(
			p, stack, build_frame(p, "/bin/</script>", 2 + i, build_hostile_names[i])));
	build_sample(p, 101000000000, stack, build_labels(p, 1, 1, "ev il;\n</script>", "t\t\\\n"),
		     1);
	free(huge);
	return p;
}

char *build_export(enum export_format f, const struct profile *p,
		   const struct export_options *options, size_t *ret_len)
{
	struct buf out;
	struct err err = {};
	char *text;

	buf_init(&out, EXPORT_BYTES_MAX);
	if (export_write(f, p, options, &out, &err) < 0)
		abort();
	text = (char *)buf_steal(&out, ret_len);
	CHECK(text);
	return text;
}
