#!/usr/bin/env python3
"""`hearth query`, `sql` and `check` on a store whose samples are known, against counts made here.

cli_query.py HEARTH SOURCE-DIR
"""

import collections
import contextlib
import csv
import io
import json
import os
import sqlite3
import tempfile

import cli
from cli import CliCase, hearth

START_MS = 1_795_000_000_000
PERIOD_NS = 10101010
STACKS = {1: "main;work;leaf", 2: "main;work;work;leaf", 3: "main;idle_[k]", 4: "main"}


def samples():
    """(ms, comm, stack, count) of each."""
    return [
        (START_MS + i * 37, f"prog{i * i % 5}", 1 + i % 7 % 4, 1 + i % 3 % 2) for i in range(4000)
    ]


class QueryCase(CliCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="hearth-query.")
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "store", "hearth.db")
        stream = os.path.join(folder.name, "stream.tsv")
        with open(stream, "w", encoding="ascii") as f:
            f.write(f"#hearth-samples 1\n#period-ns\t{PERIOD_NS}\n")
            for stack, frames in STACKS.items():
                f.write(f"stack\t{stack}\t{frames}\n")
            for ms, comm, stack, count in samples():
                f.write(f"sample\t{ms}\t7\t7\t{comm}\t{comm}\t{stack}\t{count}\n")
        run = hearth("import", "--store", self.path, "--name", "made", stream)
        self.assertEqual(run.returncode, 0, run.stderr)

    def ask(self, *arguments):
        return hearth("query", "--store", self.path, *arguments)

    def rows(self, *arguments):
        """As JSON; CSV must say the same."""
        run = self.ask(*arguments, "--format", "json")
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        answer = json.loads(run.stdout)
        self.assertEqual(answer["version"], 1)
        text = self.ask(*arguments, "--format", "csv").stdout
        lines = list(csv.reader(io.StringIO(text, newline="")))
        self.assertEqual(lines[0], answer["columns"])
        self.assertEqual(len(lines) - 1, len(answer["rows"]))
        for line, row in zip(lines[1:], answer["rows"]):
            for cell, value in zip(line, row):
                if isinstance(value, str):
                    self.assertEqual(cell, value)
                else:
                    self.assertAlmostEqual(float(cell), value, delta=abs(value) * 1e-5)
        return answer


