/*
 * Fuzzer of the unwind-table compiler. The first byte says what the rest is: `e` an ELF file, `s`
 * an .eh_frame and `d` a .debug_frame of a made file, `c` a cache behind its checksum, which is put
 * right, `x` code without CFI.
 *
 * What must hold: a table that was compiled is accepted as its own cache, and every row is found;
 * derived rules rise, and have a frame.
 * The corpus is written by make_cfi_corpus.py.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/base/hash.h"
#include "symbolizer/unwind/derive.h"
#include "tests/unit/unwind/make.h"

#define HEAD_BYTES 24
#define CACHE_MAX  (64u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* Once: loading the library takes longer than a run. */
static const struct disassembler *disassembler(void)
{
	static struct disassembler *d;
	struct err err = {};

	if (!d)
		must(disassembler_new(&d, &err) == 0);
	return d;
}

static void must_find_rows(const struct unwind_table *t)
{
	for (uint32_t i = 0; i < t->n_pages; i++)
		for (uint32_t j = 0; j < t->pages[i].n_rows; j++) {
			const struct unwind_row *row = &t->rows[t->pages[i].first_row + j];
			uint64_t at = ((uint64_t)t->pages[i].number << UNWIND_PAGE_BITS) + row->low;
			const struct unwind_rule *rule = unwind_table_find(t, at);

			must(rule == NULL || rule == &t->rules[row->rule]);
		}
}

static void must_be_its_own_cache(const struct unwind_table *t)
{
	struct unwind_table again = {};
	struct buf b;

	buf_init(&b, CACHE_MAX);
	must(unwind_table_write(t, &b) == 0);
	must(unwind_table_parse(b.data, b.len, &again) == 0);
	must(again.n_rows == t->n_rows && again.n_pages == t->n_pages);
	must(memcmp(again.kinds, t->kinds, sizeof(t->kinds)) == 0);
	must_find_rows(&again);
	unwind_table_done(&again);
	buf_done(&b);
}

static void fuzz_elf(const uint8_t *data, size_t len)
{
	struct unwind_input in = {.data = data, .bytes = len, .disassembler = disassembler()};
	struct unwind_table t = {};
	struct err err = {};

	if (unwind_compile(&in, &t, &err) < 0) {
		must(t.rows == NULL && err.text[0] != '\0');
		return;
	}
	must_be_its_own_cache(&t);
	unwind_table_done(&t);
}

static void fuzz_section(const uint8_t *data, size_t len, bool is_eh)
{
	struct buf section = {.data = (uint8_t *)data, .len = len};
	struct make_file f = {.eh_frame = is_eh ? &section : NULL,
			      .debug_frame = is_eh ? NULL : &section,
			      .entry = MAKE_CODE_ADDRESS + 0x80,
			      .code_bytes = 0x20000};
	size_t bytes;
	uint8_t *file = make_elf(&f, &bytes);

	fuzz_elf(file, bytes);
	free(file);
}

static void fuzz_cache(const uint8_t *data, size_t len)
{
	uint8_t *cache = calloc(1, HEAD_BYTES + len);
	uint64_t sum = hash_bytes_keyed(0, 0, data, len);
	struct unwind_table t = {};

	must(cache != NULL);
	memcpy(cache, "HUNWIND\0\3", 9);
	memcpy(cache + 16, &sum, sizeof(sum));
	memcpy(cache + HEAD_BYTES, data, len);
	if (unwind_table_parse(cache, HEAD_BYTES + len, &t) == 0)
		must_find_rows(&t);
	unwind_table_done(&t);
	free(cache);
}

static bool is_rule(void *ctx, uint64_t address, const struct unwind_rule *rule)
{
	(void)ctx;
	return address % 2 == 0 && rule->cfa_offset == 8;
}

static int take_rule(void *ctx, size_t at, const struct unwind_rule *rule)
{
	size_t *next = ctx;

	must(at >= *next);
	*next = at + 1;
	if (rule)
		must(rule->kind == UNWIND_KIND_CFA && rule->cfa_offset >= 8 &&
		     -rule->fp_offset <= rule->cfa_offset);
	return 0;
}

static void fuzz_code(const uint8_t *data, size_t len)
{
	size_t next = 0;
	struct derive hole = {.code = data,
			      .bytes = len,
			      .address = MAKE_CODE_ADDRESS,
			      .is_rule = is_rule,
			      .take = take_rule,
			      .ctx = &next};
	struct code_steps *steps;

	if (len == 0 || len > DERIVE_BYTES_MAX)
		return;
	must(code_steps_open(disassembler(), &steps) == 0);
	must(derive_rules(&hole, steps) == 0);
	must(next <= len);
	code_steps_close(steps);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t *rest;

	if (len == 0)
		return 0;
	rest = malloc(len); /* aligned, as a mapped file is */
	must(rest != NULL);
	memcpy(rest, data + 1, len - 1);
	if (data[0] == 'e')
		fuzz_elf(rest, len - 1);
	else if (data[0] == 's' || data[0] == 'd')
		fuzz_section(rest, len - 1, data[0] == 's');
	else if (data[0] == 'c')
		fuzz_cache(rest, len - 1);
	else if (data[0] == 'x')
		fuzz_code(rest, len - 1);
	free(rest);
	return 0;
}
