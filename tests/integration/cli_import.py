#!/usr/bin/env python3
"""`hearth import`, and `merge` of what it makes: round trips, other tools' files, the jail.

cli_import.py HEARTH SOURCE-DIR
"""

import gzip
import os
import signal
import subprocess
import tempfile
import threading
import time

import cli
from cli import CliCase, hearth

HEAD = "#hearth-samples 1\n#period-ns\t10101010\n"
START_MS = 1_795_000_000_000


def stream(samples, stacks=50):
    """A sample stream; every sample is told apart by its moment, thread or stack."""
    lines = [HEAD]
    for stack in range(1, stacks + 1):
        frames = ";".join(f"f{stack % (depth + 2)}_{depth}" for depth in range(1 + stack % 9))
        lines.append(f"stack\t{stack}\t{frames};leaf{stack}_[k]\n")
    for i in range(samples):
        pid = 100 + i % 7
        lines.append(
            f"sample\t{START_MS + i * 5}\t{pid}\t{pid + i % 3}\tcomm{pid}\tt/{i % 3}\t"
            f"{1 + i * i % stacks}\t{1 + i % 2}\tstart=179490000{pid}\tuid=1000\tzone=eu\n"
        )
    return "".join(lines)


class ImportCase(CliCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="hearth-import.")
        self.addCleanup(folder.cleanup)
        os.chmod(folder.name, 0o755)
        self.folder = folder.name

    def at(self, name):
        return os.path.join(self.folder, name)

    def store(self, name):
        return os.path.join(self.folder, name, "hearth.db")

    def write(self, name, content):
        with open(self.at(name), "wb") as f:
            f.write(content if isinstance(content, bytes) else content.encode())
        return self.at(name)

    def take(self, store, *arguments):
        run = hearth("import", "--store", self.store(store), *arguments)
        self.assertEqual((run.returncode, run.stdout), (0, ""), run.stderr)
        return run.stderr

    def exported(self, store, *arguments):
        run = hearth("export", "--store", self.store(store), *arguments)
        self.assertEqual(run.returncode, 0, run.stderr)
        return run.stdout

    def wait_for_worker(self, pid, path):
        """The pid of its child, once it is a worker in the jail that was given the file."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
                children = f.read().split()
            for child in children:
                with open(f"/proc/{child}/status", encoding="ascii") as f:
                    status = f.read()
                if "Seccomp:\t2" in status and cli.has_open(child, path):
                    return int(child), status
            time.sleep(0.01)
        self.fail("no worker in a jail was started")
        return None


class RoundTrip(ImportCase):
    def test_samples_come_back_and_every_question_has_the_same_answer(self):
        self.take("one", "--name", "x", self.write("a.tsv", stream(20000)))
        samples = self.exported("one", "--format", "samples")
        self.assertEqual(samples.count("\nsample\t"), 20000)
        told = self.take("two", "--name", "x", self.write("b.tsv", samples))
        self.assertIn("imported 30000 samples", told)
        self.assertEqual(self.exported("two", "--format", "samples"), samples)
        cut = ("--from", f"{(START_MS + 7003) / 1000}", "--until", f"{(START_MS + 60007) / 1000}")
        for question in (
            ("--format", "folded"),
            ("--format", "folded", *cut),
            ("--format", "folded", *cut, "--match", '{pid=~"10[1-3]", thread!="t/1"}'),
            ("--format", "folded", "--by", "zone", "--by", "thread"),
            ("--format", "samples", *cut, "--match", '{import="x"}'),
        ):
            first, second = self.exported("one", *question), self.exported("two", *question)
            self.assertGreater(first.count("\n"), 10)
            self.assertEqual(first, second)

    def test_folded_stacks_and_pprof_come_back(self):
        self.take("one", self.write("a.tsv", stream(2000)))
        folded = self.exported("one", "--format", "folded")
        self.take("two", self.write("b.folded", folded))
        self.assertEqual(self.exported("two", "--format", "folded"), folded)
        self.exported("one", "-o", self.at("c.pb.gz"))
        told = self.take("three", self.at("c.pb.gz"))
        self.assertIn("imported 3000 samples", told)
        self.assertEqual(
            self.exported("three", "--format", "folded"), folded.replace("_[k]", "")
        )

    def test_what_go_writes_is_read(self):
        self.take("one", self.write("a.tsv", stream(2000)))
        folded = self.exported("one", "--format", "folded").replace("_[k]", "")
        self.exported("one", "-o", self.at("ours.pb.gz"))
        go, ours = self.at("go.pb.gz"), self.at("ours.pb.gz")
        subprocess.run(
            ["go", "tool", "pprof", "-proto", "-output", go, ours],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PPROF_TMPDIR": self.folder, "PPROF_BINARY_PATH": self.folder},
            check=True,
        )
        self.take("two", go)
        self.assertEqual(self.exported("two", "--format", "folded"), folded)

    def test_two_imports_into_a_store_are_told_apart(self):
        self.take("one", "--name", "before", self.write("a.folded", "c;f 3\nc;g 1\n"))
        self.take("one", self.write("after.folded", "c;f 2\n"))
        before = ("--match", '{import="before"}', "--format", "folded")
        after = ("--match", '{import="after.folded"}', "--format", "folded")
        self.assertEqual(self.exported("one", *before), "c;f 3\nc;g 1\n")
        self.assertEqual(self.exported("one", *after), "c;f 2\n")
        self.assertEqual(self.exported("one", "--format", "folded"), "c;f 5\nc;g 1\n")


class Merge(ImportCase):
    def test_two_stores_become_one(self):
        for host in ("web-1", "web-2"):
            text = stream(3000).replace("zone=eu", f"host={host}")
            self.take(host, "--name", host, self.write(host + ".tsv", text))
        run = hearth("merge", "-o", self.store("all"), self.store("web-1"), self.store("web-2"))
        self.assertEqual((run.returncode, run.stdout), (0, ""), run.stderr)
        self.assertIn("merged 9000 samples of 2 stores", run.stderr)
        for host in ("web-1", "web-2"):
            match = ("--format", "samples", "--match", f'{{host="{host}"}}')
            self.assertEqual(self.exported("all", *match), self.exported(host, *match))

    def test_what_is_wrong_is_told(self):
        self.take("one", self.write("a.folded", "c;f 3\n"))
        one, link = self.store("one"), self.at("link.db")
        os.symlink(one, link)
        for sentence, *arguments in (
            ("into which store? -o FILE", one),
            ("which stores?", "-o", self.store("two")),
            ("would be merged into itself", "-o", one, link),
            ("is given twice", "-o", self.store("two"), one, link),
        ):
            self.assert_usage(sentence, "merge", *arguments)
        self.assert_failed("no such store", "merge", "-o", self.store("two"), self.at("x.db"))
        self.assertFalse(os.path.exists(self.store("two")))


class Files(ImportCase):
    def test_perf_script_from_stdin_packed_or_not(self):
        text = (
            "bash  7 1.000000:   10101010 cpu-clock: \n\tffffffff81 f+0x1 ([kernel.kallsyms])\n"
            "\t7f00 main+0x2 (/bin/bash)\n\nbash  7 1.010000:  5 page-faults:\n\t7f00 x (/a)\n\n"
        ).encode()
        for i, packed in enumerate((text, gzip.compress(text))):
            name = self.write("perf.txt", packed)
            with open(name, "rb") as stdin:
                run = hearth(
                    *("import", "--store", self.store(str(i)), "--at", "1795000000.5", "-"),
                    stdin=stdin,
                )
            self.assertEqual(run.returncode, 0, run.stderr)
            self.assertIn("imported 1 samples; left out 1 of other events", run.stderr)
            self.assertEqual(
                self.exported(str(i), "--format", "samples"),
                HEAD + "stack\t1\tmain;f_[k]\nsample\t1795000000500\t\t7\tbash\tbash\t1\t1\t"
                "import=stdin\n",
            )

    def test_a_pipe_is_read_to_its_end(self):
        fifo = self.at("fifo")
        os.mkfifo(fifo)
        text = stream(5000)

        def feed():
            with open(fifo, "w", encoding="ascii") as f:
                f.write(text)

        feeder = threading.Thread(target=feed)
        feeder.start()
        self.assertIn("imported 7500 samples", self.take("one", fifo))
        feeder.join()

    def test_a_file_that_is_wrong_is_told_with_its_place(self):
        wrong = self.write("wrong", stream(70000) + "sample\tnever\n")
        self.assert_failed(
            "wrong: line 70053: a sample has at least 7 fields; 98304 samples before it were "
            "imported",
            *("import", "--store", self.store("one"), wrong),
        )
        self.assertEqual(
            self.exported("one", "--format", "samples").count("\nsample\t"), 65536
        )
        heap = b"\x0a\x04\x08\x01\x10\x02\x32\x00\x32\x05space\x32\x05bytes"
        for content, sentence in (
            (heap, "not a profile of CPU time: its first value is space"),
            (b"hello\n", "line 1: not a stack with a count"),
            (b"\x1f\x8b\x08", "its gzip stream ends in the middle"),
        ):
            name = self.write("file", content)
            self.assert_failed(sentence, "import", "--store", self.store("two"), name)

    def test_what_is_no_file_or_no_place_is_told(self):
        good = self.write("good", "c;f 1\n")
        store = ("--store", self.store("one"))
        self.assert_usage("which FILE?", "import", *store)
        self.assert_usage("one FILE at a time", "import", *store, good, good)
        self.assert_usage("not samples, pprof, folded or perf", "import", "--format", "x", good)
        self.assert_usage("--name is longer", "import", *store, "--name", "n" * 256, good)
        self.assert_failed("No such file", "import", *store, self.at("missing"))
        self.assert_failed("not a file", "import", *store, self.folder)
        self.assertFalse(os.path.exists(self.store("one")))
        os.mkdir(self.at("open"))
        os.chmod(self.at("open"), 0o777)
        self.assert_failed("others can write", "import", "--store", self.store("open"), good)

    def test_one_writer_a_store(self):
        self.take("one", self.write("good", "c;f 1\n"))
        fifo = self.at("fifo")
        os.mkfifo(fifo)
        command = [cli.HEARTH, "import", "--store", self.store("one"), fifo]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as first:
            with open(fifo, "w", encoding="ascii") as feed:
                self.wait_for_worker(first.pid, fifo)
                self.assert_failed(
                    "another", "import", "--store", self.store("one"), self.at("good")
                )
                feed.write("c;f 1\n")
            self.assertEqual(first.wait(timeout=10), 0)
        self.assertEqual(self.exported("one", "--format", "folded"), "c;f 2\n")


class Jail(ImportCase):
    def test_the_parser_has_no_privileges_and_its_end_is_told(self):
        fifo = self.at("fifo")
        os.mkfifo(fifo)
        command = [cli.HEARTH, "import", "--store", self.store("one"), fifo]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as run:
            with open(fifo, "w", encoding="ascii"):
                worker, status = self.wait_for_worker(run.pid, fifo)
                self.assertIn("CapEff:\t0000000000000000", status)
                self.assertIn("NoNewPrivs:\t1", status)
                if os.geteuid() == 0:
                    self.assertNotRegex(status, r"Uid:\t0\t")
                os.kill(worker, signal.SIGKILL)
                told = run.stderr.read()
            self.assertEqual(run.wait(timeout=10), 1)
        self.assertIn("it ended the worker by signal 9", told)


if __name__ == "__main__":
    cli.main()
