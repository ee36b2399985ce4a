/*
 * Every unwind table against libdw: verify_files [-v] PATH...
 *
 * Folders are walked, symbolic links in them are not followed; what is no ELF file is passed over.
 * The sum comes last. Exit status 0: no mismatch, and something was compared; 1 otherwise; 77: of
 * the paths none exists.
 */
#include <elf.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "profiler/base/cleanup.h"
#include "profiler/base/quantity.h"
#include "symbolizer/disassemble.h"
#include "symbolizer/unwind/unwind.h"
#include "symbolizer/unwind/verify.h"

static struct {
	bool verbose;
	uint64_t files, without, failed, wrong;
	uint64_t rows, cfi_rows, bytes, rules_max, page_max, bad, overlaps, compile_ns;
	uint64_t source[UNWIND_SOURCE_COUNT], kinds[UNWIND_KIND_COUNT];
	uint64_t compared, refused, entry, derived, mismatches;
	uint64_t derived_rows, derived_files;
} sum;

static struct disassembler *disassembler;

static void add(const struct unwind_table *t, const struct unwind_verdict *v, uint64_t ns)
{
	sum.files++;
	sum.without += t->n_rows == 0;
	sum.source[t->source]++;
	sum.rows += t->n_rows;
	sum.cfi_rows += t->n_cfi_rows;
	sum.bad += t->n_bad;
	sum.overlaps += t->n_overlaps;
	sum.compile_ns += ns;
	if (t->n_rules > sum.rules_max)
		sum.rules_max = t->n_rules;
	for (uint32_t i = 0; i < t->n_pages; i++)
		if (t->pages[i].n_rows > sum.page_max)
			sum.page_max = t->pages[i].n_rows;
	for (int i = 0; i < UNWIND_KIND_COUNT; i++)
		sum.kinds[i] += t->kinds[i];
	sum.compared += v->compared;
	sum.refused += v->refused;
	sum.entry += v->entry;
	sum.derived += v->derived;
	sum.derived_rows += t->n_derived;
	sum.derived_files += t->n_derived != 0;
	sum.mismatches += v->mismatches;
	sum.wrong += v->mismatches != 0;
}

static void tell(const char *path, const struct unwind_table *t, const struct unwind_verdict *v)
{
	if (v->mismatches)
		printf("%s: %" PRIu64 " mismatches\n", path, v->mismatches);
	for (uint64_t i = 0; i < v->mismatches && i < UNWIND_MISMATCHES_KEPT; i++)
		printf("  %#" PRIx64 ": %s\n", v->mismatch[i].address, v->mismatch[i].text);
	if (t->kinds[UNWIND_KIND_EXPRESSION] || t->kinds[UNWIND_KIND_REGISTER])
		printf("%s: %u expressions, %u registers that no row can say\n", path,
		       t->kinds[UNWIND_KIND_EXPRESSION], t->kinds[UNWIND_KIND_REGISTER]);
	if (t->n_bad || v->refused)
		printf("%s: %u entries are corrupt; libdw refuses %" PRIu64 " addresses\n", path,
		       t->n_bad, v->refused);
	if (sum.verbose)
		printf("%s: %u rows, %u overlaps, %" PRIu64 " compared, %" PRIu64 " entry, %s\n",
		       path, t->n_rows, t->n_overlaps, v->compared, v->entry,
		       unwind_source_sentence(t->source));
}

static void verify(const char *path, const struct unwind_input *in)
{
	_cleanup_(unwind_table_done) struct unwind_table t = {};
	struct unwind_verdict v = {};
	struct err err = {};
	uint64_t start_ns = quantity_monotonic_ns(), ns;
	int r = unwind_compile(in, &t, &err);

	ns = quantity_monotonic_ns() - start_ns;
	if (r == 0)
		r = unwind_verify(in, &t, &v, &err);
	if (r < 0) {
		printf("%s: failed: %s\n", path, err_text(&err));
		sum.failed++;
		return;
	}
	add(&t, &v, ns);
	tell(path, &t, &v);
}

static void take_file(const char *path, const struct stat *st)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char magic[SELFMAG];
	void *data;

	if (fd < 0 || st->st_size < (off_t)sizeof(Elf64_Ehdr) ||
	    pread(fd, magic, sizeof(magic), 0) != sizeof(magic) ||
	    memcmp(magic, ELFMAG, SELFMAG) != 0)
		return;
	data = mmap(NULL, (size_t)st->st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return;
	verify(path, &(struct unwind_input){.data = data,
					    .bytes = (size_t)st->st_size,
					    .disassembler = disassembler});
	munmap(data, (size_t)st->st_size);
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)at;
	if (type == FTW_F && S_ISREG(st->st_mode))
		take_file(path, st);
	return 0;
}

static void tell_sum(void)
{
	printf("%" PRIu64 " ELF files, %" PRIu64 " without a table, %" PRIu64 " failed, %" PRIu64
	       " with mismatches\n",
	       sum.files, sum.without, sum.failed, sum.wrong);
	for (int i = 0; i < UNWIND_SOURCE_COUNT; i++)
		printf("  %8" PRIu64 " %s\n", sum.source[i],
		       unwind_source_sentence((enum unwind_source)i));
	printf("%" PRIu64 " rows of CFI, %" PRIu64 " after reduction, %" PRIu64
	       " corrupt entries, %" PRIu64 " overlaps\n",
	       sum.cfi_rows, sum.rows, sum.bad, sum.overlaps);
	for (int i = 0; i < UNWIND_KIND_COUNT; i++)
		printf("  %8" PRIu64 " %s\n", sum.kinds[i], unwind_kind_name((enum unwind_kind)i));
	printf("at most %" PRIu64 " rules a file, %" PRIu64 " rows a page; %.1f ns a row\n",
	       sum.rules_max, sum.page_max,
	       sum.cfi_rows ? (double)sum.compile_ns / (double)sum.cfi_rows : 0.0);
	printf("%" PRIu64 " comparisons, %" PRIu64 " mismatches; %" PRIu64
	       " refused by libdw, %" PRIu64 " of entry points\n",
	       sum.compared, sum.mismatches, sum.refused, sum.entry);
	printf("%" PRIu64 " rows of code without CFI in %" PRIu64 " files, %" PRIu64 " addresses\n",
	       sum.derived_rows, sum.derived_files, sum.derived);
}

int main(int argc, char **argv)
{
	struct err err = {};
	bool any = false;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (disassembler_new(&disassembler, &err) < 0) {
		fprintf(stderr, "%s\n", err_text(&err));
		return 1;
	}
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-v") == 0) {
			sum.verbose = true;
			continue;
		}
		if (access(argv[i], F_OK) < 0) {
			printf("%s: not on this machine\n", argv[i]);
			continue;
		}
		any = true;
		nftw(argv[i], visit, 64, FTW_PHYS);
	}
	if (!any)
		return 77;
	tell_sum();
	disassembler_free(disassembler);
	return sum.mismatches || sum.failed || sum.compared == 0;
}
