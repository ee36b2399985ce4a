#!/usr/bin/env python3
"""libunwind and the kernel's walk over live programs, stopped at random moments: no frame differs.

usage: test_judge.py FOLDER    of the built tests

Each program is stopped again and again; judge.c compares frame by frame and fails where one
differs. Here: which programs, that they were met often enough, and that libunwind came to the end
in most of them, so that something was compared. Where it cannot, the reason stands beside it.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

STOPS = "120"
SKIP = 77
# The share of stops that libunwind unwinds to the end, at least; but for those in the vdso, which
# are many where it has to ask the kernel for the time.
WHOLE = 0.9
NO_CFI = "no .eh_frame: libunwind knows no code of it"
PROGRAMS = {
    # program, variant: the share that libunwind unwinds, and why it is less
    ("plain", ""): WHOLE,
    ("stripped", ""): WHOLE,
    ("no_pie", ""): WHOLE,
    ("static_pie", ""): WHOLE,
    ("static", ""): (0, "no PT_GNU_EH_FRAME, by which alone libunwind finds .eh_frame"),
    ("debug_frame", ""): (0, NO_CFI),
    ("frame_pointers", ""): (0, NO_CFI),
    ("jit", ""): (0, "no CFI for code in anonymous memory"),
    ("realigned", ""): WHOLE,
    ("assembly", "r11"): WHOLE,
    ("assembly", "rax"): WHOLE,
    ("assembly", "memory"): WHOLE,
    ("exceptions", ""): WHOLE,
    ("signals", ""): WHOLE,
    ("kernel", ""): WHOLE,
    ("forks", ""): WHOLE,
    ("jumps", ""): WHOLE,
    ("loads", ""): WHOLE,
    ("mappings", ""): WHOLE,
    ("recursion", "400"): WHOLE,
    ("threads", ""): 0.5,
    ("plt", ""): (0.3, "it has no CFI for the lazy PLT's stubs"),
    ("vdso", ""): WHOLE,
    ("coroutines", ""): (0, "below a coroutine's function nothing has CFI"),
}
SLOW = {"recursion"}  # 400 frames a stop
LEAST_STOPS, LEAST_SLOW = 5, 1

PYTHON = """
import json, re
while True:
    json.loads(json.dumps([{"a": i, "b": str(i)} for i in range(500)]))
    re.sub("[a-f]+", lambda m: m.group(0).upper(), "abc def xyz" * 50)
"""
PERL = r"""
while (1) {
    my %h;
    $h{$_ % 97} .= "x$_" for 1 .. 2000;
    my $s = join ",", sort map { sprintf "%s-%d", $_, length $h{$_} } keys %h;
    $s =~ s/(\d+)/<$1>/g;
}
"""
SQL = """
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 100000000)
SELECT count(*), sum(length(hex(x))), group_concat(x % 7) FROM c;
"""
# Debian's own, as long as the judge wants them.
REAL = {
    "python3": ["-c", PYTHON],
    "perl": ["-e", PERL],
    "sqlite3": [":memory:", SQL],
    "gzip": ["-9", "-c", "DATA"],
    "xz": ["-9", "-c", "DATA"],
    "git": ["hash-object", "DATA", "DATA", "DATA", "DATA", "DATA", "DATA"],
    "openssl": ["speed", "-seconds", "3", "rsa2048", "aes-128-cbc", "sha256"],
    "find": ["/usr", "/etc", "/usr", "/lib", "-name", "x*y", "-newer", "/etc/passwd"],
}
DATA_BYTES = 40 << 20


class Judged(unittest.TestCase):
    folder = data = None
    totals = [0, 0, 0]

    def program(self, name):
        return os.path.join(self.folder, "programs", "unwind", "unwind_" + name)

    def judged(self, path, *arguments, seconds=2):
        """(stops outside of the vdso, whole, unsaid); fails where a frame differs."""
        result = subprocess.run(
            [os.path.join(self.folder, "replay_judge"), STOPS, str(seconds), path, *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual(result.returncode, 0, f"{path}: {result.stdout}{result.stderr}")
        stops, whole, blind, equal, unsaid, frames = map(int, re.findall(r"\d+", result.stdout))
        self.assertEqual(equal + unsaid, stops, result.stdout)
        for i, number in enumerate((stops, equal, frames)):
            self.totals[i] += number
        print(f"  {os.path.basename(path)} {' '.join(arguments)[:20]!r}: {result.stdout}", end="")
        print(result.stderr, end="", flush=True)
        return stops - blind, whole, unsaid

    def check(self, path, *arguments, share=WHOLE, least=LEAST_STOPS, seconds=2):
        stops, whole, unsaid = self.judged(path, *arguments, seconds=seconds)
        self.assertGreaterEqual(stops, least, path)
        self.assertGreaterEqual(whole, share * stops, path)
        self.assertLessEqual(unsaid, 0.1 * stops, path)

    def test_programs_whose_stacks_are_known(self):
        for (name, variant), share in PROGRAMS.items():
            path = self.program(name)
            if name == "exceptions" and not os.path.exists(path):
                continue  # built where there is a C++ compiler
            with self.subTest(name, variant=variant):
                self.check(
                    path,
                    *["10", variant][: 2 if variant else 1],
                    share=share[0] if isinstance(share, tuple) else share,
                    least=LEAST_SLOW if name in SLOW else LEAST_STOPS,
                )

    def test_a_recorded_case_is_replayed(self):
        """By its files' names, in another process, as one would keep it to look into."""
        for name in ("signals", "vdso"):
            with subprocess.Popen([self.program(name), "10"]) as process:
                time.sleep(0.3)
                tools = [os.path.join(self.folder, "replay_" + t) for t in ("record", "golden")]
                case = self.data + ".case"
                subprocess.run([tools[0], str(process.pid), case], check=True, timeout=30)
                process.kill()
            try:
                subprocess.run([tools[1], case], check=True, timeout=30)
                with open(case, encoding="utf-8") as file:
                    text = file.read()
            finally:
                os.unlink(case)
            self.assertIn("\nend root\n", text)
            self.assertRegex(text, f"frame \\S*/unwind_{name}\\+0x")

    def test_debians_own(self):
        met = 0
        for name, arguments in REAL.items():
            path = shutil.which(name, path="/usr/bin:/bin")
            if not path:
                continue
            met += 1
            with self.subTest(name):
                arguments = [self.data if a == "DATA" else a for a in arguments]
                self.check(path, *arguments, seconds=3)
        self.assertGreaterEqual(met, 5, "too few of them are installed")


def main():
    Judged.folder = sys.argv[1]
    if os.geteuid() != 0:
        print("a program's mappings are opened as root: not root")
        return SKIP
    with tempfile.NamedTemporaryFile() as data:
        for _ in range(DATA_BYTES >> 20):
            data.write(os.urandom(1 << 20))
        data.flush()
        Judged.data = data.name
        program = unittest.main(argv=sys.argv[:1], exit=False)
    stops, equal, frames = Judged.totals
    print(f"{stops} stops, {equal} of them equal, {frames} frames compared")
    return 0 if program.result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
