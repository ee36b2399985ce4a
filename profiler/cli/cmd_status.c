/* `hearth status`: from the daemon where it runs, else from the store. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "profiler/base/json.h"
#include "profiler/base/json_read.h"
#include "profiler/base/quantity.h"
#include "profiler/cli/cmd.h"
#include "profiler/cli/http_get.h"
#include "profiler/cli/status_text.h"
#include "profiler/cli/token.h"
#include "storage/store.h"
#include "web/server.h"

#define STATUS_BYTES_MAX (8u << 20) /* the daemon's answer has a list of objects in it */
#define NOTE_BYTES	 512
#define ANSWER_MS	 10000

static const char *store = CMD_STORE_DEFAULT;
static const char *token_file;
static bool as_json;

static const struct options_row rows[] = {
	{.name = "store",
	 .kind = OPTIONS_TEXT,
	 .argument = "FILE",
	 .to = &store,
	 .help = "the store whose daemon is asked; " CMD_STORE_DEFAULT " unless told"},
	{.name = "token-file",
	 .kind = OPTIONS_TEXT,
	 .argument = "FILE",
	 .to = &token_file,
	 .help = "the daemon's token, where it asks for one"},
	{.name = "json", .kind = OPTIONS_FLAG, .to = &as_json, .help = "as JSON, for scripts"},
};

static const struct options_example examples[] = {
	{"hearth status", "how the daemon of this host does"},
	{"hearth status --json | jq .samples", "its counters"},
	{},
};

const struct options_command cmd_status_options = {
	.name = "status",
	.synopsis = "[OPTION...]",
	.summary = "Tell what the daemon sampled, stored and lost, what it costs, and what the "
		   "store holds.",
	.rows = rows,
	.n_rows = sizeof(rows) / sizeof(rows[0]),
	.notes = "Without a daemon the store itself is read, and the counters are those of the "
		 "last flush.\n\n"
		 "Exit status: 0 good, with or without a daemon; 1 failed: no store, or a daemon "
		 "that does not answer; 2 wrong "
		 "usage.",
	.examples = examples,
};

/* "pid=12 address=http://127.0.0.1:7979/": the rest of the line is the address. */
static const char *address_of(const char *note)
{
	const char *at = strstr(note, "address=");

	return at && at[8] ? at + 8 : NULL;
}

/*
 * Where the daemon hangs, its web process answers in its place, from the store and with `running`
 * false; but its lock says that it runs.
 */
static int check_answer(const char *note, struct buf *answer, struct err *err)
{
	struct json_value status, running;
	bool yes = false;

	if (json_read_check(buf_str(answer), answer->len, &status) < 0)
		return err_set(err, -EBADMSG, "the daemon's answer is not JSON (%s)", note);
	if (json_read_member(status, "running", &running) && json_read_bool(running, &yes) && yes)
		return 0;
	return err_set(
		err, -ETIMEDOUT,
		"the daemon is running (%s), but only its web page answers: it hangs, or is ending",
		note);
}

static int ask_daemon(const char *note, struct buf *out, struct err *err)
{
	const char *address = address_of(note);
	char token[WEB_TOKEN_BYTES + 1];
	int r;

	if (!address)
		return err_set(err, -EAGAIN,
			       "a daemon writes %s, but has not told its address: it may be "
			       "starting or ending",
			       store);
	if (token_file) {
		r = token_read(token_file, token, sizeof(token), err);
		if (r < 0)
			return r;
	}
	r = http_get(address, "/api/v1/status", token_file ? token : NULL, ANSWER_MS, out, err);
	explicit_bzero(token, sizeof(token));
	if (r < 0)
		return err_set(err, r, "the daemon is running (%s), but %s", note, err_text(err));
	if (r == 401 || r == 403)
		return err_set(err, -EACCES, "the daemon at %s %s", address,
			       token_file ? "refuses the token of --token-file"
					  : "asks for a token: --token-file FILE");
	if (r != 200)
		return err_set(err, -EPROTO, "the daemon at %s answers with status %d", address, r);
	return check_answer(note, out, err);
}

