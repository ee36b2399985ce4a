#!/usr/bin/env python3
"""`hearth serve` on a host of many: 300 processes, 500 shared objects that nobody has seen before,
stacks that go through a dozen of them. Memory of all its processes and of the BPF maps, against
their budgets of 60 MB and 32 MB.

usage: bench_many.py [SECONDS]. HEARTH_BUILD names the build folder. Exit 1 past a budget.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

import host  # noqa: E402

PROCESSES = 300
OBJECTS = 500
OBJECTS_EACH = 50
LARGE_EVERY = 4  # an object of 4,096 functions; the others have 256
LOOK_SECONDS = 3
BUDGET_BYTES = 60 * 1000000
BUDGET_MAP_BYTES = 32 << 20
BUILD_ID = b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0"
BUILD_ID_BYTES = 20


def make_objects(folder):
    """Each a file of its own, by inode, content and build id."""
    paths = []
    for number in range(OBJECTS):
        levels = 2 if number % LARGE_EVERY else 3
        with open(host.program(f"many_object_{levels}.so"), "rb") as file:
            content = bytearray(file.read())
        at = content.index(BUILD_ID) + len(BUILD_ID)
        content[at : at + BUILD_ID_BYTES] = hashlib.sha1(b"many %d" % number).digest()
        paths.append(os.path.join(folder, f"many_{number}.so"))
        with open(paths[-1], "wb") as file:
            file.write(content)
    return paths


def start(paths, seconds):
    started = []
    for number in range(PROCESSES):
        first = number * OBJECTS // PROCESSES
        mine = [paths[(first + i * 7) % OBJECTS] for i in range(OBJECTS_EACH)]
        started.append(subprocess.Popen([host.program("many"), str(seconds), *mine]))
    return started


class Look:
    def __init__(self, served):
        self.status = served.status()
        self.memory = {}
        for entry in self.status["processes"]:
            self.memory[entry["role"]] = self.memory.get(entry["role"], 0) + entry["pss_bytes"]
        self.bytes = sum(self.memory.values())
        self.map_bytes = self.status["bpf"]["map_bytes"]

    def told(self):
        roles = "".join(f"{self.memory.get(role, 0) / 1e6:>12.1f}" for role in ROLES)
        tables = self.status["unwind"]["tables"]
        unwind = self.status["unwind"]
        ended = unwind["complete"] + sum(unwind["incomplete"].values())
        return (
            f"{self.status['uptime_s']:>5.0f}{self.bytes / 1e6:>8.1f}{roles}"
            f"{self.map_bytes / 1048576:>10.1f}{tables['objects']:>9}"
            f"{self.status['samples']['taken']:>9}"
            f"{100 * unwind['complete'] / max(1, ended):>10.2f}%"
        )


ROLES = ("collector", "symbolizer", "web")


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    looks = []
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        paths = make_objects(folder)
        served = host.Daemon(os.path.join(folder, "store", "hearth.db"))
        roles = "".join(f"{role:>12}" for role in ROLES)
        print(
            f"{'s':>5}{'MB':>8}{roles}{'maps MiB':>10}{'tables':>9}{'samples':>9}{'complete':>11}"
        )
        processes = start(paths, seconds)
        try:
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                time.sleep(LOOK_SECONDS)
                looks.append(Look(served))
                print(looks[-1].told(), flush=True)
        finally:
            for process in processes:
                process.kill()
                process.wait()
            served.stop()
    most = max(look.bytes for look in looks)
    maps = max(look.map_bytes for look in looks)
    print(
        f"{PROCESSES} processes, {OBJECTS} objects: at most {most / 1e6:.1f} MB of "
        f"{BUDGET_BYTES / 1e6:.0f}, BPF maps {maps / 1048576:.1f} MiB of "
        f"{BUDGET_MAP_BYTES / 1048576:.0f}"
    )
    return int(most > BUDGET_BYTES or maps > BUDGET_MAP_BYTES)


if __name__ == "__main__":
    sys.exit(main())
