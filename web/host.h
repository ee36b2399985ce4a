/*
 * Which Host headers are answered: a name that resolves to us is no proof that the page which uses
 * it is ours (DNS rebinding), so only localhost, IP literals and names of the configuration are.
 * Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* host: the header's value, with or without a port; NULL (none was sent) is refused. */
bool web_host_allowed(const char *host, const char *const *names, size_t n_names);
