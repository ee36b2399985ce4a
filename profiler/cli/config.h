/*
 * The configuration file: the long names of a subcommand's options as keys, one `key = value` a
 * line.
 *
 * Comments begin with `#` at the start of a line or after white space. Flags take `true` or
 * `false`. Repeatable options may be repeated; a key that is not an option's name is an error
 * with its line. What was on the command line wins.
 */
#pragma once

#include "profiler/base/err.h"
#include "profiler/cli/options.h"

#include <stddef.h>

#define CONFIG_BYTES_MAX 65536 /* a file larger than any that a person writes */

/*
 * Set from text (len bytes, and a NUL behind them; changed, and borrowed by what it sets) all
 * that given has not. Pure. 0, or -EINVAL with "NAME:LINE: ..." for the first wrong line.
 */
int config_parse(const struct options_command *command, const struct options_result *given,
		 const char *name, char *text, size_t len, struct err *err);

/*
 * The same from a file. The text is *ret's, the caller's to free once nothing refers to it.
 * -ENOENT, -EFBIG, ...
 */
int config_read(const struct options_command *command, const struct options_result *given,
		const char *path, char **ret, struct err *err);
