/* Go's table at the level of bytes; go_table.h is the contract. */
#include "symbolizer/go_table.h"

#include "symbolizer/dwarf_data.h"

#define MAGIC_1_16	   0xfffffffau
#define MAGIC_1_18	   0xfffffff0u
#define MAGIC_1_20	   0xfffffff1u

#define HEADER_FIXED_BYTES 8

/* Indexes of the runtime's: _PCDATA_InlTreeIndex and _FUNCDATA_InlTree. */
#define PCDATA_INLINED 2
#define FUNCDATA_TREE  3
#define FUNCDATA_NONE  UINT32_MAX

/* Steps of one list: more than the longest function has instructions. */
#define VALUE_STEPS_MAX (1u << 20)

static struct span from(struct span s, uint64_t offset)
{
	if (offset >= s.size)
		return (struct span){};
	return (struct span){.data = s.data + offset, .size = s.size - offset};
}

static bool parse_magic(uint32_t magic, enum go_version *ret)
{
	switch (magic) {
	case MAGIC_1_16:
		*ret = GO_1_16;
		return true;
	case MAGIC_1_18:
		*ret = GO_1_18;
		return true;
	case MAGIC_1_20:
		*ret = GO_1_20;
		return true;
	default:
		return false;
	}
}

bool go_header_parse(struct span bytes, struct go_header *ret)
{
	struct reader r = reader_over(bytes, 0);
	struct go_header h = {};
	struct go_table *t = &h.table;

	if (!parse_magic((uint32_t)reader_fixed(&r, 4), &t->version) || reader_fixed(&r, 2) != 0)
		return false;
	t->quantum = (unsigned int)reader_fixed(&r, 1);
	t->pointer_bytes = (unsigned int)reader_fixed(&r, 1);
	if ((t->pointer_bytes != 4 && t->pointer_bytes != 8) || !t->quantum || t->quantum > 4)
		return false;
	t->n_functions = reader_fixed(&r, t->pointer_bytes);
	reader_skip(&r, t->pointer_bytes); /* the number of files */
	if (t->version != GO_1_16)
		reader_skip(&r, t->pointer_bytes); /* text, up to Go 1.25: 0 since */
	h.names_at = reader_fixed(&r, t->pointer_bytes);
	t->names = from(bytes, h.names_at);
	t->units = from(bytes, reader_fixed(&r, t->pointer_bytes));
	t->files = from(bytes, reader_fixed(&r, t->pointer_bytes));
	t->values = from(bytes, reader_fixed(&r, t->pointer_bytes));
	t->functions = from(bytes, reader_fixed(&r, t->pointer_bytes));
	if (r.bad || t->n_functions > UINT32_MAX)
		return false;
	*ret = h;
	return true;
}

/* Entry i of the index: where a function begins and, in functions, what is said of it. */
static bool read_entry(const struct go_table *t, uint64_t i, uint64_t *ret_entry, uint64_t *ret_at)
{
	unsigned int bytes = t->version == GO_1_16 ? t->pointer_bytes : 4;
	struct reader r = reader_over(t->functions, i * 2 * bytes);

	*ret_entry = reader_fixed(&r, bytes) + t->text;
	*ret_at = i < t->n_functions ? reader_fixed(&r, bytes) : 0; /* the last is only an end */
	return !r.bad;
}

/* The last function that begins at or before address. */
static bool search(const struct go_table *t, uint64_t address, uint64_t *ret)
{
	uint64_t low = 0, high = t->n_functions, entry, at;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (!read_entry(t, middle, &entry, &at))
			return false;
		if (entry <= address)
			low = middle + 1;
		else
			high = middle;
	}
	*ret = low - 1;
	return low > 0;
}

/* Where the inline tree is, behind npcdata offsets: the fourth of n_data. */
static void read_tree(const struct go_table *t, uint64_t at, uint64_t data_at, uint8_t n_data,
		      struct go_function *f)
{
	unsigned int bytes = t->version == GO_1_16 ? t->pointer_bytes : 4;
	struct reader r;

