#!/usr/bin/env python3
"""`hearth symbolize`: what it takes, what it prints, where names come from, and who parses.

cli_symbolize.py HEARTH SOURCE-DIR
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import cli
from cli import CliCase, hearth

NOBODY_AT_ALL = 54321

PROGRAM = """
static inline __attribute__((always_inline)) int leaf(int n) { return (n ^ 41) * n; }
__attribute__((noinline)) int outer(int n) { return leaf(n) + 1; }
static __attribute__((noinline)) int hidden(int n) { return n - outer(n); }
int main(int argc, char **argv) { (void)argv; return hidden(argc); }
"""


def run(*command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **more).stdout


def address_of(program, symbol):
    for line in run("nm", program).splitlines():
        fields = line.split()
        if fields[-1] == symbol:
            return int(fields[0], 16)
    raise AssertionError(f"{program} has no {symbol}")


def code_of(program):
    """[start, end) of .text."""
    fields = re.search(
        r"\] \.text\s+PROGBITS\s+(\w+) (\w+) (\w+)", run("readelf", "-SW", program)
    )
    return int(fields[1], 16), int(fields[1], 16) + int(fields[3], 16)


def frames(program, addresses, *options, trouble=""):
    """The answers of --json by address; what is wrong with the program is told on stderr."""
    text = "".join(f"{address:x}\n" for address in addresses)
    with tempfile.TemporaryFile("w+") as asked:
        asked.write(text)
        asked.seek(0)
        told = hearth("symbolize", "--json", *options, program, stdin=asked)
    if told.returncode or (trouble not in told.stderr if trouble else told.stderr):
        raise AssertionError(f"{trouble!r}: {told.stderr!r}")
    answers = [json.loads(line) for line in told.stdout.splitlines()]
    if [int(answer["address"], 16) for answer in answers] != list(addresses):
        raise AssertionError("not every address was answered, in order")
    return {int(answer["address"], 16): answer["frames"] for answer in answers}


def brief(lines):
    return [(line["function"], line["file"], line["line"]) for line in lines]


class Symbolize(CliCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp()
        os.chmod(cls.dir, 0o755)
        source = os.path.join(cls.dir, "a.c")
        with open(source, "w", encoding="ascii") as f:
            f.write(PROGRAM)
        cls.full = os.path.join(cls.dir, "full")
        run("gcc", "-g", "-O2", "-o", cls.full, source)
        cls.debug = os.path.join(cls.dir, "full.debug")
        run("objcopy", "--only-keep-debug", cls.full, cls.debug)
        cls.linked = os.path.join(cls.dir, "linked")
        run("objcopy", "-S", f"--add-gnu-debuglink={cls.debug}", cls.full, cls.linked)
        outer = address_of(cls.full, "outer")
        answers = frames(cls.full, range(outer, outer + 16))
        cls.inlined = next(at for at, lines in answers.items() if len(lines) == 2)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.dir)

    def test_words_are_those_of_addr2line(self):
        inlined = f"{self.inlined:x}"
        ours = hearth("symbolize", "-a", self.full, inlined, "0")
        self.assertEqual((ours.returncode, ours.stderr), (0, ""))
        theirs = run("addr2line", "-a", "-f", "-i", "-C", "-p", "-e", self.full, inlined, "0")
        self.assertEqual(ours.stdout, theirs)
        self.assertIn(" (inlined by) outer at ", ours.stdout)

    def test_json_has_every_field(self):
        leaf, caller = frames(self.full, [self.inlined])[self.inlined]
        self.assertEqual(leaf["function"], "leaf")
        self.assertEqual((leaf["inlined"], caller["inlined"]), (True, False))
        self.assertEqual((leaf["line"], caller["line"]), (2, 3))
        self.assertGreater(leaf["column"], 0)
        self.assertEqual(caller["system_name"], "outer")
        self.assertTrue(caller["file"].endswith("/a.c"))
        self.assertEqual(frames(self.full, [1])[1], [])

    def test_positions_in_the_file_are_taken_too(self):
        start, _ = code_of(self.full)
        text = run("readelf", "-SW", self.full)
        offset = int(re.search(r"\] \.text\s+PROGBITS\s+(\w+) (\w+)", text)[2], 16)
        at = address_of(self.full, "outer")
        moved = at - start + offset
        self.assertEqual(
            frames(self.full, [at])[at], frames(self.full, [moved], "--offsets")[moved]
        )

    def test_many_addresses_come_from_stdin_in_order(self):
        start, end = code_of(self.full)
        addresses = list(range(start, end)) * 20
        self.assertGreater(len(addresses), 4096)
        answers = frames(self.full, addresses)
        self.assertEqual(brief(answers[address_of(self.full, "main")])[-1][0], "main")

    def test_the_order_is_that_of_the_question_whatever_it_is(self):
        start, end = code_of(self.full)
        up = list(range(start, end, 8))
        mixed = up[::-1] + up[::3] + up
        told = run(cli.HEARTH, "symbolize", "-a", self.full, *(hex(at) for at in mixed))
        answers = re.split(r"^(0x[0-9a-f]{16}): ", told, flags=re.MULTILINE)[1:]
        self.assertEqual([int(at, 16) for at in answers[::2]], mixed)
        by_address = dict(zip(mixed, answers[1::2]))
        self.assertEqual([by_address[at] for at in mixed], answers[1::2])
        self.assertGreater(len(set(by_address.values())), 5)

    def test_a_line_is_answered_before_the_next_is_typed(self):
        with subprocess.Popen(
            [cli.HEARTH, "symbolize", self.full],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as asked:
            asked.stdin.write(f"{self.inlined:#x}\n")
            asked.stdin.flush()
            self.assertTrue(asked.stdout.readline().startswith("leaf at "))
            self.assertTrue(asked.stdout.readline().startswith(" (inlined by) outer at "))
            asked.stdin.write("0")  # the last line may end without a newline
            asked.stdin.close()
            self.assertEqual(asked.stdout.read(), "?? ??:0\n")

    def test_a_debug_file_says_what_was_stripped(self):
        start, end = code_of(self.full)
        full = frames(self.full, range(start, end))
        self.assertEqual(frames(self.linked, range(start, end)), full)
        os.rename(self.debug, self.debug + ".away")
        hidden = address_of(self.full, "hidden")
        try:
            self.assertEqual(frames(self.linked, [hidden])[hidden], [])
        finally:
            os.rename(self.debug + ".away", self.debug)

    def test_a_debug_file_with_another_crc_is_not_believed(self):
        hidden = address_of(self.full, "hidden")
        with open(self.debug, "ab") as f:
            f.write(b"x")
        try:
            self.assertEqual(frames(self.linked, [hidden])[hidden], [])
        finally:
            os.truncate(self.debug, os.path.getsize(self.debug) - 1)

    def test_debug_files_of_packages_are_found_by_build_id(self):
        libc = "/usr/lib/x86_64-linux-gnu/libc.so.6"
        build_id = re.search(r"Build ID: (\w+)", run("readelf", "-n", libc))[1]
        debug = f"/usr/lib/debug/.build-id/{build_id[:2]}/{build_id[2:]}.debug"
        if not os.path.exists(debug):
            self.skipTest("libc6-dbg is not installed")
        at = address_of(debug, "__libc_start_call_main")
        frame = frames(libc, [at])[at][-1]
        self.assertEqual(frame["function"], "__libc_start_call_main")
        self.assertTrue(frame["file"].endswith("libc_start_call_main.h"))

    def test_it_works_without_root(self):
        if os.geteuid() != 0:
            self.skipTest("we are not root anyway")
        inlined = f"{self.inlined:x}"
        told = hearth("symbolize", self.linked, inlined, user=NOBODY_AT_ALL, extra_groups=[])
        self.assertEqual((told.returncode, told.stderr), (0, ""))
        self.assertIn(" (inlined by) outer at ", told.stdout)
        secret = os.path.join(self.dir, "secret")
        shutil.copy(self.full, secret)
        os.chmod(secret, 0o600)
        self.assert_failed("Permission denied", "symbolize", secret, "0", user=NOBODY_AT_ALL)

    def test_what_is_not_elf_and_wrong_usage_are_told(self):
        self.assert_usage("which FILE?", "symbolize")
        self.assert_usage("`main` is no address", "symbolize", self.full, "main")
        self.assert_failed("not an ELF file", "symbolize", "/etc/passwd", "0")
        self.assert_failed("not a regular file", "symbolize", self.dir, "0")
        self.assert_failed("No such file", "symbolize", f"{self.dir}/none", "0")
        with tempfile.TemporaryFile() as asked:
            asked.write(b"x" * 100000)
            asked.seek(0)
            self.assert_failed("is no address", "symbolize", self.full, stdin=asked)


@unittest.skipUnless(shutil.which("go"), "there is no Go compiler")
class Stripped(CliCase):
    """`_start` and `main` of programs without symbols: where their code says so, only there."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.dir = folder.name
        self.source = os.path.join(self.dir, "a.c")
        with open(self.source, "w", encoding="ascii") as f:
            f.write(PROGRAM)

    def built(self, *options):
        """A program and its stripped twin."""
        whole, stripped = (os.path.join(self.dir, name) for name in ("whole", "stripped"))
        run("gcc", "-O2", *options, "-o", whole, self.source)
        run("strip", "-o", stripped, whole)
        return whole, stripped

    def told(self, program, addresses):
        answers = frames(program, addresses)
        return [answers[at][-1]["function"] if answers[at] else None for at in addresses]

    def test_they_are_named_as_in_the_whole_program(self):
        for options in (["-pie"], ["-no-pie"], ["-static-pie"], ["-static"]):
            whole, stripped = self.built(*options)
            begins = [address_of(whole, name) for name in ("_start", "main")]
            addresses = sorted({at for begin in begins for at in range(begin - 16, begin + 64)})
            names = self.told(whole, addresses), self.told(stripped, addresses)
            for right, name in zip(*names):
                self.assertIn(name, {None, right}, options)
            for name in ("_start", "main"):
                there = [found.count(name) for found in names]
                # Static programs have no .eh_frame_hdr, without which main's size is not known.
                expected = 1 if (name, options) == ("main", ["-static"]) else there[0]
                self.assertEqual(there[1], expected, (options, name))

    def test_other_code_at_the_entry_names_nothing(self):
        whole, stripped = self.built()
        with open(stripped, "rb") as file:
            data = bytearray(file.read())
        start = data.index(bytes.fromhex("31ed4989d15e"))  # its address as well: a PIE's .text
        for at in (*range(22), 27, 28, 33):
            changed = bytearray(data)
            changed[start + at] ^= 0x40
            with open(stripped, "wb") as file:
                file.write(changed)
            addresses = [address_of(whole, "_start"), address_of(whole, "main")]
            self.assertEqual(self.told(stripped, addresses), [None, None], at)

    def test_without_unwind_information_only_the_beginning_of_main_is_sure(self):
        whole, stripped = self.built()
        with open(stripped, "rb") as file:
            data = file.read()
        header = re.search(r"GNU_EH_FRAME\s+0x(\w+)", run("readelf", "-lW", stripped))
        at = int(header[1], 16)
        with open(stripped, "wb") as file:
            file.write(data[:at] + b"\x02" + data[at + 1 :])
        main = address_of(whole, "main")
        self.assertEqual(self.told(stripped, [main, main + 1]), ["main", None])


