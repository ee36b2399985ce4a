/* hearth record: what its command line becomes, and what is refused before anything is sampled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "profiler/cli/cmd.h"
#include "profiler/record.h"

#define STATUS_RAN 42 /* no exit status of record's own */

/* In record.c's place: the options are looked at, nothing is sampled. */
static void (*look)(const struct record_options *o);

int record_run(const struct record_options *options)
{
	if (look)
		look(options);
	return STATUS_RAN;
}

/*
 * Options are globals of the program, so each run is a process of its own. Its stdout is a pipe,
 * as in a script; said has what stderr got.
 */
static char said[4096];

static int run(const char *line, void (*look_at)(const struct record_options *o))
{
	char words[512], *argv[32], *save = NULL;
	int to[2], argc = 0, status = 0;
	ssize_t n, len = 0;
	pid_t child;

	snprintf(words, sizeof(words), "record %s", line);
	for (char *w = strtok_r(words, " ", &save); w && argc < 31; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	argv[argc] = NULL;
	assert_int_equal(pipe2(to, O_CLOEXEC), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		dup2(to[1], STDOUT_FILENO);
		dup2(to[1], STDERR_FILENO);
		look = look_at;
		status = cmd_record(argc, argv);
		fflush(stdout);
		_exit(status);
	}
	close(to[1]);
	while ((n = read(to[0], said + len, sizeof(said) - 1 - (size_t)len)) > 0)
		len += n;
	said[len] = '\0';
	close(to[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* In the child, where cmocka's asserts have nowhere to jump to. */
#define MUST(condition)                                           \
	do {                                                      \
		if (!(condition)) {                               \
			fprintf(stderr, "not: %s\n", #condition); \
			_exit(99);                                \
		}                                                 \
	} while (0)

static void check_runs(const char *line, void (*look_at)(const struct record_options *o))
{
	if (run(line, look_at) != STATUS_RAN)
		fail_msg("record %s: %s", line, said);
}

static void check_refused(const char *line, const char *sentence)
{
	if (run(line, NULL) != 2 || !strstr(said, sentence))
		fail_msg("record %s: %s", line, said);
}

static void look_at_defaults(const struct record_options *o)
{
	MUST(o->frequency_hz == 99 && o->duration_ns == 0 && o->n_pids == 0 && !o->cgroup);
	MUST(!o->user_only && !o->kernel_only && o->unwind == UNWIND_MODE_AUTO && o->sandbox);
	MUST(!o->to_terminal && o->format == EXPORT_FOLDED && !o->output && !o->command &&
	     !o->json);
}

static void look_at_all(const struct record_options *o)
{
	MUST(o->frequency_hz == 997 && o->duration_ns == 1500000000);
	MUST(o->n_pids == 3 && o->pids[0] == 12 && o->pids[1] == 4194304 && o->pids[2] == 7);
	MUST(o->kernel_only && !o->user_only && o->unwind == UNWIND_MODE_FP && !o->sandbox &&
	     o->json);
	MUST(o->format == EXPORT_SPEEDSCOPE && strcmp(o->output, "x.speedscope.json") == 0);
}

static void look_at_command(const struct record_options *o)
{
	MUST(o->format == EXPORT_PPROF && strcmp(o->output, "x.pb.gz") == 0);
	MUST(strcmp(o->command[0], "ls") == 0 && strcmp(o->command[1], "-d") == 0 &&
	     strcmp(o->command[2], "--") == 0);
	MUST(!o->command[3] && o->duration_ns == 0);
}

static void look_at_stdout(const struct record_options *o)
{
	MUST(!o->output && o->format == EXPORT_PPROF && !o->to_terminal);
}

static void look_at_cgroup(const struct record_options *o)
{
	MUST(strcmp(o->cgroup, "/system.slice") == 0 && o->user_only && o->format == EXPORT_JSON);
}

static void options_reach_the_recorder(void **state)
{
	(void)state;
	check_runs("", look_at_defaults);
	check_runs("-F 997 -d 1.5 -p 12,4194304 -p 7,12 --kernel --unwind=fp --no-sandbox --json "
		   "-o x.speedscope.json",
		   look_at_all);
	check_runs("-o x.pb.gz -- ls -d --", look_at_command);
	check_runs("--format pprof -o -", look_at_stdout);
	check_runs("--cgroup /system.slice --user --format json", look_at_cgroup);
	check_runs("-o x.weird --format html", NULL);
}

static void wrong_usage_is_refused(void **state)
{
	(void)state;
	check_refused("-F 0", "-F: \"0\" is not a number from 19 to 10000");
	check_refused("-F 18", "from 19 to 10000");
	check_refused("-F 10001", "from 19 to 10000");
	check_refused("-d -1", "not a number of seconds");
	check_refused("-p 0", "\"0\" is not a process id");
	check_refused("-p 1,,2", "not a list of process ids");
	check_refused("-p 1,", "not a list of process ids");
	check_refused("-p 4194305", "is not a process id");
	check_refused("-p x", "is not a process id");
	check_refused("--user --kernel", "exclude each other");
	check_refused("-p 1 --cgroup /x", "exclude each other");
	check_refused("--unwind=dwarf", "unknown mode \"dwarf\"; there are auto");
	check_refused("--format flamegraph", "unknown format \"flamegraph\"");
	check_refused("-o x.weird", "the ending of x.weird names no format");
	check_refused("ls", "a command follows --: hearth record -- ls");
	check_refused("--", "without a command");
	check_refused("-- ls", "say with -o FILE");
	check_refused("-p 1 -o x.json -- ls", "neither -p nor --cgroup");
}

static void help_is_no_failure(void **state)
{
	(void)state;
	assert_int_equal(run("--help", NULL), 0);
	assert_non_null(strstr(said, "Usage: hearth record [OPTION...] [-- COMMAND ARG...]\n"));
	assert_int_equal(run("-F 0 --help", NULL), 2); /* what is wrong before it is told first */
	assert_int_equal(run("--version", NULL), 0);
	assert_string_equal(said, "hearth " HEARTH_VERSION "\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_reach_the_recorder),
		cmocka_unit_test(wrong_usage_is_refused),
		cmocka_unit_test(help_is_no_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
