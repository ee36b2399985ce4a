/*
 * SHA-256 (FIPS 180-4) in base64, as a content security policy names what a page may run. Of our
 * own files at build time; nothing here keeps a secret.
 */
#pragma once

#include <stddef.h>

#define SHA256_BASE64_BYTES 45 /* with the NUL */

void sha256_base64(const void *data, size_t len, char ret[SHA256_BASE64_BYTES]);
