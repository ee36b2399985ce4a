#!/usr/bin/env python3
"""Shell scripts parse, please shellcheck, stop at the first error and can be run."""

import os
import re
import shutil
import subprocess

import tree as style


def check(tree):
    files = tree.shell_files()
    for path in files:
        text = tree.text(path)
        parsed = subprocess.run(
            ["bash", "-n", path],
            cwd=tree.root,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            check=False,
        )
        if parsed.returncode != 0:
            yield parsed.stderr.strip()
        if not text.startswith("#!"):
            continue  # sourced
        if not re.search(r"^set -euo pipefail$", text, re.MULTILINE) and re.match("#!.*bash", text):
            yield f"{path}: no `set -euo pipefail`"
        if not os.access(os.path.join(tree.root, path), os.X_OK):
            yield f"{path}: not executable"
    if not files:
        return
    if not shutil.which("shellcheck"):
        raise style.ToolMissing("shellcheck is not installed (Debian package shellcheck)")
    checked = subprocess.run(
        ["shellcheck", "--external-sources", "--format=gcc", *files],
        cwd=tree.root,
        stdout=subprocess.PIPE,
        text=True,
        errors="replace",
        check=False,
    )
    yield from checked.stdout.splitlines()


if __name__ == "__main__":
    style.run(check)
