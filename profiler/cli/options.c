/*
 * The option parser; see options.h. Values are checked by options_set(), --help is in
 * options_help.c.
 */
#include "profiler/cli/options.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "profiler/base/quantity.h"
#include "profiler/cli/suggest.h"

/* How the parser walks argv: `at` is the next argument, kept ones are moved to the front. */
struct walk {
	const struct options_command *command;
	struct options_result *result;
	char **argv;
	int argc, at, kept;
	bool help, version;
};

bool options_takes_value(enum options_kind kind)
{
	return kind != OPTIONS_FLAG && kind != OPTIONS_FLAG_OFF;
}

const struct options_row *options_find(const struct options_command *command, const char *name)
{
	for (size_t i = 0; i < command->n_rows; i++)
		if (strcmp(command->rows[i].name, name) == 0)
			return &command->rows[i];
	return NULL;
}

static const struct options_row *find_letter(const struct options_command *command, char letter)
{
	for (size_t i = 0; i < command->n_rows; i++)
		if (letter && command->rows[i].letter == letter)
			return &command->rows[i];
	return NULL;
}

const char *options_suggest(const struct options_command *command, const char *typed)
{
	const char *words[OPTIONS_ROWS_MAX + 2] = {"help", "version"};

	for (size_t i = 0; i < command->n_rows; i++)
		words[i + 2] = command->rows[i].name;
	return suggest_nearest(typed, words, command->n_rows + 2);
}

static int set_number(const struct options_row *row, const char *value, struct err *err)
{
	uint64_t v;

	if (quantity_u64(value, row->min, row->max, &v) < 0)
		return err_set(err, -EINVAL, "\"%s\" is not a number from %" PRIu32 " to %" PRIu32,
			       value, row->min, row->max);
	*(uint32_t *)row->to = (uint32_t)v;
	return 0;
}

static int set_duration(const struct options_row *row, const char *value, struct err *err)
{
	if (quantity_duration(value, row->to) < 0)
		return err_set(err, -EINVAL,
			       "\"%s\" is not a duration: a number and one of s, m, h, d, such as "
			       "90s or 30d",
			       value);
	return 0;
}

static int set_seconds(const struct options_row *row, const char *value, struct err *err)
{
	uint64_t ns;

	/* Seconds with decimals are read as a moment since 1970: the same text. */
	if (quantity_duration(value, &ns) < 0 &&
	    (!isdigit((unsigned char)value[0]) || quantity_time(value, 0, &ns) < 0 || ns == 0))
		return err_set(err, -EINVAL,
			       "\"%s\" is not a number of seconds, such as 10, 0.5 or 15m", value);
	*(uint64_t *)row->to = ns;
	return 0;
}

static int set_bytes(const struct options_row *row, const char *value, struct err *err)
{
	uint64_t bytes;

	if (quantity_bytes(value, &bytes) < 0 || bytes == 0)
		return err_set(
			err, -EINVAL,
			"\"%s\" is not a size: bytes, or a number and KB, MB or GB, such as 512MB",
			value);
	*(uint64_t *)row->to = bytes;
	return 0;
}

static int set_time(const struct options_row *row, const char *value, uint64_t now_ns,
		    struct err *err)
{
	if (quantity_time(value, now_ns, row->to) < 0)
		return err_set(err, -EINVAL,
			       "\"%s\" is not a time: 2026-11-20T03:12:00Z, Unix seconds, now, or "
			       "-15m (s, m, h, d)",
			       value);
	return 0;
}

int options_set(const struct options_row *row, const char *value, uint64_t now_ns, struct err *err)
{
	switch (row->kind) {
	case OPTIONS_FLAG:
		*(bool *)row->to = true;
		return 0;
	case OPTIONS_FLAG_OFF:
		*(bool *)row->to = false;
		return 0;
	case OPTIONS_TEXT:
		if (!value[0])
			return err_set(err, -EINVAL, "the value is empty");
		*(const char **)row->to = value;
		return 0;
	case OPTIONS_NUMBER:
		return set_number(row, value, err);
	case OPTIONS_DURATION:
		return set_duration(row, value, err);
	case OPTIONS_SECONDS:
		return set_seconds(row, value, err);
	case OPTIONS_BYTES:
		return set_bytes(row, value, err);
	case OPTIONS_TIME:
		return set_time(row, value, now_ns, err);
	case OPTIONS_PARSED:
		return row->parse(value, row->to, err);
	}
	assert(!"a kind without a case");
	return -EINVAL;
}

/* shown is the option as typed, e.g. "-F" or "--frequency". */
static int take(struct walk *w, const struct options_row *row, const char *shown, const char *value,
		struct err *err)
{
	uint64_t bit = 1ull << (row - w->command->rows);

	if ((w->result->given & bit) && !row->repeatable)
		return err_set(err, -EINVAL, "%s is given twice", shown);
	w->result->given |= bit;
	if (options_set(row, value, w->result->now_ns, err) < 0)
		return err_set(err, -EINVAL, "%s: %s", shown, err_text(err));
	return 0;
}

static bool is_time(const char *arg)
{
	return arg[0] == '-' && isdigit((unsigned char)arg[1]);
}

static bool is_option(const char *arg)
{
	return arg[0] == '-' && arg[1] != '\0' && !is_time(arg);
}

