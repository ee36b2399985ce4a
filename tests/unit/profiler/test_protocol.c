/*
 * The bodies of the messages between collector and workers: what is written is read, and nothing
 * malformed is.
 */
#include "profiler/jail/protocol.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void a_request_is_read_as_it_was_written(void **state)
{
	struct protocol_request q = {
		.object = 7, .kind = PROTOCOL_OBJECT_FILE, .with_fd = true, .n = 2};
	struct protocol_request back;
	struct buf b;

	(void)state;
	q.offsets[0] = 0x1234;
	q.offsets[1] = UINT64_MAX;
	buf_init(&b, 1 << 20);
	protocol_request_write(&b, &q);
	assert_int_equal(protocol_request_parse(b.data, b.len, &back), 0);
	assert_int_equal(back.object, 7);
	assert_int_equal(back.kind, PROTOCOL_OBJECT_FILE);
	assert_true(back.with_fd);
	assert_int_equal(back.n, 2);
	assert_true(back.offsets[1] == UINT64_MAX);
	buf_done(&b);
}

static void a_module_carries_its_name_and_base(void **state)
{
	struct protocol_request q = {.object = 1,
				     .kind = PROTOCOL_OBJECT_MODULE,
				     .base = 0xffffffffc0000000,
				     .module = "ext4"};
	struct protocol_request back;
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	protocol_request_write(&b, &q);
	assert_int_equal(protocol_request_parse(b.data, b.len, &back), 0);
	assert_string_equal(back.module, "ext4");
	assert_true(back.base == q.base);
	assert_int_equal(back.n, 0);
	buf_done(&b);
}

/* Every shorter and every longer body of a good message is refused: no length is taken on trust. */
static void assert_only_whole(const struct buf *b, int (*parse)(const void *, size_t))
{
	uint8_t longer[4096] = {};

	assert_true(b->len < sizeof(longer));
	memcpy(longer, b->data, b->len);
	assert_int_equal(parse(longer, b->len), 0);
	for (size_t len = 0; len < b->len; len++)
		assert_int_equal(parse(longer, len), -EBADMSG);
	assert_int_equal(parse(longer, b->len + 1), -EBADMSG);
}

static int parse_request(const void *body, size_t len)
{
	struct protocol_request q;

	return protocol_request_parse(body, len, &q);
}

static int parse_answer(const void *body, size_t len)
{
	struct protocol_answer a = {};
	int r = protocol_answer_parse(body, len, 3, &a);

	protocol_answer_done(&a);
	return r;
}

static const struct protocol_line lines[] = {
	{"inner", "_Zinner", "/src/a.c", 10, 3},
	{"outer", NULL, NULL, 0, 0},
};

static void write_answer(struct buf *b)
{
	buf_init(b, 1 << 24);
	protocol_answer_begin(b, (const uint8_t *)"0123456789", 10);
	protocol_answer_offset(b, lines, 2);
	protocol_answer_offset(b, NULL, 0);
	protocol_answer_offset(b, lines + 1, 1);
	protocol_answer_end(b, 3, "some of it\nis corrupt");
}

static void cut_and_padded_bodies_are_refused(void **state)
{
	struct protocol_request q = {
		.object = 1, .kind = PROTOCOL_OBJECT_MODULE, .module = "ext4", .n = 3};
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	protocol_request_write(&b, &q);
	assert_only_whole(&b, parse_request);
	buf_done(&b);
	write_answer(&b);
	assert_only_whole(&b, parse_answer);
	buf_done(&b);
	buf_init(&b, 1 << 20);
	protocol_answer_error(&b, -EBADMSG, "not an ELF file");
	assert_only_whole(&b, parse_answer);
	buf_done(&b);
}

