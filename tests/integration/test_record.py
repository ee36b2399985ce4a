#!/usr/bin/env python3
"""`hearth record` on a program whose CPU split is known: shares, counts, the command's life."""

import json
import os
import re
import signal
import subprocess
import tempfile
import time
import unittest

import host

SPLIT = {"spin_a": 50.0, "spin_b": 30.0, "spin_c": 20.0}


class Accuracy(unittest.TestCase):
    def test_shares_and_counts_of_a_known_split(self):
        """50, 30 and 20 % within 2 points; taken + missed = frequency x CPU time within 2 %."""
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "split.json")
            text = os.path.join(folder, "split.folded")
            result = host.run(
                "record", "-F", 997, "--json", "-o", out, "--", host.program("split"), 8
            )
            cpu_s = int(re.search(r"cpu_ns (\d+)", result.stdout).group(1)) / 1e9
            summary = json.loads(result.stderr.strip().splitlines()[-1])
            with open(out, encoding="utf-8") as file:
                profile = json.load(file)
            self.assertGreaterEqual(profile["samples"], 6000)
            self.assertEqual(profile["samples"], summary["taken"] - summary["dropped"])
            due = 997 * cpu_s
            self.assertAlmostEqual(
                (summary["taken"] + summary["missed_ticks"]) / due, 1.0, delta=0.02
            )
            stacks = {}
            for stack in profile["stacks"]:
                frames = tuple(frame["function"] for frame in reversed(stack["frames"]))
                stacks[frames] = stacks.get(frames, 0) + stack["count"]
            for name, share in host.shares(stacks, SPLIT).items():
                self.assertAlmostEqual(share, SPLIT[name], delta=2.0, msg=name)
            host.run("record", "-F", 997, "-o", text, "--", host.program("split"), 8)
            with open(text, encoding="utf-8") as file:
                stacks = host.folded(file.read())
            for name, share in host.shares(stacks, SPLIT).items():
                self.assertAlmostEqual(share, SPLIT[name], delta=2.0, msg=name)

    def test_frames_have_file_and_line(self):
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "split.json")
            host.run("record", "-F", 997, "-o", out, "--", host.program("split"), 1)
            with open(out, encoding="utf-8") as file:
                profile = json.load(file)
            frames = [
                frame
                for stack in profile["stacks"]
                for frame in stack["frames"]
                if frame["function"] == "spin_a"
            ]
            self.assertTrue(frames)
            for frame in frames:
                self.assertTrue(frame["file"].endswith("tests/programs/split.c"), frame)
                self.assertGreater(frame["line"], 0)
                self.assertRegex(frame["build_id"], r"^[0-9a-f]{40}$")
            inlined = {
                frame["function"]
                for stack in profile["stacks"]
                for frame in stack["frames"]
                if frame["kind"] == "inlined"
            }
            self.assertIn("churn", inlined)


