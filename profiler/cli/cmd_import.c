/* `hearth import`: a file of samples, of ours or of another tool, becomes part of a store. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "profiler/base/cleanup.h"
#include "profiler/base/quantity.h"
#include "profiler/cli/cmd.h"
#include "profiler/cli/import_worker.h"
#include "storage/store.h"

#define NS_PER_MS 1000000ull

static const char *store_path = CMD_STORE_DEFAULT;
static int format = IMPORT_UNKNOWN;
static const char *name;
static uint64_t at_ns;

static int parse_format(const char *text, void *to, struct err *err)
{
	int f = import_format_parse(text);

	if (f < 0)
		return err_set(err, -EINVAL, "\"%s\" is not samples, pprof, folded or perf", text);
	*(int *)to = f;
	return 0;
}

static const struct options_row rows[] = {
	{.name = "store",
	 .kind = OPTIONS_TEXT,
	 .argument = "FILE",
	 .to = &store_path,
	 .help = "the store that gets the samples, made where missing; " CMD_STORE_DEFAULT
		 " unless told. No daemon may be writing to it"},
	{.name = "name",
	 .kind = OPTIONS_TEXT,
	 .argument = "NAME",
	 .to = &name,
	 .help = "the label import of all its samples; otherwise the file's name"},
	{.name = "format",
	 .kind = OPTIONS_PARSED,
	 .argument = "FMT",
	 .to = &format,
	 .parse = parse_format,
	 .help = "samples, pprof, folded, perf (the text of perf script); otherwise what its "
		 "beginning says"},
	{.name = "at",
	 .kind = OPTIONS_TIME,
	 .argument = "T",
	 .to = &at_ns,
	 .help = "when it was sampled, for formats that do not know; otherwise when the file was "
		 "written"},
};

static const struct options_example examples[] = {
	{"hearth import --store old.db samples.tsv", "what `hearth export -o samples.tsv` wrote"},
	{"perf script | hearth import --store perf.db --name web-3 -",
	 "samples of perf; then: hearth export --store perf.db -o perf.html"},
	{"hearth import --store go.db --name before cpu.pprof",
	 "a profile of Go; with a second one, --match '{import=\"before\"}' tells them apart"},
	{},
};

const struct options_command cmd_import_options = {
	.name = "import",
	.synopsis = "[OPTION...] FILE",
	.summary = "Add the samples of a file to a store: a sample stream of hearth, a pprof, "
		   "folded stacks or the text of perf script, also with gzip. `-` is stdin. It is "
		   "parsed in the jail, also for root.",
	.rows = rows,
	.n_rows = sizeof(rows) / sizeof(rows[0]),
	.notes = "Imported samples have a label of their own, import, and age by the store's size, "
		 "not by time. A file that is wrong in the middle is imported up to there, and "
		 "told.",
	.examples = examples,
};

/* ---- into the store ---- */

struct import_to {
	struct store *store;
	struct store_feed *feed;
	uint64_t samples;
};

static int take(void *arg, struct profile *p, bool begins, struct err *err)
{
	struct import_to *to = arg;
	uint64_t n = profile_sample_count(p);
	int r = 0;

	if (begins) {
		r = store_feed_new(to->store, p, &to->feed);
		if (r < 0)
			return r;
		store_feed_set_imported(to->feed);
	}
	if (n)
		r = store_feed_flush(to->feed, NULL, false, err);
	if (r >= 0)
		to->samples += n;
	return r;
}

static void leave(void *arg)
{
	struct import_to *to = arg;

	to->feed = store_feed_free(to->feed);
}

static void tell(const struct import_counts *c)
{
	fprintf(stderr, "hearth: imported %" PRIu64 " samples", c->samples);
	if (c->other_events)
		fprintf(stderr, "; left out %" PRIu64 " of other events than the first sample's",
			c->other_events);
	if (c->lines_skipped)
		fprintf(stderr, "; left out %" PRIu64 " lines of stacks that are no frames",
			c->lines_skipped);
	fputc('\n', stderr);
}

static int run(struct import_worker_ask *ask, const char *path, struct err *err)
{
	struct import_to to = {};
	struct import_counts counts = {};
	struct err why = {};
	int r = store_open_writer(store_path, NULL, &to.store, err);

	if (r < 0)
		return r;
	ask->take = take;
	ask->leave = leave;
	ask->arg = &to;
	r = import_worker_run(ask, &counts, &why);
	store_close(to.store);
	if (r < 0 && to.samples)
		return err_set(err, r, "%s: %s; %" PRIu64 " samples before it were imported", path,
			       err_text(&why), to.samples);
	if (r < 0)
		return err_set(err, r, "%s: %s", path, err_text(&why));
	tell(&counts);
	return 0;
}

/* ---- the file ---- */

static int open_file(const char *path, struct stat *st, struct err *err)
{
	_cleanup_close_ int fd = strcmp(path, "-")
					 ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
					 : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

	if (fd < 0 || fstat(fd, st) < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (S_ISDIR(st->st_mode) || S_ISBLK(st->st_mode) || S_ISSOCK(st->st_mode))
		return err_set(err, -EINVAL, "%s: not a file", path);
	return steal_fd(fd);
}

static int put_name(const char *path, struct protocol_import_request *q, struct err *err)
{
	const char *slash = strrchr(path, '/');
	const char *text = name ? name : strcmp(path, "-") ? slash ? slash + 1 : path : "stdin";

	if (strlen(text) > PROTOCOL_IMPORT_NAME_MAX)
		return err_set(err, -EINVAL, "--name is longer than %d bytes",
			       PROTOCOL_IMPORT_NAME_MAX);
	memcpy(q->name, text, strlen(text) + 1);
	return 0;
}

static uint64_t time_of(const struct stat *st)
{
	uint64_t ns = at_ns;

	if (!ns && S_ISREG(st->st_mode) && st->st_mtim.tv_sec > 0)
		ns = (uint64_t)st->st_mtim.tv_sec * 1000 * NS_PER_MS;
	if (!ns)
		ns = quantity_now_ns();
	return ns / NS_PER_MS < IMPORT_TIME_MS_MAX ? ns / NS_PER_MS : IMPORT_TIME_MS_MAX - 1;
}

static int check(const struct options_result *given, struct protocol_import_request *q,
		 struct err *err)
{
	if (given->n_arguments == 0)
		return err_set(err, -EINVAL, "which FILE?");
	if (given->n_arguments > 1)
		return err_set(err, -EINVAL, "one FILE at a time, not also %s",
			       given->arguments[1]);
	return put_name(given->arguments[0], q, err);
}

int cmd_import(int argc, char **argv)
{
	struct import_worker_ask ask = {};
	struct options_result given;
	struct err err = {};
	struct stat st;
	int r = options_parse(&cmd_import_options, argc, argv, &given, &err);

	if (r != 0)
		return options_exit(&cmd_import_options, r, &err);
	if (check(&given, &ask.request, &err) < 0)
		return cmd_misused(&cmd_import_options, &err);
	ask.fd = open_file(given.arguments[0], &st, &err);
	if (ask.fd < 0)
		return cmd_failed(&err);
	ask.owner = st.st_uid;
	ask.request.format = (enum import_format)format;
	ask.request.at_ms = time_of(&st);
	r = run(&ask, given.arguments[0], &err);
	close(ask.fd);
	return r < 0 ? cmd_failed(&err) : 0;
}
