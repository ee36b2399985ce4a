/*
 * html: the viewer and one profile in a single file that needs no server.
 *
 * index.html's links and scripts are taken out; in their place come the style sheets, the two parts
 * of a flame profile (elements `hearth-report`, JSON, and `hearth-columns`, base64), the modules'
 * sources as JSON, and a short script that makes a blob of each module, its imports first. Data
 * cannot become code: the JSON writer escapes `<`, and the page's policy runs that script and blobs
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

const char export_html_start[] =
	"(() => {\n"
	"  const sources = JSON.parse(document.getElementById(\"hearth-modules\").textContent);\n"
	"  const urls = new Map();\n"
	"  const imports = /(\\b(?:from|import)\\s*\\(?\\s*)([\"'])\\.\\/([\\w.-]+\\.js)\\2/g;\n"
	"  const urlOf = (name) => {\n"
	"    if (!urls.has(name)) {\n"
	"      const text = sources[name].replace(imports, (all, head, quote, other) =>\n"
	"        head + quote + urlOf(other) + quote);\n"
	"      urls.set(name, URL.createObjectURL(new Blob([text], { type: \"text/javascript\" "
	"})));\n"
	"    }\n"
	"    return urls.get(name);\n"
	"  };\n"
	"  import(urlOf(\"main.js\"));\n"
	"})();\n";

static bool ends_with(const char *path, const char *ending)
{
	size_t n = strlen(path), m = strlen(ending);

	return n >= m && !strcmp(path + n - m, ending);
}

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

static void add_head(const struct web_asset *assets, size_t n, const char *title, struct buf *out)
{
	buf_add_str(out,
		    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		    "script-src 'sha256-" EXPORT_HTML_START_SHA256 "' blob:; "
		    "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
		    "form-action 'none'\">\n<title>");
	add_text(out, title);
	buf_add_str(out, "</title>\n");
	for (size_t i = 0; i < n; i++) {
		if (!ends_with(assets[i].path, ".css"))
			continue;
		buf_add_str(out, "<style>\n");
		buf_add(out, assets[i].data, assets[i].len);
		buf_add_str(out, "</style>\n");
	}
}

static void begin_data(const char *type, const char *id, struct buf *out)
{
	buf_printf(out, "<script type=\"%s\" id=\"%s\">", type, id);
}

static void add_modules(const struct web_asset *assets, size_t n, struct buf *out)
{
	struct json j;

	begin_data("application/json", "hearth-modules", out);
	json_init(&j, out);
	json_object_begin(&j);
	for (size_t i = 0; i < n; i++) {
		if (!ends_with(assets[i].path, ".js"))
			continue;
		json_key(&j, assets[i].path);
		json_str_len(&j, (const char *)assets[i].data, assets[i].len);
	}
	json_object_end(&j);
	buf_add_str(out, "</script>\n");
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

static int add_body(const struct web_asset *assets, size_t n, const struct profile *p,
		    const struct export_options *options, struct buf *out, struct err *err)
{
	int r = add_profile(p, options, out, err);

	if (r < 0)
		return r;
	add_json("hearth-series", options->series, out);
	add_json("hearth-heatmap", options->heatmap, out);
	add_modules(assets, n, out);
	buf_add_str(out, "<script>");
	buf_add_str(out, export_html_start);
	buf_add_str(out, "</script>\n");
	return 0;
}

/*
 * Where an element of index.html that has no place in a report ends, or NULL where at begins none.
 */
static const char *skip(const char *at)
{
	static const char *const elements[][2] = {
		{"<link", ">"},
		{"<meta http-equiv", ">"},
		{"<script", "</script>"},
		{"<title", "</title>"},
	};

	for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++) {
		const char *end;

		if (strncasecmp(at, elements[i][0], strlen(elements[i][0])))
			continue;
		end = strcasestr(at, elements[i][1]);
		return end ? end + strlen(elements[i][1]) : NULL;
	}
	return NULL;
}

int export_html_assemble(const struct web_asset *assets, size_t n, const struct profile *p,
			 const struct export_options *options, struct buf *out, struct err *err)
{
	const struct web_asset *index = asset_find(assets, n, "index.html");
	const char *at, *after;
	int r = 0;

	if (!index)
		return err_set(err, -ENOENT, "this build has no viewer, so it cannot write HTML");
	for (at = (const char *)index->data; *at && r == 0; at = after) {
		after = *at == '<' ? skip(at) : NULL;
		if (after)
			continue;
		if (!strncasecmp(at, "</head>", strlen("</head>")))
			add_head(assets, n, options->title ? options->title : "hearth", out);
		if (!strncasecmp(at, "</body>", strlen("</body>")))
			r = add_body(assets, n, p, options, out, err);
		buf_add_char(out, *at);
		after = at + 1;
	}
	if (r == 0 && out->err)
		return err_set(err, out->err, "writing HTML: %s", strerror(-out->err));
	return r;
}

int export_html_write(const struct profile *p, const struct export_options *options,
		      struct buf *out, struct err *err)
{
	return export_html_assemble(web_assets, web_assets_n, p, options, out, err);
}