static void add_summary(struct json *j, const struct store_summary *s)
{
	json_key(j, "store");
	json_object_begin(j);
	json_kv_str(j, "path", store);
	json_kv_u64(j, "bytes", s->bytes);
	json_kv_u64(j, "samples", s->samples);
	json_kv_u64(j, "from", s->from_ns);
	json_kv_u64(j, "until", s->until_ns);
	json_kv_u64(j, "detail_from", s->detail_from_ns);
	json_kv_u64(j, "seconds_from", s->seconds_from_ns);
	json_kv_u64(j, "period_ns", s->period_ns);
	json_kv_u64(j, "blocks", s->blocks);
	json_kv_u64(j, "damaged_blocks", s->damaged_blocks);
	json_kv_u64(j, "damaged_rows", s->damaged_rows);
	json_kv_u64(j, "missing_blocks", s->missing_blocks);
	json_kv_u64(j, "version", s->version);
	json_kv_bool(j, "clean", s->clean);
	json_kv_u64(j, "last_flush", s->last_flush_ns);
	json_kv_u64(j, "locations", s->locations);
	json_kv_u64(j, "named", s->named);
	json_kv_u64(j, "nameless", s->nameless);
	json_object_end(j);
}

/*
 * Of the last flush's counters those parts that a running daemon's status has, under the same
 * names.
 */
static void add_counters(struct json *j, const char *counters_json)
{
	static const char *const parts[] = {"samples", "unwind", "symbols", "bpf"};
	struct json_value all, part;

	if (!counters_json || json_read_check(counters_json, strlen(counters_json), &all) < 0)
		return;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (!json_read_member(all, parts[i], &part))
			continue;
		json_key(j, parts[i]);
		buf_add(j->out, part.at, part.len);
		j->comma[j->depth] = true;
	}
}

static int read_store(struct buf *out, struct err *err)
{
	struct store_summary summary;
	struct store *s;
	struct json j;
	int r = store_open_reader(store, &s, err);

	if (r < 0)
		return r;
	r = store_summary(s, &summary, err);
	store_close(s);
	if (r < 0)
		return r;
	json_init(&j, out);
	json_object_begin(&j);
	json_kv_u64(&j, "version", 1);
	json_kv_bool(&j, "running", false);
	add_counters(&j, summary.counters_json);
	add_summary(&j, &summary);
	json_object_end(&j);
	store_summary_done(&summary);
	return out->err < 0 ? err_set(err, out->err, "no memory for the status") : 0;
}

static int run(struct err *err)
{
	char note[NOTE_BYTES] = "";
	struct json_value status;
	struct buf json, words;
	int r = store_lock_read(store, note, sizeof(note));

	buf_init(&json, STATUS_BYTES_MAX);
	buf_init(&words, STATUS_BYTES_MAX);
	if (r >= 0)
		r = ask_daemon(note, &json, err);
	else if (r == -ENOENT)
		r = read_store(&json, err);
	else
		err_set(err, r, "cannot look whether a daemon serves %s: %s%s", store, strerror(-r),
			r == -EACCES || r == -EPERM ? "; run it as root" : "");
	if (r >= 0 && json_read_check(buf_str(&json), json.len, &status) < 0)
		r = err_set(err, -EBADMSG, "the status is not JSON");
	if (r >= 0 && as_json) {
		printf("%.*s\n", (int)status.len, status.at);
	} else if (r >= 0) {
		status_text_write(status, note[0] ? address_of(note) : NULL, &words);
		fputs(buf_str(&words), stdout);
	}
	buf_done(&json);
	buf_done(&words);
	return r;
}

int cmd_status(int argc, char **argv)
{
	struct options_result given;
	struct err err = {};
	int r = options_parse(&cmd_status_options, argc, argv, &given, &err);

	if (r != 0)
		return options_exit(&cmd_status_options, r, &err);
	if (cmd_no_arguments(&given, &err) < 0)
		return cmd_misused(&cmd_status_options, &err);
	return run(&err) < 0 ? cmd_failed(&err) : 0;
}
