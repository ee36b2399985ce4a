/*
 * html: the viewer and one profile in a single file that needs no server.
 *
 * index.html has its style and its script inside (web/assets.h). Its links are taken out and the
 * title is another. In the head, for the script runs where it stands, are what a screen can show of
 * the profile (the element `hearth-first`) and the CPU use over time; at the end all of it
 * (`hearth-report`: the binary form, compressed, in base64) and the heat map, which nothing waits
 * for. The daemon's page has the first alone. Data cannot become code: the JSON writer escapes `<`,
 * and the page's policy runs that one script alone, and loads nothing.
 */
#include "web/export/html.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "profiler/base/cleanup.h"
#include "profiler/base/json.h"
#include "web/export/flame.h"
#include "web/export/formats.h"
#include "web/gzip.h"

#define PROFILE_GZIP_LEVEL 6
#define FIRST_BYTES_MAX	   (8u << 20) /* a million nodes have 1 MB; names may be long */

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
		   "<meta id=\"hearth-file\"><meta http-equiv=\"Content-Security-Policy\" "
		   "content=\"default-src 'none'; "
		   "%s; img-src data:; base-uri 'none'; form-action 'none'\">\n<title>",
		   policy);
	add_text(out, title);
	buf_add_str(out, "</title>");
}

static bool begins_with(const char *at, const char *start)
{
	return !strncasecmp(at, start, strlen(start));
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
	_cleanup_(buf_done) struct buf binary, packed;
	struct export_options whole = *options;
	struct gzip *g = NULL;
	int r;

	buf_init(&binary, out->max);
	buf_init(&packed, out->max);
	whole.binary = true;
	r = export_flame_write(p, &whole, &binary, err);
	if (r < 0)
		return r;
	r = gzip_begin(&g, &packed, PROFILE_GZIP_LEVEL);
	if (r == 0) {
		gzip_add(g, binary.data, binary.len);
		r = gzip_end(g);
	}
	if (r < 0)
		return err_set(err, r, "writing HTML: %s", strerror(-r));
	begin_data("text/plain", "hearth-report", out);
	base64_add(out, packed.data, packed.len);
	buf_add_str(out, "</script>\n");
	return 0;
}

/*
 * What a screen can show of it, so that the first graph waits for no more; a report that is no
 * longer than that has none. Nor has what is too deep, or has too much text.
 */
static int add_first(const struct profile *p, const struct export_options *options, bool page,
		     struct buf *out, struct err *err)
{
	_cleanup_(buf_done) struct buf json;
	bool all = false;
	int r;

	buf_init(&json, FIRST_BYTES_MAX);
	r = options->base ? -E2BIG : export_flame_first(p, options, &json, &all, err);
	if (r == 0 && (page || !all))
		add_json("hearth-first", &json, out);
	return r == -E2BIG || r == -EFBIG ? 0 : r;
}

/* What stands before an element of a report's page, if anything. */
static int add_data(const char *at, const struct profile *p, const struct export_options *options,
		    struct buf *out, struct err *err)
{
	int r = 0;

	if (begins_with(at, "</head>")) {
		r = add_first(p, options, false, out, err);
		add_json("hearth-series", options->series, out);
	} else if (begins_with(at, "</body>")) {
		r = add_profile(p, options, out, err);
		add_json("hearth-heatmap", options->heatmap, out);
	}
	return r;
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
		r = add_data(at, p, options, out, err);
		buf_add(out, at, (size_t)(after - at));
	}
	if (r == 0 && out->err)
		return err_set(err, out->err, "writing HTML: %s", strerror(-out->err));
	return r;
}

int export_html_page(const struct web_asset *assets, size_t n, const struct profile *p,
		     const struct export_options *options, struct buf *out, struct err *err)
{
	const struct web_asset *index = asset_find(assets, n, "index.html");
	const char *at, *after;
	int r = 0;

	if (!index)
		return err_set(err, -ENOENT, "this build has no viewer");
	at = (const char *)index->data;
	while (*at && !begins_with(at, "</head>")) {
		after = whole(at);
		at = after ? after : at + 1;
	}
	buf_add(out, index->data, (size_t)(at - (const char *)index->data));
	if (p)
		r = add_first(p, options, true, out, err);
	buf_add_str(out, at);
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
