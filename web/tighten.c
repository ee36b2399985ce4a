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

/* Past spaces and comments; whether there were any. */
static bool skip_blank(struct text *t)
{
	const char *start = t->in;

	for (;;) {
		while (t->in < t->end && is_space(*t->in))
			t->in++;
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

static void separate(struct text *t)
{
	char before = last(t), after = t->in < t->end ? *t->in : ';';

	if ((is_word(before) && is_word(after)) || (before == after && is_one_of(after, "+-")))
		t->out[t->n++] = ' ';
}

/* `0.5`: the point says it. */
static bool is_empty_zero(const struct text *t)
{
	return t->end - t->in > 2 && t->in[0] == '0' && t->in[1] == '.' && t->in[2] >= '0' &&
	       t->in[2] <= '9' && !is_word(last(t)) && last(t) != '.';
}

/* The word that ends here, of those that have a shorter form; not a property of that name. */
static void shorten_literal(struct text *t)
{
	static const char *const forms[][2] = {{"true", "!0"}, {"false", "!1"}};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		size_t len = strlen(forms[i][0]), at = t->n - len;

		if (t->n < len || memcmp(t->out + at, forms[i][0], len))
			continue;
		if (at > 0 && (is_word(t->out[at - 1]) || t->out[at - 1] == '.'))
			return;
		memcpy(t->out + at, forms[i][1], strlen(forms[i][1]));
		t->n = at + strlen(forms[i][1]);
		return;
	}
}

/* `(a)=>` that ends here: one parameter needs no brackets. */
static void shorten_arrow(struct text *t)
{
	size_t close = t->n - strlen(")=>"), open = close;

	if (t->n < strlen("(a)=>") || memcmp(t->out + close, ")=>", strlen(")=>")))
		return;
	while (open > 0 && is_word(t->out[open - 1]))
		open--;
	if (open == close || open < 1 || t->out[--open] != '(' ||
	    (open > 0 && is_word(t->out[open - 1])))
		return;
	memmove(t->out + open, t->out + open + 1, close - open - 1);
	memcpy(t->out + close - 1, "=>", strlen("=>"));
	t->n -= strlen("()");
}

size_t tighten_script(const char *text, size_t len, char *out)
{
	struct text t = {.in = text, .end = text + len, .out = out};

	skip_blank(&t);
	while (t.in < t.end) {
		if (is_one_of(*t.in, "\"'`"))
			copy_quoted(&t);
		else if (*t.in == '/' && may_begin_expression(&t))
			copy_expression(&t);
		else {
			note_bracket(&t, *t.in);
			t.in += is_empty_zero(&t);
			copy(&t);
			shorten_arrow(&t);
			if (t.in == t.end || !is_word(*t.in))
				shorten_literal(&t);
		}
		if (t.in < t.end && skip_blank(&t)) {
			shorten_const(&t);
			if (!join_declarations(&t))
				separate(&t);
		}
		if (t.in < t.end)
			drop_last_separator(&t);
	}
	return t.n;
}

/* The quoted value of an attribute; one word needs no quotes. */
static void copy_value(struct text *t)
{
	const char *word = t->in + 1, *end = word;

	while (end < t->end && (*end == '-' || (*end >= 'a' && *end <= 'z')))
		end++;
	if (last(t) != '=' || end == word || end == t->end || *end != *t->in) {
		copy_quoted(t);
		return;
	}
	for (t->in++; t->in < end;)
		copy(t);
	t->in++;
}

size_t tighten_style(const char *text, size_t len, char *out)
{
	struct text t = {.in = text, .end = text + len, .out = out};

	skip_blank(&t);
	while (t.in < t.end) {
		t.in += is_empty_zero(&t);
		if (is_one_of(*t.in, "\"'"))
			copy_value(&t);
		else
			copy(&t);
		if (t.in < t.end && skip_blank(&t) && t.in < t.end &&
		    !is_one_of(last(&t), "{};,:") && !is_one_of(*t.in, "{};,"))
			t.out[t.n++] = ' ';
		if (t.in < t.end && *t.in == '}' && last(&t) == ';')
			t.n--;
	}
	return t.n;
}
