#!/usr/bin/env python3
"""Every style check can fail: made-up trees with one violation each, and clean ones beside them."""

import importlib
import os
import shutil
import subprocess
import tempfile
import unittest

import installed
import man_pages
import registry
import tree as style

CLEAN = {
    "CMakeLists.txt": "project(x)\n",
    "README.md": "See `bpf/abi.h` and [the licence](LICENSE).\n",
    "LICENSE": "text\n",
    "CMakePresets.json": "{}\n",
    ".gitignore": "/build*/\n",
    "bpf/abi.h": "/* Shared. */\n#include <linux/types.h>\n",
    "bpf/sample.bpf.c": '/* It. */\n#include "bpf/abi.h"\n\n#include <bpf/bpf_helpers.h>\n',
    "profiler/main.c": '/* Main. */\n#include "web/server.h"\n\n#include <bpf/libbpf.h>\n',
    "profiler/collector/bpf_object.c": '/* Skeleton. */\n#include "bpf/hearth.skel.h"\n',
    "profiler/base/buf.h": "/* A buffer. */\n#include <stdint.h>\n",
    "symbolizer/module.c": '/* One. */\n#include "bpf/abi.h"\n\n#include <elfutils/libdwfl.h>\n',
    "storage/store.h": '/* The store. */\n#include "profiler/base/buf.h"\n',
    "web/server.h": '/* HTTP. */\n#include "storage/store.h"\n',
    "tests/run": "#!/usr/bin/env bash\nset -euo pipefail\nexit 0\n",
}


class StyleCase(unittest.TestCase):
    def check(self, name, changes=None):
        """What `name` finds in the clean tree with some files changed (None: taken away)."""
        with tempfile.TemporaryDirectory() as root:
            shutil.copy(os.path.join(os.path.dirname(__file__), "../../.clang-format"), root)
            for path, text in {**CLEAN, **(changes or {})}.items():
                if text is None:
                    continue
                os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
                with open(os.path.join(root, path), "w", encoding="utf-8") as f:
                    f.write(text)
                if text.startswith("#!"):
                    os.chmod(os.path.join(root, path), 0o755)
            return list(importlib.import_module(name).check(style.Tree(root)))

    def assert_clean(self, name, changes=None):
        self.assertEqual(self.check(name, changes), [])

    def assert_found(self, name, changes, *words):
        found = self.check(name, changes)
        self.assertEqual(len(found), 1, found)
        for word in words:
            self.assertIn(word, found[0])


