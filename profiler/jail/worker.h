/* The other side of jail_start(): what our binary does when it is started in a role. */
#pragma once

#include "profiler/base/err.h"
#include "profiler/jail/jail.h"

#include <stdbool.h>

/* Private memory of the symbolizer worker: "--memory=BYTES". */
#define WORKER_MEMORY "--memory="
/* One that reads instructions too: it loads the library for it, where that is installed. */
#define WORKER_DISASSEMBLE "--disassemble"

/* What the fetcher may write into one file: "--file-bytes=BYTES". */
#define WORKER_FILE_BYTES "--file-bytes="

/*
 * The web worker's: its store, where it listens, one for each allowed name of a host, the version,
 * one for each directory of source files, where speedscope is.
 */
#define WORKER_STORE	  "--store="
#define WORKER_LISTEN	  "--listen="
#define WORKER_HOST_NAME  "--host-name="
#define WORKER_VERSION	  "--version="
#define WORKER_SOURCE	  "--source-dir="
#define WORKER_SPEEDSCOPE "--speedscope="

/*
 * For main(), before anything else, when argv[1] begins with '@'. The exit status; returns when the
 * parent has closed the socket. Whoever types such a command line gets usage and 2.
 */
int worker_main(int argc, char **argv);

/*
 * Below: the roles, for worker_main() alone. args end with NULL; sandbox is false with
 * --no-sandbox.
 */
int worker_symbolizer(char **args, bool sandbox);
int worker_web(char **args, bool sandbox);
int worker_fetcher(char **args, bool sandbox);

/* Close the jail, or with --no-sandbox only bind to the parent: enum protocol_jail bits. */
int worker_close(enum jail_role role, bool sandbox, const struct jail_dirs *readable,
		 struct err *err);
/* The first words of a worker that parses or fetches: those bits. 0, or what sending said. */
int worker_hello(int bits);
/* Tell the parent why there will be no worker. */
void worker_failed(const struct err *err);
/* The value of an argument that begins with name, or NULL. */
const char *worker_arg(const char *arg, const char *name);
