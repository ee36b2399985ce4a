#!/usr/bin/env python3
"""`hearth top` on a terminal: real keys, and numbers as `hearth export` has them."""

import collections
import os
import re
import signal
import subprocess
import tempfile
import time
import unittest

import host
from terminal import Terminal

ROW = re.compile(r"^ *(\d+) +[\d.]+% +(\d+) +[\d.]+%    (.*)$")
RANGE = r"(\S+Z) \.\. (\S+Z)  PAUSED"
UP, DOWN, RIGHT, LEFT = "\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D"
XTERM_UP, XTERM_DOWN, XTERM_RIGHT = "\x1bOA", "\x1bOB", "\x1bOC"
STACKS = {
    1: "main;work;hot",
    2: "main;work;hot;cold_[i]",
    3: "main;idle",
    4: "main;work;work;hot",
    5: "start;\\t\x1b[31mred\x07\u202e\x9b2J\x7f;leaf_[k]",
    6: "start;" + "x" * 10000,
    7: "start;漢字漢字;🙂",
}
SPLIT = ("spin_a", "spin_b", "spin_c")

# What a shell does: the program in the foreground; when it was stopped, a second later again.
SHELL = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
run = subprocess.Popen(sys.argv[1:], process_group=0)
os.tcsetpgrp(0, run.pid)
while os.WIFSTOPPED(status := os.waitpid(run.pid, os.WUNTRACED)[1]):
    time.sleep(1)
    os.killpg(run.pid, signal.SIGCONT)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def name(frame):
    return re.sub(r"_\[[kijp]\]$", "", frame)


def counts(stacks):
    """Own samples and all of each function, of folded stacks."""
    own, total = collections.Counter(), collections.Counter()
    for stack, count in stacks.items():
        frames = [name(frame) for frame in stack[1:]]
        own[frames[-1]] += count
        for frame in set(frames):
            total[frame] += count
    return own, total


def rows(lines):
    """[(own samples, all, the rest)] of a table's rows."""
    return [
        (int(row.group(1)), int(row.group(2)), row.group(3).split())
        for line in lines
        if (row := ROW.match(line))
    ]


class TopCase(unittest.TestCase):
    def terminal(self, *options, **more):
        terminal = Terminal(host.HEARTH, "top", "--store", self.store, *options, **more)
        self.addCleanup(terminal.close)
        return terminal

    def exported(self, terminal, *options):
        """Folded stacks of the range that a paused screen shows."""
        found = terminal.wait_for(RANGE)
        return host.folded(
            host.run(
                *("export", "--store", self.store, "--format", "folded"),
                *("--from", found.group(1), "--until", found.group(2), *options),
            ).stdout
        )


