#!/usr/bin/env python3
"""Thousands of addresses of optimised C, C++, Rust and Go programs, named as others name them.

symbolize_peers.py HEARTH SOURCE-DIR. The other is llvm-symbolizer, and with GIMLI=PATH in the
environment gimli's addr2line as well (`cargo install addr2line --version 0.25.1 --features bin`,
which wants a newer compiler than Debian's). Compared are names as the file has them, files and
lines of the whole inline chain. Where they may differ, and why ours is right:

- nothing: an address that no function of the symbol table covers (padding between them, stubs) is
  nobody's. They say an empty name, the place of the last line row, or the function before.
- stub: `printf@plt`, which they do not know.
- symbol file: a function without debug information has a symbol, whose file the linker wrote down
  as the object's name (STT_FILE). That is no source file, and we say none.
- alias: several functions at one address, which the linker folded into one, or a label inside of
  one: any name of the symbol table is right, and ours is the function's own by debug information.
- suffix: gimli does not know the clone's name that the symbol table has (`outer.cold`); Go's own
  linker has names of calling conventions (`.abi0`).
- dot: Go writes U+00B7 into debug information where its linker writes a dot.
- data: gimli lets the symbol of a table among the code name the code.
- made up: code of the compiler's own has line 0, of which they know no file.
"""

import json
import os
import re
import subprocess

import cli
import elf_variants
from cli import CliCase
from cli_symbolize import code_of, frames
from elf_variants import run

ADDRESSES_MAX = 20000


def place(file, line):
    return (os.path.normpath(file) if file else None, line)


def ours(program, addresses):
    told = frames(program, addresses)
    return [
        [(line["system_name"], *place(line["file"], line["line"])) for line in told[at]]
        for at in addresses
    ]


def ask(command, addresses):
    text = "".join(f"{at:#x}\n" for at in addresses)
    return subprocess.run(
        command, input=text, stdout=subprocess.PIPE, check=True, text=True, timeout=120
    ).stdout


def llvm(program, addresses):
    command = ["llvm-symbolizer", "--no-demangle", "--inlines", "--output-style=JSON", "-e"]
    told = [json.loads(line) for line in ask([*command, program], addresses).splitlines()]
    return [
        [(s["FunctionName"], *place(s["FileName"], s["Line"])) for s in answer["Symbol"]]
        for answer in told
    ]


def gimli(program, addresses):
    answers = []
    command = [os.environ["GIMLI"], "-a", "-f", "-i", "-e", program]
    lines = iter(ask(command, addresses).splitlines())
    for line in lines:
        if re.fullmatch(r"0x[0-9a-f]+", line):
            answers.append([])
            continue
        file, _, number = re.sub(r" \(discriminator.*", "", next(lines)).rpartition(":")
        number = int(number) if number.isdigit() else 0
        name = "" if line == "??" else line
        answers[-1].append((name, *place(None if file == "??" else file, number)))
    return answers


def symbols_of(program):
    """address -> names of all symbols there."""
    found = {}
    for line in run("nm", "-a", program).splitlines():
        fields = line.split()
        if len(fields) == 3:
            found.setdefault(int(fields[0], 16), set()).add(fields[2])
    return found


def aliases(program):
    """Labels inside of functions, data, and for each name those that stand at its place."""
    labels, data, same = set(), set(), {}
    for line in run("readelf", "-sW", program).splitlines():
        fields = line.split()
        if len(fields) == 8 and fields[3] == "NOTYPE":
            labels.add(fields[7])
        if len(fields) == 8 and fields[3] == "OBJECT":
            data.add(fields[7])
    for names in symbols_of(program).values():
        for name in names:
            same.setdefault(name, set()).update(names)
    return labels, data, same


def functions_of(program):
    """Which addresses belong to a function of known size."""
    found = set()
    for line in run("readelf", "-sW", program).splitlines():
        fields = line.split()
        if len(fields) == 8 and fields[3] == "FUNC" and fields[6] != "UND":
            start = int(fields[1], 16)
            found.update(range(start, start + int(fields[2], 0)))
    return found


