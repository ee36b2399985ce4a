/* Names among a kernel's types: of all kinds, and of bytes that lie. */
#include "profiler/collector/kernel_types.h"

#include <errno.h>
#include <linux/btf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define KIND_LAST BTF_KIND_ENUM64
#define PARTS	  2 /* of what has some */

struct made {
	struct btf_header head;
	char bytes[4096]; /* types, then strings */
	size_t n; /* of all */
};

static void add(struct made *m, const void *data, size_t n)
{
	assert_true(m->n + n <= sizeof(m->bytes));
	if (n)
		memcpy(m->bytes + m->n, data, n);
	m->n += n;
}

static size_t bytes_behind(unsigned int kind)
{
	switch (kind) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return 4;
	case BTF_KIND_ARRAY:
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
	case BTF_KIND_DATASEC:
	case BTF_KIND_ENUM64:
		return kind == BTF_KIND_ARRAY ? 12 : 12 * PARTS;
	case BTF_KIND_ENUM:
	case BTF_KIND_FUNC_PROTO:
		return 8 * PARTS;
	default:
		return 0;
	}
}

/* One type of each kind from the last to the first, all called `b`, and a function `a`. */
static void make(struct made *m)
{
	static const char strings[] = "\0a\0b"; /* and its own NUL */
	static const char behind[64] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
	struct btf_type t = {.name_off = 3};

	*m = (struct made){
		.head = {.magic = BTF_MAGIC, .version = BTF_VERSION, .hdr_len = sizeof(m->head)}};
	for (unsigned int kind = KIND_LAST; kind > 0; kind--) {
		t.info = kind << 24 | PARTS;
		add(m, &t, sizeof(t));
		add(m, behind, bytes_behind(kind));
	}
	t = (struct btf_type){.name_off = 1, .info = BTF_KIND_FUNC << 24};
	add(m, &t, sizeof(t));
	m->head.type_len = m->head.str_off = (uint32_t)m->n;
	m->head.str_len = sizeof(strings);
	add(m, strings, sizeof(strings));
}

static int parse(const struct made *m, struct kernel_type *wanted, size_t n)
{
	return kernel_types_parse(m, sizeof(m->head) + m->n, wanted, n);
}

static void a_name_is_found_of_its_kind_alone(void **state)
{
	struct kernel_type wanted[] = {{.name = "a", .kind = BTF_KIND_FUNC},
				       {.name = "a", .kind = BTF_KIND_STRUCT, .found = true},
				       {.name = "b", .kind = BTF_KIND_STRUCT},
				       {.name = "c", .kind = BTF_KIND_FUNC}};
	struct made m;

	(void)state;
	make(&m);
	assert_int_equal(parse(&m, wanted, 4), 0);
	assert_true(wanted[0].found);
	assert_false(wanted[1].found);
	assert_true(wanted[2].found);
	assert_false(wanted[3].found);
}

static void assert_refused(const struct made *m, const char *what)
{
	struct kernel_type wanted = {.name = "a", .kind = BTF_KIND_FUNC};

	if (parse(m, &wanted, 1) != -EBADMSG || wanted.found)
		fail_msg("%s is taken for types", what);
}

static void bytes_that_lie_are_refused(void **state)
{
	struct made good, m;

	(void)state;
	make(&good);
#define REFUSED(change)                      \
	do {                                 \
		m = good;                    \
		change;                      \
		assert_refused(&m, #change); \
	} while (0)
	REFUSED(m.head.magic++);
	REFUSED(m.head.version++);
	REFUSED(m.head.hdr_len = 4);
	REFUSED(m.head.hdr_len = 1u << 20);
	REFUSED(m.head.type_off = UINT32_MAX);
	REFUSED(m.head.type_len = UINT32_MAX);
	REFUSED(m.head.type_len -= 4);
	REFUSED(m.head.str_off = UINT32_MAX);
	REFUSED(m.head.str_len = UINT32_MAX);
	REFUSED(m.head.str_len = 0);
	REFUSED(m.bytes[m.n - 1] = 'x');
	REFUSED(m.n--);
	/* The kind of the first, and how many parts it has. */
	REFUSED(m.bytes[7] = KIND_LAST + 1);
	REFUSED(m.bytes[5] = 0x7f);
#undef REFUSED
	for (size_t n = 0; n < sizeof(good.head); n++)
		assert_int_equal(kernel_types_parse(&good, n, NULL, 0), -EBADMSG);
}

static void a_name_outside_of_the_strings_is_none(void **state)
{
	struct kernel_type wanted = {.name = "a", .kind = BTF_KIND_FUNC};
	uint32_t outside = 1u << 30;
	struct made m;

	(void)state;
	make(&m);
	memcpy(m.bytes + m.head.type_len - sizeof(struct btf_type), &outside, sizeof(outside));
	assert_int_equal(parse(&m, &wanted, 1), 0);
	assert_false(wanted.found);
}

static void this_kernel_has_tasks(void **state)
{
	struct kernel_type wanted[] = {{.name = "task_struct", .kind = BTF_KIND_STRUCT},
				       {.name = "task_struct", .kind = BTF_KIND_FUNC}};

	(void)state;
	if (access(KERNEL_TYPES_PATH, R_OK) < 0)
		skip();
	assert_int_equal(kernel_types_find(KERNEL_TYPES_PATH, wanted, 2), 0);
	assert_true(wanted[0].found);
	assert_false(wanted[1].found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_found_of_its_kind_alone),
		cmocka_unit_test(bytes_that_lie_are_refused),
		cmocka_unit_test(a_name_outside_of_the_strings_is_none),
		cmocka_unit_test(this_kernel_has_tasks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
