#!/usr/bin/env python3
"""What `cmake --install` puts in place is whole and agrees with the program and with itself.

installed.py ROOT BUILD-DIR: installs into a folder of its own, as a package would.
"""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

PREFIX = "/usr"
UNIT = "/usr/lib/systemd/system/hearth.service"
USERS = "/usr/lib/sysusers.d/hearth.conf"
CONFIG = "/etc/hearth/hearth.conf"
BINARY = "/usr/bin/hearth"
MAN = "/usr/share/man/man1/"


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def install(build, into):
    subprocess.run(
        ["cmake", "--install", build, "--prefix", PREFIX],
        env={**os.environ, "DESTDIR": into},
        stdout=subprocess.DEVNULL,
        check=True,
    )


def files_in(folder):
    return {
        "/" + os.path.relpath(os.path.join(at, name), folder)
        for at, _, names in os.walk(folder)
        for name in names
    }


def check_files(root, into):
    pages = os.path.join(root, "profiler/dist/man")
    expected = {BINARY, UNIT, USERS, CONFIG}
    expected |= {MAN + name for name in os.listdir(pages)} if os.path.isdir(pages) else set()
    there = files_in(into)
    yield from (f"{path}: not installed" for path in sorted(expected - there))
    yield from (f"{path}: installed, but nobody said so" for path in sorted(there - expected))
    if BINARY in there and not os.access(into + BINARY, os.X_OK):
        yield f"{BINARY}: not executable"


def check_unit(unit):
    if "@" in unit:
        yield f"{UNIT}: a placeholder is left"
    if f"ExecStart={BINARY} serve --config {CONFIG}\n" not in unit:
        yield f"{UNIT}: does not start {BINARY} with {CONFIG}"


def check_unit_parses(unit, into):
    """By systemd itself where it is installed; nothing is started."""
    if not shutil.which("systemd-analyze"):
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, "hearth.service")
        with open(copy, "w", encoding="utf-8") as f:
            f.write(unit.replace("=" + BINARY, "=" + into + BINARY))
        verified = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", copy],
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        said = [line for line in verified.stderr.splitlines() if "hearth.service" in line]
        yield from (f"systemd-analyze: {line}" for line in said)


def check_capabilities(root, unit):
    """All that the collector keeps must have been granted to it."""
    lines = re.findall(r"^CapabilityBoundingSet=(.*)$", unit, re.MULTILINE)
    granted = set(" ".join(lines).split())
    sources = glob.glob(os.path.join(root, "profiler/jail/*.c"))
    wanted = set(re.findall(r"\bCAP_[A-Z_]+\b", "".join(map(read, sources)))) - {
        "CAP_NUMBERS",
        "CAP_LAST_CAP",
    }
    yield from (
        f"{UNIT}: {name} is not granted, but the collector wants it"
        for name in sorted(wanted - granted)
    )


def check_users(root, users):
    made = re.findall(r"^u (\S+)", users, re.MULTILINE)
    roles = re.findall(
        r'^\s*X\([A-Z]+, "[^"]+", "([^"]+)", \d+\)',
        read(os.path.join(root, "profiler/jail/jail.h")),
        re.MULTILINE,
    )
    if made != roles:
        yield f"{USERS} makes {made}, but the jail's roles are {roles}"


def check_config(config, serve_help):
    """Every key of the sample is an option of `hearth serve`."""
    for key in re.findall(r"^#?([a-z-]+) = ", config, re.MULTILINE):
        if not re.search(rf"--{key}\b(?!-)", serve_help):
            yield f"{CONFIG}: {key} is not an option of `hearth serve`"


def check(root, build):
    with tempfile.TemporaryDirectory() as into:
        install(build, into)
        yield from check_files(root, into)
        unit = read(into + UNIT)
        yield from check_unit(unit)
        yield from check_unit_parses(unit, into)
        yield from check_capabilities(root, unit)
        yield from check_users(root, read(into + USERS))
        serve = subprocess.run(
            [into + BINARY, "serve", "--help"], stdout=subprocess.PIPE, text=True, check=True
        )
        yield from check_config(read(into + CONFIG), serve.stdout)

        with open(into + CONFIG, "w", encoding="utf-8") as f:
            f.write("frequency = 19\n")
        install(build, into)
        if read(into + CONFIG) != "frequency = 19\n":
            yield f"{CONFIG}: a second installation overwrote the administrator's"


def main():
    root, build = sys.argv[1:]
    if not os.path.exists(os.path.join(build, "hearth")):
        print("skipped: build/hearth is not there", file=sys.stderr)
        sys.exit(77)
    violations = list(check(root, build))
    for violation in violations:
        print(violation, file=sys.stderr)
    sys.exit(1 if violations else 0)


if __name__ == "__main__":
    main()
