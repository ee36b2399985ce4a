/*
 * Copied stacks over a made file: three functions, of which the first has called the second, the
 * second is outermost, the third has no CFI; and CFI that would keep an unwinder busy.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "symbolizer/unwind/snapshot.h"
#include "tests/unit/unwind/make.h"

#define LOADED	    0x7f0000001000ull /* where the code's page is mapped */
#define LEAF	    (LOADED + 0x10)
#define OUTER	    (LOADED + 0x50)
#define BARE	    (LOADED + 0x90)
#define LOOP	    (LOADED + 0xd0)
#define SP	    0x7ffe00000000ull
#define FILE_NUMBER 5
#define WORDS	    8

#if defined(__x86_64__)
#define FP  6
#define RSP 7

static struct snapshot_walker *walker;
static struct snapshot_frame frames[ABI_USER_FRAMES_MAX];
static uint64_t stack[WORDS];
static unsigned int end_of_walk;

static const struct snapshot_mapping mapping = {
	.start = LOADED, .end = LOADED + 0x1000, .offset = MAKE_CODE_OFFSET, .file = FILE_NUMBER};

static void add_fdes(struct buf *b)
{
	size_t cie = make_cie(b, "z", BYTES(MAKE_BEGIN));

	/* the CFA is two words above the stack pointer */
	make_fde(b, cie, true, MAKE_CODE_ADDRESS, 0x40, BYTES(0x0e, 16));
	/* no return address */
	make_fde(b, cie, true, MAKE_CODE_ADDRESS + 0x40, 0x40, BYTES(0x07, 16));
	/* the CFA is an expression that jumps to its own beginning */
	make_fde(b, cie, true, MAKE_CODE_ADDRESS + 0xc0, 0x40, BYTES(0x0f, 3, 0x2f, 0xfd, 0xff));
}

static int begin(void **state)
{
	int fd = memfd_create("made", MFD_CLOEXEC);
	struct buf eh_frame;
	uint8_t *file;
	size_t bytes;

	(void)state;
	buf_init(&eh_frame, 1u << 16);
	add_fdes(&eh_frame);
	file = make_elf(&(struct make_file){.eh_frame = &eh_frame}, &bytes);
	assert_int_equal(write(fd, file, bytes), bytes);
	assert_int_equal(snapshot_walker_new(&walker), 0);
	assert_int_equal(snapshot_walker_add(walker, FILE_NUMBER, fd, NULL), 0);
	assert_int_equal(snapshot_walker_add(walker, FILE_NUMBER, fd, NULL), -EEXIST);
	memset(stack, 0, sizeof(stack));
	free(file);
	buf_done(&eh_frame);
	close(fd);
	return 0;
}

static int end(void **state)
{
	(void)state;
	snapshot_walker_free(walker);
	return 0;
}

static uint32_t walk_with(uint64_t pc, uint64_t fp, uint32_t stack_bytes)
{
	struct snapshot s = {
		.pc = pc,
		.n_registers = snapshot_registers(),
		.stack = (const uint8_t *)stack,
		.stack_bytes = stack_bytes,
		.mappings = &mapping,
		.n_mappings = 1,
	};

	s.registers[FP] = fp;
	s.registers[RSP] = SP;
	return snapshot_walk(walker, &s, frames, &end_of_walk);
}

static uint32_t walk(uint64_t pc, uint64_t fp)
{
	return walk_with(pc, fp, sizeof(stack));
}

static void by_cfi_to_the_root(void **state)
{
	(void)state;
	stack[1] = OUTER;
	assert_int_equal(walk(LEAF, 0), 2);
	assert_int_equal(end_of_walk, ABI_END_ROOT);
	assert_int_equal(frames[0].address, LEAF);
	assert_int_equal(frames[0].flags, 0);
	assert_int_equal(frames[1].address, OUTER - 1);
	assert_int_equal(frames[1].flags, ABI_FRAME_RETURN);
}

