#!/usr/bin/env python3
"""`hearth unwind-table` on this machine's files: what passes, what fails, and who parses.

cli_unwind_table.py HEARTH SOURCE-DIR
"""

import glob
import json
import os
import signal
import subprocess
import tempfile
import time

import cli
from cli import CliCase, hearth

LIBRARIES = "/usr/lib/x86_64-linux-gnu"
LIBC = f"{LIBRARIES}/libc.so.6"


def compiled(*arguments):
    """A program or object of a few lines of C, in a folder that the caller removes."""
    folder = tempfile.mkdtemp()
    source, made = os.path.join(folder, "a.c"), os.path.join(folder, "a")
    with open(source, "w", encoding="ascii") as f:
        f.write("int f(int n) { return n ? f(n - 1) + n : 0; }\nint main(void) { return f(3); }\n")
    subprocess.run(["gcc", *arguments, "-o", made, source], check=True)
    return made


def slow():
    """Files that take a second or more to verify."""
    return sorted(glob.glob(f"{LIBRARIES}/libLLVM-*.so.1")) or [LIBC] * 50


class UnwindTable(CliCase):
    def test_libc_is_what_libdw_says(self):
        run = hearth("unwind-table", "--verify", "--json", LIBC)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        report = json.loads(run.stdout)
        self.assertEqual(report["version"], 1)
        (libc,) = report["files"]
        self.assertEqual(libc["path"], LIBC)
        self.assertEqual(libc["source"], "eh_frame")
        self.assertGreater(libc["cfi_rows"], 10000)
        self.assertEqual(libc["rows"], sum(libc["kinds"].values()))
        self.assertEqual(libc["kinds"]["signal"], 1)
        self.assertLess(libc["bytes_per_row"], 4.5)
        self.assertGreater(libc["verify"]["compared"], libc["rows"])
        self.assertEqual(libc["verify"]["mismatches"], 0)

    def test_words_tell_the_same_of_each_file(self):
        run = hearth("unwind-table", "--verify", LIBC, "/bin/bash")
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        self.assertEqual(run.stdout.count(": 0 mismatches"), 2)
        for word in ("rows", "size", "kinds", "compiled", "verified"):
            self.assertEqual(run.stdout.count(f"\n  {word} "), 2, word)

    def test_what_has_no_table_is_named_and_passes(self):
        for arguments, reason in (
            (("-c",), "a relocatable object has no addresses yet"),
            (("-shared", "-nostdlib", "-fPIC", "-fno-asynchronous-unwind-tables"), "no CFI"),
        ):
            run = hearth("unwind-table", "--verify", compiled(*arguments))
            self.assertEqual((run.returncode, run.stderr), (0, ""))
            self.assertIn(": no table: ", run.stdout)
            self.assertIn(reason, run.stdout)

    def test_programs_of_only_debug_frame_have_a_table(self):
        options = ("-g", "-O2", "-fno-asynchronous-unwind-tables", "-fno-inline")
        for more in ((), ("-gz",), ("-static",)):
            run = hearth("unwind-table", "--verify", "--json", compiled(*options, *more))
            self.assertEqual((run.returncode, run.stderr), (0, ""), run.stdout)
            (made,) = json.loads(run.stdout)["files"]
            self.assertEqual(made["source"], "both", more)
            self.assertEqual(made["verify"]["mismatches"], 0)

    def test_what_is_not_elf_fails_and_the_others_are_told(self):
        with tempfile.TemporaryDirectory() as folder:
            empty = os.path.join(folder, "empty")
            with open(empty, "wb"):
                pass
            self.assert_failed("not an ELF file", "unwind-table", "/etc/passwd")
            self.assert_failed("not an ELF file", "unwind-table", empty)
            self.assert_failed("not a regular file", "unwind-table", folder)
            self.assert_failed("No such file", "unwind-table", os.path.join(folder, "none"))
        run = hearth("unwind-table", "/etc/passwd", LIBC)
        self.assertEqual(run.returncode, 1)
        self.assertIn("/etc/passwd: not an ELF file", run.stderr)
        self.assertIn(f"{LIBC}: .eh_frame", run.stdout)

    def test_without_a_file_it_is_wrong_usage(self):
        self.assert_usage("which FILE?", "unwind-table", "--verify")

    def test_the_file_is_parsed_without_privileges(self):
        command = [cli.HEARTH, "unwind-table", "--verify", *slow()]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as run:
            _, seen = self.wait_for_worker(run)
            self.assertEqual(run.wait(timeout=120), 0)
        self.assertEqual(seen["Seccomp"], "2")
        self.assertEqual(seen["NoNewPrivs"], "1")
        self.assertEqual(int(seen["CapEff"], 16), 0)
        if os.geteuid() == 0:
            self.assertNotEqual(seen["Uid"].split()[0], "0")

    def test_a_file_that_ends_the_worker_costs_itself_alone(self):
        with subprocess.Popen(
            [cli.HEARTH, "unwind-table", "--verify", *slow(), "/bin/ls"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as run:
            worker, _ = self.wait_for_worker(run)
            os.kill(worker, signal.SIGKILL)
            out, told = run.communicate(timeout=120)
        self.assertEqual(run.returncode, 1)
        self.assertIn("it ended the worker by signal 9", told)
        self.assertEqual(len(told.splitlines()), 1, told)
        self.assertIn("/bin/ls: .eh_frame", out)
        self.assertIn(": 0 mismatches", out)

    def wait_for_worker(self, run):
        """Its child and that one's status, once it has closed itself in and was given a file."""
        while run.poll() is None:
            with open(f"/proc/{run.pid}/task/{run.pid}/children", encoding="ascii") as f:
                children = f.read().split()
            for child in children:
                try:
                    with open(f"/proc/{child}/status", encoding="ascii") as f:
                        status = dict(line.rstrip("\n").split(":\t", 1) for line in f)
                except OSError:
                    continue
                if status.get("Seccomp") == "2" and cli.has_open(child, slow()[0]):
                    return int(child), status
            time.sleep(0.001)
        self.fail("it ended, and no worker was seen in its jail")
        return None, None


if __name__ == "__main__":
    cli.main()
