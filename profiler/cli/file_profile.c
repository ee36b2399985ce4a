/* The samples of a file as one profile; see file_profile.h. */
#include "profiler/cli/file_profile.h"

#include <errno.h>
#include <string.h>

#include "profiler/base/cleanup.h"
#include "profiler/base/hash.h"
#include "profiler/cli/file_worker.h"
#include "profiler/cli/import_worker.h"

#define NS_PER_MS 1000000ull

struct reading {
	struct profile *into;
	bool comm_alone;
};

static void add_times(struct profile *into, const struct profile *p)
{
	for (uint32_t i = 0; i < p->n_samples; i++) {
		uint64_t ns = p->samples[i].time_ns;

		if (!into->end_ns || ns < into->start_ns)
			into->start_ns = ns;
		if (ns >= into->end_ns)
			into->end_ns = ns + NS_PER_MS;
	}
}

/* A set with comm and nothing else; or all but the name of the file. */
static void keep_labels(struct profile_labels *l, const struct profile *p, bool comm_alone)
{
	uint32_t n = 0;

	if (comm_alone) {
		*l = (struct profile_labels){
			.has = l->has & (1u << PROFILE_LABEL_COMM),
			.value[PROFILE_LABEL_COMM] = l->value[PROFILE_LABEL_COMM],
		};
		return;
	}
	for (uint32_t i = 0; i < l->n_extra; i++)
		if (strcmp(profile_str(p, l->extra[i].key), IMPORT_LABEL))
			l->extra[n++] = l->extra[i];
	l->n_extra = n;
}

/*
 * A frame of an import is a number of its own file's; here it is what it says, so that equal frames
 * of two files are one.
 */
static uint64_t name_of(const struct profile *p, const struct profile_location *l)
{
	uint64_t name = 0;

	for (uint32_t i = 0; i < l->n_lines; i++) {
		const struct profile_line *line = &p->lines[l->first_line + i];
		const struct profile_function *f = &p->functions[line->function];
		const char *text = profile_str(p, f->name), *file = profile_str(p, f->file);
		uint64_t parts[] = {name, hash_bytes(text, strlen(text)),
				    hash_bytes(file, strlen(file)), line->line, f->start_line};

		name = hash_bytes(parts, sizeof(parts));
	}
	return name;
}

static int merge(struct profile *into, const struct profile *p, bool comm_alone)
{
	_cleanup_free_ struct profile_labels *labels = calloc(p->n_labels + 1ul, sizeof(*labels));
	_cleanup_free_ struct profile_object *objects =
		calloc(p->n_objects + 1ul, sizeof(*objects));
	_cleanup_free_ struct profile_location *locations =
		calloc(p->n_locations + 1ul, sizeof(*locations));
	struct profile batch = *p;

	if (!labels || !objects || !locations)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->n_labels; i++) {
		labels[i] = p->labels[i];
		keep_labels(&labels[i], p, comm_alone);
	}
	for (uint32_t i = 0; i < p->n_objects; i++) {
		objects[i] = p->objects[i];
		objects[i].identity = objects[i].domain = 0;
	}
	for (uint32_t i = 0; i < p->n_locations; i++) {
		locations[i] = p->locations[i];
		if (objects[locations[i].object].kind == PROFILE_OBJECT_SYMBOL)
			locations[i].offset = name_of(p, &p->locations[i]);
	}
	batch.labels = labels;
	batch.objects = objects;
	batch.locations = locations;
	batch.start_ns = into->start_ns;
	batch.end_ns = into->end_ns;
	return profile_merge(into, &batch);
}

static int take(void *arg, struct profile *p, bool begins, struct err *err)
{
	struct reading *reading = arg;

	(void)begins;
	(void)err;
	add_times(reading->into, p);
	return merge(reading->into, p, reading->comm_alone);
}

static void leave(void *arg)
{
	(void)arg;
}

static int read_open(const char *path, int fd, const struct stat *st, struct reading *reading,
		     struct err *err)
{
	struct import_worker_ask ask = {
		.request = {.format = IMPORT_UNKNOWN,
			    .at_ms = st->st_mtim.tv_sec > 0 ? (uint64_t)st->st_mtim.tv_sec * 1000
							    : 0},
		.fd = fd,
		.owner = st->st_uid,
		.take = take,
		.leave = leave,
		.arg = reading,
	};
	struct import_counts counts;

	snprintf(ask.request.name, sizeof(ask.request.name), "%.*s", PROTOCOL_IMPORT_NAME_MAX,
		 strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
	return import_worker_run(&ask, &counts, err);
}

int file_profile_read(const char *path, bool comm_alone, struct profile **ret, struct err *err)
{
	struct reading reading = {.comm_alone = comm_alone};
	struct err why = {};
	struct stat st;
	_cleanup_close_ int fd = file_worker_open(path, &st, &why);
	int r = fd < 0 ? fd : profile_new(true, &reading.into);

	if (r >= 0)
		r = read_open(path, fd, &st, &reading, &why);
	if (r < 0) {
		profile_free(reading.into);
		return err_set(err, r, "%s: %s", path, why.code ? err_text(&why) : strerror(-r));
	}
	*ret = reading.into;
	return 0;
}
