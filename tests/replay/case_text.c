/* Cases as text; case.h says what a line may be. */
#include "tests/replay/case.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES (64u << 10)
#define WORDS_MAX  512 /* of a line */
#define LINE_WORDS 8 /* of memory, as written */

struct reader {
	struct replay_case *c;
	char *word[WORDS_MAX];
	size_t n;
};

static const char *const end_names[] = {
#define END_NAME(name, shortname, sentence) shortname,
	ABI_END_LIST(END_NAME)
#undef END_NAME
};

static const char *const kind_names[] = {
#define KIND_NAME(name, shortname, sentence) shortname,
	UNWIND_KIND_LIST(KIND_NAME)
#undef KIND_NAME
};

static const char *const where_names[] = {
	[UNWIND_SAME] = "same",
	[UNWIND_AT_CFA] = "cfa",
	[UNWIND_UNDEFINED] = "undefined",
	[UNWIND_IN_REGISTER] = "register",
	[UNWIND_AT_FP] = "fp",
	[UNWIND_AT_SP] = "sp",
};

static const char *const object_names[] = {
	[ABI_OBJECT_NONE] = "torn",
	[ABI_OBJECT_FILE] = "file",
	[ABI_OBJECT_VDSO] = "vdso",
	[ABI_OBJECT_ANON] = "anon",
};

static const struct {
	const char *name;
	uint32_t flag;
} flag_names[] = {
	{"by-fp", ABI_FRAME_BY_FP},
	{"return", ABI_FRAME_RETURN},
	{"no-table", ABI_FRAME_NO_TABLE},
};

#if defined(ARCH_X86_64)
static const char *const register_names[] = {
	"r15", "r14", "r13", "r12", "bp",      "bx", "r11", "r10",   "r9", "r8", "ax",
	"cx",  "dx",  "si",  "di",  "orig_ax", "ip", "cs",  "flags", "sp", "ss",
};
#else
static const char *const register_names[] = {
	"x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",	 "x7",	"x8",  "x9",	 "x10", "x11",
	"x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21",	 "x22", "x23",
	"x24", "x25", "x26", "x27", "x28", "x29", "x30", "sp",	"pc",  "pstate",
};
#endif

#define COUNT(v) (sizeof(v) / sizeof((v)[0]))

_Static_assert(COUNT(register_names) * 8 == sizeof(struct arch_regs), "every register has a name");

const char *replay_end_name(int end)
{
	return end >= 0 && (size_t)end < COUNT(end_names) ? end_names[end] : "?";
}

/* ---- words ---- */

static int name_index(const char *const *names, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (names[i] && strcmp(names[i], word) == 0)
			return (int)i;
	return -EINVAL;
}

static bool number(const char *word, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = word[0] == '-' ? (uint64_t)strtoll(word, &end, 0) : strtoull(word, &end, 0);
	return errno == 0 && end != word && *end == '\0';
}

/* Word i within what its field holds. */
static bool small(const struct reader *r, size_t i, int64_t min, int64_t max, int64_t *ret)
{
	uint64_t v;

	if (i >= r->n || !number(r->word[i], &v) || (int64_t)v < min || (int64_t)v > max)
		return false;
	*ret = (int64_t)v;
	return true;
}

/* v with room for one more. */
static void *grown(void *v, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return v;
	*cap = *cap ? 2 * *cap : 16;
	v = realloc(v, *cap * size);
	if (!v)
		abort();
	return v;
}

/* ---- lines ---- */

static int read_regs(struct reader *r)
{
	uint64_t *regs = (uint64_t *)&r->c->regs;

	for (size_t i = 1; i < r->n; i++) {
		char *value = strchr(r->word[i], '=');
		int at;

		if (!value)
			return -EINVAL;
		*value++ = '\0';
		at = name_index(register_names, COUNT(register_names), r->word[i]);
		if (at < 0 || !number(value, &regs[at]))
			return -EINVAL;
	}
	return 0;
}

/* The object is the rest of the line: paths may hold spaces. */
static int read_map(struct reader *r)
{
	struct replay_mapping m = {};
	int kind = r->n >= 6 ? name_index(object_names, COUNT(object_names), r->word[4]) : -EINVAL;

	if (kind < 0 || !number(r->word[1], &m.start) || !number(r->word[2], &m.end) ||
	    !number(r->word[3], &m.offset) || m.start >= m.end)
		return -EINVAL;
	m.kind = (uint32_t)kind;
	for (size_t i = 5, at = 0; i < r->n && at < sizeof(m.object); i++)
		at += (size_t)snprintf(m.object + at, sizeof(m.object) - at, "%s%s",
				       i > 5 ? " " : "", r->word[i]);
	return replay_case_add_mapping(r->c, &m);
}