class Layers(StyleCase):
    def test_clean_tree_passes(self):
        self.assert_clean("layers")

    def test_each_room_keeps_to_its_own(self):
        for path, include in (
            ("bpf/a.h", "profiler/base/buf.h"),
            ("bpf/a.h", "storage/store.h"),
            ("profiler/base/a.c", "storage/store.h"),
            ("profiler/base/a.c", "bpf/abi.h"),
            ("symbolizer/a.c", "storage/store.h"),
            ("symbolizer/a.c", "bpf/sample.h"),
            ("symbolizer/a.c", "profiler/jail/jail.h"),
            ("symbolizer/unwind/a.c", "web/server.h"),
            ("storage/a.c", "symbolizer/symbolizer.h"),
            ("storage/a.c", "profiler/daemon.h"),
            ("storage/a.c", "bpf/abi.h"),
            ("web/a.c", "bpf/abi.h"),
            ("web/export/a.c", "profiler/daemon.h"),
            ("web/a.c", "symbolizer/symbolizer.h"),
            ("profiler/a.c", "tests/programs/a.h"),
            ("tests/unit/storage/a.c", "symbolizer/symbolizer.h"),
        ):
            with self.subTest(path=path, include=include):
                self.assert_found(
                    "layers", {path: f'/* A. */\n#include "{include}"\n'}, path + ":2:", include
                )

    def test_forbidden_libraries_are_found(self):
        for path, include in (
            ("symbolizer/a.c", "bpf/libbpf.h"),
            ("symbolizer/a.c", "sqlite3.h"),
            ("symbolizer/a.c", "sys/socket.h"),
            ("symbolizer/a.c", "netinet/in.h"),
            ("storage/a.c", "bpf/bpf.h"),
            ("storage/a.c", "elfutils/libdw.h"),
            ("storage/a.c", "microhttpd.h"),
            ("web/a.c", "bpf/libbpf.h"),
            ("web/a.c", "elfutils/libdwfl.h"),
            ("web/a.c", "sqlite3.h"),
            ("profiler/base/a.c", "zlib.h"),
            ("profiler/a.c", "libelf.h"),
            ("profiler/a.c", "sqlite3.h"),
            ("bpf/a.h", "stdio.h"),
            ("bpf/a.h", "bpf/libbpf.h"),
            ("tests/unit/storage/a.c", "libelf.h"),
        ):
            with self.subTest(path=path, include=include):
                self.assert_found(
                    "layers", {path: f"/* A. */\n#include <{include}>\n"}, path + ":2:", include
                )

    def test_unknown_library_is_found(self):
        self.assert_found("layers", {"web/a.c": "/* A. */\n#include <gtk/gtk.h>\n"}, "no room")

    def test_include_that_is_not_from_the_root_is_found(self):
        for include in ("store.h", "../storage/store.h", "storage/../bpf/abi.h"):
            with self.subTest(include=include):
                self.assert_found(
                    "layers", {"storage/a.c": f'/* A. */\n#include "{include}"\n'}, "root"
                )

    def test_own_header_in_angle_brackets_is_found(self):
        self.assert_found("layers", {"profiler/a.c": "/* A. */\n#include <bpf/abi.h>\n"}, "quotes")

    def test_odd_spellings_are_seen_and_comments_are_not(self):
        self.assert_found(
            "layers", {"web/a.c": "/* A. */\n #  include\t<sqlite3.h>  // why\n"}, "sqlite3"
        )
        self.assert_found("layers", {"web/a.c": "/* A. */\n#include HEADER\n"}, "HEADER")
        self.assert_clean(
            "layers", {"web/a.c": "/* A.\n#include <sqlite3.h>\n*/\n// #include <sqlite3.h>\n"}
        )

    def test_skeleton_has_one_includer(self):
        self.assert_found(
            "layers", {"profiler/a.c": '/* A. */\n#include "bpf/hearth.skel.h"\n'}, "only"
        )

    def test_file_outside_the_rooms_is_found(self):
        self.assert_found("layers", {"lib/a.c": "/* A. */\n"}, "no room")


class Toplevel(StyleCase):
    def test_clean_tree_passes(self):
        self.assert_clean("toplevel")

    def test_missing_and_additional_entries_are_found(self):
        self.assert_found("toplevel", {"README.md": None}, "README.md", "missing")
        self.assert_found("toplevel", {"web/server.h": None}, "web", "missing")
        self.assert_found("toplevel", {"docs/a.md": "x\n"}, "docs")
        self.assert_found("toplevel", {"Makefile": "x\n"}, "Makefile")

    def test_vague_and_unquotable_names_are_found(self):
        self.assert_found("toplevel", {"web/utils.c": "x\n"}, "says nothing")
        self.assert_found("toplevel", {"web/a b.c": "x\n"}, "quote")


class Layout(StyleCase):
    def test_clean_tree_passes(self):
        self.assert_clean("layout")
        self.assert_clean("layout", {"web/a.c": "/* A. */\n" * 600, "tests/golden/a.h": "x" * 200})

    def test_long_files_are_found(self):
        self.assert_found("layout", {"web/a.c": "/* A. */\n" * 601}, "601 lines")
        self.assert_found("layout", {"web/ui/a.js": "1;\n" * 601}, "601 lines")
        self.assert_found("layout", {"bpf/a.bpf.h": "/* A. */\n" * 201}, "201 lines")

    def test_long_lines_are_found_with_tabs_as_eight(self):
        self.assert_clean(
            "layout", {"web/a.c": "/* A. */\n" + "x" * 100 + "\n\t" + "x" * 92 + "\n"}
        )
        self.assert_found(
            "layout", {"web/a.c": "/* A. */\n" + "x" * 101 + "\n"}, "a.c:2:", "101 columns"
        )
        self.assert_found(
            "layout", {"web/a.c": "/* A. */\n\t" + "x" * 93 + "\n"}, "a.c:2:", "101 columns"
        )

    def test_white_space_and_unended_files_are_found(self):
        self.assert_found("layout", {"web/a.c": "/* A. */ \n"}, "white space")
        self.assert_found("layout", {"web/a.c": "/* A. */\r\n"}, "white space")
        self.assert_found("layout", {"web/a.c": "/* A. */"}, "newline")

    def test_missing_banner_is_found(self):
        self.assert_found("layout", {"web/a.c": "int a;\n"}, "banner")
        self.assert_clean(
            "layout", {"web/a.c": "// SPDX-License-Identifier: X\n/* A. */\nint a;\n"}
        )


