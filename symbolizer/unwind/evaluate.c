/* Expressions and rules over made-up registers and memory; see evaluate.h. */
#include "symbolizer/unwind/evaluate.h"

#include <dwarf.h>

#define STACK_MAX 16

/* struct rt_sigframe of x86-64, written down a second time: this is the judge. */
#define SIGNAL_RBP 120
#define SIGNAL_RBX 128
#define SIGNAL_RSP 160
#define SIGNAL_RIP 168

/* The finaliser of MurmurHash3. */
static uint64_t mixed(uint64_t v)
{
	v = (v ^ (v >> 33)) * 0xff51afd7ed558ccdull;
	v = (v ^ (v >> 33)) * 0xc4ceb9fe1a85ec53ull;
	return v ^ (v >> 33);
}

uint64_t made_up_register(const struct made_up *m, uint64_t number)
{
	return number == m->ra && m->ra == 16 ? m->pc : mixed(m->seed + number * 0x9e3779b9ull);
}

uint64_t made_up_memory(const struct made_up *m, uint64_t address)
{
	return mixed(address ^ mixed(m->seed));
}

struct machine {
	uint64_t stack[STACK_MAX];
	unsigned int n;
	bool failed;
};

static void push(struct machine *s, uint64_t v)
{
	if (s->n == STACK_MAX)
		s->failed = true;
	else
		s->stack[s->n++] = v;
}

static uint64_t pop(struct machine *s)
{
	if (s->n == 0) {
		s->failed = true;
		return 0;
	}
	return s->stack[--s->n];
}

static void run_binary(struct machine *s, uint8_t op)
{
	uint64_t b = pop(s), a = pop(s);
	int64_t signed_b = (int64_t)b, signed_a = (int64_t)a;

	switch (op) {
	case DW_OP_plus:
		push(s, a + b);
		break;
	case DW_OP_minus:
		push(s, a - b);
		break;
	case DW_OP_and:
		push(s, a & b);
		break;
	case DW_OP_or:
		push(s, a | b);
		break;
	case DW_OP_xor:
		push(s, a ^ b);
		break;
	case DW_OP_mul:
		push(s, a * b);
		break;
	case DW_OP_shl:
		push(s, b < 64 ? a << b : 0);
		break;
	case DW_OP_shr:
		push(s, b < 64 ? a >> b : 0);
		break;
	case DW_OP_ge:
		push(s, signed_a >= signed_b);
		break;
	case DW_OP_gt:
		push(s, signed_a > signed_b);
		break;
	case DW_OP_le:
		push(s, signed_a <= signed_b);
		break;
	case DW_OP_lt:
		push(s, signed_a < signed_b);
		break;
	case DW_OP_eq:
		push(s, a == b);
		break;
	case DW_OP_ne:
		push(s, a != b);
		break;
	default:
		s->failed = true;
	}
}

static void run_op(const struct made_up *m, struct machine *s, const Dwarf_Op *op)
{
	if (op->atom >= DW_OP_lit0 && op->atom <= DW_OP_lit31) {
		push(s, (uint64_t)(op->atom - DW_OP_lit0));
		return;
	}
	if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31) {
		push(s, made_up_register(m, (uint64_t)(op->atom - DW_OP_breg0)) + op->number);
		return;
	}
	switch (op->atom) {
	case DW_OP_bregx:
		push(s, made_up_register(m, op->number) + op->number2);
		break;
	case DW_OP_const1u:
	case DW_OP_const1s:
	case DW_OP_const2u:
	case DW_OP_const2s:
	case DW_OP_const4u:
	case DW_OP_const4s:
	case DW_OP_const8u:
	case DW_OP_const8s:
	case DW_OP_constu:
	case DW_OP_consts:
		push(s, op->number);
		break;
	case DW_OP_plus_uconst:
		push(s, pop(s) + op->number);
		break;
	case DW_OP_deref:
		push(s, made_up_memory(m, pop(s)));
		break;
	case DW_OP_call_frame_cfa:
		push(s, m->cfa);
		break;
	default:
		run_binary(s, op->atom);
	}
}

