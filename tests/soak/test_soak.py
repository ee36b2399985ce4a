#!/usr/bin/env python3
"""`hearth serve` for an hour under a load that changes: its memory stays flat, no sample is lost
unsaid, and the kernel keeps nothing of processes that have ended.

HEARTH_SOAK_SECONDS in the environment makes it shorter (or longer). Every round of the load has
short-lived processes, threads, children, objects that are loaded and unloaded or programs of the
system, some an executable that nobody has seen before; it is looked at after each round.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

import host  # noqa: E402
import unwinding  # noqa: E402

SECONDS = float(os.environ.get("HEARTH_SOAK_SECONDS", "3600"))
LOADS = [
    [[unwinding.program("short"), "4", "3"], [unwinding.program("threads"), "3"]],
    [[unwinding.program("loads"), "3"], [unwinding.program("mappings"), "3"]],
    [[unwinding.program("forks"), "3", "exec"], [unwinding.program("coroutines"), "3"]],
    [[unwinding.program("recursion"), "3", "1000"], [unwinding.program("exceptions"), "3"]],
    [["find", "/usr", "-xdev", "-size", "+1k"], ["gzip", "-9", "-c", "/usr/bin/git"]],
]
HASHES = {"hash", "percpu_hash", "lru_hash", "lru_percpu_hash", "lpm_trie", "hash_of_maps"}
# The programs work for seconds of CPU time, of which a busy machine gives them little.
ROUND_SECONDS_MAX = 600
NEW_EVERY = 10  # rounds: what is kept of each new file is bounded by their number, not by time
BUDGET_BYTES = 60 * 1000000
# The budget is of the steady state. A worker that reads one file's hundreds of MB may take more
# for that while, its own limit at most.
WORKER_BYTES = 128 << 20
LOOKS_ABOVE = 0.02
BUDGET_MAP_BYTES = 32 << 20
SETTLED_SECONDS = 300
# What memory may do between the first and the last third of the settled time.
GROWTH = 1.10
GROWTH_BYTES = 2 << 20
DESCRIPTORS_MAX = 1024 + 128  # the files that are kept open to be named, and all others


def bpftool(*arguments):
    tool = shutil.which("bpftool") or "/usr/sbin/bpftool"
    out = subprocess.run([tool, "-j", *map(str, arguments)], capture_output=True, check=True)
    return json.loads(out.stdout)


def pids_of(key):
    """Process ids in a key, by the names of its fields; a filter's rule by its kind."""
    if isinstance(key, dict):
        if key.get("kind") == 1 and isinstance(key.get("id"), list):
            yield key["id"][0]
        for name, value in key.items():
            if name in ("pid", "tgid", "tid") and isinstance(value, int):
                yield value
            yield from pids_of(value)


def kernel_entries(pid):
    """{map: entries} of the daemon's maps that are no arrays, and {process id in a key: map}."""
    entries, pids = {}, {}
    for kind, number in host.bpf_objects(pid):
        if kind != "map":
            continue
        described = bpftool("map", "show", "id", number)
        if described["type"] in HASHES:
            dump = bpftool("map", "dump", "id", number)
            dump = dump.get("elements", []) if isinstance(dump, dict) else dump
            name = f"{described.get('name', '?')}"
            entries[name] = len(dump)
            for entry in dump:
                for found in pids_of(entry.get("formatted", entry).get("key")):
                    pids[found] = name
    return entries, pids


def new_executable(folder, number):
    """A copy is another file: another inode, another object. It stays, to be no other's inode."""
    path = os.path.join(folder, f"unwind_copy_{number}")
    shutil.copy(unwinding.program("short"), path)
    return path


def run_round(number, folder):
    commands = list(LOADS[number % len(LOADS)])
    if number % NEW_EVERY == 0:
        commands.append([new_executable(folder, number), "0.5", "5"])
    running = [
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for command in commands
    ]
    try:
        for process in running:
            process.wait(timeout=ROUND_SECONDS_MAX)
    finally:
        for process in running:
            if process.poll() is None:
                process.kill()
                process.wait()


class Look:
    """What the daemon is like at a moment."""

    def __init__(self, served):
        status = served.status()
        self.status = status
        self.memory = {}
        for entry in status["processes"]:
            role = self.memory.get(entry["role"], 0)
            self.memory[entry["role"]] = role + entry["pss_bytes"]
        self.map_bytes = status["bpf"]["map_bytes"]
        self.descriptors = len(os.listdir(f"/proc/{served.process.pid}/fd"))
        self.entries, self.pids = kernel_entries(served.process.pid)

    @property
    def bytes(self):
        return sum(self.memory.values())

    def told(self):
        roles = ", ".join(f"{role} {size / 1e6:.1f}" for role, size in self.memory.items())
        entries = ", ".join(f"{name} {count}" for name, count in sorted(self.entries.items()))
        return (
            f"{self.status['uptime_s']:7.0f} s: memory {self.bytes / 1e6:.1f} MB ({roles}), "
            f"maps {self.map_bytes / 1e6:.1f} MB, {self.descriptors} descriptors, "
            f"{self.status['samples']['taken']} samples; entries: {entries}"
        )


class Soak(unittest.TestCase):
    def test_serving(self):
        looks = []
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            served = host.Daemon(os.path.join(folder, "s", "hearth.db"))
            try:
                until = time.monotonic() + SECONDS
                while time.monotonic() < until:
                    run_round(len(looks), folder)
                    look = Look(served)
                    looks.append(look)
                    print(look.told(), flush=True)
                    self.assert_no_entry_of_the_dead(served, look)
                last = served.status()
            finally:
                code, errors = served.stop()
        self.assertEqual(code, 0, errors)
        samples = last["samples"]
        self.assertLessEqual(sum(samples["dropped"].values()), samples["taken"] * 0.001, samples)
        self.assert_flat(looks)

    def assert_no_entry_of_the_dead(self, served, look):
        dead = {pid for pid in look.pids if not host.alive(pid)}
        if dead:
            time.sleep(3)  # those that ended while we looked
            dead &= set(Look(served).pids)
        self.assertFalse(dead, {pid: look.pids[pid] for pid in dead})

    def assert_flat(self, looks):
        """Caches fill in the first minutes: what is told of flatness is told of what follows."""
        self.assertGreaterEqual(len(looks), 4, "too short to be judged")
        above = [look.told() for look in looks if look.bytes > BUDGET_BYTES]
        self.assertLessEqual(len(above), LOOKS_ABOVE * len(looks), above)
        for look in looks:
            self.assertLessEqual(look.bytes, BUDGET_BYTES + WORKER_BYTES, look.told())
            self.assertLessEqual(look.map_bytes, BUDGET_MAP_BYTES, look.told())
            self.assertLessEqual(look.descriptors, DESCRIPTORS_MAX, look.told())
        settled = [look for look in looks if look.status["uptime_s"] >= SETTLED_SECONDS]
        if looks[-1].status["uptime_s"] < 3 * SETTLED_SECONDS:
            print("  too short to tell whether memory stays flat", flush=True)
            return
        third = len(settled) // 3
        for what in ("bytes", "map_bytes"):
            before = statistics.median(getattr(look, what) for look in settled[:third])
            after = statistics.median(getattr(look, what) for look in settled[-third:])
            self.assertLessEqual(after, before * GROWTH + GROWTH_BYTES, what)


if __name__ == "__main__":
    host.main()
