/*
 * The line number program (DWARF 5, section 6.2): a state machine whose special opcodes move
 * address and line at once. dwarf_line.h says what is kept of it.
 */
#include "symbolizer/dwarf_line.h"

#include "profiler/base/cleanup.h"

#include <errno.h>
#include <string.h>

/* Directories and files a table may have; more than any project's sources. */
#define LINE_ENTRIES_MAX (1u << 20)
#define LINE_FORMATS_MAX 32
/* Opcodes between two checkpoints: a file with more in one place was made to be slow. */
#define LINE_STEPS_MAX 65536

struct machine {
	const struct line_header *h;
	struct reader r;
	uint64_t address;
	uint32_t operation; /* VLIW: index within the instruction */
	uint32_t file;
	uint32_t line;
	uint32_t column;
};

enum step {
	STEP_NONE,
	STEP_ROW,
	STEP_END, /* end_sequence: address is the first one behind */
	STEP_STOP, /* the program is over, or corrupt */
};

static void reset(struct machine *m)
{
	m->address = 0;
	m->operation = 0;
	m->file = 1;
	m->line = 1;
	m->column = 0;
}

int line_header_parse(struct span line, uint64_t offset, uint8_t address_bytes,
		      struct line_header *ret)
{
	struct line_header h = {.encoding = {.address_bytes = address_bytes, .offset_bytes = 4}};
	struct reader r = reader_over(line, offset);
	uint64_t length = reader_fixed(&r, 4), header_length;

	if (length == 0xffffffff) {
		h.encoding.offset_bytes = 8;
		length = reader_fixed(&r, 8);
	}
	if (r.bad || length > reader_left(&r))
		return -EBADMSG;
	r.end = r.at + length;
	h.encoding.version = (uint8_t)reader_fixed(&r, 2);
	if (h.encoding.version < 2 || h.encoding.version > 5)
		return -EBADMSG;
	if (h.encoding.version >= 5) {
		h.encoding.address_bytes = (uint8_t)reader_fixed(&r, 1);
		reader_skip(&r, 1); /* segment selectors: nobody has any */
	}
	header_length = reader_fixed(&r, h.encoding.offset_bytes);
	if (r.bad || header_length > reader_left(&r))
		return -EBADMSG;
	h.program = (struct reader){.at = r.at + header_length, .end = r.end};
	r.end = h.program.at;
	h.instruction_bytes = (uint8_t)reader_fixed(&r, 1);
	h.operations_per_instruction = h.encoding.version >= 4 ? (uint8_t)reader_fixed(&r, 1) : 1;
	reader_skip(&r, 1); /* default_is_stmt */
	h.line_base = (int8_t)reader_fixed(&r, 1);
	h.line_range = (uint8_t)reader_fixed(&r, 1);
	h.opcode_base = (uint8_t)reader_fixed(&r, 1);
	h.opcode_lengths = r.at;
	reader_skip(&r, h.opcode_base ? h.opcode_base - 1u : 0);
	if (r.bad || !h.line_range || !h.opcode_base ||
	    (size_t)(h.program.end - h.program.at) > UINT32_MAX)
		return -EBADMSG;
	if (!h.operations_per_instruction)
		h.operations_per_instruction = 1;
	h.line_range_inverse = (65535u + h.line_range) / h.line_range;
	h.tables = r;
	*ret = h;
	return 0;
}

static inline void advance(struct machine *m, uint64_t operations)
{
	uint32_t per = m->h->operations_per_instruction;

	if (per == 1) {
		m->address += m->h->instruction_bytes * operations;
		return;
	}
	m->address += m->h->instruction_bytes * ((m->operation + operations) / per);
	m->operation = (uint32_t)((m->operation + operations) % per);
}

static enum step extended(struct machine *m)
{
	uint64_t length = reader_uleb(&m->r);
	struct reader body = {.at = m->r.at, .end = m->r.at};

	if (m->r.bad || length > reader_left(&m->r))
		return STEP_STOP;
	body.end += length;
	m->r.at += length;
	if (length == 0)
		return STEP_NONE;
	switch (reader_fixed(&body, 1)) {
	case DW_LNE_end_sequence:
		return STEP_END;
	case DW_LNE_set_address:
		if (length - 1 <= 8)
			m->address = reader_fixed(&body, (unsigned int)length - 1);
		m->operation = 0;
		break;
	default: /* discriminators, and what is not known */
		break;
	}
	return STEP_NONE;
}

