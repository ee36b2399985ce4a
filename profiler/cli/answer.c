/* Rows as a table, CSV or JSON; see answer.h. */
#include "profiler/cli/answer.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "web/export/text_cell.h"

#define BYTES_MAX		(1u << 30) /* of a row, or of a table's first rows */
#define FLUSH_BYTES		(256u << 10)
#define WIDTH_MAX		100 /* of a column of a table */
#define GAP			2

#define FORMAT_WORD(name, text) text,
static const char *const words[] = {ANSWER_FORMAT_LIST(FORMAT_WORD)};
#undef FORMAT_WORD

int answer_format_parse(const char *text, void *to, struct err *err)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(text, words[i])) {
			*(enum answer_format *)to = (enum answer_format)i;
			return 0;
		}
	return err_set(err, -EINVAL, "\"%s\" is not table, csv or json", text);
}

/* ---- CSV ---- */

static void add_csv(struct buf *out, const char *s, size_t len)
{
	bool quote = false;

	for (size_t i = 0; i < len; i++)
		quote |= s[i] == ',' || s[i] == '"' || s[i] == '\n' || s[i] == '\r';
	if (!quote) {
		buf_add(out, s, len);
		return;
	}
	buf_add_char(out, '"');
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '"')
			buf_add_char(out, '"');
		buf_add_char(out, s[i]);
	}
	buf_add_char(out, '"');
}

/* ---- tables ---- */

static bool is_last(const struct answer *a, uint32_t column)
{
	return column + 1 == a->n_columns;
}

static void lay_out_cell(struct answer *a, uint32_t column, const char *s)
{
	size_t width = a->width[column], used = text_cell_columns(s);

	if (a->right[column])
		for (; used < width; used++)
			buf_add_char(&a->out, ' ');
	if (is_last(a, column)) {
		text_cell_add(&a->out, s, SIZE_MAX, false);
		buf_add_char(&a->out, '\n');
		return;
	}
	/* A number is never cut. */
	text_cell_add(&a->out, s, a->right[column] && used > width ? used : width,
		      !a->right[column]);
	for (int i = 0; i < GAP; i++)
		buf_add_char(&a->out, ' ');
}

static void lay_out(struct answer *a)
{
	const char *s = (const char *)a->cells.data, *end = s + a->cells.len;
	uint32_t column = 0;

	if (a->cells.err || !a->cells.len)
		return;
	while (s < end) {
		lay_out_cell(a, column, s);
		column = is_last(a, column) ? 0 : column + 1;
		s += strlen(s) + 1;
	}
	buf_clear(&a->cells);
}

static void add_cell(struct answer *a, const char *s, size_t len, bool right)
{
	uint32_t column = a->column - 1; /* begin_cell() has counted it */
	size_t at = a->cells.len, width;

	for (size_t i = 0; i < len; i++)
		buf_add_char(&a->cells, s[i] ? s[i] : '?');
	buf_add_u8(&a->cells, 0);
	if (a->cells.err || a->rows > ANSWER_LAID_OUT_ROWS)
		return;
	width = text_cell_columns((const char *)a->cells.data + at);
	width = width < WIDTH_MAX ? width : WIDTH_MAX;
	if (width > a->width[column])
		a->width[column] = (uint32_t)width;
	if (right)
		a->right[column] = true;
}

/* ---- cells ---- */

static void begin_cell(struct answer *a)
{
	assert(a->column < a->n_columns);
	if (a->format == ANSWER_CSV && a->column)
		buf_add_char(&a->out, ',');
	else if (a->format == ANSWER_JSON && !a->column)
		json_array_begin(&a->json);
	a->column++;
}

void answer_text(struct answer *a, const char *s, size_t len)
{
	begin_cell(a);
	if (a->format == ANSWER_JSON)
		json_str_len(&a->json, s, len);
	else if (a->format == ANSWER_CSV)
		add_csv(&a->out, s, len);
	else
		add_cell(a, s, len, false);
}

/* CSV and tables; JSON has its own. */
static void add_digits(struct answer *a, const char *digits)
{
	if (a->format == ANSWER_CSV)
		buf_add_str(&a->out, digits);
	else
		add_cell(a, digits, strlen(digits), true);
}

