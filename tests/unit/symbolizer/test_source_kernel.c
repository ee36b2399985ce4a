/* Names of kernel addresses, from a text made by hand. */
#include "symbolizer/source_kernel.h"
#include "symbolizer/symbolizer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static const char text[] = "0000000000000000 A fixed_percpu_data\n"
			   "ffffffff81000000 T _text\n"
			   "ffffffff81000000 T _stext\n"
			   "ffffffff81000100 t local_one\n"
			   "ffffffff81000200 T __x_alias\n"
			   "ffffffff81000200 T alias\n"
			   "ffffffff81000300 D data_in_text\n"
			   "ffffffff81000400 T __irqentry_text_end\n"
			   "ffffffff81000500 W weak_one\n"
			   "ffffffff81000540 t cloned.isra.0.cold\n"
			   "ffffffff81000600 T _etext\n"
			   "ffffffff81000700 D data\n"
			   "ffffffff81800000 t behind_code\n"
			   "ffffffffc0000010 t m_first\t[ext4]\n"
			   "ffffffffc0000020 d m_data\t[ext4]\n"
			   "ffffffffc0000040 t m_last\t[ext4]\n"
			   "ffffffffc0000030 t other\t[jbd2]\n"
			   "ffffffffc0a00000 t bpf_prog_6deef7357e7b4530_a\t[bpf]\n";

