#!/usr/bin/env python3
"""The caps of a symbolizer worker: more debug information than its memory holds is read all the
same, and what cannot be inflated ends in a reason, with names from the symbol table.

The large file is one unit of C++ many times over; tests/bench/bench_symbolize.py has a real one.
"""

import json
import os
import shutil
import struct
import subprocess
import tempfile
import unittest

import elf_writer as elf
import host

CAP_BYTES = 128 << 20
DEBUG_BYTES = 160_000_000
COPIES = 100
PLACES = 5_000
COMPRESSION_HEADER = struct.Struct("<IIQQ")
PART = """
#include <functional>
#include <map>
#include <regex>
#include <string>
#include <unordered_map>
#include <vector>
int work(const char *text)
{
	std::regex words("([a-z]+)|([0-9]+)");
	std::map<std::string, std::vector<int>> found;
	std::unordered_map<std::string, std::function<int(int)>> by_name;
	std::string s(text);
	for (std::sregex_iterator it(s.begin(), s.end(), words), end; it != end; ++it)
		found[it->str()].push_back((int)it->position());
	for (auto &f : found)
		by_name[f.first] = [n = f.second.size()](int k) { return (int)n * k; };
	int sum = 0;
	for (auto &f : by_name)
		sum += f.second(3);
	return sum;
}
"""


def run(*command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **more).stdout


def named(path, places):
    """What name_file says of that many random places."""
    tool = os.path.join(host.BUILD, "tests", "name_file")
    return json.loads(run(tool, path, str(places), timeout=120))


def section_of(path, name):
    """(position, size) in the file."""
    for line in run("readelf", "-SW", path).splitlines():
        fields = line.replace("[ ", "[").split()
        if len(fields) > 5 and fields[1] == name:
            return int(fields[4], 16), int(fields[5], 16)
    raise AssertionError(f"{path} has no {name}")


class Large(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="hearth-caps-", dir="/var/tmp")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        run("g++", "-g", "-O2", "-fPIC", "-xc++", "-c", "-", "-o", cls.at("part.o"), input=PART)
        parts = [cls.at(f"part{i}.o") for i in range(COPIES)]
        for i, part in enumerate(parts):
            run("objcopy", f"--prefix-symbols=c{i}_", cls.at("part.o"), part)
        cls.plain = cls.at("plain.so")
        run("g++", "-shared", "-nostdlib", "-Wl,--build-id", "-o", cls.plain, *parts)
        for part in parts:
            os.unlink(part)

    @classmethod
    def at(cls, name):
        return os.path.join(cls.folder, name)

    def check(self, path):
        told = named(path, PLACES)
        print(
            f"  {os.path.basename(path)}, {os.path.getsize(path) / 1e6:.0f} MB: "
            f"{told['named']} of {PLACES} places named, {told['placed']} with their file, "
            f"{told['peak_bytes'] / 1e6:.1f} MB of the worker's own memory",
            flush=True,
        )
        status = told["status"]
        self.assertEqual((status["objects_failed"], status["workers_restarted"]), (0, 0), status)
        self.assertGreater(told["placed"], 0.9 * PLACES)
        self.assertLess(told["peak_bytes"], CAP_BYTES)
        return told

    def test_more_than_the_cap_is_named_under_it_plain_and_compressed(self):
        self.assertGreater(os.path.getsize(self.plain), DEBUG_BYTES)
        packed = self.at("packed.so")
        run("objcopy", "--compress-debug-sections", self.plain, packed)
        plain, compressed = self.check(self.plain), self.check(packed)
        for what in ("named", "placed"):
            self.assertEqual(plain[what], compressed[what])


class Unreadable(unittest.TestCase):
    """Names of the symbol table, and the reason."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="hearth-caps-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.path = os.path.join(cls.folder, "packed.so")
        run(
            *("g++", "-g", "-O2", "-fPIC", "-shared", "-nostdlib", "-Wl,--build-id", "-gz=zlib"),
            *("-xc++", "-", "-o", cls.path),
            input=PART,
        )
        cls.whole = named(cls.path, 1000)
        assert cls.whole["placed"] > 900, cls.whole

    def changed(self, at, data):
        path = os.path.join(self.folder, "changed.so")
        shutil.copy(self.path, path)
        with open(path, "r+b") as f:
            f.seek(at)
            f.write(data)
        return path

    def check(self, path, reason):
        told = named(path, 1000)
        failed = told["status"]["failed_objects"]
        self.assertEqual([f["path"] for f in failed], [path])
        self.assertIn(reason, failed[0]["reason"])
        self.assertEqual(told["placed"], 0)
        self.assertGreater(told["named"], 900)

    def test_corrupt(self):
        at, size = section_of(self.path, ".debug_info")
        self.check(self.changed(at + size // 2, b"\xff" * 64), "it is corrupt")

    def test_too_large(self):
        at, _ = section_of(self.path, ".debug_info")
        header = COMPRESSION_HEADER.pack(1, 0, 2 << 30, 1)
        self.check(self.changed(at, header), "too large when it is inflated")

    def test_compressed_in_an_unknown_way(self):
        at, _ = section_of(self.path, ".debug_info")
        self.check(self.changed(at, struct.pack("<I", 77)), "compressed in an unknown way")

    def test_a_loop_of_abbreviations(self):
        """Form DW_FORM_indirect, which stands for itself, in the root of the one unit."""
        path = os.path.join(self.folder, "loop")
        root = elf.abbreviation(1, 0x11, 0, (0x11, 0x01), (0x12, 0x06), (0x03, 0x16))
        entries = b"\1" + struct.pack("<QI", elf.TEXT_AT, 0x1000) + b"\x16" * 1_000_000
        sections = [
            elf.text(),
            *elf.symbols([b"symbol"] * 256),
            elf.section(".debug_abbrev", root + b"\0"),
            elf.section(".debug_info", elf.unit(entries)),
        ]
        elf.write(path, sections)
        self.check(path, "some of its debug information cannot be read")


if __name__ == "__main__":
    host.main()
