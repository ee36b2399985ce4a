/*
 * Source files below the directories of --source-dir, and nothing else of the file system.
 *
 * The path that debug information has for a file is a hint that anybody may have written: it is
 * never opened. Its last parts are looked for below each directory, as many of them as there are
 * first, without leaving it and through no link. Only regular files that everyone may read are
 * read.
 */
#pragma once

#include "profiler/base/buf.h"
#include "profiler/base/err.h"

#include <stddef.h>
#include <stdint.h>

#define WEB_SOURCE_DIRS_MAX  16
#define WEB_SOURCE_BYTES_MAX (4u << 20)
#define WEB_SOURCE_PARTS_MAX 64 /* of a path; of a longer one the last */

struct web_source_dirs {
	int fd[WEB_SOURCE_DIRS_MAX];
	const char *path[WEB_SOURCE_DIRS_MAX]; /* borrowed */
	size_t n;
};

/*
 * Open them, with the rights of the caller. 0, or negative errno with a sentence, and nothing is
 * open then.
 */
int web_source_open(struct web_source_dirs *d, const char *const *paths, size_t n, struct err *err);
void web_source_close(struct web_source_dirs *d);

/*
 * The last parts of a path, longest first, for ret[0, max): "a/b.c", "b.c" of "/x/../a/./b.c".
 * Pointers into scratch, which has room for strlen(path) + 1 bytes. How many. Pure.
 */
size_t web_source_suffixes(const char *path, char *scratch, const char **ret, size_t max);

struct web_source {
	char *found; /* DIR/SUFFIX; free() */
	struct buf text; /* buf_done() */
	uint64_t modified_ns;
};

/*
 * 0; -ENOENT where none is found; -EACCES: what is there is no regular file or not for everyone;
 * -EFBIG; each with a sentence.
 */
int web_source_read(const struct web_source_dirs *d, const char *path, struct web_source *ret,
		    struct err *err);
void web_source_done(struct web_source *s);