static int text_fd(const char *s)
{
	int fd = memfd_create("text", MFD_CLOEXEC);

	assert_int_equal(write(fd, s, strlen(s)), strlen(s));
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static const char *name(struct symbolizer *s, uint32_t module, uint64_t offset)
{
	struct sym_answer answer;

	assert_int_equal(symbolizer_name(s, module, offset, &answer, NULL), 0);
	if (!answer.n_lines)
		return "?";
	assert_int_equal(answer.n_lines, 1);
	assert_null(answer.lines[0].file);
	return answer.lines[0].function;
}

static void core_names_reach_to_the_next_symbol(void **state)
{
	struct symbolizer *s;
	uint32_t core;

	(void)state;
	assert_int_equal(symbolizer_new(NULL, &s), 0);
	assert_int_equal(symbolizer_add_kernel(s, text_fd(text), &core, NULL), 0);
	assert_string_equal(name(s, core, 0x100), "local_one");
	assert_string_equal(name(s, core, 0x1ff), "local_one");
	assert_string_equal(name(s, core, 0x200), "alias");
	assert_string_equal(name(s, core, 0x300), "?"); /* data */
	assert_string_equal(name(s, core, 0x450), "?"); /* behind the end of a section */
	assert_string_equal(name(s, core, 0x53f), "weak_one");
	assert_string_equal(name(s, core, 0x600), "?"); /* from _etext on */
	assert_string_equal(name(s, core, 0x800000), "?");
	assert_string_equal(name(s, core, UINT64_MAX), "?");
	symbolizer_free(s);
}

static void a_clone_is_shown_as_its_function(void **state)
{
	struct sym_answer answer;
	struct symbolizer *s;
	uint32_t core;

	(void)state;
	assert_int_equal(symbolizer_new(NULL, &s), 0);
	assert_int_equal(symbolizer_add_kernel(s, text_fd(text), &core, NULL), 0);
	assert_int_equal(symbolizer_name(s, core, 0x540, &answer, NULL), 0);
	assert_int_equal(answer.n_lines, 1);
	assert_string_equal(answer.lines[0].function, "cloned");
	assert_string_equal(answer.lines[0].system_name, "cloned.isra.0.cold");
	assert_int_equal(symbolizer_name(s, core, 0x100, &answer, NULL), 0);
	assert_null(answer.lines[0].system_name);
	symbolizer_free(s);
}

static void a_module_has_its_own_symbols(void **state)
{
	struct symbolizer *s;
	uint32_t core, module;
	struct err err;

	(void)state;
	assert_int_equal(symbolizer_new(NULL, &s), 0);
	assert_int_equal(symbolizer_add_kernel_module(s, "ext4", 0xffffffffc0000000, &module, &err),
			 -ENOENT);
	assert_int_equal(symbolizer_add_kernel(s, text_fd(text), &core, &err), 0);
	assert_int_equal(symbolizer_add_kernel_module(s, "xfs", 0xffffffffc0000000, &module, &err),
			 -ENOENT);
	assert_int_equal(symbolizer_add_kernel_module(s, "", 0, &module, &err), -ENOENT);
	assert_int_equal(symbolizer_add_kernel_module(s, "ext4", 0xffffffffc0000000, &module, &err),
			 0);
	assert_string_equal(name(s, module, 0), "?");
	assert_string_equal(name(s, module, 0x10), "m_first");
	assert_string_equal(name(s, module, 0x20), "?");
	assert_string_equal(name(s, module, 0x40), "m_last");
	assert_string_equal(name(s, module, 0xfff), "m_last");
	assert_string_equal(name(s, module, 0x1000),
			    "?"); /* another page, where nothing is known */
	assert_int_equal(symbolizer_add_kernel_module(s, "bpf", 0xffffffffc0a00000, &module, &err),
			 0);
	assert_string_equal(name(s, module, 4), "bpf_prog_6deef7357e7b4530_a");
	symbolizer_free(s);
}

/* Data far below the code, as per-CPU data may be, and code too far above it. */
static void what_lies_far_from_the_code_takes_nothing_from_it(void **state)
{
	static const char spread[] = "0000000000001000 D per_cpu\n"
				     "ffffffff81000000 T _text\n"
				     "ffffffff81000010 T near\n"
				     "ffffffff81000600 T _etext\n"
				     "0000000000002000 d m_data\t[m]\n"
				     "ffffffe000000000 t m_first\t[m]\n"
				     "ffffffe000000100 t m_near\t[m]\n"
				     "ffffffe100000080 t m_far\t[m]\n";
	struct symbolizer *s;
	uint32_t core, module;

	(void)state;
	assert_int_equal(symbolizer_new(NULL, &s), 0);
	assert_int_equal(symbolizer_add_kernel(s, text_fd(spread), &core, NULL), 0);
	assert_string_equal(name(s, core, 0x10), "near");
	assert_int_equal(symbolizer_add_kernel_module(s, "m", 0xffffffe000000000, &module, NULL),
			 0);
	assert_string_equal(name(s, module, 0), "m_first");
	assert_string_equal(name(s, module, 0x180), "m_near");
	assert_string_equal(name(s, module, 0x2000), "?");
	assert_string_equal(name(s, module, 0x100000080), "?");
	symbolizer_free(s);
}

static void hidden_and_foreign_texts_are_told_apart(void **state)
{
	struct symbolizer *s;
	uint32_t core;
	struct err err;

	(void)state;
	assert_int_equal(symbolizer_new(NULL, &s), 0);
	assert_int_equal(
		symbolizer_add_kernel(s, text_fd("0000000000000000 T _text\n"), &core, &err),
		-EPERM);
	assert_non_null(strstr(err.text, "kptr_restrict"));
	assert_int_equal(
		symbolizer_add_kernel(s, text_fd("ffffffff81000000 T no_text\n"), &core, &err),
		-EBADMSG);
	assert_int_equal(symbolizer_add_kernel(s, text_fd("what is this\n"), &core, &err),
			 -EBADMSG);
	assert_int_equal(symbolizer_add_kernel(s, text_fd(""), &core, &err), -EPERM);
	assert_int_equal(symbolizer_add_kernel(s, -1, &core, &err), -EBADF);
	symbolizer_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(core_names_reach_to_the_next_symbol),
		cmocka_unit_test(a_clone_is_shown_as_its_function),
		cmocka_unit_test(a_module_has_its_own_symbols),
		cmocka_unit_test(what_lies_far_from_the_code_takes_nothing_from_it),
		cmocka_unit_test(hidden_and_foreign_texts_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
