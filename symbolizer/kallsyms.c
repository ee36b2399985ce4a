/*
 * Lines of /proc/kallsyms ("ffffffff81000000 T _text", a tab and "[module]" behind those of
 * modules) and of /proc/modules ("ext4 737280 1 - Live 0xffffffffc0a00000"), read in pieces;
 * kallsyms.h is the contract.
 *
 * A line with bytes that belong in none is an error of the whole text: these come from the
 * kernel, so such a file is something else.
 */
#include "symbolizer/kallsyms.h"

#include "profiler/base/cleanup.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define READ_BYTES (64u << 10)
#define PAGE_BYTES 4096u
/*
 * Programs are packed into pages of this size (BPF_PROG_PACK_SIZE of one node): a symbol farther
 * on is no neighbour.
 */
#define BPF_PACK_BYTES (2u << 20)
/*
 * Modules and BPF programs; a host has some hundreds, 65,536 is far past what a kernel's JIT
 * memory holds.
 */
#define KERNEL_RANGES_MAX 65536

typedef int (*take_text)(void *context, const char *line, size_t len);

/* Hand out each whole line of fd; the last one may lack its newline. */
static int each_line(int fd, take_text take, void *context)
{
	_cleanup_free_ char *chunk = malloc(READ_BYTES);
	size_t have = 0;

	if (!chunk)
		return -ENOMEM;
	for (;;) {
		ssize_t n = read(fd, chunk + have, READ_BYTES - have);
		char *at = chunk, *end, *newline;
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return have ? take(context, chunk, have) : 0;
		have += (size_t)n;
		end = chunk + have;
		while ((newline = memchr(at, '\n', (size_t)(end - at)))) {
			r = take(context, at, (size_t)(newline - at));
			if (r < 0)
				return r;
			at = newline + 1;
		}
		have = (size_t)(end - at);
		if (have > KALLSYMS_LINE_BYTES)
			return -EBADMSG;
		memmove(chunk, at, have);
	}
}

/* A field: what stands before the next blank. The rest begins behind it. */
static bool next_field(const char **at, const char *end, const char **ret, size_t *ret_len)
{
	const char *s = *at;

	while (s < end && (*s == ' ' || *s == '\t'))
		s++;
	*ret = s;
	while (s < end && *s != ' ' && *s != '\t')
		s++;
	*ret_len = (size_t)(s - *ret);
	*at = s;
	return *ret_len > 0;
}

static bool parse_hex(const char *s, size_t len, uint64_t *ret)
{
	uint64_t v = 0;

	if (len == 0 || len > 16)
		return false;
	for (size_t i = 0; i < len; i++) {
		int c = tolower((unsigned char)s[i]);

		if (!isxdigit(c))
			return false;
		v = v << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	*ret = v;
	return true;
}

int kallsyms_parse_line(const char *line, size_t len, struct kallsyms_line *ret)
{
	struct kallsyms_line l = {};
	const char *at = line, *end = line + len, *field;
	size_t field_len;

	if (len > KALLSYMS_LINE_BYTES || memchr(line, '\0', len))
		return -EBADMSG;
	if (!next_field(&at, end, &field, &field_len) || !parse_hex(field, field_len, &l.address))
		return -EBADMSG;
	if (!next_field(&at, end, &field, &field_len) || field_len != 1)
		return -EBADMSG;
	l.type = *field;
	if (!next_field(&at, end, &l.name, &l.name_len))
		return -EBADMSG;
	if (next_field(&at, end, &field, &field_len)) {
		if (field_len < 3 || field[0] != '[' || field[field_len - 1] != ']')
			return -EBADMSG;
		l.module = field + 1;
		l.module_len = field_len - 2;
	}
	*ret = l;
	return 0;
}

struct each_symbol {
	kallsyms_take take;
	void *context;
};

static int take_symbol_text(void *context, const char *text, size_t len)
{
	struct each_symbol *e = context;
	struct kallsyms_line line;

	if (kallsyms_parse_line(text, len, &line) < 0)
		return -EBADMSG;
	return e->take(e->context, &line);
}

int kallsyms_each(int fd, kallsyms_take take, void *context)
{
	struct each_symbol e = {.take = take, .context = context};

	return each_line(fd, take_symbol_text, &e);
}

struct layout_reader {
	struct kernel_range *ranges;
	size_t n;
	size_t cap;
	uint64_t text, etext, end; /* of the core; 0: not seen */
	bool any_address;
	bool any_line;
};

static int add_range(struct layout_reader *r, uint64_t start, uint64_t end,
		     enum kernel_range_kind kind, const char *name, size_t name_len)
{
	struct kernel_range *range;

	if (r->n >= KERNEL_RANGES_MAX)
		return 0;
	if (r->n == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 64;
		struct kernel_range *bigger = reallocarray(r->ranges, cap, sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		r->ranges = bigger;
		r->cap = cap;
	}
	range = &r->ranges[r->n++];
	*range = (struct kernel_range){.start = start, .end = end, .kind = kind};
	if (name_len >= sizeof(range->name))
		name_len = sizeof(range->name) - 1;
	memcpy(range->name, name, name_len);
	return 0;
}

static bool is(const char *s, size_t len, const char *word)
{
	return len == strlen(word) && memcmp(s, word, len) == 0;
}

/* Code that belongs to no file: BPF programs, and the pages of kprobes and ftrace's trampolines. */
static bool is_generated(const struct kallsyms_line *line)
{
	return line->module &&
	       (is(line->module, line->module_len, "bpf") ||
		(line->module_len > 10 && memcmp(line->module, "__builtin_", 10) == 0));
}

static int take_layout_symbol(void *context, const struct kallsyms_line *line)
{
	struct layout_reader *r = context;

	r->any_line = true;
	if (line->address == 0 || line->address == UINT64_MAX ||
	    tolower((unsigned char)line->type) == 'a')
		return 0; /* hidden, or where no code can be */
	r->any_address = true;
	if (is_generated(line))
		return add_range(r, line->address, 0, KERNEL_RANGE_BPF, line->name, line->name_len);
	if (line->module)
		return 0;
	if (is(line->name, line->name_len, "_text"))
		r->text = line->address;
	else if (is(line->name, line->name_len, "_etext"))
		r->etext = line->address;
	else if (is(line->name, line->name_len, "_end"))
		r->end = line->address;
	return 0;
}

static bool parse_decimal(const char *s, size_t len, uint64_t *ret)
{
	uint64_t v = 0;

	if (len == 0 || len > 12)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)s[i]))
			return false;
		v = v * 10 + (uint64_t)(s[i] - '0');
	}
	*ret = v;
	return true;
}

