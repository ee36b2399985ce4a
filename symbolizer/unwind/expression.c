/* Expressions are decoded into a short list of operations, which is held against the shapes. */
#include "symbolizer/unwind/expression.h"
#include "symbolizer/unwind/pointer.h"

#include <dwarf.h>
#include <string.h>

#define OPS_MAX 12

/* One operation; all constants are PUSH, all sums with a constant ADD. */
struct op {
	enum { PUSH, ADD, REGISTER, DEREF, PLUS, AND, GE, SHL, END } what;
	uint64_t number; /* of the register */
	int64_t value;
};

/* False: none of ours, or cut. */
static bool read_constant(struct cursor *c, uint8_t code, int64_t *ret)
{
	switch (code) {
	case DW_OP_const1u:
		*ret = cursor_u8(c);
		return true;
	case DW_OP_const1s:
		*ret = (int8_t)cursor_u8(c);
		return true;
	case DW_OP_const2u:
		*ret = cursor_u16(c);
		return true;
	case DW_OP_const2s:
		*ret = (int16_t)cursor_u16(c);
		return true;
	case DW_OP_const4u:
		*ret = cursor_u32(c);
		return true;
	case DW_OP_const4s:
		*ret = (int32_t)cursor_u32(c);
		return true;
	case DW_OP_constu:
		*ret = (int64_t)cfi_uleb(c);
		return true;
	case DW_OP_consts:
		*ret = cfi_sleb(c);
		return true;
	default:
		if (code < DW_OP_lit0 || code > DW_OP_lit31)
			return false;
		*ret = code - DW_OP_lit0;
		return true;
	}
}

static bool read_op(struct cursor *c, struct op *ret)
{
	uint8_t code = cursor_u8(c);

	*ret = (struct op){.what = PUSH};
	if (read_constant(c, code, &ret->value))
		return !c->err;
	if (code >= DW_OP_breg0 && code <= DW_OP_breg31) {
		*ret = (struct op){.what = REGISTER, .number = (uint64_t)(code - DW_OP_breg0)};
		ret->value = cfi_sleb(c);
		return !c->err;
	}
	switch (code) {
	case DW_OP_bregx:
		*ret = (struct op){.what = REGISTER, .number = cfi_uleb(c)};
		ret->value = cfi_sleb(c);
		break;
	case DW_OP_plus_uconst:
		*ret = (struct op){.what = ADD, .value = (int64_t)cfi_uleb(c)};
		break;
	case DW_OP_deref:
		ret->what = DEREF;
		break;
	case DW_OP_plus:
		ret->what = PLUS;
		break;
	case DW_OP_and:
		ret->what = AND;
		break;
	case DW_OP_ge:
		ret->what = GE;
		break;
	case DW_OP_shl:
		ret->what = SHL;
		break;
	default:
		return false;
	}
	return !c->err;
}

/* All operations, behind them an END; false where there is one of another kind, or too many. */
static bool read_ops(const uint8_t *expression, size_t bytes, struct op ops[OPS_MAX + 1])
{
	struct cursor c = cursor_over(expression, bytes);
	size_t n = 0;

	while (cursor_left(&c)) {
		if (n == OPS_MAX || !read_op(&c, &ops[n]))
			return false;
		/* `push, plus` is `add`, and an `add` behind a register belongs to it. */
		if (n && ops[n].what == PLUS && ops[n - 1].what == PUSH)
			ops[--n].what = ADD;
		if (n && ops[n].what == ADD && ops[n - 1].what == REGISTER) {
			ops[n - 1].value =
				(int64_t)((uint64_t)ops[n - 1].value + (uint64_t)ops[n].value);
			continue;
		}
		n++;
	}
	ops[n].what = END;
	return true;
}

static bool is_plt(const struct op *op, uint64_t pc)
{
	return op[0].what == REGISTER && op[1].what == REGISTER && op[1].number == pc &&
	       op[1].value == 0 && op[2].what == PUSH && op[2].value == 15 && op[3].what == AND &&
	       op[4].what == PUSH && op[4].value > 0 && op[4].value < 16 && op[5].what == GE &&
	       op[6].what == PUSH && op[6].value == 3 && op[7].what == SHL && op[8].what == PLUS &&
	       op[9].what == END;
}

struct expression expression_read(const uint8_t *expression, size_t bytes, uint64_t pc)
{
	struct op op[OPS_MAX + 1];
	struct expression e = {};

	memset(op, 0, sizeof(op)); /* shapes are compared beyond the END */
	if (!read_ops(expression, bytes, op) || op[0].what != REGISTER)
		return e;
	e.base = op[0].number;
	e.at = op[0].value;
	if (op[1].what == END) {
		e.kind = EXPRESSION_OFFSET;
	} else if (op[1].what == DEREF && op[2].what == END) {
		e.kind = EXPRESSION_DEREF;
	} else if (op[1].what == DEREF && op[2].what == ADD && op[3].what == END) {
		e.kind = EXPRESSION_DEREF;
		e.add = op[2].value;
	} else if (is_plt(op, pc)) {
		e.kind = EXPRESSION_PLT;
		e.threshold = (uint64_t)op[4].value;
	}
	return e;
}
