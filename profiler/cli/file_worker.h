/*
 * A symbolizer worker in its jail for a command that gives it a file: what all of them have in
 * common. Not thread-safe.
 */
#pragma once

#include "profiler/base/buf.h"
#include "profiler/base/err.h"
#include "profiler/jail/jail.h"

#include <stdint.h>
#include <sys/stat.h>

/*
 * memory: as quantity_bytes() takes it. disassembles: it has the library for that, where it is
 * installed. The worker has said that its jail is closed.
 */
int file_worker_start(const char *memory, bool disassembles, struct jail_worker *ret,
		      struct err *err);

/* A regular file for reading; its descriptor, or negative errno and the sentence without path. */
int file_worker_open(const char *path, struct stat *ret, struct err *err);

/* Send a request with that id and the file; body is what buf_add_*() of the caller wrote. */
int file_worker_send(struct jail_worker *w, uint32_t type, uint32_t id, const struct buf *body,
		     int fd);

/* What a worker that is lost tells of the file: it is ended, why is the errno. Returns it. */
int file_worker_lost(struct jail_worker *w, int why, struct err *err);
