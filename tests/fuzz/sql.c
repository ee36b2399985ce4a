/*
 * sql.h over any text: what is taken runs over a small store, within a time limit, and writes
 * nothing.
 */
#include "storage/sql.h"

#include "profiler/base/quantity.h"
#include "storage/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIMIT_NS 20000000ull
#define TEXT_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static char folder[] = "/tmp/hearth-fuzz-XXXXXX", path[64];

static void clean_up(void)
{
	static const char *const endings[] = {"", "-wal", "-shm", ".lock"};
	char name[96];

	for (int i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "%s%s", path, endings[i]);
		unlink(name);
	}
	rmdir(folder);
}

static void add_samples(struct profile *p)
{
	struct profile_labels l = {.has = 1u << PROFILE_LABEL_PID | 1u << PROFILE_LABEL_COMM};
	struct profile_object o = {.path = (uint32_t)profile_string(p, "/bin/a")};
	uint32_t object = (uint32_t)profile_object(p, &o);

	for (uint32_t i = 0; i < 64; i++) {
		int64_t stack = profile_stack(p, 0, (uint32_t)profile_location(p, object, i % 7));

		l.value[PROFILE_LABEL_PID] = i % 5;
		l.value[PROFILE_LABEL_COMM] = (uint64_t)profile_string(p, i % 2 ? "a" : "b");
		profile_add_sample(p, 1795000000000000000 + i * 1000000, (uint32_t)stack,
				   (uint32_t)profile_labels(p, &l), 1 + i % 3);
	}
}

static void make_store(void)
{
	struct store_feed *f;
	struct profile *p;
	struct store *s;

	umask(022);
	if (!mkdtemp(folder))
		abort();
	snprintf(path, sizeof(path), "%s/hearth.db", folder);
	atexit(clean_up);
	if (store_open_writer(path, NULL, &s, NULL) < 0 || profile_new(false, &p) < 0)
		abort();
	add_samples(p);
	if (store_feed_new(s, p, &f) < 0 || store_feed_flush(f, NULL, false, NULL) < 0)
		abort();
	store_feed_free(f);
	profile_free(p);
	store_close(s);
}

static int count_row(void *arg, const struct sql_value *values, struct err *err)
{
	(void)values;
	(void)err;
	return ++*(int *)arg > 10000 ? -7 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char text[TEXT_MAX + 1];
	struct sql_ask ask = {.store = path, .row = count_row};
	struct err err = {};
	struct sql *s = NULL;
	uint64_t lost;
	int rows = 0;

	if (!path[0])
		make_store();
	if (len > TEXT_MAX)
		len = TEXT_MAX;
	memcpy(text, data, len);
	text[len] = '\0';
	if (sql_prepare(text, &s, &err) < 0) {
		if (s || !err.text[0])
			abort();
		return 0;
	}
	ask.arg = &rows;
	ask.deadline_ns = quantity_monotonic_ns() + LIMIT_NS;
	if (sql_run(s, &ask, &lost, &err) < 0 && !err.text[0])
		abort();
	sql_free(s);
	return 0;
}
