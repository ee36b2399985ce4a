/*
 * `hearth`: finds the subcommand and hands over. A first argument that begins with `@` is a role
 * of one of our own workers, which the jail started.
 */
#include <stdio.h>
#include <string.h>

#include "profiler/cli/cmd.h"
#include "profiler/jail/worker.h"
#include "profiler/cli/suggest.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
#define COMMAND_ROW(id, name, help) {name, cmd_##id, help},
	CMD_LIST(COMMAND_ROW)
#undef COMMAND_ROW
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void usage(FILE *to)
{
	fputs("Usage: hearth COMMAND [OPTION...]\n\nAn always-on CPU profiler for Linux "
	      "hosts.\n\nCommands:\n",
	      to);
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(to, "  %-12s  %s\n", commands[i].name, commands[i].help);
	fputs("\n`hearth COMMAND --help` tells the rest of a command; `hearth --version` the "
	      "version.\n"
	      "\nTo begin with:\n"
	      "  hearth doctor                       does this host have what sampling needs?\n"
	      "  hearth record -d 10 -o cpu.html     ten seconds of the whole host, as a flame "
	      "graph\n"
	      "  hearth serve                        always on, at http://" CMD_LISTEN_DEFAULT
	      "/\n",
	      to);
}

static int unknown(const char *typed)
{
	const char *names[N_COMMANDS], *near;

	for (size_t i = 0; i < N_COMMANDS; i++)
		names[i] = commands[i].name;
	near = suggest_nearest(typed, names, N_COMMANDS);
	if (near)
		fprintf(stderr, "hearth: unknown command \"%s\"; did you mean %s?\n", typed, near);
	else
		fprintf(stderr, "hearth: unknown %s \"%s\"\n",
			typed[0] == '-' ? "option" : "command", typed);
	fputs("Try: hearth --help\n", stderr);
	return 2;
}

/* What was printed has arrived, or the status says that it has not (a full disk behind stdout). */
static int finish(int status)
{
	if ((fflush(stdout) != 0 || ferror(stdout)) && status == 0) {
		fputs("hearth: cannot write to stdout\n", stderr);
		return 1;
	}
	return status;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	if (name[0] == '@')
		return worker_main(argc, argv);
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (strcmp(name, commands[i].name) == 0)
			return finish(commands[i].run(argc - 1, argv + 1));
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
		usage(stdout);
		return finish(0);
	}
	if (strcmp(name, "--version") == 0) {
		printf("hearth %s\n", HEARTH_VERSION);
		return finish(0);
	}
	if (name[0])
		return unknown(name);
	usage(stderr);
	return 2;
}
