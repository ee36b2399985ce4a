#!/usr/bin/env python3
"""The share of native frames that have a name, for Debian's own programs under load: from the
standard packages alone, and with the debug packages that are installed on this machine.

usage: bench_names.py [--served FOLDER] [PROGRAM...]. HEARTH_BUILD names the build folder. Nothing
is asserted. With --served a debuginfod of this machine serves the debug files below FOLDER, as
those of packages that were unpacked and not installed, and the names by it alone are told as well.

Each program runs in a cgroup of its own beside one daemon. Then every place of a file that its
stacks met is named twice, by `hearth symbolize`: with an empty /usr/lib/debug, in a mount namespace
of its own, and with what is there. A frame counts as often as it was sampled. Where debug
information knows the name of a frame as well, it tells whether the other one was right: it was, if
it is the same or another symbol of the same address; the others are printed. Of the frames without
a name the objects are.
"""

import argparse
import collections
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

import host  # noqa: E402
import real_programs  # noqa: E402
import test_debuginfod  # noqa: E402
from test_real_programs import RealPrograms, WARM_UP_SECONDS  # noqa: E402
from unwinding import count  # noqa: E402

DEBUG = "/usr/lib/debug"
WITHOUT = f'mount -t tmpfs none {DEBUG} && exec "$@"'
PRINTED = 5


def names(file, offsets, without, server=None):
    """{offset: the outermost function there, or None}"""
    command = [host.HEARTH, "symbolize", "--json", "--offsets", file]
    if server:
        command += ["--debuginfod", server]
    if without and os.path.isdir(DEBUG):
        command = ["unshare", "-m", "sh", "-c", WITHOUT, "sh", *command]
    with tempfile.TemporaryFile("w+") as asked:
        asked.write("".join(f"{offset:#x}\n" for offset in offsets))
        asked.seek(0)
        told = subprocess.run(command, stdin=asked, capture_output=True, text=True, check=True)
    answers = [json.loads(line) for line in told.stdout.splitlines()]
    return {
        int(answer["address"], 16): answer["frames"][-1]["function"] if answer["frames"] else None
        for answer in answers
    }


def symbols(file):
    """{name: addresses} of the file and of its debug file."""
    notes = subprocess.run(["readelf", "-n", file], capture_output=True, text=True).stdout
    told = re.search(r"Build ID: (\w\w)(\w+)", notes)
    debug = f"{DEBUG}/.build-id/{told[1]}/{told[2]}.debug" if told else ""
    found = collections.defaultdict(set)
    for option, path in (("-D", file), ("-a", debug)):
        listed = subprocess.run(["nm", option, path], capture_output=True, text=True).stdout
        for address, name in re.findall(r"^([0-9a-f]{16}) \w ([^@\n]+)", listed, re.MULTILINE):
            found[name].add(int(address, 16))
    return found


def places(stacks):
    """{(file, offset): how often a frame was there}"""
    found = collections.Counter()
    for stack in stacks:
        for frame in stack.frames:
            if frame["kind"] == "native" and os.path.isfile(frame["object"]):
                found[frame["object"], frame["offset"]] += stack.count
    return found


class Shares:
    server = None

    def __init__(self):
        self.frames = self.standard = self.debug = self.served = self.known = self.wrong = 0
        self.nameless = collections.Counter()
        self.differing = collections.Counter()

    def add(self, file, offsets, found):
        standard, debug = names(file, offsets, True), names(file, offsets, False)
        served = names(file, offsets, True, self.server) if self.server else standard
        addresses = None
        for offset in offsets:
            n, a, b = found[file, offset], standard[offset], debug[offset]
            self.frames += n
            self.standard += n if a else 0
            self.debug += n if b else 0
            self.served += n if served[offset] else 0
            self.known += n if a and b else 0
            if not served[offset]:
                self.nameless[os.path.basename(file)] += n
            if a and b and a != b:
                addresses = addresses or symbols(file)
                if addresses[a] & addresses[b]:
                    continue
                self.wrong += n
                self.differing[f"{os.path.basename(file)}: {a}, not {b}"] += n

    def take(self, found):
        by_file = collections.defaultdict(list)
        for file, offset in found:
            by_file[file].append(offset)
        for file, offsets in by_file.items():
            self.add(file, sorted(offsets), found)

    def report(self, name):
        share = [
            100 * n / max(1, self.frames) for n in (self.standard, self.debug, self.served)
        ]
        print(
            f"{name:10}{self.frames:>10,} frames{share[0]:>9.2f} % named by standard packages"
            f"{share[1]:>9.2f} % with debug packages"
            + (f"{share[2]:>9.2f} % with debuginfod" if self.server else "")
        )
        for title, found in (("nameless", self.nameless), ("wrong", self.differing)):
            for what, n in found.most_common(PRINTED):
                print(f"{'':10}{n:>10,} {title}: {what}")
        sys.stdout.flush()


def measure(program, case, total):
    with host.cgroup(f"hearth-names-{program.name}") as (folder, path):
        with real_programs.running(program, folder) as process:
            begin = time.time() + WARM_UP_SECONDS
            process.wait(timeout=program.seconds * 6)
            end = time.time()
        time.sleep(1.5)
        stacks = case.exported(begin, end, path, program.comms)
        found = places(stacks)
    shares = Shares()
    shares.take(found)
    shares.report(program.name)
    for field in ("frames", "standard", "debug", "served", "known", "wrong"):
        setattr(total, field, getattr(total, field) + getattr(shares, field))
    total.nameless.update(shares.nameless)
    total.differing.update(shares.differing)
    return count(stacks)


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split(". ")[0])
    parser.add_argument("--served")
    parser.add_argument("programs", nargs="*")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        if options.served:
            port = test_debuginfod.free_port()
            Shares.server = stack.enter_context(test_debuginfod.debuginfod(options.served, port))
        run(options.programs)


def run(wanted):
    RealPrograms.setUpClass()
    total, samples = Shares(), 0
    try:
        for program in real_programs.PROGRAMS:
            if not wanted or program.name in wanted:
                samples += measure(program, RealPrograms(), total)
    finally:
        RealPrograms.doClassCleanups()
    total.report("together")
    print(
        f"{'':10}{samples:,} samples; of {total.known:,} frames both names are known, in "
        f"{total.wrong:,} the one by standard packages is wrong"
    )


if __name__ == "__main__":
    main()
