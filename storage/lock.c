/* FILE.lock; see lock.h. */
#include "storage/lock.h"

#include "profiler/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static int open_lock(const char *store_path, int flags, int *ret_fd)
{
	_cleanup_free_ char *path = NULL;
	int fd;

	if (asprintf(&path, "%s.lock", store_path) < 0)
		return -ENOMEM;
	fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0640);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

int lock_take(const char *store_path, int *ret_fd, struct err *err)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	_cleanup_close_ int fd = -1;
	char holder[LOCK_TEXT_BYTES] = "";
	struct stat st;
	int r = open_lock(store_path, O_RDWR | O_CREAT, &fd);

	if (r < 0)
		return err_set(err, r, "%s.lock: %s", store_path, strerror(-r));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(err, -EPERM, "%s.lock: not a regular file", store_path);
	if (fcntl(fd, F_OFD_SETLK, &whole) < 0) {
		if (errno != EAGAIN && errno != EACCES)
			return err_set(err, -errno, "%s.lock: %s", store_path, strerror(errno));
		lock_read(fd, holder, sizeof(holder));
		return err_set(err, -EBUSY, "%s: another writer has it open (%s)", store_path,
			       holder[0] ? holder : "it left no note");
	}
	/* Whatever the umask is. */
	if (fchmod(fd, 0640) < 0 || ftruncate(fd, 0) < 0)
		return err_set(err, -errno, "%s.lock: %s", store_path, strerror(errno));
	*ret_fd = steal_fd(fd);
	return 0;
}

int lock_note(int fd, const char *text)
{
	char line[LOCK_TEXT_BYTES];
	size_t len = strcspn(text, "\n");

	if (len > sizeof(line) - 1)
		return -E2BIG;
	memcpy(line, text, len);
	line[len] = '\n';
	/*
	 * Written first and cut afterwards: at worst a reader sees the end of the older text
	 * behind a newline.
	 */
	if (pwrite(fd, line, len + 1, 0) != (ssize_t)len + 1)
		return errno ? -errno : -EIO;
	return ftruncate(fd, (off_t)len + 1) < 0 ? -errno : 0;
}

void lock_release(int fd)
{
	if (fd < 0)
		return;
	if (ftruncate(fd, 0) < 0)
		errno = 0; /* what it says is not believed without the lock */
	close(fd);
}

int lock_watch(const char *store_path, int *ret_fd)
{
	return open_lock(store_path, O_RDONLY, ret_fd);
}

bool lock_is_held(int fd)
{
	struct flock whole = {.l_type = F_RDLCK, .l_whence = SEEK_SET};

	return fd >= 0 && fcntl(fd, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
}

int lock_read(int fd, char *ret_text, size_t text_bytes)
{
	char text[LOCK_TEXT_BYTES];
	ssize_t n;
	size_t len;

	if (!lock_is_held(fd))
		return -ENOENT;
	n = pread(fd, text, sizeof(text), 0);
	if (n < 0)
		return -errno;
	for (len = 0; len < (size_t)n && text[len] != '\n' && text[len] != '\0'; len++)
		;
	if (text_bytes == 0)
		return 0;
	if (len > text_bytes - 1)
		len = text_bytes - 1;
	memcpy(ret_text, text, len);
	ret_text[len] = '\0';
	return 0;
}
