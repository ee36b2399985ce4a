/* Asking a worker for what store_refresh() wants to know; see refresh.h. */
#include "profiler/cli/refresh.h"

#include "profiler/base/hex.h"
#include "profiler/base/json.h"
#include "profiler/base/quantity.h"
#include "profiler/cli/name_worker.h"
#include "storage/store.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTE_BYTES   256
#define REPORT_BYTES 4096
#define PID_MAX	     (1u << 22)

struct refresh {
	struct name_worker worker;
	struct store_refresh *to; /* of the question that is being answered */
	size_t answered;
	int error; /* of taking an answer */
	uint64_t files, gone; /* asked about; not there as they were */
};

static void take(void *ctx, uint64_t offset, const struct protocol_line *lines, size_t n)
{
	struct refresh *r = ctx;
	struct store_line named[PROTOCOL_LINES_MAX];

	(void)offset;
	for (size_t i = 0; i < n; i++)
		named[i] = (struct store_line){lines[i].function, lines[i].system_name,
					       lines[i].file, lines[i].line, lines[i].column};
	if (r->error == 0)
		r->error = store_refresh_take(r->to, r->answered, named, (uint32_t)n);
	r->answered++;
}

static bool is_hex_of(const char *hex, const uint8_t *id, size_t bytes)
{
	char text[2 * PROTOCOL_BUILD_ID_MAX + 1];

	hex_text(id, bytes, text);
	return strcmp(text, hex) == 0;
}

/* The file at its path, where it is the one that was sampled: 0, or negative errno. */
static int open_same(struct refresh *r, const struct store_unnamed *what)
{
	uint8_t id[PROTOCOL_BUILD_ID_MAX];
	size_t bytes;
	int error = name_worker_open(&r->worker, what->path, NULL);

	if (error < 0)
		return error;
	if (r->worker.file.whose.domain != what->domain)
		return -ESTALE;
	error = name_worker_identify(&r->worker, id, &bytes, NULL);
	if (error < 0)
		return error;
	return is_hex_of(what->build_id, id, bytes) ? 0 : -ESTALE;
}

static int ask(void *ctx, const struct store_unnamed *what, struct store_refresh *to)
{
	struct refresh *r = ctx;
	struct err err = {};

	r->files++;
	if (what->path[0] != '/' || open_same(r, what) < 0) {
		r->gone++;
		return 0;
	}
	r->to = to;
	r->answered = 0;
	r->error = 0;
	/* A file that cannot be named costs itself. */
	if (name_worker_ask(&r->worker, what->offsets, what->n, take, r, &err) < 0)
		fprintf(stderr, "hearth: %s\n", err_text(&err));
	return r->error;
}

static void tell(const struct refresh *r, const struct store_refreshed *done, bool as_json)
{
	struct buf out;
	struct json j;

	if (!as_json) {
		printf("%" PRIu64 " frames without a source line were looked at: %" PRIu64
		       " got a name, %" PRIu64 " have a source file now.\n",
		       done->asked, done->named, done->placed);
		if (r->gone)
			printf("%" PRIu64 " of %" PRIu64 " files are not there as they were.\n",
			       r->gone, r->files);
		if (done->damaged_epochs)
			printf("%" PRIu64 " damaged parts of the store are left as they are; "
			       "see hearth check.\n",
			       done->damaged_epochs);
		return;
	}
	buf_init(&out, REPORT_BYTES);
	json_init(&j, &out);
	json_object_begin(&j);
	json_kv_u64(&j, "version", 1);
	json_kv_u64(&j, "frames", done->asked);
	json_kv_u64(&j, "named", done->named);
	json_kv_u64(&j, "placed", done->placed);
	json_kv_u64(&j, "files", r->files);
	json_kv_u64(&j, "files_gone", r->gone);
	json_kv_u64(&j, "damaged", done->damaged_epochs);
	json_object_end(&j);
	printf("%s\n", buf_str(&out));
	buf_done(&out);
}

/*
 * The pid in a note of the store's owner, of a process of that owner's: whoever else could write
 * the note could have it signal nobody else. 0: it is no daemon.
 */
static pid_t daemon_of(const char *store, const char *note)
{
	char path[64];
	struct stat of_store, of_process;
	uint64_t pid;
	char number[16];

	if (strncmp(note, "pid=", 4) != 0 || !strstr(note, " address="))
		return 0;
	snprintf(number, sizeof(number), "%.*s", (int)strcspn(note + 4, " "), note + 4);
	if (quantity_u64(number, 2, PID_MAX, &pid) < 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/%" PRIu64, pid);
	if (stat(store, &of_store) < 0 || stat(path, &of_process) < 0 ||
	    of_store.st_uid != of_process.st_uid)
		return 0;
	return (pid_t)pid;
}

/* 1: a daemon writes the store, and was told. */
static int tell_daemon(const char *store, struct err *err)
{
	char note[NOTE_BYTES] = "";
	pid_t pid = store_lock_read(store, note, sizeof(note)) == 0 ? daemon_of(store, note) : 0;

	if (!pid)
		return 0;
	if (kill(pid, SIGHUP) < 0)
		return err_set(err, -errno, "the daemon, pid %d, cannot be told: %s", (int)pid,
			       strerror(errno));
	printf("The daemon, pid %d, looks for debug information now: frames that it has met since "
	       "its start get their names. To name all of the store anew, end it first.\n",
	       (int)pid);
	return 1;
}

int refresh_store(const char *path, const struct debug_servers *servers, bool as_json,
		  struct err *err)
{
	struct refresh refresh = {};
	const struct store_namer namer = {ask, &refresh};
	struct store_refreshed done;
	struct store *store;
	int r = access(path, F_OK) < 0 ? err_set(err, -errno, "%s: %s", path, strerror(errno))
				       : tell_daemon(path, err);

	if (r != 0)
		return r < 0 ? r : 0;
	r = store_open_writer(path, NULL, &store, err);
	if (r < 0)
		return r;
	name_worker_init(&refresh.worker, true, servers);
	r = store_refresh(store, &namer, &done, err);
	name_worker_done(&refresh.worker);
	store_close(store);
	if (r == 0)
		tell(&refresh, &done, as_json);
	return r;
}
