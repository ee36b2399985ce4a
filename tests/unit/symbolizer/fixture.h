/*
 * The programs that symbolizer tests ask about, and copies of them in memory that a test may
 * damage.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* A descriptor of build/tests/programs/NAME; the test fails without it. */
int fixture_open(const char *name);

/* A descriptor of a copy that can be written and truncated. */
int fixture_copy(const char *name);

/* A descriptor of a file in memory with these bytes. */
int fixture_bytes(const void *data, size_t len);

/*
 * The value of a symbol in .symtab of that program; its size where ret_size is not NULL. Fails
 * the test without.
 */
uint64_t fixture_symbol(const char *name, const char *symbol, uint64_t *ret_size);

/*
 * Line number `line` of a source file, in memory that stays until the next call; "" where there
 * is none.
 */
const char *fixture_source_line(const char *path, unsigned int line);
