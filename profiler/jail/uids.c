/*
 * Who a worker runs as: the users made by the set-up, or unused numbers of the dynamic range.
 *
 * The files are read directly: asking the name service would load foreign libraries into a process
 * that is still root, and talk to daemons.
 */
#include "profiler/jail/parts.h"
#include "profiler/base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RANGE (UIDS_DYNAMIC_MAX - UIDS_DYNAMIC_MIN + 1)

static const char *const role_user[] = {
#define ROLE_USER(name, word, user, n) [JAIL_##name] = user,
	JAIL_ROLE_LIST(ROLE_USER)
#undef ROLE_USER
};

static void mark(bool *taken, unsigned long id)
{
	if (id >= UIDS_DYNAMIC_MIN && id <= UIDS_DYNAMIC_MAX)
		taken[id - UIDS_DYNAMIC_MIN] = true;
}

static int read_passwd(const char *path, bool *taken, struct jail_ids *ids)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	struct passwd *p;

	if (!f)
		return errno == ENOENT ? 0 : -errno;
	while ((p = fgetpwent(f))) {
		mark(taken, p->pw_uid);
		for (int role = 0; role < JAIL_ROLE_COUNT; role++)
			if (!ids[role].named && strcmp(p->pw_name, role_user[role]) == 0 &&
			    p->pw_uid != 0 && p->pw_gid != 0 && p->pw_uid != UIDS_NOBODY)
				ids[role] = (struct jail_ids){p->pw_uid, p->pw_gid, true};
	}
	return 0;
}

static int read_group(const char *path, bool *taken)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	struct group *g;

	if (!f)
		return errno == ENOENT ? 0 : -errno;
	while ((g = fgetgrent(f)))
		mark(taken, g->gr_gid);
	return 0;
}

/*
 * systemd keeps a file named by the number for each dynamic user that runs now, and a link
 * direct:NUMBER.
 */
static void read_dynamic(const char *dir, bool *taken)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d))) {
		const char *digits =
			strncmp(e->d_name, "direct:", 7) == 0 ? e->d_name + 7 : e->d_name;

		mark(taken, strtoul(digits, NULL, 10));
	}
	closedir(d);
}

int uids_find(const char *passwd_path, const char *group_path, const char *dynamic_dir,
	      struct jail_ids ret[JAIL_ROLE_COUNT])
{
	struct jail_ids ids[JAIL_ROLE_COUNT] = {};
	bool taken[RANGE] = {};
	int next = RANGE - 1; /* from the top: systemd starts at a hash of the service's name */
	int r;

	r = read_passwd(passwd_path, taken, ids);
	if (r >= 0)
		r = read_group(group_path, taken);
	if (r < 0)
		return r;
	read_dynamic(dynamic_dir, taken);
	for (int role = 0; role < JAIL_ROLE_COUNT; role++) {
		if (ids[role].named)
			continue;
		while (next >= 0 && taken[next])
			next--;
		if (next < 0)
			return -EUSERS;
		ids[role].uid = ids[role].gid = (uid_t)(UIDS_DYNAMIC_MIN + next--);
	}
	memcpy(ret, ids, sizeof(ids));
	return 0;
}

static int verify(const struct jail_ids *ids, struct err *err)
{
	uid_t real, effective, saved;
	gid_t greal, geffective, gsaved;

	if (getresuid(&real, &effective, &saved) < 0 || getresgid(&greal, &geffective, &gsaved) < 0)
		return err_set(err, -errno, "cannot read the worker's own user: %s",
			       strerror(errno));
	if (real != ids->uid || effective != ids->uid || saved != ids->uid || greal != ids->gid ||
	    geffective != ids->gid || gsaved != ids->gid || getgroups(0, NULL) != 0)
		return err_set(err, -EPERM, "the worker still has another user or group than %u:%u",
			       ids->uid, ids->gid);
	if (setresuid((uid_t)-1, 0, (uid_t)-1) == 0)
		return err_set(err, -EPERM, "the worker could become root again");
	return 1;
}

int uids_change(const struct jail_ids *ids, struct err *err)
{
	if (setresgid(ids->gid, ids->gid, ids->gid) < 0) {
		if (errno == EINVAL) /* this user namespace has no such group, so no such user */
			return 0;
		return err_set(err, -EPERM, "cannot change to group %u: %s", ids->gid,
			       strerror(errno));
	}
	if (setgroups(0, NULL) < 0)
		return err_set(err, -EPERM, "cannot give up the supplementary groups: %s",
			       strerror(errno));
	if (setresuid(ids->uid, ids->uid, ids->uid) < 0)
		return err_set(err, -EPERM, "cannot change to user %u: %s", ids->uid,
			       strerror(errno));
	return verify(ids, err);
}