static int read_memory(struct reader *r)
{
	uint64_t address, word[WORDS_MAX];

	if (r->n < 3 || !number(r->word[1], &address))
		return -EINVAL;
	for (size_t i = 2; i < r->n; i++)
		if (!number(r->word[i], &word[i - 2]))
			return -EINVAL;
	return replay_case_add_memory(r->c, address, word, (r->n - 2) * 8);
}

static int read_table(struct reader *r)
{
	struct replay_case *c = r->c;

	if (r->n != 2)
		return -EINVAL;
	c->table = grown(c->table, c->n_tables, &c->cap_tables, sizeof(*c->table));
	c->table[c->n_tables] = (struct replay_table){};
	snprintf(c->table[c->n_tables].object, REPLAY_NAME_BYTES, "%s", r->word[1]);
	c->n_tables++;
	return 0;
}

static int read_rule(struct reader *r, struct unwind_rule *rule)
{
	int64_t base, cfa, ra_offset, fp_offset, anchor = 0;
	int ra, fp;

	if (r->n == 3)
		return 0;
	if (r->n < 9 || r->n > 10 || !small(r, 3, 0, 31, &base) ||
	    !small(r, 4, INT32_MIN, INT32_MAX, &cfa) ||
	    !small(r, 6, INT16_MIN, INT16_MAX, &ra_offset) ||
	    !small(r, 8, INT16_MIN, INT16_MAX, &fp_offset) ||
	    (r->n == 10 && !small(r, 9, 0, UNWIND_ANCHOR_UNKNOWN, &anchor)))
		return -EINVAL;
	ra = name_index(where_names, COUNT(where_names), r->word[5]);
	fp = name_index(where_names, COUNT(where_names), r->word[7]);
	if (ra < 0 || fp < 0)
		return -EINVAL;
	rule->base = (uint8_t)base;
	rule->cfa_offset = (int32_t)cfa;
	rule->ra = (uint8_t)ra;
	rule->ra_offset = (int16_t)ra_offset;
	rule->fp = (uint8_t)fp & 7;
	rule->anchor = (uint8_t)anchor & UNWIND_ANCHOR_UNKNOWN;
	rule->fp_offset = (int16_t)fp_offset;
	return 0;
}

static int read_row(struct reader *r)
{
	struct replay_table *t = r->c->n_tables ? &r->c->table[r->c->n_tables - 1] : NULL;
	struct replay_row row = {};
	int64_t offset;
	int kind = r->n >= 3 ? name_index(kind_names, COUNT(kind_names), r->word[2]) : -EINVAL;

	if (!t || kind < 0 || !small(r, 1, 0, UINT32_MAX, &offset))
		return -EINVAL;
	row.offset = (uint32_t)offset;
	row.rule.kind = (uint8_t)kind;
	if (t->n && row.offset <= t->rows[t->n - 1].offset)
		return -EINVAL;
	if (read_rule(r, &row.rule) < 0)
		return -EINVAL;
	t->rows = grown(t->rows, t->n, &t->cap, sizeof(*t->rows));
	t->rows[t->n++] = row;
	return 0;
}

static int read_frame(struct reader *r)
{
	struct replay_case *c = r->c;
	struct replay_expected f = {};
	char *plus = r->n >= 2 ? strrchr(r->word[1], '+') : NULL;

	if (!plus || !number(plus + 1, &f.offset))
		return -EINVAL;
	*plus = '\0';
	snprintf(f.object, sizeof(f.object), "%s", r->word[1]);
	for (size_t i = 2; i < r->n; i++) {
		uint32_t flag = 0;

		for (size_t j = 0; j < COUNT(flag_names); j++)
			if (strcmp(flag_names[j].name, r->word[i]) == 0)
				flag = flag_names[j].flag;
		if (!flag)
			return -EINVAL;
		f.flags |= flag;
	}
	c->frame = grown(c->frame, c->n_frames, &c->cap_frames, sizeof(*c->frame));
	c->frame[c->n_frames++] = f;
	return 0;
}

static int read_end(struct reader *r)
{
	r->c->end = r->n == 2 ? name_index(end_names, COUNT(end_names), r->word[1]) : -EINVAL;
	return r->c->end < 0 ? -EINVAL : 0;
}

static int read_syscall(struct reader *r)
{
	r->c->in_syscall = true;
	return r->n == 1 ? 0 : -EINVAL;
}

