#!/usr/bin/env python3
"""`hearth diff` of ranges and of files, in every format, judged by `go tool pprof -diff_base`.

cli_diff.py HEARTH SOURCE-DIR
"""

import gzip
import json
import os
import tempfile

import cli
import pprof
from cli import CliCase, hearth

STACKS = {
    **{1: "main;work;hot", 2: "main;work;cold_[i]"},
    **{3: "main;idle", 4: "main;gone", 5: "main;new"},
}
BEFORE = {1: 40, 2: 30, 3: 10, 4: 7}
AFTER = {1: 80, 2: 10, 3: 10, 5: 25}
START_S = 1_795_000_000


def stream(counts, start_s, pid=7):
    lines = ["#hearth-samples 1\n#period-ns\t10000000\n"]
    lines += [f"stack\t{i}\t{frames}\n" for i, frames in STACKS.items()]
    moment = start_s * 1000
    for stack, count in counts.items():
        for _ in range(count):
            moment += 20
            lines.append(f"sample\t{moment}\t{pid}\t{pid}\tprog\tworker\t{stack}\n")
    return "".join(lines)


def folded(counts):
    return "".join(f"prog;{STACKS[i]} {n}\n" for i, n in counts.items())


class Diff(CliCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="hearth-diff.")
        self.addCleanup(folder.cleanup)
        os.chmod(folder.name, 0o755)
        self.folder = folder.name
        self.store = self.at("s/hearth.db")
        for name, counts, start_s in (("a", BEFORE, START_S), ("b", AFTER, START_S + 3600)):
            path = self.write(name + ".tsv", stream(counts, start_s))
            run = hearth("import", "--store", self.store, path)
            self.assertEqual(run.returncode, 0, run.stderr)
        self.a = f"{START_S}..{START_S + 3600}"
        self.b = f"{START_S + 3600}..{START_S + 7200}"

    def at(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, content):
        with open(self.at(name), "wb") as f:
            f.write(content if isinstance(content, bytes) else content.encode())
        return self.at(name)

    def diff(self, *arguments):
        run = hearth("diff", "--store", self.store, *arguments)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        return run.stdout

    def exported(self, name, time_range):
        from_s, until_s = time_range.split("..")
        path = self.at(name)
        run = hearth(
            *("export", "--store", self.store, "--from", from_s, "--until", until_s, "-o", path)
        )
        self.assertEqual(run.returncode, 0, run.stderr)
        return path

    def columns(self, text):
        """{stack: (before, after)} of folded lines with two numbers."""
        rows = [line.rsplit(" ", 2) for line in text.splitlines()]
        return {stack: (int(a), int(b)) for stack, a, b in rows}

    def expected(self):
        return {
            f"prog;{frames}": (BEFORE.get(i, 0), AFTER.get(i, 0)) for i, frames in STACKS.items()
        }

    def test_ranges_and_files_have_the_same_columns(self):
        self.assertEqual(self.columns(self.diff(self.a, self.b)), self.expected())
        files = (
            (self.write("a.folded", folded(BEFORE)), self.write("b.folded", folded(AFTER))),
            (self.at("a.tsv"), self.at("b.tsv")),
            (self.at("a.tsv"), self.b),
            (self.a, self.write("b.tsv.gz", gzip.compress(stream(AFTER, 5).encode()))),
        )
        for a, b in files:
            with self.subTest(a=a, b=b):
                self.assertEqual(self.columns(self.diff(a, b)), self.expected())
        a, b = self.exported("a.pb.gz", self.a), self.exported("b.pb.gz", self.b)
        marked = self.columns(self.diff(a, b))
        self.assertEqual(sorted(marked.values()), sorted(self.expected().values()))

    def test_pprof_is_what_go_makes_of_two_files(self):
        a, b = self.exported("a.pb.gz", self.a), self.exported("b.pb.gz", self.b)
        both = self.at("both.pb.gz")
        self.diff(self.a, self.b, "-o", both)
        for index in ("cpu", "samples"):
            index = f"-sample_index={index}"
            shown = pprof.run("-top", index, both).splitlines()
            judged = pprof.run("-top", index, "-diff_base", a, b).splitlines()
            at = next(i for i, line in enumerate(shown) if line.startswith("Showing nodes"))
            self.assertEqual(shown[at:], judged[-len(shown[at:]) :])
            self.assertTrue(any("-" in line.split()[0] for line in shown[at + 2 :]), shown)
        self.diff(a, b, "-o", self.at("files.pb.gz"))
        top = pprof.run("-top", self.at("files.pb.gz")).splitlines()
        self.assertEqual(top[-5:], pprof.run("-top", both).splitlines()[-5:])

    def test_speedscope_has_both_sides(self):
        text = self.diff(self.a, self.b, "--format", "speedscope")
        weights = {
            profile["name"]: sum(profile["weights"]) for profile in json.loads(text)["profiles"]
        }
        self.assertEqual(
            weights,
            {
                "prog (pid 7)": sum(AFTER.values()) * 10_000_000,
                "base: prog (pid 7)": sum(BEFORE.values()) * 10_000_000,
            },
        )

    def test_json_and_the_flame_graph_of_files(self):
        a, b = self.at("a.tsv"), self.at("b.tsv")
        stacks = json.loads(self.diff(a, b, "--format", "json"))["stacks"]
        self.assertEqual(
            {stack["frames"][0]["function"]: (stack["base"], stack["count"]) for stack in stacks},
            {"hot": (40, 80), "cold": (30, 10), "idle": (10, 10), "gone": (7, 0), "new": (0, 25)},
        )
        self.assertEqual(len(stacks), len(STACKS))
        flame = json.loads(self.diff(a, b, "--format", "flame"))
        self.assertEqual(flame["total"][0], sum(AFTER.values()))
        self.assertEqual(flame["base"]["total"][0], sum(BEFORE.values()))
        self.assertEqual(flame["base"]["start_ns"] // 10**9, START_S)

    def test_what_is_no_profile_is_told(self):
        junk = self.write("junk.bin", os.urandom(1000))
        self.assert_failed("junk.bin: ", "diff", "--store", self.store, junk, self.b)
        os.mkfifo(self.at("fifo"))
        self.assert_failed("not a regular file", "diff", self.at("fifo"), self.at("fifo"))


if __name__ == "__main__":
    cli.main()
