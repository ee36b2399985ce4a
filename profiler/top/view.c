/* What `hearth top` shows; see view.h. Keys are in keys.c. */
#include "profiler/top/view.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NS_PER_MS	      UINT64_C(1000000)
#define NS_PER_S	      UINT64_C(1000000000)
#define HEAD_LINES	      3 /* the range, the samples, what is shown of them */
#define TIME_BYTES	      40

#define WORD(name, word, ...) word,
static const char *const by_words[] = {TOP_BY_LIST(WORD)};
static const char *const sort_words[] = {TOP_SORT_LIST(WORD)};
#undef WORD
#define BY_HEAD(name, word, head, ...) head,
static const char *const by_heads[] = {TOP_BY_LIST(BY_HEAD)};
#undef BY_HEAD
#define BY_LABELS(name, word, head, ...) {__VA_ARGS__, NULL},
static const char *const by_labels[][EXPORT_BY_MAX] = {TOP_BY_LIST(BY_LABELS)};
#undef BY_LABELS

void top_view_init(struct top_view *v)
{
	*v = (struct top_view){.window_ns = TOP_WINDOW_DEFAULT};
	top_path_init(&v->root);
	top_path_init(&v->place);
}

void top_view_done(struct top_view *v)
{
	if (v->filtered)
		regfree(&v->filter);
	top_path_done(&v->root);
	top_path_done(&v->place);
}

static int find_word(const char *const *words, int n, const char *text)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(words[i], text))
			return i;
	return -ENOENT;
}

int top_by_parse(const char *text, void *to, struct err *err)
{
	int i = find_word(by_words, TOP_BY_COUNT, text);

	if (i < 0)
		return err_set(err, -EINVAL,
			       "\"%s\" is not all, program, process, thread, container or unit",
			       text);
	*(enum top_by *)to = (enum top_by)i;
	return 0;
}

int top_sort_parse(const char *text, void *to, struct err *err)
{
	int i = find_word(sort_words, TOP_SORT_COUNT, text);

	if (i < 0)
		return err_set(err, -EINVAL, "\"%s\" is not self, total or name", text);
	*(enum top_sort *)to = (enum top_sort)i;
	return 0;
}

const char *top_by_word(enum top_by by)
{
	return by_words[by];
}

const char *const *top_view_labels(const struct top_view *v)
{
	return by_labels[v->by];
}

static bool has_capital(const char *text)
{
	for (; *text; text++) {
		if (*text == '\\' && text[1])
			text++;
		else if (*text >= 'A' && *text <= 'Z')
			return true;
	}
	return false;
}

int top_view_filter(struct top_view *v, const char *text, struct err *err)
{
	int flags = REG_EXTENDED | REG_NOSUB | (has_capital(text) ? 0 : REG_ICASE), r = 0;
	char why[128];
	regex_t filter;

	if (strlen(text) >= sizeof(v->filter_text))
		return err_set(err, -EINVAL, "an expression has at most %zu bytes",
			       sizeof(v->filter_text) - 1);
	if (text[0])
		r = regcomp(&filter, text, flags);
	if (r) {
		regerror(r, &filter, why, sizeof(why));
		return err_set(err, -EINVAL, "\"%s\" is not a regular expression: %s", text, why);
	}
	if (v->filtered)
		regfree(&v->filter);
	v->filtered = text[0];
	if (text[0])
		v->filter = filter;
	memmove(v->filter_text, text, strlen(text) + 1);
	return 0;
}

int top_view_model(const struct top_view *v, struct profile *p, struct top_model *ret)
{
	int r = top_model_init(ret, p, top_view_labels(v), v->by != TOP_BY_ALL,
			       v->filtered ? &v->filter : NULL);

	if (r == 0)
		top_table_sort(ret, v->sort);
	return r;
}

/* ---- drawing ---- */

/* With milliseconds, as `hearth export --from` takes it: what is seen can be asked for again. */
static void format_time(uint64_t ns, char out[TIME_BYTES])
{
	time_t seconds = (time_t)(ns / NS_PER_S);
	char text[24] = "?";
	struct tm tm;

	if (gmtime_r(&seconds, &tm))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out, TIME_BYTES, "%s.%03uZ", text, (unsigned int)(ns % NS_PER_S / NS_PER_MS));
}

