/* Scripts and style sheets, tightened; see tighten.h. */
#include "web/tighten.h"

#include <string.h>

#define DEPTH_MAX 64 /* of brackets in which declarations are looked at */

struct text {
	const char *in, *end;
	char *out;
	size_t n;
	size_t depth; /* of brackets */
	/* by depth: whether this statement declares, and whether the one before did */
	bool declares[DEPTH_MAX], declared[DEPTH_MAX];
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '$' || c == '#' || (unsigned char)c >= 0x80;
}

static bool is_one_of(char c, const char *set)
{
	return c && strchr(set, c);
}

static char last(const struct text *t)
{
	return t->n ? t->out[t->n - 1] : ';';
}

static void copy(struct text *t)
{
	t->out[t->n++] = *t->in++;
}

/* A quoted text, its quotes included; a template's holes are copied as they are. */
static void copy_quoted(struct text *t)
{
	char quote = *t->in;
	int depth = 0; /* of braces in a template's hole */

	copy(t);
	while (t->in < t->end) {
		char c = *t->in;

		if (c == '\\' && t->in + 1 < t->end)
			copy(t);
		else if (quote == '`' && c == '{' && (depth || last(t) == '$'))
			depth++;
		else if (c == '}' && depth)
			depth--;
		else if (depth && is_one_of(c, "\"'`")) {
			copy_quoted(t);
			continue;
		}
		copy(t);
		if (c == quote && !depth)
			return;
	}
}

static void copy_expression(struct text *t)
{
	bool in_class = false;

	copy(t);
	while (t->in < t->end && *t->in != '\n') {
		char c = *t->in;

		if (c == '\\')
			copy(t);
		else if (c == '[' || c == ']')
			in_class = c == '[';
		copy(t);
		if (c == '/' && !in_class)
			return;
	}
}

/* Past spaces and comments; whether a line ended there. */
static bool skip_blank(struct text *t, bool *line_end)
{
	const char *start = t->in;

	*line_end = false;
	for (;;) {
		while (t->in < t->end && is_space(*t->in))
			*line_end |= *t->in++ == '\n';
		if (t->end - t->in < 2 || memcmp(t->in, "/*", 2))
			return t->in > start;
		for (t->in += 2; t->end - t->in >= 2 && memcmp(t->in, "*/", 2);)
			t->in++;
		t->in += t->end - t->in >= 2 ? 2 : t->end - t->in;
	}
}

/* Whether a slash here begins an expression: an operand may stand. */
static bool may_begin_expression(const struct text *t)
{
	static const char word[] = "return";

	if (is_one_of(last(t), ")]}"))
		return false;
	if (!is_word(last(t)))
		return !is_one_of(last(t), "\"'`");
	return t->n >= strlen(word) && !memcmp(t->out + t->n - strlen(word), word, strlen(word));
}

/* Past the last separator of a list or block that ends here; a hole in an array is none. */
static void drop_last_separator(struct text *t)
{
	char before = t->n > 1 ? t->out[t->n - 2] : ',';

	if (!is_one_of(*t->in, ")]}") || before == ',' || before == '[')
		return;
	if (last(t) == ',' || (last(t) == ';' && *t->in == '}'))
		t->n--;
}

static void shorten_const(struct text *t)
{
	static const char word[] = "const";
	size_t len = strlen(word), at = t->n - len;

	if (t->n < len || memcmp(t->out + at, word, len))
		return;
	if (at > 0 && (is_word(t->out[at - 1]) || t->out[at - 1] == '.'))
		return;
	memcpy(t->out + at, "let", strlen("let"));
	t->n = at + strlen("let");
}

/* `let` after a statement that was one: the first goes on. */
static bool join_declarations(struct text *t)
{
	static const char word[] = "let";
	size_t len = strlen(word), at = t->n - len;
	bool follows;

	if (t->n < len || memcmp(t->out + at, word, len) || t->depth >= DEPTH_MAX)
		return false;
	if (at > 0 && !is_one_of(t->out[at - 1], ";{}\n"))
		return false;
	follows = at > 0 && t->out[at - 1] == ';' && t->declared[t->depth];
	t->declares[t->depth] = true;
	if (follows) {
		t->out[at - 1] = ',';
		t->n = at;
	}
	return follows;
}

/* What a character outside of texts means for the statement that it stands in. */
static void note_bracket(struct text *t, char c)
{
	if (is_one_of(c, "([{")) {
		if (++t->depth < DEPTH_MAX)
			t->declares[t->depth] = t->declared[t->depth] = false;
	} else if (is_one_of(c, ")]}") && t->depth > 0) {
		t->depth--;
	} else if (c == ';' && t->depth < DEPTH_MAX) {
		t->declared[t->depth] = t->declares[t->depth];
		t->declares[t->depth] = false;
	}
}

static void separate(struct text *t, bool line_end)
{
	char before = last(t), after = t->in < t->end ? *t->in : ';';

	if (line_end && !is_one_of(before, ";,{([=:?&|+-*<>!~^%") &&
	    !is_one_of(after, ")]}.,;:?&|=*<>%"))
		t->out[t->n++] = '\n';
	else if ((is_word(before) && is_word(after)) || (before == after && is_one_of(after, "+-")))
		t->out[t->n++] = ' ';
}

size_t tighten_script(const char *text, size_t len, char *out)
{
	struct text t = {.in = text, .end = text + len, .out = out};
	bool line_end;

	skip_blank(&t, &line_end);
	while (t.in < t.end) {
		if (is_one_of(*t.in, "\"'`"))
			copy_quoted(&t);
		else if (*t.in == '/' && may_begin_expression(&t))
			copy_expression(&t);
		else {
			note_bracket(&t, *t.in);
			copy(&t);
		}
		if (t.in < t.end && skip_blank(&t, &line_end)) {
			shorten_const(&t);
			if (!join_declarations(&t))
				separate(&t, line_end);
		}
		if (t.in < t.end)
			drop_last_separator(&t);
	}
	return t.n;
}

size_t tighten_style(const char *text, size_t len, char *out)
{
	struct text t = {.in = text, .end = text + len, .out = out};
	bool line_end;

	skip_blank(&t, &line_end);
	while (t.in < t.end) {
		if (is_one_of(*t.in, "\"'"))
			copy_quoted(&t);
		else
			copy(&t);
		if (t.in < t.end && skip_blank(&t, &line_end) && t.in < t.end &&
		    !is_one_of(last(&t), "{};,:") && !is_one_of(*t.in, "{};,"))
			t.out[t.n++] = ' ';
		if (t.in < t.end && *t.in == '}' && last(&t) == ';')
			t.n--;
	}
	return t.n;
}
