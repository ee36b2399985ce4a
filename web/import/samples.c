/*
 * Lines of a sample stream (DESIGN, formats of our own): `stack ID FRAMES` and `sample TIME_MS PID
 * TID COMM THREAD STACK_ID [COUNT [KEY=VALUE...]]`, fields separated by one TAB.
 *
 * Stacks are kept as text and become a stack of the profile at their first use in it; label sets
 * are remembered by the bytes that they were made of.
 */
#include "web/import/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum field { TIME, PID, TID, COMM, THREAD, STACK, COUNT, REST, FIELDS };

struct fields {
	const char *at[FIELDS];
	size_t len[FIELDS];
};

static bool begins_with(const char *line, size_t len, const char *word)
{
	size_t n = strlen(word);

	return len >= n && !memcmp(line, word, n);
}

/* ---- stacks ---- */

static uint64_t id_hash(uint64_t id)
{
	id = (id ^ id >> 30) * 0xbf58476d1ce4e5b9ull;
	id = (id ^ id >> 27) * 0x94d049bb133111ebull;
	return id ^ id >> 31;
}

static struct import_stack *find_stack(struct import *w, uint64_t id)
{
	uint64_t hash = id_hash(id);
	uint32_t at, i;

	for (i = idmap_first(&w->stack_by_id, hash, &at); i != IDMAP_NONE;
	     i = idmap_next(&w->stack_by_id, hash, &at))
		if (w->stacks[i].id == id)
			return &w->stacks[i];
	return NULL;
}

static struct import_stack *make_stack(struct import *w, uint64_t id)
{
	if (w->n_stacks == w->cap_stacks) {
		uint32_t cap = w->cap_stacks ? 2 * w->cap_stacks : 1024;
		struct import_stack *more = realloc(w->stacks, cap * sizeof(*more));

		if (!more)
			return NULL;
		w->stacks = more;
		w->cap_stacks = cap;
	}
	if (idmap_add(&w->stack_by_id, id_hash(id), w->n_stacks) < 0)
		return NULL;
	w->stacks[w->n_stacks] = (struct import_stack){.id = id};
	return &w->stacks[w->n_stacks++];
}

/* The field without its escapes, at the end of to. */
static int add_unescaped(struct import *w, const char *s, size_t len, struct buf *to)
{
	while (len) {
		const char *escape = memchr(s, '\\', len);
		size_t n = escape ? (size_t)(escape - s) : len;

		buf_add(to, s, n);
		if (!escape)
			break;
		if (len - n < 2 || !strchr("tn\\", escape[1]) || !escape[1])
			return import_wrong(w, -EBADMSG,
					    "a backslash that no t, n or backslash follows");
		buf_add_char(to, escape[1] == 't' ? '\t' : escape[1] == 'n' ? '\n' : '\\');
		s = escape + 2;
		len -= n + 2;
	}
	return to->err;
}

static int take_stack(struct import *w, const char *line, size_t len)
{
	const char *tab = memchr(line, '\t', len);
	struct import_stack *s;
	uint64_t id;
	int r;

	if (!tab || !import_number(line, (size_t)(tab - line), &id))
		return import_wrong(w, -EBADMSG, "a stack without a number and frames");
	s = find_stack(w, id);
	if (!s)
		s = make_stack(w, id);
	if (!s)
		return -ENOMEM;
	/* An id that is used again means the later stack from here on. */
	s->generation = 0;
	s->at = w->stack_text.len;
	r = add_unescaped(w, tab + 1, len - (size_t)(tab + 1 - line), &w->stack_text);
	if (r == -EFBIG && !w->err.code)
		return import_wrong(w, r, "more than %u bytes of stacks", IMPORT_STACKS_BYTES_MAX);
	s->len = w->stack_text.len - s->at;
	return r;
}

static int64_t stack_of(struct import *w, uint64_t id)
{
	struct import_stack *s = find_stack(w, id);
	int64_t stack;

	if (!s)
		return import_wrong(w, -EBADMSG, "stack %llu is not known yet",
				    (unsigned long long)id);
	if (s->generation != w->generation) {
		stack = s->len ? import_stack_text(w, (const char *)w->stack_text.data + s->at,
						   s->len)
			       : 0;
		if (stack < 0)
			return stack;
		s->stack = (uint32_t)stack;
		s->generation = w->generation;
	}
	return s->stack;
}

