/* Stacks, names and labels of a file as tables of one profile, in batches; see parts.h. */
#include "web/import/parts.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define UNMADE UINT32_MAX

/* ---- profiles and batches ---- */

int import_begin_profile(struct import *w)
{
	struct profile *p;
	int r = profile_new(false, &p);

	if (r < 0)
		return r;
	if (w->p)
		p->period_ns = w->p->period_ns;
	profile_free(w->p);
	w->p = p;
	w->generation++;
	w->sent = (struct import_batch){.p = p, .strings = 1, .stacks = 1, .fresh = true};
	w->sent_text = p->text_bytes;
	memset(w->object, 0xff, sizeof(w->object));
	idmap_clear(&w->chains);
	idmap_clear(&w->reasons);
	return 0;
}

int import_hand_out(struct import *w)
{
	struct profile *p = w->p;
	int r = w->options.take(w->options.arg, &w->sent);

	if (r < 0)
		return r;
	profile_clear_samples(p);
	w->sent = (struct import_batch){.p = p,
					.strings = p->n_strings,
					.functions = p->n_functions,
					.locations = p->n_locations,
					.stacks = p->n_stacks,
					.labels = p->n_labels};
	w->sent_text = p->text_bytes;
	return profile_bytes(p) > IMPORT_PROFILE_BYTES ? import_begin_profile(w) : 0;
}

/* About as many bytes as the new entries take on the way. */
static size_t new_bytes(const struct import *w)
{
	const struct profile *p = w->p;

	return p->text_bytes - w->sent_text + 16 * (size_t)(p->n_functions - w->sent.functions) +
	       16 * (size_t)(p->n_locations - w->sent.locations) +
	       8 * (size_t)(p->n_stacks - w->sent.stacks) +
	       64 * (size_t)(p->n_labels - w->sent.labels);
}

int import_sample(struct import *w, uint64_t time_ms, uint32_t stack, uint32_t labels,
		  uint64_t count)
{
	int r = profile_add_sample(w->p, time_ms * 1000000, stack, labels, count);

	if (r < 0)
		return r;
	w->counts.samples += count;
	w->counts.entries++;
	if (w->p->n_samples < IMPORT_BATCH_SAMPLES && new_bytes(w) < IMPORT_BATCH_BYTES)
		return 0;
	return import_hand_out(w);
}

/* ---- names ---- */

int64_t import_function(struct import *w, const char *name, size_t len)
{
	int64_t id = profile_string_len(w->p, name, len);
	struct profile_function f = {.name = (uint32_t)id, .system_name = (uint32_t)id};

	return id < 0 ? id : profile_function(w->p, &f);
}

static int64_t object_of(struct import *w, enum profile_frame_kind kind)
{
	struct profile_object o = {.kind = PROFILE_OBJECT_SYMBOL};
	int64_t id;

	if (w->object[kind] != UNMADE)
		return w->object[kind];
	id = profile_string(w->p, profile_frame_kind_name(kind));
	if (id < 0)
		return id;
	o.path = (uint32_t)id;
	id = profile_object(w->p, &o);
	if (id >= 0)
		w->object[kind] = (uint32_t)id;
	return id;
}

static bool is_chain(const struct import *w, uint32_t location, uint32_t object,
		     const struct profile_line *lines, uint32_t n)
{
	const struct profile_location *l = &w->p->locations[location];

	return l->object == object && l->n_lines == n &&
	       !memcmp(&w->p->lines[l->first_line], lines, n * sizeof(*lines));
}