static void an_answer_is_read_as_it_was_written(void **state)
{
	struct protocol_answer a;
	struct buf b;

	(void)state;
	write_answer(&b);
	assert_int_equal(protocol_answer_parse(b.data, b.len, 3, &a), 0);
	assert_int_equal(a.error, 0);
	assert_int_equal(a.build_id_bytes, 10);
	assert_memory_equal(a.build_id, "0123456789", 10);
	assert_int_equal(a.n, 3);
	assert_int_equal(a.n_lines[0], 2);
	assert_int_equal(a.n_lines[1], 0);
	assert_int_equal(a.n_lines[2], 1);
	assert_string_equal(a.lines[0].function, "inner");
	assert_string_equal(a.lines[0].system_name, "_Zinner");
	assert_string_equal(a.lines[0].file, "/src/a.c");
	assert_int_equal(a.lines[0].line, 10);
	assert_int_equal(a.lines[0].column, 3);
	assert_string_equal(a.lines[2].function, "outer");
	assert_null(a.lines[2].file);
	assert_string_equal(a.sentence, "some of it?is corrupt");
	protocol_answer_done(&a);
	buf_done(&b);
}

static void an_object_s_error_carries_its_sentence_in_print(void **state)
{
	struct protocol_answer a;
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	protocol_answer_error(&b, -ENOENT, "no\033[2Jsuch\nmodule");
	assert_int_equal(protocol_answer_parse(b.data, b.len, 3, &a), 0);
	assert_int_equal(a.error, -ENOENT);
	assert_string_equal(a.sentence, "no?[2Jsuch?module");
	buf_done(&b);
}

/* The head of an answer without build id, and what a hostile worker may put behind it. */
#define HEAD	"\0\0\0\0\0"
#define EMPTY	"\0\0"
#define NUMBERS "\0\0\0\0\0\0\0\0"

static void hostile_answers_are_refused(void **state)
{
	static const struct {
		const char *what;
		const char *body;
		size_t len;
	} bad[] = {
#define BAD(what, body) {what, body, sizeof(body) - 1}
		BAD("a positive error", "\1\0\0\0\0\0"),
		BAD("an error below every errno", "\0\0\0\x80\0\0"),
		BAD("a sentence longer than allowed", "\xff\xff\xff\xff\xff\xff"),
		BAD("a build id longer than any", "\0\0\0\0\x41" NUMBERS),
		BAD("more offsets than were asked", HEAD "\4\0\0\0" EMPTY EMPTY EMPTY EMPTY),
		BAD("no offset where some were asked", HEAD "\0\0\0\0"),
		BAD("a count that would overflow", HEAD "\xff\xff\xff\xff"),
		BAD("more lines than a chain has", HEAD "\1\0\0\0\x41\0"),
		BAD("lines that are not there", HEAD "\1\0\0\0\2\0\1\0f" EMPTY EMPTY NUMBERS),
		BAD("a line without function", HEAD "\1\0\0\0\1\0" EMPTY "\1\0f" EMPTY NUMBERS),
		BAD("a name with a NUL in it", HEAD "\1\0\0\0\1\0\3\0a\0b" EMPTY EMPTY NUMBERS),
		BAD("trouble longer than allowed", HEAD "\1\0\0\0" EMPTY "\xff\xff"),
		BAD("trouble that is cut", HEAD "\1\0\0\0" EMPTY "\2\0x"),
		BAD("a name past the end", HEAD "\1\0\0\0\1\0\xff\x1f"
						"a" EMPTY EMPTY NUMBERS),
#undef BAD
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct protocol_answer a = {.error = 1};

		if (protocol_answer_parse(bad[i].body, bad[i].len, 3, &a) != -EBADMSG)
			fail_msg("%s was accepted", bad[i].what);
		assert_int_equal(a.error, 1); /* untouched */
	}
}

