/*
 * A disk that fails when it is told to: SQLite's default VFS in this process, over the real one.
 *
 * It counts reads and writes, lets one of them fail, or loses its power at a write: nothing is
 * written any more, and faulty_disk_power_back() leaves of each file what was synced, with some
 * or none of what was written after. fdatasync(), which the store calls itself, is the disk's
 * too. It may also hang. Nothing is really synced, so that thousands of runs take no longer than
 * they compute.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum faulty_disk_fault {
	FAULT_NONE,
	FAULT_READ, /* one read fails */
	FAULT_FULL, /* one write and those of the next moment find no room */
	FAULT_POWER, /* the power goes before this write */
	FAULT_SYNC, /* one sync fails */
	FAULT_NO_SYNC, /* that one and all that follow */
};

void faulty_disk_install(void); /* once, before the first store is opened */

/*
 * From here on: what stands in the files is synced, counts are from 0, and the fault comes when
 * `at` such operations were done.
 */
void faulty_disk_plan(enum faulty_disk_fault fault, uint64_t at);
uint64_t faulty_disk_reads(void);
uint64_t faulty_disk_writes(void);
uint64_t faulty_disk_syncs(void);
bool faulty_disk_happened(void);

/* Whoever writes or syncs waits until it is false again. */
void faulty_disk_hold(bool hold);

/*
 * All files are closed. What was not synced is gone; with survivors, each write of it is there or
 * not by chance.
 */
void faulty_disk_power_back(bool survivors);
