/* Batch by batch from the worker into a profile; see import_worker.h. */
#include "profiler/cli/import_worker.h"

#include "profiler/base/cleanup.h"
#include "profiler/base/wire.h"
#include "profiler/cli/file_worker.h"
#include "profiler/jail/protocol.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#define MEMORY	 "2GB" /* stacks of the largest file, or a pprof and its tables */
#define BATCH_MS 600000 /* of a pipe that somebody types into */

struct run {
	const struct import_worker_ask *ask;
	struct jail_worker worker;
	struct protocol_import_rules rules;
	struct profile *p;
	bool begins;
};

/* Two imports must not share an object, or one could name the other's offsets. */
static int begin_profile(struct run *run)
{
	if (run->p)
		run->ask->leave(run->ask->arg);
	run->p = profile_free(run->p);
	run->begins = true;
	if (getrandom(&run->rules.identity, sizeof(run->rules.identity), 0) !=
	    sizeof(run->rules.identity))
		return -EIO;
	return profile_new(false, &run->p);
}

/* 1, or negative errno: without a sentence in err it is the worker's fault. */
static int take_batch(struct run *run, const struct wire_msg *m, struct err *err)
{
	int r = protocol_import_batch_is_fresh(m->body.data, m->body.len);

	if (r > 0)
		r = begin_profile(run);
	if (r >= 0 && !run->p)
		r = -EBADMSG;
	if (r >= 0)
		r = protocol_import_batch_apply(m->body.data, m->body.len, &run->rules, run->p);
	if (r == -EBADMSG)
		return r;
	if (r < 0)
		return err_set(err, r, "%s", strerror(-r));
	r = run->ask->take(run->ask->arg, run->p, run->begins, err);
	run->begins = false;
	profile_clear_samples(run->p);
	if (r < 0 && !err->code)
		err_set(err, r, "%s", strerror(-r));
	return r < 0 ? r : 1;
}

/* 1 go on, 0 the end, or negative errno. */
static int receive(struct run *run, struct import_counts *ret, struct err *err)
{
	char sentence[PROTOCOL_SENTENCE_MAX + 1];
	struct wire_msg m;
	int error, r = wire_receive(run->worker.sock, &m, BATCH_MS);

	if (r <= 0)
		return r < 0 ? r : -EPIPE;
	r = -EBADMSG;
	if (m.id != 1 || m.n_fds)
		r = -EBADMSG;
	else if (m.type == PROTOCOL_IMPORT)
		r = take_batch(run, &m, err);
	else if (m.type == PROTOCOL_IMPORTED)
		r = protocol_import_counts_parse(m.body.data, m.body.len, ret);
	else if (m.type == PROTOCOL_FAILED &&
		 protocol_failed_parse(m.body.data, m.body.len, &error, sentence) == 0)
		r = err_set(err, error, "%s", sentence);
	wire_msg_done(&m);
	return r;
}

static int converse(struct run *run, struct import_counts *ret, struct err *err)
{
	_cleanup_(buf_done) struct buf body;
	int r;

	buf_init(&body, 4096);
	protocol_import_request_write(&body, &run->ask->request);
	r = file_worker_send(&run->worker, PROTOCOL_IMPORT, 1, &body, run->ask->fd);
	while (r >= 0 && (r = receive(run, ret, err)) > 0)
		;
	return r;
}

int import_worker_run(const struct import_worker_ask *ask, struct import_counts *ret,
		      struct err *err)
{
	struct run run = {
		.ask = ask,
		.rules = {.domain = ask->owner < UINT32_MAX && ask->owner ? ask->owner + 1 : 0,
			  .name = ask->request.name},
	};
	struct err why = {};
	int r = file_worker_start(MEMORY, false, &run.worker, &why);

	if (r == 0) {
		r = converse(&run, ret, &why);
		/* Without a sentence it is the conversation that failed. */
		if (r < 0 && !why.code)
			r = file_worker_lost(&run.worker, r, &why);
	}
	if (run.worker.pid)
		jail_end(&run.worker);
	if (run.p)
		ask->leave(ask->arg);
	profile_free(run.p);
	return r < 0 ? err_set(err, r, "%s", err_text(&why)) : 0;
}
