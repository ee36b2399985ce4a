/*
 * What every encoder starts from: samples added up by stack and labels, and why each stack is
 * incomplete.
 */
#pragma once

#include "profiler/base/json.h"
#include "storage/profile.h"

#include <stddef.h>
#include <stdint.h>

#define EXPORT_COMPLETE UINT32_MAX

struct export_row {
	uint32_t stack;
	uint32_t labels;
	uint64_t count;
};

struct export_rows {
	struct export_row *row; /* in order of first appearance */
	size_t n;
	uint64_t samples; /* sum of counts */
	uint32_t *reason; /* of each stack of the profile: a string, or EXPORT_COMPLETE */
};

/* 0 or -ENOMEM. The profile must not change while the rows are used. */
int export_rows_init(struct export_rows *r, const struct profile *p);
void export_rows_done(struct export_rows *r);

/* The members "lost" and "incomplete" of an open object: {REASON: samples}. 0 or -ENOMEM. */
int export_rows_losses(const struct export_rows *r, const struct profile *p, struct json *j);

/*
 * Samples of each incomplete reason: *ret[string of p], as many as p has strings; the caller frees.
 */
int export_rows_incomplete(const struct export_rows *r, const struct profile *p, uint64_t **ret);

/*
 * Locations of a stack, leaf first, without the incomplete mark, into an array that grows as
 * needed.
 */
struct export_path {
	uint32_t *location;
	uint32_t n, cap;
};

int export_path_read(struct export_path *path, const struct profile *p, uint32_t stack);
void export_path_done(struct export_path *path);
