/* Container, pod and unit of a cgroup path; see cgroup_names.h. */
#include "profiler/collector/cgroup_names.h"

#include <string.h>

#define ID_DIGITS 64

struct part {
	const char *at;
	size_t len;
};

static bool ends_in(struct part p, const char *suffix)
{
	size_t n = strlen(suffix);

	return p.len > n && !memcmp(p.at + p.len - n, suffix, n);
}

static bool begins_with(struct part p, const char *prefix)
{
	size_t n = strlen(prefix);

	return p.len > n && !memcmp(p.at, prefix, n);
}

static bool contains(struct part p, const char *word)
{
	return memmem(p.at, p.len, word, strlen(word)) != NULL;
}

static bool is_id(struct part p)
{
	if (p.len != ID_DIGITS)
		return false;
	for (size_t i = 0; i < p.len; i++)
		if (!strchr("0123456789abcdef", p.at[i]) || !p.at[i])
			return false;
	return true;
}

static bool copy(struct part p, char ret[CGROUP_NAME_BYTES])
{
	if (p.len == 0 || p.len >= CGROUP_NAME_BYTES)
		return false;
	memcpy(ret, p.at, p.len);
	ret[p.len] = '\0';
	return true;
}

static bool is(struct part p, const char *word)
{
	return p.len == strlen(word) && !memcmp(p.at, word, p.len);
}

/* What stands before an id, longer ones before those that they begin with. */
static const struct {
	const char *prefix, *runtime;
} prefixes[] = {
	{"docker-", "docker"}, {"cri-containerd-", "containerd"}, {"nerdctl-", "containerd"},
	{"crio-", "cri-o"},    {"libpod-payload-", "podman"},	  {"libpod-", "podman"},
};

/* The component that a bare id stands below. */
static const struct {
	const char *parent, *runtime;
} parents[] = {
	{"docker", "docker"},
	{"k8s.io", "containerd"},
	{"default", "containerd"},
	{"libpod_parent", "podman"},
};

/* `SLICE:RUNTIME:ID`, as runc is told on hosts where only one side speaks with systemd. */
static bool id_behind_colon(struct part p, struct part *ret, const char **runtime)
{
	static const char mark[] = ":cri-containerd:", crio[] = ":crio:";
	const char *at = memmem(p.at, p.len, mark, strlen(mark));
	size_t n = strlen(mark);

	*runtime = "containerd";
	if (!at) {
		at = memmem(p.at, p.len, crio, strlen(crio));
		n = strlen(crio);
		*runtime = "cri-o";
	}
	if (!at)
		return false;
	*ret = (struct part){at + n, p.len - (size_t)(at + n - p.at)};
	return is_id(*ret);
}

/* The part of a component that is a container id by itself. */
static bool id_of(struct part p, struct part above, struct part *ret, const char **runtime)
{
	if (id_behind_colon(p, ret, runtime))
		return true;
	*runtime = "";
	if (ends_in(p, ".scope"))
		p.len -= strlen(".scope");
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		size_t n = strlen(prefixes[i].prefix);

		if (begins_with(p, prefixes[i].prefix)) {
			p.at += n;
			p.len -= n;
			*runtime = prefixes[i].runtime;
			break;
		}
	}
	for (size_t i = 0; !**runtime && i < sizeof(parents) / sizeof(parents[0]); i++)
		if (is(above, parents[i].parent))
			*runtime = parents[i].runtime;
	if (!is_id(p))
		return false;
	*ret = p;
	return true;
}

static bool lxc_name(struct part p, struct part above, struct part *ret)
{
	size_t n = strlen("lxc.payload.");

	if (begins_with(p, "lxc.payload.")) {
		*ret = (struct part){p.at + n, p.len - n};
		return true;
	}
	if (is(above, "lxc")) {
		*ret = p;
		return true;
	}
	return false;
}

static bool next_part(const char **at, struct part *ret)
{
	while (**at == '/')
		(*at)++;
	if (!**at)
		return false;
	*ret = (struct part){*at, strcspn(*at, "/")};
	*at += ret->len;
	return true;
}

bool cgroup_container(const char *path, char ret[CGROUP_NAME_BYTES], const char **ret_runtime)
{
	struct part p, above = {"", 0}, id;
	const char *runtime, *last = "";
	bool found = false;

	while (next_part(&path, &p)) {
		bool is_container = id_of(p, above, &id, &runtime);

		if (!is_container && lxc_name(p, above, &id)) {
			is_container = true;
			runtime = "lxc";
		}
		if (is_container && copy(id, ret)) {
			last = runtime;
			found = true;
		}
		above = p;
	}
	if (found && ret_runtime)
		*ret_runtime = last;
	return found;
}

#define UID_BYTES    36 /* 8-4-4-4-12 digits */
#define STATIC_BYTES 32 /* of a static pod: the hash of its file */

static bool is_pod_uid(struct part p)
{
	if (p.len != UID_BYTES && p.len != STATIC_BYTES)
		return false;
	for (size_t i = 0; i < p.len; i++) {
		bool dash = p.len == UID_BYTES && (i == 8 || i == 13 || i == 18 || i == 23);

		if (dash ? p.at[i] != '-' && p.at[i] != '_'
			 : !p.at[i] || !strchr("0123456789abcdef", p.at[i]))
			return false;
	}
	return true;
}

/* `podUID`, or `kubepods-QOS-podUID.slice` with '_' for '-', perhaps with more behind a colon. */
static bool pod_of(struct part p, struct part *ret)
{
	const char *colon = memchr(p.at, ':', p.len);
	const char *pod;

	if (colon)
		p.len = (size_t)(colon - p.at);
	if (ends_in(p, ".slice"))
		p.len -= strlen(".slice");
	/* The first "pod" of kubepods is none. */
	if (contains(p, "kubepods"))
		pod = memmem(p.at, p.len, "-pod", 4);
	else
		pod = begins_with(p, "pod") ? p.at : NULL;
	if (!pod)
		return false;
	pod += *pod == '-' ? 4 : 3;
	*ret = (struct part){pod, p.len - (size_t)(pod - p.at)};
	return is_pod_uid(*ret);
}

bool cgroup_pod(const char *path, char ret[CGROUP_NAME_BYTES])
{
	bool below = false, found = false;
	struct part p, uid;

	while (next_part(&path, &p)) {
		below = below || contains(p, "kubepods");
		if (below && pod_of(p, &uid))
			found = copy(uid, ret) || found;
	}
	for (char *at = found ? strchr(ret, '_') : NULL; at; at = strchr(at, '_'))
		*at = '-';
	return found;
}

bool cgroup_unit(const char *path, char ret[CGROUP_NAME_BYTES])
{
	struct part p;
	bool found = false;

	while (next_part(&path, &p))
		if (ends_in(p, ".service") || ends_in(p, ".scope"))
			found = copy(p, ret) || found;
	return found;
}
