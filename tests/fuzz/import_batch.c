/* The collector's side of an import: any bytes of a worker gone bad are taken or refused. */
#include "profiler/jail/protocol_import.h"

#include <errno.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct protocol_import_rules rules = {.domain = 1, .name = "x"};
	struct protocol_import_request q;
	struct import_counts c;
	struct profile *p;
	int r;

	protocol_import_request_parse(data, len, &q);
	protocol_import_counts_parse(data, len, &c);
	if (protocol_import_batch_is_fresh(data, len) < 0)
		return 0;
	if (profile_new(false, &p) < 0)
		abort();
	r = protocol_import_batch_apply(data, len, &rules, p);
	if (r != 0 && r != -EBADMSG && r != -ENOMEM)
		abort();
	profile_free(p);
	return 0;
}
