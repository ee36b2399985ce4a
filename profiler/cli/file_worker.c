/* Starting a worker, and what its end tells; see file_worker.h. */
#include "profiler/cli/file_worker.h"

#include "profiler/base/cleanup.h"
#include "profiler/base/wire.h"
#include "profiler/jail/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>

#define SEND_MS 5000

int file_worker_start(const char *memory, bool disassembles, struct jail_worker *ret,
		      struct err *err)
{
	char argument[64];
	const char *const args[] = {argument, disassembles ? WORKER_DISASSEMBLE : NULL, NULL};
	struct jail_worker w;
	uint32_t bits;
	int r;

	snprintf(argument, sizeof(argument), "%s%s", WORKER_MEMORY, memory);
	r = jail_start(JAIL_SYMBOLIZER, args, true, &w, err);
	if (r < 0)
		return r;
	r = jail_receive_hello(&w, &bits, err);
	if (r < 0)
		jail_end(&w);
	else
		*ret = w;
	return r;
}

int file_worker_open(const char *path, struct stat *ret, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 || fstat(fd, ret) < 0)
		return err_set(err, -errno, "%s", strerror(errno));
	if (!S_ISREG(ret->st_mode))
		return err_set(err, -EINVAL, "not a regular file");
	return steal_fd(fd);
}

int file_worker_send(struct jail_worker *w, uint32_t type, uint32_t id, const struct buf *body,
		     int fd)
{
	struct wire_msg m;
	int r;

	wire_msg_init(&m, type, id);
	buf_add(&m.body, body->data, body->len);
	m.fds[0] = fd;
	m.n_fds = 1;
	r = body->err ? body->err : wire_send(w->sock, &m, SEND_MS);
	m.n_fds = 0; /* still the caller's */
	wire_msg_done(&m);
	return r;
}

int file_worker_lost(struct jail_worker *w, int why, struct err *err)
{
	int status = jail_end(w);

	*w = (struct jail_worker){};
	if (why == -ETIMEDOUT)
		return err_set(err, why, "it keeps the worker busy for too long");
	if (why == -EBADMSG)
		return err_set(err, why, "the worker answered with nonsense, and was ended");
	if (status >= 0 && WIFSIGNALED(status))
		return err_set(err, why, "it ended the worker by signal %d", WTERMSIG(status));
	return err_set(err, why, "it ended the worker");
}
