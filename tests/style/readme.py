#!/usr/bin/env python3
"""What our documents name is there: links in all of them, in README.md paths in backticks too.

And README.md's limits are those of the headers: in a row `| what | 8,192 | `NAME` | ...` the
#define of NAME has that value; sizes are written with KiB, MiB or GiB.
"""

import glob
import os
import re

import tree as style

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)[^)]*\)")
CODE = re.compile(r"`([^`\n]+)`")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
PATH = re.compile(r"(?:\./)?((?:" + "|".join(style.ROOMS) + r"|\.ci)(?:/[\w.*-]*)+)")

LIMIT = re.compile(
    r"^\|[^|\n]*\| ([\d,]+)(?: ([KMG])iB)?[^|\n]*\| `([A-Z][A-Z0-9_]+)`", re.MULTILINE
)
UNITS = {None: 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


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


def constant(tree, name):
    """The value of a #define of ours, or of the viewer's; None where there is none, or none that
    is arithmetic."""
    for path in tree.ending(".h", ".c"):
        text = style.strip_comments(tree.text(path)).replace("\\\n", " ")
        defined = re.search(rf"^#[ \t]*define[ \t]+{name}[ \t]+(.+?)[ \t]*$", text, re.MULTILINE)
        if defined:
            expression = defined.group(1)
            if re.fullmatch(r"[A-Z][A-Z0-9_]+", expression):
                return constant(tree, expression)
            expression = re.sub(r"(?<=\d)[uUlL]+", "", expression)
            if re.fullmatch(r"[\d\s()*+<-]+", expression):
                return eval(expression)  # digits and operators alone, see above
    for path in tree.ending(".js"):
        defined = re.search(rf"^(?:export )?const {name} = (\d+);", tree.text(path), re.MULTILINE)
        if defined:
            return int(defined.group(1))
    return None


def check_limits(tree, path, text):
    for limit in LIMIT.finditer(text):
        value = int(limit.group(1).replace(",", "")) * UNITS[limit.group(2)]
        actual = constant(tree, limit.group(3))
        if actual != value:
            line = line_of(text, limit)
            yield f"{path}:{line}: {limit.group(3)} is {actual}, not {limit.group(1)}"


def check(tree):
    for path in tree.ending(".md"):
        text = tree.text(path)
        yield from check_links(tree, path, text)
        if path == "README.md":
            yield from check_paths(tree, path, text)
            yield from check_limits(tree, path, text)


if __name__ == "__main__":
    style.run(check)
