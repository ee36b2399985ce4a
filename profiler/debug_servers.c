/* URLs, looked at before anybody is asked; see debug_servers.h. */
#include "profiler/debug_servers.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SPACES " \t\n"

static size_t scheme_bytes(const char *url)
{
	static const char *const schemes[] = {"http://", "https://"};

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (strncmp(url, schemes[i], strlen(schemes[i])) == 0)
			return strlen(schemes[i]);
	return 0;
}

static bool is_printable(const char *s)
{
	while (*s > ' ' && *s < 0x7f)
		s++;
	return *s == '\0';
}

int debug_servers_add(struct debug_servers *s, const char *url, struct err *err)
{
	size_t len = strlen(url), scheme = scheme_bytes(url);

	if (!scheme || url[scheme] == '\0' || url[scheme] == '/' || !is_printable(url))
		return err_set(err, -EINVAL, "\"%s\" is not http://HOST or https://HOST", url);
	while (url[len - 1] == '/')
		len--;
	if (len >= DEBUG_SERVERS_URL_BYTES)
		return err_set(err, -EINVAL, "a URL of more than %d bytes",
			       DEBUG_SERVERS_URL_BYTES - 1);
	for (size_t i = 0; i < s->n; i++)
		if (strlen(s->url[i]) == len && memcmp(s->url[i], url, len) == 0)
			return 0;
	if (s->n == DEBUG_SERVERS_MAX)
		return err_set(err, -E2BIG, "more than %d servers", DEBUG_SERVERS_MAX);
	snprintf(s->url[s->n++], DEBUG_SERVERS_URL_BYTES, "%.*s", (int)len, url);
	return 0;
}

void debug_servers_add_words(struct debug_servers *s, const char *words)
{
	char url[DEBUG_SERVERS_URL_BYTES];
	size_t len;

	for (; words && *words; words += len) {
		words += strspn(words, SPACES);
		len = strcspn(words, SPACES);
		if (len == 0 || len >= sizeof(url))
			continue;
		snprintf(url, sizeof(url), "%.*s", (int)len, words);
		(void)debug_servers_add(s, url, NULL);
	}
}

/* What stands above the last part; failing shows when the last one is made. */
static void make_above(const char *path)
{
	char above[DEBUG_SERVERS_DIRECTORY_BYTES];

	snprintf(above, sizeof(above), "%s", path);
	for (char *at = strchr(above + 1, '/'); at; at = strchr(at + 1, '/')) {
		*at = '\0';
		(void)mkdir(above, 0700);
		*at = '/';
	}
}

void debug_servers_directory(char ret[DEBUG_SERVERS_DIRECTORY_BYTES])
{
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	size_t bytes = DEBUG_SERVERS_DIRECTORY_BYTES;

	if (geteuid() == 0)
		snprintf(ret, bytes, "/var/cache/hearth/debuginfod");
	else if (xdg && xdg[0] == '/')
		snprintf(ret, bytes, "%s/hearth/debuginfod", xdg);
	else
		snprintf(ret, bytes, "%s/.cache/hearth/debuginfod", home && *home ? home : "/");
	make_above(ret);
}
