/* Whether this machine runs the kernel programs; see can_sample.h. */
#include "tests/integration/can_sample.h"

#include "profiler/collector/bpf_object.h"

#include <stdio.h>
#include <unistd.h>

bool can_sample(void)
{
	struct bpf_programs_options options = {.frequency_hz = 99};
	struct bpf_programs *programs = NULL;
	struct err err = {};

	if (geteuid() != 0 || bpf_programs_load(&options, &programs, &err) < 0) {
		printf("skipped: %s\n", geteuid() ? "needs root" : err_text(&err));
		return false;
	}
	bpf_programs_free(programs);
	return true;
}
