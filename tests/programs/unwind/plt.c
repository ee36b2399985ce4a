/* Calls of nothing through the PLT: a good part of the time is spent in its stubs. */
#include "tests/programs/unwind/case.h"

#include "tests/programs/unwind/plt_called.h"

void case_set_up(const char *variant)
{
	(void)variant;
}

FRAME void call_by_plt(void)
{
	for (int i = 0; i < 200000; i++) {
		called_one();
		called_two();
	}
}

void case_body(void)
{
	call_by_plt();
}
