/* What a rule can say, and what it cannot; see rules.h and bpf/unwind_table.h. */
#include "symbolizer/unwind/rules.h"
#include "symbolizer/unwind/expression.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RULES_FIRST 64

/* x86-64, by its ABI: the return address where `call` pushed it, also where CFI does not say so. */
#define X86_64_RA -8

/* struct rt_sigframe of x86-64 as the restorer sees it: general registers of its ucontext. */
#define X86_64_SIGNAL_RBP 120
#define X86_64_SIGNAL_RSP 160
#define X86_64_SIGNAL_RIP 168

static struct unwind_rule only(enum unwind_kind kind)
{
	return (struct unwind_rule){.kind = (uint8_t)kind};
}

static bool fits_16(int64_t v)
{
	return v >= INT16_MIN && v <= INT16_MAX;
}

static bool is_read_at(const struct cfi_rule *rule, enum cfi_how how, enum expression_kind kind,
		       const struct cfi_registers *registers, int64_t at)
{
	struct expression e;

	if (rule->how != how)
		return false;
	e = expression_read(rule->expression, rule->bytes, registers->ra);
	return e.kind == kind && e.base == registers->sp && e.at == at && e.add == 0;
}

/*
 * arm64 kernels write a record of frame pointer and link register that plain rules could follow,
 * and then miss the interrupted function's own; x86-64 C libraries say where the kernel saved what,
 * and anything but that is none of the kernel's frames.
 */
static bool is_signal(const struct cfi_registers *registers, const struct cfi_cie *cie,
		      const struct cfi_state *s)
{
	if (!cie->is_signal || registers->is_arm64)
		return cie->is_signal;
	return is_read_at(&s->cfa, CFI_EXPRESSION, EXPRESSION_DEREF, registers,
			  X86_64_SIGNAL_RSP) &&
	       is_read_at(&s->ra, CFI_EXPRESSION, EXPRESSION_OFFSET, registers,
			  X86_64_SIGNAL_RIP) &&
	       is_read_at(&s->fp, CFI_EXPRESSION, EXPRESSION_OFFSET, registers, X86_64_SIGNAL_RBP);
}

/* A general register: the highest numbers are those of the stack pointer and the return address. */
static bool is_register(const struct cfi_registers *registers, uint64_t number)
{
	return number <= registers->sp || number <= registers->ra;
}

/* The kind that tells why, or UNWIND_KIND_CFA. */
static enum unwind_kind set_cfa_expression(const struct cfi_registers *registers,
					   const struct cfi_state *s, struct unwind_rule *rule)
{
	struct expression e = expression_read(s->cfa.expression, s->cfa.bytes, registers->ra);

	if (e.kind == EXPRESSION_OTHER)
		return UNWIND_KIND_EXPRESSION;
	if (!is_register(registers, e.base))
		return UNWIND_KIND_REGISTER;
	rule->base = (uint8_t)e.base;
	switch (e.kind) {
	case EXPRESSION_OFFSET:
		if (e.at != (int32_t)e.at)
			return UNWIND_KIND_REGISTER;
		rule->cfa_offset = (int32_t)e.at;
		return UNWIND_KIND_CFA;
	case EXPRESSION_DEREF:
		if (!fits_16(e.at) || !fits_16(e.add))
			return UNWIND_KIND_REGISTER;
		rule->kind = UNWIND_KIND_CFA_DEREF;
		rule->cfa_offset =
			(int32_t)((uint32_t)(uint16_t)e.at | (uint32_t)(uint16_t)e.add << 16);
		return UNWIND_KIND_CFA;
	case EXPRESSION_INDEXED:
		if (!fits_16(e.at) || e.add != (int8_t)e.add || !is_register(registers, e.index))
			return UNWIND_KIND_REGISTER;
		rule->kind = UNWIND_KIND_CFA_INDEXED;
		rule->cfa_offset =
			(int32_t)((uint32_t)(uint16_t)e.at | (uint32_t)(uint8_t)e.add << 16 |
				  (uint32_t)e.index << 24);
		return UNWIND_KIND_CFA;
	default:
		if (e.base != registers->sp || e.at != 8 || registers->is_arm64)
			return UNWIND_KIND_EXPRESSION;
		rule->kind = UNWIND_KIND_PLT;
		rule->cfa_offset = (int32_t)e.threshold;
		return UNWIND_KIND_CFA;
	}
}

