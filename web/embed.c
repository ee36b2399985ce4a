/*
 * Host tool: the viewer's files as a C source file that defines web_assets (web/assets.h).
 *
 *	web_embed OUT.c ROOT FILE...	each FILE relative to ROOT, in the order they should have
 *
 * The page takes its style sheet and its script in, so that one answer is all of it, and the
 * policy names both by their hashes: nothing else is run. The script takes its modules in: each
 * after those that it imports, without its lines of import and the word export, all in one function
 * that may await. That no two of them share a name a test sees to (tests/ui/unit/modules.test.mjs).
 * Scripts and style sheets are tightened (tighten.h). Runs at build time only; its input is our
 * own.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "web/sha256.h"
#include "web/tighten.h"

#define PATH_BYTES   4096
#define FILE_BYTES   (1 << 20)
#define BYTES_A_LINE 20
#define MODULES_MAX  256

static const char *type_of(const char *path)
{
	static const struct {
		const char *ending, *type;
	} types[] = {
		{".html", "text/html; charset=utf-8"},
		{".css", "text/css; charset=utf-8"},
		{".js", "text/javascript; charset=utf-8"},
		{".svg", "image/svg+xml"},
	};
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot && i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(dot, types[i].ending))
			return types[i].type;
	return NULL;
}

/* Text that grows up to its room. */
struct text {
	char data[FILE_BYTES];
	size_t n;
};

static int append(struct text *t, const char *from, size_t len)
{
	if (len >= sizeof(t->data) - t->n)
		return -1;
	memcpy(t->data + t->n, from, len);
	t->n += len;
	t->data[t->n] = '\0';
	return 0;
}

static int append_string(struct text *t, const char *string)
{
	return append(t, string, strlen(string));
}

static int read_file(const char *root, const char *path, struct text *ret)
{
	char full[PATH_BYTES];
	FILE *in;

	snprintf(full, sizeof(full), "%s/%s", root, path);
	in = fopen(full, "rb");
	if (!in)
		return -1;
	ret->n = fread(ret->data, 1, sizeof(ret->data) - 1, in);
	ret->data[ret->n] = '\0';
	fclose(in);
	return ret->n < sizeof(ret->data) - 1 ? 0 : -1;
}

/* ---- modules ---- */

struct script {
	const char *root;
	struct text text;
	char *modules[MODULES_MAX]; /* that are in it, or are being put there */
	size_t n;
};

static int add_module(struct script *s, const char *path);

/* The module that an import, which begins at `at`, names: put in first. Past the import. */
static int add_import(struct script *s, const char *at, const char **ret_after)
{
	const char *name = strstr(at, " from \"./");
	const char *end = name ? strstr(name, "\";\n") : NULL;
	char *path;
	int r;

	if (!end)
		return -1;
	name += strlen(" from \"./");
	path = strndup(name, (size_t)(end - name));
	r = path ? add_module(s, path) : -1;
	free(path);
	*ret_after = end + strlen("\";\n");
	return r;
}

static bool begins_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

static int add_lines(struct script *s, const char *at)
{
	while (*at) {
		size_t len = strcspn(at, "\n");
		int r;

		if (begins_with(at, "import {")) {
			r = add_import(s, at, &at);
		} else {
			size_t word = begins_with(at, "export ") ? strlen("export ") : 0;

			len += at[len] == '\n';
			r = append(&s->text, at + word, len - word);
			at += len;
		}
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_module(struct script *s, const char *path)
{
	struct text *text;
	int r;

	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->modules[i], path))
			return 0;
	text = malloc(sizeof(*text));
	if (!text || s->n == MODULES_MAX || !(s->modules[s->n++] = strdup(path)))
		return -1;
	r = read_file(s->root, path, text);
	if (r == 0)
		r = add_lines(s, text->data);
	free(text);
	return r;
}

/* ---- style sheets and scripts, tightened ---- */

static int read_style(const char *root, const char *path, struct text *ret)
{
	static struct text text;
	int r = read_file(root, path, &text);

	if (r == 0)
		ret->n = tighten_style(text.data, text.n, ret->data);
	return r;
}

static int read_script(const char *root, const char *path, struct text *ret)
{
	static struct script script;
	int r;

	script.root = root;
	r = append_string(&script.text, "\"use strict\";(async()=>{\n");
	if (r == 0)
		r = add_module(&script, path);
	if (r == 0)
		r = append_string(&script.text, "})()");
	if (r == 0)
		ret->n = tighten_script(script.text.data, script.text.n, ret->data);
	return r;
}

/* ---- the page ---- */