/* ---- label sets ---- */

static int put(struct import *w, struct profile_labels *l, const char *key, size_t key_len,
	       const char *value, size_t value_len)
{
	size_t key_at = 0;
	int r;

	if (!memchr(key, '\\', key_len) && !memchr(value, '\\', value_len))
		return import_label(w, l, key, key_len, value, value_len);
	buf_clear(&w->text);
	r = add_unescaped(w, key, key_len, &w->text);
	key_len = w->text.len;
	if (r >= 0)
		r = add_unescaped(w, value, value_len, &w->text);
	if (r < 0)
		return r;
	return import_label(w, l, (char *)w->text.data + key_at, key_len,
			    (char *)w->text.data + key_len, w->text.len - key_len);
}

static int put_named(struct import *w, struct profile_labels *l, const struct fields *f,
		     enum field which, const char *name)
{
	return put(w, l, name, strlen(name), f->at[which], f->len[which]);
}

static int put_rest(struct import *w, struct profile_labels *l, const char *s, size_t len)
{
	while (len) {
		const char *tab = memchr(s, '\t', len), *equals;
		size_t n = tab ? (size_t)(tab - s) : len;
		int r;

		equals = memchr(s, '=', n);
		if (!equals || equals == s)
			return import_wrong(w, -EBADMSG, "a label that is not KEY=VALUE: %.*s",
					    n < 40 ? (int)n : 40, s);
		r = put(w, l, s, (size_t)(equals - s), equals + 1, n - (size_t)(equals + 1 - s));
		if (r < 0)
			return r;
		s += n;
		len -= n;
		if (len) {
			s++;
			len--;
		}
	}
	return 0;
}

static int64_t make_labels(struct import *w, const struct fields *f)
{
	struct profile_labels l = {};
	int r = put_named(w, &l, f, PID, "pid");

	if (r >= 0)
		r = put_named(w, &l, f, TID, "tid");
	if (r >= 0)
		r = put_named(w, &l, f, COMM, "comm");
	if (r >= 0)
		r = put_named(w, &l, f, THREAD, "thread");
	if (r >= 0)
		r = put_rest(w, &l, f->at[REST], f->len[REST]);
	return r < 0 ? r : import_labels(w, &l);
}

static void forget_sets(struct import *w)
{
	w->n_sets = 0;
	idmap_clear(&w->set_by_text);
	buf_clear(&w->label_text);
	w->sets_generation = w->generation;
}

