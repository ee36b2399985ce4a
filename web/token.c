/* The access token; see token.h. */
#include "web/token.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "web/server.h"

#define CREDENTIALS_BYTES \
	(2 * WEB_TOKEN_BYTES) /* decoded: a user name as long as the longest token */

/* Time depends on neither how much is equal nor where it differs: always WEB_TOKEN_BYTES steps. */
static bool equal(const char *given, const char *token)
{
	size_t n = strlen(given), m = strlen(token);
	unsigned int different = n != m;

	for (size_t i = 0; i < WEB_TOKEN_BYTES; i++) {
		unsigned char a = i < n ? (unsigned char)given[i] : 0;
		unsigned char b = i < m ? (unsigned char)token[i] : 0;

		different |= a ^ b;
	}
	return different == 0 && m > 0 && m <= WEB_TOKEN_BYTES;
}

static int base64_digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/*
 * RFC 4648 text into bytes with a NUL behind them; false where it is something else, is too long or
 * holds a NUL.
 */
static bool base64_decode(const char *s, char *to, size_t bytes)
{
	uint32_t bits = 0;
	unsigned int n_bits = 0;
	size_t n = 0;

	for (; *s && *s != '='; s++) {
		int digit = base64_digit(*s);

		if (digit < 0)
			return false;
		bits = bits << 6 | (uint32_t)digit;
		n_bits += 6;
		if (n_bits < 8)
			continue;
		n_bits -= 8;
		if (n + 1 >= bytes || !(bits >> n_bits & 0xff))
			return false;
		to[n++] = (char)(bits >> n_bits & 0xff);
	}
	to[n] = '\0';
	return s[strspn(s, "=")] == '\0';
}

static const char *after_scheme(const char *authorization, const char *scheme)
{
	size_t n = strlen(scheme);

	if (strncasecmp(authorization, scheme, n) || authorization[n] != ' ')
		return NULL;
	return authorization + n + strspn(authorization + n, " ");
}

bool web_token_allowed(const char *authorization, const char *token)
{
	char credentials[CREDENTIALS_BYTES];
	const char *given, *colon;

	if (!authorization)
		return false;
	given = after_scheme(authorization, "Bearer");
	if (given)
		return equal(given, token);
	given = after_scheme(authorization, "Basic");
	if (!given || !base64_decode(given, credentials, sizeof(credentials)))
		return false;
	colon = strchr(credentials, ':');
	return colon && equal(colon + 1, token);
}