/*
 * The argument after an option, as its value. What looks like another option is a forgotten
 * value, not one.
 */
static const char *next_value(struct walk *w, const struct options_row *row, const char *shown,
			      struct err *err)
{
	if (w->at >= w->argc) {
		err_set(err, -EINVAL, "%s needs a value: %s %s", shown, shown, row->argument);
		return NULL;
	}
	if (is_option(w->argv[w->at])) {
		err_set(err, -EINVAL,
			"%s needs a value: %s %s (one that begins with a dash: --%s=VALUE)", shown,
			shown, row->argument, row->name);
		return NULL;
	}
	return w->argv[w->at++];
}

static int unknown(const struct options_command *command, const char *shown, const char *name,
		   struct err *err)
{
	const char *near = options_suggest(command, name);

	if (near)
		return err_set(err, -EINVAL, "unknown option %s; did you mean --%s?", shown, near);
	return err_set(err, -EINVAL, "unknown option %s", shown);
}

static int take_long(struct walk *w, char *arg, struct err *err)
{
	char name[SUGGEST_WORD_BYTES + 1], shown[SUGGEST_WORD_BYTES + 3];
	const char *value = strchr(arg, '=');
	size_t len = value ? (size_t)(value - arg) - 2 : strlen(arg) - 2;
	const struct options_row *row;

	if (len >= sizeof(name))
		return err_set(err, -EINVAL, "unknown option %s", arg);
	memcpy(name, arg + 2, len);
	name[len] = '\0';
	snprintf(shown, sizeof(shown), "--%s", name);
	row = options_find(w->command, name);
	if (value && (strcmp(name, "help") == 0 || strcmp(name, "version") == 0 ||
		      (row && !options_takes_value(row->kind))))
		return err_set(err, -EINVAL, "%s takes no value", shown);
	if (strcmp(name, "help") == 0 || strcmp(name, "version") == 0) {
		w->help |= name[0] == 'h';
		w->version |= name[0] == 'v';
		return 0;
	}
	if (!row)
		return unknown(w->command, shown, name, err);
	if (!options_takes_value(row->kind))
		return take(w, row, shown, "", err);
	value = value ? value + 1 : next_value(w, row, shown, err);
	return value ? take(w, row, shown, value, err) : -EINVAL;
}

/* -abVALUE: flags, and at most one option with a value at the end. */
static int take_letters(struct walk *w, const char *arg, struct err *err)
{
	for (const char *at = arg + 1; *at; at++) {
		const struct options_row *row = find_letter(w->command, *at);
		char shown[] = {'-', *at, '\0'};
		const char *value;
		int r;

		if (!row && *at == 'h') {
			w->help = true;
			continue;
		}
		if (!row && (at == arg + 1 || options_suggest(w->command, arg + 1)))
			return unknown(w->command, arg, arg + 1, err); /* -from, most likely */
		if (!row)
			return err_set(err, -EINVAL, "unknown option %s in %s", shown, arg);
		if (!options_takes_value(row->kind)) {
			r = take(w, row, shown, "", err);
			if (r < 0)
				return r;
			continue;
		}
		value = at[1] ? at + 1 + (at[1] == '=') : next_value(w, row, shown, err);
		return value ? take(w, row, shown, value, err) : -EINVAL;
	}
	return 0;
}

static int walk_all(struct walk *w, struct err *err)
{
	while (w->at < w->argc) {
		char *arg = w->argv[w->at++];
		int r = 0;

		if (!w->result->dashes && strcmp(arg, "--") == 0) {
			w->result->dashes = true;
			w->result->n_before_dashes = (size_t)(w->kept - 1);
		} else if (w->result->dashes || !is_option(arg)) {
			w->argv[w->kept++] = arg;
		} else if (arg[1] == '-') {
			r = take_long(w, arg, err);
		} else {
			r = take_letters(w, arg, err);
		}
		/* Whoever asks for help gets it, however wrong the rest is. */
		if (w->help || w->version)
			return 1;
		if (r < 0)
			return r;
	}
	return 0;
}

int options_parse(const struct options_command *command, int argc, char **argv,
		  struct options_result *ret, struct err *err)
{
	struct options_result result = {.now_ns = quantity_now_ns()};
	struct walk w = {.command = command,
			 .result = &result,
			 .argv = argv,
			 .argc = argc,
			 .at = 1,
			 .kept = 1};
	struct err own = {};
	int r;

	assert(command->n_rows <= OPTIONS_ROWS_MAX && argc >= 1);
	r = walk_all(&w, err ? err : &own);
	if (w.help)
		options_help(command, stdout);
	else if (w.version)
		printf("hearth %s\n", HEARTH_VERSION);
	if (r != 0)
		return r;
	argv[w.kept] = NULL;
	result.arguments = argv + 1;
	result.n_arguments = (size_t)(w.kept - 1);
	if (!result.dashes)
		result.n_before_dashes = result.n_arguments;
	*ret = result;
	return 0;
}

int options_exit(const struct options_command *command, int r, const struct err *err)
{
	if (r > 0)
		return 0;
	fprintf(stderr, "hearth %s: %s\nTry: hearth %s --help\n", command->name, err_text(err),
		command->name);
	return 2;
}
