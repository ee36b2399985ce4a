#!/usr/bin/env python3
"""Addresses a CPU second with inlines and lines: `hearth symbolize` against gimli's addr2line,
llvm-symbolizer and eu-addr2line, each a process of its own, in one run.

usage: bench_symbolize.py HEARTH [--folder DIR] [FILE...]

Without a FILE: a large C++ program (ceph-mds, 265 MB of debug information) and an LTO build
(python3.11, 30 MB), from Debian's packages, with the debug information of their -dbg packages put
back; the first also as it is packaged, with compressed sections. gimli's is built by cargo. All of
it goes into DIR, where it is found again, or by default into a temporary folder.

Cold: a new process, its start and end included, over 100,000 random addresses of the code; what is
in the page cache stays there. Warm: the same addresses twice more in the same process, what they
add. eu-addr2line gets few addresses, for it does not end in time. CPU is that of all processes of a
command, memory the sum of their highest resident sets, mapped pages of files included. Nothing is
asserted.
"""

import argparse
import glob
import os
import random
import re
import resource
import struct
import subprocess
import tempfile
import threading

GIMLI = "0.27.1"
ADDRESSES = 100000
ROUNDS = 3
# (binary package, its debug package, program)
PROGRAMS = [
    ("ceph-mds", "ceph-mds-dbg", "usr/bin/ceph-mds"),
    ("python3.11-minimal", "python3.11-dbg", "usr/bin/python3.11"),
]
POLL_S = 0.02


def run(command, **options):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **options)


def build_id(path):
    notes = subprocess.run(
        ["readelf", "-n", path], capture_output=True, text=True, check=True
    ).stdout
    return re.search(r"Build ID: (\w+)", notes).group(1)


def fetched(folder, package, debug, program):
    """The program with its debug information, as packaged and with plain sections."""
    name = os.path.join(folder, os.path.basename(program))
    packed = name + ".packed"
    if os.path.exists(name):
        return name, packed
    root = os.path.join(folder, "packages")
    os.makedirs(root, exist_ok=True)
    run(["apt-get", "-q", "download", package, debug], cwd=root, stderr=subprocess.DEVNULL)
    for deb in glob.glob(f"{root}/{package}_*.deb") + glob.glob(f"{root}/{debug}_*.deb"):
        run(["dpkg-deb", "-x", deb, root])
        os.unlink(deb)
    told = build_id(f"{root}/{program}")
    file = f"{root}/usr/lib/debug/.build-id/{told[:2]}/{told[2:]}.debug"
    run(["eu-unstrip", "-f", f"{root}/{program}", file, "-o", packed])
    run(["objcopy", "--decompress-debug-sections", packed, name])
    return name, packed


def gimli(folder):
    program = os.path.join(folder, "bin", "addr2line")
    if not os.path.exists(program):
        run(
            ["cargo", "install", "--quiet", "addr2line", "--version", GIMLI]
            + ["--features", "bin", "--locked", "--root", folder],
            env={**os.environ, "CARGO_TARGET_DIR": os.path.join(folder, "target")},
        )
    return program


def code_of(path):
    """[start, end) of the largest executable segment."""
    with open(path, "rb") as file:
        head = file.read(1 << 16)
    at, count = struct.unpack_from("<Q", head, 32)[0], struct.unpack_from("<H", head, 56)[0]
    found = (0, 0)
    for i in range(count):
        kind, flags, _, address, _, size = struct.unpack_from("<IIQQQQ", head, at + 56 * i)
        if kind == 1 and flags & 1 and size > found[1] - found[0]:
            found = (address, address + size)
    return found


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def highest(pid):
    try:
        with open(f"/proc/{pid}/status") as file:
            return int(re.search(r"VmHWM:\s+(\d+)", file.read()).group(1))
    except (OSError, AttributeError):
        return 0


def watch(pid, over, peaks):
    while not over.wait(POLL_S):
        for one in [pid, *children(pid)]:
            peaks[one] = max(peaks.get(one, 0), highest(one))


def measure(command, addresses):
    """CPU seconds and peak MB of the command and its children over these addresses."""
    with tempfile.TemporaryFile("w+") as given:
        given.write("".join(f"{at:#x}\n" for at in addresses))
        given.flush()
        given.seek(0)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        with subprocess.Popen(
            command, stdin=given, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            over, peaks = threading.Event(), {}
            watcher = threading.Thread(target=watch, args=(process.pid, over, peaks))
            watcher.start()
            status = process.wait()
            over.set()
            watcher.join()
    if status:
        raise RuntimeError(f"{command[0]} ended with {status}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu_s, sum(peaks.values()) / 1024


def commands(options, folder, path):
    """(name, command, how many addresses it can be given)"""
    yield "hearth symbolize", [options.hearth, "symbolize", path], ADDRESSES
    try:
        program = gimli(folder)
        yield f"gimli {GIMLI}", [program, "-f", "-i", "-C", "-e", path], ADDRESSES
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"gimli's addr2line cannot be built here (it wants a newer cargo?): {error}")
    yield "llvm-symbolizer", ["llvm-symbolizer", "--inlines", "-e", path], ADDRESSES
    few = max(50, int(2000 * (30e6 / os.path.getsize(path)) ** 2))
    yield "eu-addr2line", ["eu-addr2line", "-f", "-i", "-C", "-e", path], min(few, ADDRESSES)


def compare(options, folder, path):
    start, end = code_of(path)
    draw = random.Random(1)
    addresses = [draw.randrange(start, end) for _ in range(ADDRESSES)]
    print(f"\n{os.path.basename(path)}, {os.path.getsize(path) / 1e6:.0f} MB")
    print(f"{'':18}{'cold /CPU s':>13}{'warm /CPU s':>13}{'peak MB':>9}   hearth is faster by")
    ours = None
    for name, command, n in commands(options, folder, path):
        cold_s, cold_mb = measure(command, addresses[:n])
        all_s, all_mb = measure(command, addresses[:n] * ROUNDS)
        cold, warm = n / cold_s, n * (ROUNDS - 1) / max(all_s - cold_s, 1e-3)
        ours = ours or (cold, warm)
        beaten = f"{ours[0] / cold:.1f} cold, {ours[1] / warm:.1f} warm"
        print(
            f"{name:18}{cold:>13,.0f}{warm:>13,.0f}{max(cold_mb, all_mb):>9.0f}   {beaten}",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n")[0])
    parser.add_argument("hearth")
    parser.add_argument("--folder")
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = os.path.abspath(options.folder or temporary)
        os.makedirs(folder, exist_ok=True)
        files = options.files
        if not files:
            large, lto = (fetched(folder, *row) for row in PROGRAMS)
            files = [large[0], large[1], lto[0]]
        for path in files:
            compare(options, folder, path)


if __name__ == "__main__":
    main()
