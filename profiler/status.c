/* The status of a running daemon as JSON and as Prometheus text; see status.h. */
#include "profiler/status.h"

#include "profiler/base/cleanup.h"
#include "profiler/base/quantity.h"
#include "profiler/collector/objects.h"
#include "profiler/collector/quality.h"
#include "profiler/resolve/resolve.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define POOREST_MAX 20

static const char *const end_names[] = {
#define END_NAME(name, shortname, sentence) shortname,
	ABI_END_LIST(END_NAME)
#undef END_NAME
};

static const char *const end_sentences[] = {
#define END_SENTENCE(name, shortname, sentence) sentence,
	ABI_END_LIST(END_SENTENCE)
#undef END_SENTENCE
};

static const char *const counter_names[] = {
#define COUNTER_NAME(name, shortname, sentence) shortname,
	ABI_COUNTER_LIST(COUNTER_NAME)
#undef COUNTER_NAME
};

static const char *const counter_sentences[] = {
#define COUNTER_SENTENCE(name, shortname, sentence) sentence,
	ABI_COUNTER_LIST(COUNTER_SENTENCE)
#undef COUNTER_SENTENCE
};

static const char *const loss_names[] = {
#define LOSS_NAME(name, shortname, sentence) shortname,
	COLLECTOR_LOSS_LIST(LOSS_NAME)
#undef LOSS_NAME
};

static const char *const loss_sentences[] = {
#define LOSS_SENTENCE(name, shortname, sentence) sentence,
	COLLECTOR_LOSS_LIST(LOSS_SENTENCE)
#undef LOSS_SENTENCE
};

struct process_figures {
	double cpu_s;
	uint64_t rss_bytes;
	uint64_t pss_bytes; /* its share of pages that processes have in common; 0 unknown */
};

static uint64_t read_pss(int pid)
{
	char path[64], line[128];
	_cleanup_fclose_ FILE *f = NULL;
	uint64_t kb = 0;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Pss: %" SCNu64, &kb) == 1)
			break;
	return kb * 1024;
}

static struct process_figures process_read(int pid)
{
	struct process_figures p = {};
	char path[64], line[1024];
	_cleanup_fclose_ FILE *f = NULL;
	unsigned long user = 0, system = 0;
	long pages = 0;
	const char *at;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f || !fgets(line, sizeof(line), f))
		return p;
	/* The name may hold anything: the fields begin behind its last parenthesis. */
	at = strrchr(line, ')');
	if (at && sscanf(at + 2,
			 "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %*d "
			 "%*d %*u %*u %ld",
			 &user, &system, &pages) == 3) {
		p.cpu_s = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
		p.rss_bytes = (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
	}
	p.pss_bytes = read_pss(pid);
	return p;
}

/* All processes of the daemon: those that the caller knows, and resolve's workers. */
static size_t all_processes(const struct status_input *in, struct status_process *ret)
{
	struct resolve_process workers[RESOLVE_PROCESSES_MAX];
	size_t n = in->n_processes;
	size_t n_workers = resolve_processes(collector_resolve(in->collector), workers,
					     sizeof(workers) / sizeof(workers[0]));

	memcpy(ret, in->process, n * sizeof(*ret));
	for (size_t i = 0; i < n_workers && n < STATUS_PROCESSES_MAX; i++)
		ret[n++] = (struct status_process){workers[i].role, workers[i].pid};
	return n;
}

static void put_processes(const struct status_input *in, struct json *j)
{
	struct status_process process[STATUS_PROCESSES_MAX];
	size_t n = all_processes(in, process);

	json_key(j, "processes");
	json_array_begin(j);
	for (size_t i = 0; i < n; i++) {
		struct process_figures p = process_read(process[i].pid);

		json_object_begin(j);
		json_kv_str(j, "role", process[i].role);
		json_kv_u64(j, "pid", (uint64_t)process[i].pid);
		json_kv_double(j, "cpu_s", p.cpu_s);
		json_kv_u64(j, "rss_bytes", p.rss_bytes);
		json_kv_u64(j, "pss_bytes", p.pss_bytes);
		json_object_end(j);
	}
	json_array_end(j);
}

