/*
 * Feature probes; see features.h. Each asks the kernel for the very thing that sampling will ask
 * for, and gives it back at once. Nothing is concluded from a version.
 */
#include "profiler/features/features.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "profiler/features/features_probes.h"
#include "profiler/debug_servers.h"
#include "profiler/jail/download.h"
#include "profiler/jail/jail.h"

static const struct {
	const char *name;
	bool needed;
} list[FEATURE_COUNT] = {
#define FEATURE_ROW(name, text, needed) {text, needed},
	FEATURE_LIST(FEATURE_ROW)
#undef FEATURE_ROW
};

static void kernel(struct feature *f)
{
	unsigned int major = 0, minor = 0;
	struct utsname name;

	if (uname(&name) < 0 || sscanf(name.release, "%u.%u", &major, &minor) != 2) {
		features_missing(f, "the version is not known", "nobody has tested Hearth here",
				 "try it");
		return;
	}
	if (major > 6 || (major == 6 && minor >= 1))
		features_there(f, "%s, tested from 6.1", name.release);
	else
		features_missing(f, name.release, "untested: below 6.1",
				 "try it; a kernel of 6.1 or later is safer");
}

static void jail_users(struct feature *f, const struct jail_features *jail)
{
	int named = 0;

	for (int role = 0; role < JAIL_ROLE_COUNT; role++)
		named += jail->named_user[role];
	if (named == JAIL_ROLE_COUNT)
		features_there(f, "the workers have users of their own");
	else
		features_missing(
			f, "the users hearth, hearth-web, hearth-fetch were not made",
			"workers run as unused uids of the dynamic range, which no file belongs to",
			"systemd-sysusers with the hearth.sysusers of the package, or nothing");
}

static void jail(struct features *all)
{
	struct jail_features found = {};

	jail_probe(&found);
	jail_users(&all->feature[FEATURE_JAIL_USERS], &found);
	if (found.seccomp)
		features_there(&all->feature[FEATURE_SECCOMP], "system call filters");
	else
		features_missing(
			&all->feature[FEATURE_SECCOMP], "no system call filters",
			"a worker that is taken over by a hostile file can try every system call",
			"a kernel with CONFIG_SECCOMP_FILTER");
	if (found.landlock_abi > 0)
		features_there(&all->feature[FEATURE_LANDLOCK], "ABI %d", found.landlock_abi);
	else
		features_missing(
			&all->feature[FEATURE_LANDLOCK], "not in this kernel, or not enabled",
			"a worker that is taken over may read the files that everybody may read",
			"a kernel with CONFIG_SECURITY_LANDLOCK, and landlock in its lsm= list");
}

static void begin(struct features *ret)
{
	*ret = (struct features){.can_sample = true};
	for (int i = 0; i < FEATURE_COUNT; i++) {
		ret->feature[i].name = list[i].name;
		ret->feature[i].needed = list[i].needed;
	}
}

/* What is quickly asked; all that is needed but for the kernel's types is among it. */
static void probe_quickly(struct features *ret)
{
	features_probe_root(&ret->feature[FEATURE_ROOT]);
	features_probe_bpf(&ret->feature[FEATURE_BPF], &ret->feature[FEATURE_LOCKDOWN]);
	features_probe_ring(&ret->feature[FEATURE_RING_BUFFER]);
	features_probe_perf(&ret->feature[FEATURE_PERF_EVENTS],
			    &ret->feature[FEATURE_HARDWARE_EVENTS]);
}

static void judge(struct features *ret)
{
	for (int i = 0; i < FEATURE_COUNT; i++)
		if (list[i].needed && !ret->feature[i].there)
			ret->can_sample = false;
}

void features_probe(struct features *ret)
{
	begin(ret);
	probe_quickly(ret);
	kernel(&ret->feature[FEATURE_KERNEL]);
	features_probe_btf(&ret->feature[FEATURE_BTF], &ret->feature[FEATURE_MAPPINGS]);
	features_probe_kallsyms(&ret->feature[FEATURE_KALLSYMS]);
	features_probe_cgroup(&ret->feature[FEATURE_CGROUP]);
	jail(ret);
	judge(ret);
}

void features_probe_debuginfod(struct features *ret)
{
	struct feature *f = &ret->feature[FEATURE_DEBUGINFOD];
	static const char *const cost =
		"files without debug information have fewer names, and no lines";
	struct debug_servers servers = {};
	struct download *d = NULL;

	debug_servers_add_words(&servers, getenv(DEBUG_SERVERS_VARIABLE));
	if (download_open(&d, NULL) < 0)
		features_missing(f, "no libcurl, which servers are asked by", cost,
				 "install libcurl4, or packages of debug files");
	else if (servers.n == 0)
		features_missing(f, DEBUG_SERVERS_VARIABLE " names no server", cost,
				 "name one there or in hearth.conf (debuginfod = URL), or install "
				 "packages of debug files");
	else
		features_there(f, "%zu servers, by %.60s", servers.n, download_version(d));
	download_close(d);
}

int features_require(const struct features *f, struct err *err)
{
	for (int i = 0; i < FEATURE_COUNT; i++) {
		const struct feature *one = &f->feature[i];

		if (one->needed && !one->there)
			return err_set(err, -EPERM,
				       "%s: %s; %s. What to do: %s (`hearth doctor` has the rest)",
				       one->name, one->found, one->cost, one->advice);
	}
	return 0;
}

int features_demand(struct err *err)
{
	struct features f;

	begin(&f);
	probe_quickly(&f);
	f.feature[FEATURE_BTF].there = features_has_btf();
	judge(&f);
	if (f.can_sample)
		return 0;
	features_probe(&f);
	return features_require(&f, err);
}
