/*
 * Questions to a store, each cold (a reader that was just opened, of a file that no page of is in
 * memory) and then warm, and how long they took: the least of ASK_ROUNDS, since others use the
 * machine too.
 */
#pragma once

#include "storage/store.h"

#define ASK_ROUNDS 5

uint64_t bench_cpu_ns(void); /* of this process */
void bench_must(int r, const char *what, const struct err *err); /* or end with the sentence */

/* By stack alone, or by all label sets. */
void ask_profile(const char *path, const char *what, uint64_t from_ns, uint64_t until_ns,
		 const char *match, bool by_nothing);
void ask_heatmap(const char *path, uint64_t from_ns, uint64_t until_ns);
void ask_functions(const char *path, const char *what, uint64_t from_ns, uint64_t until_ns);
/* About 300 steps, by this label. */
void ask_series(const char *path, const char *what, uint64_t from_ns, uint64_t until_ns,
		const char *by);