def reason(mine, theirs, is_code, labels, data, same):
    """Which of the differences that the head of this file lists, or None."""
    if not mine:
        return None if is_code else "nothing"
    if mine[0][0].endswith("@plt"):
        return "stub"
    if len(mine) != len(theirs):
        return None
    if mine[0][1:] == (None, 0) and theirs[0][2] == 0 and mine[0][0] == theirs[0][0]:
        return "symbol file"
    if any(a[1:] != b[1:] and (a[2] or b[2]) for a, b in zip(mine, theirs)):
        return None
    if [line[0] for line in mine] == [line[0] for line in theirs]:
        return "made up"
    for (name, *_), (their_name, *_) in zip(mine, theirs):
        if name == their_name:
            continue
        if their_name in labels or their_name in same.get(name, ()):
            return "alias"
        if name.startswith(their_name + ".") or their_name == name + ".abi0":
            return "suffix"
        if their_name == name.replace("\u00b7", "."):
            return "dot"
        if their_name in data:
            return "data"
        return None
    return None


class Peers(CliCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = elf_variants.Folder(cli.SOURCE)
        cls.programs = os.path.join(cli.SOURCE, "tests/programs")

    @classmethod
    def tearDownClass(cls):
        cls.folder.remove()

    def compare(self, program, inlined_min):
        start, end = code_of(program)
        addresses = list(range(start, end, max(1, (end - start) // ADDRESSES_MAX)))
        mine = ours(program, addresses)
        known = aliases(program)
        code = functions_of(program)
        peers = [llvm, gimli] if "GIMLI" in os.environ else [llvm]
        for peer in peers:
            theirs = peer(program, addresses)
            self.assertEqual(len(theirs), len(addresses))
            counts, wrong = {"equal": 0}, []
            for at, a, b in zip(addresses, mine, theirs):
                why = "equal" if a == b else reason(a, b, at in code, *known)
                counts[why] = counts.get(why, 0) + 1
                if why is None:
                    wrong.append(f"{at:#x}: ours {a}, theirs {b}")
            inlined = sum(len(lines) > 1 for lines in mine)
            print(f"{program}: {len(addresses)} addresses, {inlined} inlined,", end=" ")
            print(f"{peer.__name__}: {counts}")
            self.assertEqual(wrong[:3], [], f"{len(wrong)} differ for no known reason")
            self.assertGreaterEqual(inlined, inlined_min)

    def test_c_of_both_compilers_and_of_link_time_optimisation(self):
        for compiler, options in (
            ("gcc", ["-gdwarf-5"]),
            ("gcc", ["-gdwarf-4"]),
            ("gcc", ["-gdwarf-2", "-gstrict-dwarf"]),
            ("gcc", ["-gdwarf-3"]),
            ("gcc", ["-gdwarf-5", "-flto"]),
            ("clang", ["-gdwarf-5"]),
            ("clang", ["-gdwarf-4"]),
            ("clang", ["-gdwarf-2"]),
        ):
            name = "_".join([compiler, *options])
            # Strict DWARF 2 cannot say of a call that it is inlined in pieces.
            least = 0 if "-gstrict-dwarf" in options else 5
            self.compare(self.folder.compile(name, compiler, *options), least)

    def test_a_large_program_of_c(self):
        self.compare(cli.HEARTH, 1000)

    def test_cxx(self):
        for version in ("-gdwarf-4", "-gdwarf-5"):
            program = self.folder.compile(
                f"cxx{version}", "g++", "-std=c++17", "-g", version, sources=self.folder.cxx
            )
            self.compare(program, 1000)

    def test_rust(self):
        made = self.folder.at("rust")
        run("rustc", "-O", "-g", "-o", made, os.path.join(self.programs, "peers.rs"))
        self.compare(made, 1000)

    def test_go(self):
        environment = {
            **os.environ,
            "GOCACHE": os.path.join(os.path.dirname(cli.HEARTH), "go-cache"),
            "GOFLAGS": "",
            "GO111MODULE": "off",
            "CGO_ENABLED": "0",
        }
        made = self.folder.at("go")
        source = os.path.join(self.programs, "stripped.go")
        run("go", "build", "-o", made, source, env=environment)
        self.compare(made, 1000)


if __name__ == "__main__":
    cli.main()