int64_t import_location(struct import *w, enum profile_frame_kind kind,
			const struct profile_line *lines, uint32_t n)
{
	uint64_t hash = hash_bytes(lines, n * sizeof(*lines)) + kind;
	int64_t object = object_of(w, kind), id;
	uint32_t at, found;
	int r;

	if (object < 0)
		return object;
	for (found = idmap_first(&w->chains, hash, &at); found != IDMAP_NONE;
	     found = idmap_next(&w->chains, hash, &at))
		if (is_chain(w, found, (uint32_t)object, lines, n))
			return found;
	id = profile_location(w->p, (uint32_t)object, w->p->n_locations);
	if (id < 0)
		return id;
	r = profile_set_lines(w->p, (uint32_t)id, lines, n);
	if (r >= 0)
		r = idmap_add(&w->chains, hash, (uint32_t)id);
	return r < 0 ? r : id;
}

int64_t import_incomplete(struct import *w, const char *reason, size_t len)
{
	struct profile_object o = {.kind = PROFILE_OBJECT_INCOMPLETE};
	int64_t id = profile_string_len(w->p, reason, len);

	if (id < 0)
		return id;
	o.path = (uint32_t)id;
	id = profile_object(w->p, &o);
	return id < 0 ? id : profile_location(w->p, (uint32_t)id, 0);
}

/* ---- folded frames ---- */

static bool ends_with(const char *s, size_t len, const char *suffix)
{
	size_t n = strlen(suffix);

	return len > n && !memcmp(s + len - n, suffix, n);
}

/* The kind that the frame's suffix tells, which leaves. */
static enum profile_frame_kind kind_of(const char *s, size_t *len)
{
	for (int k = 0; k < PROFILE_FRAME_COUNT; k++) {
		const char *suffix = profile_frame_kind_suffix((enum profile_frame_kind)k);

		if (!*suffix || !ends_with(s, *len, suffix))
			continue;
		*len -= strlen(suffix);
		return (enum profile_frame_kind)k;
	}
	return PROFILE_FRAME_NATIVE;
}

/* A frame and those that are inlined into it, outermost first. */
struct chain {
	struct profile_line lines[IMPORT_INLINED_MAX + 1]; /* from the end on */
	uint32_t n;
	enum profile_frame_kind kind;
};

static int64_t end_chain(struct import *w, struct chain *c, uint32_t parent)
{
	const struct profile_line *lines = &c->lines[IMPORT_INLINED_MAX + 1 - c->n];
	int64_t id;

	if (!c->n)
		return parent;
	id = import_location(w, c->kind, lines, c->n);
	c->n = 0;
	return id < 0 ? id : profile_stack(w->p, parent, (uint32_t)id);
}

static int64_t add_frame(struct import *w, struct chain *c, const char *s, size_t len,
			 uint32_t parent)
{
	enum profile_frame_kind kind = kind_of(s, &len);
	int64_t stack = parent, function;

	/* What is inlined into nothing stands for itself. */
	if (kind != PROFILE_FRAME_INLINED || !c->n) {
		stack = end_chain(w, c, parent);
		c->kind = kind == PROFILE_FRAME_INLINED ? PROFILE_FRAME_NATIVE : kind;
	}
	if (c->n > IMPORT_INLINED_MAX)
		return import_wrong(w, -EFBIG, "more than %d functions inlined into one",
				    IMPORT_INLINED_MAX);
	function = stack < 0 ? stack : import_function(w, s, len);
	if (function < 0)
		return function;
	c->lines[IMPORT_INLINED_MAX - c->n++] =
		(struct profile_line){.function = (uint32_t)function};
	return stack;
}

/* The length of `[incomplete: REASON]` at the beginning, with the ';' behind it; 0: none. */
static size_t incomplete_mark(const char *s, size_t len, size_t *ret_at, size_t *ret_len)
{
	static const char begin[] = "[incomplete: ";
	const char *end = memchr(s, ';', len);
	size_t n = end ? (size_t)(end - s) : len;

	if (n <= strlen(begin) || memcmp(s, begin, strlen(begin)) || s[n - 1] != ']')
		return 0;
	*ret_at = strlen(begin);
	*ret_len = n - strlen(begin) - 1;
	return end ? n + 1 : n;
}

