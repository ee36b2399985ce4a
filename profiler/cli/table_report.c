/* See table_report.h. */
#include "profiler/cli/table_report.h"

#include <elf.h>
#include <inttypes.h>

static double table_bytes(const struct unwind_table *t)
{
	return (double)t->n_rows * sizeof(*t->rows) + (double)t->n_rules * sizeof(*t->rules);
}

static double per(double sum, uint64_t n)
{
	return n ? sum / (double)n : 0;
}

static uint64_t unsaid(const struct unwind_verdict *v)
{
	uint64_t n = 0;

	for (int i = 0; i < UNWIND_KIND_COUNT; i++)
		n += v->unsaid[i];
	return n;
}

static void kinds_in_words(const struct unwind_table *t, struct buf *out)
{
	buf_add_str(out, "  kinds     ");
	for (int i = 0; i < UNWIND_KIND_COUNT; i++)
		if (t->kinds[i])
			buf_printf(out, " %s %u", unwind_kind_name((enum unwind_kind)i),
				   t->kinds[i]);
	buf_add_char(out, '\n');
}

static void verdict_in_words(const struct unwind_verdict *v, struct buf *out)
{
	uint64_t more =
		v->mismatches > UNWIND_MISMATCHES_KEPT ? v->mismatches - UNWIND_MISMATCHES_KEPT : 0;

	buf_printf(out, "  verified   %" PRIu64 " comparisons with libdw: %" PRIu64 " mismatches",
		   v->compared, v->mismatches);
	if (unsaid(v))
		buf_printf(out, "; %" PRIu64 " that no row can say", unsaid(v));
	if (v->refused)
		buf_printf(out, "; %" PRIu64 " of which libdw says nothing", v->refused);
	if (v->entry)
		buf_printf(out, "; %" PRIu64 " of an entry point without CFI", v->entry);
	if (v->derived)
		buf_printf(out, "; %" PRIu64 " of derived rows", v->derived);
	buf_add_char(out, '\n');
	for (uint64_t i = 0; i < v->mismatches - more; i++)
		buf_printf(out, "    %#" PRIx64 ": %s\n", v->mismatch[i].address,
			   v->mismatch[i].text);
	if (more)
		buf_printf(out, "    and %" PRIu64 " more\n", more);
}

void table_report_words(const char *path, const struct protocol_table *t, struct buf *out)
{
	const struct unwind_table *u = &t->table;

	if (!u->n_rows) {
		buf_printf(out, "%s: no table: %s\n", path, unwind_source_sentence(u->source));
	} else {
		buf_printf(out, "%s: %s\n", path, unwind_source_sentence(u->source));
		buf_printf(out,
			   "  rows       %u in %u pages, of %u rows of CFI and the holes between\n",
			   u->n_rows, u->n_pages, u->n_cfi_rows);
		buf_printf(out, "  size       %.0f bytes, %.2f a row, with %u rules\n",
			   table_bytes(u), per(table_bytes(u), u->n_rows), u->n_rules);
		kinds_in_words(u, out);
		buf_printf(out, "  compiled   in %.2f ms, %.0f ns a row of CFI, from %u FDEs\n",
			   (double)t->compile_ns / 1e6, per((double)t->compile_ns, u->n_cfi_rows),
			   u->n_fdes);
	}
	if (u->n_derived)
		buf_printf(out, "  derived    %u rows of code without CFI, from its instructions\n",
			   u->n_derived);
	if (u->n_bad)
		buf_printf(out, "  corrupt    %u entries of CFI are left out\n", u->n_bad);
	if (u->n_overlaps)
		buf_printf(out, "  overlap    %u FDEs are cut to what no other had before\n",
			   u->n_overlaps);
	if (t->judged)
		verdict_in_words(&t->verdict, out);
}

static void verdict_as_json(const struct unwind_verdict *v, struct json *j)
{
	uint64_t kept =
		v->mismatches < UNWIND_MISMATCHES_KEPT ? v->mismatches : UNWIND_MISMATCHES_KEPT;

	json_key(j, "verify");
	json_object_begin(j);
	json_kv_u64(j, "compared", v->compared);
	json_kv_u64(j, "mismatches", v->mismatches);
	json_kv_u64(j, "unsaid", unsaid(v));
	json_kv_u64(j, "refused", v->refused);
	json_kv_u64(j, "entry", v->entry);
	json_kv_u64(j, "derived", v->derived);
	json_key(j, "first");
	json_array_begin(j);
	for (uint64_t i = 0; i < kept; i++) {
		json_object_begin(j);
		json_kv_u64(j, "address", v->mismatch[i].address);
		json_kv_str(j, "what", v->mismatch[i].text);
		json_object_end(j);
	}
	json_array_end(j);
	json_object_end(j);
}

static const char *machine_name(uint16_t machine)
{
	return machine == EM_X86_64 ? "x86-64" : machine == EM_AARCH64 ? "arm64" : "other";
}

void table_report_json(const char *path, const struct protocol_table *t, struct json *j)
{
	const struct unwind_table *u = &t->table;

	json_object_begin(j);
	json_kv_str(j, "path", path);
	json_kv_str(j, "machine", machine_name(u->machine));
	json_kv_str(j, "source", unwind_source_name(u->source));
	json_kv_u64(j, "fdes", u->n_fdes);
	json_kv_u64(j, "cfi_rows", u->n_cfi_rows);
	json_kv_u64(j, "derived_rows", u->n_derived);
	json_kv_u64(j, "rows", u->n_rows);
	json_kv_u64(j, "pages", u->n_pages);
	json_kv_u64(j, "rules", u->n_rules);
	json_kv_u64(j, "bytes", (uint64_t)table_bytes(u));
	json_kv_double(j, "bytes_per_row", per(table_bytes(u), u->n_rows));
	json_kv_u64(j, "corrupt", u->n_bad);
	json_kv_u64(j, "overlaps", u->n_overlaps);
	json_kv_u64(j, "compile_ns", t->compile_ns);
	json_key(j, "kinds");
	json_object_begin(j);
	for (int i = 0; i < UNWIND_KIND_COUNT; i++)
		json_kv_u64(j, unwind_kind_name((enum unwind_kind)i), u->kinds[i]);
	json_object_end(j);
	if (t->judged)
		verdict_as_json(&t->verdict, j);
	json_object_end(j);
}