static enum step standard(struct machine *m, uint8_t opcode)
{
	switch (opcode) {
	case DW_LNS_copy:
		return STEP_ROW;
	case DW_LNS_advance_pc:
		advance(m, reader_uleb(&m->r));
		break;
	case DW_LNS_advance_line:
		m->line += (uint32_t)reader_sleb(&m->r);
		break;
	case DW_LNS_set_file:
		m->file = (uint32_t)reader_uleb(&m->r);
		break;
	case DW_LNS_set_column:
		m->column = (uint32_t)reader_uleb(&m->r);
		break;
	case DW_LNS_negate_stmt:
	case DW_LNS_set_basic_block:
	case DW_LNS_set_prologue_end:
	case DW_LNS_set_epilogue_begin:
		break;
	case DW_LNS_const_add_pc:
		advance(m, (255u - m->h->opcode_base) / m->h->line_range);
		break;
	case DW_LNS_fixed_advance_pc:
		m->address += reader_fixed(&m->r, 2);
		m->operation = 0;
		break;
	case DW_LNS_set_isa:
		reader_uleb(&m->r);
		break;
	default:
		for (uint8_t i = m->h->opcode_lengths[opcode - 1]; i > 0; i--)
			reader_uleb(&m->r);
	}
	return STEP_NONE;
}

static inline enum step run_one(struct machine *m)
{
	uint8_t opcode;

	if (m->r.at >= m->r.end || m->r.bad)
		return STEP_STOP;
	opcode = *m->r.at++;
	if (opcode >= m->h->opcode_base) {
		uint32_t special = opcode - m->h->opcode_base;
		uint32_t operations = special * m->h->line_range_inverse >> 16;

		advance(m, operations);
		m->line += (uint32_t)m->h->line_base + special - operations * m->h->line_range;
		return STEP_ROW;
	}
	return opcode == 0 ? extended(m) : standard(m, opcode);
}

struct builder {
	struct line_index l;
	size_t cap;
	size_t bytes_max;
	size_t first; /* checkpoint of this sequence */
	size_t rows; /* since the last checkpoint */
	bool open; /* a sequence with at least one row */
	bool left_out; /* this sequence lies outside */
	uint64_t last; /* address of the last row */
	struct interval *sequences; /* id: the first checkpoint */
	size_t n_sequences;
	size_t sequences_cap;
};