static enum unwind_kind set_cfa(const struct cfi_registers *registers, const struct cfi_state *s,
				struct unwind_rule *rule)
{
	rule->kind = UNWIND_KIND_CFA;
	if (s->cfa.how == CFI_EXPRESSION)
		return set_cfa_expression(registers, s, rule);
	if (!is_register(registers, s->base) || s->cfa.offset != (int32_t)s->cfa.offset)
		return UNWIND_KIND_REGISTER;
	rule->base = (uint8_t)s->base;
	rule->cfa_offset = (int32_t)s->cfa.offset;
	return UNWIND_KIND_CFA;
}

/* Where a register of the caller is. The kind that tells why not, or UNWIND_KIND_CFA. */
static enum unwind_kind set_where(const struct cfi_registers *registers,
				  const struct cfi_rule *from, enum unwind_where *where,
				  int16_t *offset)
{
	struct expression e;

	*offset = 0;
	switch (from->how) {
	case CFI_UNSPECIFIED:
	case CFI_SAME:
		*where = UNWIND_SAME;
		return UNWIND_KIND_CFA;
	case CFI_UNDEFINED:
		*where = UNWIND_UNDEFINED;
		return UNWIND_KIND_CFA;
	case CFI_AT:
		*where = UNWIND_AT_CFA;
		break;
	case CFI_IN_REGISTER:
		*where = UNWIND_IN_REGISTER;
		break;
	case CFI_EXPRESSION:
		e = expression_read(from->expression, from->bytes, registers->ra);
		if (e.kind != EXPRESSION_OFFSET || !fits_16(e.at) ||
		    (e.base != registers->fp && e.base != registers->sp))
			return UNWIND_KIND_EXPRESSION;
		*where = e.base == registers->fp ? UNWIND_AT_FP : UNWIND_AT_SP;
		*offset = (int16_t)e.at;
		return UNWIND_KIND_CFA;
	case CFI_VALUE_EXPRESSION:
		return UNWIND_KIND_EXPRESSION;
	case CFI_VALUE:
		return UNWIND_KIND_REGISTER;
	}
	*offset = (int16_t)from->offset;
	if (*where == UNWIND_IN_REGISTER && !is_register(registers, (uint64_t)from->offset))
		return UNWIND_KIND_REGISTER;
	return fits_16(from->offset) ? UNWIND_KIND_CFA : UNWIND_KIND_REGISTER;
}

static enum unwind_kind set_ra(const struct cfi_registers *registers, const struct cfi_rule *from,
			       struct unwind_rule *rule)
{
	enum unwind_where where;
	enum unwind_kind why;

	if (from->how != CFI_UNSPECIFIED && from->how != CFI_SAME) {
		why = set_where(registers, from, &where, &rule->ra_offset);
		rule->ra = (uint8_t)where;
		return from->how == CFI_EXPRESSION ? UNWIND_KIND_EXPRESSION : why;
	}
	if (registers->is_arm64) {
		rule->ra = UNWIND_IN_REGISTER;
		rule->ra_offset = (int16_t)registers->ra;
		return UNWIND_KIND_CFA;
	}
	rule->ra = UNWIND_AT_CFA;
	rule->ra_offset = X86_64_RA;
	return from->how == CFI_SAME ? UNWIND_KIND_REGISTER : UNWIND_KIND_CFA;
}

static enum unwind_kind set_fp(const struct cfi_registers *registers, const struct cfi_rule *from,
			       struct unwind_rule *rule)
{
	enum unwind_where where;
	enum unwind_kind why = set_where(registers, from, &where, &rule->fp_offset);

	rule->fp = where & 7;
	return why;
}

/* What of it does not fit is only not followed. */
static unsigned int anchor_words(const struct cfi_rule *from)
{
	if (from->how == CFI_UNSPECIFIED || from->how == CFI_SAME)
		return UNWIND_ANCHOR_SAME;
	if (from->how != CFI_AT || from->offset % 8 != 0 || from->offset >= 0 ||
	    from->offset < -8 * UNWIND_ANCHOR_WORDS_MAX)
		return UNWIND_ANCHOR_UNKNOWN;
	return (unsigned int)(from->offset / -8);
}

/* A caller's stack pointer that is not the CFA is more than a rule says. */
static bool sp_is_cfa(const struct cfi_rule *sp)
{
	return sp->how == CFI_UNSPECIFIED || (sp->how == CFI_VALUE && sp->offset == 0);
}