/* Taken, and what became of it: taken = stored + dropped + what is under way. */
static void put_samples(const struct collector_counts *c, struct json *j)
{
	static const enum abi_counter drops[] = {ABI_COUNTER_DROP_RING, ABI_COUNTER_DROP_BUSY};
	uint64_t dropped = 0;

	json_key(j, "samples");
	json_object_begin(j);
	json_kv_u64(j, "taken", c->kernel[ABI_COUNTER_TAKEN]);
	json_kv_u64(j, "stored", c->stored);
	json_kv_u64(j, "missed_ticks", c->kernel[ABI_COUNTER_MISSED]);
	json_kv_u64(j, "idle_ticks", c->kernel[ABI_COUNTER_IDLE]);
	json_key(j, "dropped");
	json_object_begin(j);
	for (size_t i = 0; i < sizeof(drops) / sizeof(drops[0]); i++) {
		json_kv_u64(j, counter_names[drops[i]], c->kernel[drops[i]]);
		dropped += c->kernel[drops[i]];
	}
	for (size_t i = 0; i < COLLECTOR_LOSS_COUNT; i++) {
		json_kv_u64(j, loss_names[i], c->loss[i]);
		dropped += c->loss[i];
	}
	json_object_end(j);
	json_kv_u64(j, "under_way",
		    c->kernel[ABI_COUNTER_TAKEN] > c->stored + dropped
			    ? c->kernel[ABI_COUNTER_TAKEN] - c->stored - dropped
			    : 0);
	json_kv_u64(j, "clock_steps", c->clock_steps);
	json_object_end(j);
}

/* What holds of the ends of walks through an object or of a process. */
static void put_ends(const struct status_input *in, const struct quality_ends *e, struct json *j)
{
	json_kv_u64(j, "complete", e->complete);
	json_kv_u64(j, "incomplete", e->incomplete);
	json_key(j, "reasons");
	json_object_begin(j);
	for (unsigned int i = 0; i < ABI_END_COUNT; i++)
		if (e->reason[i])
			json_kv_u64(j, end_names[i], e->reason[i]);
	json_object_end(j);
	json_key(j, "places");
	json_array_begin(j);
	for (size_t i = 0; i < QUALITY_PLACES && e->incomplete; i++) {
		const struct quality_place *p = &e->place[i];
		const struct object *o =
			objects_by_number(collector_objects(in->collector), p->object);
		char offset[32];

		if (!p->count)
			continue;
		/* Of code without a file the offset would be an address of the process. */
		snprintf(offset, sizeof(offset), "0x%" PRIx64, p->offset);
		json_object_begin(j);
		json_kv_str(j, "object", o ? o->path : NULL);
		json_kv_str(j, "offset", o && o->kind == PROFILE_OBJECT_FILE ? offset : NULL);
		json_kv_str(j, "reason", end_names[p->end]);
		json_kv_u64(j, "count", p->count);
		json_object_end(j);
	}
	json_array_end(j);
}

static void put_objects(const struct status_input *in, struct json *j)
{
	struct quality_rank poorest[POOREST_MAX];
	size_t n = objects_poorest(collector_objects(in->collector), poorest, POOREST_MAX);

	json_key(j, "objects");
	json_array_begin(j);
	for (size_t i = 0; i < n; i++) {
		const struct object *object = poorest[i].whose;

		json_object_begin(j);
		json_kv_str(j, "object", object->path);
		put_ends(in, poorest[i].ends, j);
		json_object_end(j);
	}
	json_array_end(j);
}

