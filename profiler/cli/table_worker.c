/* One TABLE request a file; see table_worker.h. */
#include "profiler/cli/table_worker.h"

#include "profiler/jail/protocol.h"

#include <errno.h>

#define COMPILE_MS 60000
#define VERIFY_MS  900000 /* libdw runs a function's program anew for each of its rows */
/* For libdw's trees of the largest browsers; the compiler takes a tenth of it. */
#define MEMORY "4GB"

void table_worker_init(struct elf_worker *w)
{
	elf_worker_init(w, MEMORY);
	w->disassembles = true;
}

static int ask_worker(struct elf_worker *w, uint32_t ask, struct wire_msg *ret, struct err *err)
{
	int timeout_ms = ask & PROTOCOL_TABLE_VERIFY ? VERIFY_MS : COMPILE_MS;
	struct wire_msg m;
	int r;

	wire_msg_init(&m, PROTOCOL_TABLE, 1);
	buf_add_u32(&m.body, ask);
	m.fds[0] = w->fd;
	m.n_fds = 1;
	r = elf_worker_ask(w, &m, timeout_ms, ret, err);
	m.n_fds = 0; /* still the file's */
	wire_msg_done(&m);
	return r;
}

/* A table, or the worker's refusal. */
static int read_answer(struct elf_worker *w, const struct wire_msg *m, struct protocol_table *ret,
		       struct err *err)
{
	char sentence[PROTOCOL_SENTENCE_MAX + 1];
	int error, r = -EBADMSG;

	if (m->type == PROTOCOL_TABLE)
		r = protocol_table_parse(m->body.data, m->body.len, ret);
	else if (m->type == PROTOCOL_FAILED &&
		 protocol_failed_parse(m->body.data, m->body.len, &error, sentence) == 0)
		return err_set(err, error, "%s", sentence);
	return r < 0 ? elf_worker_lost(w, r, err) : 0;
}

static int ask_for(struct elf_worker *w, const char *path, uint32_t ask, struct protocol_table *ret,
		   struct err *err)
{
	struct wire_msg m;
	int r = elf_worker_open(w, path, err);

	if (r < 0)
		return r;
	r = ask_worker(w, ask | PROTOCOL_TABLE_DEBUG, &m, err);
	if (r < 0)
		return r;
	r = read_answer(w, &m, ret, err);
	wire_msg_done(&m);
	return r;
}

int table_worker_ask(struct elf_worker *w, const char *path, uint32_t ask,
		     struct protocol_table *ret, struct err *err)
{
	struct err why = {};
	int r = ask_for(w, path, ask, ret, &why);

	return r < 0 ? err_set(err, r, "%s: %s", path, err_text(&why)) : 0;
}
