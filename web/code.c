/* Instructions; see code.h. */
#include "web/code.h"

#include <stdlib.h>

void web_code_done(struct web_code *c)
{
	free(c->row);
	free(c->strings);
	*c = (struct web_code){};
}
