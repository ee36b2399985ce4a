/*
 * The subcommands: one row and one cmd_NAME.c each. A subcommand's function gets argv with its
 * own name first and returns the exit status: 0 good, 1 failed, 2 wrong usage.
 */
#pragma once

#include "profiler/base/err.h"
#include "profiler/cli/options.h"
#include "profiler/debug_servers.h"

/* X(identifier, name, one line of help) */
#define CMD_LIST(X)                                                                              \
	X(record, "record", "profile the host, processes or a command, into one file; no store") \
	X(serve, "serve",                                                                        \
	  "sample for as long as the host runs, into a store, and serve its web page")           \
	X(export, "export",                                                                      \
	  "write a range of the store as pprof, folded, JSON, a flame graph, ...")               \
	X(query, "query",                                                                        \
	  "samples over time, top functions and labels of the store, as a table, CSV, JSON")     \
	X(sql, "sql", "a SELECT over the samples of the store")                                  \
	X(import, "import",                                                                      \
	  "add a file's samples to a store: our own, pprof, folded, perf script")                \
	X(merge, "merge", "stores of several hosts into one")                                    \
	X(diff, "diff", "compare two ranges of the store, or files")                             \
	X(top, "top", "the busiest functions of the last seconds, live in the terminal")         \
	X(status, "status", "what the daemon did and lost, and what the store holds")            \
	X(check, "check", "is the whole store sound? and a sound one of what is left")           \
	X(doctor, "doctor", "what this kernel and host offer, what is missing, and what to do")  \
	X(symbolize, "symbolize", "names for addresses of an ELF file")                          \
	X(unwind_table, "unwind-table", "what the unwind-table compiler makes of an ELF file")

#define CMD_DECLARE(id, name, help)          \
	int cmd_##id(int argc, char **argv); \
	extern const struct options_command cmd_##id##_options;
CMD_LIST(CMD_DECLARE)
#undef CMD_DECLARE

#define CMD_STORE_DEFAULT     "/var/lib/hearth/hearth.db"
#define CMD_LISTEN_DEFAULT    "127.0.0.1:7979"
#define CMD_FREQUENCY_DEFAULT 99
#define CMD_FREQUENCY_MIN     19
#define CMD_FREQUENCY_MAX     10000

/*
 * The rows of --debuginfod and --debuginfod-cache, to a struct debug_servers whose cache_bytes is
 * DEBUG_SERVERS_CACHE_BYTES at first; cmd_servers_settle() once the options are known: where none
 * is named, those of the environment, and its proxies.
 */
#define CMD_SERVERS_ROWS(servers)                                                                  \
	{.name = "debuginfod",                                                                     \
	 .kind = OPTIONS_PARSED,                                                                   \
	 .argument = "URL",                                                                        \
	 .to = (servers),                                                                          \
	 .parse = cmd_servers_add,                                                                 \
	 .repeatable = true,                                                                       \
	 .help = "ask this debuginfod server for debug files that are not on this host; "          \
		 "repeatable, and $DEBUGINFOD_URLS unless told. Without either nothing connects"}, \
	{                                                                                          \
		.name = "debuginfod-cache", .kind = OPTIONS_BYTES, .argument = "SIZE",             \
		.to = &(servers)->cache_bytes,                                                     \
		.help = "how much of what they sent is kept; a file of more than a quarter of "    \
			"it is not fetched; 2GB unless told",                                      \
	}
int cmd_servers_add(const char *text, void *to, struct err *err);
void cmd_servers_settle(struct debug_servers *s);

/* The sentence on stderr; the exit status: 1 for what failed, 2 for wrong usage. */
int cmd_failed(const struct err *err);
int cmd_misused(const struct options_command *command, const struct err *err);
/* No arguments besides options are taken: -EINVAL with the sentence where there are some. */
int cmd_no_arguments(const struct options_result *given, struct err *err);
