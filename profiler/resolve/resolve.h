/*
 * Resolve: from (object, offset) to names, through the symbolizer workers.
 *
 * Opening other people's files and asking the workers happen on threads of their own, so that a
 * dead NFS or a hostile ELF file stops neither sampling nor flushing. The caller's thread only
 * queues and takes. Files are opened at once when they are announced (their process may end in
 * milliseconds) and kept open until they are forgotten; what is opened is what was mapped, or it is
 * not used: inode, mtime and size agree with the key, or the build id does.
 *
 * Unwind tables come the same way, from a worker of their own, so that they never wait for names;
 * those of files with a build id are kept in a cache on disk (table_cache.h).
 *
 * Copied stacks go to a worker of their own. A stack is the word of whoever ran the process: one
 * run of that worker serves the processes of one domain, and of their files reads only root's and
 * that domain's. Code of other owners' files is walked by frame pointer, and so is that of files
 * that could not be opened as the very ones that were mapped.
 *
 * Debug files that are not on this host are asked of debuginfod servers, where some are named, in
 * the background (fetch.h). Where one comes, or stands on the host later, its object's names are to
 * be asked for again.
 *
 * One symbolizer worker runs per trust domain at a time, at most RESOLVE_WORKERS_MAX together. A
 * worker that crashes, stalls past RESOLVE_REQUEST_MS or breaks the protocol is killed; the object
 * that it was busy with is set aside, the rest asked again.
 */
#pragma once

#include "bpf/abi.h"
#include "profiler/base/err.h"
#include "profiler/base/json.h"
#include "profiler/debug_servers.h"
#include "symbolizer/jit_regions.h"
#include "symbolizer/unwind/snapshot.h"
#include "symbolizer/unwind/unwind.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#define RESOLVE_WORKERS_MAX 2
#define RESOLVE_REQUEST_MS  10000 /* of a CPU, while it goes forward: struct resolve_patience */
/* Symbolizers at a time: those, one for tables, one for copied stacks. And the fetcher. */
#define RESOLVE_SLOTS	      (RESOLVE_WORKERS_MAX + 2)
#define RESOLVE_PROCESSES_MAX (RESOLVE_SLOTS + 1)
/* Copied stacks that wait: 9 MB, and more than two seconds of two CPUs at 99 Hz. */
#define RESOLVE_SNAPSHOTS_MAX 512
/*
 * Descriptors kept, or half of what RLIMIT_NOFILE allows; the least recently used are closed (and
 * opened again by path).
 */
#define RESOLVE_OPEN_MAX    1024
#define RESOLVE_OBJECTS_MAX 32768 /* announced and not forgotten: twice ABI_OBJECTS_MAX */
#define RESOLVE_PENDING_MAX 262144 /* offsets, 2 MB; half of it for one domain that is not root's */

/* How often it is looked whether a debug file that was not there is there now. */
#define RESOLVE_LOOK_MS 60000

enum resolve_kind {
	RESOLVE_FILE,
	RESOLVE_VDSO,
	RESOLVE_KERNEL, /* the core image */
	RESOLVE_MODULE, /* path is its name, base where it is loaded */
	/* run-time compiled code of a process: pid, start_ns, uid; resolve_jit_ask() */
	RESOLVE_JIT,
};

struct resolve_object {
	uint32_t object; /* the caller's number */
	enum resolve_kind kind;
	uint32_t domain; /* as in struct profile_object */
	struct abi_file_key key;
	uint8_t build_id
		[ABI_BUILD_ID_MAX]; /* as read in the kernel at sample time; 0 bytes: unknown */
	uint8_t build_id_bytes;
	uint32_t pid; /* a process that maps it, which may have ended */
	uint64_t start_ns; /* its start, CLOCK_BOOTTIME */
	uint64_t vm_start,
		vm_end; /* for /proc/PID/map_files; 0: not known, /proc/PID/exe if is_exe */
	bool is_exe;
	const char *path; /* absolute, as the host or the process's root has it; copied */
	uint64_t base;
	uint32_t uid; /* of the process */
};

struct resolve_line {
	const char *function;
	const char *system_name; /* NULL: equals function */
	const char *file; /* NULL: unknown */
	uint32_t line, column;
};

struct resolve_question {
	uint32_t object;
	uint64_t offset;
};

struct resolve_jit_question {
	uint64_t address;
	uint64_t time_ns; /* CLOCK_MONOTONIC: what it was called then */
};

struct resolve_jit_names {
	const struct resolve_jit_question *questions; /* as asked */
	uint32_t n;
	const struct jit_place *places;
	/* of each question: 0 nobody knows, else places[which - 1]; NULL: nobody knows any */
	const uint32_t *which;
	bool over; /* the process had ended: nobody will know more */
};

struct resolve;

struct resolve_options {
	bool sandbox; /* false with --no-sandbox */
	uint64_t worker_bytes_max; /* private memory of one worker; 0: 128 MB */
	unsigned int request_ms; /* 0: RESOLVE_REQUEST_MS */
	/* A directory for unwind tables, made where it is not there; NULL: none are kept. */
	const char *table_cache;
	/* Where inflated debug information that is too large for memory goes; NULL: /var/tmp. */
	const char *room_dir;
	bool snapshots; /* resolve_ask_snapshot() will be called */
	struct debug_servers servers; /* none: nothing connects */
	const char *fetch_cache; /* a directory for what they send */
	uint32_t fetch_ms; /* 0: FETCH_FILE_MS */
	unsigned int look_ms; /* 0: RESOLVE_LOOK_MS */
};