class Selection(unittest.TestCase):
    def test_a_process_alone(self):
        with host.load(host.program("split"), "30") as wanted, host.load(
            host.program("split"), "30"
        ):
            with tempfile.TemporaryDirectory() as folder:
                out = os.path.join(folder, "one.json")
                host.run("record", "-F", 499, "-d", 1, "-p", wanted.pid, "-o", out)
                with open(out, encoding="utf-8") as file:
                    profile = json.load(file)
                self.assertEqual(
                    {stack["labels"]["pid"] for stack in profile["stacks"]}, {str(wanted.pid)}
                )
                self.assertGreater(profile["samples"], 30)

    def test_the_end_of_the_process_ends_the_recording(self):
        with host.load(
            host.program("split"), "1"
        ) as wanted, tempfile.TemporaryDirectory() as folder:
            begin = time.monotonic()
            host.run("record", "-p", wanted.pid, "-o", os.path.join(folder, "one.folded"))
            self.assertLess(time.monotonic() - begin, 30)

    def test_descendants_of_a_command(self):
        """A command's children are sampled with it, each under its own name."""
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "tree.folded")
            script = f"{host.program('split')} 1; {host.program('split')} 1 & wait"
            host.run("record", "-F", 499, "-o", out, "--", "sh", "-c", script)
            with open(out, encoding="utf-8") as file:
                stacks = host.folded(file.read())
            taken = sum(count for stack, count in stacks.items() if stack[0] == "split")
            self.assertAlmostEqual(taken / (2 * 499), 1.0, delta=0.05)

    def test_a_cgroup_and_those_below(self):
        with host.cgroup("hearth-test") as (folder, path):
            os.mkdir(os.path.join(folder, "below"))
            try:
                with host.load(host.program("split"), "30") as inside, host.load(
                    host.program("split"), "30"
                ):
                    with open(os.path.join(folder, "below", "cgroup.procs"), "w") as procs:
                        procs.write(str(inside.pid))
                    for name in (path, folder):
                        profile = self.recorded("record", "-d", 1, "--cgroup", name)
                        labels = {
                            (stack["labels"]["pid"], stack["labels"]["cgroup"])
                            for stack in profile["stacks"]
                        }
                        self.assertEqual(labels, {(str(inside.pid), path + "/below")})
            finally:
                host.wait_until(
                    lambda: host.removed(os.path.join(folder, "below")), 5, "the cgroup is empty"
                )
        refused = host.run("record", "-d", 1, "--cgroup", "/no/such", "-o", "x.json", check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("/no/such", refused.stderr)

    def recorded(self, *arguments):
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "recorded.json")
            host.run(*arguments, "-o", out)
            with open(out, encoding="utf-8") as file:
                return json.load(file)

    def test_user_and_kernel_halves(self):
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "half.folded")
            load = "dd if=/dev/zero of=/dev/null bs=1k count=1000000 2>/dev/null"
            host.run("record", "-F", 499, "--kernel", "-o", out, "--", "sh", "-c", load)
            with open(out, encoding="utf-8") as file:
                stacks = host.folded(file.read())
            self.assertTrue(
                all(frame.endswith("_[k]") for stack in stacks for frame in stack[1:]), stacks
            )
            self.assertTrue(any(len(stack) > 3 for stack in stacks))
            host.run("record", "-F", 499, "--user", "-o", out, "--", "sh", "-c", load)
            with open(out, encoding="utf-8") as file:
                stacks = host.folded(file.read())
            self.assertFalse(any(frame.endswith("_[k]") for stack in stacks for frame in stack[1:]))
            self.assertGreater(sum(stacks.values()), 50)


class Command(unittest.TestCase):
    def status_of(self, *command):
        with tempfile.TemporaryDirectory() as folder:
            return host.run(
                "record", "-o", os.path.join(folder, "x.folded"), "--", *command, check=False
            )

    def test_exit_statuses(self):
        self.assertEqual(self.status_of("true").returncode, 0)
        self.assertEqual(self.status_of("sh", "-c", "exit 7").returncode, 7)
        self.assertEqual(
            self.status_of("sh", "-c", "kill -TERM $$").returncode, 128 + signal.SIGTERM
        )
        self.assertEqual(self.status_of("/no/such/program").returncode, 127)
        self.assertEqual(self.status_of("/etc/passwd").returncode, 126)

    def test_standard_streams_are_the_commands(self):
        with tempfile.TemporaryDirectory() as folder:
            result = host.run(
                "record",
                "-o",
                os.path.join(folder, "x.folded"),
                "--",
                "sh",
                "-c",
                "cat; echo err >&2",
                input="through\n",
            )
            self.assertEqual(result.stdout, "through\n")
            self.assertIn("err\n", result.stderr)

    def test_capabilities_are_the_commands(self):
        with open("/proc/self/status", encoding="ascii") as file:
            mine = re.search(r"CapEff:\s*(\S+)", file.read()).group(1)
        result = self.status_of("grep", "CapEff", "/proc/self/status")
        self.assertIn(mine, result.stdout)

    def test_ctrl_c_writes_what_there_is(self):
        with tempfile.TemporaryDirectory() as folder, host.load(host.program("split"), "30"):
            out = os.path.join(folder, "x.folded")
            process = subprocess.Popen(
                [host.HEARTH, "record", "-o", out], stderr=subprocess.PIPE, text=True
            )
            time.sleep(2)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=40)
            self.assertEqual(process.returncode, 0, errors)
            with open(out, encoding="utf-8") as file:
                self.assertGreater(sum(host.folded(file.read()).values()), 50)


if __name__ == "__main__":
    host.main()
