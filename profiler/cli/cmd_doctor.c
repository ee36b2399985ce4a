/* `hearth doctor`: what this kernel and host offer. */
#include <errno.h>
#include <stdio.h>

#include "profiler/base/json.h"
#include "profiler/cli/cmd.h"
#include "profiler/features/features.h"

#define REPORT_BYTES_MAX 65536

static bool as_json;

static const struct options_row rows[] = {
	{.name = "json", .kind = OPTIONS_FLAG, .to = &as_json, .help = "as JSON, for scripts"},
};

static const struct options_example examples[] = {
	{"sudo hearth doctor", "what there is, what is missing, what that costs, and what to do"},
	{},
};

const struct options_command cmd_doctor_options = {
	.name = "doctor",
	.synopsis = "[OPTION...]",
	.summary = "Probe, one by one, what Hearth wants of this kernel and host. Nothing is "
		   "changed and nothing stays loaded.",
	.rows = rows,
	.n_rows = sizeof(rows) / sizeof(rows[0]),
	.notes = "Exit status: 0 sampling is possible, whatever else is missing; 1 it is not; 2 "
		 "wrong usage.",
	.examples = examples,
};

static void write_json(const struct features *f, struct buf *out)
{
	struct json j;

	json_init(&j, out);
	json_object_begin(&j);
	json_kv_u64(&j, "version", 1);
	json_kv_bool(&j, "can_sample", f->can_sample);
	json_key(&j, "features");
	json_array_begin(&j);
	for (int i = 0; i < FEATURE_COUNT; i++) {
		const struct feature *one = &f->feature[i];

		json_object_begin(&j);
		json_kv_str(&j, "name", one->name);
		json_kv_bool(&j, "there", one->there);
		json_kv_bool(&j, "needed", one->needed);
		json_kv_str(&j, "found", one->found);
		json_kv_str(&j, "cost", one->cost);
		json_kv_str(&j, "advice", one->advice);
		json_object_end(&j);
	}
	json_array_end(&j);
	json_object_end(&j);
	buf_add_char(out, '\n');
}

static void write_words(const struct features *f, struct buf *out)
{
	for (int i = 0; i < FEATURE_COUNT; i++) {
		const struct feature *one = &f->feature[i];

		buf_printf(out, "%-8s %-16s %s\n",
			   one->there	 ? "yes"
			   : one->needed ? "MISSING"
					 : "no",
			   one->name, one->found);
		if (one->cost[0])
			buf_printf(out, "%25s costs: %s\n", "", one->cost);
		if (one->advice[0])
			buf_printf(out, "%25s to do: %s\n", "", one->advice);
	}
	buf_add_str(out, f->can_sample
				 ? "\nThis host can be sampled.\n"
				 : "\nThis host cannot be sampled: what is MISSING is needed.\n");
}

int cmd_doctor(int argc, char **argv)
{
	struct options_result given;
	struct features features;
	struct err err = {};
	struct buf out;
	int r = options_parse(&cmd_doctor_options, argc, argv, &given, &err);

	if (r != 0)
		return options_exit(&cmd_doctor_options, r, &err);
	if (cmd_no_arguments(&given, &err) < 0)
		return cmd_misused(&cmd_doctor_options, &err);
	features_probe(&features);
	features_probe_debuginfod(&features);
	buf_init(&out, REPORT_BYTES_MAX);
	if (as_json)
		write_json(&features, &out);
	else
		write_words(&features, &out);
	fputs(buf_str(&out), stdout);
	buf_done(&out);
	return features.can_sample ? 0 : 1;
}
