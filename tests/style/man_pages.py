#!/usr/bin/env python3
"""The man pages say what the program says: the same commands, and for each the same options.

man_pages.py HEARTH SOURCE-DIR: HEARTH is the built program.
"""

import os
import re
import subprocess
import sys

HELP_OPTION = re.compile(r"^  (?:-(\w), |    )--([\w-]+)(?: (\S+))?(?:  |$)", re.M)
HELP_COMMAND = re.compile(r"^  ([a-z-]+)  +\S", re.M)
MAN_OPTION = re.compile(r"^\.It (?:Fl (\w) , )?Fl \\-([\w-]+)(?: Ar (\S+))?$", re.M)
MAN_COMMAND = re.compile(r"^\.It Cm ([a-z-]+)$", re.M)


def section(text, title):
    found = re.search(rf"^{title}:\n(.*?)(?:\n\n|\Z)", text, re.M | re.S)
    return found.group(1) + "\n" if found else ""


def said(hearth, *arguments):
    run = subprocess.run([hearth, *arguments], stdout=subprocess.PIPE, text=True, check=True)
    return run.stdout


def differences(what, program, page):
    for one in program:
        if one not in page:
            yield f"{what}: the man page lacks {one}"
    for one in page:
        if one not in program:
            yield f"{what}: the man page has {one}, the program has not"
    if sorted(program) == sorted(page) and program != page:
        yield f"{what}: the man page has another order"


def options(found):
    return [" ".join(part for part in option if part) for option in found]


def check(hearth, folder):
    def page(name):
        with open(os.path.join(folder, name + ".1"), encoding="utf-8") as f:
            return f.read()

    commands = HELP_COMMAND.findall(section(said(hearth, "--help"), "Commands"))
    if not commands:
        yield "hearth --help lists no commands"
    yield from differences("hearth", commands, MAN_COMMAND.findall(page("hearth")))
    for command in commands:
        path = os.path.join(folder, f"hearth-{command}.1")
        if not os.path.exists(path):
            yield f"hearth {command}: has no man page"
            continue
        in_help = HELP_OPTION.findall(section(said(hearth, command, "--help"), "Options"))
        if not in_help:
            yield f"hearth {command} --help lists no options"
        in_page = MAN_OPTION.findall(page(f"hearth-{command}"))
        yield from differences(f"hearth {command}", options(in_help), options(in_page))


def main():
    violations = list(check(sys.argv[1], os.path.join(sys.argv[2], "profiler", "dist", "man")))
    for violation in violations:
        print(violation, file=sys.stderr)
    sys.exit(1 if violations else 0)


if __name__ == "__main__":
    main()
