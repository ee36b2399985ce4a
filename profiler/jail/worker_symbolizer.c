/*
 * The symbolizer worker: names for offsets of files that come as descriptors, until the socket
 * ends.
 *
 * It is alone with what it parses: whatever goes wrong here ends this process, and the collector
 * goes on.
 */
#include "profiler/jail/worker.h"
#include "profiler/base/cleanup.h"
#include "profiler/base/heap.h"
#include "profiler/base/quantity.h"
#include "profiler/base/wire.h"
#include "profiler/jail/protocol.h"
#include "profiler/jail/worker_code.h"
#include "profiler/jail/worker_import.h"
#include "profiler/jail/worker_jit.h"
#include "profiler/jail/worker_snapshot.h"
#include "profiler/jail/worker_table.h"
#include "profiler/jail/worker_want.h"
#include "symbolizer/symbolizer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define SEND_MS	    10000
#define REST_MS	    500 /* without a request: memory is given back */
#define FEW_REST_MS 5000 /* the same behind a few offsets: a second later there are some more */
/* Offsets, after which pages of files go back: tens of kilobytes of them each, at most. */
#define RESTLESS_MAX  32
#define MODULE_NONE   UINT32_MAX
#define OBJECTS_FIRST 64

/*
 * An answer stops growing here: the longest single one (64 lines of three names) still fits a
 * message.
 */
#define ANSWER_BYTES (8u << 20)
/* And here, so that a slow file costs the collector's patience in steps: a tenth of what it has. */
#define ANSWER_NS 1000000000ull
/*
 * Private memory: a part for indexes, which stay, the rest for what is being parsed. What runs all
 * day on one host takes most of that part; with half of it, each was dropped and made again.
 */
#define INDEX_SHARE 16

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

struct known {
	uint32_t object;
	uint32_t module;
	enum protocol_object kind;
	struct sym_module_info info;
};

struct worker {
	struct symbolizer *symbolizer;
	struct known *known;
	size_t n, cap;
	struct snapshot_walker *walker; /* NULL until the first copied stack */
	struct disassembler *disassembler; /* NULL: none was asked for, or is to be had */
	struct worker_wants wants;
	uint32_t kernel; /* its module: one, however many objects stand for it */
	uint32_t restless; /* offsets named since pages of files went back */
	int patience_ms;
	struct worker_jit jit;
};

static struct known *find(struct worker *w, uint32_t object)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->known[i].object == object)
			return &w->known[i];
	return NULL;
}

static int add_kernel(struct worker *w, int fd, uint32_t *ret, struct err *err)
{
	_cleanup_close_ int kallsyms = fd;
	int r;

	if (w->kernel == MODULE_NONE) {
		r = symbolizer_add_kernel(w->symbolizer, steal_fd(kallsyms), &w->kernel, err);
		if (r < 0)
			return r;
	}
	*ret = w->kernel;
	return 0;
}

/* Take ownership of fd, which is -1 where the object has none. */
static int add_module(struct worker *w, const struct protocol_request *q, int fd, struct known *k,
		      struct err *err)
{
	switch (q->kind) {
	case PROTOCOL_OBJECT_FILE:
	case PROTOCOL_OBJECT_ADDRESSES:
		return symbolizer_add_elf(w->symbolizer, fd, &k->info, &k->module, err);
	case PROTOCOL_OBJECT_KERNEL:
		return add_kernel(w, fd, &k->module, err);
	case PROTOCOL_OBJECT_VDSO:
		return symbolizer_add_vdso(w->symbolizer, &k->module, err);
	case PROTOCOL_OBJECT_MODULE:
		return symbolizer_add_kernel_module(w->symbolizer, q->module, q->base, &k->module,
						    err);
	}
	return err_set(err, -EINVAL, "an object of an unknown kind");
}

static struct known *room_for_one(struct worker *w)
{
	if (w->n == w->cap) {
		size_t cap = w->cap ? w->cap * 2 : OBJECTS_FIRST;
		struct known *more = realloc(w->known, cap * sizeof(*more));

		if (!more)
			return NULL;
		w->known = more;
		w->cap = cap;
	}
	return &w->known[w->n];
}

