/*
 * pprof: the gzip'd protobuf of github.com/google/pprof, proto/profile.proto.
 *
 * Samples are written as they come, tables are numbered densely by first use and follow. Addresses
 * are offsets in the object's file: each mapping begins at 0. An incomplete stack has the label
 * `incomplete`. pprof leaves samples without locations out of its tables, so a stack without frames
 * has one that says so.
 *
 * A comparison is what `go tool pprof -diff_base` makes of two files: the base's samples are
 * negative and have the label `pprof::base`, by which pprof knows what shares are of.
 */
#include "web/export/formats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/base/cleanup.h"
#include "web/export/join.h"
#include "web/export/protobuf.h"
#include "web/export/rows.h"
#include "web/export/strings.h"
#include "web/gzip.h"

#define PPROF_GZIP_LEVEL \
	3 /* tests/bench/bench_export: level 6 takes twice as long for a tenth less */
#define PPROF_PAGE_BYTES 4096ull
#define NO_STACK	 UINT32_MAX /* stands for the location of samples without a frame */

enum pprof_field {
	PPROF_SAMPLE_TYPE = 1,
	PPROF_SAMPLE = 2,
	PPROF_MAPPING = 3,
	PPROF_LOCATION = 4,
	PPROF_FUNCTION = 5,
	PPROF_STRING_TABLE = 6,
	PPROF_TIME_NANOS = 9,
	PPROF_DURATION_NANOS = 10,
	PPROF_PERIOD_TYPE = 11,
	PPROF_PERIOD = 12,
	PPROF_COMMENT = 13,
	PPROF_DEFAULT_SAMPLE_TYPE = 14,
};

enum value_type_field { VALUE_TYPE_TYPE = 1, VALUE_TYPE_UNIT = 2 };

enum sample_field { SAMPLE_LOCATION_ID = 1, SAMPLE_VALUE = 2, SAMPLE_LABEL = 3 };

enum label_field { LABEL_KEY = 1, LABEL_STR = 2 };

enum mapping_field {
	MAPPING_ID = 1,
	MAPPING_MEMORY_LIMIT = 3,
	MAPPING_FILENAME = 5,
	MAPPING_BUILD_ID = 6,
	MAPPING_HAS_FUNCTIONS = 7,
	MAPPING_HAS_FILENAMES = 8,
	MAPPING_HAS_LINE_NUMBERS = 9,
	MAPPING_HAS_INLINE_FRAMES = 10,
};

enum location_field {
	LOCATION_ID = 1,
	LOCATION_MAPPING_ID = 2,
	LOCATION_ADDRESS = 3,
	LOCATION_LINE = 4,
};

enum line_field { LINE_FUNCTION_ID = 1, LINE_LINE = 2, LINE_COLUMN = 3 };

enum function_field {
	FUNCTION_ID = 1,
	FUNCTION_NAME = 2,
	FUNCTION_SYSTEM_NAME = 3,
	FUNCTION_FILENAME = 4,
	FUNCTION_START_LINE = 5,
};

struct mapping {
	uint32_t object;
	uint64_t last; /* highest offset */
	bool functions, files, lines, inlines;
};

struct function {
	uint32_t name, system_name, file, start_line; /* strings of the output */
};

struct label_set {
	size_t at, len; /* its encoded labels, in labels; len SIZE_MAX: not yet */
};

struct pprof {
	const struct profile *p;
	const struct export_options *options;
	struct export_rows rows, base_rows;
	struct export_strings strings;
	uint32_t *location_id; /* by location of p; 0 not used yet */
	uint32_t *locations; /* the used ones, in order of their ids; one may be NO_STACK */
	uint32_t n_locations;
	uint32_t no_stack_id;
	uint32_t *mapping_id; /* by object of p; 0 not used yet */
	struct mapping *mappings;
	uint32_t n_mappings;
	struct function *functions;
	uint32_t n_functions, cap_functions;
	struct idmap function_index;
	struct label_set *label_sets;
	struct buf labels;
	struct export_path path;
	struct buf text, message, part; /* scratch */
	struct gzip *gzip;
	int err;
};

static void pprof_done(struct pprof *w)
{
	export_rows_done(&w->rows);
	export_rows_done(&w->base_rows);
	export_strings_done(&w->strings);
	free(w->location_id);
	free(w->locations);
	free(w->mapping_id);
	free(w->mappings);
	free(w->functions);
	idmap_done(&w->function_index);
	free(w->label_sets);
	buf_done(&w->labels);
	export_path_done(&w->path);
	buf_done(&w->text);
	buf_done(&w->message);
	buf_done(&w->part);
	gzip_free(w->gzip);
}