class Forbidden(StyleCase):
    def test_clean_tree_passes(self):
        self.assert_clean(
            "forbidden", {"web/a.c": '/* A: system(1) */ void f(void) { g("popen("); }\n'}
        )
        self.assert_clean(
            "forbidden", {"web/a.c": "int x = snprintf(a) + my_system(b) + o->system(c);\n"}
        )

    def test_calls_are_found(self):
        for function in ("sprintf", "strcpy", "system", "popen", "strcat", "vsprintf"):
            with self.subTest(function=function):
                self.assert_found(
                    "forbidden",
                    {"web/a.c": f"\nvoid f(void) {{ {function} (x); }}\n"},
                    "web/a.c:2:",
                    function,
                )


@unittest.skipUnless(shutil.which("clang-format-14"), "no clang-format-14")
class Format(StyleCase):
    def test_clean_tree_passes(self):
        self.assert_clean("format")

    def test_other_formatting_is_found(self):
        self.assert_found(
            "format", {"web/a.c": "/* A. */\nint  f( void ){return 1;}\n"}, "web/a.c", "2"
        )
        self.assert_found("format", {"bpf/a.bpf.c": "/* A. */\nint  a;\n"}, "bpf/a.bpf.c")


@unittest.skipUnless(shutil.which("shellcheck"), "no shellcheck")
class Shell(StyleCase):
    def test_clean_tree_passes(self):
        self.assert_clean("shell")

    def test_bad_scripts_are_found(self):
        self.assert_found("shell", {"tests/a.sh": "#!/usr/bin/env bash\nexit 0\n"}, "pipefail")
        self.assert_found("shell", {"tests/a.sh": "# shellcheck shell=bash\necho $1\n"}, "SC2086")
        found = self.check("shell", {"tests/a": "#!/bin/bash\nset -euo pipefail\nif true\n"})
        self.assertTrue(any("syntax error" in sentence for sentence in found), found)

    def test_script_that_cannot_be_run_is_found(self):
        with tempfile.TemporaryDirectory() as root:
            with open(os.path.join(root, "a.sh"), "w", encoding="utf-8") as f:
                f.write("#!/bin/bash\nset -euo pipefail\n")
            found = list(importlib.import_module("shell").check(style.Tree(root)))
            self.assertEqual(found, ["a.sh: not executable"])


class Readme(StyleCase):
    def test_clean_tree_passes(self):
        self.assert_clean(
            "readme", {"README.md": "`bpf/*.h` `web/` [x](#y) [z](https://a/b) `a/b`\n"}
        )

    def test_what_is_not_there_is_found(self):
        self.assert_found(
            "readme", {"README.md": "x\n\nsee `bpf/gone.h`\n"}, "README.md:3:", "bpf/gone.h"
        )
        self.assert_found("readme", {"README.md": "run `nice tests/gone --x`\n"}, "tests/gone")
        self.assert_found(
            "readme", {"README.md": "[the store](storage/GONE.md)\n"}, "storage/GONE.md"
        )
        self.assert_found("readme", {"web/API.md": "[x](API2.md)\n"}, "web/API.md:1:", "API2.md")

    def test_limit_that_is_not_the_headers_is_found(self):
        header = {
            "web/server.h": "/* A. */\n#define A_MAX (1u << 13) /* why */\n"
            "#define B_MAX \\\n\tA_MAX\n"
            "#define C_BYTES (24ull << 20)\n"
        }
        good = "| a | 8,192 | `A_MAX` | x |\n| b | 8,192 | `B_MAX` |\n| c | 24 MiB | `C_BYTES` |\n"
        self.assert_clean("readme", {"README.md": good, **header})
        for line, wrong in enumerate(("| a | 8,193 | `A_MAX` | x |\n", "| b | 1 | `B_MAX` |\n"), 1):
            with self.subTest(wrong=wrong):
                bad = "\n" * line + wrong
                self.assert_found("readme", {"README.md": bad, **header}, f"README.md:{line + 1}:")
        self.assert_found("readme", {"README.md": "| d | 1 | `GONE_MAX` |\n"}, "GONE_MAX", "None")