static void put_process_names(const struct status_input *in, struct json *j)
{
	struct quality_rank poorest[POOREST_MAX];
	size_t n = quality_poorest(collector_quality(in->collector), poorest, POOREST_MAX);
	char comm[ABI_COMM_BYTES + 1];

	json_key(j, "processes");
	json_array_begin(j);
	for (size_t i = 0; i < n; i++) {
		const struct quality_name *name = poorest[i].whose;

		snprintf(comm, sizeof(comm), "%.*s", ABI_COMM_BYTES, name->comm);
		json_object_begin(j);
		json_kv_str(j, "comm", comm[0] ? comm : "[others]");
		put_ends(in, poorest[i].ends, j);
		json_object_end(j);
	}
	json_array_end(j);
}

static void put_tables(const struct status_input *in, struct json *j)
{
	struct tables_counts c;

	if (!collector_tables(in->collector))
		return;
	tables_count(collector_tables(in->collector), &c);
	json_key(j, "tables");
	json_object_begin(j);
	json_kv_u64(j, "objects", c.objects);
	json_kv_u64(j, "pages", c.pages);
	json_kv_u64(j, "rows", c.rows);
	json_kv_u64(j, "rules", c.rules);
	json_kv_u64(j, "bytes", c.pool_bytes);
	json_kv_u64(j, "pool_bytes", c.chunk_bytes);
	json_kv_u64(j, "pages_loaded", c.loaded);
	json_kv_u64(j, "pages_evicted", c.evicted);
	json_kv_u64(j, "pages_refused", c.refused);
	json_object_end(j);
}

static void put_unwind(const struct status_input *in, const struct collector_counts *c,
		       struct json *j)
{
	json_key(j, "unwind");
	json_object_begin(j);
	json_kv_u64(j, "complete", c->ends[ABI_END_ROOT]);
	json_kv_u64(j, "no_user_stack", c->ends[ABI_END_NONE] + c->ends[ABI_END_EXEC]);
	json_key(j, "incomplete");
	json_object_begin(j);
	for (unsigned int i = 0; i < ABI_END_COUNT; i++)
		if (quality_is_incomplete(i) && c->ends[i])
			json_kv_u64(j, end_names[i], c->ends[i]);
	json_object_end(j);
	put_objects(in, j);
	put_process_names(in, j);
	put_tables(in, j);
	json_object_end(j);
}

/* The short names of this answer and of profiles, in words. */
static void put_reasons(struct json *j)
{
	json_key(j, "reasons");
	json_object_begin(j);
	for (unsigned int i = 0; i < ABI_END_COUNT; i++)
		if (quality_is_incomplete(i))
			json_kv_str(j, end_names[i], end_sentences[i]);
	for (unsigned int i = ABI_COUNTER_MISSED; i <= ABI_COUNTER_DROP_BUSY; i++)
		if (i != ABI_COUNTER_TAKEN)
			json_kv_str(j, counter_names[i], counter_sentences[i]);
	for (unsigned int i = 0; i < COLLECTOR_LOSS_COUNT; i++)
		json_kv_str(j, loss_names[i], loss_sentences[i]);
	json_object_end(j);
}

static void put_bpf(const struct collector_counts *c, struct json *j)
{
	json_key(j, "bpf");
	json_object_begin(j);
	json_kv_u64(j, "runs", c->kernel[ABI_COUNTER_TICKS]);
	json_kv_u64(j, "run_ns", c->kernel[ABI_COUNTER_RUN_NS]);
	json_kv_u64(j, "map_bytes", c->map_bytes);
	json_kv_u64(j, "cpus", c->cpus);
	json_kv_u64(j, "objects", c->objects);
	for (unsigned int i = ABI_COUNTER_OBJECT_LOST; i < ABI_COUNTER_RUN_NS; i++)
		json_kv_u64(j, counter_names[i], c->kernel[i]);
	json_object_end(j);
}

static void put_jit(const struct collector_counts *c, struct json *j)
{
	json_key(j, "jit");
	json_object_begin(j);
	json_kv_u64(j, "processes", c->jit.processes);
	json_kv_u64(j, "frames_named", c->jit.frames_named);
	json_kv_u64(j, "frames_nameless", c->jit.frames_nameless);
	json_kv_u64(j, "generations", c->jit.generations);
	json_kv_u64(j, "samples_waiting", c->jit.held);
	json_kv_u64(j, "samples_left_out", c->jit.left_out);
	json_object_end(j);
}