static int pprof_init(struct pprof *w, const struct profile *p,
		      const struct export_options *options, struct buf *out)
{
	*w = (struct pprof){.p = p, .options = options};
	buf_init(&w->labels, EXPORT_BYTES_MAX);
	buf_init(&w->text, EXPORT_BYTES_MAX);
	buf_init(&w->message, EXPORT_BYTES_MAX);
	buf_init(&w->part, EXPORT_BYTES_MAX);
	w->location_id = calloc((size_t)p->n_locations + 1, sizeof(*w->location_id));
	w->locations = calloc((size_t)p->n_locations + 2, sizeof(*w->locations));
	w->mapping_id = calloc((size_t)p->n_objects + 1, sizeof(*w->mapping_id));
	w->mappings = calloc((size_t)p->n_objects + 1, sizeof(*w->mappings));
	w->label_sets = calloc((size_t)p->n_labels + 1, sizeof(*w->label_sets));
	if (!w->location_id || !w->locations || !w->mapping_id || !w->mappings || !w->label_sets)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->n_labels; i++)
		w->label_sets[i].len = SIZE_MAX;
	if (export_strings_init(&w->strings) < 0 || export_rows_init(&w->rows, p) < 0)
		return -ENOMEM;
	return gzip_begin(&w->gzip, out, PPROF_GZIP_LEVEL);
}

/* ---- strings and ids ---- */

/* proto3 strings are UTF-8. Failure is remembered and checked at the end. */
static uint32_t string_id(struct pprof *w, const char *s)
{
	int64_t id;

	buf_clear(&w->text);
	export_strings_clean(&w->text, s);
	id = w->text.err ? w->text.err : export_strings_add(&w->strings, buf_str(&w->text));
	if (id < 0) {
		w->err = (int)id;
		return 0;
	}
	return (uint32_t)id;
}

static bool has_mapping(const struct profile_object *o)
{
	return o->kind != PROFILE_OBJECT_SYMBOL && o->kind != PROFILE_OBJECT_INCOMPLETE;
}

static uint32_t mapping_id(struct pprof *w, uint32_t object)
{
	if (!has_mapping(&w->p->objects[object]))
		return 0;
	if (!w->mapping_id[object]) {
		w->mappings[w->n_mappings++] = (struct mapping){.object = object};
		w->mapping_id[object] = w->n_mappings;
	}
	return w->mapping_id[object];
}

static uint32_t location_id(struct pprof *w, uint32_t location)
{
	if (!w->location_id[location]) {
		w->locations[w->n_locations++] = location;
		w->location_id[location] = w->n_locations;
		mapping_id(w, w->p->locations[location].object);
	}
	return w->location_id[location];
}

static uint32_t no_stack_id(struct pprof *w)
{
	if (!w->no_stack_id) {
		w->locations[w->n_locations++] = NO_STACK;
		w->no_stack_id = w->n_locations;
	}
	return w->no_stack_id;
}

static uint32_t function_id(struct pprof *w, const struct profile_frame *f)
{
	struct function fn = {
		.name = string_id(w, f->function),
		.system_name = string_id(w, f->system_name),
		.file = string_id(w, f->file),
		.start_line = f->start_line,
	};
	uint64_t hash = hash_bytes(&fn, sizeof(fn));
	uint32_t at, id;

	for (id = idmap_first(&w->function_index, hash, &at); id != IDMAP_NONE;
	     id = idmap_next(&w->function_index, hash, &at))
		if (!memcmp(&w->functions[id], &fn, sizeof(fn)))
			return id + 1;
	if (w->n_functions == w->cap_functions) {
		uint32_t cap = w->cap_functions ? w->cap_functions * 2 : 256;
		struct function *more = realloc(w->functions, cap * sizeof(*more));

		if (!more) {
			w->err = -ENOMEM;
			return 1;
		}
		w->functions = more;
		w->cap_functions = cap;
	}
	if (idmap_add(&w->function_index, hash, w->n_functions) < 0)
		w->err = -ENOMEM;
	w->functions[w->n_functions++] = fn;
	return w->n_functions;
}

/* ---- writing ---- */

