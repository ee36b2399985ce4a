/* A hash from a name's place in its file to its two readable forms; names.h is the contract. */
#include "symbolizer/names.h"

#include "profiler/base/cleanup.h"
#include "symbolizer/demangle.h"
#include "symbolizer/symbolizer.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define ELLIPSIS "\xe2\x80\xa6"

static void clear(struct names *n)
{
	for (size_t i = 0; i < n->n; i++) {
		free(n->names[i].function);
		free(n->names[i].system);
	}
	free(n->names);
	idmap_done(&n->by_raw);
	n->names = NULL;
	n->n = n->cap = n->bytes = 0;
	n->epoch++;
}

static void drop(struct budget_item *item)
{
	clear((struct names *)((char *)item - offsetof(struct names, item)));
}

void names_init(struct names *n, struct budget *budget)
{
	*n = (struct names){.budget = budget, .item.drop = drop};
}

void names_drop(struct names *n)
{
	if (n->budget)
		budget_forget(n->budget, &n->item);
	clear(n);
}

/* As the file has it, cut like the readable form. */
static char *copy_bounded(const char *raw, size_t len)
{
	size_t room = SYM_NAME_BYTES_MAX - sizeof(ELLIPSIS);
	char *s;

	if (len < SYM_NAME_BYTES_MAX)
		return strndup(raw, len);
	s = malloc(SYM_NAME_BYTES_MAX);
	if (s) {
		memcpy(s, raw, room);
		memcpy(s + room, ELLIPSIS, sizeof(ELLIPSIS));
	}
	return s;
}

static int make_plain(const char *raw, size_t len, struct name *ret)
{
	ret->raw = raw;
	ret->function = copy_bounded(raw, len);
	return ret->function ? 0 : -ENOMEM;
}

static int make(const char *raw, size_t len, struct name *ret)
{
	_cleanup_free_ char *system = copy_bounded(raw, len);
	_cleanup_(buf_done) struct buf out;
	size_t ignored;
	int r;

	buf_init(&out, SYM_NAME_BYTES_MAX + 1);
	if (!system)
		return -ENOMEM;
	/* The copy is what is demangled: the file's own bytes may change meanwhile. */
	r = demangle(system, strlen(system), &out);
	if (r < 0)
		return r;
	buf_add_char(&out, '\0');
	ret->raw = raw;
	ret->function = (char *)buf_steal(&out, &ignored);
	if (!ret->function)
		return -ENOMEM;
	if (strcmp(ret->function, system) != 0)
		ret->system = steal_ptr(system);
	return 0;
}

static int add(struct names *n, uint64_t hash, const struct name *name)
{
	if (n->n == n->cap) {
		size_t cap = n->cap ? n->cap * 2 : 64;
		struct name *bigger = reallocarray(n->names, cap, sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		n->names = bigger;
		n->cap = cap;
	}
	if (idmap_add(&n->by_raw, hash, (uint32_t)n->n) < 0)
		return -ENOMEM;
	n->names[n->n++] = *name;
	n->bytes += sizeof(*name) + 2 * sizeof(struct idmap_slot) + strlen(name->function) + 32;
	n->bytes += name->system ? strlen(name->system) + 32 : 0;
	budget_charge(n->budget, &n->item, n->bytes);
	return 0;
}

static int get(struct names *n, const char *raw, size_t len, bool plain, uint32_t *ret_number)
{
	uint64_t hash = hash_bytes(&raw, sizeof(raw));
	struct name name = {};
	uint32_t at;
	int r;

	for (uint32_t id = idmap_first(&n->by_raw, hash, &at); id != IDMAP_NONE;
	     id = idmap_next(&n->by_raw, hash, &at)) {
		if (n->names[id].raw == raw) {
			budget_touch(&n->item);
			*ret_number = id;
			return 0;
		}
	}
	r = plain ? make_plain(raw, len, &name) : make(raw, len, &name);
	if (r < 0)
		return r;
	r = add(n, hash, &name);
	if (r < 0) {
		free(name.function);
		free(name.system);
		return r;
	}
	*ret_number = (uint32_t)n->n - 1;
	return 0;
}

int names_get(struct names *n, const char *raw, size_t len, uint32_t *ret_number)
{
	return get(n, raw, len, false, ret_number);
}

int names_get_plain(struct names *n, const char *raw, size_t len, uint32_t *ret_number)
{
	return get(n, raw, len, true, ret_number);
}