static int add_checkpoint(struct builder *b, const struct machine *m, bool last)
{
	struct line_index *l = &b->l;

	if (l->n == b->cap) {
		size_t cap = b->cap ? b->cap * 2 : 64;
		struct line_checkpoint *bigger;

		if (cap * sizeof(*bigger) > b->bytes_max)
			return -EFBIG;
		bigger = reallocarray(l->v, cap, sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		l->v = bigger;
		b->cap = cap;
	}
	l->v[l->n++] = (struct line_checkpoint){
		.address = (uint32_t)(m->address - l->base),
		.at = (uint32_t)(m->r.at - l->header.program.at),
		.file = m->file,
		.line = m->line,
		.column = m->column > UINT16_MAX ? 0 : (uint16_t)m->column,
		.operation = (uint8_t)m->operation,
		.last = last,
	};
	b->rows = 0;
	return 0;
}

static bool outside(const struct builder *b, uint64_t address)
{
	return address < b->l.base || address - b->l.base >= UINT32_MAX;
}

static int end_sequence(struct builder *b, const struct machine *m)
{
	struct machine end = *m;
	int r;

	if (b->n_sequences == b->sequences_cap) {
		size_t cap = b->sequences_cap ? b->sequences_cap * 2 : 16;
		struct interval *bigger = reallocarray(b->sequences, cap, sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		b->sequences = bigger;
		b->sequences_cap = cap;
	}
	if (outside(b, m->address) || m->address < b->last)
		end.address = b->last;
	r = add_checkpoint(b, &end, true);
	if (r < 0)
		return r;
	b->sequences[b->n_sequences++] =
		(struct interval){.start = b->l.v[b->first].address,
				  .end = (uint32_t)(end.address - b->l.base),
				  .id = (uint32_t)b->first,
				  .depth = (uint32_t)(b->l.n - b->first)};
	return 0;
}

static int take_row(struct builder *b, const struct machine *m)
{
	int r = 0;

	if (!b->open) {
		b->open = true;
		b->left_out = outside(b, m->address);
		b->first = b->l.n;
		b->rows = LINE_CHECKPOINT_ROWS;
	} else if (!b->left_out && (m->address < b->last || outside(b, m->address))) {
		/* Addresses only grow within a sequence: what comes is another one. */
		r = end_sequence(b, m);
		b->left_out = outside(b, m->address);
		b->first = b->l.n;
		b->rows = LINE_CHECKPOINT_ROWS;
	}
	if (r < 0 || b->left_out)
		return r;
	if (b->rows >= LINE_CHECKPOINT_ROWS)
		r = add_checkpoint(b, m, false);
	b->rows++;
	b->last = m->address;
	return r;
}

static int run_all(struct builder *b)
{
	struct machine m = {.h = &b->l.header, .r = b->l.header.program};
	int r = 0;

	reset(&m);
	while (r == 0) {
		enum step step = run_one(&m);

		if (step == STEP_STOP)
			return 0; /* an open sequence without an end covers nothing */
		if (step == STEP_ROW)
			r = take_row(b, &m);
		if (step == STEP_END) {
			if (b->open && !b->left_out)
				r = end_sequence(b, &m);
			b->open = false;
			reset(&m);
		}
	}
	return r;
}

static int by_start(const void *pa, const void *pb)
{
	const struct interval *a = pa, *b = pb;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return (a->id > b->id) - (a->id < b->id);
}

/* Put the sequences in order; of two that overlap only the one that starts first is kept. */
static int arrange(struct builder *b)
{
	struct line_checkpoint *v;
	size_t n = 0;
	uint32_t end = 0;

	if (!b->n_sequences)
		return 0;
	qsort(b->sequences, b->n_sequences, sizeof(*b->sequences), by_start);
	v = calloc(b->l.n, sizeof(*v));
	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < b->n_sequences; i++) {
		const struct interval *s = &b->sequences[i];

		if (s->end <= s->start || (n && s->start < end))
			continue;
		memcpy(v + n, b->l.v + s->id, s->depth * sizeof(*v));
		n += s->depth;
		end = s->end;
	}
	free(b->l.v);
	b->l.v = v;
	b->l.n = n;
	return 0;
}

int line_index_build(const struct line_header *header, uint64_t base, size_t bytes_max,
		     struct line_index *ret)
{
	struct builder b = {.l = {.header = *header, .base = base}, .bytes_max = bytes_max};
	int r = run_all(&b);

	if (r == 0 && !b.n_sequences)
		b.l.n = 0;
	if (r == 0)
		r = arrange(&b);
	free(b.sequences);
	if (r < 0) {
		free(b.l.v);
		return r;
	}
	*ret = b.l;
	return 0;
}

void line_index_done(struct line_index *l)
{
	free(l->v);
	*l = (struct line_index){};
}

/* The last checkpoint at or before at, or NULL. */
static const struct line_checkpoint *nearest(const struct line_index *l, uint32_t at)
{
	size_t low = 0, high = l->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (l->v[middle].address <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &l->v[low - 1] : NULL;
}

bool line_index_find(const struct line_index *l, uint64_t address, struct line_row *ret)
{
	struct machine m = {.h = &l->header, .r = l->header.program};
	const struct line_checkpoint *c;
	unsigned int steps = 0;

	if (address < l->base || address - l->base >= UINT32_MAX)
		return false;
	c = nearest(l, (uint32_t)(address - l->base));
	if (!c || c->last)
		return false;
	m.r.at += c->at;
	m.address = l->base + c->address;
	m.operation = c->operation;
	m.file = c->file;
	m.line = c->line;
	m.column = c->column;
	for (;;) {
		enum step step;

		*ret = (struct line_row){
			.address = m.address, .file = m.file, .line = m.line, .column = m.column};
		do
			step = run_one(&m);
		while (step == STEP_NONE && steps++ < LINE_STEPS_MAX);
		if (steps++ >= LINE_STEPS_MAX)
			return false;
		if (step != STEP_ROW || m.address > address || m.address < ret->address)
			return true;
	}
}

struct format {
	uint64_t content;
	struct attribute form;
};

static unsigned int read_formats(struct reader *r, struct format formats[LINE_FORMATS_MAX])
{
	unsigned int n = (unsigned int)reader_fixed(r, 1);

	if (n > LINE_FORMATS_MAX)
		r->bad = true;
	for (unsigned int i = 0; i < n && !r->bad; i++) {
		formats[i] = (struct format){.content = reader_uleb(r)};
		formats[i].form.form = (uint32_t)reader_uleb(r);
	}
	return r->bad ? 0 : n;
}

struct entry {
	struct value path;
	uint64_t directory;
};

static void read_entry(struct reader *r, const struct line_header *h, const uint8_t *line,
		       const struct format *formats, unsigned int n, struct entry *ret)
{
	*ret = (struct entry){};
	for (unsigned int i = 0; i < n; i++) {
		struct value v;

		value_read(r, h->encoding, &formats[i].form, line, &v);
		if (formats[i].content == DW_LNCT_path)
			ret->path = v;
		else if (formats[i].content == DW_LNCT_directory_index && v.kind == VALUE_CONSTANT)
			ret->directory = v.u;
	}
}

/* DWARF 5: both tables say the forms of their entries; numbers count from 0. */
static bool find_5(const struct line_header *h, const uint8_t *line, uint32_t file,
		   struct line_file *ret)
{
	struct format formats[LINE_FORMATS_MAX];
	struct reader r = h->tables, directories;
	unsigned int n_formats = read_formats(&r, formats), n_file_formats;
	uint64_t n = reader_uleb(&r), n_files;
	struct format file_formats[LINE_FORMATS_MAX];
	struct entry e = {}, directory = {};

	if (n > LINE_ENTRIES_MAX)
		return false;
	directories = r;
	for (uint64_t i = 0; i < n && !r.bad && n_formats; i++)
		read_entry(&r, h, line, formats, n_formats, &e);
	n_file_formats = read_formats(&r, file_formats);
	n_files = reader_uleb(&r);
	if (r.bad || file >= n_files || n_files > LINE_ENTRIES_MAX || !n_file_formats)
		return false;
	for (uint64_t i = 0; i <= file && !r.bad; i++)
		read_entry(&r, h, line, file_formats, n_file_formats, &e);
	if (r.bad)
		return false;
	*ret = (struct line_file){.name = e.path};
	for (uint64_t i = 0; i <= e.directory && i < n && n_formats && !directories.bad; i++) {
		read_entry(&directories, h, line, formats, n_formats, &directory);
		if (i == 0)
			ret->directory_of_unit = directory.path;
		if (i == e.directory && i > 0)
			ret->directory = directory.path;
	}
	return true;
}

/* A string of the tables of DWARF 2 to 4; an empty one ends its table. */
static bool next_string(struct reader *r, const uint8_t *line, struct value *ret)
{
	*ret = (struct value){.kind = VALUE_STRING, .u = (uint64_t)(r->at - line)};
	value_skip(r, (struct dwarf_encoding){}, DW_FORM_string);
	return !r->bad && r->at - line > (ptrdiff_t)ret->u + 1;
}

/*
 * DWARF 2 to 4: directories, then files as (name, directory, time, size); numbers count from 1,
 * directory 0 is the unit's.
 */
static bool find_4(const struct line_header *h, const uint8_t *line, uint32_t file,
		   struct line_file *ret)
{
	struct reader r = h->tables, directories = h->tables;
	struct value name, directory;
	uint64_t number = 0, in = 0;

	while (next_string(&r, line, &name))
		;
	for (; number < file && next_string(&r, line, &name); number++) {
		in = reader_uleb(&r);
		reader_uleb(&r);
		reader_uleb(&r);
	}
	if (r.bad || file == 0 || number != file)
		return false;
	*ret = (struct line_file){.name = name};
	for (uint64_t i = 1; i <= in && next_string(&directories, line, &directory); i++)
		if (i == in)
			ret->directory = directory;
	return true;
}

bool line_file_find(const struct line_header *header, struct span line, uint32_t file,
		    struct line_file *ret)
{
	return header->encoding.version >= 5 ? find_5(header, line.data, file, ret)
					     : find_4(header, line.data, file, ret);
}
