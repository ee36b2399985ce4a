/*
 * The debuginfod servers that are asked for debug files: of --debuginfod, which a configuration may
 * have too, else of DEBUGINFOD_URLS. And the proxies by which they are asked, of the environment.
 */
#pragma once

#include "profiler/base/err.h"

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#define DEBUG_SERVERS_MAX	  8
#define DEBUG_SERVERS_URL_BYTES	  512
#define DEBUG_SERVERS_CACHE_BYTES 2000000000ull /* of what was fetched, unless told */
/* No file of more than a part of that is fetched, so that one does not push out all others. */
#define DEBUG_SERVERS_FILE_PART	      4
#define DEBUG_SERVERS_VARIABLE	      "DEBUGINFOD_URLS"

#define DEBUG_SERVERS_DIRECTORY_BYTES PATH_MAX

struct debug_servers {
	char url[DEBUG_SERVERS_MAX][DEBUG_SERVERS_URL_BYTES]; /* without a last slash */
	size_t n; /* 0: nobody is asked, nothing connects */
	uint64_t cache_bytes;
	/* of servers whose URL begins with http:// and https://; "": they are asked directly */
	char http_proxy[DEBUG_SERVERS_URL_BYTES], https_proxy[DEBUG_SERVERS_URL_BYTES];
	char no_proxy[DEBUG_SERVERS_URL_BYTES]; /* hosts that are asked directly all the same */
};

/*
 * Add a URL, http:// or https://. -EINVAL, -E2BIG with a sentence that begins with what is wrong.
 * One that is there already is not added again. Pure.
 */
int debug_servers_add(struct debug_servers *s, const char *url, struct err *err);

/*
 * The same for the words of the variable's value (NULL: it is not set). Words that are no such URL
 * are for other programs, and passed over.
 */
void debug_servers_add_words(struct debug_servers *s, const char *words);

/*
 * The proxies of the environment, as curl reads it: http_proxy, https_proxy, all_proxy for either,
 * and no_proxy; all but the first in capitals as well (that one could be a header of a request to a
 * CGI program). find is getenv(). Proxies are http://HOST, https://HOST, or HOST; -EINVAL and the
 * sentence for what is none or too long: nothing of it may then be taken for no proxy.
 */
int debug_servers_add_proxies(struct debug_servers *s, char *(*find)(const char *name),
			      struct err *err);
/* By which proxy a server's URL is asked, borrowed; "": directly, but for no_proxy. Pure. */
const char *debug_servers_proxy(const struct debug_servers *s, const char *url);

/*
 * Where what they send is kept: /var/cache/hearth/debuginfod, or for people who are not root
 * hearth/debuginfod in $XDG_CACHE_HOME or ~/.cache. The directories above it are made where they
 * are not there.
 */
void debug_servers_directory(char ret[DEBUG_SERVERS_DIRECTORY_BYTES]);
