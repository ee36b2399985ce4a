/* In libFuzzer's place: feeds every file of the given folders to the fuzzer once. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define INPUT_BYTES_MAX (1u << 20)

/* In memory of exactly its size, so that a sanitizer sees a read past its end. */
static int replay(const char *folder, const char *name)
{
	char path[4096];
	uint8_t *data = malloc(INPUT_BYTES_MAX), *exact;
	size_t len;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "re");
	if (!f || !data) {
		perror(path);
		free(data);
		return -1;
	}
	len = fread(data, 1, INPUT_BYTES_MAX, f);
	fclose(f);
	exact = realloc(data, len ? len : 1);
	LLVMFuzzerTestOneInput(exact, len);
	free(exact);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned int replayed = 0, failed = 0;

	for (int i = 1; i < argc; i++) {
		DIR *d = opendir(argv[i]);

		for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
			if (e->d_name[0] == '.')
				continue;
			failed += replay(argv[i], e->d_name) < 0;
			replayed++;
		}
		if (d)
			closedir(d);
	}
	printf("%u inputs replayed\n", replayed);
	/* An empty corpus tests nothing. */
	return failed || replayed == 0;
}
