/* The GNU build id in the notes of an ELF file. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Look through notes[0, len), a PT_NOTE segment or SHT_NOTE section in this machine's byte order,
 * whose entries are aligned to 4, or to 8 where align is 8. Bytes written to ret[0, max), 0 where
 * there is no build id (also in corrupt notes); one longer than max is none.
 */
size_t buildid_parse(const uint8_t *notes, size_t len, size_t align, uint8_t *ret, size_t max);