/* A field of the profile whose message is in w->message. */
static void flush_message(struct pprof *w, uint32_t field)
{
	uint8_t head[16];
	struct buf b = {.data = head, .cap = sizeof(head), .max = sizeof(head) - 1};

	buf_add_varint(&b, field << 3 | PROTOBUF_BYTES);
	buf_add_varint(&b, w->message.len);
	gzip_add(w->gzip, head, b.len);
	gzip_add(w->gzip, w->message.data, w->message.len);
	if (w->message.err)
		w->err = w->message.err;
	buf_clear(&w->message);
}

static void add_value_type(struct pprof *w, uint32_t field, const char *type, const char *unit)
{
	protobuf_number(&w->message, VALUE_TYPE_TYPE, string_id(w, type));
	protobuf_number(&w->message, VALUE_TYPE_UNIT, string_id(w, unit));
	flush_message(w, field);
}

static void add_label(struct pprof *w, struct buf *to, const char *key, const char *value)
{
	if (!*value)
		return;
	buf_clear(&w->part);
	protobuf_number(&w->part, LABEL_KEY, string_id(w, key));
	protobuf_number(&w->part, LABEL_STR, string_id(w, value));
	protobuf_message(to, SAMPLE_LABEL, &w->part);
}

/* Keys that begin with pprof:: mean something to pprof itself. */
static bool is_reserved(const char *key)
{
	return !strncmp(key, "pprof::", strlen("pprof::"));
}

static const struct label_set *label_set(struct pprof *w, uint32_t labels)
{
	const struct profile_labels *l = &w->p->labels[labels];
	struct label_set *set = &w->label_sets[labels];
	char scratch[24];

	if (set->len != SIZE_MAX)
		return set;
	set->at = w->labels.len;
	for (int i = 0; i < PROFILE_LABEL_COUNT; i++) {
		const char *name = profile_label_name((enum profile_label)i);

		add_label(w, &w->labels, name, profile_label_text(w->p, labels, name, scratch));
	}
	for (uint32_t i = 0; i < l->n_extra; i++) {
		const char *key = profile_str(w->p, l->extra[i].key);

		if (!is_reserved(key) && profile_label_parse(key) < 0)
			add_label(w, &w->labels, key, profile_str(w->p, l->extra[i].value));
	}
	set->len = w->labels.len - set->at;
	return set;
}

/* The location ids of a stack, leaf first, into w->part. */
static int add_locations(struct pprof *w, uint32_t stack)
{
	int r = export_path_read(&w->path, w->p, stack);

	buf_clear(&w->part);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < w->path.n; i++)
		buf_add_varint(&w->part, location_id(w, w->path.location[i]));
	/* What is left of a stack without frames is its incomplete mark, or nothing. */
	if (!w->path.n)
		buf_add_varint(&w->part, stack ? location_id(w, w->p->stacks[stack].location)
					       : no_stack_id(w));
	return 0;
}

/* p: whose row it is. That of the base is negative: two's complement, as protobuf has it. */
static int add_sample(struct pprof *w, const struct profile *p, const struct export_row *row)
{
	const struct label_set *labels = label_set(w, row->labels);
	uint32_t reason = w->rows.reason[row->stack];
	uint64_t count = p == w->p ? row->count : -row->count;
	int r = add_locations(w, row->stack);

	if (r < 0)
		return r;
	protobuf_message(&w->message, SAMPLE_LOCATION_ID, &w->part);
	buf_clear(&w->part);
	buf_add_varint(&w->part, count);
	if (w->p->period_ns)
		buf_add_varint(&w->part, count * p->period_ns);
	protobuf_message(&w->message, SAMPLE_VALUE, &w->part);
	if (labels->len)
		buf_add(&w->message, w->labels.data + labels->at, labels->len);
	if (reason != EXPORT_COMPLETE)
		add_label(w, &w->message, "incomplete", profile_str(p, reason));
	if (p != w->p)
		add_label(w, &w->message, "pprof::base", "true");
	flush_message(w, PPROF_SAMPLE);
	return w->err ? w->err : w->labels.err;
}

static void add_line(struct pprof *w, struct mapping *m, const struct profile_frame *f)
{
	buf_clear(&w->part);
	protobuf_number(&w->part, LINE_FUNCTION_ID, function_id(w, f));
	protobuf_number(&w->part, LINE_LINE, f->line);
	protobuf_number(&w->part, LINE_COLUMN, f->column);
	protobuf_message(&w->message, LOCATION_LINE, &w->part);
	if (!m)
		return;
	m->functions |= f->named;
	m->files |= *f->file != '\0';
	m->lines |= f->line != 0;
	m->inlines |= f->kind == PROFILE_FRAME_INLINED;
}