static double share(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void draw_range(const struct top_view *v, const struct profile *p, struct top_page *page)
{
	char from[TIME_BYTES], until[TIME_BYTES], text[256];

	format_time(p->start_ns, from);
	format_time(p->end_ns, until);
	snprintf(text, sizeof(text), "%s .. %s  %s", from, until,
		 v->until_ns	? "PAUSED"
		 : v->no_daemon ? "the store's last: no daemon is running"
				: "live");
	top_page_add(page, 0, 0, page->columns, TOP_STYLE_STRONG, false, text);
}

static void draw_samples(const struct top_model *m, struct top_page *page)
{
	const struct profile *p = m->profile;
	uint64_t ns = p->end_ns - p->start_ns;
	struct buf text;

	buf_init(&text, 1024);
	buf_printf(&text, "%" PRIu64 " samples", m->samples);
	if (p->period_ns && ns)
		buf_printf(&text, ", %.2f s of CPU time, %.1f %% of one CPU",
			   (double)m->samples * (double)p->period_ns / 1e9,
			   100.0 * (double)m->samples * (double)p->period_ns / (double)ns);
	if (m->incomplete)
		buf_printf(&text, ", %.2f %% with an incomplete stack",
			   share(m->incomplete, m->samples));
	if (m->lost)
		buf_printf(&text, ", %" PRIu64 " lost", m->lost);
	top_page_add(page, 1, 0, page->columns, TOP_STYLE_PLAIN, false, buf_str(&text));
	buf_done(&text);
}

static void draw_shown(const struct top_view *v, const struct top_model *m, struct top_page *page)
{
	struct buf text;

	buf_init(&text, 2048);
	buf_printf(&text, "by %s, ", by_words[v->by]);
	if (v->flame)
		buf_add_str(&text, "flame graph");
	else
		buf_printf(&text, "%" PRIu32 " functions by %s", m->n_functions,
			   sort_words[v->sort]);
	if (v->filtered)
		buf_printf(&text, ", filter /%s/: %" PRIu64 " samples, %.2f %%", v->filter_text,
			   m->matched, share(m->matched, m->samples));
	if (v->filtered && !v->flame)
		buf_printf(&text, ", %" PRIu32 " functions hidden", m->hidden);
	top_page_add(page, 2, 0, page->columns, TOP_STYLE_PLAIN, false, buf_str(&text));
	buf_done(&text);
}

static uint32_t body_lines(const struct top_view *v)
{
	return v->lines > HEAD_LINES + 1 ? v->lines - HEAD_LINES - 1 : 0;
}

static uint32_t table_rows(const struct top_view *v)
{
	uint32_t lines = body_lines(v);

	return lines > TOP_TABLE_HEAD_LINES ? lines - TOP_TABLE_HEAD_LINES : 0;
}

/* The selected row and the first one stay within what there is and what is seen. */
static void scroll_table(struct top_view *v, const struct top_model *m)
{
	uint32_t rows = table_rows(v);

	if (v->row >= m->n_functions)
		v->row = m->n_functions ? m->n_functions - 1 : 0;
	if (v->row < v->first)
		v->first = v->row;
	else if (rows && v->row - v->first >= rows)
		v->first = v->row - rows + 1;
}

static void draw_foot(const struct top_view *v, struct top_page *page, const char *detail)
{
	char text[TOP_FILTER_BYTES + 32];
	uint32_t line = v->lines - 1;

	if (v->typing) {
		snprintf(text, sizeof(text), "filter: %s_", v->typed);
		detail = text;
	} else if (v->message[0]) {
		detail = v->message;
	}
	top_page_add(page, line, 0, page->columns, TOP_STYLE_STRONG, false, detail);
}

static void draw_table(struct top_view *v, const struct top_model *m, struct top_page *page)
{
	struct buf detail;

	scroll_table(v, m);
	top_table_draw(m, page, HEAD_LINES, body_lines(v), v->first, v->row, by_heads[v->by]);
	buf_init(&detail, 65536);
	if (v->row < m->n_functions)
		buf_printf(&detail, "%s  %s", top_model_name(m, &m->function[v->row]),
			   top_model_object(m, &m->function[v->row]));
	draw_foot(v, page, buf_str(&detail));
	buf_done(&detail);
}

static void add_detail(const struct top_model *m, uint32_t place, uint32_t thin, struct buf *out)
{
	buf_printf(out, "%s  %" PRIu64 " samples, %.2f %%, self %" PRIu64,
		   top_model_frame_name(m, place), m->total[place],
		   share(m->total[place], m->samples), m->self[place]);
	if (thin)
		buf_printf(out, "  (%" PRIu32 " frames too narrow: Enter zooms)", thin);
}

static int draw_flame(struct top_view *v, const struct top_model *m, struct top_page *page)
{
	struct top_flame flame = {.root = top_path_find(&v->root, m),
				  .selected = top_path_find(&v->place, m)};
	uint32_t thin = 0, lines = body_lines(v), level;
	struct buf detail;
	int r;

	if (flame.selected < flame.root || flame.selected >= m->end[flame.root])
		flame.selected = flame.root;
	level = m->tree.depth[flame.selected] - m->tree.depth[flame.root];
	if (level < v->level)
		v->level = level;
	else if (lines && level - v->level >= lines)
		v->level = level - lines + 1;
	flame.level = v->level;
	r = top_flame_draw(m, &flame, page, HEAD_LINES, lines, &thin);
	buf_init(&detail, 65536);
	add_detail(m, flame.selected, thin, &detail);
	draw_foot(v, page, buf_str(&detail));
	buf_done(&detail);
	return r;
}

static void draw_help(const struct top_view *v, struct top_page *page)
{
	static const char *const lines[] = {
		"f, Tab       the table, or the flame graph",
		"/            a filter: functions that match a regular expression; Esc: none",
		"Space        pause, and go on",
		"[ ]          earlier and later; the range then stands still",
		"+ -          a longer range, a shorter one",
		"s            by own samples, by all, by name",
		"g            by program, process, thread, container, unit, or all together",
		"arrows       the selected row; in the flame graph caller, callee, neighbours",
		"PgUp PgDn    a page; Home, End",
		"Enter        zoom into the selected frame; Backspace: out again",
		"q, Ctrl-C    end",
	};

	for (uint32_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		top_page_add(page, HEAD_LINES + 1 + i, 2, page->columns, TOP_STYLE_PLAIN, false,
			     lines[i]);
	draw_foot(v, page, "any key: back");
}

static void draw_head(const struct top_view *v, const struct top_model *m, struct top_page *page)
{
	draw_range(v, m->profile, page);
	draw_samples(m, page);
	draw_shown(v, m, page);
}

int top_view_draw(struct top_view *v, const struct top_model *m, struct top_page *page)
{
	int r = 0;

	top_page_clear(page, v->lines, v->columns);
	draw_head(v, m, page);
	if (v->help)
		draw_help(v, page);
	else if (v->flame)
		r = draw_flame(v, m, page);
	else
		draw_table(v, m, page);
	top_page_sort(page);
	return r < 0 ? r : page->err;
}

static void print_table(const struct top_view *v, const struct top_model *m, struct top_page *page)
{
	uint32_t rows = table_rows(v) < m->n_functions ? table_rows(v) : m->n_functions;
	uint64_t rest = 0;
	char more[96];

	top_page_clear(page, HEAD_LINES + TOP_TABLE_HEAD_LINES + rows + 1 + (rows < m->n_functions),
		       v->columns);
	draw_head(v, m, page);
	top_table_draw(m, page, HEAD_LINES + 1, TOP_TABLE_HEAD_LINES + rows, 0, UINT32_MAX,
		       by_heads[v->by]);
	for (uint32_t i = rows; i < m->n_functions; i++)
		rest += m->function[i].self;
	if (rows == m->n_functions)
		return;
	snprintf(more, sizeof(more),
		 "and %" PRIu32 " more functions, with %" PRIu64 " samples of their own",
		 m->n_functions - rows, rest);
	top_page_add(page, page->lines - 1, 0, v->columns, TOP_STYLE_PLAIN, false, more);
}

static int print_flame(const struct top_view *v, const struct top_model *m, struct top_page *page)
{
	static const struct top_flame whole = {.selected = UINT32_MAX};
	uint32_t deepest = 0, thin = 0;
	char more[64];
	int r;

	for (uint32_t i = 0; i < m->tree.n; i++)
		if (m->total[i] && m->tree.depth[i] > deepest)
			deepest = m->tree.depth[i];
	top_page_clear(page, HEAD_LINES + deepest + 3, v->columns);
	draw_head(v, m, page);
	r = top_flame_draw(m, &whole, page, HEAD_LINES + 1, deepest + 1, &thin);
	snprintf(more, sizeof(more), "and %" PRIu32 " frames that are too narrow", thin);
	if (thin)
		top_page_add(page, page->lines - 1, 0, v->columns, TOP_STYLE_PLAIN, false, more);
	return r;
}

int top_view_print(const struct top_view *v, const struct top_model *m, struct top_page *page)
{
	int r = 0;

	if (v->flame)
		r = print_flame(v, m, page);
	else
		print_table(v, m, page);
	top_page_sort(page);
	return r < 0 ? r : page->err;
}
