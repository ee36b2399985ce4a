/*
 * The jail: starting our own binary again in a role with nothing but a socket, and closing it in.
 *
 * jail_start() is the collector's side: socketpair, fork, exec of /proc/self/exe with a role name,
 * no other descriptor. The worker's main() calls jail_enter() first: no_new_privs, PDEATHSIG, uid,
 * capabilities, rlimits, Landlock, seccomp.
 */
#pragma once

#include "profiler/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * X(enum, argv[0] word, user name, n: which uid of the dynamic range where there is no such user)
 */
#define JAIL_ROLE_LIST(X)                        \
	X(SYMBOLIZER, "symbolizer", "hearth", 0) \
	X(WEB, "web", "hearth-web", 1)           \
	X(FETCHER, "fetcher", "hearth-fetch", 2)

enum jail_role {
#define JAIL_ROLE_ENUM(name, word, user, n) JAIL_##name,
	JAIL_ROLE_LIST(JAIL_ROLE_ENUM)
#undef JAIL_ROLE_ENUM
		JAIL_ROLE_COUNT
};

const char *jail_role_name(enum jail_role role);

/* Where a worker finds the socket to who started it. */
#define JAIL_SOCK 3
/* The first argument after the role of a worker that keeps its uid and closes nothing. */
#define JAIL_NO_SANDBOX "--no-sandbox"

struct jail_worker {
	pid_t pid; /* 0: none */
	int pidfd;
	int sock; /* ours */
	enum jail_role role;
};

/*
 * Start a worker. args (NULL-terminated, may be NULL) follow the role on its command line: never
 * secrets. drop is false with --no-sandbox: the worker keeps the uid and closes nothing. The worker
 * is ended when the thread that calls this ends.
 */
int jail_start(enum jail_role role, const char *const *args, bool drop, struct jail_worker *ret,
	       struct err *err);

/*
 * The first words of a worker that parses or fetches: that its jail is closed, and by what (enum
 * protocol_jail bits). 0, or negative errno and the sentence: the worker is to be ended.
 */
int jail_receive_hello(const struct jail_worker *w, uint32_t *ret_bits, struct err *err);

/*
 * Kill (SIGKILL), wait at most a second, close. Safe on a worker that ended by itself and on a
 * zeroed one. The wait status, or -1.
 */
int jail_end(struct jail_worker *w);

/* Whether a worker has ended (it is still to be given to jail_end()). */
bool jail_has_ended(const struct jail_worker *w);

/* Open directories below which a role may go on opening files to read. */
struct jail_dirs {
	const int *fd;
	size_t n;
};

/*
 * In the worker. What is closed (enum protocol_jail bits) is returned. keep_network: the listening
 * and connected sockets stay usable (the web role), or new ones can be made (the fetcher).
 * readable: NULL is none. -EPERM and the sentence where what must hold does not (the uid could not
 * be changed; the fetcher without Landlock, which alone would keep files from it); -ENOTSUP where
 * no Landlock bounds what readable opens.
 */
int jail_enter(enum jail_role role, bool keep_network, const struct jail_dirs *readable,
	       struct err *err);

/*
 * The part of it that --no-sandbox leaves: end when the process that made the socket JAIL_SOCK
 * ends. 0 or negative errno.
 */
int jail_bind_to_parent(struct err *err);

/* The uid a role runs as here, and whether Landlock and seccomp are there: for doctor. */
struct jail_features {
	uid_t uid[JAIL_ROLE_COUNT];
	bool named_user[JAIL_ROLE_COUNT]; /* made by the set-up, not one of the dynamic range */
	int landlock_abi; /* 0: none */
	bool seccomp;
};
void jail_probe(struct jail_features *ret);

/*
 * The collector itself: keep the short list of capabilities, empty the bounding set of the rest,
 * no_new_privs. CAP_SYS_ADMIN stays only where this kernel opens no perf event without it. Before
 * the first thread is started (-EBUSY), because capabilities belong to threads.
 */
int jail_limit_collector(struct err *err);