static int read_no_mappings(struct reader *r)
{
	r->c->no_mappings = true;
	return r->n == 1 ? 0 : -EINVAL;
}

static int read_line(struct reader *r, char *line)
{
	static const struct {
		const char *word;
		int (*read)(struct reader *r);
	} lines[] = {
		{"regs", read_regs}, {"syscall", read_syscall}, {"no-mappings", read_no_mappings},
		{"map", read_map},   {"memory", read_memory},	{"table", read_table},
		{"row", read_row},   {"end", read_end},		{"frame", read_frame},
	};
	char *rest;

	line[strcspn(line, "#\n")] = '\0';
	r->n = 0;
	for (char *w = strtok_r(line, " \t", &rest); w; w = strtok_r(NULL, " \t", &rest)) {
		if (r->n == WORDS_MAX)
			return -EINVAL;
		r->word[r->n++] = w;
	}
	if (r->n == 0)
		return 0;
	for (size_t i = 0; i < COUNT(lines); i++)
		if (strcmp(lines[i].word, r->word[0]) == 0)
			return lines[i].read(r);
	return -EINVAL;
}

int replay_case_parse(FILE *f, struct replay_case *c, struct err *err)
{
	struct reader r = {.c = c};
	char *line = malloc(LINE_BYTES);
	unsigned int number_of_line = 0;
	int result = line ? 0 : -ENOMEM;

	replay_case_init(c);
	while (result == 0 && fgets(line, LINE_BYTES, f)) {
		number_of_line++;
		result = read_line(&r, line);
	}
	if (result < 0)
		err_set(err, result, "line %u is no line of a case", number_of_line);
	free(line);
	return result;
}

/* ---- writing ---- */

static void write_memory(const struct replay_memory *m, FILE *f)
{
	for (size_t at = 0; at < m->bytes; at += 8 * LINE_WORDS) {
		fprintf(f, "memory %#" PRIx64, m->address + at);
		for (size_t i = at; i < m->bytes && i < at + 8 * LINE_WORDS; i += 8) {
			uint64_t word;

			memcpy(&word, m->data + i, sizeof(word));
			fprintf(f, " %#" PRIx64, word);
		}
		fputc('\n', f);
	}
}

static void write_table(const struct replay_table *t, FILE *f)
{
	fprintf(f, "table %s\n", t->object);
	for (size_t i = 0; i < t->n; i++) {
		const struct unwind_rule *rule = &t->rows[i].rule;

		fprintf(f, "row %#x %s %u %d %s %d %s %d %u\n", t->rows[i].offset,
			kind_names[rule->kind], rule->base, rule->cfa_offset, where_names[rule->ra],
			rule->ra_offset, where_names[rule->fp], rule->fp_offset, rule->anchor);
	}
}

static void write_frame(const struct replay_expected *frame, FILE *f)
{
	fprintf(f, "frame %s+%#" PRIx64, frame->object, frame->offset);
	for (size_t i = 0; i < COUNT(flag_names); i++)
		if (frame->flags & flag_names[i].flag)
			fprintf(f, " %s", flag_names[i].name);
	fputc('\n', f);
}

void replay_case_write_expected(const struct replay_case *c, FILE *f)
{
	if (c->end >= 0)
		fprintf(f, "end %s\n", replay_end_name(c->end));
	for (size_t i = 0; i < c->n_frames; i++)
		write_frame(&c->frame[i], f);
}

void replay_case_write(const struct replay_case *c, FILE *f)
{
	const uint64_t *regs = (const uint64_t *)&c->regs;

	fputs("regs", f);
	for (size_t i = 0; i < COUNT(register_names); i++)
		if (regs[i])
			fprintf(f, " %s=%#" PRIx64, register_names[i], regs[i]);
	fputc('\n', f);
	if (c->in_syscall)
		fputs("syscall\n", f);
	if (c->no_mappings)
		fputs("no-mappings\n", f);
	for (size_t i = 0; i < c->n_mappings; i++) {
		const struct replay_mapping *m = &c->mapping[i];

		fprintf(f, "map %#" PRIx64 " %#" PRIx64 " %#" PRIx64 " %s %s\n", m->start, m->end,
			m->offset, object_names[m->kind], m->object);
	}
	for (size_t i = 0; i < c->n_memory; i++)
		write_memory(&c->memory[i], f);
	for (size_t i = 0; i < c->n_tables; i++)
		write_table(&c->table[i], f);
	replay_case_write_expected(c, f);
}
