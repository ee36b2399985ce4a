/* The probes behind features.c: each fills the features that it is named after. */
#pragma once

#include "profiler/features/features.h"

void features_there(struct feature *f, const char *found, ...)
	__attribute__((format(printf, 2, 3)));
void features_missing(struct feature *f, const char *found, const char *cost, const char *advice);

/* By BPF system calls: features_bpf.c */
void features_probe_btf(struct feature *btf, struct feature *mappings);
bool features_has_btf(void); /* false: that is to be looked at */
void features_probe_bpf(struct feature *bpf, struct feature *lockdown);
void features_probe_ring(struct feature *ring);

/* By everything else: features_host.c */
void features_probe_root(struct feature *root);
void features_probe_perf(struct feature *events, struct feature *hardware);
void features_probe_kallsyms(struct feature *kallsyms);
void features_probe_cgroup(struct feature *cgroup);
