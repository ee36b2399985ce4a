/*
 * Fuzzer of demangling. The input is a name as an object has it. Besides memory safety: what comes
 * out is bounded and ended, and a name that is not mangled stays as it is, but for its suffixes.
 */
#include "profiler/base/buf.h"
#include "symbolizer/demangle.h"
#include "symbolizer/symbolizer.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static bool may_be_mangled(const char *name)
{
	const char *rest = name + strspn(name, "_");

	return (rest > name && (*rest == 'Z' || *rest == 'R' || *rest == 'D')) || *name == 'Z';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *name = malloc(len + 1); /* names are ended in the files that they stand in */
	size_t base;
	struct buf out;

	must(name != NULL);
	memcpy(name, data, len);
	name[len] = '\0';
	len = strlen(name);
	if (len) {
		base = demangle_base_len(name, len);
		must(base >= 1 && base <= len);
		buf_init(&out, 1 << 20);
		must(demangle(name, len, &out) == 0 && !out.err);
		must(out.len >= 1 && out.len < SYM_NAME_BYTES_MAX);
		if (!may_be_mangled(name) && base < SYM_NAME_BYTES_MAX - 8)
			must(out.len == base && memcmp(out.data, name, base) == 0);
		buf_done(&out);
	}
	free(name);
	return 0;
}
