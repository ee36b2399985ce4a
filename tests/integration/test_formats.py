#!/usr/bin/env python3
"""What Hearth writes, judged by those who read it: `go tool pprof`, and each format's own rules.

One recording and one daemon's store of a program whose CPU split is known; every format of the
same samples must say the same.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import unittest
import urllib.parse

import formats
import host
import pprof

SPLIT = {"spin_a": 50.0, "spin_b": 30.0, "spin_c": 20.0}
HZ = 997
SECONDS = 7
ENOUGH = 6000
POINTS = 2.0


def build_id(path):
    notes = subprocess.run(["readelf", "-n", path], capture_output=True, text=True, check=True)
    return re.search(r"Build ID: ([0-9a-f]+)", notes.stdout).group(1)


class FormatsCase(unittest.TestCase):
    def assert_split(self, stacks):
        self.assertGreaterEqual(sum(stacks.values()), ENOUGH)
        for name, share in host.shares(stacks, SPLIT).items():
            self.assertAlmostEqual(share, SPLIT[name], delta=POINTS, msg=name)

    def assert_profile(self, profile):
        """What every pprof file of ours has."""
        self.assertEqual(profile.types, "samples/count cpu/nanoseconds[dflt]")
        self.assertIn("PeriodType: cpu nanoseconds\n", profile.head)
        period = int(re.search(r"^Period: (\d+)$", profile.head, re.MULTILINE).group(1))
        self.assertEqual(period, round(1e9 / HZ))
        for sample in profile.samples:
            self.assertEqual(sample.values[1], sample.values[0] * period)
            self.assertTrue(sample.locations)
            for location in sample.locations:
                self.assertIn(location.mapping, profile.mappings)
                self.assertTrue(location.lines and all(line.function for line in location.lines))
        return period


class Recorded(FormatsCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.split = host.program("split")
        cls.file = os.path.join(cls.folder.name, "split.pb.gz")
        host.run("record", "-F", HZ, "-o", cls.file, "--", cls.split, SECONDS)
        cls.profile = pprof.Profile(cls.file)

    def test_shares(self):
        self.assert_split(self.profile.stacks())

    def test_shares_in_top(self):
        rows = pprof.top(self.file)
        total = self.profile.count()
        for name, share in SPLIT.items():
            self.assertAlmostEqual(100.0 * rows[name][1] / total, share, delta=POINTS, msg=name)
        self.assertEqual(sum(flat for flat, _ in rows.values()), total)

    def test_period_types_and_locations(self):
        self.assert_profile(self.profile)
        duration = float(re.search(r"^Duration: ([\d.]+)", self.profile.head, re.M).group(1))
        self.assertGreaterEqual(duration, 0.98 * SECONDS, "its CPU time is at most its duration")

    def test_mappings_are_of_files_and_have_their_build_ids(self):
        mappings = list(self.profile.mappings.values())
        self.assertEqual(mappings[0].file, os.path.realpath(self.split), "the first is the program")
        self.assertEqual(mappings[0].build_id, build_id(self.split))
        self.assertEqual(mappings[0].has, "[FN][FL][LN][IN]")
        with_files = 0  # [FN] is where a name was found: not in a stripped libc alone
        for mapping in mappings:
            self.assertLess(mapping.limit, 1 << 40, "a run-time address")
            if mapping.file.startswith("/"):
                self.assertEqual(mapping.build_id, build_id(mapping.file), mapping.file)
                with_files += 1
        self.assertGreaterEqual(with_files, 2)
        kernel = [m for m in mappings if m.file == "[kernel.kallsyms]"]
        self.assertEqual([mapping.has for mapping in kernel], ["[FN]"], mappings)
        self.assertRegex(kernel[0].build_id, r"^[0-9a-f]{40}$")

    def test_addresses_lie_in_their_mappings(self):
        for location in self.profile.locations.values():
            mapping = self.profile.mappings[location.mapping]
            self.assertTrue(mapping.start <= location.address < mapping.limit, location)

    def test_inlined_functions_are_lines_of_one_location(self):
        inlined = [
            location.lines
            for location in self.profile.locations.values()
            if [line.function for line in location.lines] == ["churn", "spin_a"]
        ]
        self.assertTrue(inlined)
        for churn, spin_a in inlined:
            self.assertTrue(churn.file.endswith("tests/programs/split.c"), churn)
            self.assertEqual(churn.file, spin_a.file)
            with open(churn.file, encoding="utf-8") as file:
                source = file.read().split("\n")
            self.assertRegex("\n".join(source[churn.line - 2 : churn.line]), "for|x =")
            self.assertIn("return churn(x) + 1", source[spin_a.line - 1])

    def test_labels(self):
        before = 0
        for sample in self.profile.samples:
            labels = sample.labels
            functions = {line.function for place in sample.locations for line in place.lines}
            if labels.get("exe") == os.path.realpath(host.HEARTH):
                before += 1  # its exec
            elif "do_exit" not in functions:  # whose executable is gone already
                self.assertEqual(labels.get("exe"), os.path.realpath(self.split), functions)
            self.assertEqual(labels["uid"], str(os.getuid()))
            self.assertEqual(labels["host"], os.uname().nodename)
            self.assertEqual(labels["pid"], labels["tid"])
            self.assertLess(abs(int(labels["start"]) / 1000 - time.time()), 3600)
            self.assertIn("cgroup", labels)
        self.assertLessEqual(before, 2)
        names = {sample.labels["comm"] for sample in self.profile.samples}
        self.assertLessEqual(names, {"split", "hearth"}, "before its exec it has our name")
        self.assertIn("split", names)

    def test_page(self):
        with pprof.page(self.file) as get:
            for path in ("/ui/flamegraph", "/ui/top"):
                text = get(path)
                for name in (*SPLIT, "churn"):
                    self.assertIn(f'"{name}"', text, path)

    def test_speedscope_text_is_of_its_threads(self):
        file = os.path.join(self.folder.name, "split.speedscope.json")
        host.run("record", "-F", HZ, "-o", file, "--", self.split, 1, 2)
        with open(file, encoding="utf-8") as opened:
            document = json.load(opened)
        # A thread that was met before its exec has our name.
        threads = [p["name"] for p in document["profiles"]]
        self.assertGreaterEqual(len(threads), 2, threads)
        for name in threads:
            self.assertRegex(name, r"^(split|hearth) \(pid ")
        for profile in document["profiles"]:
            self.assertEqual(len(profile["samples"]), len(profile["weights"]))
            self.assertEqual(profile["unit"], "nanoseconds")
            self.assertLessEqual(sum(profile["weights"]), profile["endValue"])


class Stored(FormatsCase):
    """One store: from the daemon's URLs while it runs, and from `export` afterwards."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.store = os.path.join(cls.folder.name, "s", "hearth.db")
        served = host.Daemon(cls.store, "-F", str(HZ))
        try:
            with host.load(host.program("split"), "60") as load:
                cls.match = f'{{pid="{load.pid}"}}'  # a host may run several
                time.sleep(SECONDS)  # the last five of them are asked for
                host.wait_until(
                    lambda: cls.sampled(served) >= ENOUGH, 120, f"{ENOUGH} samples are stored"
                )
                cls.asked = time.time()
                began = time.monotonic()
                cls.last = pprof.Profile(f"{served.address}debug/pprof/profile?seconds=5")
                cls.took_s = time.monotonic() - began
            time.sleep(2.5)  # until what was sampled is in the store
            query = urllib.parse.urlencode({"from": "-5m", "match": cls.match, "format": "pprof"})
            cls.url = f"{served.address}api/v1/profile?{query}"
            cls.fetched = pprof.Profile(cls.url)
            cls.fetched_top = pprof.top(cls.url)
        finally:
            served.stop()
        cls.json = json.loads(cls.export("json"))
        cls.folded = formats.read_folded(cls.export("folded").decode("utf-8", "surrogateescape"))
        cls.samples, _ = formats.read_samples(cls.export("samples"))

    @classmethod
    def sampled(cls, served):
        query = urllib.parse.urlencode({"from": "-5m", "match": cls.match})
        return served.json(f"/api/v1/profile?{query}")["samples"]

    @classmethod
    def export(cls, format):
        file = os.path.join(cls.folder.name, "out." + format)
        host.run(
            "export", "--store", cls.store, "--match", cls.match, "--format", format, "-o", file
        )
        with open(file, "rb") as opened:
            return opened.read()

    def test_the_api_serves_pprof(self):
        self.assert_profile(self.fetched)
        self.assert_split(self.fetched.stacks())
        for name, share in SPLIT.items():
            cum = 100.0 * self.fetched_top[name][1] / self.fetched.count()
            self.assertAlmostEqual(cum, share, delta=POINTS, msg=name)

    def test_the_last_seconds_are_there_at_once(self):
        self.assertLess(self.took_s, 4.5, "it waited for the seconds instead of looking back")
        self.assert_profile(self.last)
        duration = float(re.search(r"^Duration: ([\d.]+)", self.last.head, re.M).group(1))
        self.assertAlmostEqual(duration, 5.0, delta=0.1)
        stacks = self.last.stacks()
        names = {name for stack in stacks for name in stack}
        self.assertLessEqual(set(SPLIT), names)
        self.assertGreater(self.last.count(), HZ, "five seconds of a busy host")

    def test_every_format_has_the_same_samples(self):
        formats.check_json(self.json)
        self.assertEqual(self.json["frequency_hz"], HZ)
        self.assertEqual(self.fetched.stacks(), formats.json_stacks(self.json))
        self.assertEqual(self.folded, formats.json_folded(self.json))
        stacks = {}
        for sample in self.samples:
            frames = (sample["comm"], *sample["stack"])
            stacks[frames] = stacks.get(frames, 0) + sample["count"]
        self.assertEqual(stacks, self.folded)

    def test_shares(self):
        self.assert_split(formats.json_stacks(self.json))
        self.assertEqual(self.json["cpu_ns"], self.json["samples"] * round(1e9 / HZ))

    def test_samples_have_their_moment_and_labels(self):
        start, end = self.json["start_ns"] // 1000000, self.json["end_ns"] // 1000000
        for sample in self.samples:
            self.assertTrue(start <= sample["time_ms"] <= end, sample)
            self.assertIn(sample["comm"], ("split", "python3"), "before its exec it is ours")
            self.assertEqual(sample["uid"], str(os.getuid()))
        moments = [sample["time_ms"] for sample in self.samples]
        self.assertGreaterEqual(len({ms // 1000 for ms in moments}), SECONDS)
        self.assertLess(abs(max(moments) / 1000 - self.asked), 30)

    def test_lost_and_incomplete_are_said_everywhere(self):
        file = os.path.join(self.folder.name, "all.json")
        host.run("export", "--store", self.store, "-o", file)
        with open(file, encoding="utf-8") as opened:
            lost = json.load(opened)["lost"]
        everything = os.path.join(self.folder.name, "all.pb.gz")
        host.run("export", "--store", self.store, "-o", everything)
        head = pprof.Profile(everything).head
        for reason, count in lost.items():
            self.assertIn(f"{count} ({reason})", head)
        self.assertEqual(self.json["lost"], {}, "what was lost has no labels to be matched")
        for reason, count in self.json["incomplete"].items():
            self.assertIn(f"{count} samples ({reason})", self.fetched.head)
            marked = sum(
                count for stack, count in self.folded.items() if f"[incomplete: {reason}]" in stack
            )
            self.assertEqual(marked, count)

    @unittest.skipUnless(
        shutil.which("flamegraph.pl") or shutil.which("inferno-flamegraph"),
        "neither flamegraph.pl nor inferno-flamegraph is installed; speedscope reads folded too",
    )
    def test_flame_graph_tools(self):
        tool = shutil.which("flamegraph.pl") or shutil.which("inferno-flamegraph")
        file = os.path.join(self.folder.name, "out.folded")
        drawn = subprocess.run([tool, file], capture_output=True, text=True, check=True, timeout=60)
        self.assertEqual(drawn.stderr, "")
        for name in SPLIT:
            self.assertRegex(drawn.stdout, rf"<title>{name} \([\d,]+ samples, ")


if __name__ == "__main__":
    host.main()
