/* Makes the corpus of the fuzzer of Go's table again: go_corpus DIRECTORY. */
#include <stdio.h>

#include "tests/unit/symbolizer/make_go.h"

static int put(const char *directory, const char *name, const struct make_go *m)
{
	static const uint8_t step[4] = {0x10};
	char path[4096];
	FILE *f;
	int r;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	f = fopen(path, "we");
	if (!f)
		return 1;
	fwrite(step, 1, sizeof(step), f);
	fwrite(m->table.data, 1, m->table.len, f);
	r = ferror(f) != 0;
	return fclose(f) != 0 || r;
}

int main(int argc, char **argv)
{
	static const char *const names[] = {
		[GO_1_16] = "go_1_16", [GO_1_18] = "go_1_18", [GO_1_20] = "go_1_20"};
	int failed = 0;

	if (argc != 2) {
		fprintf(stderr, "usage: go_corpus DIRECTORY\n");
		return 2;
	}
	for (int v = GO_1_16; v <= GO_1_20; v++) {
		struct make_go m;

		make_go((enum go_version)v, &m);
		failed |= put(argv[1], names[v], &m);
		make_go_done(&m);
	}
	return failed;
}
