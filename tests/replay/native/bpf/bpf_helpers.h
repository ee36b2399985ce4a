/*
 * In libbpf's place where tests/replay/walk.c compiles the kernel's walk natively: what the walk
 * calls, as functions of walk.c, and maps as the structures that their macros declare.
 */
#pragma once

#include <linux/types.h>

#define SEC(name)
#define __uint(name, value)  int(*name)[value]
#define __type(name, value)  __typeof__(value) *name
#define __array(name, value) __typeof__(value) *name[]

#define __noinline	     __attribute__((noinline))

void *bpf_map_lookup_elem(void *map, const void *key);
long bpf_probe_read_user(void *to, __u32 bytes, const void *from);
long bpf_loop(__u32 n, void *step, void *ctx, __u64 flags);
