/* Who names anew: a daemon that writes the store, or we; see refresh.h. */
#include "profiler/cli/refresh.h"

#include "profiler/base/json.h"
#include "profiler/base/quantity.h"
#include "profiler/renamer.h"
#include "storage/store.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTE_BYTES   256
#define REPORT_BYTES 4096
#define PID_MAX	     (1u << 22)

static void tell(const struct renamer_counts *c, bool as_json)
{
	struct buf out;
	struct json j;

	if (!as_json) {
		printf("%" PRIu64 " frames without a source line were looked at: %" PRIu64
		       " got a name, %" PRIu64 " have a source file now.\n",
		       c->frames.asked, c->frames.named, c->frames.placed);
		if (c->gone)
			printf("%" PRIu64 " of %" PRIu64 " files are not there as they were.\n",
			       c->gone, c->files);
		if (c->frames.damaged_epochs)
			printf("%" PRIu64 " damaged parts of the store are left as they are; "
			       "see hearth check.\n",
			       c->frames.damaged_epochs);
		return;
	}
	buf_init(&out, REPORT_BYTES);
	json_init(&j, &out);
	json_object_begin(&j);
	json_kv_u64(&j, "version", 1);
	json_kv_u64(&j, "frames", c->frames.asked);
	json_kv_u64(&j, "named", c->frames.named);
	json_kv_u64(&j, "placed", c->frames.placed);
	json_kv_u64(&j, "files", c->files);
	json_kv_u64(&j, "files_gone", c->gone);
	json_kv_u64(&j, "damaged", c->frames.damaged_epochs);
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
	printf("The daemon, pid %d, looks for debug information now, and names anew all that is "
	       "stored; hearth status says how far it is.\n",
	       (int)pid);
	return 1;
}

static int rename_all(struct renamer *r, struct err *err)
{
	struct pollfd p = {.fd = renamer_fd(r), .events = POLLIN};
	int result;

	while ((result = renamer_step(r, err)) > 0)
		if (result == RENAMER_WORK)
			renamer_work(r);
		else
			poll(&p, 1, RENAMER_STEP_MS);
	return result;
}

int refresh_store(const char *path, const struct debug_servers *servers, bool as_json,
		  struct err *err)
{
	const struct renamer_options options = {.servers = servers, .sandbox = true};
	struct renamer *renamer = NULL;
	struct renamer_counts counts;
	struct store *store;
	int r = access(path, F_OK) < 0 ? err_set(err, -errno, "%s: %s", path, strerror(errno))
				       : tell_daemon(path, err);

	if (r != 0)
		return r < 0 ? r : 0;
	r = store_open_writer(path, NULL, &store, err);
	if (r < 0)
		return r;
	r = renamer_new(&options, store, &renamer, err);
	if (r == 0)
		r = rename_all(renamer, err);
	if (r == 0) {
		counts = renamer_counts(renamer);
		tell(&counts, as_json);
	}
	renamer_free(renamer);
	store_close(store);
	return r;
}