/*
 * longjmp() on its last instructions: the caller's registers are in registers, nothing is in
 * memory, and what CFI calls the CFA is where they were loaded from.
 */
static bool is_jump(const struct cfi_state *state, const struct unwind_rule *rule)
{
	return state->sp.how == CFI_IN_REGISTER && rule->ra == UNWIND_IN_REGISTER &&
	       rule->fp != UNWIND_AT_CFA;
}

static enum unwind_kind set_jump(const struct cfi_registers *registers,
				 const struct cfi_state *state, struct unwind_rule *rule)
{
	if (!is_register(registers, (uint64_t)state->sp.offset))
		return UNWIND_KIND_REGISTER;
	rule->kind = UNWIND_KIND_JUMP;
	rule->base = (uint8_t)state->sp.offset;
	rule->cfa_offset = 0;
	return UNWIND_KIND_CFA;
}

struct unwind_rule unwind_rule_make(const struct cfi_registers *registers,
				    const struct cfi_cie *cie, const struct cfi_state *state)
{
	struct unwind_rule rule = {};
	enum unwind_kind why;

	if (state->ra.how == CFI_UNDEFINED)
		return only(UNWIND_KIND_END);
	if (!state->has_cfa)
		return only(UNWIND_KIND_HOLE);
	if (is_signal(registers, cie, state))
		return only(UNWIND_KIND_SIGNAL);
	why = set_cfa(registers, state, &rule);
	if (why == UNWIND_KIND_CFA)
		why = set_ra(registers, &state->ra, &rule);
	if (why == UNWIND_KIND_CFA)
		why = set_fp(registers, &state->fp, &rule);
	rule.anchor = anchor_words(&state->anchor) & UNWIND_ANCHOR_UNKNOWN;
	if (why == UNWIND_KIND_CFA && !sp_is_cfa(&state->sp))
		why = is_jump(state, &rule) ? set_jump(registers, state, &rule)
					    : UNWIND_KIND_REGISTER;
	return why == UNWIND_KIND_CFA ? rule : only(why);
}

int unwind_rules_init(struct unwind_rules *d)
{
	struct unwind_rule hole = {};
	int r;

	*d = (struct unwind_rules){};
	r = unwind_rules_add(d, &hole);
	if (r < 0)
		unwind_rules_done(d);
	return r < 0 ? r : 0;
}

void unwind_rules_done(struct unwind_rules *d)
{
	free(d->v);
	idmap_done(&d->by_hash);
	*d = (struct unwind_rules){};
}

static unsigned int near_slot(const struct unwind_rule *rule)
{
	uint64_t head;
	uint32_t tail;

	memcpy(&head, rule, sizeof(head));
	memcpy(&tail, (const char *)rule + sizeof(head), sizeof(tail));
	return (unsigned int)(((head ^ ((uint64_t)tail << 23)) * 0x9e3779b97f4a7c15ull) >> 56);
}

static int add_new(struct unwind_rules *d, uint64_t hash, const struct unwind_rule *rule)
{
	int r;

	if (d->n == UNWIND_RULES_MAX)
		return -E2BIG;
	if (d->n == d->cap) {
		uint32_t cap = d->cap ? d->cap * 2 : RULES_FIRST;
		struct unwind_rule *more = realloc(d->v, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		d->v = more;
		d->cap = cap;
	}
	r = idmap_add(&d->by_hash, hash, d->n);
	if (r < 0)
		return r;
	d->v[d->n] = *rule;
	return (int)d->n++;
}

static int find_or_add(struct unwind_rules *d, const struct unwind_rule *rule)
{
	uint64_t hash = hash_bytes(rule, sizeof(*rule));
	uint32_t at, id;

	for (id = idmap_first(&d->by_hash, hash, &at); id != IDMAP_NONE;
	     id = idmap_next(&d->by_hash, hash, &at))
		if (memcmp(&d->v[id], rule, sizeof(*rule)) == 0)
			return (int)id;
	return add_new(d, hash, rule);
}

int unwind_rules_add(struct unwind_rules *d, const struct unwind_rule *rule)
{
	unsigned int slot = near_slot(rule);
	uint32_t near = d->near[slot];
	int id;

	if (near < d->n && memcmp(&d->v[near], rule, sizeof(*rule)) == 0)
		return (int)near;
	id = find_or_add(d, rule);
	if (id >= 0)
		d->near[slot] = (uint32_t)id;
	return id;
}
