/*
 * Host tool: the viewer's files as a C source file that defines web_assets (web/assets.h).
 *
 *	web_embed OUT.c ROOT FILE...	each FILE relative to ROOT, in the order they should have
 *
 * Scripts and style sheets are tightened (tighten.h). Runs at build time only; its
 * input is our own.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "web/tighten.h"

#define PATH_BYTES   4096
#define FILE_BYTES   (1 << 20)
#define BYTES_A_LINE 20

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

static size_t tighten(const char *type, const char *text, size_t len, char *out)
{
	if (strstr(type, "javascript"))
		return tighten_script(text, len, out);
	if (strstr(type, "css"))
		return tighten_style(text, len, out);
	memcpy(out, text, len);
	return len;
}

/* The bytes of one file as `static const unsigned char asset_N[]`, with a NUL behind them. */
static int write_bytes(FILE *out, FILE *in, const char *type, int number)
{
	static char text[FILE_BYTES], tight[FILE_BYTES];
	size_t len = fread(text, 1, sizeof(text), in);

	if (ferror(in) || len == sizeof(text))
		return -1;
	len = tighten(type, text, len, tight);
	fprintf(out, "static const unsigned char asset_%d[] = {", number);
	for (size_t i = 0; i < len; i++)
		fprintf(out, "%s%d,", i % BYTES_A_LINE ? "" : "\n\t", (unsigned char)tight[i]);
	fprintf(out, "\n\t0};\n\n");
	return 0;
}

static int write_file(FILE *out, const char *root, const char *path, int number)
{
	char full[PATH_BYTES];
	FILE *in;
	int r;

	snprintf(full, sizeof(full), "%s/%s", root, path);
	in = fopen(full, "rb");
	if (!in)
		return -1;
	r = write_bytes(out, in, type_of(path), number);
	fclose(in);
	return r;
}

int main(int argc, char **argv)
{
	FILE *out;

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
		if (!type_of(argv[i]) || write_file(out, argv[2], argv[i], i - 3) < 0) {
			fprintf(stderr, "web_embed: %s: cannot be embedded\n", argv[i]);
			fclose(out);
			remove(argv[1]);
			return 1;
		}
	fprintf(out, "const struct web_asset web_assets[] = {\n");
	for (int i = 3; i < argc; i++)
		fprintf(out, "\t{\"%s\", \"%s\", asset_%d, sizeof(asset_%d) - 1},\n", argv[i],
			type_of(argv[i]), i - 3, i - 3);
	fprintf(out, "\t{0},\n};\n\nconst size_t web_assets_n = %d;\n", argc - 3);
	return fclose(out) ? 1 : 0;
}
