/*
 * The text of `perf script`: for each sample a line `COMM PID/TID [CPU] SECONDS: PERIOD EVENT:`,
 * then its frames, leaf first, `ADDRESS SYMBOL+0xOFFSET (FILE)`, then an empty line; without call
 * chains the one frame stands behind the event.
 *
 * One number is perf's default and is the thread's. perf knows the thread's name only: it is taken
 * for the process's too. Times are those of perf's clock, unless they can only be Unix time; the
 * first sample then stands at the time that was asked for. Addresses stay behind.
 */
#include "web/import/parts.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define UNIX_SECONDS 1000000000ull /* no host has run for so long */
#define KERNEL_HALF  (1ull << 63)

struct perf_frame {
	uint32_t function;
	uint32_t kind;
};

struct head {
	const char *comm, *event, *rest; /* rest: what stands behind the event */
	size_t comm_len, event_len, rest_len;
	uint64_t pid, tid, time_ms, period;
	bool has_pid, has_tid;
};

struct text {
	const char *at, *end;
};

static void skip_space(struct text *t)
{
	while (t->at < t->end && isspace((unsigned char)*t->at))
		t->at++;
}

/* The next word; empty at the end. */
static struct text next_word(struct text *t)
{
	struct text word;

	skip_space(t);
	word.at = t->at;
	while (t->at < t->end && !isspace((unsigned char)*t->at))
		t->at++;
	word.end = t->at;
	return word;
}

static size_t length(const struct text *t)
{
	return (size_t)(t->end - t->at);
}

/* ---- the head ---- */

/* A thread that had ended, and been waited for, has the number -1: it is not known. */
static bool parse_id(const char *at, size_t len, bool *ret_known, uint64_t *ret)
{
	*ret_known = len != 2 || memcmp(at, "-1", 2);
	return !*ret_known || import_number(at, len, ret);
}

static bool parse_ids(const struct text *word, struct head *h)
{
	const char *slash = memchr(word->at, '/', length(word));

	h->has_pid = slash;
	if (slash && !parse_id(word->at, (size_t)(slash - word->at), &h->has_pid, &h->pid))
		return false;
	slash = slash ? slash + 1 : word->at;
	return parse_id(slash, (size_t)(word->end - slash), &h->has_tid, &h->tid);
}

/* `12345.678901:` */
static bool parse_time(const struct text *word, uint64_t *ret_ms)
{
	const char *dot = memchr(word->at, '.', length(word));
	uint64_t seconds, fraction;
	size_t digits;

	if (!dot || word->end[-1] != ':')
		return false;
	digits = (size_t)(word->end - 1 - (dot + 1));
	if (!import_number(word->at, (size_t)(dot - word->at), &seconds) || digits < 3 ||
	    digits > 9 || !import_number(dot + 1, 3, &fraction) ||
	    seconds >= IMPORT_TIME_MS_MAX / 1000)
		return false;
	for (size_t i = 3; i < digits; i++)
		if (!isdigit((unsigned char)dot[1 + i]))
			return false;
	*ret_ms = seconds * 1000 + fraction;
	return true;
}

/* What stands behind the ids: [CPU], the time, a period, the event. */
static bool parse_tail(struct text t, struct head *h)
{
	struct text word = next_word(&t);

	if (length(&word) && *word.at == '[')
		word = next_word(&t);
	if (!length(&word) || !parse_time(&word, &h->time_ms))
		return false;
	word = next_word(&t);
	h->period = 0;
	if (import_number(word.at, length(&word), &h->period))
		word = next_word(&t);
	if (length(&word) < 2 || word.end[-1] != ':')
		return false;
	h->event = word.at;
	h->event_len = length(&word) - 1;
	skip_space(&t);
	h->rest = t.at;
	h->rest_len = length(&t);
	return true;
}

/* A comm may hold spaces and digits: the first word that can be the ids, and is followed well. */
static bool parse_head(const char *line, size_t len, struct head *h)
{
	struct text t = {line, line + len}, word;

	skip_space(&t);
	h->comm = t.at;
	next_word(&t);
	for (;;) {
		h->comm_len = (size_t)(t.at - h->comm);
		word = next_word(&t);
		if (!length(&word))
			return false;
		if (parse_ids(&word, h) && parse_tail(t, h))
			return true;
	}
}

bool import_perf_is_header(const char *line, size_t len)
{
	struct head h;

	return parse_head(line, len, &h);
}

/* ---- frames ---- */

