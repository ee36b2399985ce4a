/* Starting, asking and ending the worker; see elf_worker.h. */
#include "profiler/cli/elf_worker.h"

#include "profiler/base/cleanup.h"
#include "profiler/cli/file_worker.h"
#include "profiler/jail/open_for.h"
#include "profiler/jail/protocol.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SEND_MS 5000

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
	w->fetch = fetch_free(w->fetch);
}

static struct fetch *ensure_fetch(struct elf_worker *w)
{
	char directory[DEBUG_SERVERS_DIRECTORY_BYTES];
	struct fetch_options o = {.directory = directory, .sandbox = true};
	struct err err = {};

	if (w->fetch || w->fetch_failed || !w->servers || !w->servers->n)
		return w->fetch;
	debug_servers_directory(directory);
	o.servers = *w->servers;
	w->fetch_failed = fetch_new(&o, &w->fetch, &err) < 0;
	if (w->fetch_failed)
		fprintf(stderr, "hearth: %s\n", err_text(&err));
	return w->fetch;
}

/* Whoever asks on the command line waits for what a server has, and is told why it has not. */
static int ask_servers(void *ctx, const struct protocol_want *want, unsigned int skip)
{
	struct elf_worker *w = ctx;
	struct fetch *f = ensure_fetch(w);
	struct err err = {};
	int fd;

	if (!f)
		return -ENOENT;
	if (skip) {
		fetch_refuse(f, w->whose.domain, want->build_id, want->build_id_bytes);
		fprintf(stderr,
			"hearth: what a server sent is not the debug file of this build: %s\n",
			w->path ? w->path : "?");
		return -ENOENT;
	}
	fd = fetch_get(f, w->whose.domain, want->build_id, want->build_id_bytes, &err);
	if (fd < 0 && fd != -ENOENT)
		fprintf(stderr, "hearth: no debug file: %s\n", err_text(&err));
	return fd;
}

static int ensure(struct elf_worker *w, uint32_t domain, struct err *err)
{
	if (w->worker.pid && w->whose.domain == domain)
		return 0;
	end(w);
	w->whose.domain = domain;
	w->room_left = OPEN_DEBUG_ROOM_MAX;
	return file_worker_start(w->memory, w->disassembles, &w->worker, err);
}

int elf_worker_open(struct elf_worker *w, const char *path, struct err *err)
{
	struct stat st;

	close_file(w);
	w->fd = file_worker_open(path, &st, err);
	if (w->fd < 0)
		return w->fd;
	w->path = realpath(path, NULL);
	w->whose.path = w->path;
	w->whose.elsewhere = ask_servers;
	w->whose.elsewhere_ctx = w;
	w->whose.room_dir = OPEN_DEBUG_ROOM_DIR;
	w->whose.room_left = &w->room_left;
	return ensure(w, open_for_domain(st.st_uid, st.st_mode), err);
}

int elf_worker_lost(struct elf_worker *w, int why, struct err *err)
{
	return file_worker_lost(&w->worker, why, err);
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
