/* Bytes as hexadecimal digits, as build ids are told. Thread-safe. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Lower case, and a NUL: ret has room for 2 * n + 1. */
void hex_text(const uint8_t *bytes, size_t n, char *ret);
