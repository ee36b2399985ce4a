#!/usr/bin/env python3
"""What `hearth serve` takes in its fourth minute, when most of what runs has been met before.

usage: bench_steady.py HEARTH SPLIT [WAIT [SECONDS]]

Two loads, one after the other, each with SPLIT (tests/programs/split.c) on all CPUs but one and, on
the other, either the short programs of bench_serve.py or one program that stays. Each runs for WAIT
seconds (default 150), then `perf record -F 99 -a -g` for SECONDS (default 60), then, without perf,
what is measured: CPU time of all Hearth's processes by the scheduler's clock, in as many SECONDS.
Printed beside it: samples, and new processes, for each of which DESIGN allows 0.02 ms on top of
0.2 % of one CPU. A noisy machine makes it dearer, for caches are cold. Nothing is asserted.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bench_serve import (  # noqa: E402
    LOAD,
    measure_perf,
    start_load,
    status,
    stop_load,
    wait_for_address,
)

STAYS = """
import json, re, zlib
while True:
    rows = [{"n": i, "text": "x%d" % (i * 7919 % 1000)} for i in range(2000)]
    text = json.dumps(sorted(rows, key=lambda r: r["text"]))
    zlib.compress(re.sub("x([0-9]+)", r"y\\1", text).encode())
    json.loads(text)
"""
LOADS = {
    "short programs": ("sh", "-c", LOAD),
    "a program that stays": (sys.executable, "-c", STAYS),
}
ALLOWED_OF_ONE_CPU = 0.002
ALLOWED_S_A_PROCESS = 0.00002


def read(path):
    with open(path, encoding="ascii") as f:
        return f.read()


def cpu_of(pid):
    """Seconds of its threads."""
    total = 0
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            total += int(read(f"/proc/{pid}/task/{task}/schedstat").split()[0])
    except OSError:
        pass  # it ends: among those that have ended it is counted whole
    return total / 1e9


def cpu_of_ended(pid):
    """Seconds of its children that have ended, by ticks."""
    fields = read(f"/proc/{pid}/stat").rpartition(") ")[2].split()
    return sum(map(int, fields[13:15])) / os.sysconf("SC_CLK_TCK")


def look(address, collector):
    """Samples, CPU seconds by role, and processes that ever began on this host."""
    document = status(address)
    forks = next(x for x in read("/proc/stat").splitlines() if x.startswith("processes"))
    cpu = {"workers that ended": cpu_of_ended(collector)}
    for process in document["processes"]:
        role = process["role"]
        cpu[role] = cpu.get(role, 0.0) + cpu_of(process["pid"])
    return document["samples"]["stored"], cpu, int(forks.split()[1])


def measure(hearth, split, other, wait, seconds):
    with tempfile.TemporaryDirectory() as folder:
        load = start_load(split, wait + 2 * seconds, other)
        serve = subprocess.Popen(
            [hearth, "serve", "--store", os.path.join(folder, "s", "h.db")]
            + ["--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            address = wait_for_address(serve)
            time.sleep(wait)
            perf = measure_perf(folder, seconds)
            first = look(address, serve.pid)
            time.sleep(seconds)
            last = look(address, serve.pid)
        finally:
            stop_load(load)
            serve.send_signal(signal.SIGTERM)
            serve.wait(timeout=30)
    return first, last, perf


def report(load, first, last, perf, seconds):
    samples, processes = last[0] - first[0], last[2] - first[2]
    used = {role: cpu - first[1].get(role, 0.0) for role, cpu in last[1].items()}
    total = sum(used.values())
    allowed = ALLOWED_OF_ONE_CPU * seconds + ALLOWED_S_A_PROCESS * processes
    print(f"{load}: {seconds} s, {samples} samples")
    for role in sorted(used):
        print(f"  CPU of {role:27}{100 * used[role] / seconds:>10.3f} % of one CPU")
    print(f"  CPU of all, kernel and user{'':7}{100 * total / seconds:>10.3f} % of one CPU")
    print(
        f"  allowed, with {processes:6} processes{'':6}{100 * allowed / seconds:>9.3f} %"
        f": {total / allowed:.2f} of it is used"
    )
    if perf:
        print(
            f"  perf record -g{'':20}{100 * perf['cpu_s'] / seconds:>10.3f} %"
            f": Hearth takes {total / max(perf['cpu_s'], 1e-9):.2f} of it"
        )
    sys.stdout.flush()


def main():
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    hearth, split = sys.argv[1], sys.argv[2]
    wait = int(sys.argv[3]) if len(sys.argv) > 3 else 150
    seconds = int(sys.argv[4]) if len(sys.argv) > 4 else 60
    for load, other in LOADS.items():
        report(load, *measure(hearth, split, other, wait, seconds), seconds)


if __name__ == "__main__":
    main()
