/*
 * Cgroup paths to kernfs ids; see cgroup_path.h. The id is what name_to_handle_at() gives for the
 * directory.
 */
#include "profiler/collector/cgroup_path.h"

#include "profiler/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>

#define MOUNTS_LINE 1024

/* Of a directory of a cgroup hierarchy: other files have handles as well. */
static int kernfs_id(const char *path, bool v2, uint64_t *ret)
{
	struct {
		struct file_handle head;
		uint64_t id;
	} handle = {.head.handle_bytes = sizeof(uint64_t)};
	_cleanup_close_ int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;
	int mount;

	if (fd < 0 || fstatfs(fd, &fs) < 0)
		return -errno;
	if (fs.f_type != (v2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC))
		return -ENOENT;
	if (name_to_handle_at(fd, "", &handle.head, &mount, AT_EMPTY_PATH))
		return -errno;
	*ret = handle.id;
	return 0;
}

/*
 * /proc/self/cgroup: "N:controllers:/path"; the hierarchy of a v1 mount is that of its first
 * controller.
 */
static int hierarchy_of(const char *options, uint32_t *ret)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/cgroup", "re");
	char line[MOUNTS_LINE];

	while (f && fgets(line, sizeof(line), f)) {
		char *controllers = strchr(line, ':');
		char *end = controllers ? strchr(controllers + 1, ':') : NULL;
		const char *found;
		size_t n;

		if (!end)
			continue;
		*end = '\0';
		controllers++;
		n = strlen(controllers);
		found = n ? strstr(options, controllers) : NULL;
		if (!found || (found[n] && !strchr(", \n", found[n])) ||
		    (found > options && !strchr(", ", found[-1])))
			continue;
		*ret = (uint32_t)strtoul(line, NULL, 10);
		return 0;
	}
	return -ENOENT;
}

/* Try root/path in one mounted hierarchy. */
static int try_mount(const char *root, bool v2, const char *path, uint64_t *ret_id)
{
	char full[PATH_MAX];
	size_t n = strlen(root);
	int len;

	if (!strncmp(path, root, n) && (path[n] == '/' || !path[n]))
		len = snprintf(full, sizeof(full), "%s", path);
	else
		len = snprintf(full, sizeof(full), "%s/%s", root, path);
	if (len < 0 || (size_t)len >= sizeof(full))
		return -ENAMETOOLONG;
	return kernfs_id(full, v2, ret_id);
}

static bool try_line(char *line, bool v2, const char *path, uint64_t *ret_id,
		     uint32_t *ret_hierarchy)
{
	char *at = line, *root, *type;

	strsep(&at, " ");
	root = strsep(&at, " ");
	type = strsep(&at, " ");
	if (!at || strcmp(type, v2 ? "cgroup2" : "cgroup") != 0 ||
	    try_mount(root, v2, path, ret_id) < 0)
		return false;
	if (v2) {
		*ret_hierarchy = 0;
		return true;
	}
	return hierarchy_of(at, ret_hierarchy) == 0;
}

static bool find_in_mounts(const char *path, uint64_t *ret_id, uint32_t *ret_hierarchy)
{
	for (int v2 = 1; v2 >= 0; v2--) {
		_cleanup_fclose_ FILE *f = fopen("/proc/self/mounts", "re");
		char line[MOUNTS_LINE];

		while (f && fgets(line, sizeof(line), f))
			if (try_line(line, v2, path, ret_id, ret_hierarchy))
				return true;
	}
	return false;
}

int cgroup_path_find(const char *path, uint64_t *ret_id, uint32_t *ret_hierarchy, struct err *err)
{
	char real[PATH_MAX];

	/* A link leads to a mount as well: v1 has `cpu` and others beside `cpu,cpuacct`. */
	if (find_in_mounts(path, ret_id, ret_hierarchy) ||
	    (realpath(path, real) && find_in_mounts(real, ret_id, ret_hierarchy)))
		return 0;
	return err_set(err, -ENOENT, "there is no cgroup %s", path);
}