static void hostile_requests_are_refused(void **state)
{
	static const struct {
		const char *what;
		const char *body;
		size_t len;
	} bad[] = {
#define BAD(what, body) {what, body, sizeof(body) - 1}
		BAD("an unknown kind", "\1\0\0\0\6\0\0\0\0\0\0\0"),
		BAD("no kind", "\1\0\0\0\0\0\0\0\0\0\0\0"),
		BAD("a flag that is neither", "\1\0\0\0\1\2\0\0\0\0\0\0"),
		BAD("reserved bytes in use", "\1\0\0\0\1\0\1\0\0\0\0\0"),
		BAD("more offsets than a request has", "\1\0\0\0\1\0\0\0\1\2\0\0"),
		BAD("a module without a name", "\1\0\0\0\4\0\0\0" NUMBERS "\0\0\0\0\0"),
		BAD("a module's name with a NUL", "\1\0\0\0\4\0\0\0" NUMBERS "\2a\0\0\0\0\0"),
#undef BAD
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parse_request(bad[i].body, bad[i].len) != -EBADMSG)
			fail_msg("%s was accepted", bad[i].what);
}

static void a_longer_name_than_fits_ends_in_an_ellipsis(void **state)
{
	char name[PROTOCOL_STRING_MAX + 100];
	struct protocol_line line = {.function = name};
	struct protocol_answer a;
	struct buf b;

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	buf_init(&b, 1 << 24);
	protocol_answer_begin(&b, NULL, 0);
	protocol_answer_offset(&b, &line, 1);
	protocol_answer_end(&b, 1, NULL);
	assert_int_equal(protocol_answer_parse(b.data, b.len, 1, &a), 0);
	assert_int_equal(strlen(a.lines[0].function), PROTOCOL_STRING_MAX);
	assert_string_equal(a.lines[0].function + PROTOCOL_STRING_MAX - 4, "x...");
	protocol_answer_done(&a);
	buf_done(&b);
}

static void a_failure_travels_with_its_sentence(void **state)
{
	char sentence[PROTOCOL_SENTENCE_MAX + 1];
	struct buf b;
	int error;

	(void)state;
	buf_init(&b, 1 << 20);
	protocol_failed_write(&b, -EADDRINUSE, "the port is in use");
	assert_int_equal(protocol_failed_parse(b.data, b.len, &error, sentence), 0);
	assert_int_equal(error, -EADDRINUSE);
	assert_string_equal(sentence, "the port is in use");
	assert_int_equal(protocol_failed_parse("\0\0\0\0good", 8, &error, sentence), -EBADMSG);
	assert_int_equal(protocol_failed_parse("\xff", 1, &error, sentence), -EBADMSG);
	buf_done(&b);
}

static int parse_config(const void *body, size_t len)
{
	char token[PROTOCOL_TOKEN_MAX + 1];

	return protocol_config_parse(body, len, token);
}

static void a_token_travels_and_none_is_none(void **state)
{
	char token[PROTOCOL_TOKEN_MAX + 1];
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	protocol_config_write(&b, "secret");
	assert_int_equal(protocol_config_parse(b.data, b.len, token), 0);
	assert_string_equal(token, "secret");
	assert_only_whole(&b, parse_config);
	buf_clear(&b);
	protocol_config_write(&b, NULL);
	assert_int_equal(protocol_config_parse(b.data, b.len, token), 0);
	assert_string_equal(token, "");
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_read_as_it_was_written),
		cmocka_unit_test(a_module_carries_its_name_and_base),
		cmocka_unit_test(cut_and_padded_bodies_are_refused),
		cmocka_unit_test(an_answer_is_read_as_it_was_written),
		cmocka_unit_test(an_object_s_error_carries_its_sentence_in_print),
		cmocka_unit_test(hostile_answers_are_refused),
		cmocka_unit_test(hostile_requests_are_refused),
		cmocka_unit_test(a_longer_name_than_fits_ends_in_an_ellipsis),
		cmocka_unit_test(a_failure_travels_with_its_sentence),
		cmocka_unit_test(a_token_travels_and_none_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
