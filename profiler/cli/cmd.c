/* How subcommands fail; see cmd.h. */
#include "profiler/cli/cmd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int cmd_failed(const struct err *err)
{
	fprintf(stderr, "hearth: %s\n", err_text(err));
	return 1;
}

int cmd_misused(const struct options_command *command, const struct err *err)
{
	return options_exit(command, -EINVAL, err);
}

int cmd_no_arguments(const struct options_result *given, struct err *err)
{
	if (given->n_arguments == 0)
		return 0;
	return err_set(err, -EINVAL, "unexpected argument \"%s\"", given->arguments[0]);
}

int cmd_servers_add(const char *text, void *to, struct err *err)
{
	return debug_servers_add(to, text, err);
}

void cmd_servers_settle(struct debug_servers *s)
{
	struct err err = {};

	if (s->n == 0)
		debug_servers_add_words(s, getenv(DEBUG_SERVERS_VARIABLE));
	/* Whoever wants a proxy wants no connection without it. */
	if (s->n && debug_servers_add_proxies(s, getenv, &err) < 0) {
		fprintf(stderr, "hearth: no server is asked: %s\n", err_text(&err));
		s->n = 0;
	}
}
