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

/* ---- proxies ---- */

/* "" is none. HOST alone is HTTP's. */
static int take_proxy(char to[DEBUG_SERVERS_URL_BYTES], const char *name, const char *value,
		      struct err *err)
{
	const char *scheme = strstr(value, "://") ? "" : "http://";
	char url[2 * DEBUG_SERVERS_URL_BYTES];
	size_t at;

	if (!*value)
		return 0;
	if (strlen(value) + strlen(scheme) >= DEBUG_SERVERS_URL_BYTES)
		return err_set(err, -EINVAL, "%s has more than %d bytes", name,
			       DEBUG_SERVERS_URL_BYTES - 1);
	snprintf(url, sizeof(url), "%s%s", scheme, value);
	at = scheme_bytes(url);
	/* Its user and password are nobody's to see. */
	if (!at || !url[at] || url[at] == '/' || !is_printable(url))
		return err_set(err, -EINVAL, "%s is not http://HOST or https://HOST", name);
	memcpy(to, url, strlen(url) + 1);
	return 0;
}

/* The first of names, which end with NULL, that is set. */
static const char *first_set(char *(*find)(const char *name), const char *const *names,
			     const char **ret_name)
{
	for (; *names; names++) {
		const char *value = find(*names);

		*ret_name = *names;
		if (value)
			return value;
	}
	return "";
}

int debug_servers_add_proxies(struct debug_servers *s, char *(*find)(const char *name),
			      struct err *err)
{
	static const char *const http[] = {"http_proxy", "all_proxy", "ALL_PROXY", NULL},
				 *const https[] = {"https_proxy", "HTTPS_PROXY", "all_proxy",
						   "ALL_PROXY", NULL},
				 *const none[] = {"no_proxy", "NO_PROXY", NULL};
	const char *name, *value = first_set(find, http, &name);
	int r = take_proxy(s->http_proxy, name, value, err);

	if (r < 0)
		return r;
	value = first_set(find, https, &name);
	r = take_proxy(s->https_proxy, name, value, err);
	if (r < 0)
		return r;
	value = first_set(find, none, &name);
	if (strlen(value) >= sizeof(s->no_proxy))
		return err_set(err, -EINVAL, "%s has more than %d bytes", name,
			       DEBUG_SERVERS_URL_BYTES - 1);
	memcpy(s->no_proxy, value, strlen(value) + 1);
	return 0;
}

const char *debug_servers_proxy(const struct debug_servers *s, const char *url)
{
	return strncmp(url, "https://", strlen("https://")) == 0 ? s->https_proxy : s->http_proxy;
}

/* ---- the cache ---- */

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
