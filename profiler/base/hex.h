/* Bytes as hexadecimal digits, as build ids are told. Thread-safe. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Lower case, and a NUL: ret has room for 2 * n + 1. */
void hex_text(const uint8_t *bytes, size_t n, char *ret);

/* 2 * n digits, of either case, and nothing behind them: 0, or -EINVAL with ret in part written. */
int hex_parse(const char *text, uint8_t *ret, size_t n);