bool evaluate_dwarf(const struct made_up *m, const Dwarf_Op *ops, size_t n, bool is_location,
		    uint64_t *ret)
{
	struct machine s = {};
	bool is_value = !is_location;
	uint64_t v;

	for (size_t i = 0; i < n; i++) {
		const Dwarf_Op *op = &ops[i];

		if (op->atom >= DW_OP_reg0 && op->atom <= DW_OP_reg31 && n == 1) {
			push(&s, made_up_register(m, (uint64_t)(op->atom - DW_OP_reg0)));
			is_value = true;
		} else if (op->atom == DW_OP_regx && n == 1) {
			push(&s, made_up_register(m, op->number));
			is_value = true;
		} else if (op->atom == DW_OP_stack_value && i + 1 == n) {
			is_value = true;
		} else {
			run_op(m, &s, op);
		}
	}
	v = pop(&s);
	if (s.failed)
		return false;
	*ret = is_value ? v : made_up_memory(m, v);
	return true;
}

static struct evaluated known(uint64_t v)
{
	return (struct evaluated){.is_known = true, .value = v};
}

static struct evaluated evaluate_where(const struct made_up *m, uint8_t where, int16_t offset,
				       uint64_t cfa, uint64_t number)
{
	switch (where) {
	case UNWIND_SAME:
		return known(made_up_register(m, number));
	case UNWIND_AT_CFA:
		return known(made_up_memory(m, cfa + (uint64_t)(int64_t)offset));
	case UNWIND_IN_REGISTER:
		return known(made_up_register(m, (uint64_t)offset));
	case UNWIND_AT_FP:
		return known(
			made_up_memory(m, made_up_register(m, m->fp) + (uint64_t)(int64_t)offset));
	case UNWIND_AT_SP:
		return known(
			made_up_memory(m, made_up_register(m, m->sp) + (uint64_t)(int64_t)offset));
	default:
		return (struct evaluated){};
	}
}

static uint64_t evaluate_cfa(const struct made_up *m, const struct unwind_rule *rule)
{
	uint64_t base = made_up_register(m, rule->base);

	switch (rule->kind) {
	case UNWIND_KIND_CFA_DEREF:
		return made_up_memory(m,
				      base + (uint64_t)(int64_t)UNWIND_DEREF_AT(rule->cfa_offset)) +
		       (uint64_t)(int64_t)UNWIND_DEREF_ADD(rule->cfa_offset);
	case UNWIND_KIND_CFA_INDEXED:
		base += 8 * made_up_register(m, UNWIND_INDEXED_BY(rule->cfa_offset));
		base += (uint64_t)(int64_t)UNWIND_INDEXED_AT(rule->cfa_offset);
		return made_up_memory(m, base) +
		       (uint64_t)(int64_t)UNWIND_INDEXED_ADD(rule->cfa_offset);
	case UNWIND_KIND_PLT:
		return made_up_register(m, m->sp) + 8 +
		       ((m->pc & 15) >= (uint64_t)rule->cfa_offset ? 8 : 0);
	default:
		return base + (uint64_t)(int64_t)rule->cfa_offset;
	}
}

static struct evaluated evaluate_anchor(const struct made_up *m, const struct unwind_rule *rule,
					uint64_t cfa)
{
	if (rule->anchor == UNWIND_ANCHOR_UNKNOWN)
		return (struct evaluated){};
	if (rule->anchor == UNWIND_ANCHOR_SAME)
		return known(made_up_register(m, m->anchor));
	return known(made_up_memory(m, cfa - 8 * (uint64_t)rule->anchor));
}

struct evaluated_rule evaluate_rule(const struct made_up *m, const struct unwind_rule *rule)
{
	uint64_t sp = made_up_register(m, m->sp), cfa;

	if (rule->kind == UNWIND_KIND_SIGNAL)
		return (struct evaluated_rule){
			.cfa = known(made_up_memory(m, sp + SIGNAL_RSP)),
			.ra = known(made_up_memory(m, sp + SIGNAL_RIP)),
			.fp = known(made_up_memory(m, sp + SIGNAL_RBP)),
			.anchor = known(made_up_memory(m, sp + SIGNAL_RBX)),
		};
	cfa = evaluate_cfa(m, rule);
	return (struct evaluated_rule){
		.cfa = known(cfa),
		.ra = evaluate_where(m, rule->ra, rule->ra_offset, cfa, m->ra),
		.fp = evaluate_where(m, rule->fp, rule->fp_offset, cfa, m->fp),
		.anchor = evaluate_anchor(m, rule, cfa),
	};
}
