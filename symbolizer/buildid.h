/* The build id in the notes of an ELF file: GNU's, or Go's own. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Look through notes[0, len), a PT_NOTE segment or SHT_NOTE section in this machine's byte order,
 * whose entries are aligned to 4, or to 8 where align is 8. Bytes written to ret[0, max), 0 where
 * there is no build id (also in corrupt notes); one longer than max is none.
 */
size_t buildid_parse(const uint8_t *notes, size_t len, size_t align, uint8_t *ret, size_t max);

/*
 * The same for Go's, a text of up to four hashes between slashes: of it the last one, that of the
 * linked program's content.
 */
size_t buildid_parse_go(const uint8_t *notes, size_t len, size_t align, uint8_t *ret, size_t max);
