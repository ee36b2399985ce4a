/* hearth serve: what its command line and its configuration become, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "profiler/cli/cmd.h"
#include "profiler/daemon.h"

#define DAY_NS	   (86400ull * 1000000000)
#define STATUS_RAN 42 /* no exit status of serve's own */

/* In daemon.c's place: the options are looked at, nothing is sampled. */
static void (*look)(const struct daemon_options *o);

int daemon_run(const struct daemon_options *options)
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

static int run(const char *line, void (*look_at)(const struct daemon_options *o))
{
	char words[512], *argv[32], *save = NULL;
	int to[2], argc = 0, status = 0;
	ssize_t n, len = 0;
	pid_t child;

	snprintf(words, sizeof(words), "serve %s", line);
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
		status = cmd_serve(argc, argv);
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

static void check_runs(const char *line, void (*look_at)(const struct daemon_options *o))
{
	if (run(line, look_at) != STATUS_RAN)
		fail_msg("serve %s: %s", line, said);
}

static void check_refused(const char *line, const char *sentence)
{
	if (run(line, NULL) != 2 || !strstr(said, sentence))
		fail_msg("serve %s: %s", line, said);
}

static void look_at_defaults(const struct daemon_options *o)
{
	MUST(strcmp(o->store, "/var/lib/hearth/hearth.db") == 0 &&
	     strcmp(o->listen, "127.0.0.1:7979") == 0);
	MUST(o->frequency_hz == 99 && o->detail_time_ns == 3 * DAY_NS &&
	     o->retention_time_ns == 30 * DAY_NS);
	MUST(o->retention_bytes == 2000000000 && !o->token_file && o->n_host_names == 0);
	MUST(o->unwind == UNWIND_MODE_AUTO && o->sandbox);
}

static void look_at_all(const struct daemon_options *o)
{
	MUST(strcmp(o->store, "/x.db") == 0 && strcmp(o->listen, "unix:/x.sock") == 0 &&
	     o->frequency_hz == 49);
	MUST(o->detail_time_ns == DAY_NS && o->retention_time_ns == 2 * DAY_NS &&
	     o->retention_bytes == 5000000);
	MUST(o->n_host_names == 2 && strcmp(o->host_names[0], "a.example") == 0 &&
	     strcmp(o->host_names[1], "b") == 0);
	MUST(o->labels.n == 2 && strcmp(o->labels.label[0].key, "zone") == 0 &&
	     strcmp(o->labels.label[1].value, "x") == 0);
	MUST(o->unwind == UNWIND_MODE_FP && !o->sandbox);
}

static void look_at_config(const struct daemon_options *o)
{
	MUST(strcmp(o->store, "/from/config.db") == 0 && o->frequency_hz == 997 && !o->sandbox);
	MUST(o->n_host_names == 1 && strcmp(o->host_names[0], "flag.example") == 0);
	MUST(o->retention_bytes == 1000000000);
	MUST(o->labels.n == 2 && strcmp(o->labels.label[1].value, "b7") == 0);
}

static void look_at_no_servers(const struct daemon_options *o)
{
	MUST(o->servers.n == 0 && o->servers.cache_bytes == 2000000000);
}

static void look_at_servers(const struct daemon_options *o)
{
	MUST(o->servers.n == 2 && o->servers.cache_bytes == 5000000);
	MUST(strcmp(o->servers.url[0], "https://a") == 0);
	MUST(strcmp(o->servers.url[1], "http://b") == 0);
}

static void look_at_environment(const struct daemon_options *o)
{
	MUST(o->servers.n == 1 && strcmp(o->servers.url[0], "http://env") == 0);
}

static void look_at_token(const struct daemon_options *o)
{
	MUST(strcmp(o->listen, "0.0.0.0:7979") == 0 && o->token_file && o->token_file[0] == '/');
}

static char path[32];

/* A file with this content and mode, at path. */
static void make_file(const char *content, mode_t mode)
{
	int fd;

	snprintf(path, sizeof(path), "/tmp/test_serve_XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static const char *with_file(const char *before, const char *after)
{
	static char line[256];

	snprintf(line, sizeof(line), "%s %s %s", before, path, after);
	return line;
}

static void options_reach_the_daemon(void **state)
{
	(void)state;
	check_runs("", look_at_defaults);
	check_runs("--store /x.db --listen unix:/x.sock -F 49 --detail-time 24h --retention-time "
		   "2d --retention-size "
		   "5MB --host-name a.example --host-name b --label zone=eu --label host=x "
		   "--unwind fp "
		   "--no-sandbox",
		   look_at_all);
}

static void the_configuration_gives_way_to_flags(void **state)
{
	(void)state;
	make_file("# of the test\nstore = /from/config.db\nfrequency = 49\nno-sandbox = true\n"
		  "host-name = config.example\nretention-size = 1GB\n"
		  "label = zone=eu\nlabel = rack=b7\n",
		  0644);
	check_runs(with_file("-F 997 --host-name flag.example --config", ""), look_at_config);
	unlink(path);
	make_file("frequenzy = 49\n", 0644);
	check_refused(with_file("--config", ""),
		      ":1: unknown key \"frequenzy\"; did you mean \"frequency\"?");
	unlink(path);
	make_file("listen = 0.0.0.0:7979\n", 0644);
	check_refused(with_file("--config", ""), "--token-file FILE is required");
	unlink(path);
	assert_int_equal(run(with_file("--config", ""), NULL), 1);
	assert_non_null(strstr(said, "No such file or directory"));
}

static void beyond_loopback_a_token_is_required(void **state)
{
	static const char *const open[] = {"0.0.0.0:7979", "[::]:7979", "192.0.2.1:80"};
	char line[64];

	(void)state;
	for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
		snprintf(line, sizeof(line), "--listen %s", open[i]);
		check_refused(line, "--token-file FILE is required");
	}
	check_runs("--listen [::1]:7979", NULL);
	make_file("s3cret\n", 0600);
	check_runs(with_file("--listen 0.0.0.0:7979 --token-file", ""), look_at_token);
	unlink(path);
	make_file("s3cret\n", 0640);
	assert_int_equal(run(with_file("--token-file", ""), NULL), 1);
	assert_non_null(strstr(said, "has mode 0640"));
	unlink(path);
}

static void servers_are_those_of_the_options_else_of_the_environment(void **state)
{
	(void)state;
	unsetenv("DEBUGINFOD_URLS");
	check_runs("", look_at_no_servers);
	setenv("DEBUGINFOD_URLS", "ima:enforcing http://env/", 1);
	check_runs("", look_at_environment);
	check_runs("--debuginfod https://a --debuginfod http://b/ --debuginfod-cache 5MB",
		   look_at_servers);
	make_file("debuginfod = https://a\ndebuginfod = http://b\ndebuginfod-cache = 5MB\n", 0644);
	check_runs(with_file("--config", ""), look_at_servers);
	unlink(path);
	check_refused("--debuginfod b", "\"b\" is not http://HOST or https://HOST");
	unsetenv("DEBUGINFOD_URLS");
}

static void wrong_usage_is_refused(void **state)
{
	(void)state;
	check_refused("-F 0", "-F: \"0\" is not a number from 19 to 10000");
	check_refused("--listen nowhere", "nowhere");
	check_refused("--detail-time 31d", "--detail-time is longer than --retention-time");
	check_refused("--retention-time 30", "is not a duration");
	check_refused("--retention-size 2TB", "is not a size");
	check_refused("--label pid=5", "pid is told by each sample itself");
	check_refused("--label zone", "\"zone\" is not KEY=VALUE");
	check_refused("--host-name a/b", "\"a/b\" is not a host name");
	check_refused("--store a --store b", "--store is given twice");
	check_refused("now", "unexpected argument \"now\"");
	check_refused("--speedscope ftp://a/", "\"ftp://a/\" is not an http or https URL");
	check_refused("--source-dir x", "\"x\" is not an absolute path");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_reach_the_daemon),
		cmocka_unit_test(the_configuration_gives_way_to_flags),
		cmocka_unit_test(beyond_loopback_a_token_is_required),
		cmocka_unit_test(servers_are_those_of_the_options_else_of_the_environment),
		cmocka_unit_test(wrong_usage_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
