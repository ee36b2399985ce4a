/*
 * Selectors: text to checked predicates, and predicates over label sets; see selector.h.
 *
 * This is the one file that touches PCRE2. Patterns come from whoever may ask, so matching is
 * bounded in steps and memory, and values are bytes, not characters: a thread's name need not be
 * UTF-8, and `.` matches each of its bytes.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "storage/selector.h"

#include "profiler/base/cleanup.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES_MAX	  16384 /* a selector; 32 matchers with room for long paths */
#define MATCH_STEPS_MAX	  100000 /* about a millisecond; a bare .*a.*b over 8 kB needs fewer */
#define MATCH_DEPTH_MAX	  5000
#define MATCH_HEAP_KIB	  1024
#define PATTERN_NEST_MAX  50
#define NUMBER_TEXT_BYTES 24

enum op { EQUAL, NOT_EQUAL, LIKE, NOT_LIKE };

struct matcher {
	char *name;
	char *value; /* of EQUAL and NOT_EQUAL */
	enum op op;
	pcre2_code *code; /* of LIKE and NOT_LIKE */
	pcre2_match_data *data;
};

struct selector {
	struct matcher matchers[SELECTOR_MATCHERS_MAX];
	uint32_t n;
	pcre2_match_context *limits;
};

/* The text being read; at is always within [text, text + strlen]. */
struct reader {
	const char *text, *at;
	struct err *err;
};

static void matcher_done(struct matcher *m)
{
	free(m->name);
	free(m->value);
	pcre2_code_free(m->code);
	pcre2_match_data_free(m->data);
}

struct selector *selector_free(struct selector *s)
{
	if (!s)
		return NULL;
	for (uint32_t i = 0; i < s->n; i++)
		matcher_done(&s->matchers[i]);
	pcre2_match_context_free(s->limits);
	free(s);
	return NULL;
}

static void selector_freep(struct selector **s)
{
	selector_free(*s);
}

static struct selector *selector_new(void)
{
	struct selector *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->limits = pcre2_match_context_create(NULL);
	if (!s->limits)
		return selector_free(s);
	pcre2_set_match_limit(s->limits, MATCH_STEPS_MAX);
	pcre2_set_depth_limit(s->limits, MATCH_DEPTH_MAX);
	pcre2_set_heap_limit(s->limits, MATCH_HEAP_KIB);
	return s;
}

/* ---- reading the text ---- */

static int fail(const struct reader *r, const char *what)
{
	return err_set(r->err, -EINVAL, "selector: %s at character %zu of '%.200s'", what,
		       (size_t)(r->at - r->text) + 1, r->text);
}

static void skip_space(struct reader *r)
{
	while (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r')
		r->at++;
}

static bool skip_char(struct reader *r, char c)
{
	skip_space(r);
	if (*r->at != c)
		return false;
	r->at++;
	return true;
}

static bool is_name_char(char c, bool first)
{
	if (isalpha((unsigned char)c) || c == '_')
		return true;
	return !first && (isdigit((unsigned char)c) || c == '.' || c == '-' || c == '/');
}

static int read_name(struct reader *r, struct matcher *m)
{
	const char *begin;

	skip_space(r);
	begin = r->at;
	while (is_name_char(*r->at, r->at == begin))
		r->at++;
	if (r->at == begin)
		return fail(r, "the name of a label is expected");
	m->name = strndup(begin, (size_t)(r->at - begin));
	return m->name ? 0 : -ENOMEM;
}

static int read_op(struct reader *r, struct matcher *m)
{
	skip_space(r);
	if (r->at[0] == '=' && r->at[1] == '~')
		m->op = LIKE;
	else if (r->at[0] == '=')
		m->op = EQUAL;
	else if (r->at[0] == '!' && r->at[1] == '=')
		m->op = NOT_EQUAL;
	else if (r->at[0] == '!' && r->at[1] == '~')
		m->op = NOT_LIKE;
	else
		return fail(r, "one of = != =~ !~ is expected");
	r->at += m->op == EQUAL ? 1 : 2;
	return 0;
}

/*
 * Escapes are \" \\ \n; any other backslash stays, so that patterns read as they are written:
 * "a\.b".
 */
static char read_char(struct reader *r)
{
	char c = *r->at++;

	if (c != '\\')
		return c;
	if (*r->at != '"' && *r->at != '\\' && *r->at != 'n')
		return c;
	c = *r->at++;
	return c == 'n' ? '\n' : c;
}

static int read_value(struct reader *r, struct matcher *m)
{
	char *to;

	if (!skip_char(r, '"'))
		return fail(r, "a value in double quotes is expected");
	m->value = malloc(strlen(r->at) + 1);
	if (!m->value)
		return -ENOMEM;
	to = m->value;
	while (*r->at && *r->at != '"')
		*to++ = read_char(r);
	*to = '\0';
	if (*r->at != '"')
		return fail(r, "the closing double quote is missing");
	r->at++;
	return 0;
}

static int compile(struct reader *r, struct matcher *m)
{
	/* Whole values: anchored at both ends. Never UTF: values are bytes. */
	uint32_t options = PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOTALL |
			   PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP |
			   PCRE2_NEVER_BACKSLASH_C;
	pcre2_compile_context *context;
	char why[128] = "";
	PCRE2_SIZE where;
	int code;

	if (strlen(m->value) > SELECTOR_PATTERN_BYTES)
		return fail(r, "the pattern is longer than 256 bytes, before the end");
	context = pcre2_compile_context_create(NULL);
	if (!context)
		return -ENOMEM;
	pcre2_set_parens_nest_limit(context, PATTERN_NEST_MAX);
	m->code = pcre2_compile((PCRE2_SPTR)m->value, PCRE2_ZERO_TERMINATED, options, &code, &where,
				context);
	pcre2_compile_context_free(context);
	if (!m->code) {
		pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof(why));
		return err_set(
			r->err, -EINVAL,
			"selector: pattern '%.200s' of label '%.60s', at its character %zu: %s",
			m->value, m->name, (size_t)where + 1, why);
	}
	m->data = pcre2_match_data_create(1, NULL);
	return m->data ? 0 : -ENOMEM;
}