static void put_refresh(const struct status_input *in, struct json *j)
{
	const struct renamer_counts *c = in->renaming;

	json_key(j, "refresh");
	if (!c) {
		json_null(j);
		return;
	}
	json_object_begin(j);
	json_kv_bool(j, "running", in->is_renaming);
	json_kv_u64(j, "frames", c->frames.asked);
	json_kv_u64(j, "named", c->frames.named);
	json_kv_u64(j, "placed", c->frames.placed);
	json_kv_u64(j, "files", c->files);
	json_kv_u64(j, "files_gone", c->gone);
	json_kv_u64(j, "damaged", c->frames.damaged_epochs);
	json_object_end(j);
}

static void put_store(const struct status_input *in, struct json *j)
{
	const struct store_summary *s = in->store;

	json_key(j, "store");
	json_object_begin(j);
	json_kv_str(j, "path", in->store_path);
	if (s) {
		json_kv_u64(j, "bytes", s->bytes);
		json_kv_u64(j, "samples", s->samples);
		json_kv_u64(j, "from", s->from_ns);
		json_kv_u64(j, "until", s->until_ns);
		json_kv_u64(j, "detail_from", s->detail_from_ns);
		json_kv_u64(j, "seconds_from", s->seconds_from_ns);
		json_kv_u64(j, "blocks", s->blocks);
		json_kv_u64(j, "damaged_blocks", s->damaged_blocks);
		json_kv_u64(j, "damaged_rows", s->damaged_rows);
		json_kv_u64(j, "missing_blocks", s->missing_blocks);
		json_kv_u64(j, "locations", s->locations);
		json_kv_u64(j, "named", s->named);
		json_kv_u64(j, "nameless", s->nameless);
	}
	json_kv_str(j, "error", in->store_error);
	json_kv_bool(j, "previous_ended_uncleanly", in->previous_unclean);
	json_object_end(j);
}

int status_json(const struct status_input *in, struct buf *out)
{
	struct collector_counts counts;
	struct json j;
	int r = collector_counts(in->collector, &counts);

	if (r < 0)
		return r;
	json_init(&j, out);
	json_object_begin(&j);
	json_kv_u64(&j, "version", 1);
	json_kv_bool(&j, "running", true);
	json_kv_u64(&j, "pid", (uint64_t)getpid());
	json_kv_double(&j, "uptime_s", (double)(quantity_monotonic_ns() - in->started_ns) / 1e9);
	json_kv_str(&j, "address", in->address);
	json_kv_u64(&j, "frequency_hz", in->frequency_hz);
	put_processes(in, &j);
	put_samples(&counts, &j);
	put_unwind(in, &counts, &j);
	json_key(&j, "symbols");
	resolve_status(collector_resolve(in->collector), &j);
	put_jit(&counts, &j);
	put_bpf(&counts, &j);
	put_store(in, &j);
	put_refresh(in, &j);
	put_reasons(&j);
	json_object_end(&j);
	return out->err;
}

int status_counters_json(const struct status_input *in, struct buf *out)
{
	struct collector_counts counts;
	struct json j;
	int r = collector_counts(in->collector, &counts);

	if (r < 0)
		return r;
	json_init(&j, out);
	json_object_begin(&j);
	put_samples(&counts, &j);
	put_unwind(in, &counts, &j);
	json_object_end(&j);
	return out->err;
}

/* ---- Prometheus ---- */

static void metric(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP hearth_%s %s\n# TYPE hearth_%s %s\n", name, help, name, type);
}

