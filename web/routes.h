/* The table of paths: what each is for, what it may be asked, who answers. */
#pragma once

#include "web/request.h"

struct web_route {
	const char *path; /* NAME stands for one part of any content but '/' */
	uint32_t params; /* mask of WEB_PARAM_BIT() */
	web_handler handler;
	bool inline_; /* needs neither store nor time: answered without a worker */
	const char *help;
};

/*
 * The route of a path, or NULL; what stands for NAME is copied into ret_name (WEB_NAME_BYTES).
 * Pure.
 */
const struct web_route *web_route_find(const char *path, char *ret_name);

/* All of them, ended by a path of NULL. */
extern const struct web_route web_routes[];

/* The viewer's page where it comes with a profile; else it is a file (viewer.h). */
extern const struct web_route web_route_page;

/*
 * Ask the route's handler and finish what it answers: failures become error JSON, text is
 * compressed, counters count. A request that is cancelled already is not asked at all.
 */
void web_route_answer(const struct web_route *route, struct web_service *w, struct store *s,
		      struct web_request *q);
