/*
 * `hearth status` in words; see status_text.h. Numbers that this version does not know are shown
 * by their names.
 */
#include "profiler/cli/status_text.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#define NS_PER_S      1000000000ull
#define POOREST_SHOWN 5
#define FAILED_SHOWN  5

static uint64_t number(struct json_value object, const char *key)
{
	struct json_value v = {};
	uint64_t n = 0;

	if (json_read_member(object, key, &v))
		json_read_u64(v, &n);
	return n;
}

/* 0 where there is none, and at most what a count can be. */
static double decimal(struct json_value object, const char *key)
{
	struct json_value v = {};
	double d = 0;

	if (json_read_member(object, key, &v))
		json_read_double(v, &d);
	return d >= 0 && d < 1e18 ? d : 0;
}

static bool flag(struct json_value object, const char *key, bool otherwise)
{
	struct json_value v = {};
	bool yes = otherwise;

	if (json_read_member(object, key, &v))
		json_read_bool(v, &yes);
	return yes;
}

static const char *text(struct json_value object, const char *key, char *out, size_t bytes)
{
	struct json_value v = {};

	out[0] = '\0';
	if (json_read_member(object, key, &v))
		json_read_str(v, out, bytes);
	/* Names are foreign bytes; what could steer a terminal becomes '?'. */
	for (char *at = out; *at; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			*at = '?';
	return out;
}

static void add_bytes(struct buf *out, uint64_t bytes)
{
	if (bytes < 10000)
		buf_printf(out, "%" PRIu64 " bytes", bytes);
	else if (bytes < 10000000)
		buf_printf(out, "%.1f KB", (double)bytes / 1e3);
	else if (bytes < 10000000000)
		buf_printf(out, "%.1f MB", (double)bytes / 1e6);
	else
		buf_printf(out, "%.1f GB", (double)bytes / 1e9);
}

static void add_span(struct buf *out, uint64_t seconds)
{
	if (seconds < 120)
		buf_printf(out, "%" PRIu64 " s", seconds);
	else if (seconds < 7200)
		buf_printf(out, "%" PRIu64 " min", seconds / 60);
	else if (seconds < 172800)
		buf_printf(out, "%" PRIu64 " h %" PRIu64 " min", seconds / 3600, seconds / 60 % 60);
	else
		buf_printf(out, "%" PRIu64 " d %" PRIu64 " h", seconds / 86400,
			   seconds / 3600 % 24);
}

static void add_moment(struct buf *out, uint64_t ns)
{
	time_t seconds = (time_t)(ns / NS_PER_S);
	struct tm tm;
	char shown[32] = "?";

	if (gmtime_r(&seconds, &tm))
		strftime(shown, sizeof(shown), "%Y-%m-%dT%H:%M:%SZ", &tm);
	buf_add_str(out, shown);
}

/* "REASON n, REASON n", those that are not 0; "none" where there are none. Their sum. */
static uint64_t add_reasons(struct buf *out, struct json_value reasons)
{
	struct json_value key, value;
	uint64_t sum = 0;
	size_t at = 0;

	while (json_read_next(reasons, &at, &key, &value)) {
		uint64_t n = 0;

		if (!json_read_u64(value, &n) || n == 0)
			continue;
		buf_printf(out, "%s%.*s %" PRIu64, sum ? ", " : "", (int)key.len, key.at, n);
		sum += n;
	}
	if (!sum)
		buf_add_str(out, "none");
	return sum;
}

static uint64_t sum_of(struct json_value reasons)
{
	struct json_value value;
	uint64_t sum = 0, n;
	size_t at = 0;

	while (json_read_next(reasons, &at, NULL, &value))
		if (json_read_u64(value, &n))
			sum += n;
	return sum;
}

static void add_head(struct json_value status, const char *address, struct buf *out)
{
	if (!flag(status, "running", false)) {
		buf_add_str(out, "The daemon is not running; what follows is from the store.\n");
		return;
	}
	buf_printf(out, "The daemon is running, pid %" PRIu64 ", for ", number(status, "pid"));
	add_span(out, (uint64_t)decimal(status, "uptime_s"));
	if (address)
		buf_printf(out, ", at %s", address);
	buf_add_str(out, "\n");
}

static void add_processes(struct json_value status, struct buf *out)
{
	struct json_value processes = {}, process;
	size_t at = 0;

	if (!json_read_member(status, "processes", &processes))
		return;
	while (json_read_next(processes, &at, NULL, &process)) {
		char role[32];

		buf_printf(out, "  %-11s pid %-8" PRIu64 " %8.1f s of CPU   ",
			   text(process, "role", role, sizeof(role)), number(process, "pid"),
			   decimal(process, "cpu_s"));
		add_bytes(out, number(process, "rss_bytes"));
		buf_add_str(out, "\n");
	}
}

static void add_samples(struct json_value status, struct buf *out)
{
	struct json_value samples = {}, dropped = {};
	uint64_t taken;

	if (!json_read_member(status, "samples", &samples))
		return;
	taken = number(samples, "taken");
	json_read_member(samples, "dropped", &dropped);
	buf_printf(out,
		   "\nSamples\n  taken       %" PRIu64 "\n  stored      %" PRIu64
		   "\n  dropped     ",
		   taken, number(samples, "stored"));
	add_reasons(out, dropped);
	buf_printf(out,
		   "\n  timer ticks that never fired (interrupts off, stolen time): %" PRIu64 "\n",
		   number(samples, "missed_ticks"));
}

/* Where most of an entry's walks were lost. */
static void add_place(struct json_value entry, struct buf *out)
{
	struct json_value places = {}, place;
	char object[256], offset[32], reason[64];
	size_t at = 0;

	if (!json_read_member(entry, "places", &places) ||
	    !json_read_next(places, &at, NULL, &place))
		return;
	buf_printf(out, "; mostly %s at %s%s%s", text(place, "reason", reason, sizeof(reason)),
		   text(place, "object", object, sizeof(object)),
		   text(place, "offset", offset, sizeof(offset))[0] ? "+" : "", offset);
}

/* The objects or processes with most incomplete stacks; name is the member that names one. */
static void add_poorest(struct json_value list, const char *name, struct buf *out)
{
	struct json_value entry;
	unsigned int shown = 0;
	size_t at = 0;

	while (json_read_next(list, &at, NULL, &entry)) {
		uint64_t complete = number(entry, "complete"), cut = number(entry, "incomplete");
		char called[256];

		if (shown++ == POOREST_SHOWN) {
			buf_add_str(out, "    ... --json has all\n");
			return;
		}
		buf_printf(out, "    %s: %.2f %% of %" PRIu64 " complete",
			   text(entry, name, called, sizeof(called)),
			   100.0 * (double)complete / (double)(complete + cut), complete + cut);
		add_place(entry, out);
		buf_add_str(out, "\n");
	}
}

static void add_tables(struct json_value unwind, struct buf *out)
{
	struct json_value tables = {};

	if (!json_read_member(unwind, "tables", &tables))
		return;
	buf_printf(out,
		   "  tables      %" PRIu64 " objects, %" PRIu64 " rows in %" PRIu64 " pages, ",
		   number(tables, "objects"), number(tables, "rows"), number(tables, "pages"));
	add_bytes(out, number(tables, "bytes"));
	if (number(tables, "pages_evicted"))
		buf_printf(out, "; %" PRIu64 " pages evicted", number(tables, "pages_evicted"));
	if (number(tables, "pages_refused"))
		buf_printf(out, "; %" PRIu64 " times no room for a page",
			   number(tables, "pages_refused"));
	buf_add_str(out, "\n");
}

static void add_unwind(struct json_value status, struct buf *out)
{
	struct json_value unwind = {}, incomplete = {}, list = {};
	uint64_t complete, cut;

	if (!json_read_member(status, "unwind", &unwind))
		return;
	complete = number(unwind, "complete");
	json_read_member(unwind, "incomplete", &incomplete);
	cut = sum_of(incomplete);
	buf_printf(out, "\nUser stacks\n  complete    %" PRIu64, complete);
	if (complete + cut)
		buf_printf(out, " (%.2f %%)", 100.0 * (double)complete / (double)(complete + cut));
	buf_add_str(out, "\n  incomplete  ");
	add_reasons(out, incomplete);
	buf_add_str(out, "\n");
	if (json_read_member(unwind, "processes", &list))
		add_poorest(list, "comm", out);
	if (json_read_member(unwind, "objects", &list))
		add_poorest(list, "object", out);
	add_tables(unwind, out);
}

/* Numbers and texts of an object, under their own names. */
static void add_plain(struct json_value status, const char *key, const char *title, struct buf *out)
{
	struct json_value object = {}, name, value;
	bool first = true;
	size_t at = 0;

	if (!json_read_member(status, key, &object))
		return;
	while (json_read_next(object, &at, &name, &value)) {
		uint64_t n;

		if (!json_read_u64(value, &n))
			continue;
		buf_printf(out, "%s  %.*s %" PRIu64 "\n", first ? title : "", (int)name.len,
			   name.at, n);
		first = false;
	}
}

/* Files, the latest last, each with why. */
static void add_failed(struct json_value of, const char *key, const char *title, struct buf *out)
{
	struct json_value failed = {}, file;
	uint64_t n = 0;
	size_t at = 0;

	if (!json_read_member(of, key, &failed))
		return;
	while (json_read_next(failed, &at, NULL, &file))
		n++;
	if (n)
		buf_printf(out, "  %s:\n", title);
	if (n > FAILED_SHOWN)
		buf_add_str(out, "    ... --json has all\n");
	for (at = 0; json_read_next(failed, &at, NULL, &file); n--) {
		char path[256], reason[256];

		if (n <= FAILED_SHOWN)
			buf_printf(out, "    %s: %s\n", text(file, "path", path, sizeof(path)),
				   text(file, "reason", reason, sizeof(reason)));
	}
}

static void add_server(struct json_value server, struct buf *out)
{
	char url[512], reason[256];

	buf_printf(out, "  %s\n    %" PRIu64 " fetched, %" PRIu64 " not there, %" PRIu64 " failed",
		   text(server, "url", url, sizeof(url)), number(server, "fetched"),
		   number(server, "not_there"), number(server, "failed"));
	if (number(server, "failed"))
		buf_printf(out, ", the last: it %s",
			   text(server, "reason", reason, sizeof(reason)));
	buf_add_str(out, "\n");
}

/* What servers were asked for; nothing where none is named. */
static void add_debuginfod(struct json_value symbols, struct buf *out)
{
	struct json_value d = {}, servers = {}, server;
	char error[256];
	size_t at = 0;

	if (!json_read_member(symbols, "debuginfod", &d))
		return;
	if (*text(d, "error", error, sizeof(error)))
		buf_printf(out, "\nDebug files of servers\n  none: %s\n", error);
	if (!json_read_member(d, "servers", &servers))
		return;
	buf_add_str(out, "\nDebug files of servers\n");
	while (json_read_next(servers, &at, NULL, &server))
		add_server(server, out);
	buf_printf(out, "  awaited     %" PRIu64 "\n  kept        ", number(d, "awaited"));
	add_bytes(out, number(d, "cache_bytes"));
	buf_add_str(out, "\n");
	add_failed(d, "failures", "not fetched", out);
}

/* What has no name, and why. */
static void add_symbols(struct json_value status, struct buf *out)
{
	struct json_value symbols = {};

	add_plain(status, "symbols", "\nNames\n", out);
	if (!json_read_member(status, "symbols", &symbols))
		return;
	add_failed(symbols, "failed_objects", "not read, or not whole", out);
	add_debuginfod(symbols, out);
}

static void add_bpf(struct json_value status, struct buf *out)
{
	struct json_value bpf = {};
	uint64_t runs;

	if (!json_read_member(status, "bpf", &bpf))
		return;
	runs = number(bpf, "runs");
	buf_printf(out, "\nIn the kernel\n  runs        %" PRIu64, runs);
	if (runs)
		buf_printf(out, ", %.2f us each",
			   (double)number(bpf, "run_ns") / (double)runs / 1e3);
	buf_add_str(out, "\n  maps        ");
	add_bytes(out, number(bpf, "map_bytes"));
	buf_add_str(out, "\n");
}

static void add_damage(struct json_value store, struct buf *out)
{
	static const char *const keys[] = {"damaged_blocks", "damaged_rows", "missing_blocks"};
	char error[256];

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		uint64_t n = number(store, keys[i]);
		int words = (int)strcspn(keys[i], "_");

		if (n)
			buf_printf(out,
				   "  %.*s     %" PRIu64
				   " %s: their samples are lost, all others are not\n",
				   words, keys[i], n, keys[i] + words + 1);
	}
	if (!flag(store, "clean", true) || flag(store, "previous_ended_uncleanly", false))
		buf_add_str(out, "  the daemon before did not end in order: at most its last "
				 "seconds are missing\n");
	if (text(store, "error", error, sizeof(error))[0])
		buf_printf(out, "  not written at the moment: %s\n", error);
}

