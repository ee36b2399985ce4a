/* Unwind tables of files for a command, by a worker in its jail. Not thread-safe. */
#pragma once

#include "profiler/cli/elf_worker.h"
#include "profiler/jail/protocol_table.h"

void table_worker_init(struct elf_worker *w); /* then elf_worker_done() ends it */

/*
 * The table of the file at path, its separate debug file read as well; ask: bits of enum
 * protocol_table_ask. 0, or negative errno and the sentence, which begins with the path.
 */
int table_worker_ask(struct elf_worker *w, const char *path, uint32_t ask,
		     struct protocol_table *ret, struct err *err);
