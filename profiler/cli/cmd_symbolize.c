/* `hearth symbolize`: names for addresses of an ELF file, from arguments or from stdin. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "profiler/cli/cmd.h"
#include "profiler/cli/name_worker.h"
#include "profiler/cli/refresh.h"
#include "profiler/cli/symbol_text.h"

#define OUTPUT_BYTES_MAX (64u << 20) /* of one batch */
#define INPUT_BYTES	 (128u << 10)
#define WORD_BYTES_MAX	 64 /* longer ones are no addresses */
#define BATCH		 8192

static bool as_json, with_address, by_offset, refresh;
static const char *store = CMD_STORE_DEFAULT;
static struct debug_servers servers = {.cache_bytes = DEBUG_SERVERS_CACHE_BYTES};

static const struct options_row rows[] = {
	{.name = "addresses",
	 .letter = 'a',
	 .kind = OPTIONS_FLAG,
	 .to = &with_address,
	 .help = "begin each answer with its address"},
	{.name = "offsets",
	 .kind = OPTIONS_FLAG,
	 .to = &by_offset,
	 .help = "the addresses are positions in the file, as in object+0xoffset"},
	{.name = "refresh",
	 .kind = OPTIONS_FLAG,
	 .to = &refresh,
	 .help = "no FILE: name all frames of a store anew that lack a name or a source file; a "
		 "daemon that writes it is told to do so"},
	{.name = "store",
	 .kind = OPTIONS_TEXT,
	 .argument = "FILE",
	 .to = &store,
	 .help = "the store of --refresh; " CMD_STORE_DEFAULT " unless told"},
	CMD_SERVERS_ROWS(&servers),
	{.name = "json",
	 .kind = OPTIONS_FLAG,
	 .to = &as_json,
	 .help = "one JSON object a line, for scripts"},
};

static const struct options_example examples[] = {
	{"hearth symbolize /usr/lib/x86_64-linux-gnu/libc.so.6 0x27250",
	 "which function, and who inlined it"},
	{"hearth symbolize --json build/program", "many, from stdin, for a script"},
	{"hearth symbolize --refresh", "after debug packages were installed"},
	{},
};

const struct options_command cmd_symbolize_options = {
	.name = "symbolize",
	.synopsis = "[OPTION...] FILE [ADDRESS...]",
	.summary = "Name addresses of an ELF file: function, file and line, and the functions that "
		   "it was inlined into. Hexadecimal, with or without 0x; from stdin where none is "
		   "given. The file is parsed in the jail, also for root.",
	.rows = rows,
	.n_rows = sizeof(rows) / sizeof(rows[0]),
	.notes = "Names come from the debug information of the file or of its separate debug file "
		 "(by build id or debuglink, in /usr/lib/debug and beside the file, or of a "
		 "debuginfod server), Go's own table, symbol tables and MiniDebugInfo. An unknown "
		 "function is ??, an unknown "
		 "line ?.\n\n"
		 "Exit status: 0 good, also where nothing is known; 1 the file cannot be read or "
		 "is no ELF file, or stdin has something else than addresses; 2 wrong usage.",
	.examples = examples,
};

/* An address as it came. */
struct asked {
	uint64_t address;
	uint32_t place; /* in the batch */
};

/*
 * A batch is asked about in the order of addresses, each once: neighbours are in the same unit, on
 * the same pages, often in the same function. It is told in the order in which it came.
 */
struct session {
	struct name_worker worker;
	struct asked asked[BATCH];
	size_t n;
	uint64_t addresses[BATCH]; /* in order */
	size_t starts[BATCH + 1]; /* of their answers in out */
	size_t n_answers;
	uint32_t answer_of[BATCH]; /* by place */
	struct buf out;
};

static void put_answer(void *ctx, uint64_t address, const struct protocol_line *lines, size_t n)
{
	struct session *s = ctx;

	s->starts[s->n_answers++] = s->out.len;
	if (as_json) {
		symbol_text_json(&s->out, address, lines, n);
		return;
	}
	if (with_address)
		buf_printf(&s->out, "0x%016llx: ", (unsigned long long)address);
	symbol_text_words(&s->out, lines, n);
}

static int by_address(const void *pa, const void *pb)
{
	const struct asked *a = pa, *b = pb;

	return (a->address > b->address) - (a->address < b->address);
}

/* The addresses in order, each once; how many. */
static size_t arrange(struct session *s)
{
	size_t n = 0;

	qsort(s->asked, s->n, sizeof(s->asked[0]), by_address);
	for (size_t i = 0; i < s->n; i++) {
		if (!n || s->addresses[n - 1] != s->asked[i].address)
			s->addresses[n++] = s->asked[i].address;
		s->answer_of[s->asked[i].place] = (uint32_t)n - 1;
	}
	return n;
}

