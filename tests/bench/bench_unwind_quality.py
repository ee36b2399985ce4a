#!/usr/bin/env python3
"""The share of user stacks that reach `_start` or their thread's start, for Debian's own programs
under load: Hearth, `perf record --call-graph fp` and `--call-graph dwarf` in the same run.

usage: bench_unwind_quality.py [PROGRAM...]. HEARTH_BUILD names the build folder. Nothing is
asserted.

All three are judged alike: by whether the last frame lies in a function whose CFI says that it
returns to nobody. perf's stacks of one run are the first PERF_STACKS_MAX: it takes long to walk
them.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

import elf_facts  # noqa: E402
import host  # noqa: E402
import real_programs  # noqa: E402
from test_real_programs import BesideOneDaemon, WARM_UP_SECONDS, report  # noqa: E402

FREQUENCY_HZ = "499"
PERF_STACKS_MAX = 6000
MODES = ("fp", "dwarf")


@contextlib.contextmanager
def perf(mode, group, out):
    """perf on what runs in this cgroup."""
    process = subprocess.Popen(
        ["perf", "record", "-q", "-a", "-e", "cpu-clock", "-F", FREQUENCY_HZ, "--call-graph", mode]
        + ["-G", group, "-o", out],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=120)


def perf_share(data, comms):
    """(complete, all) of the user stacks."""
    script = subprocess.Popen(
        ["perf", "script", "-i", data, "--no-inline", "-F", "comm,pid,time,event,ip,dso"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        errors="replace",
    )
    complete, total, begin = 0, 0, None
    judged, root = False, None
    for line in script.stdout:
        header = re.match(r"\s*(\S.*?)\s+\d+\s+([\d.]+):\s+cpu-clock", line)
        frame = re.match(r"\s+(\w+) \((/.*)\)$", line)
        if header:
            moment = float(header.group(2))
            begin = begin or moment
            judged = moment - begin > WARM_UP_SECONDS and re.fullmatch(comms, header.group(1))
            root = None
        elif frame and os.path.isfile(frame.group(2)):
            root = frame.group(2), int(frame.group(1), 16)
        elif line.strip() and "[kernel" not in line:
            root = "", 0
        elif not line.strip() and judged and root:
            total += 1
            complete += bool(root[0]) and elf_facts.elf(root[0]).is_end(root[1])
            if total >= PERF_STACKS_MAX:
                break
    script.kill()
    script.communicate()
    return complete, total


def measure(program, case):
    with host.cgroup(f"hearth-bench-{program.name}") as (
        folder,
        path,
    ), tempfile.TemporaryDirectory() as out, contextlib.ExitStack() as tools:
        data = {mode: os.path.join(out, mode) for mode in MODES}
        with real_programs.running(program, folder) as process:
            begin = time.time() + WARM_UP_SECONDS
            for mode in MODES:
                tools.enter_context(perf(mode, path.lstrip("/"), data[mode]))
            process.wait(timeout=program.seconds * 6)
            end = time.time()
        tools.close()
        time.sleep(1.5)
        _, text = report(program, case.exported(begin, end, path, program.comms), lines=4)
        print(text)
        for mode in MODES:
            complete, total = perf_share(data[mode], program.comms)
            share = f"{100 * complete / total:.2f} %" if total else "none"
            print(f"  perf --call-graph {mode}: {share} of {total}", flush=True)


def main():
    wanted = sys.argv[1:]
    BesideOneDaemon.setUpClass()
    try:
        for program in real_programs.PROGRAMS:
            if not wanted or program.name in wanted:
                measure(program, BesideOneDaemon())
    finally:
        BesideOneDaemon.doClassCleanups()


if __name__ == "__main__":
    main()
