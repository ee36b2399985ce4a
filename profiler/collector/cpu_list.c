/* The kernel's CPU lists; see cpu_list.h. */
#include "profiler/collector/cpu_list.h"

#include <errno.h>
#include <string.h>

/* Decimal digits at *at: the number, or -EBADMSG. */
static int number(const char **at)
{
	unsigned int v = 0;

	if (**at < '0' || **at > '9')
		return -EBADMSG;
	for (; **at >= '0' && **at <= '9'; (*at)++) {
		v = v * 10 + (unsigned int)(**at - '0');
		if (v >= CPU_LIST_MAX)
			return -EBADMSG;
	}
	return (int)v;
}

int cpu_list_parse(const char *text, struct cpu_list *ret)
{
	struct cpu_list list = {};
	const char *at = text;

	while (*at && *at != '\n') {
		int first = number(&at), last = first;

		if (first >= 0 && *at == '-') {
			at++;
			last = number(&at);
		}
		if (first < 0 || last < first)
			return -EBADMSG;
		for (int cpu = first; cpu <= last; cpu++)
			list.bits[cpu / 64] |= 1ull << (cpu % 64);
		if (*at == ',' && at[1] >= '0' && at[1] <= '9')
			at++;
		else if (*at && *at != '\n')
			return -EBADMSG;
	}
	*ret = list;
	return 0;
}

bool cpu_list_has(const struct cpu_list *l, unsigned int cpu)
{
	return cpu < CPU_LIST_MAX && (l->bits[cpu / 64] >> (cpu % 64) & 1);
}

unsigned int cpu_list_last(const struct cpu_list *l)
{
	for (unsigned int cpu = CPU_LIST_MAX; cpu-- > 0;)
		if (cpu_list_has(l, cpu))
			return cpu;
	return 0;
}
