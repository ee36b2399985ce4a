/*
 * The writer's lock: a file of its own beside the store, FILE.lock, whose content says who serves
 * the store.
 *
 * It is an open file description lock: it goes with the last descriptor of the description that
 * took it, so neither closing another descriptor nor asking who holds it drops it. The file
 * itself stays.
 */
#pragma once

#include "profiler/base/err.h"

#include <stdbool.h>
#include <stddef.h>

#define LOCK_TEXT_BYTES 512

/* -EBUSY: another writer has it. On 0 *ret_fd is the caller's; closing it gives the lock up. */
int lock_take(const char *store_path, int *ret_fd, struct err *err);
int lock_note(int fd, const char *text); /* one line replaces what was there */
void lock_release(int fd); /* empties the file and closes */

/* For readers: a descriptor to ask with later, or -ENOENT where nobody ever wrote. */
int lock_watch(const char *store_path, int *ret_fd);
bool lock_is_held(int fd);
int lock_read(int fd, char *ret_text, size_t text_bytes); /* -ENOENT when nobody holds it */
