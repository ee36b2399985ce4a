/* The token file: its mode, its owner and its content. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "profiler/cli/token.h"

#define TOKEN_BYTES 256

static char path[32];

/* What token_read() says of a file with this content and mode. */
static int read_one(const void *content, size_t len, mode_t mode, char *ret, struct err *err)
{
	int fd, r;

	snprintf(path, sizeof(path), "/tmp/test_token_XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	r = token_read(path, ret, TOKEN_BYTES, err);
	unlink(path);
	return r;
}

static void one_line_is_a_token(void **state)
{
	static const char *const good[] = {"s3cret", "s3cret\n", "s3cret\r\n", "~!@#$%^&*()"};
	char token[TOKEN_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(read_one(good[i], strlen(good[i]), 0600, token, NULL), 0);
		assert_int_equal(strlen(token), strcspn(good[i], "\r\n"));
		assert_memory_equal(token, good[i], strlen(token));
	}
	assert_int_equal(read_one("x", 1, 0400, token, NULL), 0);
}

static void files_that_others_can_read_are_refused(void **state)
{
	static const mode_t modes[] = {0640, 0604, 0620, 0601, 0644};
	char token[TOKEN_BYTES];
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(read_one("x", 1, modes[i], token, &err), -EPERM);
		assert_non_null(strstr(err_text(&err), "chmod 600"));
	}
	assert_int_equal(token_read("/dev/null", token, sizeof(token), &err), -EPERM);
	assert_int_equal(token_read("/nonexistent", token, sizeof(token), &err), -ENOENT);
}

static void what_is_no_token_is_refused(void **state)
{
	char token[TOKEN_BYTES] = "untouched", long_one[TOKEN_BYTES];
	struct err err;

	(void)state;
	memset(long_one, 'x', sizeof(long_one));
	assert_int_equal(read_one("", 0, 0600, token, &err), -EBADMSG);
	assert_int_equal(read_one("\n", 1, 0600, token, &err), -EBADMSG);
	assert_int_equal(read_one("a b", 3, 0600, token, &err), -EBADMSG);
	assert_int_equal(read_one("a\nb", 3, 0600, token, &err), -EBADMSG);
	assert_int_equal(read_one("a\0b", 3, 0600, token, &err), -EBADMSG);
	assert_int_equal(read_one("\xc3\xa4", 2, 0600, token, &err), -EBADMSG);
	assert_int_equal(read_one(long_one, TOKEN_BYTES, 0600, token, &err), -EBADMSG);
	assert_string_equal(token, "untouched");
	assert_int_equal(read_one(long_one, TOKEN_BYTES - 1, 0600, token, &err), 0);
	assert_null(strstr(err_text(&err), "xxxx")); /* a sentence never holds the secret */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_line_is_a_token),
		cmocka_unit_test(files_that_others_can_read_are_refused),
		cmocka_unit_test(what_is_no_token_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