	if (n_data <= FUNCDATA_TREE)
		return;
	if (t->version == GO_1_16) /* the table itself is aligned to pointers */
		data_at = (data_at + bytes - 1) / bytes * bytes;
	r = reader_over(t->functions, at + data_at + FUNCDATA_TREE * bytes);
	f->tree = reader_fixed(&r, bytes);
	f->has_tree = !r.bad && (t->version == GO_1_16 ? f->tree != 0 : f->tree != FUNCDATA_NONE);
}

static bool read_function(const struct go_table *t, uint64_t at, struct go_function *f)
{
	struct reader r = reader_over(t->functions, at);
	uint32_t n_values;
	uint64_t fixed;
	uint8_t n_data;

	reader_skip(&r, t->version == GO_1_16 ? t->pointer_bytes : 4); /* its entry once more */
	f->name = (int32_t)reader_fixed(&r, 4);
	reader_skip(&r, 3 * 4); /* arguments, deferred return, stack */
	f->files = (uint32_t)reader_fixed(&r, 4);
	f->lines = (uint32_t)reader_fixed(&r, 4);
	n_values = (uint32_t)reader_fixed(&r, 4);
	f->unit = (uint32_t)reader_fixed(&r, 4);
	if (t->version == GO_1_20)
		reader_skip(&r, 4); /* the line it begins at */
	reader_skip(&r, 3);
	n_data = (uint8_t)reader_fixed(&r, 1);
	if (r.bad)
		return false;
	fixed = (uint64_t)(r.at - (t->functions.data + at));
	if (n_values > PCDATA_INLINED) {
		reader_skip(&r, PCDATA_INLINED * 4);
		f->inlined = (uint32_t)reader_fixed(&r, 4);
	}
	read_tree(t, at, fixed + 4 * (uint64_t)n_values, n_data, f);
	return !r.bad;
}

bool go_table_find(const struct go_table *t, uint64_t address, struct go_function *ret)
{
	struct go_function f = {};
	uint64_t i, at, ignored;

	if (!search(t, address, &i) || !read_entry(t, i, &f.entry, &at) ||
	    !read_entry(t, i + 1, &f.end, &ignored))
		return false;
	if (address < f.entry || address >= f.end || !read_function(t, at, &f))
		return false;
	*ret = f;
	return true;
}

/*
 * Pairs of numbers: by how much the value changes (zigzag) and for how many quanta it holds. A
 * value that does not change ends the list, but at its beginning.
 */
bool go_table_value(const struct go_table *t, const struct go_function *f, uint32_t list,
		    uint64_t address, int32_t *ret)
{
	struct reader r = reader_over(t->values, list);
	uint64_t pc = f->entry;
	uint32_t value = UINT32_MAX; /* -1 */

	if (!list)
		return false;
	for (uint32_t step = 0; step < VALUE_STEPS_MAX; step++) {
		uint32_t change = (uint32_t)reader_uleb(&r);

		if (r.bad || (!change && step))
			return false;
		value += change & 1 ? ~(change >> 1) : change >> 1;
		pc += reader_uleb(&r) * t->quantum;
		if (r.bad)
			return false;
		if (address < pc) {
			*ret = (int32_t)value;
			return true;
		}
	}
	return false;
}

ptrdiff_t go_table_name(const struct go_table *t, int32_t name, const char **ret)
{
	return name < 0 ? -1 : span_string(t->names, (uint64_t)name, ret);
}

ptrdiff_t go_table_file(const struct go_table *t, const struct go_function *f, int32_t file,
			const char **ret)
{
	struct reader r;
	uint64_t at;

	if (file < 0)
		return -1;
	r = reader_over(t->units, ((uint64_t)f->unit + (uint64_t)file) * 4);
	at = reader_fixed(&r, 4);
	return r.bad || at == UINT32_MAX ? -1 : span_string(t->files, at, ret);
}

bool go_table_inlined(const struct go_table *t, struct span tree, int32_t node,
		      struct go_inlined *ret)
{
	bool with_place = t->version != GO_1_20; /* file and line of the call, which code has too */
	struct go_inlined call;
	struct reader r;

	if (node < 0)
		return false;
	r = reader_over(tree, (uint64_t)node * (with_place ? 20 : 16));
	reader_skip(&r, with_place ? 12 : 4);
	call.name = (int32_t)reader_fixed(&r, 4);
	call.call = (uint32_t)reader_fixed(&r, 4);
	if (r.bad)
		return false;
	*ret = call;
	return true;
}
