/* The rule for Host headers; see host.h. */
#include "web/host.h"
#include "web/server.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#define HOST_BYTES_MAX 256

static bool is_port(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n <= 5 && s[n] == '\0';
}

/* [v6], with or without a port. */
static bool bracketed_allowed(const char *host)
{
	const char *end = strchr(host, ']');
	char literal[INET6_ADDRSTRLEN];
	struct in6_addr addr;
	size_t len = end ? (size_t)(end - host - 1) : sizeof(literal);

	if (len >= sizeof(literal))
		return false;
	if (end[1] != '\0' && (end[1] != ':' || !is_port(end + 2)))
		return false;
	memcpy(literal, host + 1, len);
	literal[len] = '\0';
	return inet_pton(AF_INET6, literal, &addr) == 1;
}

bool web_host_allowed(const char *host, const char *const *names, size_t n_names)
{
	char name[HOST_BYTES_MAX];
	struct in_addr addr;
	const char *colon;
	size_t len;

	if (!host)
		return false;
	if (host[0] == '[')
		return bracketed_allowed(host);
	colon = strchr(host, ':');
	len = colon ? (size_t)(colon - host) : strlen(host);
	if (len == 0 || len >= sizeof(name) || (colon && !is_port(colon + 1)))
		return false;
	memcpy(name, host, len);
	name[len] = '\0';
	if (!strcasecmp(name, "localhost") || inet_pton(AF_INET, name, &addr) == 1)
		return true;
	for (size_t i = 0; i < n_names; i++)
		if (!strcasecmp(name, names[i]))
			return true;
	return false;
}

size_t web_url_origin(const char *text)
{
	static const char *const schemes[] = {"http://", "https://"};
	size_t scheme = 0, host;

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (!strncmp(text, schemes[i], strlen(schemes[i])))
			scheme = strlen(schemes[i]);
	for (const char *c = text; *c; c++)
		if (*c <= ' ' || *c >= 0x7f || *c == '"' || *c == '#' || *c == '@')
			return 0;
	host = strcspn(text + scheme, "/?");
	return scheme && host && strlen(text) <= WEB_URL_BYTES_MAX ? scheme + host : 0;
}
