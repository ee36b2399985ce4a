/* web/export/html.c: the report's assembly from a viewer's files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/web/build.h"
#include "web/export/html.h"

#define ASSET(path_, text)                                                                      \
	{                                                                                       \
		.path = (path_), .data = (const unsigned char *)(text), .len = sizeof(text) - 1 \
	}

static const struct web_asset viewer[] = {
	ASSET("index.html", "<!doctype html><html><head><title>Hearth</title>\n"
			    "<link rel=\"stylesheet\" href=\"style.css\">\n"
			    "<script type=\"module\" src=\"main.js\"></script></head>\n"
			    "<body><main id=\"app\"></main></body></html>\n"),
	ASSET("main.js", "import { x } from \"./x.js\";\nx(\"</script>\");\n"),
	ASSET("style.css", "body { color: red }\n"),
	ASSET("x.js", "export const x = (s) => s;\n"),
};

static char *assemble_with(const struct profile *p, struct export_options options)
{
	struct buf out;
	struct err err = {};

	buf_init(&out, EXPORT_BYTES_MAX);
	assert_int_equal(export_html_assemble(viewer, 4, p, &options, &out, &err), 0);
	return (char *)buf_steal(&out, NULL);
}

static char *assemble(const struct profile *p, const char *title)
{
	return assemble_with(p, (struct export_options){.title = title});
}

static size_t occurrences(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

static void what_is_known_of_time_stands_beside_the_profile(void **state)
{
	struct profile *p = build_typical();
	struct buf series, none;
	char *text;

	(void)state;
	buf_init(&series, 100);
	buf_init(&none, 100);
	buf_add_str(&series, "{\"step_ns\":1}");
	text = assemble_with(p, (struct export_options){.series = &series, .heatmap = &none});
	assert_non_null(strstr(text, "id=\"hearth-series\">{\"step_ns\":1}</script>"));
	assert_null(strstr(text, "hearth-heatmap"));
	free(text);
	buf_done(&series);
	buf_done(&none);
	profile_free(p);
}

static void everything_is_inside_one_file(void **state)
{
	struct profile *p = build_typical();
	char *text = assemble(p, NULL);

	(void)state;
	assert_null(strstr(text, "<link"));
	assert_null(strstr(text, "src=\"main.js\""));
	assert_non_null(strstr(text, "<style>\nbody { color: red }\n</style>"));
	assert_non_null(strstr(text, "id=\"hearth-report\">{\"version\":1,"));
	assert_non_null(strstr(text, "\"frame\":{\"type\":\"uint8\",\"at\":"));
	assert_non_null(strstr(text, "id=\"hearth-columns\">AQIDBA"));
	assert_non_null(strstr(text, "id=\"hearth-modules\">{\"main.js\":\"import { x } from"));
	assert_non_null(strstr(text, "<main id=\"app\"></main>"));
	assert_non_null(strstr(text, "<title>hearth</title>"));
	free(text);
	profile_free(p);
}

static void neither_data_nor_title_can_begin_an_element(void **state)
{
	struct profile *p = build_hostile();
	char *text = assemble(p, "</title><script>alert(1)</script>");

	(void)state;
	assert_int_equal(occurrences(text, "<script"), 4);
	assert_int_equal(occurrences(text, "</script"), 4);
	assert_int_equal(occurrences(text, "<img"), 0);
	assert_int_equal(occurrences(text, "</title"), 1);
	free(text);
	profile_free(p);
}

static void a_build_without_a_viewer_says_so(void **state)
{
	struct profile *p = build_typical();
	struct export_options options = {};
	struct buf out;
	struct err err = {};

	(void)state;
	buf_init(&out, 1 << 20);
	assert_int_equal(export_html_assemble(viewer, 0, p, &options, &out, &err), -ENOENT);
	assert_non_null(strstr(err_text(&err), "viewer"));
	buf_done(&out);
	buf_init(&out, 600);
	assert_int_equal(export_html_assemble(viewer, 4, p, &options, &out, &err), -EFBIG);
	buf_done(&out);
	profile_free(p);
}

/* ---- SHA-256 (FIPS 180-4), so that the policy's hash is checked against something else ---- */

static uint32_t rotate(uint32_t x, int n)
{
	return x >> n | x << (32 - n);
}

static const uint32_t sha_constants[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};

static void sha_block(uint32_t h[8], const uint8_t *block)
{
	uint32_t w[64], v[8];

	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
		       (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
	for (int i = 16; i < 64; i++)
		w[i] = w[i - 16] + w[i - 7] +
		       (rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3) +
		       (rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10);
	memcpy(v, h, sizeof(v));
	for (int i = 0; i < 64; i++) {
		uint32_t one = v[7] + (rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25)) +
			       ((v[4] & v[5]) ^ (~v[4] & v[6])) + sha_constants[i] + w[i];
		uint32_t two = (rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22)) +
			       ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));

		memmove(v + 1, v, 7 * sizeof(*v));
		v[4] += one;
		v[0] = one + two;
	}
	for (int i = 0; i < 8; i++)
		h[i] += v[i];
}

static void sha_base64(const char *text, char out[45])
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
			 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
	uint8_t padded[4096] = {}, sum[33] = {};
	size_t len = strlen(text), blocks = (len + 8) / 64 + 1;

	assert_true(blocks * 64 <= sizeof(padded));
	memcpy(padded, text, len);
	padded[len] = 0x80;
	for (int i = 0; i < 8; i++)
		padded[blocks * 64 - 1 - (size_t)i] = (uint8_t)(len * 8 >> 8 * i);
	for (size_t i = 0; i < blocks; i++)
		sha_block(h, padded + 64 * i);
	for (int i = 0; i < 32; i++)
		sum[i] = (uint8_t)(h[i / 4] >> (24 - 8 * (i % 4)));
	for (int i = 0; i < 44; i++) {
		int bit = i * 6;
		uint32_t two = (uint32_t)sum[bit / 8] << 8 | (bit / 8 < 32 ? sum[bit / 8 + 1] : 0);

		out[i] = digits[two >> (10 - bit % 8) & 63];
	}
	out[43] = '=';
	out[44] = '\0';
}

static void the_policy_names_the_script_that_is_run(void **state)
{
	struct profile *p = build_typical();
	char *text = assemble(p, NULL);
	char hash[45];

	(void)state;
	sha_base64("abc", hash);
	assert_string_equal(hash, "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
	sha_base64(export_html_start, hash);
	assert_string_equal(hash, EXPORT_HTML_START_SHA256);
	assert_non_null(strstr(text, EXPORT_HTML_START_SHA256));
	assert_non_null(strstr(text, export_html_start));
	free(text);
	profile_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_inside_one_file),
		cmocka_unit_test(what_is_known_of_time_stands_beside_the_profile),
		cmocka_unit_test(neither_data_nor_title_can_begin_an_element),
		cmocka_unit_test(a_build_without_a_viewer_says_so),
		cmocka_unit_test(the_policy_names_the_script_that_is_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
