/*
 * Unwind tables kept on disk, by trust domain and build id, in a directory that only its owner
 * writes.
 *
 * What is read is checked like a worker's answer: a cut or changed file is a miss. Past
 * TABLE_CACHE_BYTES_MAX the files that were not used for longest go; domains other than root's have
 * a quarter together. One thread uses it.
 */
#pragma once

#include "symbolizer/unwind/unwind.h"

#include <stddef.h>
#include <stdint.h>

#define TABLE_CACHE_BYTES_MAX (128ull << 20)
#define TABLE_CACHE_FILES_MAX 4096
#define TABLE_CACHE_TABLE_MAX (80u << 20) /* bytes of one */

struct table_cache;

/*
 * Open the directory, which is made (0700) where it is not there. -EPERM: somebody else owns it or
 * may write to it.
 */
int table_cache_open(const char *path, struct table_cache **ret);
struct table_cache *table_cache_close(struct table_cache *c);

/* 0 and the table, or -ENOENT. */
int table_cache_get(struct table_cache *c, uint32_t domain, const uint8_t *build_id, size_t bytes,
		    struct unwind_table *ret);
/* Keep it; a failure costs a compilation later, and is nobody's concern. */
void table_cache_put(struct table_cache *c, uint32_t domain, const uint8_t *build_id, size_t bytes,
		     const struct unwind_table *table);
