#!/usr/bin/env python3
"""C looks as .clang-format says, by the pinned version: others differ in details."""

import shutil
import subprocess

import tree as style

FORMATTER = "clang-format-14"


def check(tree):
    if not shutil.which(FORMATTER):
        raise style.ToolMissing(f"{FORMATTER} is not installed (Debian package {FORMATTER})")
    files = tree.c_files()
    if not files:
        return
    dry_run = subprocess.run(
        [FORMATTER, "--dry-run", "-Werror", "--style=file", *files],
        cwd=tree.root,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        check=False,
    )
    places = [line for line in dry_run.stderr.splitlines() if ": error: " in line]
    by_file = {}
    for place in places:
        by_file.setdefault(place.split(":")[0], []).append(place.split(":")[1])
    for path, lines in sorted(by_file.items()):
        more = " ..." if len(lines) > 10 else ""
        yield f"{path}: {FORMATTER} would change lines {', '.join(lines[:10])}{more}"
    if dry_run.returncode != 0 and not places:
        yield f"{FORMATTER} failed: {dry_run.stderr.strip()}"


if __name__ == "__main__":
    style.run(check)
