#!/usr/bin/env python3
"""Files that nobody's compiler wrote: each is named, or not, within bounds, and others are named.

symbolize_hostile.py HEARTH SOURCE-DIR
"""

import lzma
import os
import resource
import shutil
import struct
import tempfile
import time
import zlib

import cli
import elf_writer as elf
from cli import CliCase, hearth
from cli_symbolize import frames

SECONDS_MAX = 8  # of CPU: a worker of the daemon may take 10 s for one file
CU, SUBPROGRAM = 0x11, 0x2E
NAME, LOW, HIGH, ORIGIN, RANGES = 0x03, 0x11, 0x12, 0x31, 0x55
STRING, ADDR, DATA4, REF4, INDIRECT, SEC_OFFSET = 0x08, 0x01, 0x06, 0x13, 0x16, 0x17
UNIT_HEADER_BYTES = 11
# What is told of a file, some of which is not used.
BAD_NAMES = "some of its symbols have names that are too long, or no end"
BAD_UNITS = "some of its debug information cannot be read"
TOO_LARGE = "it is too large when it is inflated"


class Hostile(CliCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp()

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.dir)

    def setUp(self):
        self.path = os.path.join(self.dir, self.id().rsplit(".", maxsplit=1)[-1])
        self.before = resource.getrusage(resource.RUSAGE_CHILDREN)

    def tearDown(self):
        now = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = now.ru_utime + now.ru_stime - self.before.ru_utime - self.before.ru_stime
        self.assertLess(spent, SECONDS_MAX)

    def write(self, *sections, **header):
        elf.write(self.path, [elf.text(), *sections], **header)
        return self.path

    def name_of(self, address, trouble=""):
        """The outermost function there; None where nobody knows. What is told on stderr."""
        lines = frames(self.path, [address], trouble=trouble)[address]
        return lines[-1]["function"] if lines else None

    def test_a_plain_one_is_named(self):
        self.write(*elf.symbols([b"first", b"second"]))
        self.assertEqual(self.name_of(elf.TEXT_AT + 15), "first")
        self.assertEqual(self.name_of(elf.TEXT_AT + 16), "second")
        self.assertIsNone(self.name_of(elf.TEXT_AT + 32))

    def test_a_count_of_2_to_the_40_sections(self):
        """Extended numbering: the count stands in the size of section 0."""
        zero = bytes(32) + struct.pack("<Q", 1 << 40) + bytes(24)
        self.write(*elf.symbols([b"first"]), n_sections=0, zero=zero)
        self.assert_failed("a corrupt ELF file", "symbolize", self.path, f"{elf.TEXT_AT:x}")

    def test_a_section_past_the_end_of_the_file(self):
        strings = elf.symbols([b"first"])
        strings[0]["size"] = 1 << 62
        strings[1]["size"] = (1 << 64) - 1
        self.write(*strings)
        self.assertIn(self.name_of(elf.TEXT_AT, BAD_NAMES), (None, "first"))

    def test_a_name_of_100_megabytes(self):
        self.write(*elf.symbols([b"x", b"y"], strings=b"\0" + b"a" * 100_000_000))
        self.assertIsNone(self.name_of(elf.TEXT_AT, BAD_NAMES))

    def test_a_long_name_is_cut_and_says_so(self):
        self.write(*elf.symbols([b"a" * 1_000_000]))
        name = self.name_of(elf.TEXT_AT)
        self.assertLess(len(name.encode()), 4096)
        self.assertTrue(name.endswith("…"))

    def test_names_of_control_characters_do_not_reach_the_terminal(self):
        self.write(*elf.symbols([b"a\x1b[2J\x07\nb", b"\xff\xfe"]))
        told = hearth("symbolize", self.path, f"{elf.TEXT_AT:x}")
        self.assertEqual(told.stdout, "a?[2J??b at ??:?\n")
        self.assertEqual(self.name_of(elf.TEXT_AT), "a\x1b[2J\x07\nb")
        self.assertEqual(self.name_of(elf.TEXT_AT + 16), "\ufffd\ufffd")

    def test_a_mangled_name_that_explodes(self):
        """Each S_ doubles what the one before stands for."""
        name = b"_Z1f" + b"St4pairI" * 40 + b"ii" + b"E" + b"S_" * 200
        references = b"_D1f" + b"QbQbQbQbQbQb" * 30
        self.write(*elf.symbols([name, references]))
        self.assertIsNotNone(self.name_of(elf.TEXT_AT))
        self.assertIsNotNone(self.name_of(elf.TEXT_AT + 16))

    # ---- DWARF ----

    def dwarf(self, abbreviations, entries, *more):
        self.write(
            *elf.symbols([b"symbol"]),
            elf.section(".debug_abbrev", b"".join(abbreviations) + b"\0"),
            elf.section(".debug_info", elf.unit(entries)),
            *more,
        )

    def code(self):
        return struct.pack("<QI", elf.TEXT_AT, 16)

    def test_origins_in_a_circle(self):
        """Each function is an instance of the other; neither has a name."""
        root = elf.abbreviation(1, CU, 1, (LOW, ADDR), (HIGH, DATA4))
        function = elf.abbreviation(2, SUBPROGRAM, 0, (LOW, ADDR), (HIGH, DATA4), (ORIGIN, REF4))
        first = UNIT_HEADER_BYTES + 1 + 12
        second = first + 1 + 12 + 4
        entries = b"\1" + self.code()
        entries += b"\2" + self.code() + struct.pack("<I", second)
        entries += b"\2" + self.code() + struct.pack("<I", first) + b"\0"
        self.dwarf([root, function], entries)
        self.assertEqual(self.name_of(elf.TEXT_AT), "symbol")

    def test_a_form_that_stands_for_itself(self):
        root = elf.abbreviation(1, CU, 0, (LOW, ADDR), (HIGH, DATA4), (NAME, INDIRECT))
        self.dwarf([root], b"\1" + self.code() + bytes([INDIRECT]) * 1_000_000)
        self.assertEqual(self.name_of(elf.TEXT_AT, BAD_UNITS), "symbol")

    def test_an_abbreviation_of_a_million_attributes(self):
        root = elf.abbreviation(1, CU, 0, *[(LOW, ADDR), (NAME, STRING)] * 500_000)
        self.dwarf([root], b"\1" + self.code())
        self.assertEqual(self.name_of(elf.TEXT_AT, BAD_UNITS), "symbol")

    def test_entries_nested_a_million_deep(self):
        root = elf.abbreviation(1, CU, 1, (LOW, ADDR), (HIGH, DATA4))
        function = elf.abbreviation(2, SUBPROGRAM, 1, (LOW, ADDR), (HIGH, DATA4), (NAME, STRING))
        block = elf.abbreviation(3, 0x0B, 1)
        entries = b"\1" + self.code() + b"\2" + self.code() + b"deep\0" + b"\3" * 1_000_000
        self.dwarf([root, function, block], entries)
        self.assertIn(self.name_of(elf.TEXT_AT), ("deep", "symbol"))

    def test_ranges_without_an_end(self):
        root = elf.abbreviation(1, CU, 0, (RANGES, SEC_OFFSET))
        pairs = struct.pack("<QQ", elf.TEXT_AT, elf.TEXT_AT + 16) * 500_000
        self.dwarf([root], b"\1" + bytes(4), elf.section(".debug_ranges", pairs))
        self.assertEqual(self.name_of(elf.TEXT_AT), "symbol")

    # ---- what is packed ----

    def test_a_section_that_claims_an_exabyte(self):
        for claim in (1 << 60, (1 << 64) - 1):
            self.write(
                *elf.symbols([b"symbol"]),
                elf.compressed(".debug_info", zlib.compress(b"x" * 1000), claim),
            )
            self.assertEqual(self.name_of(elf.TEXT_AT, TOO_LARGE), "symbol")

    def test_minidebuginfo_that_grows_without_bounds(self):
        packer = lzma.LZMACompressor(preset=1)
        packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(256)) + packer.flush()
        self.assertLess(len(packed), 1 << 20)
        self.write(elf.section(".gnu_debugdata", packed))
        self.assertIsNone(self.name_of(elf.TEXT_AT, TOO_LARGE))

    # ---- what it points to ----

    def linked(self, name):
        link = name.encode() + b"\0"
        link += bytes(-len(link) % 4) + struct.pack("<I", 0x12345678)
        self.write(*elf.symbols([b"symbol"]), elf.section(".gnu_debuglink", link))

    def test_a_debug_file_that_is_no_file(self):
        pipe, device, secret = (
            os.path.join(self.dir, name) for name in ("pipe.debug", "null.debug", "shadow.debug")
        )
        os.mkfifo(pipe)
        os.symlink("/dev/zero", device)
        os.symlink("/etc/shadow", secret)
        for path in (pipe, device, secret, self.dir):
            self.linked(os.path.basename(path))
            begun = time.monotonic()
            self.assertEqual(self.name_of(elf.TEXT_AT), "symbol")
            self.assertLess(time.monotonic() - begun, cli.SECONDS)

    def test_a_debug_file_of_ten_gigabytes(self):
        huge = os.path.join(self.dir, "huge.debug")
        with open(huge, "wb") as f:
            f.truncate(10 << 30)
        self.linked("huge.debug")
        self.assertEqual(self.name_of(elf.TEXT_AT), "symbol")
        os.unlink(huge)

    def test_a_debug_file_that_is_the_file_itself(self):
        self.linked(os.path.basename(self.path))
        self.assertEqual(self.name_of(elf.TEXT_AT), "symbol")

    def test_an_alternate_file_that_is_a_secret(self):
        alt = b"/etc/shadow\0" + b"\1" * 20
        self.write(*elf.symbols([b"symbol"]), elf.section(".gnu_debugaltlink", alt))
        self.assertEqual(self.name_of(elf.TEXT_AT), "symbol")


if __name__ == "__main__":
    cli.main()
