/*
 * Landlock: no right on any file system, but to read files below the directories that are told, and
 * no network, whatever descriptors are already open; for the fetcher but for what it finds hosts
 * by.
 *
 * The rules follow the ABI that the kernel has: file rights since 1 (Linux 5.13), TCP since 4
 * (6.7), abstract sockets and signals since 6 (6.12). Reference:
 * Documentation/userspace-api/landlock.rst. The constants are ours, because the headers may be
 * older than the kernel.
 */
#include "profiler/jail/parts.h"
#include "profiler/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule	    445
#define SYS_landlock_restrict_self  446
#endif

#define COUNT(a)	       (sizeof(a) / sizeof((a)[0]))
#define CREATE_RULESET_VERSION (1u << 0)

#define RULE_PATH_BENEATH      1
#define FS_ABI_1	       ((1ULL << 13) - 1) /* execute to make_sym */
#define FS_REFER	       (1ULL << 13) /* ABI 2 */
#define FS_TRUNCATE	       (1ULL << 14) /* ABI 3 */
#define FS_IOCTL_DEV	       (1ULL << 15) /* ABI 5 */
#define FS_READ_FILE	       (1ULL << 2)
#define FS_READ_DIR	       (1ULL << 3)
#define NET_BIND_TCP	       1ULL /* ABI 4 */
#define NET_CONNECT_TCP	       2ULL
#define SCOPE_ALL	       3ULL /* abstract unix sockets, signals: ABI 6 */

/*
 * struct landlock_ruleset_attr as of ABI 6; the kernel takes shorter ones and, of longer ones,
 * zeroes.
 */
struct ruleset_attr {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
	uint64_t scoped;
};

/* struct landlock_path_beneath_attr, which is packed. */
struct path_beneath_attr {
	uint64_t allowed_access;
	int32_t parent_fd;
} __attribute__((packed));

/* What libc asks about hosts, and where TLS finds certificates; not all are on every host. */
static const char *const fetcher_reads[] = {
	"/etc/resolv.conf",   "/etc/hosts",
	"/etc/nsswitch.conf", "/etc/host.conf",
	"/etc/gai.conf",      "/run/systemd/resolve",
	"/etc/ssl",	      "/usr/lib/ssl",
	"/etc/pki",	      "/usr/share/ca-certificates",
};

int landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);

	return abi < 0 ? 0 : (int)abi;
}

static size_t attr_fill(int abi, enum jail_role role, struct ruleset_attr *a)
{
	*a = (struct ruleset_attr){.handled_access_fs = FS_ABI_1};
	if (abi >= 2)
		a->handled_access_fs |= FS_REFER;
	if (abi >= 3)
		a->handled_access_fs |= FS_TRUNCATE;
	if (abi >= 5)
		a->handled_access_fs |= FS_IOCTL_DEV;
	if (abi >= 4)
		a->handled_access_net = NET_BIND_TCP | (role == JAIL_FETCHER ? 0 : NET_CONNECT_TCP);
	if (abi >= 6)
		a->scoped = SCOPE_ALL;
	return abi >= 6 ? sizeof(*a) : abi >= 4 ? 16 : 8;
}

static int allow(int ruleset, const struct jail_dirs *readable)
{
	for (size_t i = 0; readable && i < readable->n; i++) {
		struct path_beneath_attr rule = {FS_READ_FILE, readable->fd[i]};

		if (syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0) < 0)
			return -errno;
	}
	return 0;
}

static void let_read(int ruleset, const char *path)
{
	_cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC);
	struct path_beneath_attr rule = {.allowed_access = FS_READ_FILE, .parent_fd = fd};
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	if (S_ISDIR(st.st_mode))
		rule.allowed_access |= FS_READ_DIR;
	/* Where it fails, nothing can be read there: hosts are not found, and that is told. */
	(void)syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0);
}

int landlock_close(enum jail_role role, const struct jail_dirs *readable, struct err *err)
{
	struct ruleset_attr attr;
	_cleanup_close_ int fd = -1;
	int abi = landlock_abi();
	size_t size;

	if (!abi)
		return 0;
	size = attr_fill(abi, role, &attr);
	fd = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	if (fd < 0)
		return err_set(err, -errno, "Landlock is there (ABI %d) but takes no rules: %s",
			       abi, strerror(errno));
	if (allow(fd, readable) < 0)
		return err_set(err, -errno, "Landlock is there (ABI %d) but takes no rule: %s", abi,
			       strerror(errno));
	for (size_t i = 0; role == JAIL_FETCHER && i < COUNT(fetcher_reads); i++)
		let_read(fd, fetcher_reads[i]);
	if (syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		return err_set(err, -errno, "Landlock is there (ABI %d) but does not close: %s",
			       abi, strerror(errno));
	return 1;
}
