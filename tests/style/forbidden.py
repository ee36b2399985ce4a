#!/usr/bin/env python3
"""Functions that have no safe use, in C."""

import re

import tree as style

# function -> what is called in its place
FORBIDDEN = {
    "sprintf": "snprintf or buf_printf",
    "vsprintf": "vsnprintf",
    "strcpy": "snprintf or memcpy with a checked length",
    "strcat": "buf",
    "strncpy": "snprintf or memcpy with a checked length",
    "gets": "getline",
    "system": "posix_spawn",
    "popen": "posix_spawn with a pipe",
    "mktemp": "mkstemp",
    "tmpnam": "mkstemp",
    "tempnam": "mkstemp",
    "alloca": "the heap, with a maximum",
}
CALL = re.compile(r"(?<![\w.>])(" + "|".join(FORBIDDEN) + r")\s*\(")


def check(tree):
    for path in tree.c_files():
        text = style.strip_comments(tree.text(path), literals=False)
        for call in CALL.finditer(text):
            line = text.count("\n", 0, call.start()) + 1
            yield f"{path}:{line}: {call.group(1)}(): use {FORBIDDEN[call.group(1)]}"


if __name__ == "__main__":
    style.run(check)
