/* In libbpf's place: no kernel structure is there, and the walk itself reads none. */
#pragma once

#define bpf_core_field_exists(field) 0
#define BPF_CORE_READ(from, ...)     ((void)(from), (void *)0)
