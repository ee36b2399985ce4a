/*
 * --format and -o: which format is meant, by name, by the file's ending, or by where stdout goes.
 */
#pragma once

#include "profiler/base/err.h"
#include "profiler/cli/options.h"

#include <stdbool.h>

#define FORMATS_ALL "pprof, folded, json, samples, speedscope, html, flame"

struct formats_choice {
	int format; /* enum export_format, or -1: not given */
	bool table; /* stdout is a terminal and nothing else was asked for: a readable table */
};

/* For options_row.parse: an int, enum export_format. */
int formats_parse(const char *text, void *to, struct err *err);

/*
 * c->format as given (-1: not), path as given (NULL: stdout). -EINVAL: an ending that says
 * nothing, or bytes for a terminal.
 */
int formats_choose(struct formats_choice *c, const char *path, bool stdout_is_terminal,
		   struct err *err);