/* The object of q, which is learnt at its first mention. Takes ownership of fd. */
static int learn(struct worker *w, const struct protocol_request *q, int fd, struct known **ret,
		 struct err *err)
{
	_cleanup_close_ int file = fd;
	bool needs_file = q->kind == PROTOCOL_OBJECT_FILE || q->kind == PROTOCOL_OBJECT_ADDRESSES ||
			  q->kind == PROTOCOL_OBJECT_KERNEL;
	struct known *k = find(w, q->object);
	int r;

	if (k) {
		*ret = k;
		return 0;
	}
	if (needs_file && file < 0)
		return err_set(err, -EINVAL, "an object was asked for before its file came");
	k = room_for_one(w);
	if (!k)
		return err_set(err, -ENOMEM, "no memory for another object");
	*k = (struct known){.object = q->object, .kind = q->kind};
	r = add_module(w, q, steal_fd(file), k, err);
	if (r < 0)
		return r;
	w->n++;
	*ret = k;
	return 0;
}

static void forget(struct worker *w, uint32_t object)
{
	struct known *k = find(w, object);

	if (!k)
		return;
	if (k->kind != PROTOCOL_OBJECT_KERNEL) /* others stand for it, and modules need it */
		symbolizer_drop(w->symbolizer, k->module);
	*k = w->known[--w->n];
}

static void write_names(struct buf *b, const struct sym_answer *a)
{
	struct protocol_line lines[PROTOCOL_LINES_MAX];
	size_t n = a->n_lines < PROTOCOL_LINES_MAX ? a->n_lines : PROTOCOL_LINES_MAX;

	for (size_t i = 0; i < n; i++)
		lines[i] = (struct protocol_line){
			.function = a->lines[i].function,
			.system_name = a->lines[i].system_name,
			.file = a->lines[i].file,
			.line = a->lines[i].line,
			.column = a->lines[i].column,
		};
	protocol_answer_offset(b, lines, n);
}

static int name_one(struct worker *w, const struct known *k, uint64_t at, struct sym_answer *ret,
		    struct err *err)
{
	if (k->kind == PROTOCOL_OBJECT_ADDRESSES)
		return symbolizer_name_address(w->symbolizer, k->module, at, ret, err);
	return symbolizer_name(w->symbolizer, k->module, at, ret, err);
}

/*
 * As many of the offsets as time and room allow, at least one. What one offset makes of a corrupt
 * file is its own matter.
 */
static int name_all(struct worker *w, const struct protocol_request *q, const struct known *k,
		    struct buf *b, struct err *err)
{
	uint64_t started_ns = quantity_monotonic_ns();
	uint32_t i;

	protocol_answer_begin(b, k->info.build_id, k->info.build_id_bytes);
	for (i = 0; i < q->n; i++) {
		struct sym_answer a = {};
		int r;

		if (i &&
		    (b->len > ANSWER_BYTES || quantity_monotonic_ns() - started_ns > ANSWER_NS))
			break;
		r = name_one(w, k, q->offsets[i], &a, err);
		if (r == -ENOMEM)
			return r;
		write_names(b, r < 0 ? &(struct sym_answer){} : &a);
	}
	protocol_answer_end(b, i, symbolizer_trouble(w->symbolizer, k->module));
	return b->err;
}

/*
 * The pages of files that n more offsets touched go back, many at once; of a few that come each
 * second, the same pages are wanted again.
 */
static void rest_after(struct worker *w, uint32_t n)
{
	w->restless += n;
	w->patience_ms = n < RESTLESS_MAX ? FEW_REST_MS : REST_MS;
	if (w->restless < RESTLESS_MAX)
		return;
	symbolizer_rest(w->symbolizer);
	w->restless = 0;
}

static int answer(struct worker *w, struct wire_msg *m)
{
	int fd = m->n_fds ? steal_fd(m->fds[0]) : -1;
	struct protocol_request q;
	struct err err = {};
	struct wire_msg out;
	struct known *k = NULL;
	int r;

	r = protocol_request_parse(m->body.data, m->body.len, &q);
	if (r < 0 || m->n_fds != q.with_fd) {
		if (fd >= 0)
			close(fd);
		return -EBADMSG;
	}
	worker_wants_begin(&w->wants, m->id);
	wire_msg_init(&out, PROTOCOL_NAME, m->id);
	r = learn(w, &q, fd, &k, &err);
	if (r >= 0)
		r = name_all(w, &q, k, &out.body, &err);
	if (r < 0) {
		err.code = r;
		buf_clear(&out.body);
		protocol_answer_error(&out.body, r, err_text(&err));
	}
	r = w->wants.lost ? -EPROTO : wire_send(JAIL_SOCK, &out, SEND_MS);
	wire_msg_done(&out);
	rest_after(w, q.n);
	return r;
}

