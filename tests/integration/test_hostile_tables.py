#!/usr/bin/env python3
"""Hostile CFI costs its own file only: bounded time and memory, a reason that is told, and the
stacks of everybody else whole.
"""

import json
import os
import resource
import signal
import subprocess
import tempfile
import time
import unittest

import host
import hostile_tables

CHAIN = ("main", "outer", "inner", "spin")
SECONDS = 12
# Of CPU and of memory, for one file; an ordinary one takes hundredths and 30 MB.
CPU_SECONDS, MEGABYTES = 3, 300
OTHER_USER = 54321


def chain_of(frames):
    """The chain's functions among frames of a json profile, root first."""
    names = [frame["function"] for frame in reversed(frames)]
    return tuple(name for name in names if name in CHAIN)


def is_begun(chain):
    """The whole chain, or as far as the sampled moment let it."""
    return chain and chain == CHAIN[: len(chain)]


def count_of(stacks):
    return sum(stack["count"] for stack in stacks)


class HostileTables(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        os.chmod(cls.folder.name, 0o755)
        cls.good = hostile_tables.built(cls.path("good"))
        cls.hostile = [
            hostile_tables.replaced(cls.good, cls.path(make.__name__), make)
            for make in hostile_tables.HOSTILE
        ]
        cls.sparse = hostile_tables.sparse(cls.good, cls.path("sparse"), 1)
        cls.huge = hostile_tables.sparse(cls.good, cls.path("huge"), 5)

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder.name, name)

    def compiled(self, path):
        """unwind-table of a file, within its bounds."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        result = host.run("unwind-table", path, check=False, timeout=60)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        self.assertIn(result.returncode, (0, 1), path)
        self.assertLess(cpu, CPU_SECONDS, path)
        self.assertLess(after.ru_maxrss >> 10, MEGABYTES, path)
        name = os.path.basename(path)
        print(f"  {name}: {cpu:.2f} s of CPU, exit {result.returncode}", flush=True)
        return result

    def test_each_file_is_compiled_or_refused_with_a_reason(self):
        # The exact words are the unit tests'; here the program is whole.
        told = {
            "itself": "its CFI is corrupt: none of it can be used",
            "unsorted": "FDEs are cut to what no other had before",
            "past_the_end": "entries of CFI are left out",
            "endless": "entries of CFI are left out",
            "rows": "rows of CFI",
            "lies": "rows",
            "sparse": "its CFI is larger than what is taken",
            "huge": "a file of ",
        }
        for path in [*self.hostile, self.sparse, self.huge]:
            with self.subTest(os.path.basename(path)):
                result = self.compiled(path)
                self.assertIn(told[os.path.basename(path)], result.stdout + result.stderr)

    @staticmethod
    def started(path, uid=None):
        return subprocess.Popen([path, str(SECONDS)], user=uid, group=uid, stdin=subprocess.DEVNULL)

    def recorded(self, processes, frequency=199):
        """The json stacks of these for five seconds."""
        out = self.path("out.json")
        pids = ",".join(str(process.pid) for process in processes)
        host.run("record", "-F", frequency, "-d", 5, "-p", pids, "--format", "json", "-o", out)
        with open(out, encoding="utf-8") as f:
            return json.load(f)["stacks"]

    def ended(self, processes):
        for process in processes:
            process.send_signal(signal.SIGKILL)
            process.wait()

    @staticmethod
    def of(stacks, process):
        return [
            stack
            for stack in stacks
            if int(stack["labels"]["pid"]) == process.pid
            and any(frame["kind"] != "kernel" for frame in stack["frames"])
        ]

    def check_whole(self, stacks, name, share=0.9):
        """Reaches the root, with the chain in order; but the first ones come before the table."""
        total = count_of(stacks)
        early = [stack for stack in stacks if stack["incomplete"] == "no-table"]
        wrong = [
            stack
            for stack in stacks
            if stack not in early
            and (stack["incomplete"] or not is_begun(chain_of(stack["frames"])))
        ]
        right = total - count_of(early) - count_of(wrong)
        print(f"  {name}: {right} of {total} samples whole, {count_of(early)} early", flush=True)
        self.assertGreaterEqual(total, 20, name)
        self.assertGreaterEqual(right / total, share, name)
        self.assertLessEqual(count_of(wrong), 1 + total // 100, f"{name}: {wrong[:3]}")

    def test_others_are_walked_while_hostile_files_run(self):
        processes = [self.started(path) for path in [*self.hostile, self.sparse, self.huge]]
        good = self.started(self.good)
        begin = time.monotonic()
        try:
            stacks = self.recorded([good, *processes])
        finally:
            self.ended([good, *processes])
        self.assertLess(time.monotonic() - begin, 30)
        self.check_whole(self.of(stacks, good), "good", share=0.7)
        for process in processes:
            mine = self.of(stacks, process)
            name = os.path.basename(process.args[0])
            self.assertGreaterEqual(count_of(mine), 20, name)
            for stack in mine:
                self.assertLessEqual(len(stack["frames"]), 512 + 127, name)

    def test_the_daemon_tells_the_reasons(self):
        with host.daemon("-F", "199") as served:
            processes = [self.started(path) for path in (self.hostile[0], self.sparse, self.huge)]
            good = self.started(self.good)
            try:
                host.wait_until(
                    lambda: len(self.reasons(served)) >= 3, SECONDS, "three files with a reason"
                )
                reasons = self.reasons(served)
                memory = sum(entry["rss_bytes"] for entry in served.status()["processes"])
            finally:
                self.ended([good, *processes])
        self.assertIn("none of it can be used", reasons["itself"])
        self.assertIn("larger than what is taken", reasons["sparse"])
        self.assertIn("is not read", reasons["huge"])
        self.assertLess(memory >> 20, MEGABYTES)

    def reasons(self, served):
        """{name of a file of ours: why it has no table}"""
        return {
            os.path.basename(failed["path"]): failed["reason"]
            for failed in served.status()["symbols"]["failed_objects"]
            if failed["path"].startswith(self.folder.name)
        }

    def test_a_build_id_that_two_owners_files_claim(self):
        """Frames of other sizes under the same build id: each is walked by its own file's table."""
        other = hostile_tables.built(self.path("other"), size=4096)
        os.chown(other, OTHER_USER, OTHER_USER)
        processes = [self.started(other, OTHER_USER), self.started(self.good)]
        try:
            stacks = self.recorded(processes)
        finally:
            self.ended(processes)
        self.check_whole(self.of(stacks, processes[0]), "other")
        self.check_whole(self.of(stacks, processes[1]), "good")


if __name__ == "__main__":
    host.main()
