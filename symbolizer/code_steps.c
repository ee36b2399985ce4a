/* Instructions of x86-64 as steps; see code_steps.h. */
#include "symbolizer/code_steps.h"
#include "symbolizer/capstone_library.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WORD 8 /* bytes that a push takes */

struct code_steps {
	const struct disassembler *d;
	csh engine;
	cs_insn *insn;
};

int code_steps_open(const struct disassembler *d, struct code_steps **ret)
{
	struct code_steps *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->d = d;
	if (d->open(CS_ARCH_X86, CS_MODE_64, &s->engine) != CS_ERR_OK) {
		free(s);
		return -ENOMEM;
	}
	d->option(s->engine, CS_OPT_DETAIL, CS_OPT_ON);
	s->insn = d->malloc(s->engine);
	if (!s->insn)
		return code_steps_close(s), -ENOMEM;
	*ret = s;
	return 0;
}

struct code_steps *code_steps_close(struct code_steps *s)
{
	if (!s)
		return NULL;
	if (s->insn)
		s->d->free(s->insn, 1);
	s->d->close(&s->engine);
	free(s);
	return NULL;
}

static bool is_sp(unsigned int reg)
{
	return reg == X86_REG_RSP || reg == X86_REG_ESP || reg == X86_REG_SP || reg == X86_REG_SPL;
}

/* CODE_FP or CODE_ANCHOR where reg is a part of one of them, else 0. */
static uint8_t kept(unsigned int reg)
{
	switch (reg) {
	case X86_REG_RBP:
	case X86_REG_EBP:
	case X86_REG_BP:
	case X86_REG_BPL:
		return CODE_FP;
	case X86_REG_RBX:
	case X86_REG_EBX:
	case X86_REG_BX:
	case X86_REG_BL:
	case X86_REG_BH:
		return CODE_ANCHOR;
	default:
		return 0;
	}
}

/* All registers that it writes, named or not. */
static void note_writes(const struct code_steps *s, struct code_step *step)
{
	cs_regs read, written;
	uint8_t n_read, n_written;

	if (s->d->regs_access(s->engine, s->insn, read, &n_read, written, &n_written) !=
	    CS_ERR_OK) {
		step->stack = CODE_SP_LOST;
		return;
	}
	for (uint8_t i = 0; i < n_written; i++) {
		step->writes |= kept(written[i]);
		if (is_sp(written[i]))
			step->stack = CODE_SP_LOST;
	}
}

static bool is_reg(const cs_x86_op *op, unsigned int reg)
{
	return op->type == X86_OP_REG && op->reg == reg;
}

/* add, sub, lea, mov to the stack pointer by a constant. */
static void move_sp(const cs_insn *insn, struct code_step *step)
{
	const cs_x86_op *to = &insn->detail->x86.operands[0], *from = to + 1;
	bool is_lea = insn->id == X86_INS_LEA && from->type == X86_OP_MEM &&
		      from->mem.index == X86_REG_INVALID && from->mem.segment == X86_REG_INVALID;
	int64_t amount = is_lea ? from->mem.disp : from->imm;

	if (insn->detail->x86.op_count != 2 || !is_reg(to, X86_REG_RSP))
		return;
	if (insn->id == X86_INS_MOV && is_reg(from, X86_REG_RBP)) {
		step->stack = CODE_SP_FROM_FP;
		step->amount = 0;
		return;
	}
	if (insn->id == X86_INS_SUB)
		amount = -amount;
	else if (insn->id != X86_INS_ADD && !is_lea)
		return;
	if ((!is_lea && from->type != X86_OP_IMM) || amount != (int32_t)amount)
		return;
	if (is_lea && from->mem.base != X86_REG_RSP && from->mem.base != X86_REG_RBP)
		return;
	step->stack = is_lea && from->mem.base == X86_REG_RBP ? CODE_SP_FROM_FP : CODE_SP_PLUS;
	step->amount = (int32_t)amount;
}

