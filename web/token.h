/*
 * The access token: `Authorization: Bearer TOKEN`, or the password of `Basic`, with any user name,
 * for browsers, go tool pprof, Grafana and Prometheus. Compared in constant time. Pure.
 */
#pragma once

#include <stdbool.h>

/*
 * authorization: the header's value; NULL (none was sent) is refused. token: up to WEB_TOKEN_BYTES,
 * not empty.
 */
bool web_token_allowed(const char *authorization, const char *token);
