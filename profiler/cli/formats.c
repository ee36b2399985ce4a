/* Which format is meant; see formats.h. */
#include "profiler/cli/formats.h"

#include <errno.h>
#include <string.h>

#include "profiler/cli/suggest.h"
#include "web/export/export.h"

#define FORMAT_WORD(name, text, type, ending, times) text,
static const char *const words[] = {EXPORT_FORMAT_LIST(FORMAT_WORD)};
#undef FORMAT_WORD

int formats_parse(const char *text, void *to, struct err *err)
{
	int format = export_format_parse(text);
	const char *near;

	if (format >= 0) {
		*(int *)to = format;
		return 0;
	}
	near = suggest_nearest(text, words, EXPORT_FORMAT_COUNT);
	return err_set(err, -EINVAL, "unknown format \"%s\"%s%s%s; there are " FORMATS_ALL, text,
		       near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
}

int formats_choose(struct formats_choice *c, const char *path, bool stdout_is_terminal,
		   struct err *err)
{
	c->table = false;
	if (path) {
		int by_ending = export_format_of_path(path);

		if (c->format < 0 && by_ending < 0)
			return err_set(err, -EINVAL,
				       "the ending of %s names no format (.pb.gz .pprof .folded "
				       ".txt .json .speedscope.json "
				       ".html .tsv): give one with --format",
				       path);
		if (c->format < 0)
			c->format = by_ending;
		return 0;
	}
	if (c->format == EXPORT_PPROF && stdout_is_terminal)
		return err_set(
			err, -EINVAL,
			"pprof is binary and stdout is a terminal: write it with -o FILE.pb.gz");
	if (c->format < 0) {
		c->table = stdout_is_terminal;
		c->format = EXPORT_FOLDED;
	}
	return 0;
}
