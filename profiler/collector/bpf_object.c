/*
 * Loading the kernel programs and talking to their maps; see bpf_object.h. bpf_programs_load() does
 * the work.
 */
#include "profiler/collector/bpf_object.h"

#include "bpf/hearth.skel.h"
#include "profiler/base/cleanup.h"
#include "profiler/collector/kernel_types.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RING_BYTES_MIN	  (1u << 19)
#define RING_BYTES_MAX	  (1u << 23)
#define RING_RECORD_BYTES 1024 /* a usual record with its objects, rounded up */
#define RING_SECONDS	  2 /* user space may be this late */
#define RING_SNAPSHOT_MAX (1u << 24) /* all maps together are at most 32 MB */
#define SETTLE_US	  100000

struct bpf_programs {
	struct hearth_bpf *skeleton;
	struct bpf_link *links[2];
	unsigned int cpus; /* possible ones */
	bool mappings; /* they can be walked */
	bool direct; /* kernel structures are read by loads */
	bool iterates; /* over the mappings of all processes */
	struct unwind_dictionary *dictionary;
	struct unwind_chunk *chunk[UNWIND_CHUNKS_MAX];
	int chunk_fd[UNWIND_CHUNKS_MAX];
	uint32_t n_chunks;
};

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static uint32_t ring_bytes(const struct bpf_programs_options *o, unsigned int cpus)
{
	uint64_t record = RING_RECORD_BYTES + (o->snapshot ? ABI_STACK_BYTES_MAX : 0);
	uint64_t want = o->frequency_hz * cpus * record * RING_SECONDS;
	uint32_t max = o->snapshot ? RING_SNAPSHOT_MAX : RING_BYTES_MAX;
	uint32_t bytes = RING_BYTES_MIN;

	while (bytes < want && bytes < max)
		bytes *= 2;
	return bytes;
}

/* Where kernel_types.h cannot: another path, other kinds of types. */
static void look_by_libbpf(struct kernel_type *wanted, size_t n)
{
	struct btf *btf = btf__load_vmlinux_btf();

	for (size_t i = 0; btf && i < n; i++)
		wanted[i].found = btf__find_by_name_kind(btf, wanted[i].name, wanted[i].kind) > 0;
	btf__free(btf);
}

static void look_at_kernel(struct bpf_programs *b)
{
	struct kernel_type wanted[] = {
		/* The mapping walk reads mm_struct.mm_mt, a maple tree from 6.1 on. */
		{.name = "maple_tree", .kind = BTF_KIND_STRUCT},
		{.name = "bpf_rdonly_cast", .kind = BTF_KIND_FUNC},
		{.name = "bpf_iter_task_vma", .kind = BTF_KIND_FUNC},
	};

	if (kernel_types_find(KERNEL_TYPES_PATH, wanted, 3) < 0)
		look_by_libbpf(wanted, 3);
	b->mappings = wanted[0].found;
	b->direct = wanted[1].found;
	b->iterates = wanted[2].found;
}

static int set_knobs(struct bpf_programs *b, const struct bpf_programs_options *o)
{
	struct hearth_bpf *s = b->skeleton;
	uint32_t ring = ring_bytes(o, b->cpus);

	s->rodata->knob_period_ns = 1000000000ull / o->frequency_hz;
	s->rodata->knob_filter = o->filter;
	s->rodata->knob_filter_allows = o->filter_allows;
	s->rodata->knob_mappings = b->mappings;
	s->rodata->knob_direct = b->direct;
	s->rodata->knob_tables = o->tables;
	s->rodata->knob_snapshot = o->snapshot;
	s->rodata->knob_user = o->user;
	s->rodata->knob_kernel = o->kernel;
	s->rodata->knob_ring_bytes = ring;
	if (bpf_map__set_max_entries(s->maps.ring, ring))
		return -EINVAL;
	if (!o->snapshot && bpf_map__set_value_size(s->maps.stack_map, sizeof(uint64_t)))
		return -EINVAL;
	if (!o->filter && bpf_map__set_max_entries(s->maps.filters, 1))
		return -EINVAL;
	b->iterates = b->iterates && b->mappings && o->tables;
	bpf_program__set_autoload(s->progs.hearth_running, b->iterates);
	bpf_program__set_autoload(s->progs.hearth_fork, o->follow);
	bpf_program__set_autoload(s->progs.hearth_free, o->follow);
	return 0;
}

/* ---- the memory of the unwind tables ---- */

/* A whole map of one element, as memory. NULL: errno. */
static void *map_memory_of(int fd, size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

struct unwind_dictionary *bpf_programs_dictionary(const struct bpf_programs *b)
{
	return b->dictionary;
}

static int add_chunk(struct bpf_programs *b)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	uint32_t number = b->n_chunks;
	_cleanup_close_ int fd = -1;

	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "unwind_chunk", sizeof(uint32_t),
			    sizeof(struct unwind_chunk), 1, &opts);
	if (fd < 0)
		return -errno;
	if (bpf_map__update_elem(b->skeleton->maps.chunks, &number, sizeof(number), &fd, sizeof(fd),
				 BPF_ANY))
		return -errno;
	b->chunk_fd[number] = steal_fd(fd);
	b->n_chunks++;
	return 0;
}

