/*
 * The line table of one unit. Rows are not kept: the program is run once to find where its
 * sequences are and to set a checkpoint every few rows; a question runs it again from the nearest
 * one. So a row costs less than a byte, which is what lets a whole large program stay indexed.
 * Pure over spans.
 */
#pragma once

#include "symbolizer/dwarf_data.h"
#include "symbolizer/segments.h"

/* Rows between two checkpoints: bench_symbolize.py shows no gain below. */
#define LINE_CHECKPOINT_ROWS 32

struct line_header {
	struct reader program;
	struct reader tables; /* of directories and files; read only when a path is asked for */
	struct dwarf_encoding encoding;
	uint8_t instruction_bytes;
	uint8_t operations_per_instruction;
	int8_t line_base;
	uint8_t line_range;
	uint8_t opcode_base;
	/* 65536 by line_range, rounded up: v * this >> 16 is v / line_range for bytes */
	uint32_t line_range_inverse;
	const uint8_t *opcode_lengths; /* of the opcodes 1 to opcode_base - 1 */
};

struct line_row {
	uint64_t address;
	uint32_t file;
	uint32_t line;
	uint32_t column;
};

struct line_checkpoint {
	uint32_t address; /* from base */
	uint32_t at; /* in the program, behind the row */
	uint32_t file;
	uint32_t line;
	uint16_t column;
	uint8_t operation;
	bool last; /* the end of a sequence: from here to the next one there is no row */
};

struct line_index {
	struct line_header header;
	uint64_t base;
	struct line_checkpoint *v; /* by address, in whole sequences */
	size_t n;
};

/*
 * The header at offset of .debug_line. address_bytes is the unit's, for version 4 and before. 0
 * or -EBADMSG.
 */
int line_header_parse(struct span line, uint64_t offset, uint8_t address_bytes,
		      struct line_header *ret);

/*
 * Run the program once. Sequences outside of [base, base + 4 GiB) are left out. 0, -ENOMEM,
 * -EFBIG.
 */
int line_index_build(const struct line_header *header, uint64_t base, size_t bytes_max,
		     struct line_index *ret);
void line_index_done(struct line_index *l);

/* The row over an address. False: none. */
bool line_index_find(const struct line_index *l, uint64_t address, struct line_row *ret);

/*
 * A file of the table as three parts, each perhaps empty; the path is their join, an absolute
 * part dropping those before.
 */
struct line_file {
	struct value directory_of_unit; /* directory 0 in DWARF 5; VALUE_NONE before */
	struct value directory;
	struct value name;
};

/*
 * Strings that stand in the table itself have VALUE_STRING with an offset in .debug_line. False:
 * no such file.
 */
bool line_file_find(const struct line_header *header, struct span line, uint32_t file,
		    struct line_file *ret);
