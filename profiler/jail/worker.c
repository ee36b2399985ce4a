/* Which role our binary was started in, and what the roles have in common; see worker.h. */
#include "profiler/jail/worker.h"
#include "profiler/base/wire.h"
#include "profiler/jail/protocol.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define TELL_MS 1000

const char *worker_arg(const char *arg, const char *name)
{
	size_t len = strlen(name);

	return strncmp(arg, name, len) == 0 ? arg + len : NULL;
}

int worker_close(enum jail_role role, bool sandbox, const struct jail_dirs *readable,
		 struct err *err)
{
	return sandbox ? jail_enter(role, role != JAIL_SYMBOLIZER, readable, err)
		       : jail_bind_to_parent(err);
}

int worker_hello(int bits)
{
	struct wire_msg m;
	int r;

	wire_msg_init(&m, PROTOCOL_HELLO, 0);
	buf_add_u32(&m.body, (uint32_t)bits);
	r = wire_send(JAIL_SOCK, &m, TELL_MS);
	wire_msg_done(&m);
	return r;
}

void worker_failed(const struct err *err)
{
	struct wire_msg m;

	wire_msg_init(&m, PROTOCOL_FAILED, 0);
	protocol_failed_write(&m.body, err->code, err_text(err));
	wire_send(JAIL_SOCK, &m, TELL_MS);
	wire_msg_done(&m);
}

/* Somebody typed it: there is no socket where jail_start() leaves one. */
static bool is_started_by_us(void)
{
	struct ucred creator;
	socklen_t len = sizeof(creator);
	int domain = 0;
	socklen_t domain_len = sizeof(domain);

	return getsockopt(JAIL_SOCK, SOL_SOCKET, SO_DOMAIN, &domain, &domain_len) == 0 &&
	       domain == AF_UNIX &&
	       getsockopt(JAIL_SOCK, SOL_SOCKET, SO_PEERCRED, &creator, &len) == 0 &&
	       creator.pid > 0;
}

int worker_main(int argc, char **argv)
{
	static const struct {
		enum jail_role role;
		int (*run)(char **args, bool sandbox);
	} roles[] = {{JAIL_SYMBOLIZER, worker_symbolizer},
		     {JAIL_WEB, worker_web},
		     {JAIL_FETCHER, worker_fetcher}};
	char **args = argv + 2;
	bool sandbox = true;
	char name[16];

	if (argc < 2 || !is_started_by_us()) {
		fprintf(stderr,
			"hearth: roles that begin with '@' are for hearth itself to start\n");
		return 2;
	}
	if (argc > 2 && strcmp(args[0], JAIL_NO_SANDBOX) == 0) {
		sandbox = false;
		args++;
	}
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		if (strcmp(argv[1] + 1, jail_role_name(roles[i].role)) != 0)
			continue;
		/* Exec of /proc/self/exe calls every process "exe". */
		snprintf(name, sizeof(name), "hearth-%s", argv[1] + 1);
		prctl(PR_SET_NAME, name);
		return roles[i].run(args, sandbox);
	}
	fprintf(stderr, "hearth: there is no role %s\n", argv[1]);
	return 2;
}