class Packages(StyleCase):
    LIST = (
        "build libbpf-dev <bpf/libbpf.h>\nbuild cmake cmake\nbuild libdw-dev <elfutils/libdwfl.h>\n"
    )

    def test_clean_tree_passes(self):
        self.assert_clean("packages", {"profiler/dist/packages": self.LIST})
        unit = {"tests/unit/web/test_a.c": "/* A. */\n#include <cmocka.h>\n"}
        more = self.LIST + "unit libcmocka-dev <cmocka.h>\n"
        self.assert_clean("packages", {"profiler/dist/packages": more, **unit})

    def test_missing_and_needless_packages_are_found(self):
        for changes, word in (
            ({"web/a.c": "/* A. */\n#include <zlib.h>\n"}, "web/a.c"),
            ({"tests/unit/web/test_a.c": "/* A. */\n#include <cmocka.h>\n"}, "test_a.c"),
            ({"symbolizer/module.c": "/* None. */\n"}, "libdw-dev"),
        ):
            with self.subTest(word=word):
                self.assert_found(
                    "packages", {"profiler/dist/packages": self.LIST, **changes}, word
                )


class Registry(unittest.TestCase):
    @staticmethod
    def check(**properties):
        listed = [{"name": key, "value": value} for key, value in properties.items()]
        return list(registry.check({"tests": [{"name": "x", "properties": listed}]}))

    def test_good_tests_pass(self):
        self.assertEqual(self.check(LABELS=["unit"], TIMEOUT=60.0), [])
        self.assertEqual(
            self.check(LABELS=["vm"], TIMEOUT=9000.0, RUN_SERIAL=True, SKIP_RETURN_CODE=77), []
        )

    def test_bad_tests_are_found(self):
        self.assertIn("label", self.check(TIMEOUT=60.0)[0])
        self.assertIn("label", self.check(LABELS=["unit", "ui"], TIMEOUT=60.0)[0])
        self.assertIn("label", self.check(LABELS=["quick"], TIMEOUT=60.0)[0])
        self.assertIn("TIMEOUT", self.check(LABELS=["unit"])[0])
        self.assertIn("at most", self.check(LABELS=["unit"], TIMEOUT=1500.0)[0])
        self.assertIn(
            "RUN_SERIAL", self.check(LABELS=["integration"], TIMEOUT=60.0, SKIP_RETURN_CODE=77)[0]
        )
        self.assertIn("77", self.check(LABELS=["vm"], TIMEOUT=60.0, RUN_SERIAL=True)[0])
        self.assertIn("disabled", self.check(LABELS=["unit"], TIMEOUT=60.0, DISABLED=True)[0])


