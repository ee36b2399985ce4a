/*
 * Files kept on disk, by trust domain and build id, in a directory that only its owner writes.
 *
 * Past a limit the files that were not used for longest go; domains other than root's and the
 * owner's have a quarter together. Several processes may use one directory; a struct belongs to one
 * thread, but for file_cache_find() and file_cache_drop().
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Bytes of a build id: shorter ones name nothing. */
#define FILE_CACHE_BUILD_ID_MIN 8
#define FILE_CACHE_BUILD_ID_MAX 64

struct file_cache_limits {
	uint64_t bytes_max; /* of all files */
	uint32_t files_max;
};

struct file_cache;

/*
 * Open the directory, which is made (0700) where it is not there. -EPERM: somebody else owns it or
 * may write to it.
 */
int file_cache_open(const char *path, const struct file_cache_limits *limits,
		    struct file_cache **ret);
struct file_cache *file_cache_close(struct file_cache *c);

/*
 * The file for reading, which counts as used now: a descriptor, the caller's, or -ENOENT.
 */
int file_cache_find(const struct file_cache *c, uint32_t domain, const uint8_t *build_id,
		    size_t bytes);

/* A file without a name, to be written: a descriptor, the caller's, or negative errno. */
int file_cache_begin(const struct file_cache *c);
/*
 * Keep it in place of what was there. Files leave until there is room, this one as well where it
 * alone is more than its domain may have. 0 or negative errno: it is gone once it is closed.
 */
int file_cache_keep(struct file_cache *c, int fd, uint32_t domain, const uint8_t *build_id,
		    size_t bytes);
void file_cache_drop(const struct file_cache *c, uint32_t domain, const uint8_t *build_id,
		     size_t bytes);

uint64_t file_cache_bytes(const struct file_cache *c); /* of all files, as last counted */
