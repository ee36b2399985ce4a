/*
 * /proc/PID/maps, parsed: the mappings of a process, one a line (proc_pid_maps(5)).
 *
 * Whoever runs the process chooses its paths and how many lines there are, so every field is
 * checked. What a mapping is good for is not decided here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longer lines are corrupt: PATH_MAX bytes of newlines, each written as four, and the numbers. */
#define PROCMAPS_LINE_BYTES (4 * 4096 + 256)

enum procmaps_perm {
	PROCMAPS_READ = 1,
	PROCMAPS_WRITE = 2,
	PROCMAPS_EXEC = 4,
	PROCMAPS_SHARED = 8,
};

struct procmaps_mapping {
	uint64_t start; /* [start, end) */
	uint64_t end;
	uint64_t offset; /* of start in the file, bytes */
	uint64_t inode; /* 0: no file */
	uint32_t major, minor; /* of the file system, as the kernel keeps it: not stat's on btrfs */
	uint32_t perms; /* enum procmaps_perm */
	const char *path; /* points into the line, as written there; "[vdso]" and the like too */
	size_t path_len; /* without " (deleted)" */
	bool deleted; /* the path ended in " (deleted)", which a file's name may as well */
};

/* One line without its newline. 0, or -EBADMSG with *ret untouched. Pure. */
int procmaps_parse_line(const char *line, size_t len, struct procmaps_mapping *ret);

/*
 * The mapping's path into ret, ended by NUL and cut to fit cap > 0 bytes; its length. The kernel
 * writes a newline as \012 and nothing else: a name that holds these four characters reads as a
 * newline.
 */
size_t procmaps_path(const struct procmaps_mapping *m, char *ret, size_t cap);

/*
 * Call take for each line of fd, from where it stands to its end. 0, -EBADMSG, -ENOMEM, errno of
 * reading, or what take returned below 0, which ends the reading. The mappings are read in pieces
 * while the process runs: neighbours may be of different moments, and overlap.
 */
typedef int (*procmaps_take)(void *context, const struct procmaps_mapping *m);
int procmaps_each(int fd, procmaps_take take, void *context);
