/* Starting, asking and ending the worker; see elf_worker.h. */
#include "profiler/cli/elf_worker.h"

#include "profiler/base/cleanup.h"
#include "profiler/jail/open_for.h"
#include "profiler/jail/protocol.h"
#include "profiler/jail/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define HELLO_MS       5000
#define SEND_MS	       5000
#define ARGUMENT_BYTES 64

void elf_worker_init(struct elf_worker *w, const char *memory)
{
	*w = (struct elf_worker){.memory = memory, .fd = -1};
}

static void end(struct elf_worker *w)
{
	if (w->worker.pid)
		jail_end(&w->worker);
	w->worker = (struct jail_worker){};
}

static void close_file(struct elf_worker *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
	free(steal_ptr(w->path));
	w->whose.path = NULL;
}

void elf_worker_done(struct elf_worker *w)
{
	end(w);
	close_file(w);
}

static int receive_hello(int sock, struct err *err)
{
	char sentence[PROTOCOL_SENTENCE_MAX + 1];
	struct wire_msg m;
	int error;
	int r = wire_receive(sock, &m, HELLO_MS);

	if (r <= 0)
		return err_set(err, r < 0 ? r : -EPIPE, "the worker did not start: %s",
			       r < 0 ? strerror(-r) : "it ended at once");
	r = 0;
	if (m.type == PROTOCOL_FAILED &&
	    protocol_failed_parse(m.body.data, m.body.len, &error, sentence) == 0)
		r = err_set(err, error, "the worker did not start: %s", sentence);
	else if (m.type != PROTOCOL_HELLO || m.n_fds)
		r = err_set(err, -EBADMSG, "the worker began with something else than its jail");
	wire_msg_done(&m);
	return r;
}

static int ensure(struct elf_worker *w, uint32_t domain, struct err *err)
{
	char memory[ARGUMENT_BYTES];
	const char *const args[] = {memory, NULL};
	int r;

	if (w->worker.pid && w->whose.domain == domain)
		return 0;
	end(w);
	snprintf(memory, sizeof(memory), WORKER_MEMORY "%s", w->memory);
	r = jail_start(JAIL_SYMBOLIZER, args, true, &w->worker, err);
	if (r < 0)
		return r;
	w->whose.domain = domain;
	w->room_left = OPEN_DEBUG_ROOM_MAX;
	r = receive_hello(w->worker.sock, err);
	if (r < 0)
		end(w);
	return r;
}

int elf_worker_open(struct elf_worker *w, const char *path, struct err *err)
{
	struct stat st;

	close_file(w);
	w->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (w->fd < 0 || fstat(w->fd, &st) < 0)
		return err_set(err, -errno, "%s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "not a regular file");
	w->path = realpath(path, NULL);
	w->whose.path = w->path;
	w->whose.room_dir = OPEN_DEBUG_ROOM_DIR;
	w->whose.room_left = &w->room_left;
	return ensure(w, open_for_domain(st.st_uid, st.st_mode), err);
}

int elf_worker_lost(struct elf_worker *w, int why, struct err *err)
{
	int status = jail_end(&w->worker);

	w->worker = (struct jail_worker){};
	if (why == -ETIMEDOUT)
		return err_set(err, why, "it keeps the worker busy for too long");
	if (why == -EBADMSG)
		return err_set(err, why, "the worker answered with nonsense, and was ended");
	if (status >= 0 && WIFSIGNALED(status))
		return err_set(err, why, "it ended the worker by signal %d", WTERMSIG(status));
	return err_set(err, why, "it ended the worker");
}

/* 1: the answer; 0: a want, which was answered; or negative errno. */
static int receive(struct elf_worker *w, uint32_t id, int timeout_ms, unsigned int *wants,
		   struct wire_msg *ret)
{
	struct wire_msg m;
	int r = wire_receive(w->worker.sock, &m, timeout_ms);

	if (r <= 0)
		return r < 0 ? r : -EPIPE;
	if (m.type == PROTOCOL_WANT && ++*wants <= PROTOCOL_WANTS_MAX) {
		r = open_debug_answer(w->worker.sock, &m, id, &w->whose);
	} else if (m.id == id && m.type != PROTOCOL_WANT && !m.n_fds) {
		*ret = m;
		return 1;
	} else {
		r = -EBADMSG;
	}
	wire_msg_done(&m);
	return r;
}

int elf_worker_ask(struct elf_worker *w, const struct wire_msg *m, int timeout_ms,
		   struct wire_msg *ret, struct err *err)
{
	unsigned int wants = 0;
	int r = wire_send(w->worker.sock, m, SEND_MS);

	while (r == 0)
		r = receive(w, m->id, timeout_ms, &wants, ret);
	return r < 0 ? elf_worker_lost(w, r, err) : r;
}
