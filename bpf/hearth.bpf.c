// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The kernel programs as one object: bpftool cannot link objects that call the same kfunc. */
#include "bpf/sample.bpf.c"
#include "bpf/mapping.bpf.c"
#include "bpf/describe.bpf.c"
#include "bpf/unwind.bpf.c"
#include "bpf/process.bpf.c"
#include "bpf/running.bpf.c"