static bool parse_address(const struct text *word, uint64_t *ret)
{
	size_t n = length(word);
	uint64_t v = 0;

	if (!n || n > 16)
		return false;
	for (const char *s = word->at; s < word->end; s++) {
		if (!isxdigit((unsigned char)*s))
			return false;
		v = v << 4 |
		    (uint64_t)(isdigit((unsigned char)*s) ? *s - '0' : (*s | 0x20) - 'a' + 10);
	}
	*ret = v;
	return true;
}

/*
 * `(FILE)` at the end leaves t; empty where there is none. A file may be `/a (deleted)`, and a name
 * without one `operator new(long)`.
 */
static struct text cut_file(struct text *t)
{
	struct text file = {t->end, t->end};
	int depth = 0;

	while (t->end > t->at && isspace((unsigned char)t->end[-1]))
		t->end--;
	if (t->end == t->at || t->end[-1] != ')')
		return file;
	for (const char *s = t->end; s-- > t->at;) {
		depth += *s == ')' ? 1 : *s == '(' ? -1 : 0;
		if (depth || *s != '(' || (s > t->at && s[-1] != ' '))
			continue;
		file = (struct text){s + 1, t->end - 1};
		t->end = s > t->at ? s - 1 : s;
		break;
	}
	return file;
}

static void cut_offset(struct text *t)
{
	const char *s = t->end;

	while (s > t->at && isxdigit((unsigned char)s[-1]))
		s--;
	if (s - t->at > 3 && s < t->end && !memcmp(s - 3, "+0x", 3))
		t->end = s - 3;
}

static bool is(const struct text *t, const char *word)
{
	return length(t) == strlen(word) && !memcmp(t->at, word, length(t));
}

static bool has(const struct text *t, const char *word)
{
	return memmem(t->at, length(t), word, strlen(word)) != NULL;
}

static enum profile_frame_kind kind_of(const struct text *file, uint64_t address)
{
	if (is(file, "inlined"))
		return PROFILE_FRAME_INLINED;
	if (has(file, "/perf-") && has(file, ".map"))
		return PROFILE_FRAME_JIT;
	if (address >= KERNEL_HALF)
		return PROFILE_FRAME_KERNEL;
	if (has(file, "[kernel") || has(file, "[guest.kernel"))
		return PROFILE_FRAME_KERNEL;
	return PROFILE_FRAME_NATIVE;
}

/* What has no name is told by its file's: `[libc.so.6]`. */
static int64_t function_of(struct import *w, struct text name, const struct text *file)
{
	const char *slash = memrchr(file->at, '/', length(file));

	cut_offset(&name);
	if (length(&name) && !is(&name, "[unknown]"))
		return import_function(w, name.at, length(&name));
	buf_clear(&w->text);
	if (!length(file) || is(file, "[unknown]") || is(file, "inlined"))
		buf_add_str(&w->text, "[unknown]");
	else if (*file->at == '[')
		buf_add(&w->text, file->at, length(file));
	else
		buf_printf(&w->text, "[%.*s]", (int)(file->end - (slash ? slash + 1 : file->at)),
			   slash ? slash + 1 : file->at);
	return import_function(w, (char *)w->text.data, w->text.len);
}

static int take_frame(struct import *w, const char *line, size_t len)
{
	struct text t = {line, line + len}, word = next_word(&t), file;
	struct perf_frame f;
	uint64_t address;
	int64_t function;

	if (!parse_address(&word, &address)) {
		w->counts.lines_skipped++;
		return 0;
	}
	if (w->skip_sample)
		return 0;
	if (w->frames.len / sizeof(f) >= IMPORT_FRAMES_MAX)
		return import_wrong(w, -EFBIG, "more than %d frames", IMPORT_FRAMES_MAX);
	skip_space(&t);
	file = cut_file(&t);
	function = function_of(w, t, &file);
	if (function < 0)
		return (int)function;
	f = (struct perf_frame){(uint32_t)function, kind_of(&file, address)};
	return buf_add(&w->frames, &f, sizeof(f));
}

/* ---- samples ---- */

/* frames[i] and those inlined into it, which stand before it; *ret_first: the first of them. */
static int64_t location_of(struct import *w, const struct perf_frame *frames, size_t i,
			   size_t *ret_first)
{
	struct profile_line lines[IMPORT_INLINED_MAX + 1];
	enum profile_frame_kind kind = (enum profile_frame_kind)frames[i].kind;
	size_t first = i;

	while (first > 0 && frames[first - 1].kind == PROFILE_FRAME_INLINED &&
	       i - first < IMPORT_INLINED_MAX)
		first--;
	for (size_t k = first; k <= i; k++)
		lines[k - first] = (struct profile_line){.function = frames[k].function};
	*ret_first = first;
	/* Inlined into nothing: it stands for itself. */
	if (kind == PROFILE_FRAME_INLINED)
		kind = PROFILE_FRAME_NATIVE;
	return import_location(w, kind, lines, (uint32_t)(i - first + 1));
}

