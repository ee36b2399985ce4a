#!/usr/bin/env python3
"""record, serve, status, export and diff with the real kernel, store and web process: exit
statuses, and sentences for bad circumstances.

cli_daemon.py HEARTH SOURCE-DIR. Needs root and BPF; exit 77 where the kernel allows no sampling.
"""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

import cli
from cli import CliCase, hearth, hearth_on_terminal

SECONDS = 30


class Daemon:
    """`hearth serve` on a free port, until stop() or kill()."""

    def __init__(self, store, *options, listen="127.0.0.1:0"):
        self.process = subprocess.Popen(
            [cli.HEARTH, "serve", "--store", store, "--listen", listen, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        line = self.process.stdout.readline()
        found = re.search(r"Open (\S+)", line)
        if not found:
            self.process.kill()
            raise RuntimeError(f"did not start: {line}{self.process.communicate()[1]}")
        self.address = found.group(1)
        self.pid = self.process.pid

    def end(self, number):
        """The exit status, and what stderr was told."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        told = self.process.communicate(timeout=SECONDS)[1]
        return self.process.returncode, told

    def stop(self):
        return self.end(signal.SIGTERM)

    def kill(self):
        return self.end(signal.SIGKILL)


class FolderCase(CliCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="hearth-cli.")
        self.addCleanup(folder.cleanup)
        os.chmod(folder.name, 0o755)
        self.folder = folder.name
        self.store = self.at("store/hearth.db")

    def at(self, name):
        return os.path.join(self.folder, name)

    def start(self, *options, **more):
        daemon = Daemon(self.store, *options, **more)
        self.addCleanup(daemon.kill)
        return daemon

    def status(self, *options):
        run = hearth("status", "--json", "--store", self.store, *options)
        self.assertEqual(run.returncode, 0, run.stderr)
        return json.loads(run.stdout)

    def wait_for_samples(self):
        until = time.monotonic() + SECONDS
        while self.status()["samples"]["stored"] < 10:
            self.assertLess(time.monotonic(), until, "no samples were stored")
            for _ in range(200000):
                pass

    def filled_store(self):
        daemon = self.start()
        self.wait_for_samples()
        self.assertEqual(daemon.stop()[0], 0)


class Serving(FolderCase):
    def test_status_of_a_running_daemon_in_words_and_as_json(self):
        daemon = self.start()
        self.wait_for_samples()
        status = self.status()
        self.assertIs(status["running"], True)
        self.assertEqual(status["pid"], daemon.pid)
        self.assertEqual(status["store"]["path"], self.store)
        words = hearth("status", "--store", self.store)
        self.assertEqual(words.returncode, 0)
        self.assertIn(f"The daemon is running, pid {daemon.pid}, for ", words.stdout)
        self.assertIn(f"at {daemon.address}", words.stdout)
        self.assertRegex(words.stdout, r"(?m)^  stored +\d\d")

    def test_status_of_a_daemon_on_a_unix_socket(self):
        self.start(listen="unix:" + self.at("sock"))
        self.assertIs(self.status()["running"], True)

    def test_a_token_is_asked_for_and_taken(self):
        for name, token in (("token", "s3cret\n"), ("wrong", "other\n")):
            with open(self.at(name), "w", encoding="utf-8") as f:
                f.write(token)
            os.chmod(self.at(name), 0o600)
        self.start("--token-file", self.at("token"))
        self.assert_failed("asks for a token: --token-file FILE", "status", "--store", self.store)
        self.assert_failed(
            "refuses the token",
            *("status", "--store", self.store, "--token-file", self.at("wrong")),
        )
        self.assertIs(self.status("--token-file", self.at("token"))["running"], True)

    def test_a_store_in_use_is_asked_checked_and_not_written_to_by_others(self):
        daemon = self.start("--label", "zone=eu-1", "--label", "host=web-3")
        self.wait_for_samples()
        store = ("--store", self.store)
        for label, value in (("zone", "eu-1"), ("host", "web-3")):
            run = hearth("query", *store, "--format", "json", "labels", label)
            self.assertEqual([row[0] for row in json.loads(run.stdout)["rows"]], [value])
        run = hearth("sql", *store, "--format", "csv", "SELECT DISTINCT host FROM samples")
        self.assertEqual((run.returncode, run.stdout), (0, "host\nweb-3\n"))
        self.assertEqual(hearth("check", *store).returncode, 0)
        with open(self.at("x.folded"), "w", encoding="ascii") as f:
            f.write("c;f 1\n")
        for command in (("import", *store, self.at("x.folded")), ("check", *store, "--repair")):
            self.assert_failed(f"another writer has it open (pid={daemon.pid}", *command)
        run = hearth("merge", "-o", self.at("copy/hearth.db"), self.store)
        self.assertEqual(run.returncode, 0, run.stderr)

    def test_what_was_sampled_comes_back_from_an_export(self):
        self.filled_store()
        copy, stream = self.at("copy/hearth.db"), self.at("all.tsv")
        run = hearth("export", "--store", self.store, "-o", stream)
        self.assertEqual(run.returncode, 0, run.stderr)
        run = hearth("import", "--store", copy, stream)
        self.assertEqual(run.returncode, 0, run.stderr)
        for question in (
            ("export", "--format", "folded"),
            ("export", "--format", "folded", "--by", "thread", "--by", "exe", "--by", "start"),
            ("query", "--format", "csv", "series", "--by", "cgroup", "--step", "0.1"),
            ("query", "--format", "csv", "series", "--by", "pid", "--match", '{uid="0"}'),
            ("query", "--format", "csv", "labels", "tid"),
            (
                *("sql", "--format", "csv"),
                "SELECT time_ms, tid, comm, host, count FROM samples ORDER BY 1, 2",
            ),
        ):
            first, second = (hearth(*question, "--store", store) for store in (self.store, copy))
            self.assertEqual((first.returncode, second.returncode), (0, 0))
            self.assertGreater(first.stdout.count("\n"), 1, question)
            self.assertEqual(first.stdout, second.stdout, question)

    def test_one_daemon_a_store(self):
        daemon = self.start()
        self.assert_failed(
            str(daemon.pid), "serve", "--store", self.store, "--listen", "127.0.0.1:0"
        )
        self.assertIs(self.status()["running"], True)

    def test_a_port_in_use_is_told(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = "127.0.0.1:%d" % taken.getsockname()[1]
            self.assert_failed(address, "serve", "--store", self.store, "--listen", address)

    def test_a_daemon_that_does_not_answer_is_told(self):
        daemon = self.start()
        os.kill(daemon.pid, signal.SIGSTOP)
        try:
            run = hearth("status", "--store", self.store)
        finally:
            os.kill(daemon.pid, signal.SIGCONT)
        self.assertEqual(run.returncode, 1, run.stdout)
        self.assertIn(f"pid={daemon.pid}", run.stderr)

    def test_a_folder_that_others_can_write_is_refused(self):
        os.mkdir(self.at("store"))
        os.chmod(self.at("store"), 0o777)
        self.assert_failed(self.at("store"), "serve", "--store", self.store)
        self.assertEqual(os.listdir(self.at("store")), [])

    def test_without_privileges_it_says_what_to_do(self):
        for command in (["serve", "--store", self.store], ["record", "-d", "1"]):
            run = subprocess.run(
                ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
                + [cli.HEARTH, *command],
                stderr=subprocess.PIPE,
                text=True,
                timeout=SECONDS,
                check=False,
            )
            self.assertEqual(run.returncode, 1)
            self.assertIn("without CAP_BPF, CAP_PERFMON", run.stderr)
            self.assertIn("run it as root", run.stderr)


class AfterTheDaemon(FolderCase):
    def test_status_reads_the_store(self):
        self.filled_store()
        status = self.status()
        self.assertIs(status["running"], False)
        self.assertGreaterEqual(status["store"]["samples"], 10)
        self.assertIs(status["store"]["clean"], True)
        self.assertGreaterEqual(status["samples"]["taken"], 10)
        words = hearth("status", "--store", self.store).stdout
        self.assertIn("The daemon is not running; what follows is from the store.\n", words)

    def test_status_after_kill_9_says_that_it_was_no_orderly_end(self):
        daemon = self.start()
        self.wait_for_samples()
        daemon.kill()
        self.assertIs(self.status()["running"], False)
        words = hearth("status", "--store", self.store).stdout
        self.assertIn("did not end in order", words)

    def test_export_in_every_format(self):
        self.filled_store()
        for ending in ("pb.gz", "folded", "json", "tsv", "speedscope.json", "html"):
            to = self.at("x." + ending)
            run = hearth("export", "--store", self.store, "-o", to)
            self.assertEqual((run.returncode, run.stdout, run.stderr), (0, "", ""), ending)
            self.assertGreater(os.path.getsize(to), 50)
        with open(self.at("x.json"), encoding="utf-8") as f:
            samples = json.load(f)["samples"]
        self.assertEqual(samples, self.status()["store"]["samples"])
        folded = hearth("export", "--store", self.store).stdout
        self.assertEqual(samples, sum(int(l.rsplit(" ", 1)[1]) for l in folded.splitlines()))

    def test_a_terminal_gets_tables(self):
        self.filled_store()
        status, shown, told = hearth_on_terminal("export", "--store", self.store)
        self.assertEqual((status, told), (0, ""))
        self.assertIn("%", shown)
        self.assertNotIn(";", shown.splitlines()[0])
        status, shown, told = hearth_on_terminal(
            "diff", "--store", self.store, "-1h..now", "-1h..now"
        )
        self.assertEqual((status, told), (0, ""))
        self.assertRegex(shown, r"(?m)^A: \d+ samples, .* s of CPU\r$")
        self.assertRegex(shown, r"(?m)^ +[\d.]+% +[\d.]+% +\+0.00  \S")

    def test_ranges_without_samples_are_answers(self):
        self.filled_store()
        empty = ["--from", "2001-01-01T00:00:00Z", "--until", "2001-01-02T00:00:00Z"]
        run = hearth("export", "--store", self.store, *empty)
        self.assertEqual((run.returncode, run.stdout), (0, ""))
        self.assertIn("no samples in that range", run.stderr)

    def test_diff_of_a_range_with_itself_has_equal_sides(self):
        self.filled_store()
        run = hearth("diff", "--store", self.store, "-1h..now", "-1h..now")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertTrue(run.stdout)
        for line in run.stdout.splitlines():
            base, count = line.rsplit(" ", 2)[1:]
            self.assertEqual(base, count, line)

    def test_a_newer_store_is_refused_and_left_alone(self):
        self.filled_store()
        with sqlite3.connect(self.store) as store:
            version = store.execute("PRAGMA user_version").fetchone()[0]
            store.execute(f"PRAGMA user_version = {version + 1}")
        store.close()
        for command in (["export"], ["status"], ["serve", "--listen", "127.0.0.1:0"]):
            self.assert_failed(str(version + 1), *command, "--store", self.store)
        with sqlite3.connect(self.store) as store:
            self.assertEqual(store.execute("PRAGMA user_version").fetchone()[0], version + 1)
        store.close()


class Recording(FolderCase):
    def test_the_exit_status_is_the_commands(self):
        to = self.at("x.folded")
        not_executable = self.at("plain")
        with open(not_executable, "w", encoding="utf-8") as f:
            f.write("#!/bin/sh\n")
        for command, status in (
            (["sh", "-c", "exit 7"], 7),
            (["sh", "-c", "kill -9 $$"], 137),
            (["/nonexistent"], 127),
            ([not_executable], 126),
        ):
            run = hearth("record", "-o", to, "--", *command)
            self.assertEqual(run.returncode, status, run.stderr)

    def test_an_output_that_cannot_be_written_is_told_before_sampling(self):
        begun = time.monotonic()
        self.assert_failed("/nonexistent/x.json", "record", "-d", "20", "-o", "/nonexistent/x.json")
        self.assertLess(time.monotonic() - begun, 15)

    def test_a_folder_of_somebody_else_is_written_although_rights_were_given_up(self):
        os.mkdir(self.at("theirs"), 0o755)
        os.chown(self.at("theirs"), 65534, 65534)
        run = hearth("record", "-d", "0.3", "-o", self.at("theirs/x.json"))
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(os.listdir(self.at("theirs")), ["x.json"])

    def test_processes_that_do_not_exist_are_told(self):
        self.assert_failed("4194304", "record", "-p", "4194304", "-d", "1")

    def test_a_cgroup_that_does_not_exist_is_told(self):
        self.assert_failed("/no/such/cgroup", "record", "--cgroup", "/no/such/cgroup", "-d", "1")


if __name__ == "__main__":
    cli.HEARTH = sys.argv[1]
    doctor = hearth("doctor")
    if doctor.returncode != 0:
        print(doctor.stdout + "skipped: this kernel allows no sampling", file=sys.stderr)
        sys.exit(77)
    cli.main()
