/*
 * The worker threads: each with its own reader of the store, taking requests from one queue.
 *
 * So a slow query holds up neither the thread that speaks HTTP nor the other workers. A request
 * whose client has gone is cancelled, whether it waits or runs. The queue needs no limit of its
 * own: it holds at most one request a connection.
 */
#pragma once

#include "web/routes.h"

#define WEB_WORKERS 4

struct web_job {
	const struct web_route *route;
	struct web_request request;
	int fd; /* the client's socket, watched for its end */
	void (*done)(struct web_job *job); /* on a worker thread; the job is the caller's again */
	struct web_job *next; /* private to workers.c */
};

struct web_workers;

/* Open the readers. 0 or negative errno with a sentence. */
int web_workers_open(const char *store_path, struct web_service *service, struct web_workers **ret,
		     struct err *err);
/* Start the threads. */
int web_workers_run(struct web_workers *w, struct err *err);

/* Queue a job; false when the workers end, and it stays the caller's. Thread-safe. */
bool web_workers_add(struct web_workers *w, struct web_job *job);

/* Whether a job would have to wait for another. Thread-safe. */
bool web_workers_busy(struct web_workers *w);

/* Cancel what runs and what waits, and join the threads; jobs are refused from here on. */
void web_workers_stop(struct web_workers *w);

/* Stop, and close the readers. NULL is fine. */
struct web_workers *web_workers_close(struct web_workers *w);
