/* Files written beside their name and renamed; see output.h. */
#include "profiler/cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

static int failed(const struct output *o, int error, struct err *err)
{
	return err_set(err, -error, "cannot write %s: %s", o->path ? o->path : "to stdout",
		       strerror(error));
}

static int open_in_place(struct output *o, struct err *err)
{
	o->fd = open(o->path, O_WRONLY | O_CLOEXEC | O_TRUNC | O_NOCTTY);
	return o->fd < 0 ? failed(o, errno, err) : 0;
}

/*
 * Mode and, where allowed, owner of the file that will be replaced; those of any new file where
 * there is none.
 */
static int take_after(struct output *o, const struct stat *old, struct err *err)
{
	mode_t mask;

	if (old) {
		if (fchown(o->fd, old->st_uid, old->st_gid) < 0 && errno != EPERM)
			return failed(o, errno, err);
		return fchmod(o->fd, old->st_mode & 0777) < 0 ? failed(o, errno, err) : 0;
	}
	mask = umask(0); /* the only way to ask; no other thread makes files at this moment */
	umask(mask);
	return fchmod(o->fd, 0666 & ~mask) < 0 ? failed(o, errno, err) : 0;
}

/* folder: how many bytes of path are the folder's name and its slash; 0: the current one. */
static uid_t folder_owner(const char *path, int folder)
{
	char name[PATH_MAX] = ".";
	struct stat st;

	if (folder)
		snprintf(name, sizeof(name), "%.*s", folder, path);
	return stat(name, &st) == 0 ? st.st_uid : geteuid();
}

/*
 * Rename the temporary file, or without a new name remove it. By the time a recording is written
 * its process may have given up the right to write in other people's folders; then it is done in
 * the name of the folder's owner.
 */
static int settle(const struct output *o, const char *name)
{
	int r = (name ? rename(o->temporary, name) : unlink(o->temporary)) < 0 ? -errno : 0;

	if (r != -EACCES && r != -EPERM)
		return r;
	setfsuid(o->folder_owner);
	r = (name ? rename(o->temporary, name) : unlink(o->temporary)) < 0 ? -errno : 0;
	setfsuid(geteuid());
	return r;
}

static int open_beside(struct output *o, const struct stat *old, struct err *err)
{
	const char *slash = strrchr(o->path, '/');
	int folder = slash ? (int)(slash - o->path) + 1 : 0;

	if (asprintf(&o->temporary, "%.*s.hearth-XXXXXX", folder, o->path) < 0) {
		o->temporary = NULL;
		return failed(o, ENOMEM, err);
	}
	o->folder_owner = folder_owner(o->path, folder);
	o->fd = mkostemp(o->temporary, O_CLOEXEC);
	if (o->fd < 0) {
		int error = errno;

		free(o->temporary);
		o->temporary = NULL;
		return failed(o, error, err);
	}
	return take_after(o, old, err);
}

int output_open(const char *path, struct output *ret, struct err *err)
{
	struct output o = {.path = path, .fd = -1};
	struct stat st;
	bool old;
	int r;

	if (!path) {
		o.fd = STDOUT_FILENO;
		*ret = o;
		return 0;
	}
	old = lstat(path, &st) == 0;
	if (!old && errno != ENOENT)
		return failed(&o, errno, err);
	if (old && S_ISDIR(st.st_mode))
		return failed(&o, EISDIR, err);
	/*
	 * A file that may not be written is not replaced either, although its folder would allow
	 * it.
	 */
	if (old && S_ISREG(st.st_mode) && access(path, W_OK) < 0)
		return failed(&o, errno, err);
	if (old && !S_ISREG(st.st_mode))
		r = open_in_place(&o, err);
	else
		r = open_beside(&o, old ? &st : NULL, err);
	if (r < 0) {
		output_discard(&o);
		return r;
	}
	*ret = o;
	return 0;
}

int output_write(struct output *o, const void *data, size_t len, struct err *err)
{
	const char *at = data;

	while (len) {
		ssize_t n = write(o->fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return failed(o, errno, err);
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

int output_write_answer(void *arg, const void *data, size_t len, struct err *err)
{
	return output_write((struct output *)arg, data, len, err);
}

int output_commit(struct output *o, struct err *err)
{
	int fd = o->fd, r = 0;

	if (!o->path)
		return 0;
	o->fd = -1;
	/* A full disk or a quota may be told only here. */
	if (close(fd) < 0 && errno != EINTR)
		r = failed(o, errno, err);
	if (r == 0 && o->temporary) {
		r = settle(o, o->path);
		/* What could not be renamed stays: it is complete, and perhaps hours of work. */
		if (r < 0)
			err_set(err, r, "cannot rename %s to %s: %s", o->temporary, o->path,
				strerror(-r));
		free(o->temporary);
		o->temporary = NULL;
	}
	output_discard(o);
	return r;
}

void output_discard(struct output *o)
{
	if (o->path && o->fd >= 0)
		close(o->fd);
	if (o->temporary) {
		settle(o, NULL);
		free(o->temporary);
	}
	o->temporary = NULL;
	o->fd = -1;
}