static int handle(struct worker *w, struct wire_msg *m)
{
	uint32_t object;
	int r;

	switch (m->type) {
	case PROTOCOL_NAME:
		return answer(w, m);
	case PROTOCOL_FORGET:
		r = protocol_u32_parse(m->body.data, m->body.len, &object);
		if (r == 0) {
			forget(w, object);
			if (w->walker)
				snapshot_walker_forget(w->walker, object);
			worker_jit_forget(&w->jit, object);
		}
		return r;
	case PROTOCOL_JIT:
		return worker_jit(&w->jit, m);
	case PROTOCOL_TABLE:
		return worker_table(w->disassembler, m);
	case PROTOCOL_CODE:
		return worker_code(w->disassembler, m);
	case PROTOCOL_IMPORT:
		return worker_import(m);
	case PROTOCOL_SNAPSHOT_FILE:
		return worker_snapshot_file(&w->walker, m);
	case PROTOCOL_SNAPSHOT:
		return worker_snapshot(&w->walker, m);
	default:
		return -EBADMSG;
	}
}

static int serve(struct worker *w)
{
	w->patience_ms = -1;
	for (;;) {
		struct wire_msg m;
		int r = wire_receive(JAIL_SOCK, &m, w->patience_ms);

		/* Nothing more is asked: what was freed goes back, once. */
		if (r == -ETIMEDOUT) {
			symbolizer_rest(w->symbolizer);
			w->restless = 0;
			heap_trim();
			w->patience_ms = -1;
			continue;
		}
		if (r <= 0)
			return r;
		w->patience_ms = REST_MS;
		r = handle(w, &m);
		wire_msg_done(&m);
		if (r < 0)
			return r == -EPIPE ? 0 : r;
	}
}

static int limit_memory(uint64_t bytes, struct err *err)
{
	struct rlimit limit = {bytes, bytes};

	if (!bytes || SANITIZED)
		return 0;
	if (setrlimit(RLIMIT_DATA, &limit) < 0)
		return err_set(err, -errno, "cannot limit the worker's memory: %s",
			       strerror(errno));
	return 0;
}

static int open_for_module(void *ctx, uint32_t module, const struct sym_want *want)
{
	struct worker *w = ctx;

	(void)module; /* of the request that is being answered: there is only one at a time */
	return worker_want(&w->wants, want);
}

static int start(struct worker *w, char **args, bool sandbox, struct err *err)
{
	struct sym_options options = {.open = open_for_module, .open_ctx = w};
	uint64_t memory = 0;
	int bits, r;

	for (; *args; args++) {
		const char *value = worker_arg(*args, WORKER_MEMORY);

		if (value ? quantity_bytes(value, &memory) < 0
			  : strcmp(*args, WORKER_DISASSEMBLE) != 0)
			return err_set(err, -EINVAL, "the symbolizer worker does not know %s",
				       *args);
		if (!value)
			disassembler_new(&w->disassembler, NULL);
	}
	options.index_bytes_max = memory / INDEX_SHARE;
	r = sandbox ? limit_memory(memory, err) : 0;
	if (r < 0)
		return r;
	bits = worker_close(JAIL_SYMBOLIZER, sandbox, NULL, err);
	if (bits < 0)
		return bits;
	r = symbolizer_new(&options, &w->symbolizer);
	if (r < 0)
		return err_set(err, r, "no memory for a symbolizer");
	return worker_hello(bits);
}

/* Ends by _exit: what exit() would still do is not worth a system call that the jail must allow. */
int worker_symbolizer(char **args, bool sandbox)
{
	struct worker w = {.kernel = MODULE_NONE};
	struct err err = {};

	heap_settle();
	if (start(&w, args, sandbox, &err) < 0) {
		worker_failed(&err);
		_exit(1);
	}
	_exit(serve(&w) < 0 ? 1 : 0);
}