/*
 * A copied stack. Its mappings name files by objects' numbers, or SNAPSHOT_FILE_*; they and the
 * stack are part of the one allocation that this begins.
 */
struct resolve_snapshot {
	uint64_t id; /* the caller's, for the answer */
	uint32_t domain; /* whose word the stack is */
	uint32_t pid;
	uint64_t start_ns;
	struct snapshot snapshot;
	/* resolve's own */
	uint64_t asked_ms;
	TAILQ_ENTRY(resolve_snapshot) link;
};

/* Answers, on the thread that calls resolve_take(). Pointers are borrowed for the call. */
struct resolve_answers {
	/* n_lines 0: nobody knows. Innermost first. */
	void (*named)(void *ctx, uint32_t object, uint64_t offset, const struct resolve_line *lines,
		      uint32_t n_lines);
	/* Once per FILE that the worker could read: its build id (0 bytes: it has none). */
	void (*identified)(void *ctx, uint32_t object, const uint8_t *build_id,
			   uint32_t build_id_bytes);
	/*
	 * The object cannot be named: not to be opened, not an ELF file, set aside. Its pending
	 * offsets are answered with n_lines 0 as well.
	 */
	void (*failed)(void *ctx, uint32_t object, int error, const char *sentence);
	/* What resolve_jit_ask() asked, all at once. NULL where it is not used. */
	void (*jit)(void *ctx, uint32_t object, const struct resolve_jit_names *names);
	/*
	 * Debug information of this object has turned up: what is asked now may have a better name
	 * than what was answered. May be NULL.
	 */
	void (*changed)(void *ctx, uint32_t object);
	/*
	 * The answer to resolve_ask_table(); a NULL table: there is none, the status says why.
	 * for_now: that is no word on the file (no worker could be started, no descriptor was
	 * left), and asking again later may bring one. May be NULL where nobody asks.
	 */
	void (*table)(void *ctx, uint32_t object, const struct unwind_table *table, bool for_now);
	/*
	 * The answer to resolve_ask_snapshot(); frames NULL: there is none, the worker failed or
	 * was late. end is enum abi_end. May be NULL where nobody asks.
	 */
	void (*snapshot)(void *ctx, uint64_t id, const struct snapshot_frame *frames, uint32_t n,
			 unsigned int end);
};

int resolve_new(const struct resolve_options *options, struct resolve **ret, struct err *err);
struct resolve *resolve_free(struct resolve *r); /* kills the workers; at most a second */

/*
 * Announce an object; opened at once, on the opening thread. -EEXIST: that number is announced;
 * -ENOBUFS: too many are.
 */
int resolve_announce(struct resolve *r, const struct resolve_object *o);
/*
 * Ask for names; answers come by resolve_take(), each offset exactly once. -ENOBUFS: too much is
 * queued, try later, none of these is; -ENOENT: not announced. What was asked of a forgotten object
 * is not answered any more.
 */
int resolve_ask(struct resolve *r, uint32_t object, const uint64_t *offsets, size_t n);
/*
 * As resolve_ask() of each object, those of one next to each other, and cheaper. At a failure,
 * those of the objects before are asked.
 */
int resolve_ask_all(struct resolve *r, const struct resolve_question *questions, size_t n);
/*
 * Ask for the unwind table of a FILE or of the VDSO; answered once, unless it is forgotten before.
 * Asking again before the answer is one question. What a walk has missed comes before what may be
 * wanted later. -ENOENT: not announced, or of another kind.
 */
int resolve_ask_table(struct resolve *r, uint32_t object, bool is_missed);
/*
 * Ask for the frames of a copied stack; answered once, in any order. Takes q, which free() frees.
 * -ENOBUFS: RESOLVE_SNAPSHOTS_MAX wait; q stays the caller's.
 */
int resolve_ask_snapshot(struct resolve *r, struct resolve_snapshot *q);
void resolve_forget(struct resolve *r, uint32_t object);

/*
 * What the run-time compiled code of a RESOLVE_JIT object was called: its files are looked at
 * anew, and read on. At most RESOLVE_JIT_QUESTIONS_MAX; n may be 0, to be told whether the process
 * has ended. -EBUSY: it is asked already; else as resolve_ask().
 */
#define RESOLVE_JIT_QUESTIONS_MAX 8192
int resolve_jit_ask(struct resolve *r, uint32_t object,
		    const struct resolve_jit_question *questions, uint32_t n);

/* Readable when answers wait: names, when no others are to come at once, or many wait. */
int resolve_fd(const struct resolve *r);
/* Deliver what has arrived, at most max answers (0: all). The number delivered. */
int resolve_take(struct resolve *r, const struct resolve_answers *to, void *ctx, unsigned int max);
/* Offsets asked and not yet answered, and changes not yet told. */
size_t resolve_pending(const struct resolve *r);

/* Debug files that servers are being asked for. */
size_t resolve_fetching(const struct resolve *r);
/* Look now whether debug information has turned up, and ask servers again that had none. */
void resolve_look_again(struct resolve *r);

/* The workers as entries of "processes", and the "symbols" object of the status JSON. */
struct resolve_process {
	const char *role;
	int pid;
};
size_t resolve_processes(const struct resolve *r, struct resolve_process *ret, size_t max);
void resolve_status(const struct resolve *r, struct json *j);