/* name size references users state 0xaddress [taints] */
static int take_module(void *context, const char *line, size_t len)
{
	struct layout_reader *r = context;
	const char *at = line, *end = line + len, *name, *field;
	size_t name_len, field_len;
	uint64_t bytes, address;

	if (!next_field(&at, end, &name, &name_len) || !next_field(&at, end, &field, &field_len) ||
	    !parse_decimal(field, field_len, &bytes))
		return -EBADMSG;
	for (int skipped = 0; skipped < 3; skipped++)
		if (!next_field(&at, end, &field, &field_len))
			return -EBADMSG;
	if (!next_field(&at, end, &field, &field_len) || field_len < 3 ||
	    memcmp(field, "0x", 2) != 0 || !parse_hex(field + 2, field_len - 2, &address))
		return -EBADMSG;
	if (address == 0 || bytes == 0 || address + bytes < address)
		return 0;
	return add_range(r, address, address + bytes, KERNEL_RANGE_MODULE, name, name_len);
}

static int by_start(const void *pa, const void *pb)
{
	const struct kernel_range *a = pa, *b = pb;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return strcmp(a->name, b->name);
}

static uint64_t bpf_end(const struct kernel_range *range, uint64_t next)
{
	uint64_t last = range->start | (PAGE_BYTES - 1);

	if (next - range->start <= BPF_PACK_BYTES)
		return next;
	return last == UINT64_MAX ? last : last + 1;
}

/* Sorted, each cut where the next begins; of two with one start the first by name stays. */
static size_t arrange(struct kernel_range *v, size_t n)
{
	size_t kept = 0;

	if (!n)
		return 0;
	qsort(v, n, sizeof(*v), by_start);
	for (size_t i = 1; i < n; i++)
		if (v[i].start != v[kept].start)
			v[++kept] = v[i];
	n = kept + 1;
	for (size_t i = 0; i < n; i++) {
		uint64_t next = i + 1 < n ? v[i + 1].start : UINT64_MAX;

		if (v[i].kind == KERNEL_RANGE_BPF)
			v[i].end = bpf_end(&v[i], next);
		if (v[i].end > next)
			v[i].end = next;
	}
	return n;
}

static int read_layout(struct layout_reader *r, int kallsyms_fd, int modules_fd)
{
	int e = kallsyms_each(kallsyms_fd, take_layout_symbol, r);
	uint64_t end;

	if (e == 0 && modules_fd >= 0)
		e = each_line(modules_fd, take_module, r);
	if (e < 0)
		return e;
	end = r->end > r->text ? r->end : r->etext;
	if (r->text && end > r->text)
		e = add_range(r, r->text, end, KERNEL_RANGE_CORE, "", 0);
	return e;
}

int kernel_layout_read(int kallsyms_fd, int modules_fd, struct kernel_layout *ret)
{
	struct layout_reader r = {};
	int e = read_layout(&r, kallsyms_fd, modules_fd);

	if (e == 0 && !r.any_line)
		e = -EBADMSG;
	if (e < 0) {
		free(r.ranges);
		return e;
	}
	*ret = (struct kernel_layout){
		.ranges = r.ranges, .n = arrange(r.ranges, r.n), .hidden = !r.any_address};
	return 0;
}

void kernel_layout_done(struct kernel_layout *l)
{
	free(l->ranges);
	*l = (struct kernel_layout){};
}

const struct kernel_range *kernel_layout_find(const struct kernel_layout *l, uint64_t address)
{
	size_t low = 0, high = l->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (l->ranges[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || address >= l->ranges[low - 1].end)
		return NULL;
	return &l->ranges[low - 1];
}