class Live(TopCase):
    """Beside a running daemon and a program whose split is known."""

    @classmethod
    def setUpClass(cls):
        served, load = host.daemon("-F", "499"), host.load(host.program("split"), "120")
        cls.store = cls.enterClassContext(served).store
        cls.split = cls.enterClassContext(load)
        time.sleep(8)

    def paused(self, *options, **more):
        """Of a range that all samples are stored of: asked for again after a while."""
        match = f'{{pid="{self.split.pid}"}}'
        terminal = self.terminal("--match", match, "--window", "5", *options, **more)
        terminal.wait_for(r"live\n\d{3,} samples")
        terminal.press(" ")
        held = terminal.wait_for(RANGE).group()
        time.sleep(1)
        terminal.press("+")
        terminal.wait(lambda lines: held not in lines[0], "a longer range")
        terminal.press("-")
        terminal.wait(lambda lines: held in lines[0], "the range again")
        return terminal

    def only_split(self, terminal):
        return self.exported(terminal, "--match", f'{{pid="{self.split.pid}"}}')

    def test_it_follows_and_a_pause_holds(self):
        terminal = self.terminal("--window", "2")
        first = terminal.wait_for(r"^(\S+)Z \.\. .* live").group(1)
        terminal.wait(lambda lines: not lines[0].startswith(first), "a later range", 5)
        terminal.press(" ")
        held = terminal.wait_for(RANGE).group()
        terminal.read(2.5)
        self.assertIn(held, terminal.screen.text()[0])
        terminal.press(" ")
        terminal.wait(lambda lines: "live" in lines[0] and held[:20] not in lines[0], "live again")

    def test_the_table_has_the_numbers_of_the_export(self):
        terminal = self.paused()
        own, total = counts(self.only_split(terminal))
        shown = rows(terminal.screen.text())
        self.assertGreater(len(shown), 3)
        for self_count, total_count, (function, _object) in shown:
            self.assertEqual((self_count, total_count), (own[function], total[function]), function)
        self.assertEqual([row[0] for row in shown], sorted((r[0] for r in shown), reverse=True))
        terminal.press("s")
        terminal.wait_for("by total")
        by_total = [row[1] for row in rows(terminal.screen.text())]
        self.assertEqual(by_total, sorted(total.values(), reverse=True)[: len(by_total)])

    def test_the_filter_counts_stacks_once(self):
        terminal = self.paused()
        stacks = self.only_split(terminal)
        matched = sum(c for s, c in stacks.items() if any(re.match("spin_[ab]$", f) for f in s))
        terminal.press("/spin_[ab]$\r")
        found = terminal.wait_for(r"filter /\S+/: (\d+) samples, ([\d.]+) %")
        self.assertEqual(int(found.group(1)), matched)
        self.assertAlmostEqual(
            float(found.group(2)), 100 * matched / sum(stacks.values()), delta=0.006
        )
        shown = {row[2][0] for row in rows(terminal.screen.text())}
        self.assertEqual(shown, {"spin_a", "spin_b"})
        terminal.press("/[\r")
        terminal.wait_for(r"is not a regular expression")
        terminal.press("\x1b")
        terminal.wait(lambda lines: len(rows(lines)) > 3 and "filter" not in lines[2], "all again")

    def test_the_flame_graph_has_the_shares_and_keys_walk_it(self):
        terminal = self.paused("--flame", columns=120)
        stacks = self.only_split(terminal)
        samples = sum(stacks.values())
        lines = terminal.screen.text()
        level = next(line for line in lines if "|spin_a" in line)
        for function in SPLIT:
            begin = level.index("|" + function)
            ends = [at for at in range(begin + 1, len(level)) if level[at] == "|"] + [120]
            share = sum(c for s, c in stacks.items() if function in s) / samples
            self.assertAlmostEqual((ends[0] - begin) / 120, share, delta=1.1 / 120)
        for _ in range(12):
            found = terminal.wait_for(r"\n(\S+)  (\d+) samples, [\d.]+ %, self (\d+)")
            if found.group(1) == "spin_a":
                break
            terminal.press(XTERM_DOWN)
        self.assertEqual(int(found.group(2)), sum(c for s, c in stacks.items() if "spin_a" in s))
        terminal.press(XTERM_RIGHT)
        found = terminal.wait_for(r"\nspin_b  (\d+) samples")
        self.assertEqual(int(found.group(1)), sum(c for s, c in stacks.items() if "spin_b" in s))
        terminal.press("\r")
        terminal.wait(lambda lines: lines[3] == "|spin_b", "the zoom")
        terminal.press("\x7f")
        terminal.wait(lambda lines: lines[3].startswith("|burn"), "the caller")

    def test_by_process_and_by_thread(self):
        terminal = self.paused("--by", "process")
        pid = str(self.split.pid)
        self.assertTrue(all(r[2][:2] == ["split", pid] for r in rows(terminal.screen.text())))
        terminal.press("g")
        terminal.wait_for("by thread")
        stacks = self.only_split(terminal)
        shown = rows(terminal.screen.text())
        self.assertTrue(all(row[2][:3] == ["split", "split", pid] for row in shown))
        self.assertEqual(shown[0][0], max(counts(stacks)[0].values()))

    def test_earlier_later_longer_and_shorter(self):
        terminal = self.paused()
        before = terminal.wait_for(RANGE).groups()
        terminal.press("[")
        earlier = terminal.wait(lambda lines: before[0] not in lines[0], "earlier")
        self.assertLess(earlier[0], before[0])
        samples = int(terminal.wait_for(r"\n(\d+) samples").group(1))
        self.assertEqual(samples, sum(self.only_split(terminal).values()))
        terminal.press("]")
        terminal.wait_for(re.escape(before[1]))
        terminal.press("-")
        terminal.wait(lambda lines: before[0] not in lines[0], "a shorter range")
        shorter = int(terminal.wait_for(r"\n(\d+) samples").group(1))
        self.assertEqual(shorter, sum(self.only_split(terminal).values()))

    def test_another_size_and_the_help(self):
        terminal = self.paused(lines=30, columns=110)
        terminal.resize(12, 60)
        os.kill(terminal.process.pid, signal.SIGWINCH)
        lines = terminal.wait(lambda lines: len(rows(lines)) >= 4, "the table")
        self.assertLessEqual(len(rows(lines)), 7)
        terminal.press("?")
        terminal.wait_for("a filter: functions")
        terminal.press("x")
        terminal.wait(lambda lines: len(rows(lines)) >= 4, "the table again")

    def test_one_process_alone(self):
        terminal = self.terminal("-p", str(self.split.pid), "--by", "process")
        terminal.wait_for(r"live\n\d{3,} samples")
        shown = rows(terminal.screen.text())
        self.assertTrue(all(row[2][1] == str(self.split.pid) for row in shown), shown)


