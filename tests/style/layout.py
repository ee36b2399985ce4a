#!/usr/bin/env python3
"""How long files and lines may be, and what lines end in."""

import re

import tree as style

LINES_MAX = 600
BPF_HEADER_LINES_MAX = 200  # code in headers
COLUMNS_MAX = 100
TAB_COLUMNS = 8

WRITTEN = (
    ".c",
    ".h",
    ".py",
    ".sh",
    ".js",
    ".mjs",
    ".css",
    ".html",
    ".cmake",
    "CMakeLists.txt",
    ".sql",
)
# A line is an element or a rule: broken elsewhere it says less.
MARKUP = (".html", ".css")
# Recorded or captured, not written by hand.
DATA = re.compile(r"(^|/)(golden|corpus|corpora|data)/")


def check(tree):
    shell = set(tree.shell_files())
    for path in tree.files:
        if DATA.search(path) or not (path.endswith(WRITTEN) or path in shell):
            continue
        text = tree.text(path)
        lines = text.split("\n")
        if lines[-1]:
            yield f"{path}: does not end in a newline"
        else:
            lines.pop()
        limit = BPF_HEADER_LINES_MAX if path.endswith(".bpf.h") else LINES_MAX
        if len(lines) > limit:
            yield f"{path}: {len(lines)} lines; at most {limit}"
        for number, line in enumerate(lines, 1):
            columns = len(line.expandtabs(TAB_COLUMNS))
            if columns > COLUMNS_MAX and not path.endswith(MARKUP):
                yield f"{path}:{number}: {columns} columns; at most {COLUMNS_MAX}"
            if line != line.rstrip():
                yield f"{path}:{number}: ends in white space"
        if path.endswith((".c", ".h")):
            first = next(
                (line for line in lines if line.strip() and "SPDX-License-Identifier" not in line),
                "",
            )
            if not first.startswith(("/*", "//")):
                yield f"{path}: no banner that says what it is"


if __name__ == "__main__":
    style.run(check)