static int read_matcher(struct reader *r, struct matcher *m)
{
	int e = read_name(r, m);

	if (e < 0)
		return e;
	e = read_op(r, m);
	if (e < 0)
		return e;
	e = read_value(r, m);
	if (e < 0)
		return e;
	return m->op == LIKE || m->op == NOT_LIKE ? compile(r, m) : 0;
}

/* matcher, matcher, ... up to `end`, where a comma may precede it. */
static int read_matchers(struct reader *r, struct selector *s, char end)
{
	for (;;) {
		int e;

		skip_space(r);
		if (*r->at == end)
			return 0;
		if (s->n == SELECTOR_MATCHERS_MAX)
			return fail(r, "more than 32 conditions");
		e = read_matcher(r, &s->matchers[s->n++]);
		if (e < 0)
			return e;
		if (!skip_char(r, ',') && *r->at != end)
			return fail(r, end ? "a comma or } is expected" : "a comma is expected");
	}
}

int selector_parse(const char *text, struct selector **ret, struct err *err)
{
	struct reader r = {.text = text ? text : "", .at = text ? text : "", .err = err};
	_cleanup_(selector_freep) struct selector *s = NULL;
	bool braces;
	int e;

	if (strlen(r.text) > TEXT_BYTES_MAX)
		return err_set(err, -EINVAL, "selector: longer than %d bytes", TEXT_BYTES_MAX);
	s = selector_new();
	if (!s)
		return -ENOMEM;
	braces = skip_char(&r, '{');
	e = read_matchers(&r, s, braces ? '}' : '\0');
	if (e < 0)
		return e;
	if (braces) {
		r.at++;
		skip_space(&r);
		if (*r.at)
			return fail(&r, "nothing is expected after }");
	}
	*ret = steal_ptr(s);
	return 0;
}

/* ---- matching ---- */

/* 1, 0, -E2BIG, -ENOMEM */
static int pattern_matches(const struct selector *s, const struct matcher *m, const char *value)
{
	int n = pcre2_match(m->code, (PCRE2_SPTR)value, strlen(value), 0, 0, m->data, s->limits);

	if (n >= 0)
		return 1;
	if (n == PCRE2_ERROR_NOMATCH)
		return 0;
	return n == PCRE2_ERROR_NOMEMORY ? -ENOMEM : -E2BIG;
}

static int matcher_matches(const struct selector *s, const struct matcher *m, const char *value)
{
	int r;

	switch (m->op) {
	case EQUAL:
		return !strcmp(value, m->value);
	case NOT_EQUAL:
		return !!strcmp(value, m->value);
	case LIKE:
		return pattern_matches(s, m, value);
	default:
		r = pattern_matches(s, m, value);
		return r < 0 ? r : !r;
	}
}

int selector_matches(struct selector *s, const struct profile *p, uint32_t labels)
{
	char scratch[NUMBER_TEXT_BYTES];

	for (uint32_t i = 0; i < s->n; i++) {
		struct matcher *m = &s->matchers[i];
		const char *value = profile_label_text(p, labels, m->name, scratch);
		int r = matcher_matches(s, m, value);

		if (r <= 0)
			return r;
	}
	return 1;
}

bool selector_is_all(const struct selector *s)
{
	return s->n == 0;
}

static bool is_listed(const char *name, const char *const *names)
{
	for (; *names; names++)
		if (!strcmp(*names, name))
			return true;
	return false;
}

bool selector_is_about(const struct selector *s, const char *const *names)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (!is_listed(s->matchers[i].name, names))
			return false;
	return true;
}
