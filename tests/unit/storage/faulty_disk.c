/* A disk that fails; see faulty_disk.h. */
#include "tests/unit/storage/faulty_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_MAX  32 /* in all tests of a process */
#define FULL_FOR   5 /* writes that find no room, one after the other */
#define PATH_BYTES 200

/* What a power cut leaves of a file, and what it may leave. */
struct image {
	char path[PATH_BYTES];
	uint8_t *synced;
	size_t len;
	struct change {
		struct change *next;
		int64_t at; /* -1: a truncation to len */
		size_t len;
		uint8_t bytes[];
	} * changes, **last;
};

struct file {
	sqlite3_file base;
	struct image *image; /* NULL: a file that may go */
	sqlite3_file real[]; /* of the real VFS's size */
};

static struct {
	sqlite3_vfs vfs;
	sqlite3_vfs *real;
	struct image images[FILES_MAX];
	enum faulty_disk_fault fault;
	uint64_t at, reads, writes, syncs;
	bool happened;
} disk;

static struct {
	pthread_mutex_t lock;
	pthread_cond_t released;
	bool held;
} gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};

static sqlite3_file *real_of(sqlite3_file *f)
{
	return ((struct file *)f)->real;
}

/* ---- images ---- */

static void forget_changes(struct image *i)
{
	while (i->changes) {
		struct change *c = i->changes;

		i->changes = c->next;
		free(c);
	}
	i->last = &i->changes;
}

static void take_image(struct image *i)
{
	int fd = open(i->path, O_RDONLY | O_CLOEXEC);
	struct stat st = {};

	forget_changes(i);
	free(i->synced);
	i->synced = NULL;
	i->len = 0;
	if (fd < 0)
		return;
	fstat(fd, &st);
	i->synced = malloc((size_t)st.st_size + 1);
	if (i->synced && read(fd, i->synced, (size_t)st.st_size) == st.st_size)
		i->len = (size_t)st.st_size;
	close(fd);
}

static struct image *image_of(const char *path)
{
	for (int i = 0; i < FILES_MAX; i++) {
		struct image *image = &disk.images[i];

		if (!strcmp(image->path, path))
			return image;
		if (!image->path[0]) {
			snprintf(image->path, sizeof(image->path), "%s", path);
			take_image(image);
			return image;
		}
	}
	return NULL;
}

static void note_change(struct image *i, int64_t at, const void *data, size_t len)
{
	struct change *c = calloc(1, sizeof(*c) + (data ? len : 0));

	if (!c)
		abort();
	c->at = at;
	c->len = len;
	if (data)
		memcpy(c->bytes, data, len);
	*i->last = c;
	i->last = &c->next;
}

/* ---- faults ---- */

static bool is_time(enum faulty_disk_fault fault, uint64_t count, uint64_t lasts)
{
	if (disk.fault != fault || count < disk.at || count >= disk.at + lasts)
		return false;
	disk.happened = true;
	return true;
}

void faulty_disk_hold(bool hold)
{
	pthread_mutex_lock(&gate.lock);
	gate.held = hold;
	pthread_cond_broadcast(&gate.released);
	pthread_mutex_unlock(&gate.lock);
}

static void wait_while_held(void)
{
	pthread_mutex_lock(&gate.lock);
	while (gate.held)
		pthread_cond_wait(&gate.released, &gate.lock);
	pthread_mutex_unlock(&gate.lock);
}

/* SQLITE_OK, or what a write says instead. */
static int write_fault(void)
{
	uint64_t count = disk.writes++;

	wait_while_held();
	if (is_time(FAULT_POWER, count, UINT64_MAX - disk.at))
		return SQLITE_IOERR_WRITE;
	return is_time(FAULT_FULL, count, FULL_FOR) ? SQLITE_FULL : SQLITE_OK;
}

static bool is_dark(void)
{
	return disk.fault == FAULT_POWER && disk.happened;
}

static bool sync_fails(void)
{
	uint64_t count = disk.syncs++;

	wait_while_held();
	return is_dark() || is_time(FAULT_SYNC, count, 1) ||
	       is_time(FAULT_NO_SYNC, count, UINT64_MAX - disk.at);
}

/* The store syncs its commits with this. */
int fdatasync(int fd)
{
	struct stat mine, theirs;

	if (sync_fails()) {
		errno = EIO;
		return -1;
	}
	fstat(fd, &mine);
	for (int i = 0; i < FILES_MAX; i++)
		if (disk.images[i].path[0] && stat(disk.images[i].path, &theirs) == 0 &&
		    theirs.st_ino == mine.st_ino)
			take_image(&disk.images[i]);
	return 0; /* the image is what a power cut leaves */
}

/* ---- files ---- */

static int file_close(sqlite3_file *f)
{
	return real_of(f)->pMethods->xClose(real_of(f));
}

static int file_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
	if (is_time(FAULT_READ, disk.reads++, 1))
		return SQLITE_IOERR_READ;
	return real_of(f)->pMethods->xRead(real_of(f), to, n, at);
}

