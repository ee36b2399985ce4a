/*
 * What resolve's threads share: entries, their queues, the workers, the answers. For resolve*.c
 * only.
 *
 * One lock guards all of it. An entry that is `busy` belongs to the thread that made it so, which
 * may use it without the lock, except its offsets and its links.
 */
#pragma once

#include "profiler/base/wire.h"
#include "profiler/jail/jail.h"
#include "profiler/jail/protocol.h"
#include "profiler/jail/protocol_jit.h"
#include "profiler/jail/protocol_want.h"
#include "profiler/jail/protocol_snapshot.h"
#include "profiler/resolve/resolve.h"
#include "profiler/resolve/fetch.h"
#include "profiler/resolve/table_cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#define RESOLVE_BUCKETS	     4096 /* a power of two; numbers are dense */
#define RESOLVE_FAILED_MAX   32 /* told in the status, the latest */
#define RESOLVE_REASON_BYTES 256
#define RESOLVE_JIT_WORDS    2 /* of a question, in a row of offsets */
#define RESOLVE_MISSING_MAX  2 /* debug files of one object: its own, and dwz's */
#define RESOLVE_ORDERS_MAX   4096 /* debug files that servers were or are to be asked for */

enum resolve_entry_state {
	RESOLVE_TO_OPEN, /* in the queue of the opening thread */
	/* opened, or nothing to open; in the queue of the asking threads when it has offsets */
	RESOLVE_READY,
	RESOLVE_FAILED, /* set aside */
};

struct resolve_domain {
	uint32_t domain;
	uint32_t entries; /* gone with its last */
	size_t waiting; /* offsets */
	LIST_ENTRY(resolve_domain) link;
};

struct resolve_build_id {
	uint8_t id[PROTOCOL_BUILD_ID_MAX];
	uint8_t bytes;
};

/* A debug file that was wanted and nowhere. */
struct resolve_missing {
	struct resolve_build_id build_id;
	struct resolve_order *order; /* NULL: servers are not asked */
};

struct resolve_jit; /* what an entry of run-time compiled code has besides; resolve_jit.c */

struct resolve_entry;
TAILQ_HEAD(resolve_queue, resolve_entry);

struct resolve_entry {
	struct resolve_object object; /* path is ours */
	struct resolve_jit *jit; /* NULL but for RESOLVE_JIT */
	uint32_t serial; /* what workers call it: never used again */
	struct resolve_domain *domain;
	enum resolve_entry_state state;
	bool busy, forgotten, queued;
	bool asked; /* JIT: and not yet answered */
	bool exact; /* what is open is the mapped file; else its build id will tell */
	bool identified;
	bool retried; /* asked again once, in a worker of its own */
	bool troubled; /* some of it is not used, and the status says why */
	int fd; /* -1: none, or closed to make room */
	uint64_t used; /* resolve.clock at its last use */
	uint64_t ready_ms; /* since when it waits for a worker */
	bool wants_table; /* asked for and not answered */
	bool table_waits; /* no walk has missed it yet: others come first */
	struct resolve_queue *table_queued; /* of the table thread's; NULL: in none */
	struct resolve_missing *missing; /* NULL: nothing was wanted in vain */
	unsigned int n_missing;
	uint32_t known[RESOLVE_SLOTS]; /* the run of that worker that knows it */
	uint64_t *offsets; /* to be asked; of JIT: address and time of each question, in order */
	bool in_order; /* offsets are sorted */
	size_t n, cap;
	LIST_ENTRY(resolve_entry) bucket;
	TAILQ_ENTRY(resolve_entry) queue;
	TAILQ_ENTRY(resolve_entry) table_queue;
};
LIST_HEAD(resolve_bucket, resolve_entry);

enum resolve_answer_kind {
	RESOLVE_ANSWER_NAMED,
	/* the whole object is set aside: these of its offsets have no name */
	RESOLVE_ANSWER_NAMELESS,
	RESOLVE_ANSWER_IDENTIFIED,
	RESOLVE_ANSWER_FAILED,
	RESOLVE_ANSWER_CHANGED,
	RESOLVE_ANSWER_JIT, /* offsets: address and time of each question */
	RESOLVE_ANSWER_TABLE,
	RESOLVE_ANSWER_SNAPSHOT,
};

struct resolve_answer {
	enum resolve_answer_kind kind;
	uint32_t object;
	bool dropped; /* its object was forgotten */
	uint64_t *offsets; /* NAMED, NAMELESS */
	uint32_t n, next; /* offsets, and the first not yet delivered */
	uint32_t next_line;
	struct protocol_answer names; /* NAMED; IDENTIFIED: its build id */
	struct protocol_jit_answer jit; /* JIT; n 0: nobody knows any */
	bool over; /* JIT */
	bool has_table, for_now; /* TABLE */
	struct unwind_table table;
	uint64_t snapshot; /* SNAPSHOT: its id */
	struct protocol_snapshot_answer *stack; /* SNAPSHOT; NULL: there is none */
	int error; /* FAILED */
	char sentence[RESOLVE_REASON_BYTES];
	STAILQ_ENTRY(resolve_answer) link;
};