int64_t import_stack_text(struct import *w, const char *text, size_t len)
{
	struct chain chain = {};
	size_t at = 0, reason_at, reason_len, mark = 0;
	uint32_t frames = 0;
	int64_t stack = 0;

	if (len)
		mark = incomplete_mark(text, len, &reason_at, &reason_len);
	if (mark) {
		int64_t id = import_incomplete(w, text + reason_at, reason_len);

		stack = id < 0 ? id : profile_stack(w->p, 0, (uint32_t)id);
		at = mark;
	}
	while (at < len && stack >= 0) {
		const char *end = memchr(text + at, ';', len - at);
		size_t n = end ? (size_t)(end - text) - at : len - at;

		if (++frames > IMPORT_FRAMES_MAX)
			return import_wrong(w, -EFBIG, "more than %d frames", IMPORT_FRAMES_MAX);
		if (n)
			stack = add_frame(w, &chain, text + at, n, (uint32_t)stack);
		at += n + 1;
	}
	return stack < 0 ? stack : end_chain(w, &chain, (uint32_t)stack);
}

/* ---- labels ---- */

bool import_number(const char *s, size_t len, uint64_t *ret)
{
	uint64_t v = 0;

	if (!len || len > 20)
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned int digit = (unsigned int)s[i] - '0';

		if (digit > 9 || v > (UINT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*ret = v;
	return true;
}

static int built_in(const char *key, size_t len)
{
	for (int i = 0; i < PROFILE_LABEL_COUNT; i++) {
		const char *name = profile_label_name((enum profile_label)i);

		if (strlen(name) == len && !memcmp(name, key, len))
			return i;
	}
	return -1;
}

static int put_built_in(struct import *w, struct profile_labels *l, enum profile_label which,
			const char *value, size_t len)
{
	uint64_t number;
	int64_t id;

	if (profile_label_is_number(which)) {
		if (!import_number(value, len, &number))
			return import_wrong(w, -EBADMSG, "the label %s is not a number: %.*s",
					    profile_label_name(which), len < 40 ? (int)len : 40,
					    value);
		l->value[which] = number;
	} else {
		id = profile_string_len(w->p, value, len);
		if (id < 0)
			return (int)id;
		l->value[which] = (uint64_t)id;
	}
	l->has |= 1u << which;
	return 0;
}

int import_label(struct import *w, struct profile_labels *l, const char *key, size_t key_len,
		 const char *value, size_t value_len)
{
	int which = built_in(key, key_len);
	int64_t k, v;

	if (!value_len)
		return 0; /* a missing one */
	if (which >= 0)
		return put_built_in(w, l, (enum profile_label)which, value, value_len);
	/* That of an earlier import gives way to ours. */
	if (key_len == strlen(IMPORT_LABEL) && !memcmp(key, IMPORT_LABEL, key_len))
		return 0;
	if (l->n_extra == PROFILE_EXTRA_LABELS_MAX - 1)
		return import_wrong(w, -EFBIG, "more than %d labels besides the built-in ones",
				    PROFILE_EXTRA_LABELS_MAX - 1);
	k = profile_string_len(w->p, key, key_len);
	v = profile_string_len(w->p, value, value_len);
	if (k < 0 || v < 0)
		return k < 0 ? (int)k : (int)v;
	l->extra[l->n_extra++] = (struct profile_extra_label){(uint32_t)k, (uint32_t)v};
	return 0;
}

int64_t import_labels(struct import *w, struct profile_labels *l)
{
	int64_t key = profile_string(w->p, IMPORT_LABEL);
	int64_t value = profile_string(w->p, w->options.name);

	if (key < 0 || value < 0)
		return -ENOMEM;
	assert(l->n_extra < PROFILE_EXTRA_LABELS_MAX);
	l->extra[l->n_extra++] = (struct profile_extra_label){(uint32_t)key, (uint32_t)value};
	return profile_labels(w->p, l);
}
