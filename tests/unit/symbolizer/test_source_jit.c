/* Perf maps and jitdumps that grow, shrink, are written anew, and are something else. */
#include "symbolizer/source_jit.h"

#include "profiler/base/buf.h"
#include "profiler/base/cleanup.h"
#include "symbolizer/jitdump.h"
#include "symbolizer/perfmap.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>

#define NOW UINT64_MAX

static int file_of(const void *bytes, size_t len)
{
	int fd = memfd_create("jit", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), (ssize_t)len);
	return fd;
}

static int text_file(const char *text)
{
	return file_of(text, strlen(text));
}

static void add_text(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void assert_reads(struct source_jit *s, enum source_jit_kind kind, int fd)
{
	struct err err = {};

	if (source_jit_read(s, kind, fd, false, 0, &err) != 0)
		fail_msg("not read: %s", err.text);
}

static void assert_refuses(struct source_jit *s, enum source_jit_kind kind, int fd, int error,
			   const char *sentence)
{
	struct err err = {};

	assert_int_equal(source_jit_read(s, kind, fd, false, 0, &err), error);
	assert_string_equal(err.text, sentence);
}

static void assert_name(const struct source_jit *s, uint64_t address, uint64_t time_ns,
			const char *name)
{
	const char *found = source_jit_name(s, address, time_ns).name;

	if (!name)
		assert_null(found);
	else if (!found)
		fail_msg("0x%" PRIx64 " has no name, not %s", address, name);
	else
		assert_string_equal(found, name);
}

/* ---- perf maps ---- */

static void a_map_is_read_on_as_it_grows(void **state)
{
	_cleanup_close_ int fd = text_file("1000 100 f\n2000 100 g");
	struct source_jit s;

	(void)state;
	source_jit_init(&s);
	assert_reads(&s, SOURCE_JIT_MAP, fd);
	assert_name(&s, 0x1000, NOW, "f");
	assert_name(&s, 0x2000, NOW, NULL); /* its line may go on */
	add_text(fd, "h\n");
	assert_reads(&s, SOURCE_JIT_MAP, fd);
	assert_name(&s, 0x2000, NOW, "gh");
	add_text(fd, "1080 10 recompiled\n");
	assert_reads(&s, SOURCE_JIT_MAP, fd);
	assert_name(&s, 0x1080, NOW, "recompiled");
	assert_name(&s, 0x1000, NOW, NULL);
	source_jit_done(&s);
	assert_int_equal(source_jit_bytes(&s), 0);
}

static void a_last_line_without_an_end_is_told_and_left_out(void **state)
{
	_cleanup_close_ int fd = text_file("1000 100 f\n2000 100 g");
	struct source_jit s;
	struct err err = {};

	(void)state;
	source_jit_init(&s);
	assert_int_equal(source_jit_read(&s, SOURCE_JIT_MAP, fd, true, 0, &err), -EBADMSG);
	assert_string_equal(err.text, "its end is cut: the rest was read");
	assert_name(&s, 0x1000, NOW, "f");
	assert_name(&s, 0x2000, NOW, NULL);
	source_jit_done(&s);
}

static void a_map_that_is_written_anew_is_read_anew(void **state)
{
	_cleanup_close_ int fd = text_file("1000 100 f\n2000 100 g\n");
	struct source_jit s;

	(void)state;
	source_jit_init(&s);
	assert_reads(&s, SOURCE_JIT_MAP, fd);
	/* Shorter, and then longer than before. */
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	add_text(fd, "3000 100 h\n");
	assert_reads(&s, SOURCE_JIT_MAP, fd);
	assert_name(&s, 0x1000, NOW, NULL);
	assert_name(&s, 0x3000, NOW, "h");
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	add_text(fd, "4000 100 i\n5000 100 j\n");
	assert_reads(&s, SOURCE_JIT_MAP, fd);
	assert_name(&s, 0x3000, NOW, NULL);
	assert_name(&s, 0x4000, NOW, "i");
	source_jit_done(&s);
}

static void another_file_in_its_place_is_another_map(void **state)
{
	_cleanup_close_ int one = text_file("1000 100 f\n"), two = text_file("1000 100 g\n");
	struct source_jit s;

	(void)state;
	source_jit_init(&s);
	assert_reads(&s, SOURCE_JIT_MAP, one);
	assert_reads(&s, SOURCE_JIT_MAP, two);
	assert_name(&s, 0x1000, NOW, "g");
	source_jit_without(&s, SOURCE_JIT_MAP);
	assert_name(&s, 0x1000, NOW, NULL);
	source_jit_done(&s);
}

static void a_map_may_have_a_few_lines_that_are_none(void **state)
{
	_cleanup_close_ int fd = text_file("# comment\n1000 100 f\n\n2000\n");
	_cleanup_free_ char *longest = malloc(3 * PERFMAP_LINE_BYTES + 1);
	struct source_jit s;

	(void)state;
	source_jit_init(&s);
	assert_reads(&s, SOURCE_JIT_MAP, fd);
	assert_name(&s, 0x1000, NOW, "f");
	memset(longest, 'a', 3 * PERFMAP_LINE_BYTES);
	longest[3 * PERFMAP_LINE_BYTES] = '\0';
	add_text(fd, "3000 10 ");
	add_text(fd, longest);
	assert_reads(&s, SOURCE_JIT_MAP, fd); /* let pass, as far as it is there */
	add_text(fd, longest);
	add_text(fd, "\n4000 10 h\n");
	assert_reads(&s, SOURCE_JIT_MAP, fd);
	assert_name(&s, 0x3000, NOW, NULL);
	assert_name(&s, 0x4000, NOW, "h");
	source_jit_done(&s);
}

static void what_is_no_map_is_set_aside_until_it_is_another_file(void **state)
{
	_cleanup_close_ int fd = text_file("1000 100 f\n");
	struct source_jit s;

	(void)state;
	source_jit_init(&s);
	for (unsigned int i = 0; i < 2 * SOURCE_JIT_BAD_LINES; i++)
		add_text(fd, "root:x:0:0:root:/root:/bin/sh\n");
	assert_refuses(&s, SOURCE_JIT_MAP, fd, -EBADMSG, "it is not a perf map");
	assert_name(&s, 0x1000, NOW, NULL);
	assert_refuses(&s, SOURCE_JIT_MAP, fd, -EBADMSG, "it is not a perf map");
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	add_text(fd, "1000 100 f\n");
	assert_reads(&s, SOURCE_JIT_MAP, fd);
	assert_name(&s, 0x1000, NOW, "f");
	source_jit_done(&s);
}

static void a_map_past_its_maximum_is_not_read(void **state)
{
	_cleanup_close_ int fd = text_file("1000 100 f\n");
	struct source_jit s;

	(void)state;
	source_jit_init(&s);
	assert_reads(&s, SOURCE_JIT_MAP, fd);
	assert_int_equal(ftruncate(fd, 10ll << 30), 0);
	assert_refuses(&s, SOURCE_JIT_MAP, fd, -EFBIG, "it is longer than 1024 MiB");
	assert_name(&s, 0x1000, NOW, NULL); /* what it says now is not known */
	source_jit_done(&s);
}

static void zeros_are_let_pass_in_portions_and_name_nothing(void **state)
{
	_cleanup_close_ int fd = text_file("1000 100 f\n");
	struct source_jit s;
	struct err err = {};
	unsigned int portions = 1;

	(void)state;
	source_jit_init(&s);
	assert_int_equal(ftruncate(fd, 1 << 20), 0);
	/* A deadline that is over: a window each time. */
	while (source_jit_read(&s, SOURCE_JIT_MAP, fd, false, 1, &err) == 1)
		portions++;
	assert_in_range(portions, 16, 20);
	assert_string_equal(err.text, "");
	assert_name(&s, 0x1000, NOW, "f");
	assert_name(&s, 0, NOW, NULL);
	source_jit_done(&s);
}

static void code_without_end_is_set_aside_within_its_memory(void **state)
{
	_cleanup_close_ int fd = memfd_create("jit", MFD_CLOEXEC);
	_cleanup_fclose_ FILE *f = fdopen(dup(fd), "w");
	struct source_jit s;

	(void)state;
	source_jit_init(&s);
	for (unsigned int i = 0; i < 400000; i++)
		fprintf(f, "%x0 10 a method that is called %u\n", i, i);
	fflush(f);
	assert_refuses(&s, SOURCE_JIT_MAP, fd, -ENOMEM,
		       "it names more code than there is memory for");
	assert_int_equal(source_jit_bytes(&s), 0);
	source_jit_done(&s);
}

/* Python 3.12's, of `python3.12 -X perf` and a script with one loop; a few of its lines. */
static void a_recorded_map_of_python_is_read(void **state)
{
	static const char map[] =
		"7f3c236c5000 b py::_find_and_load:<frozen importlib._bootstrap>\n"
		"7f3c236c57a6 b py::<module>:/srv/hot.py\n"
		"7f3c236c57b1 b py::main:/srv/hot.py\n"
		"7f3c236c57bc b py::loop:/srv/hot.py\n";
	_cleanup_close_ int fd = text_file(map);
	struct source_jit s;

	(void)state;
	source_jit_init(&s);
	assert_reads(&s, SOURCE_JIT_MAP, fd);
	assert_name(&s, 0x7f3c236c500a, NOW, "py::_find_and_load:<frozen importlib._bootstrap>");
	assert_name(&s, 0x7f3c236c500b, NOW, NULL);
	assert_name(&s, 0x7f3c236c57b1, NOW, "py::main:/srv/hot.py");
	assert_name(&s, 0x7f3c236c57c6, NOW, "py::loop:/srv/hot.py");
	assert_name(&s, 0x7f3c236c57c7, NOW, NULL);
	source_jit_done(&s);
}

/* ---- jitdumps ---- */

static void put_header(struct buf *b, uint64_t flags)
{
	buf_init(b, 8 << 20);
	buf_add_u32(b, 0x4a695444);
	buf_add_u32(b, 1);
	buf_add_u32(b, 40);
	buf_add_u32(b, 62);
	buf_add_u32(b, 0);
	buf_add_u32(b, 7);
	buf_add_u64(b, 1);
	buf_add_u64(b, flags);
}

static void put_load(struct buf *b, uint64_t time_ns, uint64_t address, uint64_t size,
		     const char *name)
{
	buf_add_u32(b, JITDUMP_LOAD);
	buf_add_u32(
		b, (uint32_t)(JITDUMP_PREFIX_BYTES + JITDUMP_LOAD_BYTES + strlen(name) + 1 + size));
	buf_add_u64(b, time_ns);
	buf_add_u64(b, 0);
	buf_add_u64(b, address);
	buf_add_u64(b, address);
	buf_add_u64(b, size);
	buf_add_u64(b, 0);
	buf_add(b, name, strlen(name) + 1);
	for (uint64_t i = 0; i < size; i++)
		buf_add_u8(b, 0xcc);
}

static void put_move(struct buf *b, uint64_t time_ns, uint64_t from, uint64_t to, uint64_t size)
{
	buf_add_u32(b, JITDUMP_MOVE);
	buf_add_u32(b, JITDUMP_PREFIX_BYTES + 48);
	buf_add_u64(b, time_ns);
	buf_add_u64(b, 0);
	buf_add_u64(b, to);
	buf_add_u64(b, from);
	buf_add_u64(b, to);
	buf_add_u64(b, size);
	buf_add_u64(b, 0);
}

/* Another record, of so many bytes. */
static void put_other(struct buf *b, uint32_t id, uint32_t bytes)
{
	buf_add_u32(b, id);
	buf_add_u32(b, bytes);
	for (uint32_t i = 8; i < bytes; i++)
		buf_add_u8(b, 0xff);
}

static void a_dump_names_each_moment(void **state)
{
	struct source_jit s;
	struct buf b;
	int fd;

	(void)state;
	put_header(&b, 0);
	put_other(&b, JITDUMP_UNWINDING_INFO, 64);
	put_load(&b, 100, 0x1000, 0x100, "f");
	put_other(&b, 99, 200000); /* longer than what is read at once */
	put_load(&b, 200, 0x1000, 0x80, "g");
	put_move(&b, 300, 0x1000, 0x5000, 0x80);
	put_other(&b, JITDUMP_CLOSE, 16);
	fd = file_of(b.data, b.len);
	buf_done(&b);
	source_jit_init(&s);
	assert_reads(&s, SOURCE_JIT_DUMP, fd);
	assert_name(&s, 0x1000, 99, NULL);
	assert_name(&s, 0x1000, 100, "f");
	assert_name(&s, 0x1000, 199, "f");
	assert_name(&s, 0x1000, 200, "g");
	assert_name(&s, 0x1000, 300, NULL);
	assert_name(&s, 0x5000, 300, "g");
	source_jit_done(&s);
	close(fd);
}

static void put_lines(struct buf *b, uint64_t code, unsigned int n, const char *file)
{
	buf_add_u32(b, JITDUMP_DEBUG_INFO);
	buf_add_u32(b, (uint32_t)(JITDUMP_PREFIX_BYTES + 16 + n * (16 + strlen(file) + 1)));
	buf_add_u64(b, 50);
	buf_add_u64(b, code);
	buf_add_u64(b, n);
	for (unsigned int i = 0; i < n; i++) {
		buf_add_u64(b, code + i);
		buf_add_u32(b, i + 1);
		buf_add_u32(b, 0);
		buf_add(b, file, strlen(file) + 1);
	}
}

static void assert_line(const struct source_jit *s, uint64_t address, uint32_t line)
{
	struct jit_place place = source_jit_name(s, address, NOW);

	assert_int_equal(place.line, line);
	if (line)
		assert_string_equal(place.file, "/srv/f.js");
	else
		assert_null(place.file);
}

static void a_dump_has_lines_also_more_than_are_read_at_once(void **state)
{
	enum { MANY = 8000 };
	struct source_jit s;
	struct buf b;
	int fd;

	(void)state;
	put_header(&b, 0);
	put_lines(&b, 0x1000, 4, "/srv/f.js");
	put_load(&b, 100, 0x1000, 0x100, "f");
	put_lines(&b, 0x10000, MANY, "/srv/f.js");
	put_load(&b, 100, 0x10000, MANY, "g");
	fd = file_of(b.data, b.len);
	buf_done(&b);
	source_jit_init(&s);
	assert_reads(&s, SOURCE_JIT_DUMP, fd);
	assert_line(&s, 0x1002, 3);
	assert_line(&s, 0x10000 + MANY - 1, MANY);
	source_jit_done(&s);
	assert_int_equal(source_jit_bytes(&s), 0);
	close(fd);
}

static void lines_that_are_garbage_cost_no_names(void **state)
{
	struct source_jit s;
	struct buf b;
	int fd;

	(void)state;
	put_header(&b, 0);
	put_lines(&b, 0x1000, 4, "\x01\x02");
	put_load(&b, 100, 0x1000, 0x100, "f");
	put_lines(&b, 0x2000, 4, "/srv/f.js");
	put_load(&b, 100, 0x2000, 0x100, "g");
	put_lines(&b, 0x3000, 70000, "/srv/f.js"); /* longer than JITDUMP_LINES_MAX */
	put_load(&b, 100, 0x3000, 0x100, "h");
	fd = file_of(b.data, b.len);
	buf_done(&b);
	source_jit_init(&s);
	for (int i = 0; i < 2; i++) {
		assert_refuses(&s, SOURCE_JIT_DUMP, fd, -ENODATA,
			       "some of its source lines are left out: they are corrupt");
		assert_name(&s, 0x1000, NOW, "f");
		assert_line(&s, 0x1000, 0);
		assert_name(&s, 0x2000, NOW, "g");
		assert_line(&s, 0x2000, 1);
		assert_name(&s, 0x3000, NOW, "h");
	}
	source_jit_done(&s);
	close(fd);
}

/* At whatever byte it is cut, what was whole is known, and the rest later. */
static void a_dump_is_read_on_as_it_grows(void **state)
{
	struct source_jit s;
	struct buf b;

	(void)state;
	put_header(&b, 0);
	put_load(&b, 100, 0x1000, 4, "first");
	put_load(&b, 200, 0x1000, 4, "second");
	for (size_t cut = 0; cut <= b.len; cut++) {
		_cleanup_close_ int fd = file_of(b.data, cut);

		source_jit_init(&s);
		assert_reads(&s, SOURCE_JIT_DUMP, fd);
		if (cut < b.len)
			assert_name(&s, 0x1000, NOW, cut < b.len - 67 ? NULL : "first");
		assert_int_equal(write(fd, b.data + cut, b.len - cut), (ssize_t)(b.len - cut));
		assert_reads(&s, SOURCE_JIT_DUMP, fd);
		assert_name(&s, 0x1000, 150, "first");
		assert_name(&s, 0x1000, NOW, "second");
		source_jit_done(&s);
	}
	buf_done(&b);
}

static void many_records_are_read_whatever_their_lengths(void **state)
{
	enum { MANY = 3000 };
	struct source_jit s;
	char name[600];
	struct buf b;
	int fd;

	(void)state;
	put_header(&b, 0);
	for (unsigned int i = 0; i < MANY; i++) {
		memset(name, 'n', sizeof(name));
		snprintf(name + i % 500, 32, "%u", i);
		put_load(&b, i + 1, 0x1000 * (i + 1), i % 900 + 1, name);
	}
	fd = file_of(b.data, b.len);
	buf_done(&b);
	source_jit_init(&s);
	assert_reads(&s, SOURCE_JIT_DUMP, fd);
	for (unsigned int i = 0; i < MANY; i++) {
		memset(name, 'n', sizeof(name));
		snprintf(name + i % 500, 32, "%u", i);
		assert_name(&s, 0x1000 * (i + 1), NOW, name);
	}
	source_jit_done(&s);
	close(fd);
}

/* A CPU's counter says nothing of a sample's time: the last one holds, as in a map. */
static void a_dump_with_another_clock_names_by_its_last(void **state)
{
	struct source_jit s;
	struct buf b;
	int fd;

	(void)state;
	put_header(&b, 1);
	put_load(&b, 1000000, 0x1000, 4, "first");
	put_load(&b, 2000000, 0x1000, 4, "second");
	fd = file_of(b.data, b.len);
	buf_done(&b);
	source_jit_init(&s);
	assert_reads(&s, SOURCE_JIT_DUMP, fd);
	assert_name(&s, 0x1000, 5, "second");
	source_jit_done(&s);
	close(fd);
}

static void a_dump_goes_before_a_map(void **state)
{
	_cleanup_close_ int map = text_file("1000 100 of the map\n2000 100 only here\n");
	struct source_jit s;
	struct buf b;
	int fd;

	(void)state;
	put_header(&b, 0);
	put_load(&b, 100, 0x1000, 4, "of the dump");
	fd = file_of(b.data, b.len);
	buf_done(&b);
	source_jit_init(&s);
	assert_reads(&s, SOURCE_JIT_MAP, map);
	assert_reads(&s, SOURCE_JIT_DUMP, fd);
	assert_name(&s, 0x1000, NOW, "of the dump");
	assert_name(&s, 0x2000, NOW, "only here");
	source_jit_done(&s);
	close(fd);
}

static void a_corrupt_dump_is_set_aside(void **state)
{
	struct source_jit s;
	struct buf b;
	int fd;

	(void)state;
	put_header(&b, 0);
	put_load(&b, 100, 0x1000, 4, "f");
	buf_add_u32(&b, JITDUMP_LOAD);
	buf_add_u32(&b, 15);
	buf_add_u64(&b, 200);
	fd = file_of(b.data, b.len);
	buf_done(&b);
	source_jit_init(&s);
	assert_refuses(&s, SOURCE_JIT_DUMP, fd, -EBADMSG, "it has a corrupt record");
	assert_name(&s, 0x1000, NOW, NULL);
	close(fd);
	fd = text_file("1000 100 a perf map is no jitdump, however long\n");
	assert_refuses(&s, SOURCE_JIT_DUMP, fd, -EBADMSG, "it is not a jitdump");
	close(fd);
	source_jit_done(&s);
}

static void what_is_no_regular_file_is_not_read(void **state)
{
	_cleanup_close_ int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	struct source_jit s;

	(void)state;
	source_jit_init(&s);
	assert_refuses(&s, SOURCE_JIT_MAP, fd, -EBADMSG, "it is not a regular file");
	source_jit_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_map_is_read_on_as_it_grows),
		cmocka_unit_test(a_last_line_without_an_end_is_told_and_left_out),
		cmocka_unit_test(a_map_that_is_written_anew_is_read_anew),
		cmocka_unit_test(another_file_in_its_place_is_another_map),
		cmocka_unit_test(a_map_may_have_a_few_lines_that_are_none),
		cmocka_unit_test(what_is_no_map_is_set_aside_until_it_is_another_file),
		cmocka_unit_test(a_map_past_its_maximum_is_not_read),
		cmocka_unit_test(zeros_are_let_pass_in_portions_and_name_nothing),
		cmocka_unit_test(code_without_end_is_set_aside_within_its_memory),
		cmocka_unit_test(a_recorded_map_of_python_is_read),
		cmocka_unit_test(a_dump_names_each_moment),
		cmocka_unit_test(a_dump_has_lines_also_more_than_are_read_at_once),
		cmocka_unit_test(lines_that_are_garbage_cost_no_names),
		cmocka_unit_test(a_dump_is_read_on_as_it_grows),
		cmocka_unit_test(many_records_are_read_whatever_their_lengths),
		cmocka_unit_test(a_dump_with_another_clock_names_by_its_last),
		cmocka_unit_test(a_dump_goes_before_a_map),
		cmocka_unit_test(a_corrupt_dump_is_set_aside),
		cmocka_unit_test(what_is_no_regular_file_is_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