static void put_sample_metrics(const struct collector_counts *c, struct buf *out)
{
	metric(out, "samples_taken_total", "counter", "Samples taken by the kernel program.");
	buf_printf(out, "hearth_samples_taken_total %" PRIu64 "\n", c->kernel[ABI_COUNTER_TAKEN]);
	metric(out, "samples_stored_total", "counter", "Samples written to the store.");
	buf_printf(out, "hearth_samples_stored_total %" PRIu64 "\n", c->stored);
	metric(out, "samples_lost_total", "counter", "Samples lost, by reason.");
	for (unsigned int i = ABI_COUNTER_DROP_RING; i <= ABI_COUNTER_DROP_BUSY; i++)
		buf_printf(out, "hearth_samples_lost_total{reason=\"%s\"} %" PRIu64 "\n",
			   counter_names[i], c->kernel[i]);
	for (unsigned int i = 0; i < COLLECTOR_LOSS_COUNT; i++)
		buf_printf(out, "hearth_samples_lost_total{reason=\"%s\"} %" PRIu64 "\n",
			   loss_names[i], c->loss[i]);
	metric(out, "missed_ticks_total", "counter", counter_sentences[ABI_COUNTER_MISSED]);
	buf_printf(out, "hearth_missed_ticks_total %" PRIu64 "\n", c->kernel[ABI_COUNTER_MISSED]);
	metric(out, "stacks_total", "counter", "User stacks by how their walk ended.");
	for (unsigned int i = 0; i < ABI_END_COUNT; i++)
		buf_printf(out, "hearth_stacks_total{end=\"%s\"} %" PRIu64 "\n", end_names[i],
			   c->ends[i]);
}

static void put_cost_metrics(const struct status_input *in, const struct collector_counts *c,
			     struct buf *out)
{
	struct status_process process[STATUS_PROCESSES_MAX];
	size_t n = all_processes(in, process);

	metric(out, "sampler_runs_total", "counter", "Runs of the kernel program.");
	buf_printf(out, "hearth_sampler_runs_total %" PRIu64 "\n", c->kernel[ABI_COUNTER_TICKS]);
	metric(out, "sampler_seconds_total", "counter", "Time spent in the kernel program.");
	buf_printf(out, "hearth_sampler_seconds_total %.9f\n",
		   (double)c->kernel[ABI_COUNTER_RUN_NS] / 1e9);
	metric(out, "bpf_map_bytes", "gauge", "Kernel memory of the BPF maps.");
	buf_printf(out, "hearth_bpf_map_bytes %" PRIu64 "\n", c->map_bytes);
	metric(out, "process_cpu_seconds_total", "counter", "CPU time of the daemon's processes.");
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "hearth_process_cpu_seconds_total{role=\"%s\",pid=\"%d\"} %.3f\n",
			   process[i].role, process[i].pid, process_read(process[i].pid).cpu_s);
	metric(out, "process_resident_bytes", "gauge",
	       "Resident memory of the daemon's processes.");
	for (size_t i = 0; i < n; i++)
		buf_printf(out,
			   "hearth_process_resident_bytes{role=\"%s\",pid=\"%d\"} %" PRIu64 "\n",
			   process[i].role, process[i].pid, process_read(process[i].pid).rss_bytes);
}

static void put_store_metrics(const struct store_summary *s, struct buf *out)
{
	metric(out, "store_bytes", "gauge", "Size of the store on disk.");
	buf_printf(out, "hearth_store_bytes %" PRIu64 "\n", s->bytes);
	metric(out, "store_samples", "gauge", "Samples in the store.");
	buf_printf(out, "hearth_store_samples %" PRIu64 "\n", s->samples);
	metric(out, "store_damaged_blocks", "gauge", "Blocks of the store that cannot be read.");
	buf_printf(out, "hearth_store_damaged_blocks %" PRIu64 "\n",
		   s->damaged_blocks + s->missing_blocks);
}

int status_metrics(const struct status_input *in, struct buf *out)
{
	struct collector_counts counts;
	int r = collector_counts(in->collector, &counts);

	if (r < 0)
		return r;
	put_sample_metrics(&counts, out);
	put_cost_metrics(in, &counts, out);
	if (in->store)
		put_store_metrics(in->store, out);
	return out->err;
}
