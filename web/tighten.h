/*
 * Scripts and style sheets without what only their readers need: comments, indentation, line ends,
 * spaces between tokens, the last comma or semicolon before a closing bracket, the zero before a
 * point, brackets round an arrow's one parameter, quotes round an attribute's word; `const` becomes
 * `let`, and declarations that follow each other one; `true` is `!0`. Nothing is renamed. For our
 * own files, at build time: a slash begins a regular expression where an operand may stand,
 * statements end in semicolons, and none is empty.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Into out, which has room for len bytes; how many there are. */
size_t tighten_script(const char *text, size_t len, char *out);
size_t tighten_style(const char *text, size_t len, char *out);