/* One asking thread and the worker that it drives. */
struct resolve_slot {
	struct resolve *r;
	unsigned int index;
	pthread_t thread;
	pthread_cond_t to_ask;
	bool idle; /* waits for something to ask */
	bool to_wake; /* by resolve_ask_all() */
	struct jail_worker worker;
	clockid_t cpu_clock; /* the worker's */
	bool alive; /* worker may be killed by resolve_free(); changed under the lock */
	uint32_t domain; /* of the worker, while alive */
	bool claiming; /* busy for this domain: no other slot serves it now */
	uint32_t claimed;
	uint32_t run; /* counts the workers of this slot */
	uint32_t request; /* id of the last request */
	uint64_t room_left; /* of this worker: see struct open_debug */
	uint64_t used_ms;
	bool has_kernel;
	unsigned int start_failures; /* in a row */
	uint64_t start_after_ms; /* TABLES: no worker is started before */
	uint32_t n_known;
	uint32_t *forget; /* serials that the worker is to be told */
	size_t n_forget, cap_forget;
	struct protocol_request q;
};

#define RESOLVE_TABLES	    RESOLVE_WORKERS_MAX
#define RESOLVE_SNAPSHOTS   (RESOLVE_WORKERS_MAX + 1)
#define RESOLVE_REFUSED_MAX 64

struct resolve_refused {
	uint32_t pid;
	uint64_t start_ns;
};

/* A debug file that servers are asked for, or were. */
struct resolve_order {
	uint32_t domain;
	struct resolve_build_id build_id;
	char *path; /* of a file whose it is; NULL: not known */
	uint64_t due_ms; /* when it is asked for next */
	unsigned int tries;
	unsigned int waiters; /* entries that miss it: gone with the last */
	bool busy; /* servers are being asked */
	int error; /* of the last try; 0: none yet */
	char reason[RESOLVE_REASON_BYTES];
	TAILQ_ENTRY(resolve_order) link;
};

struct resolve_failed {
	char *path;
	char reason[RESOLVE_REASON_BYTES];
};

struct resolve {
	struct resolve_options options;
	pthread_mutex_t lock;
	pthread_cond_t to_open, to_table, to_unwind, to_look, ended;
	pthread_t opener, looker;
	unsigned int running; /* threads */
	bool ending;
	int event; /* eventfd: answers wait */
	uint32_t serial;
	uint64_t clock; /* counts uses */
	unsigned int open_max, n_open;
	uint32_t n_entries;
	struct resolve_bucket bucket[RESOLVE_BUCKETS];
	LIST_HEAD(, resolve_domain) domains;
	struct resolve_queue opening, ready;
	bool is_asking_all; /* whoever is to be woken is at its end */
	struct resolve_queue tables, tables_later; /* the latter when the former is empty */
	struct table_cache *cache; /* of the table thread; NULL: none */
	STAILQ_HEAD(, resolve_answer) answers;
	struct resolve_answer *current; /* being delivered, by the caller's thread */
	/* the last two are those of RESOLVE_TABLES and RESOLVE_SNAPSHOTS */
	struct resolve_slot slot[RESOLVE_SLOTS];
	struct fetch *fetch; /* of the looking thread; NULL: no servers, or fetch_error */
	char fetch_error[ERR_TEXT_BYTES];
	TAILQ_HEAD(, resolve_order) orders;
	uint32_t n_orders;
	uint64_t look_due_ms;
	uint64_t changed_total; /* objects whose debug information turned up */
	TAILQ_HEAD(, resolve_snapshot) snapshots;
	uint32_t n_snapshots;
	/* processes whose stacks ended a worker, the latest: they are walked by frame pointer */
	struct resolve_refused refused[RESOLVE_REFUSED_MAX];
	uint32_t refused_total;
	atomic_size_t pending;
	size_t n_untold; /* offsets of answers that resolve_fd() does not tell of yet */

	uint64_t asked, named, nameless, failed_total;
	uint64_t tables_compiled, tables_cached, tables_none;
	uint64_t compile_ns; /* of tables, in the worker */
	uint64_t workers_started, workers_restarted;
	uint32_t jail_bits; /* of the last worker */
	struct resolve_failed failed[RESOLVE_FAILED_MAX];
};

/* All below with the lock held. */
/* The workers that know e need not any more. */
void resolve_tell_workers(struct resolve *r, struct resolve_entry *e);
void resolve_enqueue(struct resolve *r,
		     struct resolve_entry *e); /* to where it has to go next, if anywhere */
void resolve_release(struct resolve *r,
		     struct resolve_entry *e); /* no longer busy: enqueue, or free when forgotten */