static void add_no_stack(struct pprof *w)
{
	static const struct profile_frame f = {
		.function = "[no stack]", .system_name = "[no stack]", .file = ""};

	protobuf_number(&w->message, LOCATION_ID, w->no_stack_id);
	add_line(w, NULL, &f);
	flush_message(w, PPROF_LOCATION);
}

static void add_location(struct pprof *w, uint32_t location)
{
	const struct profile_location *l = &w->p->locations[location];
	uint32_t mapping = mapping_id(w, l->object);
	struct mapping *m = mapping ? &w->mappings[mapping - 1] : NULL;
	uint32_t n = profile_location_frames(w->p, location);
	char scratch[PROFILE_SCRATCH_BYTES];

	protobuf_number(&w->message, LOCATION_ID, w->location_id[location]);
	protobuf_number(&w->message, LOCATION_MAPPING_ID, mapping);
	for (uint32_t i = 0; i < n; i++) {
		struct profile_frame f = profile_location_frame(w->p, location, i, scratch);

		if (i == 0 && m) {
			protobuf_number(&w->message, LOCATION_ADDRESS, f.offset);
			m->last = f.offset > m->last ? f.offset : m->last;
		}
		add_line(w, m, &f);
	}
	flush_message(w, PPROF_LOCATION);
}

static void add_mapping(struct pprof *w, uint32_t id)
{
	const struct mapping *m = &w->mappings[id - 1];
	const struct profile_object *o = &w->p->objects[m->object];
	const char *path = profile_str(w->p, o->path);
	uint64_t limit = (m->last | (PPROF_PAGE_BYTES - 1)) + 1;

	protobuf_number(&w->message, MAPPING_ID, id);
	protobuf_number(&w->message, MAPPING_MEMORY_LIMIT, limit ? limit : UINT64_MAX);
	protobuf_number(&w->message, MAPPING_FILENAME, string_id(w, *path ? path : "[unknown]"));
	protobuf_number(&w->message, MAPPING_BUILD_ID,
			string_id(w, profile_str(w->p, o->build_id)));
	protobuf_number(&w->message, MAPPING_HAS_FUNCTIONS, m->functions);
	protobuf_number(&w->message, MAPPING_HAS_FILENAMES, m->files);
	protobuf_number(&w->message, MAPPING_HAS_LINE_NUMBERS, m->lines);
	protobuf_number(&w->message, MAPPING_HAS_INLINE_FRAMES, m->inlines);
	flush_message(w, PPROF_MAPPING);
}

static void add_function(struct pprof *w, uint32_t id)
{
	const struct function *f = &w->functions[id - 1];

	protobuf_number(&w->message, FUNCTION_ID, id);
	protobuf_number(&w->message, FUNCTION_NAME, f->name);
	protobuf_number(&w->message, FUNCTION_SYSTEM_NAME, f->system_name);
	protobuf_number(&w->message, FUNCTION_FILENAME, f->file);
	protobuf_number(&w->message, FUNCTION_START_LINE, f->start_line);
	flush_message(w, PPROF_FUNCTION);
}

/*
 * pprof calls the first mapping the main binary and titles its pages with it: that is the program
 * that used most CPU.
 */
static int choose_main(struct pprof *w)
{
	const struct profile *p = w->p;
	_cleanup_free_ uint64_t *count = calloc(p->n_strings, sizeof(*count));
	uint32_t best = 0;

	if (!count)
		return -ENOMEM;
	for (size_t i = 0; i < w->rows.n; i++) {
		const struct profile_labels *l = &p->labels[w->rows.row[i].labels];
		uint32_t exe = (uint32_t)l->value[PROFILE_LABEL_EXE];

		if (!(l->has & (1u << PROFILE_LABEL_EXE)))
			continue;
		count[exe] += w->rows.row[i].count;
		if (count[exe] > count[best])
			best = exe;
	}
	for (uint32_t i = 0; best && i < w->n_mappings; i++)
		if (p->objects[w->mappings[i].object].path == best) {
			struct mapping chosen = w->mappings[i];

			memmove(w->mappings + 1, w->mappings, i * sizeof(chosen));
			w->mappings[0] = chosen;
			break;
		}
	for (uint32_t i = 0; i < w->n_mappings; i++)
		w->mapping_id[w->mappings[i].object] = i + 1;
	return 0;
}

static void add_comment(struct pprof *w, struct buf *comments, struct buf *sentence)
{
	buf_add_varint(comments, string_id(w, buf_str(sentence)));
	buf_clear(sentence);
}

