/* From a want to paths, from paths to a descriptor; open_debug.h is the contract. */
#include "profiler/jail/open_debug.h"

#include "profiler/base/cleanup.h"
#include "profiler/base/hex.h"
#include "profiler/jail/open_for.h"
#include "profiler/jail/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEBUG_DIR "/usr/lib/debug"
#define SEND_MS	  5000

struct paths {
	char **v;
	int n;
	int err;
};

static void __attribute__((format(printf, 2, 3))) add(struct paths *p, const char *format, ...)
{
	char *path;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&path, format, ap) < 0)
		p->err = -ENOMEM;
	else
		p->v[p->n++] = path;
	va_end(ap);
}

static void add_build_id(struct paths *p, const struct protocol_want *want)
{
	char hex[2 * SYM_BUILD_ID_MAX + 1];

	if (want->build_id_bytes < 2)
		return;
	hex_text(want->build_id, want->build_id_bytes, hex);
	add(p, DEBUG_DIR "/.build-id/%.2s/%s.debug", hex, hex + 2);
}

/* Bytes of of's directory, without the last slash; -1: it has none. */
static int directory(const char *of)
{
	return of && of[0] == '/' ? (int)(strrchr(of, '/') - of) : -1;
}

static void add_link(struct paths *p, const char *of, const char *name)
{
	int dir = directory(of);

	if (dir < 0 || !name[0] || strchr(name, '/'))
		return;
	add(p, "%.*s/%s", dir, of, name);
	add(p, "%.*s/.debug/%s", dir, of, name);
	add(p, DEBUG_DIR "%.*s/%s", dir, of, name);
}

/* Absolute, or from where the file is. */
static void add_path(struct paths *p, const char *of, const char *path)
{
	int dir = directory(of);

	if (path[0] == '/')
		add(p, "%s", path);
	else if (path[0] && dir >= 0)
		add(p, "%.*s/%s", dir, of, path);
}

/* The last part of path, where the file is: both were moved there together. */
static void add_beside(struct paths *p, const char *of, const char *path)
{
	const char *slash = strrchr(path, '/');
	int dir = directory(of);

	if (slash && slash[1] && dir >= 0)
		add(p, "%.*s/%s", dir, of, slash + 1);
}

int open_debug_paths(const char *of, const struct protocol_want *want, char *ret[OPEN_DEBUG_PATHS])
{
	struct paths p = {.v = ret};

	switch (want->kind) {
	case SYM_WANT_BUILD_ID:
		add_build_id(&p, want);
		break;
	case SYM_WANT_LINK:
		add_link(&p, of, want->name);
		break;
	case SYM_WANT_ALT:
		add_build_id(&p, want);
		add_path(&p, of, want->name);
		break;
	case SYM_WANT_DWO:
		add_path(&p, of, want->name);
		add_beside(&p, of, want->name);
		break;
	case SYM_WANT_DWP:
		if (of && of[0] == '/')
			add(&p, "%s.dwp", of);
		break;
	case SYM_WANT_ROOM:
	case SYM_WANT_COUNT:
		break;
	}
	if (!p.err)
		return p.n;
	while (p.n)
		free(ret[--p.n]);
	return p.err;
}

/* The first `*skip` that can be opened are not given: they were given before. */
static int try_root(int root, char *const *paths, int n, uint32_t domain, unsigned int *skip)
{
	int r = -ENOENT;

	for (int i = 0; i < n; i++) {
		int fd = open_for_other(root, paths[i], domain);

		if (fd >= 0 && !*skip)
			return fd;
		if (fd >= 0) {
			close(fd);
			--*skip;
		} else {
			r = fd;
		}
	}
	return r;
}

static bool is_same(int a, int b)
{
	struct stat of_a, of_b;

	return fstat(a, &of_a) == 0 && fstat(b, &of_b) == 0 && of_a.st_dev == of_b.st_dev &&
	       of_a.st_ino == of_b.st_ino;
}

static int ask_elsewhere(const struct open_debug *whose, const struct protocol_want *want,
			 unsigned int skip)
{
	if (!whose->elsewhere || !want->build_id_bytes ||
	    (want->kind != SYM_WANT_BUILD_ID && want->kind != SYM_WANT_ALT))
		return -ENOENT;
	return whose->elsewhere(whose->elsewhere_ctx, want, skip);
}

/* *ret_skip: how many files were too few for the want's skip. */
static int search(const struct open_debug *whose, char *const *paths, int n, unsigned int *ret_skip)
{
	_cleanup_close_ int proc = open_for_process(whose->pid, whose->start_ns);
	_cleanup_close_ int host = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int root = -1;
	int r = -ENOENT;

	if (proc >= 0)
		root = openat(proc, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root >= 0 && !is_same(root, host))
		r = try_root(root, paths, n, whose->domain, ret_skip);
	return r < 0 ? try_root(host, paths, n, whose->domain, ret_skip) : r;
}

/* Its blocks are taken at once: a disk that is full must not be noticed by a mapping. */
static int open_room(const struct open_debug *whose, uint64_t bytes)
{
	_cleanup_close_ int fd = -1;

	if (!whose->room_dir || !bytes || bytes > *whose->room_left)
		return -ENOENT;
	fd = open(whose->room_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0 || fallocate(fd, 0, 0, (off_t)bytes) < 0)
		return -errno;
	*whose->room_left -= bytes;
	return steal_fd(fd);
}

int open_debug(const struct open_debug *whose, const struct protocol_want *want)
{
	unsigned int skip = want->skip;
	char *paths[OPEN_DEBUG_PATHS];
	int n, r;

	if (want->kind == SYM_WANT_ROOM)
		return open_room(whose, want->bytes);
	n = open_debug_paths(whose->path, want, paths);
	if (n < 0)
		return n;
	r = search(whose, paths, n, &skip);
	for (int i = 0; i < n; i++)
		free(paths[i]);
	if (r >= 0)
		return r;
	n = ask_elsewhere(whose, want, skip);
	return n < 0 ? r : n;
}

int open_debug_answer(int sock, const struct wire_msg *m, uint32_t request,
		      const struct open_debug *whose)
{
	_cleanup_close_ int fd = -1;
	struct protocol_want want;
	struct wire_msg out;
	int r;

	if (m->type != PROTOCOL_WANT || m->id != request || m->n_fds ||
	    protocol_want_parse(m->body.data, m->body.len, &want) < 0)
		return -EBADMSG;
	fd = open_debug(whose, &want);
	wire_msg_init(&out, PROTOCOL_FILE, request);
	buf_add_u8(&out.body, fd >= 0);
	if (fd >= 0)
		out.fds[out.n_fds++] = fd;
	r = wire_send(sock, &out, SEND_MS);
	out.n_fds = 0; /* still ours */
	wire_msg_done(&out);
	return r;
}