static void code_without_cfi_is_left_by_its_frame_pointer(void **state)
{
	(void)state;
	stack[2] = 0x1234; /* its caller's frame pointer */
	stack[3] = LEAF;
	stack[5] = OUTER;
	assert_int_equal(walk(BARE, SP + 16), 3);
	assert_int_equal(end_of_walk, ABI_END_ROOT);
	assert_int_equal(frames[1].address, LEAF - 1);
	assert_int_equal(frames[1].flags, ABI_FRAME_RETURN | ABI_FRAME_BY_FP);
	assert_int_equal(frames[2].address, OUTER - 1);
	assert_int_equal(frames[2].flags, ABI_FRAME_RETURN);
	assert_int_equal(walk(BARE, 3), 1);
	assert_int_equal(end_of_walk, ABI_END_FP_SHORT);
}

static void a_return_address_that_is_no_code_ends_the_walk(void **state)
{
	(void)state;
	stack[1] = 0x1234;
	assert_int_equal(walk(LEAF, 0), 1);
	assert_int_equal(end_of_walk, ABI_END_NOT_CODE);
	assert_int_equal(walk(0x1234, 0), 0);
	assert_int_equal(end_of_walk, ABI_END_NOT_CODE);
}

static void where_the_copy_ends_is_said(void **state)
{
	static uint64_t full[ABI_STACK_BYTES_MAX / 8];
	struct snapshot s = {
		.pc = LEAF,
		.n_registers = snapshot_registers(),
		.stack = (const uint8_t *)full,
		.stack_bytes = sizeof(full),
		.mappings = &mapping,
		.n_mappings = 1,
	};

	(void)state;
	stack[1] = LEAF;
	stack[3] = LEAF;
	assert_int_equal(walk_with(LEAF, 0, 32), 3);
	assert_int_equal(end_of_walk, ABI_END_UNREADABLE); /* there was no more to copy */
	assert_int_equal(walk_with(LEAF, 0, 12), 1);
	assert_int_equal(end_of_walk, ABI_END_UNREADABLE);
	for (size_t i = 1; i < ABI_STACK_BYTES_MAX / 8; i += 2)
		full[i] = i < 64 ? LEAF : BARE;
	full[63] = BARE;
	s.registers[RSP] = SP;
	s.registers[FP] = SP + 64 * 8;
	full[64] = SP + ABI_STACK_BYTES_MAX; /* a frame that is not in the copy */
	assert_int_equal(snapshot_walk(walker, &s, frames, &end_of_walk), 34);
	assert_int_equal(end_of_walk, ABI_END_NOT_COPIED);
}

static void recursion_without_end_is_too_deep(void **state)
{
	static uint64_t deep[ABI_STACK_BYTES_MAX / 8];
	struct snapshot s = {
		.pc = LEAF,
		.n_registers = snapshot_registers(),
		.stack = (const uint8_t *)deep,
		.stack_bytes = sizeof(deep),
		.mappings = &mapping,
		.n_mappings = 1,
	};

	(void)state;
	for (size_t i = 1; i < ABI_STACK_BYTES_MAX / 8; i += 2)
		deep[i] = LEAF;
	s.registers[RSP] = SP;
	assert_int_equal(snapshot_walk(walker, &s, frames, &end_of_walk), ABI_USER_FRAMES_MAX);
	assert_int_equal(end_of_walk, ABI_END_TOO_DEEP);
}

static void an_expression_without_end_is_bounded(void **state)
{
	(void)state;
	assert_int_equal(walk(LOOP, 0), 1);
	assert_int_equal(end_of_walk, ABI_END_EXPRESSION);
}

static void a_forgotten_file_is_code_without_cfi(void **state)
{
	(void)state;
	stack[1] = OUTER;
	snapshot_walker_forget(walker, FILE_NUMBER);
	assert_int_equal(walk(LEAF, 3), 1);
	assert_int_equal(end_of_walk, ABI_END_FP_SHORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(by_cfi_to_the_root, begin, end),
		cmocka_unit_test_setup_teardown(code_without_cfi_is_left_by_its_frame_pointer,
						begin, end),
		cmocka_unit_test_setup_teardown(a_return_address_that_is_no_code_ends_the_walk,
						begin, end),
		cmocka_unit_test_setup_teardown(where_the_copy_ends_is_said, begin, end),
		cmocka_unit_test_setup_teardown(recursion_without_end_is_too_deep, begin, end),
		cmocka_unit_test_setup_teardown(an_expression_without_end_is_bounded, begin, end),
		cmocka_unit_test_setup_teardown(a_forgotten_file_is_code_without_cfi, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

/* The made file and its CFI are x86-64's. */
int main(void)
{
	return 77;
}

#endif
