/* NAME requests until all have been answered; see name_worker.h. */
#include "profiler/cli/name_worker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/*
 * For programs with gigabytes of debug information, of which some is compressed: what is read is
 * dropped again past half of it.
 */
#define MEMORY	  "2GB"
#define ANSWER_MS 60000
#define FORGET_MS 5000

void name_worker_init(struct name_worker *w, bool by_offset, const struct debug_servers *servers)
{
	*w = (struct name_worker){.by_offset = by_offset};
	elf_worker_init(&w->file, MEMORY);
	w->file.servers = servers;
}

void name_worker_done(struct name_worker *w)
{
	elf_worker_done(&w->file);
}

static int prefixed(const struct name_worker *w, const char *path, int r, const struct err *why,
		    struct err *err)
{
	(void)w;
	return r < 0 ? err_set(err, r, "%s: %s", path, err_text(why)) : r;
}

/* The worker may run on; where it does not, the next request shows it. */
static void forget(struct name_worker *w)
{
	struct wire_msg m;

	if (!w->known || !w->file.worker.pid)
		return;
	wire_msg_init(&m, PROTOCOL_FORGET, 0);
	buf_add_u32(&m.body, w->object);
	(void)wire_send(w->file.worker.sock, &m, FORGET_MS);
	wire_msg_done(&m);
}

int name_worker_open(struct name_worker *w, const char *path, struct err *err)
{
	struct err why = {};
	int r;

	forget(w);
	r = elf_worker_open(&w->file, path, &why);
	w->known = w->troubled = false;
	w->object++;
	return prefixed(w, path, r, &why, err);
}

static void tell_trouble(struct name_worker *w, const struct protocol_answer *a)
{
	if (a->error || !a->sentence[0] || w->troubled)
		return;
	fprintf(stderr, "hearth: %s: %s\n", w->file.path ? w->file.path : "the file", a->sentence);
	w->troubled = true;
}

/* One request about the first n; the answer is the caller's. */
static int ask_some(struct name_worker *w, const uint64_t *addresses, uint32_t n,
		    struct protocol_answer *ret, struct err *err)
{
	struct protocol_request q = {
		.object = w->object,
		.kind = w->by_offset ? PROTOCOL_OBJECT_FILE : PROTOCOL_OBJECT_ADDRESSES,
		.with_fd = !w->known,
		.n = n,
	};
	struct wire_msg m, answer;
	int r;

	if (n)
		memcpy(q.offsets, addresses, n * sizeof(*addresses));
	wire_msg_init(&m, PROTOCOL_NAME, ++w->request);
	protocol_request_write(&m.body, &q);
	if (q.with_fd)
		m.fds[m.n_fds++] = w->file.fd;
	r = elf_worker_ask(&w->file, &m, ANSWER_MS, &answer, err);
	m.n_fds = 0; /* still the file's */
	wire_msg_done(&m);
	if (r < 0)
		return r;
	r = answer.type == PROTOCOL_NAME
		    ? protocol_answer_parse(answer.body.data, answer.body.len, n, ret)
		    : -EBADMSG;
	wire_msg_done(&answer);
	if (r < 0)
		return elf_worker_lost(&w->file, r, err);
	w->known = true;
	tell_trouble(w, ret);
	return ret->error ? err_set(err, ret->error, "%s", ret->sentence) : 0;
}

static void hand_out(const struct protocol_answer *a, const uint64_t *addresses,
		     name_worker_take take, void *ctx)
{
	const struct protocol_line *lines = a->lines;

	for (uint32_t i = 0; i < a->n; i++) {
		take(ctx, addresses[i], lines, a->n_lines[i]);
		lines += a->n_lines[i];
	}
}

int name_worker_ask(struct name_worker *w, const uint64_t *addresses, size_t n,
		    name_worker_take take, void *ctx, struct err *err)
{
	const char *path = w->file.path ? w->file.path : "the file";

	while (n) {
		struct protocol_answer a = {};
		struct err why = {};
		int r = ask_some(w, addresses,
				 n < PROTOCOL_OFFSETS_MAX ? (uint32_t)n : PROTOCOL_OFFSETS_MAX, &a,
				 &why);

		if (r < 0)
			return prefixed(w, path, r, &why, err);
		hand_out(&a, addresses, take, ctx);
		addresses += a.n;
		n -= a.n;
		protocol_answer_done(&a);
	}
	return 0;
}
