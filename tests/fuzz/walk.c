/*
 * Fuzzer of the kernel's walk, natively: registers, a stack and tables of any content.
 *
 *	u8 flags			SYSCALL, NO_MAPPINGS, and which files have a table
 *	a word for each register	one byte of what it points to, two of where in it
 *	u8 n, n words			the stack
 *	u8 n, n rows of 14 bytes	u16 step and file, the 12 bytes of a rule
 *	u8 n, n marks of 6 bytes	u16 where, u32 what: written over what was loaded
 *
 * What must hold: no read outside of what there is, an end with a reason after 512 frames at most,
 * and every frame inside a mapping. The corpus is written by make_walk_corpus.py.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/base/buf.h"
#include "tests/replay/walk.h"

#define STACK	    0x7ffc0000ull
#define SYSCALL	    1
#define NO_MAPPINGS 2
#define TABLE(file) (4 << (file))
#define DICTIONARY  0x8000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct replay_mapping mappings[] = {
	{0x401000, 0x411000, 0x1000, ABI_OBJECT_FILE, "program"},
	{0x501000, 0x521000, 0xf000, ABI_OBJECT_FILE, "library"},
	{0x601000, 0x602000, 0, ABI_OBJECT_ANON, "-"},
	{0x701000, 0x702000, 0, ABI_OBJECT_NONE, "-"},
	{0x7fff1000, 0x7fff3000, 0, ABI_OBJECT_VDSO, "[vdso]"},
};

#define MAPPINGS (sizeof(mappings) / sizeof(mappings[0]))

static void must(bool holds)
{
	if (!holds)
		abort();
}

static uint16_t take_u16(struct cursor *c)
{
	const uint8_t *b = cursor_bytes(c, 2);

	return b ? (uint16_t)(b[0] | b[1] << 8) : 0;
}

static uint64_t take_word(struct cursor *c)
{
	uint8_t what = cursor_u8(c) & 15;
	uint16_t where = take_u16(c);

	if (what < MAPPINGS)
		return mappings[what].start + where;
	switch (what) {
	case 8:
		return STACK + where;
	case 9:
		return STACK + 8ull * (where & 255);
	case 10:
		return UINT64_MAX - where;
	case 11:
		return (uint64_t)where << 48;
	default:
		return where;
	}
}

static void take_stack(struct cursor *c, struct replay_case *to)
{
	uint64_t word[255];
	uint8_t n = cursor_u8(c);

	for (uint8_t i = 0; i < n; i++)
		word[i] = take_word(c);
	if (n)
		must(replay_case_add_memory(to, STACK, word, 8u * n) == 0);
}

/* Rules as the compiler can make them in their kind alone: the rest is anything. */
static void take_rows(struct cursor *c, struct replay_case *to)
{
	uint32_t at[2] = {0x1000, 0xf000};
	uint8_t n = cursor_u8(c);

	for (uint8_t i = 0; i < n && !c->err; i++) {
		uint16_t step = take_u16(c);
		struct replay_table *t = &to->table[step >> 15];
		const uint8_t *rule = cursor_bytes(c, sizeof(struct unwind_rule));

		if (!rule)
			break;
		at[step >> 15] += step & 0x7fff;
		if (t->n && t->rows[t->n - 1].offset == at[step >> 15])
			continue;
		t->rows[t->n].offset = at[step >> 15];
		memcpy(&t->rows[t->n].rule, rule, sizeof(struct unwind_rule));
		t->rows[t->n].rule.kind %= UNWIND_KIND_COUNT;
		t->n++;
	}
}

static void make_tables(struct replay_case *to, uint8_t flags)
{
	to->table = calloc(2, sizeof(*to->table));
	must(to->table != NULL);
	to->n_tables = 2;
	for (size_t i = 0; i < 2; i++) {
		to->table[i].rows = calloc(256, sizeof(*to->table[i].rows));
		must(to->table[i].rows != NULL);
		snprintf(to->table[i].object, REPLAY_NAME_BYTES, "%s",
			 mappings[flags & TABLE(i) ? i : 4].object);
	}
}

/* Over the dictionary, or over the first words of the pool: page entries and rows. */
static void scribble(struct cursor *c, struct replay_kernel *k)
{
	uint8_t n = cursor_u8(c);

	for (uint8_t i = 0; i < n; i++) {
		uint16_t where = take_u16(c);
		uint32_t what = cursor_u32(c);

		if (where & DICTIONARY)
			memcpy((uint32_t *)k->dictionary + (where & ~DICTIONARY), &what, 4);
		else if (k->chunk[0])
			k->chunk[0]->word[where] = what;
	}
}

static void must_hold(const struct replay_case *c, const struct replay_stack *s)
{
	must(s->n <= ABI_USER_FRAMES_MAX && s->steps <= ABI_USER_FRAMES_MAX + 1);
	must(s->end != ABI_END_NONE && s->end < ABI_END_COUNT);
	must(s->end != ABI_END_TOO_DEEP || s->n == ABI_USER_FRAMES_MAX);
	for (uint32_t i = 0; i < s->n; i++) {
		const struct replay_frame *f = &s->frame[i];
		uint64_t pc = f->pc - (f->flags & ABI_FRAME_RETURN ? ARCH_CALL_BYTES : 0);
		const struct replay_mapping *m = replay_case_mapping(c, pc);

		must(!(f->flags & ABI_FRAME_RETURN) || i > 0 || c->in_syscall);
		if (f->kind != ABI_OBJECT_RAW)
			must(m || !(f->flags & ABI_FRAME_RETURN));
		if (m && f->kind == ABI_OBJECT_FILE)
			must(f->offset == pc - m->start + m->offset);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct replay_stack found;
	struct cursor in = cursor_over(data, len);
	uint8_t flags = cursor_u8(&in);
	struct replay_kernel k;
	struct replay_case c;

	replay_case_init(&c);
	c.in_syscall = flags & SYSCALL;
	c.no_mappings = flags & NO_MAPPINGS;
	for (size_t i = 0; i < sizeof(c.regs) / 8; i++)
		((uint64_t *)&c.regs)[i] = take_word(&in);
	for (size_t i = 0; i < MAPPINGS; i++)
		must(replay_case_add_mapping(&c, &mappings[i]) == 0);
	take_stack(&in, &c);
	make_tables(&c, flags);
	take_rows(&in, &c);
	must(replay_kernel_init(&k) == 0);
	must(replay_kernel_load_case(&k, &c) == 0);
	scribble(&in, &k);
	replay_walk(&k, &c, NULL, NULL, &found);
	must_hold(&c, &found);
	replay_kernel_done(&k);
	replay_case_done(&c);
	return 0;
}