static int file_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
	struct image *i = ((struct file *)f)->image;
	int r = write_fault();

	if (r != SQLITE_OK)
		return r;
	if (i)
		note_change(i, at, from, (size_t)n);
	return real_of(f)->pMethods->xWrite(real_of(f), from, n, at);
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 len)
{
	struct image *i = ((struct file *)f)->image;

	if (is_dark())
		return SQLITE_IOERR_TRUNCATE;
	if (i)
		note_change(i, -1, NULL, (size_t)len);
	return real_of(f)->pMethods->xTruncate(real_of(f), len);
}

static int file_sync(sqlite3_file *f, int flags)
{
	struct image *i = ((struct file *)f)->image;

	if (sync_fails())
		return SQLITE_IOERR_FSYNC;
	(void)flags;
	if (i)
		take_image(i);
	return SQLITE_OK;
}

static int file_size(sqlite3_file *f, sqlite3_int64 *ret)
{
	return real_of(f)->pMethods->xFileSize(real_of(f), ret);
}

static int file_lock(sqlite3_file *f, int level)
{
	return real_of(f)->pMethods->xLock(real_of(f), level);
}

static int file_unlock(sqlite3_file *f, int level)
{
	return real_of(f)->pMethods->xUnlock(real_of(f), level);
}

static int file_check_lock(sqlite3_file *f, int *ret)
{
	return real_of(f)->pMethods->xCheckReservedLock(real_of(f), ret);
}

static int file_control(sqlite3_file *f, int op, void *arg)
{
	return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}

static int file_sector(sqlite3_file *f)
{
	return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int file_traits(sqlite3_file *f)
{
	return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}

static int file_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **ret)
{
	return real_of(f)->pMethods->xShmMap(real_of(f), page, size, extend, ret);
}

static int file_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
	return real_of(f)->pMethods->xShmLock(real_of(f), at, n, flags);
}

static void file_shm_barrier(sqlite3_file *f)
{
	real_of(f)->pMethods->xShmBarrier(real_of(f));
}

static int file_shm_unmap(sqlite3_file *f, int remove)
{
	return real_of(f)->pMethods->xShmUnmap(real_of(f), remove);
}

static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
	.xFileSize = file_size,
	.xLock = file_lock,
	.xUnlock = file_unlock,
	.xCheckReservedLock = file_check_lock,
	.xFileControl = file_control,
	.xSectorSize = file_sector,
	.xDeviceCharacteristics = file_traits,
	.xShmMap = file_shm_map,
	.xShmLock = file_shm_lock,
	.xShmBarrier = file_shm_barrier,
	.xShmUnmap = file_shm_unmap,
};

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *f, int flags, int *ret_flags)
{
	struct file *file = (struct file *)f;
	int r;

	(void)vfs;
	f->pMethods = NULL;
	if (is_dark() && (flags & SQLITE_OPEN_CREATE))
		return SQLITE_CANTOPEN;
	r = disk.real->xOpen(disk.real, path, file->real, flags, ret_flags);
	if (r != SQLITE_OK)
		return r;
	file->image =
		path && (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)) ? image_of(path) : NULL;
	f->pMethods = &methods;
	return SQLITE_OK;
}

/* ---- the disk ---- */

void faulty_disk_install(void)
{
	disk.real = sqlite3_vfs_find(NULL);
	disk.vfs = *disk.real;
	disk.vfs.zName = "faulty";
	disk.vfs.pNext = NULL;
	disk.vfs.szOsFile = (int)sizeof(struct file) + disk.real->szOsFile;
	disk.vfs.xOpen = vfs_open;
	if (sqlite3_vfs_register(&disk.vfs, 1) != SQLITE_OK)
		abort();
}

void faulty_disk_plan(enum faulty_disk_fault fault, uint64_t at)
{
	for (int i = 0; i < FILES_MAX && disk.images[i].path[0]; i++)
		take_image(&disk.images[i]);
	disk.fault = fault;
	disk.at = at;
	disk.reads = disk.writes = disk.syncs = 0;
	disk.happened = false;
}

uint64_t faulty_disk_reads(void)
{
	return disk.reads;
}

uint64_t faulty_disk_writes(void)
{
	return disk.writes;
}

uint64_t faulty_disk_syncs(void)
{
	return disk.syncs;
}

bool faulty_disk_happened(void)
{
	return disk.happened;
}

static void restore(const struct image *i, bool survivors)
{
	int fd = open(i->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
	bool failed = ftruncate(fd, 0) < 0 || pwrite(fd, i->synced, i->len, 0) != (ssize_t)i->len;

	if (fd < 0)
		return; /* the directory of an earlier test */
	for (const struct change *c = i->changes; c && survivors && !failed; c = c->next) {
		if (random() % 2)
			continue;
		if (c->at < 0)
			failed = ftruncate(fd, (off_t)c->len) < 0;
		else
			failed = pwrite(fd, c->bytes, c->len, c->at) != (ssize_t)c->len;
	}
	if (failed)
		abort();
	close(fd);
}

void faulty_disk_power_back(bool survivors)
{
	char shm[PATH_BYTES + 8];

	for (int i = 0; i < FILES_MAX && disk.images[i].path[0]; i++) {
		restore(&disk.images[i], survivors);
		snprintf(shm, sizeof(shm), "%s-shm", disk.images[i].path);
		unlink(shm);
	}
	faulty_disk_plan(FAULT_NONE, 0);
}
