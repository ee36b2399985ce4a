#!/usr/bin/env python3
"""What `hearth serve` costs on a stated load, beside `perf record -F 99 -a -g` in the same run.

usage: bench_serve.py HEARTH SPLIT [SECONDS]

The load: SPLIT (tests/programs/split.c) on every CPU but one, a shell loop of short programs on the
other, for SECONDS (default 60). Printed: BPF time a sample, CPU of each process, memory, bytes a
sample. Figures are of CPU time and counts: a noisy machine changes them little. Nothing is
asserted.
"""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

LOAD = (
    "while :; do ls -lR /usr/share/doc >/dev/null;"
    " echo 'print(sum(range(300000)))' | python3 -; done"
)


def start_load(split, seconds, other=("sh", "-c", LOAD)):
    """SPLIT on all CPUs but one, and `other` for that one."""
    cpus = max(1, (os.cpu_count() or 1) - 1)
    return [
        subprocess.Popen([split, str(seconds * 2), str(cpus)], stdout=subprocess.DEVNULL),
        subprocess.Popen(
            ["timeout", str(seconds * 2), *other],  # should we be killed
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ),
    ]


def stop_load(load):
    load[0].kill()
    os.killpg(load[1].pid, signal.SIGKILL)
    for process in load:
        process.wait()


def wait_for_address(serve):
    for line in serve.stdout:
        found = re.search(r"Open (http://\S+)", line)
        if found:
            return found.group(1)
    raise SystemExit("hearth serve ended before it told its address")


def status(address):
    with urllib.request.urlopen(address + "api/v1/status", timeout=10) as answer:
        return json.load(answer)


def measure_hearth(hearth, folder, seconds):
    store = os.path.join(folder, "store", "hearth.db")
    serve = subprocess.Popen(
        [hearth, "serve", "--store", store, "--listen", "127.0.0.1:0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        address = wait_for_address(serve)
        time.sleep(10)  # names of what runs already
        first = status(address)
        time.sleep(seconds)
        last = status(address)
    finally:
        serve.send_signal(signal.SIGTERM)
        serve.wait(timeout=30)
    size = sum(os.path.getsize(store + end) for end in ("", "-wal") if os.path.exists(store + end))
    return first, last, size


def measure_perf(folder, seconds):
    perf = shutil.which("perf")
    if not perf:
        return None
    data = os.path.join(folder, "perf.data")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    child = subprocess.run(
        [perf, "record", "-F", "99", "-a", "-g", "-o", data, "--", "sleep", str(seconds)],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    samples = re.search(r"\((\d+) samples\)", child.stderr)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "cpu_s": cpu,
        "samples": int(samples.group(1)) if samples else 0,
        "bytes": os.path.getsize(data),
        "rss": after.ru_maxrss * 1024,
    }


def by_role(document):
    roles = {}
    for process in document["processes"]:
        entry = roles.setdefault(process["role"], {"cpu_s": 0.0, "pss": 0})
        entry["cpu_s"] += process["cpu_s"]
        entry["pss"] += process["pss_bytes"]
    return roles


def report(first, last, size, perf, seconds):
    runs = last["bpf"]["runs"] - first["bpf"]["runs"]
    idle = last["samples"]["idle_ticks"] - first["samples"]["idle_ticks"]
    run_ns = last["bpf"]["run_ns"] - first["bpf"]["run_ns"]
    stored = last["samples"]["stored"] - first["samples"]["stored"]
    before, after = by_role(first), by_role(last)
    print(
        f"load: split on {max(1, (os.cpu_count() or 1) - 1)} CPU, short programs on another, "
        f"{seconds} s, "
        f"{os.cpu_count()} CPUs, 99 Hz"
    )
    print(f"{'':34}{'hearth':>14}{'perf record -g':>18}")
    print(f"{'samples':34}{stored:>14}{perf['samples'] if perf else '-':>18}")
    print(f"{'BPF ns a sample':34}{run_ns / max(1, runs - idle):>14.0f}{'-':>18}")
    total = 0.0
    for role in sorted(after):
        used = after[role]["cpu_s"] - before.get(role, {"cpu_s": 0.0})["cpu_s"]
        total += used
        print(f"{'CPU of ' + role + ', % of one CPU':34}{100 * used / seconds:>14.2f}")
    print(
        f"{'CPU of all, % of one CPU':34}{100 * total / seconds:>14.2f}"
        + (f"{100 * perf['cpu_s'] / seconds:>18.2f}" if perf else "")
    )
    pss = sum(entry["pss"] for entry in after.values())
    print(
        f"{'memory of all (PSS), MB':34}{pss / 1e6:>14.1f}"
        + (f"{perf['rss'] / 1e6:>18.1f}" if perf else "")
    )
    print(f"{'BPF maps, MB':34}{last['bpf']['map_bytes'] / 1e6:>14.1f}")
    taken = last["samples"]["stored"]
    print(
        f"{'bytes on disk a sample':34}{size / max(1, taken):>14.1f}"
        + (f"{perf['bytes'] / max(1, perf['samples']):>18.1f}" if perf else "")
    )
    lost = {key: value for key, value in last["samples"]["dropped"].items() if value}
    print(
        f"dropped: {lost or 'none'}; missed ticks: {last['samples']['missed_ticks']}; "
        f"names: {json.dumps(last['symbols'])[:300]}"
    )


def main():
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    hearth, split = sys.argv[1], sys.argv[2]
    seconds = int(sys.argv[3]) if len(sys.argv) > 3 else 60
    with tempfile.TemporaryDirectory() as folder:
        load = start_load(split, seconds + 60)
        try:
            perf = measure_perf(folder, seconds)
            first, last, size = measure_hearth(hearth, folder, seconds)
        finally:
            stop_load(load)
        report(first, last, size, perf, seconds)


if __name__ == "__main__":
    main()
