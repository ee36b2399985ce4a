/* A set of CPUs in the kernel's list format, "0-3,8,10-11": pure parsing of what /sys says. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define CPU_LIST_MAX 8192 /* CONFIG_NR_CPUS of the largest distribution kernels */

struct cpu_list {
	uint64_t bits[CPU_LIST_MAX / 64];
};

/*
 * 0, or -EBADMSG for what is not a list or names a CPU past CPU_LIST_MAX. An empty list is a list.
 */
int cpu_list_parse(const char *text, struct cpu_list *ret);
bool cpu_list_has(const struct cpu_list *l, unsigned int cpu);
unsigned int cpu_list_last(const struct cpu_list *l); /* the largest, 0 when empty */
