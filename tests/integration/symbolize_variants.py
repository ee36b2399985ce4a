#!/usr/bin/env python3
"""Every variant of a program is named as its twin with plain debug information.

symbolize_variants.py HEARTH SOURCE-DIR
"""

import os
import re
import shutil

import cli
import elf_variants
from cli import CliCase
from cli_symbolize import code_of, frames
from elf_variants import run


SYMBOLS = """
__attribute__((noinline)) int plain(int n) { return n * 3; }
int with_alias(int n) { return n * 5; }
extern int __inner_alias(int n) __attribute__((alias("with_alias")));
static int fast(int n) { return n * 7; }
static int (*pick(void))(int) { return fast; }
int chosen(int n) __attribute__((ifunc("pick")));
int old_way(int n) { return n * 11; }
int new_way(int n) { return n * 13; }
__asm__(".symver old_way, versioned@LIB_1");
__asm__(".symver new_way, versioned@@LIB_2");
__attribute__((weak)) int weak_one(int n) { return n * 17; }
int calls(int n) { return plain(n) + chosen(n); }
__asm__(".pushsection .text; .globl table; .type table, @object; .size table, 64;"
        "table: .fill 64, 1, 0xcc; .popsection");
"""


def functions(lines):
    return [line["function"] for line in lines]


