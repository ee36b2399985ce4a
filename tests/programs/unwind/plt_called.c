/* See plt.c. */
#include "tests/programs/unwind/plt_called.h"

void called_one(void)
{
}

void called_two(void)
{
}
