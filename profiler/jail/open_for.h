/*
 * Opening for others: the file that a process has, or had, mapped.
 *
 * The collector may open anything, and the paths that it is told were chosen by whoever ran the
 * process. So a file is opened by what the kernel has (/proc/PID/map_files, /proc/PID/exe) or by
 * its path below that process's root, then the host's; O_PATH first, so that looking at it has no
 * effect; a regular file only; and accepted only if it is the one that was mapped. May block for as
 * long as a dead file server does: for a thread of its own.
 */
#pragma once

#include "bpf/abi.h"
#include "profiler/base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Whose word a file is, as in struct profile_object: 0 root's, UINT32_MAX root's that others may
 * write, else owner + 1.
 */
#define OPEN_FOR_DOMAIN_ROOT	 0
#define OPEN_FOR_DOMAIN_WRITABLE UINT32_MAX
uint32_t open_for_domain(uid_t owner, mode_t mode);

/*
 * /proc/PID of the process that began then (CLOCK_BOOTTIME; 0: of whichever has that pid), O_PATH,
 * the caller's. What is opened below it fails once that process has gone, whoever has its pid by
 * then. -ESRCH.
 */
int open_for_process(uint32_t pid, uint64_t start_ns);

struct open_for {
	struct abi_file_key key; /* of what was mapped */
	uint32_t domain;
	/* another file at its path may be tried: its build id will be compared */
	bool build_id_known;
	uint32_t pid; /* 0: nobody to ask */
	uint64_t start_ns; /* CLOCK_BOOTTIME; 0: not checked */
	uint64_t vm_start, vm_end; /* 0: not known */
	bool is_exe;
	const char *path; /* absolute */
};

/*
 * A descriptor (O_RDONLY, close-on-exec, the caller's) and whether the file is the mapped one by
 * inode, mtime and size; if not, the caller must find the build id equal before it believes a word.
 * Devices are not compared: overlays and btrfs show others. Since a file can be made to agree in
 * all of these, its owner must fit the domain as well, and everybody or that owner be allowed to
 * read it unless even the device agrees: whoever forges an identity gets what is his or everybody's
 * anyway. -ENOENT: it is nowhere; -ESTALE: another file stands there; -EACCES: not to be read for
 * them; or what opening said.
 */
int open_for_mapped(const struct open_for *what, bool *ret_exact, struct err *err);

/*
 * Another file that the words of a file of this domain lead to: path below the directory root
 * (O_PATH), O_RDONLY, the caller's. It must be a regular file of root's or of the domain's owner,
 * and is opened with no other rights than that owner's (for root's files: than everybody's), so
 * that whoever names a path learns nothing that he could not read himself. Gives up the calling
 * thread's supplementary groups, where that is root's. -ENOENT, -EACCES, -ESTALE for what is no
 * regular file, or what opening said.
 */
int open_for_other(int root, const char *path, uint32_t domain);

/*
 * A regular file below root that everybody may read and reach, whoever owns it, O_RDONLY, the
 * caller's; opened with the rights of somebody who owns nothing. Else as above; -EACCES where
 * others may not read it.
 */
int open_for_everyone(int root, const char *path);