class Variants(CliCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = elf_variants.Folder(cli.SOURCE)

    @classmethod
    def tearDownClass(cls):
        cls.folder.remove()

    def setUp(self):
        self.name = self.id().rsplit(".", maxsplit=1)[-1]

    def everything(self, program):
        return frames(program, range(*code_of(program)))

    def assert_same(self, variant, twin):
        self.assertEqual(code_of(variant), code_of(twin))
        expected = self.everything(twin)
        self.assertGreater(sum(len(lines) > 1 for lines in expected.values()), 5)
        told = self.everything(variant)
        wrong = [at for at in expected if expected[at] != told[at]]
        if wrong:
            at = wrong[0]
            self.fail(
                f"{len(wrong)} of {len(expected)} differ, {at:#x}: {expected[at]} {told[at]}"
            )

    def twins(self, compiler, options, *more, sources=None):
        """Without and with these options."""
        label = "_".join([self.name, compiler, *options, *more]).replace("/", "_")
        return (
            self.folder.compile(label + "_twin", compiler, *options, sources=sources),
            self.folder.compile(label, compiler, *options, *more, sources=sources),
        )

    def test_split_dwarf_in_files(self):
        for compiler in ("gcc", "clang"):
            for version in ("-gdwarf-4", "-gdwarf-5"):
                twin, split = self.twins(compiler, ["-g", version], "-gsplit-dwarf")
                self.assertIn(".dwo", " ".join(os.listdir(os.path.dirname(split))))
                self.assert_same(split, twin)

    def test_split_dwarf_that_moved_with_the_program(self):
        twin, split = self.twins("gcc", ["-g", "-gdwarf-5"], "-gsplit-dwarf")
        folder = os.path.dirname(split)
        moved = self.folder.at("moved")
        os.rename(folder, moved)
        self.assert_same(os.path.join(moved, "program"), twin)

    def test_split_dwarf_without_its_files_names_functions(self):
        twin, split = self.twins("gcc", ["-g", "-gdwarf-5"], "-gsplit-dwarf")
        alone = self.folder.copy(split, "alone", "program")
        shutil.rmtree(os.path.dirname(split))
        expected, told = self.everything(twin), self.everything(alone)
        for at, lines in told.items():
            self.assertEqual(functions(lines), functions(expected[at])[-1:])

    def test_split_dwarf_of_another_program_is_not_believed(self):
        twin, split = self.twins("gcc", ["-g", "-gdwarf-5"], "-gsplit-dwarf")
        folder = os.path.dirname(split)
        first, second = sorted(name for name in os.listdir(folder) if name.endswith(".dwo"))
        os.rename(os.path.join(folder, first), os.path.join(folder, "kept"))
        os.rename(os.path.join(folder, second), os.path.join(folder, first))
        os.rename(os.path.join(folder, "kept"), os.path.join(folder, second))
        expected, told = self.everything(twin), self.everything(split)
        for at, lines in told.items():
            self.assertEqual(functions(lines), functions(expected[at])[-1:])

    def test_a_package_of_split_dwarf(self):
        """GNU's dwp knows DWARF 4; LLVM's knows 5, of its own compiler."""
        for compiler, version, dwp in (
            ("gcc", "-gdwarf-4", ["dwp"]),
            ("clang", "-gdwarf-5", ["llvm-dwp"]),
        ):
            twin, split = self.twins(compiler, ["-g", version], "-gsplit-dwarf")
            folder = os.path.dirname(split)
            files = [name for name in os.listdir(folder) if name.endswith(".dwo")]
            alone = self.folder.copy(split, f"{self.name}_{compiler}_alone", "program")
            run(*dwp, *files, "-o", f"{alone}.dwp", cwd=folder)
            shutil.rmtree(folder)
            self.assert_same(alone, twin)

    def test_what_dwz_moved_into_a_common_file(self):
        for version in ("-gdwarf-4", "-gdwarf-5"):
            for link in ("absolute", "relative"):
                self.check_dwz(version, link)

    def check_dwz(self, version, link):
        name = f"{self.name}{version}_{link}"
        twin = self.folder.compile(name, "g++", "-g", version, sources=self.folder.cxx)
        small = self.folder.copy(twin, f"{name}_dwz", "program")
        second = self.folder.copy(twin, f"{name}_dwz", "second")
        folder = os.path.dirname(small)
        common = "common.debug" if link == "relative" else os.path.join(folder, "common.debug")
        run("dwz", "-m", common, "program", "second", cwd=folder)
        self.assertIn(common, run("readelf", "-p", ".gnu_debugaltlink", small))
        self.assert_same(small, twin)
        self.assert_same(second, twin)
        # Another file in its place has another build id.
        other = os.path.join(folder, "common.debug")
        with open(other, "r+b") as f:
            data = f.read()
            build_id = re.search(r"Build ID: (\w+)", run("readelf", "-n", other))[1]
            at = data.index(bytes.fromhex(build_id))
            f.seek(at)
            f.write(b"\xff" * 4)
        self.assertNotEqual(self.everything(small), self.everything(twin))

    def test_compressed_sections(self):
        for kind in ("zlib", "zlib-gnu"):
            twin, packed = self.twins("gcc", ["-g"], f"-Wl,--compress-debug-sections={kind}")
            if kind == "zlib":
                self.assertIn(" C ", run("readelf", "-SW", packed))
            self.assert_same(packed, twin)

    def test_a_separate_file_that_is_compressed_too(self):
        twin = self.folder.compile(self.name, "gcc", "-g")
        debug = self.folder.at(f"{self.name}_apart", "program.debug")
        os.makedirs(os.path.dirname(debug))
        run("objcopy", "--only-keep-debug", "--compress-debug-sections", twin, debug)
        stripped = self.folder.at(f"{self.name}_apart", "program")
        run("objcopy", "-S", f"--add-gnu-debuglink={debug}", twin, stripped)
        self.assert_same(stripped, twin)

    def test_line_tables_alone_give_places_and_symbols_give_names(self):
        for compiler, option in (("gcc", "-g1"), ("clang", "-gline-tables-only")):
            twin, lines = self.twins(compiler, [], option)
            told = self.everything(lines)
            named = [found for found in told.values() if found and found[-1]["line"]]
            self.assertGreater(len(named), 100)
            for at, plain in self.everything(twin).items():
                self.assertEqual(functions(told[at])[-1:], functions(plain))

    def test_without_section_headers_exported_names_are_left(self):
        twin = self.folder.compile(self.name, "gcc", "-rdynamic")
        bare = self.folder.without_section_headers(twin, f"{self.name}_bare")
        expected, told = self.everything(twin), frames(bare, range(*code_of(twin)))
        names = {name for lines in told.values() for name in functions(lines)}
        self.assertIn("main", names)
        for at, lines in told.items():
            if lines:
                self.assertEqual(functions(lines), functions(expected[at]))

    def library_of_symbols(self):
        folder = self.folder.at(self.name)
        os.makedirs(folder)
        with open(os.path.join(folder, "a.c"), "w", encoding="ascii") as f:
            f.write(SYMBOLS)
        with open(os.path.join(folder, "a.map"), "w", encoding="ascii") as f:
            f.write("LIB_1 { global: *; };\nLIB_2 { global: new_way; } LIB_1;\n")
        made = os.path.join(folder, "liba.so")
        options = ("-O2", "-fPIC", "-shared", "-Wl,--version-script=a.map")
        run("gcc", *options, "-o", made, "a.c", cwd=folder)
        return made

    def test_aliases_versions_and_indirect_functions(self):
        """With all symbols, and with the exported ones alone."""
        library = self.library_of_symbols()
        exported = self.folder.at(self.name, "stripped.so")
        run("strip", "-o", exported, library)
        values = {}
        for line in run("nm", library).splitlines():
            fields = line.split()
            if len(fields) == 3:
                values.setdefault(fields[2], int(fields[0], 16))
        expected = {
            "plain": "plain",
            "with_alias": "with_alias",  # not the one with underscores at the same place
            "old_way": "versioned",
            "new_way": "versioned",
            "weak_one": "weak_one",
            "table": None,  # data names no code
        }
        for made in (library, exported):
            told = frames(made, [values[name] for name in expected])
            for name, shown in expected.items():
                lines = told[values[name]]
                self.assertIn(
                    functions(lines)[-1] if lines else None,
                    (shown, name if shown else None),
                    (made, name),
                )
        # The resolver is what stands at an indirect function; what it picks has a name of its own.
        told = frames(library, [values["pick"], values["fast"]])
        self.assertIn(functions(told[values["pick"]])[0], ("pick", "chosen"))
        self.assertEqual(functions(told[values["fast"]]), ["fast"])

    def test_stubs_are_named_by_what_they_call(self):
        library = self.library_of_symbols()
        sections = run("readelf", "-SW", library)
        section = re.search(r"\] \.plt(?:\.sec)?\s+PROGBITS\s+(\w+) (\w+) (\w+)", sections)
        start, size = int(section[1], 16), int(section[3], 16)
        told = frames(library, range(start, start + size))
        names = {name for lines in told.values() for name in functions(lines)}
        self.assertIn("plain@plt", names)


if __name__ == "__main__":
    cli.main()
