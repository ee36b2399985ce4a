/* dlopen() and dlclose() of plugin.c's two variants in turn, mostly at the same address. */
#include "tests/programs/unwind/case.h"

#include <dlfcn.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char paths[2][PATH_MAX + 32];

void case_set_up(const char *variant)
{
	char exe[PATH_MAX] = "";

	(void)variant;
	if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) < 0)
		exit(1);
	dirname(exe);
	snprintf(paths[0], sizeof(paths[0]), "%s/unwind_alpha.so", exe);
	snprintf(paths[1], sizeof(paths[1]), "%s/unwind_beta.so", exe);
}

FRAME void called_back(void)
{
	leaf();
}

FRAME void load(const char *path)
{
	void *object = dlopen(path, RTLD_NOW);
	void (*plugin)(void (*)(void));

	if (!object)
		exit(1);
	*(void **)&plugin = dlsym(object, "plugin");
	plugin(called_back);
	dlclose(object);
}

void case_body(void)
{
	load(paths[0]);
	load(paths[1]);
}
