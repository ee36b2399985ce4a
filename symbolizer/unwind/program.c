/*
 * Time is linear in the bytes of the program: each instruction takes at least one, gives at most
 * one row, and there are no loops.
 */
#include "symbolizer/unwind/program.h"
#include "symbolizer/unwind/pointer.h"

#include <dwarf.h>
#include <elf.h>
#include <errno.h>

/* Compilers nest no deeper than one or two. */
#define REMEMBERED_MAX 64

/* Newer than the dwarf.h of Debian 12. */
#define AARCH64_NEGATE_RA_STATE_WITH_PC 0x2c
#define AARCH64_NEGATE_RA_STATE		0x2d

struct run {
	struct cursor c;
	const struct cfi_cie *cie;
	const struct cfi_registers *registers;
	const struct cfi_state *initial; /* NULL: this is the CIE's own program */
	struct cfi_state now;
	struct cfi_state remembered[REMEMBERED_MAX];
	unsigned int n_remembered;
	uint64_t address;
	bool changed;
};

bool cfi_registers_of(uint16_t machine, struct cfi_registers *ret)
{
	static const struct cfi_registers x86_64 = {.fp = 6, .sp = 7, .ra = 16, .anchor = 3};
	static const struct cfi_registers arm64 = {
		.fp = 29, .sp = 31, .ra = 30, .anchor = UINT64_MAX, .is_arm64 = true};

	if (machine != EM_X86_64 && machine != EM_AARCH64)
		return false;
	*ret = machine == EM_X86_64 ? x86_64 : arm64;
	return true;
}

/* The rule of a register in a state, NULL of one that is not followed. */
static struct cfi_rule *rule_of(const struct run *r, struct cfi_state *state, uint64_t number)
{
	if (number == r->registers->fp)
		return &state->fp;
	if (number == r->cie->ra_register)
		return &state->ra;
	if (number == r->registers->sp)
		return &state->sp;
	if (number == r->registers->anchor)
		return &state->anchor;
	return NULL;
}

static void set(struct run *r, uint64_t number, enum cfi_how how, int64_t offset)
{
	struct cfi_rule *rule = rule_of(r, &r->now, number);

	if (!rule)
		return;
	*rule = (struct cfi_rule){.how = how, .offset = offset};
	r->changed = true;
}

static int64_t scaled(const struct run *r, uint64_t factor)
{
	return (int64_t)(factor * (uint64_t)r->cie->data_align); /* may wrap: it is only wrong */
}

static void restore(struct run *r, uint64_t number)
{
	struct cfi_state initial = r->initial ? *r->initial : (struct cfi_state){};
	struct cfi_rule *rule = rule_of(r, &r->now, number);

	if (!rule)
		return;
	*rule = *rule_of(r, &initial, number);
	r->changed = true;
}

static int read_block(struct run *r, enum cfi_how how, struct cfi_rule *ret)
{
	uint64_t bytes = cfi_uleb(&r->c);
	const uint8_t *expression = bytes <= UINT32_MAX ? cursor_bytes(&r->c, bytes) : NULL;

	if (!expression)
		return -EBADMSG;
	*ret = (struct cfi_rule){.how = how, .expression = expression, .bytes = (uint32_t)bytes};
	return 0;
}

static int set_expression(struct run *r, enum cfi_how how)
{
	struct cfi_rule *rule = rule_of(r, &r->now, cfi_uleb(&r->c));
	struct cfi_rule ignored;

	if (!rule)
		return read_block(r, how, &ignored);
	r->changed = true;
	return read_block(r, how, rule);
}

static void define_cfa(struct run *r, uint64_t base, int64_t offset)
{
	r->now.has_cfa = true;
	r->now.cfa = (struct cfi_rule){.how = CFI_AT, .offset = offset};
	r->now.base = base;
	r->changed = true;
}

/*
 * One half of a CFA. After an expression the halves from before it hold again: nothing says so, but
 * unwinders do it and hand-written code (libgcrypt's) counts on it.
 */
static int change_cfa_register(struct run *r)
{
	uint64_t base = cfi_uleb(&r->c);

	if (!r->now.has_cfa)
		return -EBADMSG;
	define_cfa(r, base, r->now.cfa.offset);
	return 0;
}