/* push and pop; those of 16 bits, which nobody writes, leave the stack pointer lost. */
static void read_stack(const cs_insn *insn, struct code_step *step)
{
	const cs_x86 *x = &insn->detail->x86;
	const cs_x86_op *op = &x->operands[0];
	bool is_short = x->prefix[2] == 0x66;

	switch (insn->id) {
	case X86_INS_PUSH:
	case X86_INS_PUSHFQ:
		if (is_short)
			return;
		step->stack = CODE_SP_PLUS;
		step->amount = -WORD;
		step->pushes =
			insn->id == X86_INS_PUSH && op->type == X86_OP_REG ? kept(op->reg) : 0;
		return;
	case X86_INS_POP:
	case X86_INS_POPFQ:
		if (is_short || (insn->id == X86_INS_POP && is_reg(op, X86_REG_RSP)))
			return;
		step->stack = CODE_SP_PLUS;
		step->amount = WORD;
		if (insn->id == X86_INS_POP && op->type == X86_OP_REG) {
			step->pops = kept(op->reg);
			step->writes &= (uint8_t)~step->pops;
		}
		return;
	case X86_INS_ENTER:
		step->stack = CODE_SP_LOST;
		return;
	case X86_INS_LEAVE:
		if (is_short)
			return;
		step->stack = CODE_SP_FROM_FP;
		step->amount = WORD;
		step->pops = CODE_FP;
		step->writes &= (uint8_t)~CODE_FP;
		return;
	case X86_INS_MOV:
		step->fp_is_sp =
			x->op_count == 2 && is_reg(op, X86_REG_RBP) && is_reg(op + 1, X86_REG_RSP);
		/* fall through */
	default:
		move_sp(insn, step);
	}
}

static bool is_in(const cs_insn *insn, unsigned int group)
{
	for (uint8_t i = 0; i < insn->detail->groups_count; i++)
		if (insn->detail->groups[i] == group)
			return true;
	return false;
}

static void read_flow(const cs_insn *insn, struct code_step *step)
{
	const cs_x86_op *op = &insn->detail->x86.operands[0];
	static const uint8_t endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa}; /* where functions begin */
	bool is_direct = insn->detail->x86.op_count == 1 && op->type == X86_OP_IMM;

	switch (insn->id) {
	case X86_INS_RET:
		step->flow = CODE_RETURN;
		step->stack = CODE_SP_PLUS;
		return;
	case X86_INS_UD2:
	case X86_INS_HLT:
	case X86_INS_INT3:
		step->flow = CODE_STOP;
		step->is_padding = insn->id == X86_INS_INT3;
		return;
	case X86_INS_NOP:
		step->is_padding = memcmp(insn->bytes, endbr64, sizeof(endbr64)) != 0;
		return;
	default:
		break;
	}
	if (is_in(insn, X86_GRP_CALL)) {
		/* Comes back. One to the next instruction only asks where it is. */
		step->stack = is_direct && (uint64_t)op->imm == insn->address + insn->size
				      ? CODE_SP_LOST
				      : CODE_SP_PLUS;
		step->amount = 0;
		step->is_call = true;
	} else if (is_in(insn, X86_GRP_JUMP) || is_in(insn, X86_GRP_BRANCH_RELATIVE)) {
		step->flow = insn->id != X86_INS_JMP ? CODE_BRANCH
			     : is_direct	     ? CODE_JUMP
						     : CODE_JUMP_AWAY;
		step->target = is_direct ? (uint64_t)op->imm : 0;
		if (step->flow == CODE_BRANCH && !is_direct)
			step->stack = CODE_SP_LOST;
	} else if (is_in(insn, X86_GRP_IRET) || is_in(insn, X86_GRP_PRIVILEGE)) {
		step->stack = CODE_SP_LOST;
	}
}

bool code_steps_read(struct code_steps *s, const uint8_t *code, size_t bytes, uint64_t address,
		     struct code_step *ret)
{
	struct code_step step = {};

	if (!s->d->disasm_iter(s->engine, &code, &bytes, &address, s->insn))
		return false;
	step.bytes = (uint8_t)s->insn->size;
	note_writes(s, &step);
	read_stack(s->insn, &step);
	read_flow(s->insn, &step);
	*ret = step;
	return true;
}
