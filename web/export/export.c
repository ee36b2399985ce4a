/* The table of formats; see export.h. */
#include "web/export/export.h"

#include <errno.h>
#include <string.h>

#include "web/export/formats.h"

struct format {
	const char *name, *type, *ending;
	uint64_t times_ns;
};

static const struct format formats[EXPORT_FORMAT_COUNT] = {
#define EXPORT_FORMAT_ROW(ID, text, content_type, file_ending, times) \
	[EXPORT_##ID] = {                                             \
		.name = text, .type = content_type, .ending = file_ending, .times_ns = times},
	EXPORT_FORMAT_LIST(EXPORT_FORMAT_ROW)
#undef EXPORT_FORMAT_ROW
};

struct encoder {
	int (*write)(const struct profile *p, const struct export_options *options, struct buf *out,
		     struct err *err);
	bool knows_diff;
};

static const struct encoder encoders[EXPORT_FORMAT_COUNT] = {
	[EXPORT_PPROF] = {.write = export_pprof_write, .knows_diff = true},
	[EXPORT_FOLDED] = {.write = export_folded_write, .knows_diff = true},
	[EXPORT_JSON] = {.write = export_json_write, .knows_diff = true},
	[EXPORT_SAMPLES] = {.write = export_samples_write},
	[EXPORT_SPEEDSCOPE] = {.write = export_speedscope_write, .knows_diff = true},
	[EXPORT_HTML] = {.write = export_html_write, .knows_diff = true},
	[EXPORT_FLAME] = {.write = export_flame_write, .knows_diff = true},
};

const char *export_format_name(enum export_format f)
{
	return formats[f].name;
}

const char *export_format_type(enum export_format f)
{
	return formats[f].type;
}

const char *export_format_ending(enum export_format f)
{
	return formats[f].ending;
}

uint64_t export_format_times_ns(enum export_format f)
{
	return formats[f].times_ns;
}

bool export_format_compares(enum export_format f)
{
	return encoders[f].knows_diff;
}

int export_format_parse(const char *name)
{
	for (int i = 0; i < EXPORT_FORMAT_COUNT; i++)
		if (!strcmp(formats[i].name, name))
			return i;
	return -ENOENT;
}

static bool ends_with(const char *path, const char *ending)
{
	size_t n = strlen(path), m = strlen(ending);

	return n >= m && !strcmp(path + n - m, ending);
}

int export_format_of_path(const char *path)
{
	/* Longer endings before those that they end in. */
	static const struct {
		const char *ending;
		enum export_format format;
	} endings[] = {
		{".pb.gz", EXPORT_PPROF},
		{".pprof", EXPORT_PPROF},
		{".folded", EXPORT_FOLDED},
		{".txt", EXPORT_FOLDED},
		{".speedscope.json", EXPORT_SPEEDSCOPE},
		{".flame.json", EXPORT_FLAME},
		{".json", EXPORT_JSON},
		{".html", EXPORT_HTML},
		{".tsv", EXPORT_SAMPLES},
	};

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
		if (ends_with(path, endings[i].ending))
			return (int)endings[i].format;
	return -ENOENT;
}

int export_write(enum export_format f, const struct profile *p,
		 const struct export_options *options, struct buf *out, struct err *err)
{
	static const struct export_options none;
	const struct export_options *o = options ? options : &none;

	if (o->base && !encoders[f].knows_diff)
		return err_set(err, -EOPNOTSUPP, "%s cannot hold a comparison; the others can",
			       formats[f].name);
	return encoders[f].write(p, o, out, err);
}
