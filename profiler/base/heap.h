/*
 * The heap of a process that runs for weeks: what it frees goes back to the kernel.
 *
 * By default the C library keeps it: the size from which blocks are mapped by themselves grows to
 * the largest that was freed, and with it what stays at the end of the heap; each thread has a heap
 * of its own. One large file read once would then be paid for ever.
 */
#pragma once

#include <stddef.h>

/* Blocks from here on are mapped, and gone when they are freed. */
#define HEAP_MAPPED_BYTES ((size_t)128 << 10)

/* From here on, for the whole process. To be called before its first thread. */
void heap_settle(void);

/* Give back the pages between blocks, after much was freed. Takes about a ms a 10 MB of heap. */
void heap_trim(void);