/* What stands in its own file in the source and in the page when it is served. */
static const struct part {
	const char *link[2]; /* around its name */
	const char *tags[2]; /* around itself */
	const char *source; /* in the policy */
	int (*read)(const char *root, const char *path, struct text *ret);
} parts[] = {
	{{"<link rel=\"stylesheet\" href=\"", "\">"},
	 {"<style>", "</style>"},
	 "style-src",
	 read_style},
	{{"<script type=\"module\" src=\"", "\"></script>"},
	 /* no module, which would wait for all that stands behind it */
	 {"<script>", "</script>"},
	 "script-src",
	 read_script},
};

struct page {
	const char *root;
	struct text text;
	char policy[256];
};

/* The part whose link is at `at`, and that it may be; past the link. */
static int add_part(struct page *page, const struct part *part, const char *at, const char **ret)
{
	static struct text text;
	const char *name = at + strlen(part->link[0]), *end = strstr(name, part->link[1]);
	size_t used = strlen(page->policy);
	char *path = end ? strndup(name, (size_t)(end - name)) : NULL;
	int r = path ? part->read(page->root, path, &text) : -1;
	char hash[SHA256_BASE64_BYTES];

	free(path);
	if (r < 0)
		return r;
	sha256_base64(text.data, text.n, hash);
	snprintf(page->policy + used, sizeof(page->policy) - used, "%s%s 'sha256-%s'",
		 used ? "; " : "", part->source, hash);
	*ret = end + strlen(part->link[1]);
	if (append_string(&page->text, part->tags[0]) < 0 ||
	    append(&page->text, text.data, text.n) < 0)
		return -1;
	return append_string(&page->text, part->tags[1]);
}

static const struct part *part_at(const char *at)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (begins_with(at, parts[i].link[0]))
			return &parts[i];
	return NULL;
}

/* Lines without what indents them: nothing in the page keeps its spaces. */
static int read_page(struct page *page, const char *path)
{
	static struct text text;
	const char *at = text.data;
	int r = read_file(page->root, path, &text);

	while (r == 0 && *at) {
		const struct part *part = part_at(at);

		if (part) {
			r = add_part(page, part, at, &at);
		} else {
			r = append(&page->text, at, 1);
			at += *at == '\n' ? 1 + strspn(at + 1, "\t") : 1;
		}
	}
	return r;
}

/* ---- files ---- */

/* The bytes of one file as `static const unsigned char asset_N[]`, with a NUL behind them. */
static void write_bytes(FILE *out, const struct text *text, int number)
{
	fprintf(out, "static const unsigned char asset_%d[] = {", number);
	for (size_t i = 0; i < text->n; i++)
		fprintf(out, "%s%d,", i % BYTES_A_LINE ? "" : "\n\t", (unsigned char)text->data[i]);
	fprintf(out, "\n\t0};\n\n");
}

static bool is_page(const char *path)
{
	return strstr(type_of(path), "html");
}

static int write_file(FILE *out, struct page *page, const char *path, int number)
{
	static struct text text;
	int r;

	if (!type_of(path))
		return -1;
	r = is_page(path) ? read_page(page, path) : read_file(page->root, path, &text);
	if (r == 0)
		write_bytes(out, is_page(path) ? &page->text : &text, number);
	return r;
}

/* Style sheets and scripts are in the page that links them. */
static bool is_asset(const char *path)
{
	const char *type = type_of(path);

	return !type || !(strstr(type, "javascript") || strstr(type, "css"));
}

int main(int argc, char **argv)
{
	static struct page page;
	FILE *out;
	int n = 0;

	if (argc < 3) {
		fprintf(stderr, "usage: web_embed OUT.c ROOT FILE...\n");
		return 2;
	}
	page.root = argv[2];
	out = fopen(argv[1], "w");
	if (!out) {
		fprintf(stderr, "web_embed: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	fprintf(out, "/* Made by web/embed.c. */\n#include \"web/assets.h\"\n\n");
	for (int i = 3; i < argc; i++)
		if (is_asset(argv[i]) && write_file(out, &page, argv[i], i - 3) < 0) {
			fprintf(stderr, "web_embed: %s: cannot be embedded\n", argv[i]);
			fclose(out);
			remove(argv[1]);
			return 1;
		}
	fprintf(out, "const struct web_asset web_assets[] = {\n");
	for (int i = 3; i < argc; i++) {
		if (!is_asset(argv[i]))
			continue;
		fprintf(out, "\t{\"%s\", \"%s\", asset_%d, sizeof(asset_%d) - 1},\n", argv[i],
			type_of(argv[i]), i - 3, i - 3);
		n++;
	}
	fprintf(out, "\t{0},\n};\n\nconst size_t web_assets_n = %d;\n", n);
	fprintf(out, "\nconst char web_assets_policy[] = \"%s\";\n", page.policy);
	return fclose(out) ? 1 : 0;
}
