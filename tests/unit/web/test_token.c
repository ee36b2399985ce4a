/* web/token.c: Bearer and Basic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "web/server.h"
#include "web/token.h"

static void the_token_passes_as_bearer_and_as_password(void **state)
{
	(void)state;
	assert_true(web_token_allowed("Bearer secret", "secret"));
	assert_true(web_token_allowed("bearer  secret", "secret"));
	assert_true(web_token_allowed("Basic aGVhcnRoOnNlY3JldA==", "secret")); /* hearth:secret */
	assert_true(web_token_allowed("Basic OnNlY3JldA==", "secret")); /* :secret */
	assert_true(web_token_allowed("basic dTpzZTpjcmV0", "se:cret")); /* u:se:cret */
}

static void anything_else_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"secret",
		"Bearer",
		"Bearer ",
		"Bearer secre",
		"Bearer secrets",
		"Bearer Secret",
		"Bearersecret",
		"Basic",
		"Basic ",
		"Basic secret",
		"Basic c2VjcmV0", /* no colon */
		"Basic aGVhcnRoOnNlY3JldA==x",
		"Basic aGVh cnRoOnNlY3JldA==",
		"Basic !!!!",
		"Basic OnNlY3JldAA=",
		/* :secret and a NUL */ "Digest secret",
	};

	(void)state;
	assert_false(web_token_allowed(NULL, "secret"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (web_token_allowed(bad[i], "secret"))
			fail_msg("%s is allowed", bad[i]);
	assert_false(web_token_allowed("Bearer ", ""));
}

static void long_tokens_are_compared_whole(void **state)
{
	char header[WEB_TOKEN_BYTES + 64], token[WEB_TOKEN_BYTES + 2];
	char basic[8192] = "Basic ";

	(void)state;
	memset(token, 'x', WEB_TOKEN_BYTES + 1);
	token[WEB_TOKEN_BYTES] = '\0';
	snprintf(header, sizeof(header), "Bearer %s", token);
	assert_true(web_token_allowed(header, token));
	header[strlen(header) - 1] = 'y';
	assert_false(web_token_allowed(header, token));
	memset(basic + 6, 'A', sizeof(basic) - 7);
	assert_false(web_token_allowed(basic, token));
	memset(basic + 6, 'Y', sizeof(basic) - 7);
	assert_false(web_token_allowed(basic, token));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_token_passes_as_bearer_and_as_password),
		cmocka_unit_test(anything_else_is_refused),
		cmocka_unit_test(long_tokens_are_compared_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
