/*
 * Rows of a store that may be damaged anywhere: whatever can be reached is found, row by row, even
 * where SQLite gives up on the table.
 */
#pragma once

#include "storage/backend_sqlite.h"

struct survey {
	struct db *db;
	/* Rows whose checksum is right, by first. */
	struct db_block *blocks;
	size_t n_blocks, cap_blocks;
	struct db_chunk *chunks;
	size_t n_chunks, cap_chunks;
	uint64_t bad_blocks,
		bad_chunks; /* rows whose checksum is wrong: their numbers are nothing */
	struct db_state state; /* as it is, or made from the rows */
	bool state_good;
	struct db_run run; /* counters NULL: there is none */
	bool run_good; /* it is right, or there never was one */
	char pages[256]; /* SQLite's complaint, "" for none */
};

/* -ENOENT, -EBADMSG (not a store, or its first page is damaged), -EPROTO a newer version. */
int survey_open(const char *path, struct survey *ret, struct err *err);
void survey_close(struct survey *s); /* a zeroed one is fine */
