/*
 * Host tool: the viewer's files as a C source file that defines web_assets (web/assets.h).
 *
 *	web_embed OUT.c ROOT FILE...	each FILE relative to ROOT, in the order they should have
 *
 * The script main.js takes its modules in: each after those that it imports, without its lines of
 * import and the word export, so that a page asks for one file and not for fifty. That no two of
 * them share a name a test sees to (tests/ui/unit/modules.test.mjs). Scripts and style sheets are
 * tightened (tighten.h). Runs at build time only; its input is our own.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* ---- files ---- */

static bool is_script(const char *type)
{
	return strstr(type, "javascript");
}

static void tighten(const char *type, const struct text *in, struct text *out)
{
	if (is_script(type))
		out->n = tighten_script(in->data, in->n, out->data);
	else if (strstr(type, "css"))
		out->n = tighten_style(in->data, in->n, out->data);
	else
		*out = *in;
}

/* The bytes of one file as `static const unsigned char asset_N[]`, with a NUL behind them. */
static void write_bytes(FILE *out, const struct text *text, int number)
{
	fprintf(out, "static const unsigned char asset_%d[] = {", number);
	for (size_t i = 0; i < text->n; i++)
		fprintf(out, "%s%d,", i % BYTES_A_LINE ? "" : "\n\t", (unsigned char)text->data[i]);
	fprintf(out, "\n\t0};\n\n");
}

static int write_file(FILE *out, const char *root, const char *path, int number)
{
	static struct script script;
	static struct text text, tight;
	const char *type = type_of(path);
	int r;

	if (!type)
		return -1;
	script.root = root;
	r = is_script(type) ? add_module(&script, path) : read_file(root, path, &text);
	if (r < 0)
		return r;
	tighten(type, is_script(type) ? &script.text : &text, &tight);
	write_bytes(out, &tight, number);
	return 0;
}

/* Modules are in the script that imports them. */
static bool is_asset(const char *path)
{
	return !type_of(path) || !is_script(type_of(path)) || !strcmp(path, "main.js");
}

int main(int argc, char **argv)
{
	FILE *out;
	int n = 0;

	if (argc < 3) {
		fprintf(stderr, "usage: web_embed OUT.c ROOT FILE...\n");
		return 2;
	}
	out = fopen(argv[1], "w");
	if (!out) {
		fprintf(stderr, "web_embed: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	fprintf(out, "/* Made by web/embed.c. */\n#include \"web/assets.h\"\n\n");
	for (int i = 3; i < argc; i++)
		if (is_asset(argv[i]) && write_file(out, argv[2], argv[i], i - 3) < 0) {
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
	return fclose(out) ? 1 : 0;
}
