#!/usr/bin/env python3
"""Run-time compiled code: real compilers, a small one whose every moment is known, and files that
nobody should have to read."""

import contextlib
import glob
import json
import os
import re
import shutil
import stat
import subprocess
import tempfile
import time
import unittest

import formats
import host

HOT_JS = """
function alpha(n) { let s = 0; for (let i = 0; i < n; i++) s += Math.sqrt(i) * i % 7; return s; }
function beta(n) { let s = 0; for (let i = 0; i < n; i++) s += (i ^ s) & 255; return s; }
const end = Date.now() + 3000;
let x = 0;
while (Date.now() < end) x += alpha(20000) + beta(20000);
process.exitCode = x > 0 ? 0 : 1;
"""

HOT_JAVA = """
public class Hot {
    static int spin(int n) {
        int s = 0;
        for (int i = 0; i < n; i++) s += (i ^ s) & 255;
        return s;
    }
    public static void main(String[] a) {
        long end = System.currentTimeMillis() + Long.parseLong(a[0]);
        int x = 0;
        while (System.currentTimeMillis() < end) x += spin(20000);
        System.exit(x == 0 ? 1 : 0);
    }
}
"""
HOT_C = """
#include <stdlib.h>
#include <time.h>

static volatile unsigned int sink;

__attribute__((noinline)) unsigned int mixed(unsigned int n)
{
	unsigned int x = n;

	for (unsigned int i = 0; i < 1000000; i++) { /* the loop */
		x = x * 1664525u + 1013904223u; /* the loop */
		if (x == n) /* the loop */
			return 0;
	}
	return x;
}

int main(int argc, char **argv)
{
	while (clock() < atoi(argv[1]) * CLOCKS_PER_SEC)
		sink = mixed(sink); /* the call */
	return argc - 2;
}
"""
JAVA = ["-XX:+UnlockDiagnosticVMOptions", "-XX:+PreserveFramePointer"]
OTHER = 12345  # a user id that is nobody's


def jit_frames(stacks):
    """{name: samples} of the frames of JIT code, each once a stack."""
    found = {}
    for stack, count in stacks.items():
        for frame in {frame for frame in stack if frame.endswith("_[j]")}:
            found[frame[:-4]] = found.get(frame[:-4], 0) + count
    return found


def named(found):
    """Of the samples' JIT frames, how many have a name."""
    return 1 - found.get("[jit]", 0) / max(1, sum(found.values()))


def recorded(folder, *command):
    """JIT frames of a command, recorded."""
    file = os.path.join(folder, "out.folded")
    host.run("record", "-F", "499", "-o", file, "--", *command, cwd=folder)
    with open(file, encoding="utf-8", errors="replace") as text:
        return jit_frames(host.folded(text.read()))


