/* `hearth check`: is the whole store sound, and with --repair a sound one of what is left. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "profiler/base/cleanup.h"
#include "profiler/base/json.h"
#include "profiler/cli/cmd.h"
#include "storage/check.h"

#define REPORT_BYTES_MAX (16u << 20)
#define ITEMS_SHOWN	 20 /* in words */

static const char *store_path = CMD_STORE_DEFAULT;
static bool repair, as_json;

static const struct options_row rows[] = {
	{.name = "store",
	 .kind = OPTIONS_TEXT,
	 .argument = "FILE",
	 .to = &store_path,
	 .help = "the store to look over; " CMD_STORE_DEFAULT " unless told"},
	{.name = "repair",
	 .kind = OPTIONS_FLAG,
	 .to = &repair,
	 .help = "make a sound store of what is left; the damaged one is kept beside it. No daemon "
		 "may be writing to it"},
	{.name = "json", .kind = OPTIONS_FLAG, .to = &as_json, .help = "as JSON, for scripts"},
};

static const struct options_example examples[] = {
	{"hearth check", "reads every sample; works while the daemon runs"},
	{"hearth check --store old.db --repair", "sets aside what is damaged, keeps the rest"},
	{},
};

const struct options_command cmd_check_options = {
	.name = "check",
	.synopsis = "[OPTION...]",
	.summary = "Read a whole store and say what of it is damaged or missing.",
	.rows = rows,
	.n_rows = sizeof(rows) / sizeof(rows[0]),
	.notes = "A repair keeps the damaged file, whole, as FILE.damaged-TIME. What was lost is "
		 "recorded in the new one as lost, at its time.\n\n"
		 "Exit status: 0 the store is sound, or was repaired; 1 it is damaged, or could "
		 "not be read; 2 wrong usage.",
	.examples = examples,
};

/* ---- words ---- */

static void say_time(uint64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	char text[32];
	struct tm tm;

	if (gmtime_r(&seconds, &tm) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		printf("%s", text);
}

static void say_item(const struct check_item *item)
{
	printf("  %s", check_item_sentence(item->kind));
	if (item->last)
		printf(": %" PRIu64 " to %" PRIu64, item->first, item->last);
	if (item->from_ms) {
		printf(", near ");
		say_time(item->from_ms);
	}
	if (item->samples)
		printf(", %" PRIu64 " samples", item->samples);
	putchar('\n');
}

static void say(const struct check *c, const char *aside)
{
	uint64_t all = 0;

	printf("%s: %" PRIu64 " samples in %" PRIu64 " blocks, %" PRIu64
	       " parts of dictionaries are good\n",
	       store_path, c->samples, c->blocks, c->chunks);
	for (int k = 0; k < CHECK_ITEM_COUNT; k++)
		all += c->count[k];
	if (!all) {
		puts("Nothing is damaged or missing.");
		return;
	}
	printf("Damaged or missing, in %" PRIu64 " places:\n", all);
	for (size_t i = 0; i < c->n_items && i < ITEMS_SHOWN; i++)
		say_item(&c->items[i]);
	if (c->n_items > ITEMS_SHOWN)
		printf("  and %" PRIu64 " more\n", all - ITEMS_SHOWN);
	if (c->pages[0])
		printf("SQLite says: %s\n", c->pages);
	if (aside)
		printf("Repaired. The damaged store is kept at %s\n", aside);
}

/* ---- JSON ---- */

static void add_item(struct json *j, const struct check_item *item)
{
	json_object_begin(j);
	json_kv_str(j, "kind", check_item_name(item->kind));
	if (item->last) {
		json_kv_u64(j, "first", item->first);
		json_kv_u64(j, "last", item->last);
	}
	if (item->from_ms) {
		json_kv_u64(j, "from_ms", item->from_ms);
		json_kv_u64(j, "until_ms", item->until_ms);
	}
	if (item->samples)
		json_kv_u64(j, "samples", item->samples);
	json_object_end(j);
}

static void write_json(const struct check *c, const char *aside)
{
	_cleanup_(buf_done) struct buf out;
	struct json j;

	buf_init(&out, REPORT_BYTES_MAX);
	json_init(&j, &out);
	json_object_begin(&j);
	json_kv_u64(&j, "version", 1);
	json_kv_str(&j, "path", store_path);
	json_kv_bool(&j, "good", check_is_good(c));
	json_kv_u64(&j, "samples", c->samples);
	json_kv_u64(&j, "blocks", c->blocks);
	json_kv_u64(&j, "chunks", c->chunks);
	json_kv_u64(&j, "lost_samples", c->lost_samples);
	json_key(&j, "damage");
	json_object_begin(&j);
	for (int k = 0; k < CHECK_ITEM_COUNT; k++)
		if (c->count[k])
			json_kv_u64(&j, check_item_name((enum check_item_kind)k), c->count[k]);
	json_object_end(&j);
	json_key(&j, "items");
	json_array_begin(&j);
	for (size_t i = 0; i < c->n_items; i++)
		add_item(&j, &c->items[i]);
	json_array_end(&j);
	json_kv_str(&j, "sqlite", c->pages[0] ? c->pages : NULL);
	json_kv_str(&j, "damaged_store", aside);
	json_object_end(&j);
	printf("%s\n", buf_str(&out));
}

int cmd_check(int argc, char **argv)
{
	_cleanup_free_ char *aside = NULL;
	struct options_result given;
	struct err err = {};
	struct check c = {};
	int status, r = options_parse(&cmd_check_options, argc, argv, &given, &err);

	if (r != 0)
		return options_exit(&cmd_check_options, r, &err);
	if (cmd_no_arguments(&given, &err) < 0)
		return cmd_misused(&cmd_check_options, &err);
	r = repair ? check_repair(store_path, &c, &aside, &err) : check_store(store_path, &c, &err);
	if (r < 0)
		return cmd_failed(&err);
	if (as_json)
		write_json(&c, aside);
	else
		say(&c, aside);
	status = check_is_good(&c) || aside ? 0 : 1;
	check_done(&c);
	return status;
}
