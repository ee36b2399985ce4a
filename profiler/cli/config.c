/* The configuration file; see config.h. */
#include "profiler/cli/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "profiler/base/cleanup.h"

struct reading {
	const struct options_command *command;
	const struct options_result *given;
	const char *name;
	unsigned int line;
	uint64_t seen; /* rows that the file has set */
};

static char *trim(char *s)
{
	size_t len;

	s += strspn(s, " \t\r");
	len = strlen(s);
	while (len && strchr(" \t\r", s[len - 1]))
		len--;
	s[len] = '\0';
	return s;
}

/* Cut the comment off. */
static void uncomment(char *s)
{
	for (char *at = s; *at; at++) {
		if (*at == '#' && (at == s || at[-1] == ' ' || at[-1] == '\t')) {
			*at = '\0';
			return;
		}
	}
}

static int wrong_key(const struct reading *r, const char *key, struct err *err)
{
	const char *near = options_suggest(r->command, key);
	const struct options_row *row = near ? options_find(r->command, near) : NULL;

	if (row && !row->not_in_config)
		return err_set(err, -EINVAL, "%s:%u: unknown key \"%s\"; did you mean \"%s\"?",
			       r->name, r->line, key, near);
	return err_set(err, -EINVAL, "%s:%u: unknown key \"%s\"", r->name, r->line, key);
}

static int set_flag(const struct options_row *row, const char *value, struct err *err)
{
	bool on = strcmp(value, "true") == 0;

	if (!on && strcmp(value, "false") != 0)
		return err_set(err, -EINVAL, "\"%s\" is neither true nor false", value);
	*(bool *)row->to = on == (row->kind == OPTIONS_FLAG);
	return 0;
}

static int set(struct reading *r, const char *key, const char *value, struct err *err)
{
	const struct options_row *row = options_find(r->command, key);
	uint64_t bit;
	int error;

	if (!row || row->not_in_config)
		return wrong_key(r, key, err);
	bit = 1ull << (row - r->command->rows);
	if ((r->seen & bit) && !row->repeatable)
		return err_set(err, -EINVAL, "%s:%u: \"%s\" is given twice", r->name, r->line, key);
	r->seen |= bit;
	if (r->given->given & bit)
		return 0;
	if (!options_takes_value(row->kind))
		error = set_flag(row, value, err);
	else
		error = options_set(row, value, r->given->now_ns, err);
	if (error < 0)
		return err_set(err, -EINVAL, "%s:%u: %s: %s", r->name, r->line, key, err_text(err));
	return 0;
}

static int read_line(struct reading *r, char *line, struct err *err)
{
	char *value;

	uncomment(line);
	line = trim(line);
	if (!line[0])
		return 0;
	value = strchr(line, '=');
	if (!value)
		return err_set(err, -EINVAL, "%s:%u: not `key = value`: \"%s\"", r->name, r->line,
			       line);
	*value++ = '\0';
	line = trim(line);
	if (!line[0])
		return err_set(err, -EINVAL, "%s:%u: a value without its key", r->name, r->line);
	return set(r, line, trim(value), err);
}

int config_parse(const struct options_command *command, const struct options_result *given,
		 const char *name, char *text, size_t len, struct err *err)
{
	struct reading r = {.command = command, .given = given, .name = name};
	struct err own = {};
	char *at = text;

	if (memchr(text, '\0', len))
		return err_set(err, -EINVAL, "%s: not a text file", name);
	while (at) {
		char *next = strchr(at, '\n');
		int error;

		if (next)
			*next++ = '\0';
		r.line++;
		error = read_line(&r, at, err ? err : &own);
		if (error < 0)
			return error;
		at = next;
	}
	return 0;
}

/* All of a small file, and a NUL. */
static int read_text(const char *path, char **ret, size_t *ret_len, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_cleanup_free_ char *text = NULL;
	struct stat st;
	size_t len = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, -errno, "cannot read the configuration %s: %s", path,
			       strerror(errno));
	if (S_ISDIR(st.st_mode))
		return err_set(err, -EISDIR, "the configuration %s is a directory", path);
	text = malloc(CONFIG_BYTES_MAX + 1);
	if (!text)
		return err_set(err, -ENOMEM, "no memory for the configuration %s", path);
	for (;;) {
		ssize_t n = read(fd, text + len, CONFIG_BYTES_MAX + 1 - len);

		if (n < 0)
			return err_set(err, -errno, "cannot read the configuration %s: %s", path,
				       strerror(errno));
		len += (size_t)n;
		if (len > CONFIG_BYTES_MAX)
			return err_set(err, -EFBIG, "the configuration %s has more than %d bytes",
				       path, CONFIG_BYTES_MAX);
		if (n == 0)
			break;
	}
	text[len] = '\0';
	*ret = steal_ptr(text);
	*ret_len = len;
	return 0;
}

int config_read(const struct options_command *command, const struct options_result *given,
		const char *path, char **ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	int r = read_text(path, &text, &len, err);

	if (r < 0)
		return r;
	r = config_parse(command, given, path, text, len, err);
	if (r < 0)
		return r;
	*ret = steal_ptr(text);
	return 0;
}
