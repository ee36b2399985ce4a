/* `hearth serve`: its options and its configuration file; daemon_run() does the work. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/cli/cmd.h"
#include "profiler/cli/config.h"
#include "profiler/daemon.h"
#include "profiler/cli/token.h"
#include "web/server.h"

#define DAY_NS (86400ull * 1000000000)

static struct daemon_options options = {
	.store = CMD_STORE_DEFAULT,
	.listen = CMD_LISTEN_DEFAULT,
	.frequency_hz = CMD_FREQUENCY_DEFAULT,
	.detail_time_ns = 3 * DAY_NS,
	.retention_time_ns = 30 * DAY_NS,
	.retention_bytes = 2000000000,
	.servers.cache_bytes = DEBUG_SERVERS_CACHE_BYTES,
	.sandbox = true,
};
static const char *config;

static int add_host_name(const char *text, void *to, struct err *err)
{
	struct daemon_options *o = to;
	size_t len = strlen(text);

	if (len == 0 || len > 253 ||
	    strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") !=
		    len)
		return err_set(err, -EINVAL, "\"%s\" is not a host name", text);
	if (o->n_host_names == DAEMON_HOST_NAMES_MAX)
		return err_set(err, -E2BIG, "more than %d host names", DAEMON_HOST_NAMES_MAX);
	o->host_names[o->n_host_names++] = text;
	return 0;
}

static int add_source_dir(const char *text, void *to, struct err *err)
{
	struct daemon_options *o = to;

	if (text[0] != '/')
		return err_set(err, -EINVAL, "\"%s\" is not an absolute path", text);
	if (o->n_source_dirs == DAEMON_SOURCE_DIRS_MAX)
		return err_set(err, -E2BIG, "more than %d source directories",
			       DAEMON_SOURCE_DIRS_MAX);
	o->source_dirs[o->n_source_dirs++] = text;
	return 0;
}

static int read_speedscope(const char *text, void *to, struct err *err)
{
	if (!web_url_origin(text))
		return err_set(err, -EINVAL, "\"%s\" is not an http or https URL", text);
	*(const char **)to = text;
	return 0;
}

static int add_label(const char *text, void *to, struct err *err)
{
	return static_labels_add(to, text, err);
}

static const struct options_row rows[] = {
	{.name = "store",
	 .kind = OPTIONS_TEXT,
	 .argument = "FILE",
	 .to = &options.store,
	 .help = "where samples are kept; " CMD_STORE_DEFAULT " unless told"},
	{.name = "listen",
	 .kind = OPTIONS_TEXT,
	 .argument = "ADDR",
	 .to = &options.listen,
	 .help = "ADDR:PORT, [V6]:PORT or unix:PATH of the web page; " CMD_LISTEN_DEFAULT
		 " unless told. Beyond loopback --token-file is required"},
	{.name = "frequency",
	 .letter = 'F',
	 .kind = OPTIONS_NUMBER,
	 .argument = "HZ",
	 .to = &options.frequency_hz,
	 .min = CMD_FREQUENCY_MIN,
	 .max = CMD_FREQUENCY_MAX,
	 .help = "samples a second of each CPU, 19 to 10000; 99 unless told"},
	{.name = "config",
	 .kind = OPTIONS_TEXT,
	 .argument = "FILE",
	 .to = &config,
	 .not_in_config = true,
	 .help = "read options from there; those on the command line win"},
	{.name = "detail-time",
	 .kind = OPTIONS_DURATION,
	 .argument = "DUR",
	 .to = &options.detail_time_ns,
	 .help = "how long every sample keeps its millisecond and thread; then it is rolled up; 3d "
		 "unless told"},
	{.name = "retention-time",
	 .kind = OPTIONS_DURATION,
	 .argument = "DUR",
	 .to = &options.retention_time_ns,
	 .help = "how long samples are kept at all; 30d unless told"},
	{.name = "retention-size",
	 .kind = OPTIONS_BYTES,
	 .argument = "SIZE",
	 .to = &options.retention_bytes,
	 .help = "how large the store may grow; past it the oldest samples are dropped; 2GB unless "
		 "told"},
	{.name = "token-file",
	 .kind = OPTIONS_TEXT,
	 .argument = "FILE",
	 .to = &options.token_file,
	 .help = "ask every request for the token in this file (mode 0600): as Bearer, or as the "
		 "password of Basic"},
	{.name = "host-name",
	 .kind = OPTIONS_PARSED,
	 .argument = "NAME",
	 .to = &options,
	 .parse = add_host_name,
	 .repeatable = true,
	 .help = "a name under which browsers may reach the page, besides localhost and IP "
		 "addresses; "
		 "repeatable"},
	{.name = "source-dir",
	 .kind = OPTIONS_PARSED,
	 .argument = "DIR",
	 .to = &options,
	 .parse = add_source_dir,
	 .repeatable = true,
	 .help = "show source files below this directory in the page, with what each line costs: "
		 "regular ones that everyone may read, up to 4 MB; repeatable; none unless told"},
	{.name = "speedscope",
	 .kind = OPTIONS_PARSED,
	 .argument = "URL",
	 .to = &options.speedscope,
	 .parse = read_speedscope,
	 .help = "where speedscope is installed: the page opens profiles there, and what is served "
		 "from there may read them"},
	{.name = "label",
	 .kind = OPTIONS_PARSED,
	 .argument = "KEY=VALUE",
	 .to = &options.labels,
	 .parse = add_label,
	 .repeatable = true,
	 .help = "give every sample this label, such as zone=eu-1 or another host; repeatable"},
	{.name = "unwind",
	 .kind = OPTIONS_PARSED,
	 .argument = "MODE",
	 .to = &options.unwind,
	 .parse = unwind_mode_parse,
	 .help = "how user stacks are walked: auto (the best there is), fp (by frame pointers "
		 "only) "
		 "or snapshot (copied, and unwound by libunwind: the dearest)"},
	CMD_SERVERS_ROWS(&options.servers),
	{.name = "no-sandbox",
	 .kind = OPTIONS_FLAG_OFF,
	 .to = &options.sandbox,
	 .help = "run all parts with full privileges; for debugging Hearth only"},
};

static const struct options_example examples[] = {
	{"hearth serve", "sample this host; the page is at http://" CMD_LISTEN_DEFAULT "/"},
	{"hearth serve --config /etc/hearth/hearth.conf", "as the systemd unit starts it"},
	{"hearth serve --listen unix:/run/hearth.sock", "for a reverse proxy"},
	{"hearth serve --listen 0.0.0.0:7979 --token-file /etc/hearth/token",
	 "for other hosts, with a token"},
	{},
};

const struct options_command cmd_serve_options = {
	.name = "serve",
	.synopsis = "[OPTION...]",
	.summary = "Sample all CPUs for as long as the host runs, keep weeks of samples in a "
		   "store, and serve its web page.",
	.rows = rows,
	.n_rows = sizeof(rows) / sizeof(rows[0]),
	.notes =
		"DUR is a number and one of s, m, h, d; SIZE is bytes, or a number and KB, MB or "
		"GB (powers of 1000).\n\n"
		"The configuration file has one `key = value` a line; keys are the long names of "
		"these options "
		"(`frequency = 49`, `no-sandbox = false`), and # begins a comment. A key may be "
		"repeated where the option "
		"may be.\n\n"
		"SIGHUP looks at once for debug information that has turned up, packages that were "
		"installed and servers that were asked in vain, and names anew all that is stored "
		"and lacks a name or a source file.\n\n"
		"On loopback without a token every user of this host can read the profiles.\n\n"
		"SIGTERM or Ctrl-C ends it in order. Exit status: 0 good, 1 failed, 2 wrong usage.",
	.examples = examples,
};

static int check(struct err *err)
{
	int local;

	if (options.detail_time_ns > options.retention_time_ns)
		return err_set(err, -EINVAL,
			       "--detail-time is longer than --retention-time: detail cannot "
			       "outlive its samples");
	local = web_listen_is_local(options.listen, err);
	if (local < 0)
		return local;
	if (!local && !options.token_file)
		return err_set(err, -EINVAL,
			       "--listen %s can be reached from other hosts: --token-file FILE is "
			       "required there; or listen on "
			       "127.0.0.1 or unix:PATH behind a reverse proxy",
			       options.listen);
	return 0;
}

/* Checked here so that a wrong file is told before sampling starts. */
static int check_token(struct err *err)
{
	char token[WEB_TOKEN_BYTES + 1];
	int r = token_read(options.token_file, token, sizeof(token), err);

	explicit_bzero(token, sizeof(token));
	return r;
}

int cmd_serve(int argc, char **argv)
{
	static char *text; /* of the configuration; the options borrow from it until the end */
	struct options_result given;
	struct err err = {};
	int r = options_parse(&cmd_serve_options, argc, argv, &given, &err);

	if (r != 0)
		return options_exit(&cmd_serve_options, r, &err);
	if (cmd_no_arguments(&given, &err) < 0)
		return cmd_misused(&cmd_serve_options, &err);
	if (config) {
		r = config_read(&cmd_serve_options, &given, config, &text, &err);
		if (r == -EINVAL)
			return cmd_misused(&cmd_serve_options, &err);
		if (r < 0)
			return cmd_failed(&err);
	}
	cmd_servers_settle(&options.servers);
	if (check(&err) < 0)
		return cmd_misused(&cmd_serve_options, &err);
	if (options.token_file && check_token(&err) < 0)
		return cmd_failed(&err);
	return daemon_run(&options);
}
