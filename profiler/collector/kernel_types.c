/* Names of the kernel's types; see kernel_types.h. kernel_types_parse() does the work. */
#include "profiler/collector/kernel_types.h"

#include "profiler/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/btf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define BYTES_MAX  (256u << 20)
#define WANTED_MAX 16
#define UNKNOWN	   UINT32_MAX

/* How much stands behind a type of this kind. */
static uint32_t more_bytes(const struct btf_type *t)
{
	uint32_t n = BTF_INFO_VLEN(t->info);

	switch (BTF_INFO_KIND(t->info)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return sizeof(uint32_t);
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return n * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return n * sizeof(struct btf_enum);
	case BTF_KIND_ENUM64:
		return n * sizeof(struct btf_enum64);
	case BTF_KIND_FUNC_PROTO:
		return n * sizeof(struct btf_param);
	case BTF_KIND_DATASEC:
		return n * sizeof(struct btf_var_secinfo);
	case BTF_KIND_PTR:
	case BTF_KIND_FWD:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_FUNC:
	case BTF_KIND_FLOAT:
	case BTF_KIND_TYPE_TAG:
		return 0;
	default:
		return UNKNOWN;
	}
}

/* strings end in NUL. */
static bool is_wanted(const struct kernel_type *w, const struct btf_type *t, const char *strings,
		      uint32_t strings_bytes)
{
	return BTF_INFO_KIND(t->info) == w->kind && t->name_off < strings_bytes &&
	       strcmp(strings + t->name_off, w->name) == 0;
}

static int walk(const char *types, uint32_t bytes, const char *strings, uint32_t strings_bytes,
		const struct kernel_type *wanted, size_t n, bool *found)
{
	struct btf_type t;

	for (uint32_t at = 0, more; at < bytes; at += (uint32_t)sizeof(t) + more) {
		if (bytes - at < sizeof(t))
			return -EBADMSG;
		memcpy(&t, types + at, sizeof(t));
		more = more_bytes(&t);
		if (more > bytes - at - sizeof(t))
			return -EBADMSG;
		for (size_t i = 0; i < n; i++)
			found[i] |= is_wanted(&wanted[i], &t, strings, strings_bytes);
	}
	return 0;
}

int kernel_types_parse(const void *data, size_t bytes, struct kernel_type *wanted, size_t n)
{
	bool found[WANTED_MAX] = {};
	const char *begin = data;
	struct btf_header h;
	int r;

	if (n > WANTED_MAX)
		return -E2BIG;
	if (bytes < sizeof(h))
		return -EBADMSG;
	memcpy(&h, data, sizeof(h));
	if (h.magic != BTF_MAGIC || h.version != BTF_VERSION || h.hdr_len < sizeof(h) ||
	    h.hdr_len > bytes)
		return -EBADMSG;
	begin += h.hdr_len;
	bytes -= h.hdr_len;
	if (h.type_off > bytes || h.type_len > bytes - h.type_off || h.str_off > bytes ||
	    h.str_len > bytes - h.str_off || !h.str_len || begin[h.str_off + h.str_len - 1])
		return -EBADMSG;
	r = walk(begin + h.type_off, h.type_len, begin + h.str_off, h.str_len, wanted, n, found);
	for (size_t i = 0; i < n && r == 0; i++)
		wanted[i].found = found[i];
	return r;
}

/* Where it cannot be mapped: before Linux 6.16. */
static int read_and_parse(int fd, size_t bytes, struct kernel_type *wanted, size_t n)
{
	_cleanup_free_ char *data = malloc(bytes + 1);
	size_t have = 0;
	ssize_t got = 1;

	if (!data)
		return -ENOMEM;
	while (have < bytes && got > 0) {
		got = read(fd, data + have, bytes - have);
		have += got > 0 ? (size_t)got : 0;
	}
	return got < 0 ? -errno : kernel_types_parse(data, have, wanted, n);
}

int kernel_types_find(const char *path, struct kernel_type *wanted, size_t n)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *data;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size <= 0 || st.st_size > BYTES_MAX)
		return -EBADMSG;
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return read_and_parse(fd, (size_t)st.st_size, wanted, n);
	r = kernel_types_parse(data, (size_t)st.st_size, wanted, n);
	munmap(data, (size_t)st.st_size);
	return r;
}
