#!/usr/bin/env python3
"""Names inside containers that runc starts: on an overlay, with pid and mount namespaces of their
own, where nothing lies at the host's paths."""

import json
import os
import re
import signal
import subprocess
import tempfile
import time
import unittest

import host
import real_programs

WORK = """
static volatile unsigned long sum;
static inline __attribute__((always_inline)) void leaf(unsigned long n) { sum = sum * 31 + n; }
static __attribute__((noinline)) void outer(void)
{
	for (unsigned long i = 0; i < 1000000; i++)
		leaf(i);
}
int main(void) { for (;;) outer(); }
"""
# From a file system that only the container has.
MOVED = "cp /app/work /run/work && exec /run/work"
SECONDS = 3


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class Container(unittest.TestCase):
    def setUp(self):
        context = tempfile.TemporaryDirectory()
        self.folder = context.name
        self.addCleanup(context.cleanup)
        self.lower = self.made("lower")
        os.symlink("busybox", os.path.join(self.made("lower/bin"), "sh"))
        run("cp", "/bin/busybox", self.lower + "/bin/busybox")
        for name in ("app", "run", "tmp", "proc", "sys", "dev"):
            self.made("lower/" + name)
        for name in ("upper", "moved", "bundle/rootfs"):
            self.made(name)
        layers = ",".join(
            f"{name}dir={self.folder}/{at}"
            for name, at in (("lower", "lower"), ("upper", "upper"), ("work", "moved"))
        )
        run("mount", "-t", "overlay", "overlay", "-o", layers, self.folder + "/bundle/rootfs")
        self.addCleanup(run, "umount", self.folder + "/bundle/rootfs")

    def made(self, name):
        path = os.path.join(self.folder, name)
        os.makedirs(path)
        return path

    def built(self, name, source, *options):
        """A static program of the container's /app."""
        program = os.path.join(self.lower, "app", name)
        run("gcc", "-O2", "-static", *options, "-o", program, source)
        return program

    def configure(self, *arguments):
        bundle = self.folder + "/bundle"
        run("runc", "spec", "-b", bundle)
        with open(bundle + "/config.json", encoding="utf-8") as file:
            config = json.load(file)
        config["process"].update(terminal=False, args=list(arguments))
        for at in ("/tmp", "/run"):
            config["mounts"].append({"destination": at, "type": "tmpfs", "source": "tmpfs"})
        with open(bundle + "/config.json", "w", encoding="utf-8") as file:
            json.dump(config, file)
        return bundle

    def recorded(self, comm, go, *arguments):
        """The frames of a program in a container, and the first line that it said."""
        name = f"hearth-test-{os.getpid()}"
        command = ["runc", "run", "-b", self.configure(*arguments), name]
        out = self.folder + "/out.json"
        self.addCleanup(subprocess.run, ["runc", "delete", "-f", name], capture_output=True)
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as container, subprocess.Popen(
            [host.HEARTH, "record", "-F", "499", "-o", out], stderr=subprocess.PIPE, text=True
        ) as recording:
            time.sleep(1)
            said = container.stdout.readline() if go else ""
            if go:
                container.stdin.write("\n")
                container.stdin.flush()
            time.sleep(SECONDS)
            recording.send_signal(signal.SIGINT)
            _, errors = recording.communicate(timeout=60)
            subprocess.run(["runc", "kill", name, "KILL"], capture_output=True)
            container.communicate(timeout=20)
        self.assertEqual(recording.returncode, 0, errors)
        with open(out, encoding="utf-8") as file:
            profile = json.load(file)
        return said, [
            (frame, stack["count"])
            for stack in profile["stacks"]
            if stack["labels"]["comm"] == comm
            for frame in stack["frames"]
        ]

    def test_debug_information_is_found_where_the_process_sees_it(self):
        source = self.folder + "/work.c"
        with open(source, "w", encoding="ascii") as file:
            file.write(WORK)
        program = self.built("work", source, "-g", "-Wl,--build-id")
        told = re.search(r"Build ID: (\w\w)(\w+)", run("readelf", "-n", program))
        debug = self.made(f"lower/usr/lib/debug/.build-id/{told[1]}")
        run("objcopy", "--only-keep-debug", program, f"{debug}/{told[2]}.debug")
        run("strip", program)
        _, frames = self.recorded("work", False, "/bin/sh", "-c", MOVED)
        of = {}
        for frame, count in frames:
            if frame["kind"] in ("native", "inlined"):
                key = (frame["function"], frame["kind"], frame["object"])
                of[key] = of.get(key, 0) + count
        self.assertGreater(of.get(("leaf", "inlined", "/run/work"), 0), 50, of)
        self.assertGreater(of.get(("outer", "native", "/run/work"), 0), 50, of)
        self.assertIn(source, {frame["file"] for frame, _ in frames})

    def test_a_perf_map_is_that_of_the_innermost_pid(self):
        self.built("jitted", real_programs.SOURCE + "/tests/programs/jitted.c")
        said, frames = self.recorded("jitted", True, "/app/jitted", "map", "2", "inside")
        self.assertEqual(said, "1\n")
        found = {}
        for frame, count in frames:
            if frame["kind"] == "jit":
                found[frame["function"]] = found.get(frame["function"], 0) + count
        self.assertGreater(found.get("inside", 0), 50, found)
        self.assertFalse(os.path.exists("/tmp/perf-1.map"))


if __name__ == "__main__":
    host.main()
