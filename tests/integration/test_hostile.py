#!/usr/bin/env python3
"""Threads and functions with hostile names stay names in every format: text, whole, in place."""

import json
import os
import re
import subprocess
import tempfile
import unittest

import formats
import host
import hostile
import pprof


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.store = os.path.join(cls.folder.name, "s", "hearth.db")
        served = host.Daemon(cls.store, "-F", "199")
        try:
            # Its command line says nothing of its names: they are the threads' own.
            command = [host.program("hostile"), str(hostile.SECONDS)]
            subprocess.run(command, check=True, timeout=60)
            host.wait_until(
                lambda: cls.threads_served(served) >= hostile.texts(), 10, "its threads"
            )
        finally:
            served.stop()

    @staticmethod
    def threads_served(served):
        return set(served.json("/api/v1/labels/thread/values")["values"])

    def export(self, format, *more):
        file = os.path.join(self.folder.name, "out." + format)
        match = f'{{comm="{hostile.COMM}"}}'
        host.run(
            *("export", "--store", self.store, "--match", match, "--format", format, "-o", file),
            *more,
        )
        with open(file, "rb") as opened:
            return opened.read()

    def test_json(self):
        profile = json.loads(self.export("json").decode())
        formats.check_json(profile)
        labels = [stack["labels"] for stack in profile["stacks"]]
        self.assertEqual({label["comm"] for label in labels}, {hostile.COMM})
        self.assertLessEqual(hostile.texts(), {label["thread"] for label in labels})
        functions = {f["function"] for stack in profile["stacks"] for f in stack["frames"]}
        self.assertLessEqual(hostile.FUNCTIONS, functions)

    def test_folded(self):
        stacks = formats.read_folded(self.export("folded").decode("utf-8", "surrogateescape"))
        self.assertEqual({stack[0] for stack in stacks}, {hostile.COMM})
        leaves = {stack[-1] for stack in stacks}
        self.assertLessEqual({"<img src=x onerror=alert(1)>", "f:g_12"}, leaves)

    def test_folded_by_thread(self):
        text = self.export("folded", "--by", "thread").decode("utf-8", "surrogateescape")
        stacks = formats.read_folded(text)
        plain = {
            re.sub(r"[\x00-\x1f\x7f]", "?", name).replace(" ", "_").replace(";", ":")
            for name in hostile.octets() | hostile.texts()
        }
        self.assertLessEqual({stack[0] for stack in stacks}, plain)
        self.assertEqual(len({stack[0] for stack in stacks}), len(hostile.THREADS))

    def test_samples(self):
        samples, stacks = formats.read_samples(self.export("samples"))
        self.assertEqual({sample["comm"] for sample in samples}, {hostile.COMM})
        self.assertLessEqual(hostile.octets(), {sample["thread"] for sample in samples})
        profile = json.loads(self.export("json").decode())
        self.assertEqual(sum(sample["count"] for sample in samples), profile["samples"])
        self.assertIn("f:g_12", {stack[-1] for stack in stacks.values()})

    def test_pprof(self):
        self.export("pprof")
        profile = pprof.Profile(os.path.join(self.folder.name, "out.pprof"))
        functions = {
            line.function for location in profile.locations.values() for line in location.lines
        }
        self.assertLessEqual(hostile.FUNCTIONS, functions)
        self.assertEqual({sample.labels.get("comm") for sample in profile.samples}, {hostile.COMM})
        threads = {sample.labels.get("thread") for sample in profile.samples}
        printable = {name for name in hostile.texts() if "\n" not in name}
        self.assertLessEqual(printable, threads)

    def test_speedscope(self):
        document = json.loads(self.export("speedscope").decode())
        frames = {frame["name"] for frame in document["shared"]["frames"]}
        self.assertTrue(any("<img src=x onerror=alert(1)>" in name for name in frames), frames)
        names = " ".join(profile["name"] for profile in document["profiles"])
        for thread in hostile.texts():
            self.assertIn(thread, names)

    def test_html_keeps_them_inside_its_data(self):
        text = self.export("html").decode()
        self.assertNotIn("<img", text)
        self.assertNotIn("<b>x", text)
        self.assertEqual(text.count("</script>"), text.count("<script"))

    def test_selectors_find_them(self):
        for thread in ("a;b c 12", "</script>", '","x":[{'):
            quoted = thread.replace("\\", "\\\\").replace('"', '\\"')
            file = os.path.join(self.folder.name, "one.json")
            match = f'{{thread="{quoted}"}}'
            host.run("export", "--store", self.store, "--match", match, "-o", file)
            with open(file, encoding="utf-8") as opened:
                profile = json.load(opened)
            self.assertGreater(profile["samples"], 0, match)
            threads = {stack["labels"]["thread"] for stack in profile["stacks"]}
            self.assertEqual(threads, {thread})

    def test_a_report_for_people_has_no_control_characters(self):
        export = ["export", "--store", self.store, "--format", "folded", "--by", "thread"]
        self.assertNotRegex(host.run(*export).stdout, r"[\x00-\x09\x0b-\x1f\x7f]")


if __name__ == "__main__":
    host.main()
