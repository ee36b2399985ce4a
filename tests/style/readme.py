#!/usr/bin/env python3
"""What our documents name is there: links in all of them, in README.md paths in backticks too."""

import glob
import os
import re

import tree as style

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)[^)]*\)")
CODE = re.compile(r"`([^`\n]+)`")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
PATH = re.compile(r"(?:\./)?((?:" + "|".join(style.ROOMS) + r"|\.ci)(?:/[\w.*-]*)+)")


def line_of(text, match):
    return text.count("\n", 0, match.start()) + 1


def check_links(tree, path, text):
    # A fence keeps its lines, so that the numbers below stay right.
    prose = FENCE.sub(lambda fence: "\n" * fence.group().count("\n"), text)
    for link in LINK.finditer(prose):
        target = link.group(1).split("#")[0]
        if not target or re.match(r"[a-z]+:", target):
            continue
        if not tree.exists(os.path.join(os.path.dirname(path), target)):
            yield f"{path}:{line_of(prose, link)}: links to {target}, which is not there"


def check_paths(tree, path, text):
    for code in CODE.finditer(text):
        for word in code.group(1).split():
            named = PATH.fullmatch(word)
            if named and not glob.glob(os.path.join(tree.root, named.group(1))):
                yield f"{path}:{line_of(text, code)}: names {named.group(1)}, which is not there"


def check(tree):
    for path in tree.ending(".md"):
        text = tree.text(path)
        yield from check_links(tree, path, text)
        if path == "README.md":
            yield from check_paths(tree, path, text)


if __name__ == "__main__":
    style.run(check)
