/*
 * What a client can send us beside libmicrohttpd's own part: the Host, Authorization and
 * Accept-Encoding headers, the path and the query parameters. The first byte chooses which;
 * parameters are NAME NUL VALUE NUL ...
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "web/host.h"
#include "web/listen.h"
#include "web/routes.h"
#include "web/server.h"
#include "web/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void read_params(const char *text, size_t len)
{
	struct web_params p = {};
	struct err err = {};
	const char *end = text + len;
	int r = 0;

	while (text < end && r == 0) {
		const char *name = text, *value = name + strlen(name) + 1;

		if (value > end)
			break;
		r = web_params_add(&p, (1u << WEB_PARAM_COUNT) - 1, name, value, &err);
		text = value + strlen(value) + 1;
	}
	if (r == 0)
		r = web_params_finish(&p, WEB_PARAM_RANGE, UINT64_C(1800000000000000000), &err);
	must(r < 0 || p.from_ns < p.until_ns);
	must(r == 0 || err.code == r);
	web_params_done(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char *const names[] = {"box.example.org"};
	char name[WEB_NAME_BYTES];
	char *text;

	if (len == 0)
		return 0;
	/* Two NULs behind it: a list of parameters ends inside. */
	text = calloc(1, len + 2);
	if (!text)
		return 0;
	memcpy(text, data + 1, len - 1);
	switch (data[0]) {
	case 'h':
		web_host_allowed(text, names, 1);
		break;
	case 't':
		web_token_allowed(text, "secret");
		break;
	case 'e':
		web_accepts(text, "gzip");
		break;
	case 'l':
		web_listen_is_local(text, NULL);
		break;
	case 'r':
		web_route_find(text, name);
		must(strlen(name) < sizeof(name));
		break;
	default:
		read_params(text, len - 1);
	}
	free(text);
	return 0;
}