/* Where in time samples begin to stand at their second, and at their millisecond. */
static void add_detail(struct json_value store, struct buf *out)
{
	uint64_t from = number(store, "from"), seconds = number(store, "seconds_from");
	uint64_t detail = number(store, "detail_from");

	if (seconds > from || detail > from)
		buf_add_str(out, "  detail      ");
	if (seconds > from) {
		buf_add_str(out, "by the minute before ");
		add_moment(out, seconds);
		buf_add_str(out, ", ");
	}
	if (seconds > from || detail > from) {
		buf_add_str(out, "by the second before ");
		add_moment(out, detail);
		buf_add_str(out, ", then each at its millisecond\n");
	}
}

static void add_store(struct json_value status, struct buf *out)
{
	struct json_value store = {};
	char path[512];

	if (!json_read_member(status, "store", &store))
		return;
	buf_printf(out, "\nStore %s\n  size        ", text(store, "path", path, sizeof(path)));
	add_bytes(out, number(store, "bytes"));
	buf_printf(out, "\n  samples     %" PRIu64, number(store, "samples"));
	if (number(store, "until")) {
		buf_add_str(out, ", from ");
		add_moment(out, number(store, "from"));
		buf_add_str(out, " until ");
		add_moment(out, number(store, "until"));
	}
	buf_add_str(out, "\n");
	add_detail(store, out);
	add_damage(store, out);
}

void status_text_write(struct json_value status, const char *address, struct buf *out)
{
	add_head(status, address, out);
	add_processes(status, out);
	add_samples(status, out);
	add_unwind(status, out);
	add_symbols(status, out);
	add_plain(status, "jit", "\nRun-time compiled code\n", out);
	add_bpf(status, out);
	add_store(status, out);
}
