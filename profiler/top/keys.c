/* What keys do to a view; see view.h. */
#include "profiler/top/view.h"

#include <stdio.h>
#include <string.h>

#define NS_PER_S UINT64_C(1000000000)

static const uint64_t windows_s[] = {1, 2, 5, 10, 30, 60, 300, 900, 3600};

#define N_WINDOWS (sizeof(windows_s) / sizeof(windows_s[0]))

static enum top_todo change_window(struct top_view *v, bool longer)
{
	uint64_t best = 0;

	for (size_t i = 0; i < N_WINDOWS; i++) {
		uint64_t ns = windows_s[i] * NS_PER_S;

		if (longer ? ns > v->window_ns && (!best || ns < best) : ns < v->window_ns)
			best = ns;
	}
	if (!best)
		return TOP_DRAW;
	v->window_ns = best;
	return TOP_ASK;
}

/* By half of what is seen. */
static enum top_todo move_in_time(struct top_view *v, const struct top_model *m, bool later,
				  uint64_t now_ns)
{
	uint64_t until_ns = v->until_ns ? v->until_ns : m->profile->end_ns;
	uint64_t step_ns = v->window_ns / 2;

	if (later)
		until_ns = until_ns + step_ns < now_ns ? until_ns + step_ns : now_ns;
	else
		until_ns = until_ns > v->window_ns + step_ns ? until_ns - step_ns : until_ns;
	v->until_ns = until_ns;
	return TOP_ASK;
}

static enum top_todo pause_or_go_on(struct top_view *v, const struct top_model *m)
{
	if (v->until_ns) {
		v->until_ns = 0;
		return TOP_ASK;
	}
	v->until_ns = m->profile->end_ns;
	return TOP_DRAW;
}

static enum top_todo use_filter(struct top_view *v, const char *text)
{
	struct err err = {};

	if (top_view_filter(v, text, &err) < 0) {
		snprintf(v->message, sizeof(v->message), "%s", err_text(&err));
		return TOP_DRAW;
	}
	return TOP_COUNT;
}

static void type(struct top_view *v, int key)
{
	size_t len = strlen(v->typed);

	if (key >= 0x20 && key < 0x7f && len + 1 < sizeof(v->typed)) {
		v->typed[len] = (char)key;
		v->typed[len + 1] = '\0';
	} else if (key == TOP_KEY_BACKSPACE && len) {
		v->typed[len - 1] = '\0';
	}
}

static enum top_todo typing_key(struct top_view *v, int key)
{
	if (key == TOP_KEY_ESCAPE || key == TOP_KEY_ENTER)
		v->typing = false;
	if (key == TOP_KEY_ENTER)
		return use_filter(v, v->typed);
	type(v, key);
	return TOP_DRAW;
}

/* ---- where one is ---- */

static void move_row(struct top_view *v, const struct top_model *m, int key)
{
	uint32_t page = v->lines > 8 ? v->lines - 6 : 1, last = m->n_functions;

	if (key == TOP_KEY_UP)
		v->row -= v->row > 0;
	else if (key == TOP_KEY_DOWN)
		v->row++;
	else if (key == TOP_KEY_PAGE_UP)
		v->row -= v->row < page ? v->row : page;
	else if (key == TOP_KEY_PAGE_DOWN)
		v->row += page;
	else if (key == TOP_KEY_HOME)
		v->row = 0;
	else if (key == TOP_KEY_LAST)
		v->row = last;
	if (v->row >= last)
		v->row = last ? last - 1 : 0;
}

static uint32_t move_levels(const struct top_model *m, uint32_t root, uint32_t place, bool down,
			    uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t next =
			down ? top_flame_callee(m, place) : top_flame_caller(m, root, place);

		if (next == place)
			break;
		place = next;
	}
	return place;
}

static void move_place(struct top_view *v, const struct top_model *m, int key)
{
	uint32_t root = top_path_find(&v->root, m), place = top_path_find(&v->place, m);
	uint32_t page = v->lines > 8 ? v->lines - 5 : 1;

	if (place < root || place >= m->end[root])
		place = root;
	if (key == TOP_KEY_UP)
		place = top_flame_caller(m, root, place);
	else if (key == TOP_KEY_DOWN)
		place = top_flame_callee(m, place);
	else if (key == TOP_KEY_LEFT)
		place = top_flame_left(m, root, place);
	else if (key == TOP_KEY_RIGHT)
		place = top_flame_right(m, root, place);
	else if (key == TOP_KEY_PAGE_UP || key == TOP_KEY_PAGE_DOWN)
		place = move_levels(m, root, place, key == TOP_KEY_PAGE_DOWN, page);
	else if (key == TOP_KEY_HOME)
		place = root;
	else if (key == TOP_KEY_LAST)
		place = move_levels(m, root, place, true, UINT32_MAX);
	top_path_take(&v->place, m, place);
}

static void zoom(struct top_view *v, const struct top_model *m, bool in)
{
	uint32_t root = top_path_find(&v->root, m);

	if (in)
		root = top_path_find(&v->place, m);
	else
		root = m->parent[root];
	top_path_take(&v->root, m, root);
	v->level = 0;
}

static enum top_todo move(struct top_view *v, const struct top_model *m, int key)
{
	if (!v->flame)
		move_row(v, m, key);
	else if (key == TOP_KEY_ENTER || key == TOP_KEY_BACKSPACE)
		zoom(v, m, key == TOP_KEY_ENTER);
	else
		move_place(v, m, key);
	return TOP_DRAW;
}

static enum top_todo letter(struct top_view *v, struct top_model *m, int key, uint64_t now_ns)
{
	switch (key) {
	case 'q':
		return TOP_QUIT;
	case 'f':
	case '\t':
		v->flame = !v->flame;
		return TOP_DRAW;
	case '/':
		v->typing = true;
		v->typed[0] = '\0';
		return TOP_DRAW;
	case ' ':
		return pause_or_go_on(v, m);
	case '[':
	case ']':
		return move_in_time(v, m, key == ']', now_ns);
	case '+':
	case '=':
	case '-':
		return change_window(v, key != '-');
	case 's':
		v->sort = (v->sort + 1) % TOP_SORT_COUNT;
		top_table_sort(m, v->sort);
		return TOP_DRAW;
	case 'g':
		v->by = (v->by + 1) % TOP_BY_COUNT;
		return TOP_ASK;
	case '?':
	case 'h':
		v->help = true;
		return TOP_DRAW;
	}
	return TOP_DRAW;
}

enum top_todo top_view_key(struct top_view *v, struct top_model *m, int key, uint64_t now_ns)
{
	v->message[0] = '\0';
	if (key == TOP_KEY_END)
		return TOP_QUIT;
	if (v->help) {
		v->help = key == TOP_KEY_RESIZE;
		return TOP_DRAW;
	}
	if (v->typing)
		return typing_key(v, key);
	if (key == TOP_KEY_ESCAPE)
		return v->filtered ? use_filter(v, "") : TOP_DRAW;
	if (key >= TOP_KEY_FIRST)
		return move(v, m, key);
	return letter(v, m, key, now_ns);
}
