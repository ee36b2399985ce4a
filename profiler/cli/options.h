/*
 * Command line options: one table a subcommand, from which come parsing, --help and the keys of
 * the configuration file.
 *
 * `--name VALUE`, `--name=VALUE`, `-n VALUE`, `-nVALUE`; flags may be bundled (`-ab`); `--` ends
 * the options. An argument that begins with `-` and a digit is a time, not an option. An option
 * is given once, unless it is repeatable. Every value is checked here, before anything is opened.
 * `--help`, `-h` and `--version` belong to every table.
 */
#pragma once

#include "profiler/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define OPTIONS_ROWS_MAX 64 /* bits of options_result.given */

enum options_kind {
	OPTIONS_FLAG, /* bool: becomes true */
	OPTIONS_FLAG_OFF, /* bool: becomes false (--no-sandbox) */
	OPTIONS_TEXT, /* const char *: not empty; borrowed from argv or the configuration's text */
	OPTIONS_NUMBER, /* uint32_t in [min, max] */
	OPTIONS_DURATION, /* uint64_t ns: 90s 15m 6h 30d */
	OPTIONS_SECONDS, /* uint64_t ns: seconds with decimals, or as OPTIONS_DURATION */
	OPTIONS_BYTES, /* uint64_t: bytes, or KB MB GB; not 0 */
	OPTIONS_TIME, /* uint64_t ns since 1970 */
	OPTIONS_PARSED, /* by parse */
};

struct options_row {
	const char *name; /* long name, without the dashes */
	char letter; /* 0: none */
	enum options_kind kind;
	const char *argument; /* its name in --help; NULL for flags */
	const char *help;
	void *to;
	uint32_t min, max;
	/*
	 * OPTIONS_PARSED: 0, or negative errno and a sentence that begins with what is wrong, not
	 * with the option's name.
	 */
	int (*parse)(const char *text, void *to, struct err *err);
	bool repeatable;
	bool not_in_config; /* makes no sense as a key of the configuration file */
};

struct options_example {
	const char *line;
	const char *what;
};

struct options_command {
	const char *name; /* "export" */
	const char *synopsis; /* what follows "hearth export" in the usage line */
	const char *summary; /* one sentence */
	const struct options_row *rows;
	size_t n_rows;
	const char *notes; /* paragraphs behind the options; NULL: none */
	const struct options_example *examples; /* ended by a NULL line; NULL: none */
};

struct options_result {
	uint64_t given; /* bit i: rows[i] was on the command line */
	uint64_t now_ns; /* what relative times are relative to */
	char **arguments; /* what is not an option, in argv's own memory; NULL-terminated */
	size_t n_arguments;
	size_t n_before_dashes; /* of them those before `--`; without one all */
	bool dashes; /* there was a `--` */
};

/*
 * argv[0] is the subcommand's name. 0: go on; 1: --help or --version was answered on stdout, the
 * program is done; -EINVAL: wrong usage, the sentence is in err. argv is reordered.
 */
int options_parse(const struct options_command *command, int argc, char **argv,
		  struct options_result *ret, struct err *err);

/*
 * One value into its row: for options_parse() and the configuration file. -EINVAL with a sentence
 * without the name.
 */
int options_set(const struct options_row *row, const char *value, uint64_t now_ns, struct err *err);

/* The row of a long name, or NULL. */
const struct options_row *options_find(const struct options_command *command, const char *name);
/* The long name nearest to a mistyped one, or NULL. */
const char *options_suggest(const struct options_command *command, const char *typed);

bool options_takes_value(enum options_kind kind);

/* The text of --help. */
void options_help(const struct options_command *command, FILE *to);

/*
 * The exit status after options_parse() gave r != 0; tells the sentence of wrong usage on stderr.
 */
int options_exit(const struct options_command *command, int r, const struct err *err);