class Series(QueryCase):
    def test_a_step_and_a_label(self):
        answer = self.rows("series", "--by", "comm", "--step", "10s")
        expected = collections.Counter()
        for ms, comm, _, count in samples():
            expected[(ms - START_MS) // 10000, comm] += count
        self.assertEqual(answer["columns"], ["time", "comm", "samples", "cpu_s"])
        self.assertEqual(sum(row[2] for row in answer["rows"]), sum(expected.values()))
        first = answer["rows"][0][0]
        self.assertEqual(first, "2026-11-18T11:06:40.000Z")
        steps = sorted({row[0] for row in answer["rows"]})
        for time, comm, count, cpu_s in answer["rows"]:
            self.assertEqual(count, expected[steps.index(time), comm])
            self.assertAlmostEqual(cpu_s, count * PERIOD_NS / 1e9, places=4)

    def test_a_range_and_a_selector(self):
        from_ms, until_ms = START_MS + 10001, START_MS + 70003
        answer = self.rows(
            *("series", "--from", f"{from_ms / 1000}", "--until", f"{until_ms / 1000}"),
            *("--match", '{comm=~"prog[14]"}', "--step", "0.5"),
        )
        expected = sum(
            count
            for ms, comm, _, count in samples()
            if from_ms <= ms < until_ms and comm in ("prog1", "prog4")
        )
        self.assertEqual(sum(row[1] for row in answer["rows"]), expected)
        self.assertEqual(len(answer["rows"]), 121)


class Top(QueryCase):
    def counts(self):
        own, total = collections.Counter(), collections.Counter()
        for _, _, stack, count in samples():
            frames = [frame.replace("_[k]", "") for frame in STACKS[stack].split(";")]
            own[frames[-1]] += count
            for frame in set(frames):
                total[frame] += count
        return own, total

    def test_self_and_total_with_recursion_counted_once(self):
        own, total = self.counts()
        answer = self.rows("top")
        self.assertEqual(
            {row[4]: (row[0], row[2]) for row in answer["rows"]},
            {name: (own[name], total[name]) for name in total},
        )
        self.assertEqual(
            [row[0] for row in answer["rows"]],
            sorted((own[name] for name in total), reverse=True),
        )

    def test_callers_and_callees(self):
        callers, callees = collections.Counter(), collections.Counter()
        for _, _, stack, count in samples():
            frames = [frame.replace("_[k]", "") for frame in STACKS[stack].split(";")]
            if "work" in frames:
                callers[frames[frames.index("work") - 1]] += count
                for callee in {b for a, b in zip(frames, frames[1:]) if a == "work"}:
                    callees[callee] += count
        for what, expected in (("callers", callers), ("callees", callees)):
            answer = self.rows(what, "work")
            self.assertEqual(answer["columns"], ["samples", "cpu_s", "function", "object"])
            self.assertEqual({row[2]: row[0] for row in answer["rows"]}, expected)
        own, total = self.counts()
        rows = {row[2]: row[0] for row in self.rows("callees", "main")["rows"]}
        self.assertEqual(rows["[self]"], own["main"])
        rows = {row[2]: row[0] for row in self.rows("callers", "main")["rows"]}
        self.assertEqual(rows, {"[none]": total["main"]})
        self.assertIn("no sample has the function x", self.ask("callers", "x").stderr)

    def test_what_a_limit_leaves_out_is_told(self):
        own, _ = self.counts()
        rest = sum(own.values()) - max(own.values())
        run = self.ask("top", "--limit", "1")
        self.assertEqual(len(run.stdout.splitlines()), 2)
        self.assertEqual(run.stderr, f"hearth: and 3 more rows, with {rest} samples\n")
        more = json.loads(self.ask("top", "--limit", "1", "--format", "json").stdout)["more"]
        self.assertEqual(more, {"rows": 3, "samples": rest})


class Labels(QueryCase):
    def test_names_and_values(self):
        total = sum(count for *_, count in samples())
        names = dict(self.rows("labels")["rows"])
        self.assertEqual(names, dict.fromkeys(("pid", "tid", "comm", "thread", "import"), total))
        comms = collections.Counter()
        for _, comm, _, count in samples():
            comms[comm] += count
        answer = self.rows("labels", "comm")
        self.assertEqual(answer["columns"], ["comm", "samples"])
        self.assertEqual(dict(answer["rows"]), comms)
        self.assertEqual(self.rows("labels", "import")["rows"], [["made", total]])

    def test_an_empty_answer_is_an_answer(self):
        for what in ("series", "top", "labels"):
            run = self.ask(what, "--match", '{comm="nobody"}', "--format", "csv")
            self.assertEqual(run.returncode, 0)
            self.assertEqual(len(run.stdout.splitlines()), 1)
            self.assertIn("has no samples in that range", run.stderr)


class Sql(QueryCase):
    def sql(self, *arguments):
        return hearth("sql", "--store", self.path, *arguments)

    def test_an_answer_in_each_format(self):
        total = sum(count for *_, count in samples())
        statement = "SELECT sum(count) AS n, 'a,b' AS t, NULL AS x, 0.5 AS half FROM samples"
        for options, expected in (
            ((), f"   n  t    x  half\n{total}  a,b      0.5\n"),
            (("--format", "csv"), f'n,t,x,half\n{total},"a,b",,0.5\n'),
        ):
            run = self.sql(*options, statement)
            self.assertEqual((run.returncode, run.stderr), (0, ""))
            self.assertEqual(run.stdout, expected)
        answer = json.loads(self.sql("--format", "json", statement).stdout)
        self.assertEqual(answer["rows"], [[total, "a,b", None, 0.5]])

    def test_the_same_counts_as_the_other_questions(self):
        by_comm = json.loads(
            self.sql(
                *("--format", "json", "SELECT comm, sum(count) FROM samples GROUP BY 1"),
            ).stdout
        )
        self.assertEqual(dict(by_comm["rows"]), dict(self.rows("labels", "comm")["rows"]))
        top = json.loads(
            self.sql(
                "--format",
                "json",
                "SELECT function, sum(n) FROM (SELECT stack, sum(count) AS n FROM samples "
                "GROUP BY stack) JOIN frames USING (stack) WHERE depth = 0 GROUP BY 1",
            ).stdout
        )
        own = {row[4]: row[0] for row in self.rows("top")["rows"] if row[0]}
        self.assertEqual(dict(top["rows"]), own)

    def test_what_is_not_allowed_is_wrong_usage_and_an_endless_one_is_ended(self):
        for statement in ("ATTACH 'x' AS y", "PRAGMA user_version", "CREATE TABLE a(b)"):
            self.assert_usage("is not allowed", "sql", "--store", self.path, statement)
        self.assert_usage("syntax error", "sql", "--store", self.path, "SELEC")
        self.assert_usage("one STATEMENT is wanted", "sql", "--store", self.path)
        self.assert_failed(
            "the time limit was reached",
            *("sql", "--store", self.path, "--time-limit", "0.2"),
            "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT sum(x) FROM c",
        )
        self.assert_failed("no such store", "sql", "--store", self.path + "x", "SELECT 1")


class Check(QueryCase):
    def check(self, *options):
        return hearth("check", "--store", self.path, *options)

    def test_a_sound_store_and_a_damaged_one_before_and_after_its_repair(self):
        total = sum(count for *_, count in samples())
        run = self.check()
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        self.assertIn(f"{total} samples", run.stdout)
        self.assertIn("Nothing is damaged or missing.", run.stdout)
        with contextlib.closing(sqlite3.connect(self.path)) as db, db:
            db.execute("UPDATE block_data SET data = zeroblob(20)")
        run = self.check("--json")
        self.assertEqual(run.returncode, 1)
        report = json.loads(run.stdout)
        self.assertIs(report["good"], False)
        self.assertEqual(report["damage"], {"block": 1})
        self.assertEqual(report["lost_samples"], total)
        run = self.check("--repair")
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        aside = run.stdout.split()[-1]
        self.assertTrue(os.path.exists(aside), run.stdout)
        self.assertEqual(self.check().returncode, 0)
        self.assertIn(f"hearth: {total} samples of that range were lost", self.lost().stderr)
        self.assertEqual(hearth("check", "--store", aside).returncode, 1)
        self.assertEqual(sorted(os.listdir(os.path.dirname(self.path)))[0], "hearth.db")

    def lost(self):
        return hearth("sql", "--store", self.path, "SELECT count(*) FROM samples")

    def test_what_cannot_be_checked_is_told(self):
        self.assert_failed("no such store", "check", "--store", self.path + "x")
        with open(self.path, "r+b") as f:
            f.write(b"x" * 100)
        self.assert_failed("not a store", "check", "--repair", "--store", self.path)


class Usage(QueryCase):
    def test_what_is_wrong_is_told(self):
        store = ("--store", self.path)
        for sentence, *arguments in (
            ("what is asked: series, top, callers, callees or labels?",),
            ("callers of which FUNCTION?", "callers"),
            ("what is asked", "tops"),
            ("top takes no x", "top", "x"),
            ("labels takes no y", "labels", "x", "y"),
            ("--by and --step are for series", "top", "--by", "comm"),
            ("--limit is not for series", "series", "--limit", "5"),
            ('"xml" is not table, csv or json', "top", "--format", "xml"),
            ("--match", "top", "--match", "{comm"),
        ):
            self.assert_usage(sentence, "query", *store, *arguments)
        self.assert_failed("no such store", "query", "--store", self.path + "x", "top")
        self.assert_failed("steps are more than", "query", *store, "series", "--step", "0.001")


if __name__ == "__main__":
    cli.main()
