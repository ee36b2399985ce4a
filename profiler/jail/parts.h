/*
 * The walls of the jail, one function each, for jail_enter() and jail_probe() only.
 *
 * Each returns 1 when the wall stands, 0 where this kernel has no such wall, negative errno where
 * it should stand and does not (the sentence in err).
 */
#pragma once

#include "profiler/base/err.h"
#include "profiler/jail/jail.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Never a valid answer of uids_find(): root, and what files of unmapped owners show. */
#define UIDS_NOBODY 65534

/*
 * What systemd hands out to services with DynamicUser: no distribution gives these to people or
 * packages.
 */
#define UIDS_DYNAMIC_MIN 61184
#define UIDS_DYNAMIC_MAX 65519

struct jail_ids {
	uid_t uid;
	gid_t gid;
	bool named; /* the role's user exists */
};

/*
 * Who each role is, from the text of passwd(5) and group(5) files (NULL: there is none): its user
 * where that exists and is neither root nor nobody, else a number of the dynamic range that neither
 * file has and no entry of dynamic_dir (systemd's /run/systemd/dynamic-uid; may be missing) claims.
 * 0 or negative errno.
 */
int uids_find(const char *passwd_path, const char *group_path, const char *dynamic_dir,
	      struct jail_ids ret[JAIL_ROLE_COUNT]);

/*
 * Change to ids for good, all groups given up; 0 where this user namespace has no such user.
 * Verified.
 */
int uids_change(const struct jail_ids *ids, struct err *err);

/*
 * Empty the bounding set, where that is allowed: before the change of user, which gives up the
 * right to.
 */
void capabilities_drop_bounding(void);
/* Empty the other sets of this thread. Verified. */
int capabilities_drop(struct err *err);
/* Whether try() succeeds with no other effective capability than these bits (1 << CAP_...). */
bool capabilities_suffice(uint64_t keep, bool (*try)(void));
/* Keep only these bits (1 << CAP_...), in the permitted, effective and bounding sets. */
int capabilities_limit(uint64_t keep, struct err *err);

/* 0 where there is none, else the version of its ABI. */
int landlock_abi(void);
/*
 * No right on any file system but to read files below readable (NULL: none), no TCP, no abstract
 * socket and no signal beyond this process: as far as the ABI goes. The fetcher may connect, and
 * read what libc and TLS find hosts and check certificates by.
 */
int landlock_close(enum jail_role role, const struct jail_dirs *readable, struct err *err);

bool seccomp_is_there(void);
/* The role's allow list; opens: with openat2(). */
int seccomp_close(enum jail_role role, bool opens, struct err *err);
