"""The tree that the style checks look at: which files are ours, and C without its comments.

Every check is a module with check(tree), which yields one sentence for each violation. run() makes
a program of it: exit 0 clean, 1 with the sentences on stderr, 77 where a tool is missing.
"""

import os
import re
import subprocess
import sys

ROOMS = ("bpf", "profiler", "symbolizer", "storage", "web", "tests")


class ToolMissing(Exception):
    pass


class Tree:
    def __init__(self, root):
        self.root = os.path.abspath(root)
        self.files = sorted(_tracked(self.root) or _walked(self.root))
        self._text = {}

    def text(self, path):
        if path not in self._text:
            with open(
                os.path.join(self.root, path), encoding="utf-8", errors="replace", newline=""
            ) as f:
                self._text[path] = f.read()
        return self._text[path]

    def exists(self, path):
        return os.path.exists(os.path.join(self.root, path))

    def ending(self, *endings):
        return [path for path in self.files if path.endswith(endings)]

    def c_files(self):
        return self.ending(".c", ".h")

    def shell_files(self):
        """By ending, or by the first line of a program without one."""
        found = []
        for path in self.files:
            if path.endswith(".sh"):
                found.append(path)
            elif "." not in os.path.basename(path):
                if re.match(r"#!.*\b(ba)?sh\b|# shellcheck shell=", self.text(path)):
                    found.append(path)
        return found


def _tracked(root):
    """What git tracks; None in a tree without git."""
    if not os.path.exists(os.path.join(root, ".git")):
        return None
    git = ["git", "-c", "safe.directory=*", "-C", root, "ls-files", "-z"]
    try:
        out = subprocess.run(
            git, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    paths = out.decode("utf-8", "surrogateescape").split("\0")
    return [path for path in paths if path and os.path.isfile(os.path.join(root, path))]


def _walked(root):
    """Every file but those that .gitignore leaves out."""
    found = []
    for folder, folders, names in os.walk(root):
        top = folder == root
        folders[:] = [
            d
            for d in folders
            if d not in (".git", "__pycache__") and not (top and d.startswith("build"))
        ]
        for name in names:
            if not (top and name == ".git"):
                found.append(os.path.relpath(os.path.join(folder, name), root))
    return found


# A comment, or what only looks like one inside a literal.
_TOKEN = re.compile(r"""/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.DOTALL)


def strip_comments(text, literals=True):
    """C without comments, every line in its place. literals false: strings are emptied too."""

    def blank(match):
        token = match.group()
        if token[0] == "/":
            return " " + "\n" * token.count("\n")
        return token if literals else token[0] * 2

    return _TOKEN.sub(blank, text)


def run(check):
    """`check.py [ROOT]`, ROOT by default the tree that this file stands in."""
    here = os.path.dirname(os.path.abspath(__file__))
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "..", "..")
    try:
        violations = list(check(Tree(root)))
    except ToolMissing as missing:
        print(f"skipped: {missing}", file=sys.stderr)
        sys.exit(77)
    for violation in violations:
        print(violation, file=sys.stderr)
    if violations:
        print(f"{len(violations)} violations", file=sys.stderr)
    sys.exit(1 if violations else 0)