static int end_sample(struct import *w)
{
	const struct perf_frame *frames = (const struct perf_frame *)w->frames.data;
	size_t n = w->frames.len / sizeof(*frames);
	int64_t stack = 0;

	w->in_sample = false;
	if (w->skip_sample)
		return 0;
	while (n > 0 && stack >= 0) {
		int64_t location = location_of(w, frames, n - 1, &n);

		stack = location < 0 ? location
				     : profile_stack(w->p, (uint32_t)stack, (uint32_t)location);
	}
	if (stack < 0)
		return (int)stack;
	return import_sample(w, w->time_ms, (uint32_t)stack, w->labels, 1);
}

static int64_t labels_of(struct import *w, const struct head *h)
{
	struct profile_labels l = {};
	int r = import_label(w, &l, "comm", strlen("comm"), h->comm, h->comm_len);

	if (r >= 0)
		r = import_label(w, &l, "thread", strlen("thread"), h->comm, h->comm_len);
	if (h->has_tid) {
		l.has |= 1u << PROFILE_LABEL_TID;
		l.value[PROFILE_LABEL_TID] = h->tid;
	}
	if (h->has_pid) {
		l.has |= 1u << PROFILE_LABEL_PID;
		l.value[PROFILE_LABEL_PID] = h->pid;
	}
	return r < 0 ? r : import_labels(w, &l);
}

/* The period of an event that counts CPU time is in nanoseconds. */
static bool is_cpu_time(const struct head *h)
{
	static const char *const clocks[] = {"cpu-clock", "task-clock"};

	for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		size_t n = strlen(clocks[i]);

		if (h->event_len >= n && !memcmp(h->event, clocks[i], n) &&
		    (h->event_len == n || h->event[n] == ':'))
			return true;
	}
	return false;
}

static void begin_times(struct import *w, const struct head *h)
{
	w->times_known = true;
	buf_add(&w->event, h->event, h->event_len);
	if (h->time_ms / 1000 < UNIX_SECONDS)
		w->shift_ms = (int64_t)w->options.at_ms - (int64_t)h->time_ms;
	if (is_cpu_time(h))
		w->p->period_ns = h->period;
}

static int take_head(struct import *w, const struct head *h)
{
	int64_t labels, time_ms;

	if (!w->times_known)
		begin_times(w, h);
	w->in_sample = true;
	buf_clear(&w->frames);
	w->skip_sample =
		w->event.len != h->event_len || memcmp(w->event.data, h->event, h->event_len) != 0;
	w->counts.other_events += w->skip_sample;
	time_ms = (int64_t)h->time_ms + w->shift_ms;
	if (time_ms < 0 || time_ms >= (int64_t)IMPORT_TIME_MS_MAX)
		return import_wrong(w, -EBADMSG, "its time lies far from that of the first sample");
	w->time_ms = (uint64_t)time_ms;
	labels = labels_of(w, h);
	if (labels < 0)
		return (int)labels;
	w->labels = (uint32_t)labels;
	if (!h->rest_len)
		return w->event.err;
	labels = take_frame(w, h->rest, h->rest_len);
	return labels < 0 ? (int)labels : end_sample(w);
}

static bool is_blank(const char *s, size_t len)
{
	while (len && isspace((unsigned char)s[len - 1]))
		len--;
	return len == 0;
}

int import_perf_line(struct import *w, const char *line, size_t len)
{
	struct head h;

	if (is_blank(line, len))
		return w->in_sample ? end_sample(w) : 0;
	if (!w->in_sample && *line == '#')
		return 0;
	if (w->in_sample && isspace((unsigned char)*line))
		return take_frame(w, line, len);
	if (w->in_sample) {
		int r = end_sample(w);

		if (r < 0)
			return r;
	}
	if (!parse_head(line, len, &h))
		return import_wrong(w, -EBADMSG,
				    "not a sample of perf script with its comm, tid, time and "
				    "event: %.*s",
				    len < 40 ? (int)len : 40, line);
	return take_head(w, &h);
}

int import_perf_end(struct import *w)
{
	return w->in_sample ? end_sample(w) : 0;
}
