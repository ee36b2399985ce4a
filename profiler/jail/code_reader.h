/*
 * The collector's answers to CODE questions of the web worker: a thread opens the file and asks a
 * symbolizer worker that is started for this one file.
 *
 * The web worker may have been taken over, so it gets only what everybody may read: the path is
 * opened with nobody's rights, as a regular file that others may read, below the host's root. A
 * dead file server holds that thread and nobody else.
 */
#pragma once

#include "profiler/base/wire.h"
#include "profiler/jail/protocol_code.h"

#include <stdbool.h>

struct code_reader;

int code_reader_new(bool sandbox, struct code_reader **ret);
/* Not waited for where it is at work; its thread is left behind then. */
struct code_reader *code_reader_free(struct code_reader *r);

/* Readable when an answer is there. */
int code_reader_fd(const struct code_reader *r);
/* 0; -EBUSY while another is at work; or why there is no thread. */
int code_reader_ask(struct code_reader *r, const struct protocol_code *q, uint32_t id);
/* 1 and the answer, a CODE or a FAILED, the caller's; 0: none yet. */
int code_reader_take(struct code_reader *r, struct wire_msg *ret);
