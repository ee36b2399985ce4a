#!/usr/bin/env python3
"""Wrong usage and missing things: exit status and sentence. Needs no privileges.

cli_usage.py HEARTH SOURCE-DIR
"""

import json
import os
import re
import subprocess
import tempfile

import cli
from cli import CliCase, hearth, hearth_on_terminal

COMMANDS = (
    *("record", "serve", "export", "query", "sql", "import", "merge", "diff"),
    *("top", "status", "check", "doctor", "symbolize", "unwind-table"),
)


class Program(CliCase):
    def test_no_command_is_wrong_usage_and_tells_the_commands(self):
        run = hearth()
        self.assertEqual((run.returncode, run.stdout), (2, ""))
        for command in COMMANDS:
            self.assertRegex(run.stderr, rf"(?m)^  {command} ")

    def test_help_and_version_are_answers(self):
        run = hearth("--help")
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        self.assertEqual(run.stdout, hearth().stderr)
        version = hearth("--version")
        self.assertEqual((version.returncode, version.stderr), (0, ""))
        self.assertRegex(version.stdout, r"^hearth \d+\.\d+\.\d+\n$")
        for command in COMMANDS:
            self.assertEqual(hearth(command, "--version").stdout, version.stdout)

    def test_top_refuses_what_it_cannot_show(self):
        self.assert_usage('"colour" is not self, total or name', "top", "--sort", "colour")
        self.assert_usage('"pod" is not all, program', "top", "--by", "pod")
        self.assert_usage('"(" is not a regular expression', "top", "--filter", "(")
        self.assert_usage("--pid and --match", "top", "-p", "1", "--match", '{comm="a"}')
        self.assert_usage("unexpected argument", "top", "now")
        self.assert_failed("no such store", "top", "--store", "/nowhere/hearth.db")

    def test_unknown_commands_get_a_suggestion(self):
        self.assert_usage('unknown command "exprot"; did you mean export?', "exprot")
        self.assert_usage('unknown command "xyzzy"', "xyzzy")
        self.assert_usage('unknown option "--frobnicate"', "--frobnicate")

    def test_every_help_shows_usage_and_an_example(self):
        for command in COMMANDS:
            run = hearth(command, "--help")
            self.assertEqual((run.returncode, run.stderr), (0, ""), command)
            self.assertTrue(run.stdout.startswith(f"Usage: hearth {command} "), command)
            self.assertIn("\nExamples:\n", run.stdout, command)
            self.assertEqual(run.stdout, hearth(command, "-h").stdout)

    def test_the_examples_of_help_are_right_usage(self):
        """Each is taken up to a wrong option behind it: what stands before it was accepted."""
        examples = 0
        for command in COMMANDS:
            shown = hearth(command, "--help").stdout.split("\nExamples:\n")[1]
            for line in re.findall(r"^  (?:sudo )?(hearth .*)$", shown, re.M):
                line = line.replace("$(pidof nginx | tr ' ' ,)", "12")
                line = re.sub(r"\| .*|-- .*", "", line)
                line = line.replace("hearth", '"$0"', 1) + " --nonsense-here"
                run = subprocess.run(
                    ["bash", "-c", line, cli.HEARTH],
                    stderr=subprocess.PIPE,
                    stdin=subprocess.DEVNULL,
                    text=True,
                    check=False,
                )
                self.assertIn("unknown option --nonsense-here", run.stderr, line)
                examples += 1
        self.assertGreater(examples, 10)

    def test_a_full_disk_behind_stdout_is_a_failure(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            run = subprocess.run(
                [cli.HEARTH, "--help"], stdout=full, stderr=subprocess.PIPE, check=False
            )
        self.assertEqual(run.returncode, 1)
        self.assertIn(b"cannot write to stdout", run.stderr)


class Arguments(CliCase):
    """Wrong arguments are told before anything is opened: no store of that name exists."""

    def test_times(self):
        for wrong in ("yesterday", "-5", "2026-02-30T00:00:00Z", "15m"):
            self.assert_usage(f'--from: "{wrong}" is not a time', "export", "--from", wrong)
        self.assert_usage(
            "--from is not before --until", "export", "--from", "now", "--until", "-1h"
        )

    def test_selectors(self):
        self.assert_usage("--match: ", "export", "--match", '{comm="x"')
        self.assert_usage("--match: ", "export", "--match", '{comm=~"("}')
        self.assert_usage("--match: ", "diff", "--match", "=", "-2h..-1h", "-1h..now")

    def test_formats(self):
        self.assert_usage(
            'unknown format "flaem" (did you mean flame?)', "export", "--format", "flaem"
        )
        self.assert_usage("x.doc names no format", "export", "-o", "x.doc")
        self.assert_usage("x.doc names no format", "record", "-o", "x.doc")
        self.assert_usage(
            "--by is for --format folded, flame and html",
            *("export", "--by", "pid", "-o", "x.json"),
        )
        self.assert_usage(
            "samples cannot hold a comparison",
            *("diff", "-2h..-1h", "-1h..now", "--format", "samples"),
        )

    def test_bytes_are_not_for_terminals(self):
        for command in (["export"], ["record", "-d", "1"]):
            status, shown, told = hearth_on_terminal(*command, "--format", "pprof")
            self.assertEqual((status, shown), (2, ""))
            self.assertIn("write it with -o FILE.pb.gz", told)

    def test_frequencies(self):
        for wrong in ("0", "18", "10001", "99.5", "-1"):
            for command in ("record", "serve"):
                self.assert_usage("is not a number from 19 to 10000", command, "-F", wrong)

    def test_ranges(self):
        self.assert_usage("two ranges or files are wanted", "diff", "-2h..-1h")
        self.assert_usage("is not a range T..T", "diff", "-1h", "-1h..now")
        self.assert_usage("is empty", "diff", "-1h..-2h", "-1h..now")
        self.assert_usage("is not a range T..T", "diff", "/nowhere/a.pb.gz", "-1h..now")
        self.assert_usage(
            "--match is for ranges", *("diff", "--match", '{comm="a"}', "/etc/passwd", "/etc/group")
        )

    def test_listen(self):
        self.assert_usage("--token-file FILE is required", "serve", "--listen", "0.0.0.0:7979")
        self.assert_usage("nowhere", "serve", "--listen", "nowhere")

    def test_commands_of_record(self):
        self.assert_usage("a command follows --: hearth record -- ls", "record", "ls")
        self.assert_usage("say with -o FILE", "record", "--", "ls")


class Missing(CliCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def at(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, content, mode=0o600):
        with open(self.at(name), "w", encoding="utf-8") as f:
            f.write(content)
        os.chmod(self.at(name), mode)
        return self.at(name)

    def test_no_store(self):
        store = self.at("none.db")
        for command in (["export"], ["status"], ["diff", "-2h..-1h", "-1h..now"]):
            self.assert_failed(store, *command, "--store", store)
        self.assertEqual(os.listdir(self.folder), [])

    def test_what_is_no_store(self):
        store = self.write("text.db", "not a store\n" * 1000)
        os.chmod(self.folder, 0o750)
        self.assert_failed(store, "export", "--store", store)

    def test_an_output_that_cannot_be_written(self):
        self.assert_failed(
            "cannot write /nonexistent/x.json: No such file", "export", "-o", "/nonexistent/x.json"
        )
        self.assert_failed(
            f"cannot write {self.folder}: ", "export", "--format", "json", "-o", self.folder
        )
        self.assert_failed("cannot write /proc/x.json: ", "export", "-o", "/proc/x.json")

    def test_a_failed_export_leaves_what_was_there(self):
        there = self.write("old.json", "precious")
        self.assert_failed("none.db", "export", "--store", self.at("none.db"), "-o", there)
        with open(there, encoding="utf-8") as f:
            self.assertEqual(f.read(), "precious")
        self.assertEqual(os.listdir(self.folder), ["old.json"])

    def test_token_files(self):
        wrong = {
            "has mode 0644": self.write("a", "s3cret\n", 0o644),
            "is empty": self.write("b", ""),
            "not one line of printable ASCII": self.write("c", "two words\n"),
            "No such file": self.at("none"),
            "not a regular file": self.folder,
        }
        for sentence, path in wrong.items():
            self.assert_failed(sentence, "serve", "--listen", "0.0.0.0:0", "--token-file", path)

    def test_configurations(self):
        path = self.write("x.conf", "# fine\nfrequenzy = 99\n")
        self.assert_usage(
            f'{path}:2: unknown key "frequenzy"; did you mean "frequency"?',
            "serve",
            "--config",
            path,
        )
        path = self.write("y.conf", "listen = 0.0.0.0:7979\n")
        self.assert_usage("--token-file FILE is required", "serve", "--config", path)
        self.assert_failed("No such file", "serve", "--config", self.at("none.conf"))

    def test_every_line_of_the_sample_configuration_is_a_right_one(self):
        with open(os.path.join(cli.SOURCE, "profiler/dist/hearth.conf"), encoding="utf-8") as f:
            lines = re.sub(r"(?m)^#(?=[a-z-]+ = )", "", f.read())
        self.assertIn("\nfrequency = 99\n", lines)
        path = self.write("sample.conf", lines)
        # Refused for the one thing that is wrong: everything before was accepted.
        self.assert_usage(
            "--detail-time is longer", "serve", "--config", path, "--detail-time", "31d"
        )


class Doctor(CliCase):
    def test_status_says_whether_sampling_is_possible(self):
        run = hearth("doctor", "--json")
        report = json.loads(run.stdout)
        self.assertEqual(run.returncode, 0 if report["can_sample"] else 1)
        for feature in report["features"]:
            self.assertTrue(feature["found"], feature)
            self.assertEqual(feature["there"], not feature["advice"], feature)
            self.assertEqual(feature["there"], not feature["cost"], feature)
        needed = [f["there"] for f in report["features"] if f["needed"]]
        self.assertEqual(all(needed), report["can_sample"])

    def test_without_privileges_it_says_what_to_do(self):
        if os.geteuid() != 0:
            self.skipTest("is without privileges already")
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", cli.HEARTH]
        run = subprocess.run([*nobody, "doctor"], stdout=subprocess.PIPE, text=True, check=False)
        self.assertEqual(run.returncode, 1)
        self.assertRegex(run.stdout, r"(?m)^MISSING  root +uid 65534, without CAP_BPF")
        self.assertRegex(run.stdout, r"(?m)^MISSING  bpf ")
        self.assertIn("to do: run it as root", run.stdout)
        self.assertIn("This host cannot be sampled", run.stdout)

    def probed_without(self, *hide):
        """The features as doctor finds them in a mount namespace where something is hidden."""
        if os.geteuid() != 0:
            self.skipTest("needs root to hide a part of the system")
        script = " && ".join([*hide, 'exec "$0" doctor --json'])
        run = subprocess.run(
            ["unshare", "--mount", "bash", "-c", script, cli.HEARTH],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        self.assertEqual(run.stderr, "")
        report = json.loads(run.stdout)
        self.assertEqual(run.returncode, 0 if report["can_sample"] else 1)
        return {feature["name"]: feature for feature in report["features"]}

    def test_missing_type_information_is_found(self):
        found = self.probed_without("mount --bind /dev/null /sys/kernel/btf/vmlinux")
        self.assertFalse(found["btf"]["there"])
        self.assertTrue(found["btf"]["needed"])
        self.assertIn("CONFIG_DEBUG_INFO_BTF", found["btf"]["advice"])
        self.assertFalse(found["mappings"]["there"])

    def test_hidden_kernel_symbols_are_found(self):
        found = self.probed_without("mount --bind /dev/null /proc/kallsyms")
        self.assertFalse(found["kallsyms"]["there"])
        self.assertIn("kptr_restrict", found["kallsyms"]["advice"])

    def test_missing_cgroups_are_found(self):
        found = self.probed_without("umount --recursive --lazy /sys/fs/cgroup")
        self.assertFalse(found["cgroup"]["there"])
        found = self.probed_without(
            "umount --recursive --lazy /sys/fs/cgroup", "mount -t cgroup2 none /sys/fs/cgroup"
        )
        self.assertEqual(found["cgroup"]["found"], "v2")

    def test_each_capability_is_looked_at(self):
        if os.geteuid() != 0:
            self.skipTest("needs root to give up capabilities")
        for gone, there in (("bpf", False), ("perfmon", False), ("sys_ptrace", True)):
            drop = f"-{gone},-sys_admin"
            run = subprocess.run(
                ["setpriv", f"--bounding-set={drop}", f"--inh-caps={drop}"]
                + [cli.HEARTH, "doctor", "--json"],
                stdout=subprocess.PIPE,
                text=True,
                check=False,
            )
            root = json.loads(run.stdout)["features"][0]
            self.assertEqual(root["name"], "root")
            self.assertEqual(root["there"], there, gone)
            self.assertIn(f"without CAP_{gone.upper()}", root["found"])
            if not there:
                self.assertEqual(run.returncode, 1)


if __name__ == "__main__":
    cli.main()
