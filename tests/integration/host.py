"""Running Hearth in tests: the binary, a daemon on its own store, known loads, and their end.

Everything that is started here is ended here. HEARTH_BUILD names the build folder.
"""

import concurrent.futures
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

BUILD = os.environ.get("HEARTH_BUILD", "build")
HEARTH = os.path.join(BUILD, "hearth")
PROGRAMS = os.path.join(BUILD, "tests", "programs")
SKIP = 77
ALREADY_KNOWN = "HEARTH_CAN_SAMPLE"  # in the environment of a test among others


def program(name):
    return os.path.join(PROGRAMS, name)


def run(*arguments, check=True, **options):
    """Run hearth with these arguments; its CompletedProcess with text."""
    options.setdefault("timeout", 120)
    result = subprocess.run(
        [HEARTH, *map(str, arguments)], text=True, capture_output=True, check=False, **options
    )
    if check and result.returncode != 0:
        raise AssertionError(
            f"hearth {' '.join(map(str, arguments))} ended with {result.returncode}: "
            f"{result.stderr}"
        )
    return result


class Daemon:
    """hearth serve on a store in a folder; ended by stop() or kill()."""

    def __init__(self, store, *arguments, environment=None):
        self.store = store
        self.process = subprocess.Popen(
            [HEARTH, "serve", "--store", store, "--listen", "127.0.0.1:0", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.address = None
        for line in self.process.stdout:
            found = re.search(r"Open (http://\S+)", line)
            if found:
                self.address = found.group(1)
                break
        if not self.address:
            raise AssertionError(f"hearth serve did not start: {self.process.stderr.read()}")

    def get(self, path, **options):
        with urllib.request.urlopen(
            self.address + path.lstrip("/"), timeout=30, **options
        ) as answer:
            return answer.read()

    def json(self, path):
        return json.loads(self.get(path))

    def status(self):
        return self.json("/api/v1/status")

    def processes(self):
        return [entry["pid"] for entry in self.status()["processes"]]

    def stop(self):
        """SIGTERM; its exit status and what it wrote on stderr."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        _, errors = self.process.communicate(timeout=20)
        return self.process.returncode, errors

    def kill(self):
        self.process.kill()
        self.process.communicate(timeout=20)


@contextlib.contextmanager
def daemon(*arguments, store=None):
    with tempfile.TemporaryDirectory() as folder:
        served = Daemon(store or os.path.join(folder, "store", "hearth.db"), *arguments)
        try:
            yield served
        finally:
            served.stop()


@contextlib.contextmanager
def load(*command):
    """A program that runs while the block does."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def bpf_objects(pid):
    """The BPF programs and maps that a process holds: {("prog", id), ("map", id)}."""
    held = set()
    for name in os.listdir(f"/proc/{pid}/fdinfo"):
        try:
            with open(f"/proc/{pid}/fdinfo/{name}", encoding="ascii") as fdinfo:
                for line in fdinfo:
                    kind, _, number = line.partition(":")
                    if kind in ("prog_id", "map_id"):
                        held.add((kind.removesuffix("_id"), int(number)))
        except OSError:
            continue
    return held


def bpf_loaded():
    """All BPF programs and maps of this kernel, as bpf_objects() names them."""
    bpftool = shutil.which("bpftool") or "/usr/sbin/bpftool"
    loaded = set()
    for kind in ("prog", "map"):
        listed = subprocess.run(
            [bpftool, "-j", kind, "list"], capture_output=True, text=True, check=True
        ).stdout
        loaded.update((kind, entry["id"]) for entry in json.loads(listed))
    return loaded


def removed(folder):
    try:
        os.rmdir(folder)
    except OSError:
        return not os.path.exists(folder)
    return True


@contextlib.contextmanager
def cgroup(name):
    """A v2 cgroup of this name: its folder, and its path as /proc/PID/cgroup shows it."""
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        root = next(line.split()[1] for line in mounts if line.split()[2] == "cgroup2")
    folder = os.path.join(root, name)
    os.mkdir(folder)
    try:
        yield folder, "/" + name
    finally:
        wait_until(lambda: removed(folder), 5, "the cgroup is empty")


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def wait_until(condition, seconds, what):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


def folded(text):
    """{(frame, ...): count} of folded lines."""
    stacks = {}
    for line in text.splitlines():
        stack, _, count = line.rpartition(" ")
        stacks[tuple(stack.split(";"))] = stacks.get(tuple(stack.split(";")), 0) + int(count)
    return stacks


def shares(stacks, names):
    """Of the stacks' samples, how many go through each name (percent)."""
    total = sum(stacks.values())
    return {
        name: 100.0 * sum(count for stack, count in stacks.items() if name in stack) / total
        for name in names
    }


def skip_without_sampling():
    """Ends the program with 77 and the reason where sampling is impossible; with 1 in CI."""
    doctor = run("doctor", check=False)
    if doctor.returncode != 0:
        print(f"skipped: {doctor.stdout}{doctor.stderr}")
        sys.exit(1 if os.environ.get("CI") == "true" else SKIP)


def names_of(suite):
    """Tests, each once; those that a class sets something up for are one."""
    names = {}
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            names.update(names_of(test))
        elif "setUpClass" in vars(type(test)):
            names[type(test).__name__] = True
        else:
            names[test.id().removeprefix("__main__.")] = True
    return names


def run_side_by_side(at_once):
    """Each in a process of its own; the exit status."""
    names = list(names_of(unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])))

    def run_one(name):
        return subprocess.run(
            [sys.executable, "-B", sys.argv[0], name],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            env={**os.environ, ALREADY_KNOWN: "1"},
        )

    failed = []
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        for name, done in zip(names, pool.map(run_one, names)):
            print(done.stdout, end="", flush=True)
            if done.returncode != 0:
                failed.append(name)
    print(f"{len(names) - len(failed)} of {len(names)} passed", *failed, flush=True)
    return 1 if failed or not names else 0


def main(at_once=1):
    """
    Run the module's tests, where sampling is possible; so many at once where they wait more than
    they compute, and none sees what the others do.
    """
    if ALREADY_KNOWN not in os.environ:
        skip_without_sampling()
    if at_once > 1 and len(sys.argv) == 1:
        sys.exit(run_side_by_side(at_once))
    unittest.main(verbosity=2)
