/* `hearth merge`: stores of several hosts into one. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "profiler/base/cleanup.h"
#include "profiler/cli/cmd.h"
#include "storage/store.h"

static const char *output;

static const struct options_row rows[] = {
	{.name = "output",
	 .letter = 'o',
	 .kind = OPTIONS_TEXT,
	 .argument = "FILE",
	 .to = &output,
	 .help = "the store that gets all samples, made where missing. No daemon may be writing to "
		 "it"},
};

static const struct options_example examples[] = {
	{"hearth merge -o all.db web-1.db web-2.db",
	 "then, by host: hearth query series --store all.db --by host"},
	{},
};

const struct options_command cmd_merge_options = {
	.name = "merge",
	.synopsis = "-o FILE STORE...",
	.summary = "Add all samples of stores to one. The label host tells them apart.",
	.rows = rows,
	.n_rows = sizeof(rows) / sizeof(rows[0]),
	.notes = "The stores are read only; a daemon may be writing to them. What they had lost is "
		 "lost in the new one too, and told there.\n\n"
		 "Exit status: 0 good, 1 failed (what was added stays), 2 wrong usage.",
	.examples = examples,
};

static bool is_same_file(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static int check(const struct options_result *given, struct err *err)
{
	if (!output)
		return err_set(err, -EINVAL, "into which store? -o FILE");
	if (given->n_arguments == 0)
		return err_set(err, -EINVAL, "which stores?");
	if (given->n_arguments > STORE_MERGE_MAX)
		return err_set(err, -EINVAL, "more than %d stores at once", STORE_MERGE_MAX);
	for (size_t i = 0; i < given->n_arguments; i++) {
		if (is_same_file(output, given->arguments[i]))
			return err_set(err, -EINVAL, "%s would be merged into itself", output);
		for (size_t k = 0; k < i; k++)
			if (is_same_file(given->arguments[k], given->arguments[i]))
				return err_set(err, -EINVAL, "%s is given twice",
					       given->arguments[i]);
	}
	return 0;
}

static void count(void *arg, uint64_t samples)
{
	*(uint64_t *)arg = samples;
}

static int run(const char *const *paths, size_t n, struct err *err)
{
	uint64_t samples = 0;
	struct store *s;
	int r = 0;

	/* Looked at first: a store that is not there is told before the new one is made. */
	for (size_t i = 0; i < n && r >= 0; i++) {
		r = store_open_reader(paths[i], &s, err);
		if (r >= 0)
			store_close(s);
	}
	if (r >= 0)
		r = store_open_writer(output, NULL, &s, err);
	if (r < 0)
		return r;
	r = store_merge(s, paths, n, count, &samples, err);
	store_close(s);
	if (r >= 0)
		fprintf(stderr, "hearth: merged %" PRIu64 " samples of %zu stores into %s\n",
			samples, n, output);
	return r;
}

int cmd_merge(int argc, char **argv)
{
	struct options_result given;
	struct err err = {};
	int r = options_parse(&cmd_merge_options, argc, argv, &given, &err);

	if (r != 0)
		return options_exit(&cmd_merge_options, r, &err);
	if (check(&given, &err) < 0)
		return cmd_misused(&cmd_merge_options, &err);
	r = run((const char *const *)given.arguments, given.n_arguments, &err);
	return r < 0 ? cmd_failed(&err) : 0;
}
