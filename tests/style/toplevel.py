#!/usr/bin/env python3
"""What stands at the top of the tree, and how files are called."""

import os
import re

import tree as style

FILES = ("CMakeLists.txt", "README.md", "LICENSE", "CMakePresets.json")
VAGUE = re.compile(r"(utils?|helpers?|common|misc)\.\w+")


def check(tree):
    top = {path.split("/")[0] for path in tree.files}
    for name in (*FILES, *style.ROOMS):
        if name not in top:
            yield f"{name}: missing at the top"
    for name in sorted(top):
        if name not in FILES and name not in style.ROOMS and not name.startswith("."):
            yield f"{name}: nothing else stands at the top"
    for path in tree.files:
        name = os.path.basename(path)
        if VAGUE.fullmatch(name):
            yield f"{path}: a name that says nothing"
        if re.search(r"[^A-Za-z0-9._+@-]", name):
            yield f"{path}: a name that a shell would have to quote"


if __name__ == "__main__":
    style.run(check)
