#!/usr/bin/env python3
"""Names by the daemon: what a restart asks for, whose names are whose, and a host of many objects
at once."""

import json
import os
import re
import subprocess
import tempfile
import time
import unittest

import host

FUNCTIONS = 400
OBJECTS = 500
SYMBOLS = 1000
OTHER = 12345  # a user id that is nobody's
SECONDS = 5  # until all of a host is named,
CPU_SECONDS = 5  # at this cost

# Two places each where a sample can be taken, so that soon all of them have been seen.
SPIN = "asm volatile(\"mov $20000, %%ecx\\n1: dec %%ecx\\njnz 1b\" ::: \"ecx\", \"cc\");"

CALLS_LIBC = """
#include <stdlib.h>
int main(void) { volatile int sum = 0; for (;;) sum += rand(); }
"""

# Turns on its own place at a given offset of its file.
LIAR = """
	.text
	.globl _start
	.type _start, @function
_start: jmp evil
	.size _start, . - _start
	.org {offset} - {text}
	.globl evil
	.type evil, @function
evil:	jmp evil
	.size evil, . - evil
"""

OBJECT = """
__attribute__((noinline)) void hot_0000(void) { SPIN }
void entry(void) { hot_0000(); asm volatile("" ::: "memory"); }
"""

LOADER = """
#include <dlfcn.h>
int main(int argc, char **argv)
{
	static void (*entry[1024])(void);
	for (int i = 1; i < argc; i++) {
		void *object = dlopen(argv[i], RTLD_NOW);
		entry[i] = object ? (void (*)(void))dlsym(object, "entry") : 0;
		if (!entry[i])
			return 1;
	}
	for (;;)
		for (int i = 1; i < argc; i++)
			for (int k = 0; k < 500; k++)
				entry[i]();
}
"""


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def build_id(path):
    return re.search(r"Build ID: (\w+)", run("readelf", "-n", path)).group(1)


class Case(unittest.TestCase):
    def setUp(self):
        context = tempfile.TemporaryDirectory()
        self.folder = context.name
        self.addCleanup(context.cleanup)
        os.chmod(self.folder, 0o755)

    def path(self, name):
        return os.path.join(self.folder, name)

    def built(self, name, source, *options, suffix=".c"):
        with open(self.path(name + suffix), "w", encoding="ascii") as file:
            file.write(source)
        run("gcc", *options, "-o", self.path(name), self.path(name + suffix), "-ldl")
        return self.path(name)


class Restart(Case):
    def served(self, store):
        """Names that the worker gave in a run of the daemon, and those new to the store."""
        before = self.names(store)
        with host.daemon("-F", "997", store=store) as served:
            time.sleep(6)
            host.wait_until(
                lambda: served.status()["symbols"]["pending"] == 0, 30, "everything is named"
            )
            symbols = served.status()["symbols"]
        return symbols["named"], self.names(store) - before

    def names(self, store):
        if not os.path.exists(store):
            return 0
        told = json.loads(host.run("status", "--store", store, "--json").stdout)["store"]
        return told["named"]

    def test_nothing_is_asked_for_twice(self):
        source = "".join(
            f"__attribute__((noinline)) void f{i}(void) {{ {SPIN} }}\n" for i in range(FUNCTIONS)
        )
        calls = "".join(f"f{i}();" for i in range(FUNCTIONS))
        program = self.built("many", source + f"int main(void) {{ for (;;) {{ {calls} }} }}", "-O2")
        store = self.path("store/hearth.db")
        with host.load(program):
            first, _ = self.served(store)
            asked, new = self.served(store)
        self.assertGreater(first, FUNCTIONS)
        # What is asked for in the second run is new.
        self.assertLessEqual(asked, new)


