/* The tables of the loaded kernel programs: tables.h over bpf_object.h. */
#pragma once

#include "profiler/collector/bpf_object.h"
#include "profiler/collector/tables.h"

/* programs outlives the tables. 0 or -ENOMEM. */
int tables_kernel_new(struct bpf_programs *programs, struct tables **ret);