static int remember(struct import *w, uint64_t hash, const char *who, size_t who_len,
		    const struct fields *f, uint32_t labels)
{
	struct import_label_set *s;

	if (w->n_sets == w->cap_sets) {
		uint32_t cap = w->cap_sets ? 2 * w->cap_sets : 256;
		struct import_label_set *more = realloc(w->sets, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		w->sets = more;
		w->cap_sets = cap;
	}
	s = &w->sets[w->n_sets];
	*s = (struct import_label_set){.at = w->label_text.len, .labels = labels};
	buf_add(&w->label_text, who, who_len);
	buf_add(&w->label_text, f->at[REST], f->len[REST]);
	s->len = w->label_text.len - s->at;
	if (w->label_text.err)
		return w->label_text.err;
	return idmap_add(&w->set_by_text, hash, w->n_sets++);
}

static bool is_set(const struct import *w, const struct import_label_set *s, const char *who,
		   size_t who_len, const struct fields *f)
{
	const uint8_t *text = w->label_text.data + s->at;

	return s->len == who_len + f->len[REST] && !memcmp(text, who, who_len) &&
	       !memcmp(text + who_len, f->at[REST], f->len[REST]);
}

/* PID to THREAD stand side by side, REST at the end: their bytes are the set's key. */
static int64_t labels_of(struct import *w, const struct fields *f)
{
	const char *who = f->at[PID];
	/* With the TAB behind, so that it cannot run into the rest. */
	size_t who_len = (size_t)(f->at[STACK] - who);
	uint64_t hash = hash_bytes(who, who_len);
	uint32_t at, i;
	int64_t id;
	int r;

	if (f->len[REST])
		hash = hash * 31 + hash_bytes(f->at[REST], f->len[REST]);
	if (w->sets_generation != w->generation || w->n_sets >= IMPORT_LABEL_SETS_MAX)
		forget_sets(w);
	for (i = idmap_first(&w->set_by_text, hash, &at); i != IDMAP_NONE;
	     i = idmap_next(&w->set_by_text, hash, &at))
		if (is_set(w, &w->sets[i], who, who_len, f))
			return w->sets[i].labels;
	id = make_labels(w, f);
	if (id < 0)
		return id;
	r = remember(w, hash, who, who_len, f, (uint32_t)id);
	return r < 0 ? r : id;
}

/* ---- samples ---- */

/* The last field that is there takes what is left; those behind it are empty. */
static unsigned int split(const char *line, size_t len, struct fields *f)
{
	const char *end = line + len;
	unsigned int n = 0;

	for (int i = 0; i < FIELDS; i++) {
		f->at[i] = end;
		f->len[i] = 0;
	}
	for (; n < FIELDS; n++) {
		const char *tab = n < REST ? memchr(line, '\t', (size_t)(end - line)) : NULL;

		f->at[n] = line;
		f->len[n] = (size_t)((tab ? tab : end) - line);
		if (!tab)
			return n + 1;
		line = tab + 1;
	}
	return n;
}

static int take_sample(struct import *w, const char *line, size_t len)
{
	struct fields f;
	uint64_t time_ms, id, count = 1;
	int64_t stack, labels;

	if (split(line, len, &f) <= STACK)
		return import_wrong(w, -EBADMSG, "a sample has at least %d fields", STACK + 2);
	if (!import_number(f.at[TIME], f.len[TIME], &time_ms) || time_ms >= IMPORT_TIME_MS_MAX)
		return import_wrong(w, -EBADMSG, "the time is not in milliseconds: %.*s",
				    f.len[TIME] < 40 ? (int)f.len[TIME] : 40, f.at[TIME]);
	if (!import_number(f.at[STACK], f.len[STACK], &id))
		return import_wrong(w, -EBADMSG, "the stack is not a number");
	if (f.len[COUNT] && !import_number(f.at[COUNT], f.len[COUNT], &count))
		return import_wrong(w, -EBADMSG, "the count is not a number");
	if (!count)
		return 0;
	stack = stack_of(w, id);
	labels = stack < 0 ? stack : labels_of(w, &f);
	if (labels < 0)
		return (int)labels;
	return import_sample(w, time_ms, (uint32_t)stack, (uint32_t)labels, count);
}

/* `#period-ns N`: CPU time that a sample stands for. */
static int take_comment(struct import *w, const char *line, size_t len)
{
	static const char period[] = "#period-ns\t";
	uint64_t ns;
	int r = 0;

	if (!begins_with(line, len, period) ||
	    !import_number(line + strlen(period), len - strlen(period), &ns))
		return 0;
	if (ns != w->p->period_ns && w->p->n_samples)
		r = import_hand_out(w);
	w->p->period_ns = ns;
	return r;
}

int import_samples_line(struct import *w, const char *line, size_t len)
{
	static const char head[] = "#hearth-samples ", sample[] = "sample\t", stack[] = "stack\t";

	if (w->line == 1) {
		if (!begins_with(line, len, head))
			return import_wrong(w, -EBADMSG, "a sample stream begins with %s1", head);
		if (len != strlen(head) + 1 || line[len - 1] != '1')
			return import_wrong(w, -EPROTO,
					    "version %.*s of the sample stream; this program knows "
					    "1",
					    len - strlen(head) < 20 ? (int)(len - strlen(head))
								    : 20,
					    line + strlen(head));
		return 0;
	}
	if (begins_with(line, len, sample))
		return take_sample(w, line + strlen(sample), len - strlen(sample));
	if (begins_with(line, len, stack))
		return take_stack(w, line + strlen(stack), len - strlen(stack));
	if (!len)
		return 0;
	if (*line == '#')
		return take_comment(w, line, len);
	return import_wrong(w, -EBADMSG, "neither a stack nor a sample: %.*s",
			    len < 40 ? (int)len : 40, line);
}
