-- The tables of a store, version 2. FORMAT.md says what is in them; every row has a checksum over
-- its key and content.

-- Blocks of samples, [first, last] of the numbers that were given out when they were written. No
-- number is left out: what was dropped on purpose stays as a row without data (level -1) until
-- everything older is gone as well.
CREATE TABLE IF NOT EXISTS block (
	first INTEGER PRIMARY KEY,
	last INTEGER NOT NULL,
	type TEXT NOT NULL,
	epoch INTEGER NOT NULL,
	level INTEGER NOT NULL,
	resolution_ms INTEGER NOT NULL,
	from_ms INTEGER NOT NULL,
	until_ms INTEGER NOT NULL,
	samples INTEGER NOT NULL,
	entries INTEGER NOT NULL,
	period_ns INTEGER NOT NULL,
	bytes INTEGER NOT NULL,
	hash INTEGER NOT NULL,
	sum INTEGER NOT NULL
);

-- Apart from the heads, so that these stay together and are read without the data.
CREATE TABLE IF NOT EXISTS block_data (
	first INTEGER PRIMARY KEY,
	data BLOB NOT NULL
);

-- Additions to the dictionaries, numbered like blocks.
CREATE TABLE IF NOT EXISTS chunk (
	first INTEGER PRIMARY KEY,
	last INTEGER NOT NULL,
	epoch INTEGER NOT NULL,
	level INTEGER NOT NULL,
	data BLOB NOT NULL,
	sum INTEGER NOT NULL
);

-- Samples of blocks [first, last] added up over their times; number is 8 * first + level.
CREATE TABLE IF NOT EXISTS sums (
	number INTEGER PRIMARY KEY,
	first INTEGER NOT NULL,
	last INTEGER NOT NULL,
	epoch INTEGER NOT NULL,
	level INTEGER NOT NULL,
	data BLOB NOT NULL,
	sum INTEGER NOT NULL
);

-- The next numbers and the like: one row.
CREATE TABLE IF NOT EXISTS state (
	id INTEGER PRIMARY KEY,
	data BLOB NOT NULL,
	sum INTEGER NOT NULL
);

-- One row for each time that a writer ran.
CREATE TABLE IF NOT EXISTS run (
	number INTEGER PRIMARY KEY,
	started_ns INTEGER NOT NULL,
	last_flush_ns INTEGER NOT NULL,
	clean INTEGER NOT NULL,
	counters TEXT NOT NULL,
	sum INTEGER NOT NULL
);
