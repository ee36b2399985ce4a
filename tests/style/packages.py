#!/usr/bin/env python3
"""The list of Debian packages holds a library exactly when something includes its headers."""

import re

import layers
import tree as style

LIST = "profiler/dist/packages"
# One package holds both.
SAME = {"libbpf for BPF": "libbpf"}
NEVER_LISTED = {"libc", "sockets", None}


def library_of(header):
    library = layers.library_of(header)
    return SAME.get(library, library)


def included(tree, rooms):
    """library -> a file that includes it."""
    found = {}
    for path in tree.c_files():
        if path.split("/")[0] in rooms:
            for include in layers.INCLUDE.finditer(style.strip_comments(tree.text(path))):
                header = re.fullmatch(r"<([^>]+)>", include.group(1))
                if header:
                    found.setdefault(library_of(header.group(1)), path)
    return {library: path for library, path in found.items() if library not in NEVER_LISTED}


def listed(tree, sections):
    """library -> its package."""
    rows = re.findall(r"^(\w[\w-]*)\s+(\S+)\s+<(\S+)>", tree.text(LIST), re.MULTILINE)
    found = {library_of(header): package for at, package, header in rows if at in sections}
    return {library: package for library, package in found.items() if library not in NEVER_LISTED}


def check(tree):
    rooms = set(style.ROOMS) - {"tests"}
    programs, packages = included(tree, rooms), listed(tree, ["build"])
    for library in sorted(programs.keys() - packages.keys()):
        yield f"{LIST}: build has no {library}, which {programs[library]} includes"
    for library in sorted(packages.keys() - programs.keys()):
        yield f"{LIST}: {packages[library]} is for nothing: no program includes {library}"
    tests, more = included(tree, ["tests"]), listed(tree, ["unit"])
    for library in sorted(tests.keys() - packages.keys() - more.keys()):
        yield f"{LIST}: unit has no {library}, which {tests[library]} includes"


if __name__ == "__main__":
    style.run(check)
