/* A stripped Go program, made by hand: where its table's addresses are found, and its answers. */
#include "symbolizer/source_go.h"
#include "tests/unit/symbolizer/make_go.h"

#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define AT	    0x400000u /* where the file is mapped */
#define TABLE_AT    0x1000u /* in it */
#define TREE_AT	    0x2000u
#define DATA_AT	    0x3000u
#define RELA_AT	    0x4000u
#define BYTES	    0x5000u
#define NAMES_FIELD 1 /* of the module data, in pointers */
#define TEXT_FIELD  22
#define GOFUNC_1_18 38
#define GOFUNC_1_20 40

struct program {
	uint8_t bytes[BYTES];
	struct elf_section sections[4];
	struct elf_segment segments[2];
	struct elf_image image;
	struct budget budget;
	struct source_go go;
};

static void put64(struct program *p, uint64_t at, uint64_t v)
{
	memcpy(p->bytes + at, &v, sizeof(v));
}

static void put_section(struct program *p, size_t i, const char *name, uint32_t type, uint64_t at,
			uint64_t size)
{
	struct elf_section *s = &p->sections[i];

	*s = (struct elf_section){.type = type,
				  .flags = SHF_ALLOC | SHF_WRITE,
				  .address = AT + at,
				  .offset = at,
				  .size = size};
	memcpy(s->name, name, strlen(name) + 1);
}

/* The module data at DATA_AT; in GO_1_16 nobody needs it. */
static void put_module_data(struct program *p, enum go_version version)
{
	uint64_t names_at;

	memcpy(&names_at, p->bytes + TABLE_AT + (version == GO_1_16 ? 24 : 32), sizeof(names_at));
	put64(p, DATA_AT + 64, AT + TABLE_AT); /* by chance: nothing of the module data follows */
	put64(p, DATA_AT + 128, AT + TABLE_AT);
	put64(p, DATA_AT + 128 + NAMES_FIELD * 8, AT + TABLE_AT + names_at);
	put64(p, DATA_AT + 128 + TEXT_FIELD * 8, MAKE_GO_TEXT);
	put64(p, DATA_AT + 128 + (version == GO_1_18 ? GOFUNC_1_18 : GOFUNC_1_20) * 8,
	      AT + TREE_AT);
}

static void make(struct program *p, enum go_version version)
{
	struct make_go m;

	*p = (struct program){.budget.bytes_max = 1 << 20};
	make_go(version, &m);
	memcpy(p->bytes + TABLE_AT, m.table.data, m.table.len);
	memcpy(p->bytes + TREE_AT, m.tree.data, m.tree.len);
	put_section(p, 1, ".gopclntab", SHT_PROGBITS, TABLE_AT, m.table.len);
	put_section(p, 2, ".noptrdata", SHT_PROGBITS, DATA_AT, 0x1000);
	put_section(p, 3, ".rela", SHT_RELA, RELA_AT, 4 * sizeof(Elf64_Rela));
	put_module_data(p, version);
	p->segments[0] = (struct elf_segment){
		.type = PT_LOAD, .address = AT, .file_bytes = BYTES, .memory_bytes = BYTES};
	p->segments[1] = (struct elf_segment){.type = PT_LOAD,
					      .address = MAKE_GO_TREE_AT,
					      .offset = TREE_AT,
					      .file_bytes = 64,
					      .memory_bytes = 64};
	p->image = (struct elf_image){.data = p->bytes,
				      .size = BYTES,
				      .is_64 = true,
				      .machine = EM_X86_64,
				      .segments = p->segments,
				      .n_segments = 2,
				      .sections = p->sections,
				      .n_sections = 4};
	source_go_init(&p->go, &p->image, &p->budget);
	make_go_done(&m);
}

static void check_line(const struct sym_line *line, const char *function, const char *file,
		       uint32_t number)
{
	assert_string_equal(line->function, function);
	assert_string_equal(line->file, file);
	assert_int_equal(line->line, number);
	assert_null(line->system_name);
}

static void check_answers(struct program *p)
{
	struct answer a;

	answer_clear(&a);
	assert_int_equal(source_go_name(&p->go, MAKE_GO_TEXT + 0x18, &a), 0);
	assert_int_equal(a.n, 2);
	check_line(&a.lines[0], "main.cold", "/src/b.go", 3);
	check_line(&a.lines[1], "main.outer", "/src/a.go", 12); /* where the call is */
	answer_clear(&a);
	assert_int_equal(source_go_name(&p->go, MAKE_GO_TEXT, &a), 0);
	assert_int_equal(a.n, 1);
	check_line(&a.lines[0], "main.outer", "/src/a.go", 10);
	answer_clear(&a);
	assert_int_equal(source_go_name(&p->go, MAKE_GO_TEXT + 0x50, &a), 0);
	assert_int_equal(a.n, 0); /* between two functions */
	source_go_done(&p->go);
}

static void every_version_answers(void **state)
{
	static struct program p;

	(void)state;
	for (int v = GO_1_16; v <= GO_1_20; v++) {
		make(&p, (enum go_version)v);
		check_answers(&p);
	}
}

/* As another linker leaves a position-independent program: zeros, and relocations to fill them. */
static void pointers_that_are_still_to_be_relocated_are_found(void **state)
{
	static const size_t fields[] = {0, NAMES_FIELD, TEXT_FIELD, GOFUNC_1_20};
	static struct program p;

	(void)state;
	make(&p, GO_1_20);
	put64(&p, DATA_AT + 64, 0);
	for (size_t i = 0; i < 4; i++) {
		uint64_t at = DATA_AT + 128 + fields[i] * 8, value;
		Elf64_Rela r = {.r_offset = AT + at, .r_info = ELF64_R_INFO(0, R_X86_64_RELATIVE)};

		memcpy(&value, p.bytes + at, sizeof(value));
		r.r_addend = (Elf64_Sxword)value;
		memcpy(p.bytes + RELA_AT + i * sizeof(r), &r, sizeof(r));
		put64(&p, at, 0);
	}
	check_answers(&p);
}

static void without_the_module_data_it_passes(void **state)
{
	static struct program p;
	struct answer a;

	(void)state;
	make(&p, GO_1_20);
	memset(p.bytes + DATA_AT, 0, 0x1000);
	answer_clear(&a);
	assert_int_equal(source_go_name(&p.go, MAKE_GO_TEXT, &a), 0);
	assert_int_equal(a.n, 0);
	source_go_done(&p.go);
}

/* A call that stands at its own place: the chain would never end. */
static void calls_in_a_circle_end(void **state)
{
	static struct program p;
	struct answer a;

	(void)state;
	make(&p, GO_1_20);
	p.bytes[TREE_AT + 8] = 0x18; /* in the very code that is inlined */
	answer_clear(&a);
	assert_int_equal(source_go_name(&p.go, MAKE_GO_TEXT + 0x18, &a), 0);
	assert_true(a.n > 1 && a.n <= SYM_LINES_MAX);
	assert_string_equal(a.lines[a.n - 1].function, "main.outer");
	source_go_done(&p.go);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_version_answers),
		cmocka_unit_test(pointers_that_are_still_to_be_relocated_are_found),
		cmocka_unit_test(without_the_module_data_it_passes),
		cmocka_unit_test(calls_in_a_circle_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