static int change_cfa_offset(struct run *r, int64_t offset)
{
	if (!r->now.has_cfa)
		return -EBADMSG;
	r->now.cfa.offset = offset;
	r->changed = true;
	return 0;
}

static int set_cfa_expression(struct run *r)
{
	int64_t offset = r->now.cfa.offset;
	int e = read_block(r, CFI_EXPRESSION, &r->now.cfa);

	r->now.cfa.offset = offset;
	r->now.has_cfa = true;
	r->changed = true;
	return e;
}

static int remember(struct run *r)
{
	if (r->n_remembered == REMEMBERED_MAX)
		return -EBADMSG;
	r->remembered[r->n_remembered++] = r->now;
	return 0;
}

static int recall(struct run *r)
{
	if (r->n_remembered == 0)
		return -EBADMSG;
	r->now = r->remembered[--r->n_remembered];
	r->changed = true;
	return 0;
}

/* Instructions that set the rule of a register or the CFA, by offsets and expressions. */
static int run_rule(struct run *r, uint8_t op)
{
	uint64_t number;

	switch (op) {
	case DW_CFA_offset_extended:
		number = cfi_uleb(&r->c);
		set(r, number, CFI_AT, scaled(r, cfi_uleb(&r->c)));
		return 0;
	case DW_CFA_offset_extended_sf:
		number = cfi_uleb(&r->c);
		set(r, number, CFI_AT, scaled(r, (uint64_t)cfi_sleb(&r->c)));
		return 0;
	case DW_CFA_GNU_negative_offset_extended:
		number = cfi_uleb(&r->c);
		set(r, number, CFI_AT, scaled(r, 0 - cfi_uleb(&r->c)));
		return 0;
	case DW_CFA_val_offset:
		number = cfi_uleb(&r->c);
		set(r, number, CFI_VALUE, scaled(r, cfi_uleb(&r->c)));
		return 0;
	case DW_CFA_val_offset_sf:
		number = cfi_uleb(&r->c);
		set(r, number, CFI_VALUE, scaled(r, (uint64_t)cfi_sleb(&r->c)));
		return 0;
	case DW_CFA_restore_extended:
		restore(r, cfi_uleb(&r->c));
		return 0;
	case DW_CFA_undefined:
		set(r, cfi_uleb(&r->c), CFI_UNDEFINED, 0);
		return 0;
	case DW_CFA_same_value:
		set(r, cfi_uleb(&r->c), CFI_SAME, 0);
		return 0;
	case DW_CFA_register:
		number = cfi_uleb(&r->c);
		set(r, number, CFI_IN_REGISTER, (int64_t)cfi_uleb(&r->c));
		return 0;
	case DW_CFA_expression:
		return set_expression(r, CFI_EXPRESSION);
	case DW_CFA_val_expression:
		return set_expression(r, CFI_VALUE_EXPRESSION);
	case DW_CFA_def_cfa:
		number = cfi_uleb(&r->c);
		define_cfa(r, number, (int64_t)cfi_uleb(&r->c));
		return 0;
	case DW_CFA_def_cfa_sf:
		number = cfi_uleb(&r->c);
		define_cfa(r, number, scaled(r, (uint64_t)cfi_sleb(&r->c)));
		return 0;
	case DW_CFA_def_cfa_register:
		return change_cfa_register(r);
	case DW_CFA_def_cfa_offset:
		return change_cfa_offset(r, (int64_t)cfi_uleb(&r->c));
	case DW_CFA_def_cfa_offset_sf:
		return change_cfa_offset(r, scaled(r, (uint64_t)cfi_sleb(&r->c)));
	case DW_CFA_def_cfa_expression:
		return set_cfa_expression(r);
	default:
		return -EBADMSG;
	}
}

