#!/usr/bin/env python3
"""How fast `hearth import` is, and what memory it takes, on a made-up sample stream.

usage: bench_import.py HEARTH [MILLION-SAMPLES...]

For each size (default 1 and 4): samples a second of wall time, CPU time of all its processes, their
highest resident memory together, bytes a sample in the stream and in the store. The stream: 60
processes of 3 threads on 2 CPUs at 99 Hz, 5,000 stacks of 5 to 40 frames, some far more often than
others, each sample with its labels. Nothing is asserted.
"""

import os
import random
import resource
import subprocess
import sys
import tempfile
import time

STACKS = 5000
COMMS = ("postgres", "nginx", "redis-server", "java")
START_MS = 1_795_000_000_000


def write_stacks(out, chance):
    for stack in range(1, STACKS + 1):
        frames = [f"function_number_{chance.randint(0, 3000)}"]
        for _ in range(chance.randint(5, 40)):
            suffix = chance.choice(("", "", "", "_[i]", "_[k]"))
            frames.append(f"function_number_{chance.randint(0, 3000)}{suffix}")
        out.write(f"stack\t{stack}\t{';'.join(frames)}\n")


def write_stream(path, samples):
    chance = random.Random(7)
    often = [min(STACKS, int(chance.paretovariate(0.8))) for _ in range(100000)]
    threads = []
    for _ in range(60):
        pid, comm = chance.randint(100, 60000), chance.choice(COMMS)
        threads += [
            (
                f"{pid}\t{pid + i}\t{comm}\t{comm}/{i}\t",
                f"\t1\tstart=179400000{pid:05}\texe=/usr/bin/{comm}\t"
                f"cgroup=/system.slice/{comm}.service\tunit={comm}.service\tuid=1000\thost=web-3\n",
            )
            for i in range(3)
        ]
    with open(path, "w", encoding="ascii") as out:
        out.write("#hearth-samples 1\n#period-ns\t10101010\n")
        write_stacks(out, chance)
        for i in range(samples):
            who, rest = chance.choice(threads)
            moment = START_MS + i // 2 * 1000 // 99
            out.write(f"sample\t{moment}\t{who}{often[i % len(often)]}{rest}")


def resident_kb(pid):
    """Of a process and its children, as they are now."""
    total = 0
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            pids = [pid, *map(int, f.read().split())]
        for one in pids:
            with open(f"/proc/{one}/status", encoding="ascii") as f:
                total += sum(int(line.split()[1]) for line in f if line.startswith("VmHWM"))
    except OSError:
        pass
    return total


def measure(hearth, folder, millions):
    samples = int(millions * 1e6)
    stream, store = os.path.join(folder, "stream.tsv"), os.path.join(folder, "store", "hearth.db")
    write_stream(stream, samples)
    before, began, most_kb = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic(), 0
    with subprocess.Popen([hearth, "import", "--store", store, stream], stderr=2) as run:
        while run.poll() is None:
            most_kb = max(most_kb, resident_kb(run.pid))
            time.sleep(0.01)
        if run.returncode:
            raise SystemExit("the import failed")
    wall = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(
        f"{samples:>10,} samples: {samples / wall / 1e6:.2f} million a second, "
        f"{cpu / samples * 1e6:.2f} us of CPU a sample, {most_kb / 1000:.0f} MB, "
        f"{os.path.getsize(stream) / samples:.0f} bytes a sample in the stream, "
        f"{os.path.getsize(store) / samples:.2f} in the store"
    )
    os.remove(stream)
    for name in os.listdir(os.path.dirname(store)):
        os.remove(os.path.join(os.path.dirname(store), name))


def main():
    for millions in map(float, sys.argv[2:] or (1, 4)):
        with tempfile.TemporaryDirectory(prefix="hearth-import.") as folder:
            measure(sys.argv[1], folder, millions)


if __name__ == "__main__":
    main()