/* Those that were answered, up to the first that was not. */
static void tell(struct session *s)
{
	s->starts[s->n_answers] = s->out.len;
	for (size_t i = 0; i < s->n && s->answer_of[i] < s->n_answers; i++) {
		const size_t *start = &s->starts[s->answer_of[i]];

		fwrite(s->out.data + start[0], 1, start[1] - start[0], stdout);
	}
}

/* What has come together is asked for and told. */
static int flush(struct session *s, struct err *err)
{
	size_t n = arrange(s);
	int r;

	s->n_answers = 0;
	r = name_worker_ask(&s->worker, s->addresses, n, put_answer, s, err);
	if (s->out.err)
		return err_set(err, s->out.err, "too much to print at once");
	tell(s);
	s->n = 0;
	buf_clear(&s->out);
	if (fflush(stdout) != 0)
		return err_set(err, -EIO, "the names cannot be written: %s", strerror(errno));
	return r;
}

static int add(struct session *s, uint64_t address, struct err *err)
{
	s->asked[s->n] = (struct asked){.address = address, .place = (uint32_t)s->n};
	s->n++;
	return s->n == BATCH ? flush(s, err) : 0;
}

static int name_arguments(struct session *s, char *const *arguments, size_t n, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		uint64_t address;

		/* They were looked at before. */
		if (symbol_text_address(arguments[i], strlen(arguments[i]), &address) == 0)
			r = add(s, address, err);
	}
	return r < 0 ? r : flush(s, err);
}

static int add_word(struct session *s, const char *word, size_t len, struct err *err)
{
	uint64_t address;

	if (len > WORD_BYTES_MAX || symbol_text_address(word, len, &address) < 0)
		return err_set(err, -EINVAL, "on stdin, `%.*s` is no address",
			       (int)(len < WORD_BYTES_MAX ? len : WORD_BYTES_MAX), word);
	return add(s, address, err);
}

/* The whole words of text[0, len); the bytes that were used. */
static int add_words(struct session *s, const char *text, size_t len, size_t *ret_used,
		     struct err *err)
{
	size_t at = 0;

	for (;;) {
		size_t begin = at, end;

		while (begin < len && strchr(" \t\r\n", text[begin]))
			begin++;
		for (end = begin; end < len && !strchr(" \t\r\n", text[end]);)
			end++;
		at = begin;
		if (end == len)
			break;
		if (add_word(s, text + begin, end - begin, err) < 0)
			return err->code;
		at = end;
	}
	*ret_used = at;
	return 0;
}

/* As they come: whoever types one line wants its answer before the next. */
static int name_stdin(struct session *s, struct err *err)
{
	static char text[INPUT_BYTES];
	size_t len = 0, used;
	ssize_t n;
	int r;

	while ((n = read(STDIN_FILENO, text + len, sizeof(text) - len - 1)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, -errno, "stdin cannot be read: %s", strerror(errno));
		len += (size_t)n;
		r = add_words(s, text, len, &used, err);
		if (r == 0)
			r = flush(s, err);
		if (r < 0)
			return r;
		memmove(text, text + used, len - used);
		len -= used;
		if (len > WORD_BYTES_MAX)
			return add_word(s, text, len, err);
	}
	text[len++] = '\n'; /* the last one may end without */
	r = add_words(s, text, len, &used, err);
	return r < 0 ? r : flush(s, err);
}

static int check_arguments(const struct options_result *given, struct err *err)
{
	uint64_t ignored;

	if (refresh)
		return cmd_no_arguments(given, err);
	if (given->n_arguments == 0)
		return err_set(err, -EINVAL, "which FILE?");
	for (size_t i = 1; i < given->n_arguments; i++)
		if (symbol_text_address(given->arguments[i], strlen(given->arguments[i]),
					&ignored) < 0)
			return err_set(err, -EINVAL, "`%s` is no address", given->arguments[i]);
	return 0;
}

static int run(const struct options_result *given, struct err *err)
{
	static struct session s;
	int r;

	name_worker_init(&s.worker, by_offset, &servers);
	buf_init(&s.out, OUTPUT_BYTES_MAX);
	r = name_worker_open(&s.worker, given->arguments[0], err);
	if (r == 0 && given->n_arguments > 1)
		r = name_arguments(&s, given->arguments + 1, given->n_arguments - 1, err);
	else if (r == 0)
		r = name_stdin(&s, err);
	buf_done(&s.out);
	name_worker_done(&s.worker);
	return r;
}

int cmd_symbolize(int argc, char **argv)
{
	struct options_result given;
	struct err err = {};
	int r = options_parse(&cmd_symbolize_options, argc, argv, &given, &err);

	if (r != 0)
		return options_exit(&cmd_symbolize_options, r, &err);
	if (check_arguments(&given, &err) < 0)
		return cmd_misused(&cmd_symbolize_options, &err);
	cmd_servers_settle(&servers);
	if (refresh)
		return refresh_store(store, &servers, as_json, &err) < 0 ? cmd_failed(&err) : 0;
	return run(&given, &err) < 0 ? cmd_failed(&err) : 0;
}