class Real(unittest.TestCase):
    def setUp(self):
        context = tempfile.TemporaryDirectory()
        self.folder = context.name
        self.addCleanup(context.cleanup)
        before = set(glob.glob("/tmp/perf-*.map"))
        self.addCleanup(
            lambda: [os.unlink(map) for map in set(glob.glob("/tmp/perf-*.map")) - before]
        )

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            file.write(text)

    def check_node(self, option):
        self.write("hot.js", HOT_JS)
        found = recorded(self.folder, "node", option, "hot.js")
        function = re.compile(r"JS:\*alpha .*hot\.js:2:\d+$")
        alpha = sum(n for name, n in found.items() if function.match(name))
        self.assertGreater(alpha, 100, found)
        self.assertGreater(named(found), 0.99, found)

    def test_node_with_a_perf_map(self):
        self.check_node("--perf-basic-prof")

    def test_node_with_a_jitdump(self):
        self.check_node("--perf-prof")

    def test_llvm_with_a_jitdump_that_has_lines(self):
        """Its lines begin behind the ELF header that perf will put there."""
        self.write("hot.c", HOT_C)
        source, out = (os.path.join(self.folder, name) for name in ("hot.c", "out.json"))
        subprocess.run(
            ["clang", "-g", "-O1", "-fno-omit-frame-pointer", "-emit-llvm", "-c", source],
            cwd=self.folder,
            check=True,
        )
        host.run(
            *("record", "-F", "499", "-o", out, "--", "lli", "-jit-kind=mcjit", "hot.bc", "2"),
            cwd=self.folder,
            env={**os.environ, "JITDUMPDIR": self.folder},
        )
        with open(out, encoding="utf-8") as opened:
            stacks = json.load(opened)["stacks"]
        lines = {"mixed": {}, "main": {}}
        for stack in stacks:
            for frame in (frame for frame in stack["frames"] if frame["kind"] == "jit"):
                place = (frame["file"], frame["line"])
                of = lines[frame["function"]]
                of[place] = of.get(place, 0) + stack["count"]
        for name, mark in (("mixed", "the loop"), ("main", "the call")):
            marked = [i for i, line in enumerate(HOT_C.splitlines(), 1) if mark in line]
            found = [lines[name].get((source, line), 0) for line in marked]
            self.assertGreater(sum(found), 500, lines)
            self.assertGreater(sum(found), 0.97 * sum(lines[name].values()), lines)
            self.assertGreater(min(found), 10, lines)

    def compile_java(self):
        self.write("Hot.java", HOT_JAVA)
        subprocess.run(["javac", "Hot.java"], cwd=self.folder, check=True, capture_output=True)

    def test_java_writes_its_map_at_exit(self):
        self.compile_java()
        found = recorded(self.folder, "java", *JAVA, "-XX:+DumpPerfMapAtExit", "Hot", "3000")
        self.assertGreater(found.get("int Hot.spin(int)", 0), 100, found)
        self.assertGreater(named(found), 0.95, found)

    def test_java_is_told_to_write_its_map_while_it_runs(self):
        self.compile_java()
        with host.daemon("-F", "499") as served:
            command = ["java", *JAVA, "-cp", self.folder, "Hot", "60000"]
            with host.load(*command) as java:

                def found():
                    export = host.run(
                        *("export", "--store", served.store, "--format", "folded"),
                        *("--match", f'{{pid="{java.pid}"}}'),
                    )
                    return jit_frames(host.folded(export.stdout))

                host.wait_until(lambda: found().get("[jit]", 0) > 300, 20, "frames without names")
                self.assertNotIn("int Hot.spin(int)", found())
                jcmd = ["jcmd", str(java.pid), "Compiler.perfmap"]
                subprocess.run(jcmd, check=True, capture_output=True, timeout=30)
                # Those of before have their name as well: nobody else had it.
                host.wait_until(
                    lambda: found().get("int Hot.spin(int)", 0) > 100 and named(found()) > 0.95,
                    20,
                    "the frames' names",
                )


