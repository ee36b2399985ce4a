/* Container and unit of a cgroup path; see cgroup_names.h. */
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

/* The part of a component that is a container id by itself. */
static bool id_of(struct part p, struct part *ret)
{
	static const char *const prefixes[] = {"docker-", "cri-containerd-", "crio-", "libpod-",
					       "nerdctl-"};

	if (ends_in(p, ".scope"))
		p.len -= strlen(".scope");
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		size_t n = strlen(prefixes[i]);

		if (begins_with(p, prefixes[i])) {
			p.at += n;
			p.len -= n;
			break;
		}
	}
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
	if (above.len == 3 && !memcmp(above.at, "lxc", 3)) {
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

bool cgroup_container(const char *path, char ret[CGROUP_NAME_BYTES])
{
	struct part p, above = {"", 0}, id;
	bool found = false;

	while (next_part(&path, &p)) {
		if (id_of(p, &id) || lxc_name(p, above, &id))
			found = copy(id, ret) || found;
		above = p;
	}
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
