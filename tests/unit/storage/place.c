/* Directories for tests; see place.h. */
#include "tests/unit/storage/place.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

int place_make(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	const char *tmp = getenv("TMPDIR");

	if (!p)
		return -1;
	umask(022);
	snprintf(p->dir, sizeof(p->dir), "%.40s/hearth-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(p->dir))
		return -1;
	snprintf(p->path, sizeof(p->path), "%s/hearth.db", p->dir);
	*state = p;
	return 0;
}

void place_empty(const struct place *p)
{
	char path[400];
	struct dirent *e;
	DIR *d = opendir(p->dir);

	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s", p->dir, e->d_name);
		unlink(path);
	}
	if (d)
		closedir(d);
}

int place_remove(void **state)
{
	struct place *p = (struct place *)*state;

	place_empty(p);
	rmdir(p->dir);
	free(p);
	return 0;
}

struct store *place_writer(const struct place *p, const struct store_options *options)
{
	struct store *s = NULL;
	struct err err = {};

	if (store_open_writer(p->path, options, &s, &err) < 0)
		fail_msg("%s", err_text(&err));
	return s;
}

struct store *place_reader(const struct place *p)
{
	struct store *s = NULL;
	struct err err = {};

	if (store_open_reader(p->path, &s, &err) < 0)
		fail_msg("%s", err_text(&err));
	return s;
}
