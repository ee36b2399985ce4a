/*
 * Capabilities, by the raw system calls: what a worker gives up, which is all, and what the
 * collector keeps.
 *
 * A thread's own sets only: call before there are others.
 */
#include "profiler/jail/parts.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CAP_NUMBERS 64

struct capability_sets {
	uint64_t effective, permitted, inheritable;
};

static int sets_read(struct capability_sets *ret)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	ret->effective = data[0].effective | (uint64_t)data[1].effective << 32;
	ret->permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	ret->inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
	return 0;
}

static int sets_write(const struct capability_sets *s)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {
		{(uint32_t)s->effective, (uint32_t)s->permitted, (uint32_t)s->inheritable},
		{(uint32_t)(s->effective >> 32), (uint32_t)(s->permitted >> 32),
		 (uint32_t)(s->inheritable >> 32)},
	};

	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

/*
 * Without CAP_SETPCAP the bounding set stays: it only matters to an exec of root, which
 * no_new_privs and seccomp forbid.
 */
static int bounding_limit(uint64_t keep)
{
	int r = 0;

	for (int cap = 0; cap < CAP_NUMBERS; cap++) {
		if (keep & (1ULL << cap) || prctl(PR_CAPBSET_READ, cap, 0, 0, 0) <= 0)
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			r = -errno;
	}
	return r;
}

static int sets_limit(uint64_t keep, struct err *err)
{
	struct capability_sets s;
	int r;

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	r = sets_read(&s);
	if (r < 0)
		return err_set(err, r, "cannot read the capabilities: %s", strerror(-r));
	s.permitted &= keep;
	s.effective = s.permitted;
	s.inheritable = 0;
	r = sets_write(&s);
	if (r < 0)
		return err_set(err, r, "cannot give up capabilities: %s", strerror(-r));
	r = sets_read(&s);
	if (r < 0 || (s.permitted | s.effective) & ~keep || s.inheritable)
		return err_set(err, -EPERM, "capabilities are left that should be gone");
	return 1;
}

void capabilities_drop_bounding(void)
{
	bounding_limit(0);
}

int capabilities_drop(struct err *err)
{
	return sets_limit(0, err);
}

bool capabilities_suffice(uint64_t keep, bool (*try)(void))
{
	struct capability_sets all, some;
	bool suffice;

	if (sets_read(&all) < 0)
		return true;
	some = all;
	some.effective &= keep;
	if (sets_write(&some) < 0)
		return true;
	suffice = try();
	sets_write(&all);
	return suffice;
}

int capabilities_limit(uint64_t keep, struct err *err)
{
	struct capability_sets s;
	int r = sets_read(&s);

	if (r < 0)
		return err_set(err, r, "cannot read the capabilities: %s", strerror(-r));
	r = bounding_limit(keep);
	if (r < 0 && s.effective & (1ULL << CAP_SETPCAP))
		return err_set(err, r, "cannot empty the bounding set: %s", strerror(-r));
	return sets_limit(keep, err);
}
