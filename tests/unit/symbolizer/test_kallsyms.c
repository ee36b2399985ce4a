/* Lines and layout of the kernel, from texts made by hand. */
#include "symbolizer/kallsyms.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static int text_fd(const char *text, size_t len)
{
	int fd = memfd_create("text", MFD_CLOEXEC);

	assert_int_equal(write(fd, text, len), len);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static int read_layout(const char *kallsyms, const char *modules, struct kernel_layout *ret)
{
	int k = text_fd(kallsyms, strlen(kallsyms));
	int m = modules ? text_fd(modules, strlen(modules)) : -1;
	int r = kernel_layout_read(k, m, ret);

	close(k);
	if (m >= 0)
		close(m);
	return r;
}

static void lines_are_taken_apart(void **state)
{
	static const struct {
		const char *line;
		uint64_t address;
		char type;
		const char *name, *module;
	} cases[] = {
		{"ffffffff81000000 T _text", 0xffffffff81000000, 'T', "_text", NULL},
		{"ffffffffc0a00010 t ext4_read\t[ext4]", 0xffffffffc0a00010, 't', "ext4_read",
		 "ext4"},
		{"ffffffffc0b00000 t bpf_prog_6deef7357e7b4530_x\t[bpf]", 0xffffffffc0b00000, 't',
		 "bpf_prog_6deef7357e7b4530_x", "bpf"},
		{"0 A x", 0, 'A', "x", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct kallsyms_line l;

		assert_int_equal(kallsyms_parse_line(cases[i].line, strlen(cases[i].line), &l), 0);
		assert_true(l.address == cases[i].address && l.type == cases[i].type);
		assert_int_equal(l.name_len, strlen(cases[i].name));
		assert_memory_equal(l.name, cases[i].name, l.name_len);
		if (!cases[i].module) {
			assert_null(l.module);
			continue;
		}
		assert_int_equal(l.module_len, strlen(cases[i].module));
		assert_memory_equal(l.module, cases[i].module, l.module_len);
	}
}

static void what_is_no_line_is_refused(void **state)
{
	static const char *const lines[] = {
		"",
		" ",
		"ffffffff81000000",
		"ffffffff81000000 T",
		"ffffffff81000000 TT _text",
		"ffffffff8100000g T _text",
		"ffffffff810000000 T _text",
		"T _text",
		"ffffffff81000000 T _text ext4]",
		"ffffffff81000000 T _text [ext4",
		"ffffffff81000000 T _text []",
	};
	static char longest[2000] = "ffffffff81000000 T ";
	struct kallsyms_line l = {.address = 7};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		assert_int_equal(kallsyms_parse_line(lines[i], strlen(lines[i]), &l), -EBADMSG);
	assert_int_equal(kallsyms_parse_line("0 T a\0b", 7, &l), -EBADMSG);
	memset(longest + 19, 'a', sizeof(longest) - 19);
	assert_int_equal(kallsyms_parse_line(longest, sizeof(longest), &l), -EBADMSG);
	assert_int_equal(l.address, 7);
}

static const char kallsyms[] = "0000000000000000 A fixed_percpu_data\n"
			       "ffffffff81000000 T _text\n"
			       "ffffffff81000000 T startup_64\n"
			       "ffffffff82000000 T _etext\n"
			       "ffffffff83000000 B _end\n"
			       "ffffffffc0000100 t ext4_read\t[ext4]\n"
			       "ffffffffc0a00000 t bpf_prog_6deef7357e7b4530_a\t[bpf]\n"
			       "ffffffffc0a00080 t bpf_prog_7deef7357e7b4530_b\t[bpf]\n"
			       "ffffffffc0f00010 t bpf_prog_8deef7357e7b4530_far\t[bpf]\n"
			       "ffffffffc1f00000 t ftrace_trampoline\t[__builtin__ftrace]\n";
static const char modules[] = "ext4 8192 1 - Live 0xffffffffc0000000\n"
			      "jbd2 4096 1 ext4, Live 0xffffffffc0001000 (E)\n"
			      "hidden 4096 0 - Live 0x0000000000000000\n";

static void the_layout_has_core_modules_and_programs(void **state)
{
	static const struct {
		uint64_t start, end;
		enum kernel_range_kind kind;
		const char *name;
	} wanted[] = {
		{0xffffffff81000000, 0xffffffff83000000, KERNEL_RANGE_CORE, ""},
		{0xffffffffc0000000, 0xffffffffc0001000, KERNEL_RANGE_MODULE,
		 "ext4"}, /* cut by jbd2 */
		{0xffffffffc0001000, 0xffffffffc0002000, KERNEL_RANGE_MODULE, "jbd2"},
		{0xffffffffc0a00000, 0xffffffffc0a00080, KERNEL_RANGE_BPF,
		 "bpf_prog_6deef7357e7b4530_a"},
		/* Nothing near: to the end of the page. */
		{0xffffffffc0a00080, 0xffffffffc0a01000, KERNEL_RANGE_BPF,
		 "bpf_prog_7deef7357e7b4530_b"},
		{0xffffffffc0f00010, 0xffffffffc0f01000, KERNEL_RANGE_BPF,
		 "bpf_prog_8deef7357e7b4530_far"},
		{0xffffffffc1f00000, 0xffffffffc1f01000, KERNEL_RANGE_BPF, "ftrace_trampoline"},
	};
	struct kernel_layout l;

	(void)state;
	assert_int_equal(read_layout(kallsyms, modules, &l), 0);
	assert_false(l.hidden);
	assert_int_equal(l.n, sizeof(wanted) / sizeof(*wanted));
	for (size_t i = 0; i < l.n; i++) {
		assert_int_equal(l.ranges[i].start, wanted[i].start);
		assert_int_equal(l.ranges[i].end, wanted[i].end);
		assert_int_equal(l.ranges[i].kind, wanted[i].kind);
		assert_string_equal(l.ranges[i].name, wanted[i].name);
		assert_ptr_equal(kernel_layout_find(&l, wanted[i].start), &l.ranges[i]);
		assert_ptr_equal(kernel_layout_find(&l, wanted[i].end - 1), &l.ranges[i]);
		assert_ptr_not_equal(kernel_layout_find(&l, wanted[i].end), &l.ranges[i]);
	}
	assert_null(kernel_layout_find(&l, 0xffffffff80ffffff));
	assert_null(kernel_layout_find(&l, 0));
	assert_null(kernel_layout_find(&l, UINT64_MAX));
	kernel_layout_done(&l);
}

static void a_kernel_without_modules_has_a_layout(void **state)
{
	struct kernel_layout l;

	(void)state;
	assert_int_equal(read_layout(kallsyms, NULL, &l), 0);
	assert_int_equal(l.n, 5);
	kernel_layout_done(&l);
}

static void without_end_the_core_ends_at_etext(void **state)
{
	struct kernel_layout l;

	(void)state;
	assert_int_equal(
		read_layout("ffffffff81000000 T _text\nffffffff82000000 T _etext\n", NULL, &l), 0);
	assert_int_equal(l.n, 1);
	assert_int_equal(l.ranges[0].end, 0xffffffff82000000);
	kernel_layout_done(&l);
}

static void zeroed_addresses_are_hidden(void **state)
{
	struct kernel_layout l;

	(void)state;
	assert_int_equal(
		read_layout("0000000000000000 T _text\n0000000000000000 t x\t[ext4]\n", NULL, &l),
		0);
	assert_true(l.hidden);
	assert_int_equal(l.n, 0);
	kernel_layout_done(&l);
}

static void what_is_not_from_the_kernel_is_refused(void **state)
{
	static const char *const texts[] = {"", "\n", "hello world\n",
					    "ffffffff81000000 T _text\n\n"};
	static const char *const bad_modules[] = {"ext4\n", "ext4 x 1 - Live 0x1\n",
						  "ext4 1 1 - Live 1\n", "ext4 1 1 - Live 0x\n",
						  "\n"};
	struct kernel_layout l = {.n = 7};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_int_equal(read_layout(texts[i], NULL, &l), -EBADMSG);
	for (size_t i = 0; i < sizeof(bad_modules) / sizeof(*bad_modules); i++)
		assert_int_equal(read_layout(kallsyms, bad_modules[i], &l), -EBADMSG);
	assert_int_equal(kernel_layout_read(-1, -1, &l), -EBADF);
	assert_int_equal(l.n, 7);
}

static void a_line_without_an_end_is_refused(void **state)
{
	size_t len = 300000;
	char *text = malloc(len);
	struct kernel_layout l;
	int fd;

	(void)state;
	memset(text, 'f', len);
	fd = text_fd(text, len);
	assert_int_equal(kernel_layout_read(fd, -1, &l), -EBADMSG);
	close(fd);
	free(text);
}

static int count(void *context, const struct kallsyms_line *line)
{
	size_t *n = context;
	char name[32];

	snprintf(name, sizeof(name), "symbol_%zu", *n);
	assert_int_equal(line->name_len, strlen(name));
	assert_memory_equal(line->name, name, line->name_len);
	++*n;
	return 0;
}

static void lines_across_the_pieces_of_reading_are_whole(void **state)
{
	FILE *f = tmpfile();
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 20000; i++)
		fprintf(f, "ffffffff8100%04x T symbol_%d%s", i, i, i < 19999 ? "\n" : "");
	fflush(f);
	rewind(f);
	assert_int_equal(kallsyms_each(fileno(f), count, &n), 0);
	assert_int_equal(n, 20000);
	fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_taken_apart),
		cmocka_unit_test(what_is_no_line_is_refused),
		cmocka_unit_test(the_layout_has_core_modules_and_programs),
		cmocka_unit_test(a_kernel_without_modules_has_a_layout),
		cmocka_unit_test(without_end_the_core_ends_at_etext),
		cmocka_unit_test(zeroed_addresses_are_hidden),
		cmocka_unit_test(what_is_not_from_the_kernel_is_refused),
		cmocka_unit_test(a_line_without_an_end_is_refused),
		cmocka_unit_test(lines_across_the_pieces_of_reading_are_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
