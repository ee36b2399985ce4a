/*
 * Quantities and moments as people write them: 90s, 15m, 6h, 30d; 512MB; 2026-11-20T03:12:00Z,
 * -15m, now.
 *
 * Pure parsers over C strings: 0, or -EINVAL with the output untouched. What is left over is an
 * error.
 */
#pragma once

#include <stdint.h>

/*
 * DUR: a whole number and one of s, m, h, d. Nanoseconds; 0 and what does not fit in 64 bits are
 * -EINVAL.
 */
int quantity_duration(const char *s, uint64_t *ret_ns);

/* SIZE: bytes, or with KB, MB, GB (powers of 1000). */
int quantity_bytes(const char *s, uint64_t *ret_bytes);

/* A decimal number in [min, max]. */
int quantity_u64(const char *s, uint64_t min, uint64_t max, uint64_t *ret);

/*
 * T: RFC 3339 (a space where the `+` of an offset belongs is read as `+`), Unix seconds with
 * decimals, `now`, or -N with s, m, h, d relative to now_ns. Nanoseconds since 1970.
 */
int quantity_time(const char *s, uint64_t now_ns, uint64_t *ret_ns);

/* Wall clock, nanoseconds since 1970; and the monotonic clock that BPF's ktime uses. */
uint64_t quantity_now_ns(void);
uint64_t quantity_monotonic_ns(void);