class Jitted:
    """tests/programs/jitted.c, which waits for go()."""

    def __init__(self, *arguments, prefix=(), **options):
        self.process = subprocess.Popen(
            [*prefix, host.program("jitted"), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            **options,
        )
        self.inner_pid = int(self.process.stdout.readline())

    def go(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def steps(self):
        """[(name, begin_ms, end_ms)], when it has ended."""
        self.go()
        lines, _ = self.process.communicate(timeout=60)
        self.process.wait()
        return [
            (name, int(begin), int(end))
            for name, begin, end in (line.split() for line in lines.splitlines())
        ]

    def kill(self):
        self.process.kill()
        self.process.communicate()


class Moments(unittest.TestCase):
    """Which name a sample has, by its millisecond."""

    @classmethod
    def setUpClass(cls):
        context = tempfile.TemporaryDirectory()
        cls.folder = context.name
        cls.addClassCleanup(context.cleanup)
        cls.store = os.path.join(cls.folder, "s", "hearth.db")
        served = host.Daemon(cls.store, "-F", "997")
        try:
            cls.dump = Jitted("dump", 0.4, "one", "two", "two@", "three", "one", cwd=cls.folder)
            cls.dump_steps = cls.dump.steps()
            cls.map = Jitted("map", 2.5, "one", "two", "two@")
            cls.map_steps = cls.map.steps()
            time.sleep(3)  # its last names
            cls.status = served.status()
        finally:
            served.stop()
            with contextlib.suppress(OSError):
                os.unlink(f"/tmp/perf-{cls.map.inner_pid}.map")

    def samples(self, process):
        """[(time_ms, the JIT frame's name)]"""
        file = os.path.join(self.folder, "out.tsv")
        host.run(
            *("export", "--store", self.store, "--format", "samples", "-o", file),
            *("--match", f'{{pid="{process.process.pid}"}}'),
        )
        with open(file, "rb") as octets:
            samples, _ = formats.read_samples(octets.read())
        found = []
        for sample in samples:
            frames = [frame for frame in sample["stack"] if frame.endswith("_[j]")]
            found += [(sample["time_ms"], frame[:-4]) for frame in frames]
        return found

    def wrong(self, samples, steps, tolerance_ms):
        """Samples with a name that their moment does not allow."""
        wrong = []
        for time_ms, name in samples:
            allowed = {
                step.rstrip("@")
                for step, begin, end in steps
                if begin - tolerance_ms <= time_ms <= end + 1
            }
            if name not in allowed:
                wrong.append((time_ms, name, allowed))
        return wrong

    def test_a_dump_names_every_sample_by_its_moment(self):
        samples = self.samples(self.dump)
        self.assertGreater(len(samples), 1000)
        # Milliseconds are rounded, and the wall clock is not the dump's.
        self.assertEqual(self.wrong(samples, self.dump_steps, 2), [])
        for name in ("one", "two", "three"):
            self.assertGreater(len([n for _, n in samples if n == name]), 200, name)

    def test_a_dump_s_lines_are_those_of_the_instructions(self):
        """jitted counts in a loop of two instructions, lines 20 and 21 of a file for each name."""
        file = os.path.join(self.folder, "out.json")
        match = f'{{pid="{self.dump.process.pid}"}}'
        host.run("export", "--store", self.store, "--match", match, "-o", file)
        with open(file, encoding="utf-8") as opened:
            stacks = json.load(opened)["stacks"]
        lines = {}
        for stack in stacks:
            for frame in (frame for frame in stack["frames"] if frame["kind"] == "jit"):
                place = (frame["function"], frame["file"], frame["line"])
                lines[place] = lines.get(place, 0) + stack["count"]
        self.assertGreater(sum(lines.values()), 1000)
        allowed = {(name, f"/srv/{name}.jit") for name in ("one", "two", "three")}
        self.assertEqual({place[:2] for place in lines}, allowed)
        in_loop = sum(n for place, n in lines.items() if place[2] in (20, 21))
        self.assertGreater(in_loop, 0.99 * sum(lines.values()), lines)
        self.assertEqual({line for _, _, line in lines} - {10, 20, 21, 30}, set())

    def test_a_map_names_by_its_last_line_before_the_flush(self):
        samples = self.samples(self.map)
        self.assertGreater(len(samples), 3000)
        self.assertEqual(self.wrong(samples, self.map_steps, 1200), [])
        for name in ("one", "two"):
            self.assertGreater(len([n for _, n in samples if n == name]), 1000, name)

    def test_the_status_counts_them(self):
        jit = self.status["jit"]
        self.assertGreater(jit["frames_named"], 4000)
        self.assertGreaterEqual(jit["generations"], 3)
        # A host may have other code of this kind, which nobody wrote a map of.
        pids = f"{self.dump.process.pid}|{self.map.process.pid}"
        match = f'{{pid!~"{pids}"}}'
        export = host.run(
            *("export", "--store", self.store, "--format", "folded", "--match", match)
        )
        others = sum(
            count * stack.count("[jit]_[j]") for stack, count in host.folded(export.stdout).items()
        )
        self.assertLess(jit["frames_nameless"] - others, jit["frames_named"] / 100)
        self.assertEqual(jit["samples_left_out"], 0)


class Places(unittest.TestCase):
    """Processes whose /tmp, pid and user are others than ours."""

    def setUp(self):
        context = tempfile.TemporaryDirectory()
        self.folder = context.name
        self.addCleanup(context.cleanup)

    def names(self, *arguments, prefix=(), **options):
        """JIT frames of a jitted of these arguments, of the whole host's recording."""
        file = os.path.join(self.folder, "out.json")
        jitted = Jitted(*arguments, prefix=prefix, **options)
        recording = subprocess.Popen(
            [host.HEARTH, "record", "-F", "499", "-o", file],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            time.sleep(1.5)
            jitted.steps()
        finally:
            recording.send_signal(2)
            _, errors = recording.communicate(timeout=60)
        self.assertEqual(recording.returncode, 0, errors)
        with open(file, encoding="utf-8") as opened:
            profile = json.load(opened)
        found = {}
        for stack in profile["stacks"]:
            if stack["labels"]["comm"] == "jitted":
                for frame in stack["frames"]:
                    if frame["kind"] == "jit":
                        found[frame["function"]] = found.get(frame["function"], 0) + stack["count"]
        return jitted, found

    def test_a_container_s_map_is_named_by_its_own_pid_and_lies_in_its_own_tmp(self):
        # From its folder: the program may lie below the /tmp that is about to be hidden.
        script = (
            'cd "${1%/*}" && program=./${1##*/} && shift && '
            'mount -t tmpfs tmpfs /tmp && exec "$program" "$@"'
        )
        prefix = ["unshare", "--pid", "--fork", "--mount", "sh", "-c", script, "sh"]
        jitted, found = self.names("map", 2, "inside", prefix=prefix)
        self.assertEqual(jitted.inner_pid, 1)
        self.assertGreater(found.get("inside", 0), 500, found)
        self.assertFalse(os.path.exists("/tmp/perf-1.map"))

    def test_a_root_of_its_own(self):
        root = os.path.join(self.folder, "root")
        os.makedirs(os.path.join(root, "tmp"))
        program = host.program("jitted")
        for file in [program, *shared_libraries(program)]:
            os.makedirs(os.path.dirname(root + file), exist_ok=True)
            shutil.copy(file, root + file)
        _, found = self.names("map", 2, "rooted", prefix=["chroot", root])
        self.assertGreater(found.get("rooted", 0), 500, found)

    def test_another_user_s_process_and_its_dump(self):
        os.chmod(self.folder, 0o777)
        options = {"user": OTHER, "group": OTHER, "cwd": self.folder}
        _, found = self.names("dump", 1, "first", "second", **options)
        for name in ("first", "second"):
            self.assertGreater(found.get(name, 0), 250, found)
        self.assertEqual(found.get("[jit]", 0), 0, found)


def shared_libraries(program):
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return re.findall(r"(/\S+) \(0x", listed)


def make_fifo(path):
    os.mkfifo(path)


def make_link(path):
    os.symlink("/etc/shadow", path)


def make_device(path):
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))


def make_sparse(path):
    with open(path, "wb") as file:
        file.truncate(10 << 30)


def make_endless_line(path):
    with open(path, "wb") as file:
        file.write(b"1000 10 " + b"a" * (64 << 20))


def make_cut(path):
    with open(path, "w", encoding="ascii") as file:
        file.write("1000 10 f\n2000 10 with")


def make_others(path):
    with open(path, "w", encoding="ascii") as file:
        file.write("0 ffffffffffff wrong\n")
    os.chown(path, OTHER, OTHER)


def make_writable(path):
    with open(path, "w", encoding="ascii") as file:
        file.write("0 ffffffffffff wrong\n")
    os.chmod(path, 0o666)


def make_old(path):
    with open(path, "w", encoding="ascii") as file:
        file.write("0 ffffffffffff wrong\n")
    os.utime(path, (1, 1))


def make_text(path):
    with open(path, "w", encoding="ascii") as file:
        file.write("root:x:0:0:root:/root:/bin/bash\n" * 1000)


class Hostile(unittest.TestCase):
    REASONS = {
        make_fifo: "it is not a regular file",
        make_link: "it is a symbolic link",
        make_device: "it is not a regular file",
        make_sparse: "it is longer than 1024 MiB",
        make_endless_line: "its end is cut: the rest was read",
        make_cut: "its end is cut: the rest was read",
        make_others: "it belongs to another user than its process",
        make_writable: "others than root can write it",
        make_old: "it is older than its process",
        make_text: "it is not a perf map",
    }

    def test_each_ends_in_a_reason_and_the_others_are_named(self):
        with contextlib.ExitStack() as stack:
            served = stack.enter_context(host.daemon("-F", "499"))
            all_of_them = {make: Jitted("none", 0.5, "x") for make in self.REASONS}
            good = Jitted("map", 1, "good")
            for process in [*all_of_them.values(), good]:
                stack.callback(process.kill)
                path = f"/tmp/perf-{process.inner_pid}.map"
                stack.callback(lambda path=path: os.path.lexists(path) and os.unlink(path))
            for make, process in all_of_them.items():
                make(f"/tmp/perf-{process.inner_pid}.map")
            for process in [*all_of_them.values(), good]:
                process.go()
            for process in [*all_of_them.values(), good]:
                process.process.wait(timeout=60)
            reasons = {
                f"/tmp/perf-{process.inner_pid}.map of pid {process.inner_pid}": self.REASONS[make]
                for make, process in all_of_them.items()
            }

            def told():
                failed = served.status()["symbols"]["failed_objects"]
                return {each["path"]: each["reason"] for each in failed}

            # Another process of the host may have code of this kind, and live on.
            with contextlib.suppress(AssertionError):
                host.wait_until(lambda: reasons.keys() <= told().keys(), 30, "all are told")
            time.sleep(3)  # what could not be read is not waited for, and what was read is stored
            self.assertEqual({path: told().get(path) for path in reasons}, reasons)
            status = served.status()
            self.assertEqual(status["symbols"]["workers_restarted"], 0)
            text = host.run("status", "--store", served.store).stdout
            self.assertIn("not read, or not whole:", text)
            pids = "|".join(str(p.process.pid) for p in [*all_of_them.values(), good])
            export = host.run(
                *("export", "--store", served.store, "--format", "folded"),
                *("--match", f'{{pid=~"{pids}"}}'),
            )
            found = jit_frames(host.folded(export.stdout))
            self.assertEqual(set(found), {"[jit]", "good"})


if __name__ == "__main__":
    host.main()