static int run_other(struct run *r, uint8_t op)
{
	switch (op) {
	case DW_CFA_nop:
		return 0;
	case DW_CFA_remember_state:
		return remember(r);
	case DW_CFA_restore_state:
		return recall(r);
	case DW_CFA_GNU_args_size:
		cfi_uleb(&r->c);
		return 0;
	case AARCH64_NEGATE_RA_STATE:
	case AARCH64_NEGATE_RA_STATE_WITH_PC:
		/* Whoever walks takes the signature off every return address, signed or not. */
		return r->registers->is_arm64 ? 0 : -EBADMSG;
	default:
		return run_rule(r, op);
	}
}

/* Where the next row begins: 1, or 0 where op is none that advances. */
static int read_advance(struct run *r, uint8_t op, uint64_t *ret)
{
	uint64_t by;

	switch (op) {
	case DW_CFA_set_loc:
		if (!r->initial)
			return -EBADMSG;
		return cfi_pointer_read(&r->c, r->cie->encoding, r->cie->section, ret) < 0
			       ? -EBADMSG
			       : 1;
	case DW_CFA_advance_loc1:
		by = cursor_u8(&r->c);
		break;
	case DW_CFA_advance_loc2:
		by = cursor_u16(&r->c);
		break;
	case DW_CFA_advance_loc4:
		by = cursor_u32(&r->c);
		break;
	case DW_CFA_MIPS_advance_loc8:
		by = cursor_u64(&r->c);
		break;
	default:
		if ((op & 0xc0) != DW_CFA_advance_loc)
			return 0;
		by = op & 0x3f;
	}
	if (__builtin_mul_overflow(by, r->cie->code_align, &by) ||
	    __builtin_add_overflow(r->address, by, ret))
		*ret = UINT64_MAX; /* beyond every range */
	return 1;
}

static int run_one(struct run *r, uint8_t op)
{
	switch (op & 0xc0) {
	case DW_CFA_offset:
		set(r, op & 0x3f, CFI_AT, scaled(r, cfi_uleb(&r->c)));
		return r->c.err;
	case DW_CFA_restore:
		restore(r, op & 0x3f);
		return 0;
	default: {
		int e = run_other(r, op);

		return e < 0 ? e : r->c.err;
	}
	}
}

int cfi_program_begin(const struct cfi_cie *cie, const struct cfi_registers *registers,
		      struct cfi_state *ret)
{
	struct run r = {.cie = cie, .registers = registers};

	r.c = cursor_over(cie->program, cie->program_bytes);
	while (cursor_left(&r.c)) {
		uint64_t ignored;
		uint8_t op = cursor_u8(&r.c);

		if (read_advance(&r, op, &ignored) != 0 || run_one(&r, op) < 0)
			return -EBADMSG;
	}
	*ret = r.now;
	return 0;
}

static void run_begin(struct run *r, const struct cfi_cie *cie, const struct cfi_fde *fde,
		      const struct cfi_registers *registers, const struct cfi_state *initial)
{
	/* Not by an initialiser, which would clear `remembered` for every function of a file. */
	r->c = cursor_over(fde->program, fde->program_bytes);
	r->cie = cie;
	r->registers = registers;
	r->initial = initial;
	r->now = *initial;
	r->n_remembered = 0;
	r->address = fde->start;
	r->changed = true;
}

int cfi_program_run(const struct cfi_cie *cie, const struct cfi_fde *fde,
		    const struct cfi_registers *registers, const struct cfi_state *initial,
		    cfi_row_fn row, void *arg, uint64_t *ret_known_until)
{
	struct run r;
	int e = 0;

	run_begin(&r, cie, fde, registers, initial);
	while (cursor_left(&r.c) && e == 0) {
		uint8_t op = *r.c.at++;
		uint64_t next;
		int advances = read_advance(&r, op, &next);

		if (advances < 0 || r.c.err || (advances && next < r.address)) {
			e = -EBADMSG;
		} else if (!advances) {
			e = run_one(&r, op);
		} else if (next > r.address) {
			if (r.changed)
				e = row(arg, r.address, &r.now);
			if (e < 0)
				return e;
			r.changed = false;
			r.address = next;
			if (next >= fde->end)
				return 0;
		}
	}
	if (e < 0) {
		*ret_known_until = r.address;
		return e;
	}
	return r.changed ? row(arg, r.address, &r.now) : 0;
}
