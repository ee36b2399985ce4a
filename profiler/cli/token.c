/* Reading the access token; see token.h. */
#include "profiler/cli/token.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "profiler/base/cleanup.h"

static int check_file(int fd, const char *path, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(err, -errno, "cannot read the token file %s: %s", path,
			       strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EPERM, "the token file %s is not a regular file", path);
	if (st.st_mode & 077)
		return err_set(
			err, -EPERM,
			"the token file %s has mode %04o, so that others may read it: chmod 600 %s",
			path, st.st_mode & 07777, path);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return err_set(err, -EPERM,
			       "the token file %s belongs to uid %u, neither to root nor to you",
			       path, st.st_uid);
	return 0;
}

int token_read(const char *path, char *ret, size_t bytes, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char text[4096];
	ssize_t n;
	size_t len;
	int r;

	if (fd < 0)
		return err_set(err, -errno, "cannot read the token file %s: %s", path,
			       strerror(errno));
	r = check_file(fd, path, err);
	if (r < 0)
		return r;
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return err_set(err, -errno, "cannot read the token file %s: %s", path,
			       strerror(errno));
	len = (size_t)n;
	while (len && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	if (len == 0)
		return err_set(err, -EBADMSG, "the token file %s is empty", path);
	if (len >= bytes)
		return err_set(err, -EBADMSG, "the token in %s has more than %zu characters", path,
			       bytes - 1);
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return err_set(
				err, -EBADMSG,
				"the token in %s is not one line of printable ASCII without spaces",
				path);
	memcpy(ret, text, len);
	ret[len] = '\0';
	explicit_bzero(text, sizeof(text));
	return 0;
}
