/*
 * name_file FILE N: names N random places of a file's code through resolve, as the daemon does, and
 * prints what came of it and how much memory the worker took at most, as JSON.
 *
 * Memory is looked at every few milliseconds: Anonymous is what is the worker's alone, apart from
 * files that it maps. Workers are this program again.
 */
#include "profiler/base/cleanup.h"
#include "profiler/jail/open_for.h"
#include "profiler/jail/worker.h"
#include "profiler/resolve/resolve.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define LOOK_MS	     20
#define BATCH	     4096 /* offsets asked at once */
#define STATUS_BYTES (1u << 20)

struct seen {
	uint64_t named, placed, nameless; /* offsets; placed: with a source file */
};

static void on_named(void *ctx, uint32_t object, uint64_t offset, const struct resolve_line *lines,
		     uint32_t n)
{
	struct seen *s = ctx;

	(void)object;
	(void)offset;
	*(n ? &s->named : &s->nameless) += 1;
	s->placed += n && lines[0].file;
}

static void on_identified(void *ctx, uint32_t object, const uint8_t *build_id, uint32_t bytes)
{
	(void)ctx;
	(void)object;
	(void)build_id;
	(void)bytes;
}

static void on_failed(void *ctx, uint32_t object, int error, const char *sentence)
{
	(void)ctx;
	(void)object;
	(void)error;
	(void)sentence;
}

/* [start, end) of the largest executable segment in the file. */
static int find_code(const char *path, uint64_t *ret_start, uint64_t *ret_end)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf64_Ehdr header;
	Elf64_Phdr p;

	if (fd < 0 || pread(fd, &header, sizeof(header), 0) != sizeof(header))
		return -EBADMSG;
	*ret_start = *ret_end = 0;
	for (int i = 0; i < header.e_phnum; i++) {
		off_t at = (off_t)(header.e_phoff + (uint64_t)i * sizeof(p));

		if (pread(fd, &p, sizeof(p), at) != sizeof(p))
			return -EBADMSG;
		if (p.p_type != PT_LOAD || !(p.p_flags & PF_X) ||
		    p.p_filesz <= *ret_end - *ret_start)
			continue;
		*ret_start = p.p_offset;
		*ret_end = p.p_offset + p.p_filesz;
	}
	return *ret_end ? 0 : -ENOENT;
}

static int announce(struct resolve *r, const char *path)
{
	struct resolve_object o = {.object = 1, .kind = RESOLVE_FILE, .path = path};
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	o.key = (struct abi_file_key){
		.dev = major(st.st_dev) << 20 | minor(st.st_dev),
		.ino = st.st_ino,
		.mtime_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec,
		.size = (uint64_t)st.st_size,
	};
	o.domain = open_for_domain(st.st_uid, st.st_mode);
	return resolve_announce(r, &o);
}

static uint64_t anonymous_bytes(int pid)
{
	char path[64], line[128];
	uint64_t kb = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Anonymous: %" SCNu64, &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb << 10;
}

static void take_all(struct resolve *r, struct seen *s, uint64_t *peak_bytes)
{
	static const struct resolve_answers answers = {
		.named = on_named, .identified = on_identified, .failed = on_failed};
	struct pollfd p = {.fd = resolve_fd(r), .events = POLLIN};

	while (resolve_pending(r)) {
		struct resolve_process worker;
		uint64_t bytes = resolve_processes(r, &worker, 1) ? anonymous_bytes(worker.pid) : 0;

		*peak_bytes = bytes > *peak_bytes ? bytes : *peak_bytes;
		poll(&p, 1, LOOK_MS);
		resolve_take(r, &answers, s, 0);
	}
}

static void ask_all(struct resolve *r, uint64_t start, uint64_t end, unsigned long n,
		    struct seen *s, uint64_t *peak_bytes)
{
	uint64_t offsets[BATCH];

	srand48(1);
	while (n) {
		size_t batch = n < BATCH ? n : BATCH;

		for (size_t i = 0; i < batch; i++)
			offsets[i] = start + (uint64_t)(drand48() * (double)(end - start));
		resolve_ask(r, 1, offsets, batch);
		take_all(r, s, peak_bytes);
		n -= batch;
	}
}

static void tell(struct resolve *r, const struct seen *s, uint64_t peak_bytes)
{
	struct buf b;
	struct json j;

	buf_init(&b, STATUS_BYTES);
	json_init(&j, &b);
	json_object_begin(&j);
	json_kv_u64(&j, "named", s->named);
	json_kv_u64(&j, "placed", s->placed);
	json_kv_u64(&j, "nameless", s->nameless);
	json_kv_u64(&j, "peak_bytes", peak_bytes);
	json_key(&j, "status");
	resolve_status(r, &j);
	json_object_end(&j);
	printf("%s\n", buf_str(&b));
	buf_done(&b);
}

int main(int argc, char **argv)
{
	struct resolve_options options = {.sandbox = true};
	uint64_t start, end, peak_bytes = 0;
	struct seen seen = {};
	struct resolve *r;
	struct err err = {};

	if (argc > 1 && argv[1][0] == '@')
		return worker_main(argc, argv);
	if (argc != 3 || find_code(argv[1], &start, &end) < 0)
		return 2;
	if (resolve_new(&options, &r, &err) < 0 || announce(r, argv[1]) < 0) {
		fprintf(stderr, "%s\n", err_text(&err));
		return 1;
	}
	ask_all(r, start, end, strtoul(argv[2], NULL, 10), &seen, &peak_bytes);
	tell(r, &seen, peak_bytes);
	resolve_free(r);
	return 0;
}
