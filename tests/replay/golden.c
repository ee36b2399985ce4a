/*
 * Golden frames and golden failures: cases that bring their own tables, and what the walk must
 * make of them.
 *
 * usage: replay_golden [--all | --write] CASE...
 *
 * --all: together they reach every reason for which a walk ends. --write puts what is found in the
 * place of what is expected, and leaves the other lines: to be reviewed as code.
 */
#include "tests/replay/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * The walk never ends so: sample.bpf.c says the first three before it begins; a record whose table
 * of files is full always has a place for raw frames; and the last two are said of copied stacks,
 * by user space.
 */
static const int not_of_the_walk[] = {ABI_END_NONE,	   ABI_END_COMPAT,     ABI_END_EXEC,
				      ABI_END_NO_MAPPINGS, ABI_END_NOT_COPIED, ABI_END_NO_SNAPSHOT};

static int walk(const char *path, struct replay_case *c, struct replay_kernel *k,
		struct replay_stack *found)
{
	struct err err = {};
	FILE *f = fopen(path, "re");
	int r = f ? 0 : -errno;

	replay_case_init(c);
	if (r == 0)
		r = replay_case_parse(f, c, &err);
	if (f)
		fclose(f);
	if (r == 0)
		r = replay_kernel_init(k);
	if (r == 0)
		r = replay_kernel_load_case(k, c);
	if (r < 0)
		fprintf(stderr, "%s: %s\n", path, err.text[0] ? err.text : strerror(-r));
	else
		replay_walk(k, c, NULL, NULL, found);
	return r;
}

/* A case written and read again is walked the same way. */
static bool comes_back(const struct replay_case *c, const struct replay_kernel *k)
{
	static struct replay_stack found;
	struct replay_case again;
	struct err err = {};
	FILE *f = tmpfile();
	bool same = false;

	if (!f)
		return false;
	replay_case_write(c, f);
	rewind(f);
	if (replay_case_parse(f, &again, &err) == 0) {
		replay_walk(k, &again, NULL, NULL, &found);
		same = replay_check(&again, k, &found, stderr) && again.n_frames == c->n_frames &&
		       again.n_tables == c->n_tables;
	} else {
		fprintf(stderr, "%s\n", err.text);
	}
	replay_case_done(&again);
	fclose(f);
	return same;
}

static bool check(const char *path, bool *reached)
{
	static struct replay_stack found;
	struct replay_kernel k = {};
	struct replay_case c;
	bool good = false;

	if (walk(path, &c, &k, &found) == 0) {
		good = replay_check(&c, &k, &found, stderr) && comes_back(&c, &k);
		reached[found.end] = true;
		if (!good)
			fprintf(stderr, "^ %s\n", path);
	}
	replay_kernel_done(&k);
	replay_case_done(&c);
	return good;
}

static bool all_reasons(bool *reached)
{
	bool all = true;

	for (size_t i = 0; i < sizeof(not_of_the_walk) / sizeof(not_of_the_walk[0]); i++)
		reached[not_of_the_walk[i]] = true;
	for (int end = 0; end < ABI_END_COUNT; end++)
		if (!reached[end]) {
			fprintf(stderr, "no case ends %s\n", replay_end_name(end));
			all = false;
		}
	return all;
}

/* All lines but those of the end and the frames. */
static char *facts_of(const char *path)
{
	char *line = NULL, *facts = NULL;
	size_t cap = 0, bytes = 0;
	FILE *f = fopen(path, "re"), *to = open_memstream(&facts, &bytes);

	if (!f || !to)
		abort();
	while (getline(&line, &cap, f) > 0)
		if (strncmp(line, "end ", 4) != 0 && strncmp(line, "frame ", 6) != 0)
			fputs(line, to);
	free(line);
	fclose(f);
	fclose(to);
	return facts;
}

static bool write_found(const char *path)
{
	static struct replay_stack found;
	struct replay_kernel k = {};
	struct replay_case c, result;
	char *facts;
	bool good = walk(path, &c, &k, &found) == 0;
	FILE *f;

	if (good) {
		facts = facts_of(path);
		f = fopen(path, "we");
		if (!f)
			abort();
		fputs(facts, f);
		free(facts);
		replay_case_init(&result);
		if (replay_expect(&result, &k, &found) < 0)
			abort();
		replay_case_write_expected(&result, f);
		fclose(f);
		replay_case_done(&result);
	}
	replay_kernel_done(&k);
	replay_case_done(&c);
	return good;
}

int main(int argc, char **argv)
{
	bool write = argc > 1 && strcmp(argv[1], "--write") == 0;
	bool all = argc > 1 && strcmp(argv[1], "--all") == 0;
	bool reached[ABI_END_COUNT] = {};
	int failed = 0, n = 0;

	for (int i = write || all ? 2 : 1; i < argc; i++, n++)
		failed += !(write ? write_found(argv[i]) : check(argv[i], reached));
	if (all)
		failed += !all_reasons(reached);
	printf("%d cases, %d failed\n", n, failed);
	return failed || n == 0;
}