class Owners(Case):
    def leaves(self, served, comm):
        """{(offset, function, build id): samples} of the innermost frames of a program."""
        export = host.run(
            *("export", "--store", served.store, "--format", "json"),
            *("--match", f'{{comm="{comm}"}}'),
        )
        found = {}
        for stack in json.loads(export.stdout)["stacks"]:
            frame = stack["frames"][0]
            key = (frame["offset"], frame["function"], frame["build_id"])
            found[key] = found.get(key, 0) + stack["count"]
        return found

    def of_libc(self, served, libc):
        return {k: n for k, n in self.leaves(served, "calls_libc").items() if k[2] == libc}

    def liar(self, offset, libc):
        """A user's program that has libc's build id, and turns at an offset where libc has rand."""
        options = ["-nostdlib", "-static", "-no-pie", f"-Wl,--build-id=0x{libc}"]
        text = 0
        for _ in range(2):  # the first tells where .text begins
            source = LIAR.format(offset=offset, text=text)
            program = self.built("libc.so.6", source, *options, suffix=".s")
            text = int(
                re.search(r" \.text +PROGBITS +\w+ (\w+)", run("readelf", "-SW", program))[1], 16
            )
        os.chown(program, OTHER, OTHER)
        return ["setpriv", f"--reuid={OTHER}", f"--regid={OTHER}", "--clear-groups", program]

    def test_a_users_file_with_libcs_build_id_gives_and_takes_no_names(self):
        honest = self.built("calls_libc", CALLS_LIBC, "-O2")
        file = re.search(r"libc\.so\.6 => (\S+)", run("ldd", honest)).group(1)
        libc = build_id(file)
        store = self.path("store/hearth.db")
        with host.daemon("-F", "499", store=store) as served, host.load(honest):
            host.wait_until(lambda: self.of_libc(served, libc), 10, "libc is sampled")
            time.sleep(2)
            before = self.of_libc(served, libc)
        offset, name, _ = max(before, key=before.get)
        self.assertIn("rand", name)
        # Both, in a run that knows libc's names from the one before.
        lying = self.liar(offset, libc)
        with host.daemon("-F", "499", store=store) as served:
            with host.load(*lying), host.load(honest):
                host.wait_until(
                    lambda: self.leaves(served, "libc.so.6"), 10, "the liar is sampled"
                )
                time.sleep(2)
                lies, truth = self.leaves(served, "libc.so.6"), self.of_libc(served, libc)
        self.assertGreater(lies.pop((offset, "evil", libc), 0), 100, lies)
        self.assertNotIn(name, {key[1] for key in lies})
        self.assertGreater(truth[(offset, name, libc)], before[(offset, name, libc)])
        self.assertEqual({key[1] for key in truth if key[0] == offset}, {name})
        self.assertNotIn("evil", {key[1] for key in truth})


class ManyObjects(Case):
    def objects(self):
        """Copies of an object without debug information, each a build of its own."""
        more = "".join(f"void unused_{i:04d}(void) {{}}\n" for i in range(SYMBOLS))
        first = self.built(
            "first.so", OBJECT.replace("SPIN", SPIN) + more, "-O2", "-shared", "-fPIC",
            "-Wl,-Bsymbolic", "-s",
        )
        told = bytes.fromhex(build_id(first))
        with open(first, "rb") as file:
            data = file.read()
        self.assertEqual((data.count(told), data.count(b"hot_0000")), (1, 1))
        for i in range(OBJECTS):
            copy = data.replace(told, i.to_bytes(4, "big") + told[4:])
            with open(self.path(f"lib{i:04d}.so"), "wb") as file:
                file.write(copy.replace(b"hot_0000", b"hot_%04d" % i))
            yield file.name

    def look(self, served, seen, named):
        """Note when each object was first met, and when it first had a name; is all there?"""
        export = host.run(
            *("export", "--store", served.store, "--format", "folded"),
            *("--match", '{comm="loader"}'),
        )
        now = time.monotonic()
        for number in re.findall(r";hot_(\d{4})[ ;]", export.stdout):
            named.setdefault(number, now)
            seen.setdefault(number, now)
        for number in re.findall(r";lib(\d{4})\.so\+0x", export.stdout):
            seen.setdefault(number, now)
        return len(named) == OBJECTS

    def cpu_s(self, served):
        return sum(entry["cpu_s"] for entry in served.status()["processes"])

    def test_a_host_of_500_objects_is_named_at_once(self):
        loader = self.built("loader", LOADER, "-O2")
        objects = list(self.objects())
        with host.daemon("-F", "499") as served:
            before = self.cpu_s(served)
            seen, named = {}, {}
            with host.load(loader, *objects):
                host.wait_until(
                    lambda: self.look(served, seen, named), 60, "all are sampled and named"
                )
                cost = self.cpu_s(served) - before
        took = max(named[number] - seen[number] for number in named)
        print(f"{OBJECTS} objects: named {took:.1f} s after they were met, {cost:.2f} CPU s in all")
        # Where more wants to run than there are processors, our share of them is smaller.
        self.assertLess(took, SECONDS * max(1, os.getloadavg()[0] / os.cpu_count()))
        self.assertLess(cost, CPU_SECONDS)


if __name__ == "__main__":
    host.main()
