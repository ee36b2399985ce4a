/*
 * html: the viewer and one profile in a single file that needs no server.
 *
 * index.html has its style and its script inside (web/assets.h). Its links are taken out, the
 * title is another, and before the body, so that the first that is painted is the graph, come the
 * two parts of a flame profile (elements `hearth-report`, JSON, and `hearth-columns`, base64). Data
 * cannot become code: the JSON writer escapes `<`, and the page's policy runs that one script
 * alone, and loads nothing.
 */
#include "web/export/html.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "profiler/base/cleanup.h"
#include "profiler/base/json.h"
#include "web/export/flame.h"
#include "web/export/formats.h"

static const struct web_asset *asset_find(const struct web_asset *assets, size_t n,
					  const char *path)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(assets[i].path, path))
			return &assets[i];
	return NULL;
}

static void add_text(struct buf *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '<')
			buf_add_str(out, "&lt;");
		else if (*s == '&')
			buf_add_str(out, "&amp;");
		else
			buf_add_char(out, *s);
	}
}

/* In the title's place, so that the policy stands before what it is for. */
static void add_head(const char *policy, const char *title, struct buf *out)
{
	buf_printf(out,
		   "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		   "%s; img-src data:; base-uri 'none'; form-action 'none'\">\n<title>",
		   policy);
	add_text(out, title);
	buf_add_str(out, "</title>");
}

static void begin_data(const char *type, const char *id, struct buf *out)
{
	buf_printf(out, "<script type=\"%s\" id=\"%s\">", type, id);
}

/* JSON of ours, whose writer escapes `<`. */
static void add_json(const char *id, const struct buf *text, struct buf *out)
{
	if (!text || !text->len)
		return;
	begin_data("application/json", id, out);
	buf_add(out, text->data, text->len);
	buf_add_str(out, "</script>\n");
}

/* RFC 4648, section 4. */
static void base64_add(struct buf *out, const uint8_t *data, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t bits = 0;
		char four[4];

		for (size_t b = 0; b < 3; b++)
			bits = bits << 8 | (b < n ? data[i + b] : 0);
		for (size_t d = 0; d < 4; d++)
			four[d] = d <= n ? digits[bits >> (18 - 6 * d) & 63] : '=';
		buf_add(out, four, sizeof(four));
	}
}

static int add_profile(const struct profile *p, const struct export_options *options,
		       struct buf *out, struct err *err)
{
	_cleanup_(buf_done) struct buf json, columns;
	int r;

	buf_init(&json, out->max);
	buf_init(&columns, out->max);
	r = export_flame_parts(p, options, &json, &columns, err);
	if (r < 0)
		return r;
	add_json("hearth-report", &json, out);
	begin_data("text/plain", "hearth-columns", out);
	base64_add(out, columns.data, columns.len);
	buf_add_str(out, "</script>\n");
	return 0;
}

static int add_data(const struct profile *p, const struct export_options *options, struct buf *out,
		    struct err *err)
{
	int r = add_profile(p, options, out, err);

	if (r < 0)
		return r;
	add_json("hearth-series", options->series, out);
	add_json("hearth-heatmap", options->heatmap, out);
	return 0;
}

static bool begins_with(const char *at, const char *start)
{
	return !strncasecmp(at, start, strlen(start));
}

/* Past the next `end`; NULL where there is none. */
static const char *behind(const char *at, const char *end)
{
	const char *found = strcasestr(at, end);

	return found ? found + strlen(end) : NULL;
}

/* Where an element of index.html without a place in a report ends; NULL: at begins none. */
static const char *skip(const char *at)
{
	if (begins_with(at, "<link") || begins_with(at, "<meta http-equiv"))
		return behind(at, ">");
	return begins_with(at, "<title") ? behind(at, "</title>") : NULL;
}

/* Where a style or a script ends, in which nothing is looked for; NULL: at begins none. */
static const char *whole(const char *at)
{
	if (begins_with(at, "<style"))
		return behind(at, "</style>");
	return begins_with(at, "<script") ? behind(at, "</script>") : NULL;
}

int export_html_assemble(const struct web_asset *assets, size_t n, const char *policy,
			 const struct profile *p, const struct export_options *options,
			 struct buf *out, struct err *err)
{
	const struct web_asset *index = asset_find(assets, n, "index.html");
	const char *at, *after;
	int r = 0;

	if (!index)
		return err_set(err, -ENOENT, "this build has no viewer, so it cannot write HTML");
	for (at = (const char *)index->data; *at && r == 0; at = after) {
		after = skip(at);
		if (after) {
			if (begins_with(at, "<title"))
				add_head(policy, options->title ? options->title : "hearth", out);
			continue;
		}
		after = whole(at);
		if (!after)
			after = at + 1;
		if (begins_with(at, "</head>"))
			r = add_data(p, options, out, err);
		buf_add(out, at, (size_t)(after - at));
	}
	if (r == 0 && out->err)
		return err_set(err, out->err, "writing HTML: %s", strerror(-out->err));
	return r;
}

int export_html_write(const struct profile *p, const struct export_options *options,
		      struct buf *out, struct err *err)
{
	return export_html_assemble(web_assets, web_assets_n, web_assets_policy, p, options, out,
				    err);
}