static int add_comments(struct pprof *w)
{
	const struct profile *p = w->p;
	_cleanup_(buf_done) struct buf sentence, comments;
	_cleanup_free_ uint64_t *incomplete = NULL;

	buf_init(&sentence, EXPORT_BYTES_MAX);
	buf_init(&comments, EXPORT_BYTES_MAX);
	if (export_rows_incomplete(&w->rows, p, &incomplete) < 0)
		return -ENOMEM;
	buf_printf(&sentence, "hearth %s", w->options->version ? w->options->version : "");
	add_comment(w, &comments, &sentence);
	for (uint32_t i = 0; i < p->n_losses; i++) {
		buf_printf(&sentence, "lost: %llu (%s)", (unsigned long long)p->losses[i].count,
			   profile_str(p, p->losses[i].reason));
		add_comment(w, &comments, &sentence);
	}
	for (uint32_t i = 0; i < p->n_strings; i++) {
		if (!incomplete[i])
			continue;
		buf_printf(&sentence, "incomplete stacks: %llu samples (%s)",
			   (unsigned long long)incomplete[i], profile_str(p, i));
		add_comment(w, &comments, &sentence);
	}
	protobuf_message(&w->message, PPROF_COMMENT, &comments);
	return sentence.err ? sentence.err : comments.err;
}

/* The plain members, straight into the stream. */
static int add_facts(struct pprof *w)
{
	const struct profile *p = w->p;
	int r = add_comments(w);

	if (r < 0)
		return r;
	protobuf_number(&w->message, PPROF_TIME_NANOS, p->start_ns);
	if (p->end_ns > p->start_ns)
		protobuf_number(&w->message, PPROF_DURATION_NANOS, p->end_ns - p->start_ns);
	protobuf_number(&w->message, PPROF_PERIOD, p->period_ns);
	if (p->period_ns)
		protobuf_number(&w->message, PPROF_DEFAULT_SAMPLE_TYPE, string_id(w, "cpu"));
	gzip_add(w->gzip, w->message.data, w->message.len);
	r = w->message.err;
	buf_clear(&w->message);
	return r;
}

static void add_strings(struct pprof *w)
{
	for (uint32_t i = 0; i < w->strings.n; i++) {
		buf_add_str(&w->message, export_strings_at(&w->strings, i));
		flush_message(w, PPROF_STRING_TABLE);
	}
}

static int write_all(struct pprof *w, const struct profile *base)
{
	const struct profile *p = w->p;
	int r = 0;

	add_value_type(w, PPROF_SAMPLE_TYPE, "samples", "count");
	if (p->period_ns) {
		add_value_type(w, PPROF_SAMPLE_TYPE, "cpu", "nanoseconds");
		add_value_type(w, PPROF_PERIOD_TYPE, "cpu", "nanoseconds");
	}
	for (size_t i = 0; i < w->rows.n && r == 0; i++)
		r = add_sample(w, w->p, &w->rows.row[i]);
	for (size_t i = 0; i < w->base_rows.n && r == 0; i++)
		r = add_sample(w, base, &w->base_rows.row[i]);
	if (r == 0)
		r = choose_main(w);
	for (uint32_t i = 0; i < w->n_locations && r == 0; i++) {
		if (w->locations[i] == NO_STACK)
			add_no_stack(w);
		else
			add_location(w, w->locations[i]);
		r = w->err;
	}
	if (r < 0)
		return r;
	for (uint32_t id = 1; id <= w->n_mappings; id++)
		add_mapping(w, id);
	for (uint32_t id = 1; id <= w->n_functions; id++)
		add_function(w, id);
	r = add_facts(w);
	if (r < 0)
		return r;
	add_strings(w);
	r = gzip_end(steal_ptr(w->gzip));
	return w->err ? w->err : r;
}

int export_pprof_write(const struct profile *p, const struct export_options *options,
		       struct buf *out, struct err *err)
{
	_cleanup_(export_join_done) struct export_join both = {};
	_cleanup_(pprof_done) struct pprof w = {};
	int r = options->base ? export_join_init(&both, p, options->base) : 0;

	if (r == 0)
		r = pprof_init(&w, options->base ? &both.now : p, options, out);
	if (r == 0 && options->base)
		r = export_rows_init(&w.base_rows, &both.base);
	if (r == 0)
		r = write_all(&w, &both.base);
	return r < 0 ? err_set(err, r, "writing pprof: %s", strerror(-r)) : 0;
}
