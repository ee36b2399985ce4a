/* malloc's own settings, which are glibc's; see heap.h. */
#include "profiler/base/heap.h"

#include <malloc.h>

#define KEPT_BYTES (256 << 10) /* at the end of the heap */
#define ARENAS	   1 /* the threads of one process mostly wait */

void heap_settle(void)
{
	/* Setting either size ends their growing. */
	mallopt(M_MMAP_THRESHOLD, (int)HEAP_MAPPED_BYTES);
	mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
	mallopt(M_ARENA_MAX, ARENAS);
}

void heap_trim(void)
{
	malloc_trim(0);
}
