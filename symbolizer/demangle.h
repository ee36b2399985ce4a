/*
 * Symbol names as people write them: C++, Rust and D names demangled, clone suffixes and symbol
 * versions taken off. Pure, and bounded against names made to explode.
 */
#pragma once

#include "profiler/base/buf.h"

#include <stddef.h>

/*
 * The length of name[0, len) without what compilers and linkers add behind it: .cold, .part.0,
 * .isra.0, .constprop.0, .lto_priv.0, .llvm.123 and their chains, and @VERSION or @@VERSION. At
 * least 1 for len >= 1.
 */
size_t demangle_base_len(const char *name, size_t len);

/*
 * Append to out the readable form of name[0, len), suffixes taken off; a name which is not
 * mangled as it is. Only _Z, __Z, ___Z, _R and _D names are ever demangled: a C function `h` is not
 * `unsigned char`. What grows past SYM_NAME_BYTES_MAX is cut and ends in an ellipsis. 0 or -ENOMEM.
 */
int demangle(const char *name, size_t len, struct buf *out);