int bpf_programs_map_chunk(struct bpf_programs *b, uint32_t number, struct unwind_chunk **ret)
{
	int r = 0;

	if (number > b->n_chunks || number >= UNWIND_CHUNKS_MAX)
		return -EINVAL;
	if (number == b->n_chunks)
		r = add_chunk(b);
	if (r < 0)
		return r;
	if (!b->chunk[number])
		b->chunk[number] = map_memory_of(b->chunk_fd[number], sizeof(**ret));
	if (!b->chunk[number])
		return -errno;
	*ret = b->chunk[number];
	return 0;
}

void bpf_programs_unmap_chunks(struct bpf_programs *b)
{
	for (uint32_t i = 0; i < b->n_chunks; i++) {
		if (b->chunk[i])
			munmap(b->chunk[i], sizeof(*b->chunk[i]));
		b->chunk[i] = NULL;
	}
}

/* What samples have kept of what we told them does not hold any more. */
static void known_changed(struct bpf_programs *b)
{
	__atomic_fetch_add(&b->skeleton->bss->known_epoch, 1, __ATOMIC_RELEASE);
}

void bpf_programs_settle(struct bpf_programs *b)
{
	__atomic_fetch_add(&b->skeleton->bss->tables_epoch, 1, __ATOMIC_RELEASE);
	/*
	 * Waits for a grace period of RCU, under which the sampler runs. Where the call is not to
	 * be had, longer than any run takes.
	 */
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) < 0)
		usleep(SETTLE_US);
	/* What a run that is over now has kept of what it read before. */
	known_changed(b);
}

static void free_memory(struct bpf_programs *b)
{
	if (b->dictionary)
		munmap(b->dictionary, sizeof(*b->dictionary));
	bpf_programs_unmap_chunks(b);
	for (uint32_t i = 0; i < b->n_chunks; i++)
		close(b->chunk_fd[i]);
}

static int attach_follow(struct bpf_programs *b)
{
	b->links[0] = bpf_program__attach(b->skeleton->progs.hearth_fork);
	if (!b->links[0])
		return -errno;
	b->links[1] = bpf_program__attach(b->skeleton->progs.hearth_free);
	return b->links[1] ? 0 : -errno;
}

static int load(struct bpf_programs *b, const struct bpf_programs_options *o, struct err *err)
{
	int r;

	b->skeleton = hearth_bpf__open();
	if (!b->skeleton)
		return err_set(err, -errno, "the kernel programs could not be opened: %s",
			       strerror(errno));
	r = set_knobs(b, o);
	if (r < 0)
		return err_set(err, r, "the kernel programs could not be set up: %s", strerror(-r));
	r = hearth_bpf__load(b->skeleton);
	if (r < 0)
		return err_set(err, r,
			       "the kernel refused the sampling program: %s; `hearth doctor` says "
			       "what is missing",
			       strerror(-r));
	b->dictionary =
		map_memory_of(bpf_map__fd(b->skeleton->maps.dictionary), sizeof(*b->dictionary));
	if (!b->dictionary)
		return err_set(err, -errno, "the memory of unwind tables could not be mapped: %s",
			       strerror(errno));
	if (!o->follow)
		return 0;
	r = attach_follow(b);
	if (r < 0)
		return err_set(err, r, "the kernel let no program follow forks: %s", strerror(-r));
	return 0;
}

int bpf_programs_load(const struct bpf_programs_options *options, struct bpf_programs **ret,
		      struct err *err)
{
	struct bpf_programs *b = calloc(1, sizeof(*b));
	int cpus = libbpf_num_possible_cpus();
	int r;

	if (!b)
		return -ENOMEM;
	libbpf_set_print(quiet);
	b->cpus = cpus > 0 ? (unsigned int)cpus : 1;
	look_at_kernel(b);
	b->mappings = b->mappings && !options->raw;
	r = load(b, options, err);
	if (r < 0) {
		bpf_programs_free(b);
		return r;
	}
	*ret = b;
	return 0;
}

struct bpf_programs *bpf_programs_free(struct bpf_programs *b)
{
	if (!b)
		return NULL;
	for (size_t i = 0; i < 2; i++)
		bpf_link__destroy(b->links[i]);
	free_memory(b);
	hearth_bpf__destroy(b->skeleton);
	free(b);
	return NULL;
}

int bpf_programs_open_running(struct bpf_programs *b)
{
	struct bpf_link *link;
	int fd;

	if (!b->iterates)
		return -EOPNOTSUPP;
	link = bpf_program__attach_iter(b->skeleton->progs.hearth_running, NULL);
	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0)
		fd = -errno;
	bpf_link__destroy(link);
	return fd;
}

int bpf_programs_sampler_fd(const struct bpf_programs *b)
{
	return bpf_program__fd(b->skeleton->progs.hearth_sample);
}

