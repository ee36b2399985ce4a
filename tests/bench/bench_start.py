#!/usr/bin/env python3
"""How soon it is there: `hearth serve` from its exec to sampling, in time and in CPU time of all
its processes, and a program that nobody has seen before from its exec to its first complete stack.

usage: bench_start.py. HEARTH_BUILD names the build folder. Nothing is asserted.
"""

import contextlib
import glob
import hashlib
import os
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

import host  # noqa: E402
import unwinding  # noqa: E402

STARTS = 7
PROGRAMS = 7
FREQUENCY_HZ = 997
BUILD_ID = b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0"
BUILD_ID_BYTES = 20


def of_threads(pid, name):
    """The words of that file of each thread; some end meanwhile."""
    for path in glob.glob(f"/proc/{pid}/task/*/{name}"):
        with contextlib.suppress(OSError), open(path, encoding="ascii") as file:
            yield file.read().split()


def children(pid):
    for words in of_threads(pid, "children"):
        yield from map(int, words)


def cpu_seconds(pid):
    """Of a process, its threads and its children."""
    total = sum(int(words[0]) / 1e9 for words in of_threads(pid, "schedstat"))
    return total + sum(cpu_seconds(child) for child in children(pid))


def time_start(folder, number):
    begin = time.monotonic()
    served = host.Daemon(os.path.join(folder, f"start_{number}", "hearth.db"))
    took, cpu = time.monotonic() - begin, cpu_seconds(served.process.pid)
    served.stop()
    return took, cpu


def unknown_program(folder, number):
    """Another file with another build id, so that no cache knows it."""
    with open(unwinding.program("plain"), "rb") as file:
        content = bytearray(file.read())
    at = content.index(BUILD_ID) + len(BUILD_ID)
    name = f"unknown_{os.getpid()}_{number}"
    content[at : at + BUILD_ID_BYTES] = hashlib.sha1(name.encode()).digest()
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(content)
    os.chmod(path, 0o755)
    return path


def first_stacks(store, path, begin_ms):
    """When its first sample and its first complete user stack were taken, ms after begin."""
    out = host.run(
        "export", "--store", store, "--format", "samples", "--match", f'{{exe="{path}"}}'
    ).stdout
    stacks, first, complete = {}, None, None
    for line in out.splitlines():
        fields = line.split("\t")
        if fields[0] == "stack":
            stacks[fields[1]] = fields[2] if len(fields) > 2 else ""
        elif fields[0] == "sample":
            after, stack = int(fields[1]) - begin_ms, stacks[fields[6]]
            first = after if first is None else first
            if complete is None and "main" in stack and "[incomplete" not in stack:
                complete = after
    return first, complete


def time_programs(folder):
    store = os.path.join(folder, "programs", "hearth.db")
    served = host.Daemon(store, "-F", str(FREQUENCY_HZ))
    begun = []
    try:
        time.sleep(3)  # what runs already is learned
        for number in range(PROGRAMS):
            path = unknown_program(folder, number)
            begun.append((path, time.time() * 1000))
            subprocess.run([path, "0.2"], check=True)
    finally:
        served.stop()
    return [first_stacks(store, path, begin_ms) for path, begin_ms in begun]


def told(what, values, budget=""):
    print(f"{what:56}{statistics.median(values):>9.3f}{max(values):>9.3f}{budget:>9}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        starts = [time_start(folder, number) for number in range(STARTS)]
        programs = time_programs(folder)
    print(f"{'':56}{'median':>9}{'most':>9}{'budget':>9}")
    told("hearth serve from exec to sampling, s", [took for took, _ in starts], "0.3")
    told("CPU time of all its processes until then, s", [cpu for _, cpu in starts], "0.15")
    firsts = [first for first, _ in programs if first is not None]
    wholes = [whole for _, whole in programs if whole is not None]
    told(f"an unknown program to its first sample ({FREQUENCY_HZ} Hz), ms", firsts)
    told("an unknown program to its first complete stack, ms", wholes)
    if len(wholes) < len(programs):
        print(f"{len(programs) - len(wholes)} of {len(programs)} had no complete stack")


if __name__ == "__main__":
    main()
