/*
 * Fuzzer of the small parsers of text: the first byte says which, the rest is what it gets. What
 * must hold besides memory safety is asserted: accepted values lie in their bounds, slices inside
 * their text.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/base/buf.h"
#include "profiler/base/json_read.h"
#include "profiler/base/quantity.h"
#include "profiler/base/utf8.h"
#include "profiler/cli/config.h"
#include "profiler/cli/http_get.h"
#include "profiler/cli/range.h"
#include "profiler/cli/status_text.h"

#define NOW_NS 1800000000000000000ull

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void fuzz_json(const char *text, size_t len)
{
	struct json_value all, key, value;
	struct buf out;
	size_t at = 0;

	if (json_read_check(text, len, &all) == 0) {
		must(all.at >= text && all.at + all.len <= text + len);
		buf_init(&out, 1u << 20);
		status_text_write(all, "unix:/x", &out);
		buf_done(&out);
	}
	/* Also over what is not JSON. */
	all = (struct json_value){.at = text, .len = len};
	while (json_read_next(all, &at, &key, &value)) {
		char small[5];

		must(value.at >= text && value.at + value.len <= text + len);
		if (json_read_str(value, small, sizeof(small)))
			must(strlen(small) < sizeof(small));
	}
	json_read_member(all, "running", &value);
}

static void fuzz_http(const char *text, size_t len)
{
	size_t body = 0;
	int status = http_get_parse(text, len, &body);

	if (status >= 0)
		must(status <= 999 && body <= len);
}

static void fuzz_quantities(const char *text)
{
	uint64_t from = 0, until = 0;

	if (range_parse(text, NOW_NS, &from, &until, NULL) == 0)
		must(from < until);
	if (quantity_duration(text, &from) == 0)
		must(from > 0);
	quantity_bytes(text, &from);
	quantity_time(text, NOW_NS, &from);
	if (quantity_u64(text, 5, 10, &from) == 0)
		must(from >= 5 && from <= 10);
}

static void fuzz_config(char *text, size_t len)
{
	static struct {
		uint32_t number;
		const char *text;
		bool flag;
		uint64_t span, bytes, time, seconds;
	} v;
	static const struct options_row rows[] = {
		{.name = "number", .kind = OPTIONS_NUMBER, .to = &v.number, .min = 5, .max = 10},
		{.name = "text", .kind = OPTIONS_TEXT, .to = &v.text},
		{.name = "flag", .kind = OPTIONS_FLAG, .to = &v.flag},
		{.name = "span", .kind = OPTIONS_DURATION, .to = &v.span},
		{.name = "bytes", .kind = OPTIONS_BYTES, .to = &v.bytes},
		{.name = "time", .kind = OPTIONS_TIME, .to = &v.time},
		{.name = "seconds", .kind = OPTIONS_SECONDS, .to = &v.seconds},
	};
	static const struct options_command command = {
		.name = "fuzz", .rows = rows, .n_rows = sizeof(rows) / sizeof(rows[0])};
	struct options_result given = {.now_ns = NOW_NS};

	v.number = 5;
	v.text = "default";
	config_parse(&command, &given, "fuzz", text, len, NULL);
	must(v.number >= 5 && v.number <= 10 && v.text[0] != '\0');
}

static void fuzz_bytes(const char *text, size_t len)
{
	struct cursor c = cursor_over(text, len);
	uint32_t code_point;

	for (size_t at = 0; at < len;) {
		int n = utf8_next(text + at, len - at, &code_point);

		must(n < 0 || (size_t)n <= len - at);
		at += n < 0 ? 1 : (size_t)n;
	}
	while (!c.err && cursor_left(&c)) {
		cursor_varint(&c);
		cursor_zigzag(&c);
		cursor_u32(&c);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text;

	if (len == 0)
		return 0;
	/* A NUL behind it for those that take C strings; the others get the bytes alone. */
	text = malloc(len);
	must(text != NULL);
	memcpy(text, data + 1, len - 1);
	text[len - 1] = '\0';
	switch (data[0]) {
	case 'j':
		fuzz_json((const char *)data + 1, len - 1);
		break;
	case 'h':
		fuzz_http((const char *)data + 1, len - 1);
		break;
	case 'q':
		fuzz_quantities(text);
		break;
	case 'c':
		fuzz_config(text, len - 1);
		break;
	case 'b':
		fuzz_bytes((const char *)data + 1, len - 1);
		break;
	default:
		break;
	}
	free(text);
	return 0;
}