int bpf_programs_ring_fd(const struct bpf_programs *b)
{
	return bpf_map__fd(b->skeleton->maps.ring);
}

bool bpf_programs_walks_mappings(const struct bpf_programs *b)
{
	return b->mappings;
}

/* What the kernel keeps of each possible CPU. NULL: errno. */
static struct abi_cpu *each_cpu(const struct bpf_programs *b)
{
	struct abi_cpu *each = calloc(b->cpus, sizeof(*each));
	uint32_t zero = 0;

	if (each && bpf_map__lookup_elem(b->skeleton->maps.cpus, &zero, sizeof(zero), each,
					 b->cpus * sizeof(*each), 0)) {
		free(each);
		return NULL;
	}
	return each;
}

int bpf_programs_counters(const struct bpf_programs *b, uint64_t ret[ABI_COUNTER_COUNT])
{
	_cleanup_free_ struct abi_cpu *each = each_cpu(b);

	if (!each)
		return -errno;
	memset(ret, 0, sizeof(*ret) * ABI_COUNTER_COUNT);
	for (unsigned int cpu = 0; cpu < b->cpus; cpu++)
		for (unsigned int i = 0; i < ABI_COUNTER_COUNT; i++)
			ret[i] += each[cpu].counter[i];
	return 0;
}

void bpf_programs_forget_ticks(struct bpf_programs *b)
{
	__atomic_fetch_add(&b->skeleton->bss->ticks_epoch, 1, __ATOMIC_RELEASE);
}

int bpf_programs_last_ticks(const struct bpf_programs *b, uint64_t *ret, unsigned int n)
{
	_cleanup_free_ struct abi_cpu *each = each_cpu(b);

	if (!each)
		return -errno;
	for (unsigned int cpu = 0; cpu < n; cpu++)
		ret[cpu] = cpu < b->cpus ? each[cpu].last_tick : 0;
	return 0;
}

/* Tell the samplers, which keep what they looked up. 0 or negative errno, as in forget(). */
static int tell(struct bpf_programs *b, const struct bpf_map *map, const void *key,
		size_t key_bytes, const void *value, size_t value_bytes)
{
	int r = bpf_map__update_elem(map, key, key_bytes, value, value_bytes, BPF_ANY) ? -errno : 0;

	known_changed(b);
	return r;
}

static int forget(struct bpf_programs *b, const struct bpf_map *map, const void *key,
		  size_t key_bytes)
{
	int r = bpf_map__delete_elem(map, key, key_bytes, 0) ? -errno : 0;

	known_changed(b);
	return r;
}

int bpf_programs_tell_object(struct bpf_programs *b, const struct abi_file_key *key,
			     const struct abi_object_info *info)
{
	return tell(b, b->skeleton->maps.objects, key, sizeof(*key), info, sizeof(*info));
}

int bpf_programs_forget_object(struct bpf_programs *b, const struct abi_file_key *key)
{
	return forget(b, b->skeleton->maps.objects, key, sizeof(*key));
}

int bpf_programs_number_cgroup(struct bpf_programs *b, uint64_t id, uint32_t hierarchy,
			       uint32_t number)
{
	struct abi_cgroup_key key = {.id = id, .hierarchy = hierarchy};

	return tell(b, b->skeleton->maps.cgroups, &key, sizeof(key), &number, sizeof(number));
}

int bpf_programs_forget_cgroup(struct bpf_programs *b, uint64_t id, uint32_t hierarchy)
{
	struct abi_cgroup_key key = {.id = id, .hierarchy = hierarchy};

	return forget(b, b->skeleton->maps.cgroups, &key, sizeof(key));
}

int bpf_programs_filter_set(struct bpf_programs *b, const struct abi_filter_key *key,
			    enum abi_filter_verdict verdict)
{
	uint32_t value = verdict;
	int r = tell(b, b->skeleton->maps.filters, key, sizeof(*key), &value, sizeof(value));

	b->skeleton->bss->filter_kinds |= 1u << key->kind;
	return r;
}

int bpf_programs_filter_clear(struct bpf_programs *b, const struct abi_filter_key *key)
{
	return forget(b, b->skeleton->maps.filters, key, sizeof(*key));
}

/* /proc/self/fdinfo says "memlock:" with the bytes that a map takes. */
static uint64_t map_memory(int fd)
{
	char path[64], line[128];
	_cleanup_fclose_ FILE *f = NULL;
	unsigned long long bytes = 0;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "memlock: %llu", &bytes) == 1)
			break;
	return bytes;
}

uint64_t bpf_programs_map_bytes(const struct bpf_programs *b)
{
	struct bpf_map *map;
	uint64_t bytes = 0;

	bpf_object__for_each_map(map, b->skeleton->obj) bytes += map_memory(bpf_map__fd(map));
	for (uint32_t i = 0; i < b->n_chunks; i++)
		bytes += map_memory(b->chunk_fd[i]);
	return bytes;
}