class Go(CliCase):
    """A stripped Go program says what the same one with debug information says."""

    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp()
        cls.environment = {
            **os.environ,
            "GOCACHE": os.path.join(os.path.dirname(os.path.abspath(cli.HEARTH)), "go-cache"),
            "GOFLAGS": "",
            "GO111MODULE": "off",
            "CGO_ENABLED": "0",
        }

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.dir)

    def build(self, name, *options):
        made = os.path.join(self.dir, name)
        source = os.path.join(cli.SOURCE, "tests/programs/stripped.go")
        run("go", "build", *options, "-o", made, source, env=self.environment)
        return made

    def compare(self, full, stripped):
        start, end = code_of(full)
        self.assertEqual(code_of(stripped), (start, end))
        addresses = range(start, end, 7)
        expected, told = frames(full, addresses), frames(stripped, addresses)
        differ = [at for at in addresses if brief(expected[at]) != brief(told[at])]
        # What the compiler made up has a place in the table, and a file without a name in DWARF.
        made_up = [at for at in differ if told[at] and "<autogenerated>" in brief(told[at])[-1]]
        self.assertLessEqual(len(differ) - len(made_up), len(addresses) // 10000)
        self.assertLess(len(made_up), len(addresses) // 100)
        self.assertGreater(sum(len(lines) > 1 for lines in told.values()), len(addresses) // 10)
        return told

    def test_a_stripped_program_is_named_as_the_whole_one(self):
        full = self.build("full")
        told = self.compare(full, self.build("stripped", "-ldflags=-s -w"))
        names = {frame["function"] for lines in told.values() for frame in lines}
        self.assertIn("main.cold", names)
        self.assertIn("main.middle", names)
        self.assertIn("main.main.func1", names)
        again = os.path.join(self.dir, "again")
        run("strip", "-o", again, full)
        self.compare(full, again)

    def test_so_is_a_position_independent_one(self):
        full = self.build("full_pie", "-buildmode=pie")
        self.compare(full, self.build("stripped_pie", "-buildmode=pie", "-ldflags=-s -w"))


if __name__ == "__main__":
    cli.main()
