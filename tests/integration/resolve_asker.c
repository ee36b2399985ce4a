/* What the tests of resolve share; see resolve_asker.h. */
#include "tests/integration/resolve_asker.h"
#include "symbolizer/unwind/unwind.h"
#include "profiler/base/cleanup.h"
#include "profiler/jail/open_for.h"
#include "profiler/jail/worker.h"

#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MS 30000 /* a loaded machine; nothing is measured by it */

void a_function_to_be_named(void);
__attribute__((noinline)) void a_function_to_be_named(void)
{
	__asm__ volatile("");
}

/* ---- what was answered ---- */

static void on_named(void *ctx, uint32_t object, uint64_t offset, const struct resolve_line *lines,
		     uint32_t n)
{
	struct seen *s = ctx;

	(void)offset;
	if (n) {
		s->object[object].named++;
		snprintf(s->object[object].function, sizeof(s->object[object].function), "%s",
			 lines[n - 1].function);
	} else {
		s->object[object].nameless++;
	}
	if (s->forget_at_once)
		resolve_forget(s->forget_at_once, object);
}

static void on_identified(void *ctx, uint32_t object, const uint8_t *build_id, uint32_t bytes)
{
	struct seen *s = ctx;

	s->object[object].identified += bytes > 0 && build_id;
}

static void on_failed(void *ctx, uint32_t object, int error, const char *sentence)
{
	struct seen *s = ctx;

	s->object[object].failed++;
	s->object[object].error = error;
	snprintf(s->object[object].sentence, sizeof(s->object[object].sentence), "%s", sentence);
}

static void on_table(void *ctx, uint32_t object, const struct unwind_table *table, bool for_now)
{
	struct seen *s = ctx;

	s->object[object].tables++;
	s->object[object].tables_later += for_now;
	s->object[object].table_fdes = table ? table->n_fdes : 0;
}

const struct resolve_answers to_seen = {
	.named = on_named, .identified = on_identified, .failed = on_failed, .table = on_table};

uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Take answers until none is awaited. */
void take_all(struct resolve *r, struct seen *s)
{
	uint64_t until = now_ms() + ANSWER_MS;
	struct pollfd p = {.fd = resolve_fd(r), .events = POLLIN};

	while (resolve_pending(r)) {
		assert_true(now_ms() < until);
		poll(&p, 1, 100);
		resolve_take(r, &to_seen, s, 0);
	}
	resolve_take(r, &to_seen, s, 0);
}

/* ---- what is asked ---- */

struct resolve *new_resolve(unsigned int request_ms)
{
	struct resolve_options options = {.sandbox = true, .request_ms = request_ms};
	struct resolve *r = NULL;
	struct err err = {};

	if (resolve_new(&options, &r, &err) < 0)
		fail_msg("%s", err.text);
	return r;
}

struct resolve_object file_object(uint32_t number, const char *path)
{
	struct resolve_object o = {.object = number, .kind = RESOLVE_FILE, .path = path};
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	o.key = (struct abi_file_key){
		.dev = major(st.st_dev) << 20 | minor(st.st_dev),
		.ino = st.st_ino,
		.mtime_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec,
		.size = (uint64_t)st.st_size,
	};
	o.domain = open_for_domain(st.st_uid, st.st_mode);
	return o;
}

static int find_program(struct dl_phdr_info *info, size_t size, void *data)
{
	uint64_t *address = data;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uint64_t start = info->dlpi_addr + p->p_vaddr;

		if (p->p_type == PT_LOAD && *address >= start && *address < start + p->p_memsz) {
			*address += p->p_offset - start;
			return 1;
		}
	}
	return 0;
}

/* Where our function stands in the file that we run. */
uint64_t function_offset(void)
{
	uint64_t address = (uintptr_t)a_function_to_be_named;

	assert_int_equal(dl_iterate_phdr(find_program, &address), 1);
	return address;
}

char self[4096];

void ask_function(struct resolve *r, uint32_t object)
{
	uint64_t offset = function_offset();

	assert_int_equal(resolve_ask(r, object, &offset, 1), 0);
}

void announce_self(struct resolve *r, uint32_t object)
{
	struct resolve_object o = file_object(object, self);

	assert_int_equal(resolve_announce(r, &o), 0);
}

unsigned int wait_for_table(struct resolve *r, struct seen *s, uint32_t object)
{
	unsigned int before = s->object[object].tables;

	assert_int_equal(resolve_ask_table(r, object, true), 0);
	for (uint64_t until = now_ms() + 10000;
	     s->object[object].tables == before && now_ms() < until;) {
		usleep(1000);
		resolve_take(r, &to_seen, s, 0);
	}
	assert_int_equal(s->object[object].tables, before + 1);
	return s->object[object].table_fdes;
}

void copy_self(const char *to, uid_t owner)
{
	_cleanup_close_ int from = open(self, O_RDONLY);
	_cleanup_close_ int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	char bytes[65536];
	ssize_t n;

	while ((n = read(from, bytes, sizeof(bytes))) > 0)
		assert_int_equal(write(fd, bytes, (size_t)n), n);
	assert_int_equal(fchown(fd, owner, owner), 0);
}

void assert_named(const struct seen *s, uint32_t object)
{
	if (s->object[object].failed)
		fail_msg("object %u failed: %s", object, s->object[object].sentence);
	assert_int_equal(s->object[object].named, 1);
	assert_string_equal(s->object[object].function, "a_function_to_be_named");
}

uint64_t status_number(struct resolve *r, const char *key)
{
	struct buf b;
	struct json j;
	char *at;
	uint64_t v;

	buf_init(&b, 1 << 20);
	json_init(&j, &b);
	resolve_status(r, &j);
	at = strstr(buf_str(&b), key);
	assert_non_null(at);
	v = strtoull(at + strlen(key) + strspn(at + strlen(key), ": "), NULL, 10);
	buf_done(&b);
	return v;
}

bool asker_begins(int argc, char **argv, int *ret)
{
	if (argc > 1 && argv[1][0] == '@') {
		*ret = worker_main(argc, argv);
		return true;
	}
	if (geteuid() != 0) {
		fprintf(stderr,
			"skipped: other people's files and the kernel's table are for root\n");
		*ret = 77;
		return true;
	}
	*ret = 1;
	return readlink("/proc/self/exe", self, sizeof(self) - 1) <= 0;
}