void resolve_set_aside(struct resolve *r, struct resolve_entry *e, int error, const char *sentence);
void resolve_remember_failure(struct resolve *r, const char *path, const char *sentence);
struct resolve_entry *resolve_find(struct resolve *r, uint32_t object); /* NULL: not announced */
/* As resolve_ask(), of any kind. */
int resolve_queue(struct resolve *r, struct resolve_entry *e, const uint64_t *offsets, size_t n);
void resolve_answer_add(struct resolve *r, struct resolve_answer *a); /* takes a */
/* Where no other name is on its way, resolve_fd() tells of those that have come. */
void resolve_tell_all(struct resolve *r);
void resolve_answer_free(struct resolve_answer *a);
/* What e is asked for as a table goes on: to the table thread, to be opened, or to its end. */
void resolve_table_enqueue(struct resolve *r, struct resolve_entry *e);
void resolve_make_room(struct resolve *r); /* close descriptors that were not used for longest */
uint64_t resolve_now_ms(void);
void resolve_thread_ends(
	struct resolve *r); /* its last words: nothing of r is touched after the unlock */

/* e has become ready: wake who may ask about it. Lock held. */
void resolve_wake_askers(struct resolve *r, const struct resolve_entry *e);
/* Lock held, released meanwhile: until cond is signalled or ms have passed. */
void resolve_wait(struct resolve *r, pthread_cond_t *cond, uint64_t ms);

/* A worker for domain in s. Lock held, released meanwhile. 0, or why there is none. */
int resolve_ensure_worker(struct resolve_slot *s, uint32_t domain, struct err *err);
/* Lock held, released while it is ended. The wait status, or -1. */
int resolve_end_worker(struct resolve_slot *s);
/*
 * A sentence's end for the object that a worker was busy with: why (negative errno of the
 * exchange), and its wait status.
 */
void resolve_describe_death(int why, int status, char *ret, size_t bytes);

/*
 * The worker of s did not answer about e: end it, and set e aside. why: negative errno of the
 * exchange. Lock held, released meanwhile.
 */
void resolve_bury_worker(struct resolve_slot *s, struct resolve_entry *e, int why);
/*
 * How long the worker of s may take for an answer: so much time of a CPU, as long as it goes
 * forward. On a host that gives it little of one that is longer, but not for ever.
 */
struct resolve_patience {
	uint64_t ms; /* of a CPU */
	uint64_t cpu_ms; /* the worker's, when it was asked, */
	bool is_now; /* which was now */
	uint64_t until_ms; /* at the latest; moved by who takes time of their own meanwhile */
};
/* Without the lock. The second as wire_receive(), -EPIPE at an orderly end; 1: a message. */
void resolve_be_patient(const struct resolve_slot *s, struct resolve_patience *ret);
int resolve_receive(const struct resolve_slot *s, struct resolve_patience *p, struct wire_msg *ret);

/* Without the lock: tell the worker of s what it may forget. 0 or negative errno of the worker. */
int resolve_tell_forgotten(const struct resolve_slot *s, const uint32_t *serials, size_t n);
/* The worker of s is told, before its next request, that serial is no more. Lock held. */
void resolve_forget_later(struct resolve_slot *s, uint32_t serial);

/*
 * Run-time compiled code; all with the lock held, which open and exchange release meanwhile: look
 * at the files of a process; ask a worker about them; answer that nobody knows.
 */
struct resolve_jit *resolve_jit_new(const struct resolve_object *o);
struct resolve_jit *resolve_jit_free(struct resolve_jit *j);
void resolve_jit_open(struct resolve *r, struct resolve_entry *e);
void resolve_jit_exchange(struct resolve_slot *s, struct resolve_entry *e);
void resolve_jit_nameless(struct resolve *r, struct resolve_entry *e);

/*
 * What turns up later: elsewhere() of struct open_debug for an entry that is busy with this thread,
 * without the lock; the rest with it.
 */
struct resolve_elsewhere {
	struct resolve *r;
	struct resolve_entry *e;
};
int resolve_elsewhere(void *ctx, const struct protocol_want *want, unsigned int skip);
void resolve_forget_missing(struct resolve *r, struct resolve_entry *e);
void resolve_put_fetch(const struct resolve *r, struct json *j); /* "debuginfod" of the status */

/*
 * The threads: how many there are, and were started (fewer: the rest is not to be had). Stopping n
 * of them takes at most a second: false where one hangs on a dead file server, and may go on to
 * touch what is shared.
 */
unsigned int resolve_threads(const struct resolve *r);
unsigned int resolve_threads_start(struct resolve *r);
bool resolve_threads_stop(struct resolve *r, unsigned int n);

void *resolve_look_run(void *resolve);
void *resolve_open_run(void *resolve);
void *resolve_ask_run(void *slot);
void *resolve_table_run(void *slot);
void *resolve_snapshot_run(void *slot);