class Installed(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        os.makedirs(os.path.join(self.root, "profiler/jail"))
        for name, text in (
            ("jail.h", '\tX(WEB, "web", "hearth-web", 1)\n'),
            ("keep.c", "1 << CAP_BPF | CAP_KILL\n"),
        ):
            with open(os.path.join(self.root, "profiler/jail", name), "w", encoding="utf-8") as f:
                f.write(text)

    def test_files_that_are_missing_or_too_many_are_found(self):
        found = list(installed.check_files(self.root, os.path.join(self.root, "profiler")))
        self.assertIn("/usr/bin/hearth: not installed", found)
        self.assertIn("/jail/jail.h: installed, but nobody said so", found)

    def test_unit_that_starts_something_else_is_found(self):
        good = "ExecStart=/usr/bin/hearth serve --config /etc/hearth/hearth.conf\n"
        self.assertEqual(list(installed.check_unit(good)), [])
        self.assertEqual(len(list(installed.check_unit(good.replace("/usr/", "/usr/local/")))), 1)
        self.assertEqual(len(list(installed.check_unit(good + "@LEFT@\n"))), 1)

    def test_capability_that_is_not_granted_is_found(self):
        good = "".join(
            f"CapabilityBoundingSet={names}\n"
            for names in ("", "CAP_SYSLOG CAP_BPF", "CAP_KILL CAP_NET_RAW")
        )
        self.assertEqual(list(installed.check_capabilities(self.root, good)), [])
        found = list(installed.check_capabilities(self.root, good.replace("CAP_KILL ", "")))
        self.assertEqual(len(found), 1)
        self.assertIn("CAP_KILL", found[0])

    def test_users_other_than_the_roles_are_found(self):
        self.assertEqual(list(installed.check_users(self.root, "u hearth-web - x\n")), [])
        self.assertEqual(len(list(installed.check_users(self.root, "u nobody - x\n"))), 1)

    def test_key_that_is_no_option_is_found(self):
        self.assertEqual(
            list(installed.check_config("#store = x\n# a = b in words\n", "  --store FILE")), []
        )
        self.assertEqual(len(list(installed.check_config("#store = x\n", "  --store-not FILE"))), 1)


class TreeFiles(unittest.TestCase):
    def test_tree_without_git_is_walked_without_builds(self):
        with tempfile.TemporaryDirectory() as root:
            for path in (
                "build/a.c",
                "build-asan/b.c",
                "web/build/c.c",
                ".ci/run",
                "web/__pycache__/d.c",
            ):
                os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
                with open(os.path.join(root, path), "w", encoding="utf-8"):
                    pass
            self.assertEqual(style.Tree(root).files, [".ci/run", "web/build/c.c"])

    @unittest.skipUnless(shutil.which("git"), "no git")
    def test_tree_with_git_is_what_git_tracks(self):
        with tempfile.TemporaryDirectory() as root:
            for path in ("a.c", "b.c"):
                with open(os.path.join(root, path), "w", encoding="utf-8"):
                    pass
            subprocess.run(["git", "-C", root, "init", "-q"], check=True)
            subprocess.run(["git", "-C", root, "add", "a.c"], check=True)
            self.assertEqual(style.Tree(root).files, ["a.c"])

    def test_comments_are_blanked_and_literals_are_kept(self):
        self.assertEqual(
            style.strip_comments('a /* "x\n*/ "/* no */" // end\nb'), 'a  \n "/* no */"  \nb'
        )
        self.assertEqual(style.strip_comments('f("a(", \'"\')', literals=False), "f(\"\", '')")


class ManPages(unittest.TestCase):
    HELP = """Usage: hearth x [OPTION...]

Options:
  -F, --frequency HZ  samples a second, and
                      more words
      --json          as JSON
  -h, --help          this text

Notes: --not-an-option.
"""
    PAGE = ".It Fl F , Fl \\-frequency Ar HZ\nSamples.\n.It Fl \\-json\n.It Fl h , Fl \\-help\n"

    def found(self, page):
        options = man_pages.HELP_OPTION.findall(man_pages.section(self.HELP, "Options"))
        return list(
            man_pages.differences(
                "x",
                man_pages.options(options),
                man_pages.options(man_pages.MAN_OPTION.findall(page)),
            )
        )

    def test_equal_lists_pass(self):
        self.assertEqual(self.found(self.PAGE), [])

    def test_every_difference_is_found(self):
        self.assertIn("lacks json", self.found(self.PAGE.replace(".It Fl \\-json\n", ""))[0])
        self.assertIn("not", self.found(self.PAGE + ".It Fl \\-more\n")[0])
        self.assertEqual(len(self.found(self.PAGE.replace("Ar HZ", "Ar RATE"))), 2)
        self.assertEqual(len(self.found(self.PAGE.replace("Fl F ,", "Fl f ,"))), 2)
        self.assertIn("order", self.found("".join(reversed(self.PAGE.splitlines(True))))[0])


if __name__ == "__main__":
    unittest.main()