void answer_u64(struct answer *a, uint64_t v)
{
	char digits[24];

	begin_cell(a);
	snprintf(digits, sizeof(digits), "%" PRIu64, v);
	if (a->format == ANSWER_JSON)
		json_u64(&a->json, v);
	else
		add_digits(a, digits);
}

void answer_i64(struct answer *a, int64_t v)
{
	char digits[24];

	begin_cell(a);
	snprintf(digits, sizeof(digits), "%" PRId64, v);
	if (a->format == ANSWER_JSON)
		json_i64(&a->json, v);
	else
		add_digits(a, digits);
}

void answer_double(struct answer *a, double v)
{
	char digits[40];

	begin_cell(a);
	snprintf(digits, sizeof(digits), "%.15g", v);
	if (a->format == ANSWER_JSON)
		json_double_exact(&a->json, v);
	else
		add_digits(a, digits);
}

void answer_null(struct answer *a)
{
	begin_cell(a);
	if (a->format == ANSWER_JSON)
		json_null(&a->json);
	else if (a->format == ANSWER_TABLE)
		add_cell(a, "", 0, false);
}

/* ---- rows ---- */

static int flush(struct answer *a, struct err *err)
{
	int r = a->out.err ? a->out.err : a->cells.err;

	if (r < 0)
		return err_set(err, r, "the answer's row is too large, or there is no memory");
	r = a->out.len ? a->write(a->arg, a->out.data, a->out.len, err) : 0;
	buf_clear(&a->out);
	return r;
}

static void begin_json(struct answer *a, const char *const *names)
{
	json_init(&a->json, &a->out);
	json_object_begin(&a->json);
	json_kv_u64(&a->json, "version", 1);
	json_key(&a->json, "columns");
	json_array_begin(&a->json);
	for (uint32_t i = 0; i < a->n_columns; i++)
		json_str(&a->json, names[i]);
	json_array_end(&a->json);
	json_key(&a->json, "rows");
	json_array_begin(&a->json);
}

int answer_begin(struct answer *a, enum answer_format format, const char *const *names, uint32_t n,
		 int (*write)(void *arg, const void *data, size_t len, struct err *err), void *arg)
{
	*a = (struct answer){.format = format, .write = write, .arg = arg, .n_columns = n};
	buf_init(&a->cells, BYTES_MAX);
	buf_init(&a->out, BYTES_MAX);
	if (!n || n > ANSWER_COLUMNS_MAX)
		return -EINVAL;
	if (format == ANSWER_JSON) {
		begin_json(a, names);
		return 0;
	}
	for (uint32_t i = 0; i < n; i++)
		answer_text(a, names[i], strlen(names[i]));
	return answer_row(a, NULL);
}

int answer_row(struct answer *a, struct err *err)
{
	assert(a->column == a->n_columns);
	a->column = 0;
	a->rows++;
	switch (a->format) {
	case ANSWER_CSV:
		buf_add_str(&a->out, "\r\n");
		break;
	case ANSWER_JSON:
		json_array_end(&a->json);
		break;
	case ANSWER_TABLE:
		if (a->rows > ANSWER_LAID_OUT_ROWS)
			lay_out(a);
		break;
	}
	return a->out.len > FLUSH_BYTES || a->cells.err ? flush(a, err) : 0;
}

static void end_json(struct answer *a)
{
	json_array_end(&a->json);
	if (a->rest_rows) {
		json_key(&a->json, "more");
		json_object_begin(&a->json);
		json_kv_u64(&a->json, "rows", a->rest_rows);
		if (a->rest_samples)
			json_kv_u64(&a->json, "samples", a->rest_samples);
		json_object_end(&a->json);
	}
	json_object_end(&a->json);
	buf_add_char(&a->out, '\n');
}

int answer_end(struct answer *a, struct err *err)
{
	if (a->format == ANSWER_JSON)
		end_json(a);
	else if (a->format == ANSWER_TABLE)
		lay_out(a);
	return flush(a, err);
}

void answer_done(struct answer *a)
{
	buf_done(&a->cells);
	buf_done(&a->out);
}
