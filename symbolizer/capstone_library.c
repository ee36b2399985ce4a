/* libcapstone, loaded; see capstone_library.h. */
#include "symbolizer/capstone_library.h"
#include "symbolizer/disassemble.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>

/* The library's own name of the version whose header this is. */
#define LIBRARY		LIBRARY_OF(CS_API_MAJOR)
#define LIBRARY_OF(n)	LIBRARY_NAME(n)
#define LIBRARY_NAME(n) "libcapstone.so." #n

static int load(struct disassembler *d)
{
	d->library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!d->library)
		return -ENOENT;
#define CAPSTONE_LOAD(name)                                                       \
	d->name = (__typeof__(d->name))(uintptr_t)dlsym(d->library, "cs_" #name); \
	if (!d->name)                                                             \
		return -ENOENT;
	CAPSTONE_LIST(CAPSTONE_LOAD)
#undef CAPSTONE_LOAD
	return 0;
}

int disassembler_new(struct disassembler **ret, struct err *err)
{
	struct disassembler *d = calloc(1, sizeof(*d));

	if (!d)
		return err_set(err, -ENOMEM, "no memory to disassemble");
	if (load(d) < 0) {
		disassembler_free(d);
		return err_set(err, -ENOENT,
			       "%s, which disassembles, cannot be loaded (Debian's libcapstone%d)",
			       LIBRARY, CS_API_MAJOR);
	}
	*ret = d;
	return 0;
}

struct disassembler *disassembler_free(struct disassembler *d)
{
	if (d && d->library)
		dlclose(d->library);
	free(d);
	return NULL;
}
