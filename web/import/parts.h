/*
 * What the formats share: the file's tables as a profile, and where in the file we are. Each format
 * gets lines (or, pprof, all bytes) and calls import_sample().
 */
#pragma once

#include "profiler/base/buf.h"
#include "profiler/base/hash.h"
#include "web/import/import.h"

#include <zlib.h>

struct import_stack {
	uint64_t id; /* of the file */
	size_t at, len; /* its text */
	uint32_t stack; /* in p, where generation is the present one */
	uint32_t generation;
};

struct import_label_set {
	size_t at, len; /* in label_text: the fields that it was made of */
	uint32_t labels;
};

struct import {
	struct import_options options;
	enum import_format format;
	struct import_counts counts;
	struct err err; /* the first failure */

	/* tables */
	struct profile *p;
	uint32_t generation; /* counts profiles, from 1 on: ids of an earlier one are void */
	struct import_batch sent;
	size_t sent_text;
	uint32_t object[PROFILE_FRAME_COUNT]; /* UINT32_MAX: not made yet */
	struct idmap chains; /* lines and kind -> location */
	struct idmap reasons; /* of incomplete stacks -> location */

	/* bytes on their way */
	enum { PACKING_UNKNOWN, PACKING_NONE, PACKING_GZIP } packing;
	bool inflating; /* stream is to be ended */
	bool member_ended;
	z_stream stream;
	struct buf held; /* unfinished line; pprof: everything */
	uint64_t line; /* number of the present one, from 1 on */
	struct buf text; /* scratch */

	/* samples */
	struct buf stack_text;
	struct import_stack *stacks;
	uint32_t n_stacks, cap_stacks;
	struct idmap stack_by_id;
	struct buf label_text;
	struct import_label_set *sets;
	uint32_t n_sets, cap_sets;
	struct idmap set_by_text;
	uint32_t sets_generation;

	/* perf: the sample at hand */
	bool in_sample, skip_sample;
	bool times_known;
	int64_t shift_ms; /* wall clock less perf's */
	uint64_t time_ms;
	uint32_t labels;
	struct buf event; /* the first one's name */
	struct buf frames; /* struct perf_frame, leaf first */
};

/* The sentence "line N: ..." unless there is one already; returns code. */
int import_wrong(struct import *w, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- tables.c ---- */

int import_begin_profile(struct import *w);
/* Numbers or negative errno. */
int64_t import_function(struct import *w, const char *name, size_t len);
/* lines: innermost first, n at least 1; equal ones of a kind are one location. */
int64_t import_location(struct import *w, enum profile_frame_kind kind,
			const struct profile_line *lines, uint32_t n);
int64_t import_incomplete(struct import *w, const char *reason, size_t len);
/* A stack of folded frames, root first: `a;b_[i];c_[k]`, perhaps with `[incomplete: REASON]`. */
int64_t import_stack_text(struct import *w, const char *text, size_t len);

/* One label into l; -EBADMSG with a sentence for a number that is none, or too many labels. */
int import_label(struct import *w, struct profile_labels *l, const char *key, size_t key_len,
		 const char *value, size_t value_len);
/* The set with our own label. */
int64_t import_labels(struct import *w, struct profile_labels *l);

/* Adds it and hands out a batch where enough came together: numbers may be void afterwards. */
int import_sample(struct import *w, uint64_t time_ms, uint32_t stack, uint32_t labels,
		  uint64_t count);
int import_hand_out(struct import *w);

/* A decimal number without anything else; false where it is not one of 64 bits. */
bool import_number(const char *s, size_t len, uint64_t *ret);

/* ---- one a format ---- */

int import_samples_line(struct import *w, const char *line, size_t len);
int import_folded_line(struct import *w, const char *line, size_t len);
int import_perf_line(struct import *w, const char *line, size_t len);
int import_perf_end(struct import *w);
bool import_perf_is_header(const char *line, size_t len);
int import_pprof(struct import *w, const void *data, size_t len);
