/*
 * The samples of a file for a command: a symbolizer worker in its jail parses, also for root, and
 * what it says comes back as profiles whose every number was checked. Not thread-safe.
 */
#pragma once

#include "profiler/base/err.h"
#include "profiler/jail/protocol_import.h"

#include <sys/types.h>

struct import_worker_ask {
	struct protocol_import_request request;
	int fd; /* borrowed: a file or a pipe */
	uid_t owner; /* of the file: whose word its names are */
	/*
	 * Samples to be taken over. They are cleared afterwards; begins: p is another one than the
	 * time before, which was freed. 0, or a negative errno that ends it.
	 */
	int (*take)(void *arg, struct profile *p, bool begins, struct err *err);
	/* A profile is freed next: what refers to it must go. */
	void (*leave)(void *arg);
	void *arg;
};

/* 0, or negative errno and a sentence; what was taken until then stays taken. */
int import_worker_run(const struct import_worker_ask *ask, struct import_counts *ret,
		      struct err *err);
