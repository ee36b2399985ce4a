/* Which of some processes are alive, by pidfds; see pid_watch.h. */
#include "profiler/pid_watch.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct pid_watch {
	size_t n;
	uint32_t *pids;
	struct pollfd fds[]; /* fd -1: it has ended */
};

int pid_watch_new(const uint32_t *pids, size_t n, struct pid_watch **ret, struct err *err)
{
	struct pid_watch *w = calloc(1, sizeof(*w) + n * sizeof(w->fds[0]));

	if (!w)
		return -ENOMEM;
	w->pids = calloc(n, sizeof(*w->pids));
	if (n && !w->pids) {
		pid_watch_free(w);
		return -ENOMEM;
	}
	for (; w->n < n; w->n++) {
		int fd = (int)syscall(SYS_pidfd_open, (pid_t)pids[w->n], 0);

		if (fd < 0) {
			uint32_t pid = pids[w->n];
			int r = -errno;

			pid_watch_free(w);
			if (r == -EINVAL)
				return err_set(err, r, "%u is a thread, not a process", pid);
			return err_set(err, r, "process %u: %s", pid, strerror(-r));
		}
		w->pids[w->n] = pids[w->n];
		w->fds[w->n] = (struct pollfd){.fd = fd, .events = POLLIN};
	}
	*ret = w;
	return 0;
}

struct pid_watch *pid_watch_free(struct pid_watch *w)
{
	if (!w)
		return NULL;
	for (size_t i = 0; i < w->n; i++)
		if (w->fds[i].fd >= 0)
			close(w->fds[i].fd);
	free(w->pids);
	free(w);
	return NULL;
}

size_t pid_watch_update(struct pid_watch *w, pid_watch_ended ended, void *context)
{
	size_t alive = 0;

	if (poll(w->fds, w->n, 0) < 0)
		return w->n;
	for (size_t i = 0; i < w->n; i++) {
		if (w->fds[i].fd >= 0 && w->fds[i].revents) {
			close(w->fds[i].fd);
			w->fds[i].fd = -1;
			ended(context, w->pids[i]);
		}
		alive += w->fds[i].fd >= 0;
	}
	return alive;
}
