/*
 * The handlers behind routes.c, one file a group: see request.h for their shape and API.md for what
 * they answer.
 */
#pragma once

#include "web/request.h"

int web_api_page(struct web_service *w, struct store *s, struct web_request *q, struct err *err);
int web_api_profile(struct web_service *w, struct store *s, struct web_request *q, struct err *err);
int web_api_diff(struct web_service *w, struct store *s, struct web_request *q, struct err *err);
int web_api_pprof(struct web_service *w, struct store *s, struct web_request *q, struct err *err);
int web_api_series(struct web_service *w, struct store *s, struct web_request *q, struct err *err);
int web_api_heatmap(struct web_service *w, struct store *s, struct web_request *q, struct err *err);
int web_api_labels(struct web_service *w, struct store *s, struct web_request *q, struct err *err);
int web_api_values(struct web_service *w, struct store *s, struct web_request *q, struct err *err);
int web_api_builds(struct web_service *w, struct store *s, struct web_request *q, struct err *err);
int web_api_disassembly(struct web_service *w, struct store *s, struct web_request *q,
			struct err *err);
int web_api_source(struct web_service *w, struct store *s, struct web_request *q, struct err *err);
int web_api_status(struct web_service *w, struct store *s, struct web_request *q, struct err *err);
int web_api_metrics(struct web_service *w, struct store *s, struct web_request *q, struct err *err);
int web_api_viewer(struct web_service *w, struct store *s, struct web_request *q, struct err *err);
int web_api_healthz(struct web_service *w, struct store *s, struct web_request *q, struct err *err);
int web_api_readyz(struct web_service *w, struct store *s, struct web_request *q, struct err *err);