class Imported(TopCase):
    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.store = os.path.join(folder, "s", "hearth.db")
        samples = os.path.join(folder, "samples.tsv")
        with open(samples, "w", encoding="utf-8") as f:
            f.write("#hearth-samples 1\n")
            f.writelines(f"stack\t{i}\t{frames}\n" for i, frames in STACKS.items())
            for i in range(900):
                f.write(
                    f"sample\t{1763464000000 + 10 * i}\t{7 + i % 2}\t{9 + i % 3}\t"
                    f"p\x1b[2J\x07{i % 2}\tt\u202e{i % 3}\t{1 + i % 7}\n"
                )
        host.run("import", "--store", cls.store, samples)

    def test_every_end_gives_the_terminal_back(self):
        for end, status in (
            ("q", 0),
            ("\x03", 0),
            ("\x1c", 128 + signal.SIGQUIT),
            (signal.SIGINT, 0),
            (signal.SIGTERM, 128 + signal.SIGTERM),
            (signal.SIGHUP, 128 + signal.SIGHUP),
            (signal.SIGSEGV, -signal.SIGSEGV),
            (signal.SIGABRT, -signal.SIGABRT),
        ):
            with self.subTest(end=end):
                terminal = self.terminal()
                terminal.wait_for("900 samples")
                self.assertFalse(terminal.is_as_before())
                if isinstance(end, str):
                    os.write(terminal.master, end.encode())
                else:
                    terminal.process.send_signal(end)
                self.assertEqual(terminal.end(), status)
                self.assertTrue(terminal.is_as_before(), terminal.bytes[-80:])

    def test_a_stop_gives_it_back_until_it_goes_on(self):
        terminal = Terminal("python3", "-c", SHELL, host.HEARTH, "top", "--store", self.store)
        self.addCleanup(terminal.close)
        terminal.wait_for("900 samples")
        os.write(terminal.master, b"\x1a")
        terminal.wait(lambda lines: terminal.is_as_before(), "the terminal as before", 1.4)
        terminal.wait(lambda lines: terminal.screen.other, "its screen again")
        terminal.press("q")
        self.assertEqual(terminal.end(), 0)
        self.assertTrue(terminal.is_as_before())

    def gone(self, **more):
        terminal = self.terminal(**more)
        terminal.wait_for("900 samples")
        for fd in ("slave", "master"):
            os.close(getattr(terminal, fd))
            setattr(terminal, fd, -1)
        return terminal.process.wait(timeout=5)

    def test_a_terminal_that_goes_ends_it_with_its_signal_and_without(self):
        self.assertEqual(self.gone(), 128 + signal.SIGHUP)
        self.assertEqual(self.gone(controlling=False), 0)

    def test_names_are_text(self):
        """The screen refuses sequences and characters that are not ours: see terminal.py."""
        for locale in ("C.UTF-8", "C"):
            terminal = self.terminal("--by", "thread", LC_ALL=locale, lines=80, columns=200)
            terminal.wait_for(r"\?\?\[31mred\?\?\?2J\?")
            for keys in ("f", XTERM_DOWN, XTERM_DOWN, "g", "\x1b[6~", "\x1b[6~", "f"):
                terminal.press(keys)
            self.assertNotIn(b"\x07", terminal.bytes)
            self.assertNotIn(b"\xe2\x80\xae", terminal.bytes)
            self.assertNotIn(b"\xc2\x9b", terminal.bytes)
            self.assertNotIn(b"[31m", terminal.bytes.replace(b"?[31m", b""))
            if locale == "C":
                self.assertTrue(all(byte < 0x80 for byte in terminal.bytes))
            terminal.press("q")
            self.assertEqual(terminal.end(), 0)

    def test_colours_only_where_they_are_wanted(self):
        for environment, coloured in (
            ({"TERM": "xterm-256color"}, True),
            ({"TERM": "xterm-256color", "NO_COLOR": "1"}, False),
            ({"TERM": "vt220"}, False),
        ):
            terminal = self.terminal("--flame", **environment)
            terminal.wait_for(r"\|all")
            self.assertEqual(terminal.screen.colours > 0, coloured, environment)
            terminal.press("q")
            self.assertEqual(terminal.end(), 0)

    def text(self, *options, **environment):
        run = subprocess.run(
            [host.HEARTH, "top", "--store", self.store, *options],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
            env={**os.environ, **environment},
        )
        self.assertEqual(run.stderr, "")
        return run.stdout

    def test_without_a_terminal_it_is_one_table(self):
        text = self.text()
        own, total = counts(
            host.folded(host.run("export", "--store", self.store, "--format", "folded").stdout)
        )
        shown = rows(text.splitlines())
        self.assertEqual(sum(row[0] for row in shown), 900)
        self.assertIn((own["hot"], total["hot"], ["hot", "native"]), shown)
        self.assertFalse(re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text))
        self.assertEqual(self.text("-n", "2", "--window", "1").count("samples\n"), 2)
        self.assertIn("|work", self.text("--flame"))

    def test_a_dumb_terminal_gets_one_table(self):
        for term in ("dumb", "", "no-such-terminal", None):
            terminal = self.terminal(TERM=term)
            self.assertEqual(terminal.end(), 0, term)
            self.assertIn(b"900 samples", terminal.bytes)
            self.assertNotIn(b"\x1b", terminal.bytes)


if __name__ == "__main__":
    host.main()
