/*
 * Nearest words by edit distance with transpositions (Damerau-Levenshtein, restricted); see
 * suggest.h.
 */
#include "profiler/cli/suggest.h"

#include <string.h>

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

static unsigned int distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned int row[3][SUGGEST_WORD_BYTES + 1];
	unsigned int *before = row[0], *last = row[1], *now = row[2];

	for (size_t j = 0; j <= b_len; j++) {
		before[j] = 0;
		last[j] = (unsigned int)j;
	}
	for (size_t i = 1; i <= a_len; i++) {
		unsigned int *oldest = before;

		now[0] = (unsigned int)i;
		for (size_t j = 1; j <= b_len; j++) {
			now[j] = least(last[j - 1] + (a[i - 1] != b[j - 1]),
				       least(last[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = least(now[j], before[j - 2] + 1);
		}
		before = last;
		last = now;
		now = oldest;
	}
	return last[b_len];
}

const char *suggest_nearest(const char *typed, const char *const *words, size_t n)
{
	size_t typed_len = strlen(typed);
	unsigned int near = (typed_len <= 3 ? 1 : typed_len <= 6 ? 2 : 3) + 1;
	const char *found = NULL, *begins = NULL;

	if (typed_len == 0 || typed_len > SUGGEST_WORD_BYTES)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t len = words[i] ? strlen(words[i]) : 0;
		unsigned int d;

		if (len == 0 || len > SUGGEST_WORD_BYTES)
			continue;
		d = distance(typed, typed_len, words[i], len);
		/* Words that have nothing in common but their length are no neighbours. */
		if (d < near && d < len && d < typed_len) {
			near = d;
			found = words[i];
		}
		if (typed_len >= 2 && !begins && strncmp(words[i], typed, typed_len) == 0)
			begins = words[i];
	}
	return begins ? begins : found;
}
