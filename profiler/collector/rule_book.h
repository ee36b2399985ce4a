/*
 * The dictionary of unwind rules that all objects share in the kernel: each rule once, with how
 * many rows name it.
 *
 * The rules stand in memory that the kernel reads at any time, so that a rule's place is written
 * before rows name it, and given to another only after rule_book_release() said that nobody can
 * still see it. Not thread-safe.
 */
#pragma once

#include "bpf/unwind_table.h"

#include <stdint.h>

/* Numbers with a meaning of their own. */
#define RULE_BOOK_HOLE 0
#define RULE_BOOK_FULL 1 /* an EXPRESSION: the dictionary had no room for what the row says */

struct rule_book;

/* memory: what the kernel reads, zeroed; outlives the book. */
int rule_book_new(struct unwind_dictionary *memory, struct rule_book **ret);
struct rule_book *rule_book_free(struct rule_book *b);

/*
 * The number of rule, found or added; RULE_BOOK_FULL where `max` rules are in use (as counted by
 * rule_book_used()), or -ENOMEM. It is not kept before the first rule_book_hold().
 */
int rule_book_add(struct rule_book *b, const struct unwind_rule *rule, uint32_t max);
void rule_book_hold(struct rule_book *b, uint32_t number, uint32_t rows);
void rule_book_drop(struct rule_book *b, uint32_t number, uint32_t rows);
/* The rules that no row names any more may be given to others: nobody walks by them now. */
void rule_book_release(struct rule_book *b);

uint32_t rule_book_used(const struct rule_book *b);
