#!/usr/bin/env python3
"""Debian's own programs under load: the share of user stacks that reach `_start` or their thread's.

Every program at work in a cgroup of its own, beside one daemon, two at a time; judged is what a
range of its store has, from three seconds after the load's beginning. What is not complete is
printed: the reasons, and the places where the walk ended.
"""

import collections
import concurrent.futures
import json
import os
import sys
import tempfile
import time
import unittest

import host
import real_programs
import unwinding

WARM_UP_SECONDS = 3
LEAST = 500  # samples; the budget of 99.5 % leaves two of them
AT_ONCE = 2  # most of them keep one CPU busy


def place(frame):
    return f"{os.path.basename(frame['object']) or frame['kind']}+{frame['offset']:#x}"


def report(program, stacks, lines=8):
    total = unwinding.count(stacks)
    cut = [stack for stack in stacks if stack.incomplete]
    share = 1 - unwinding.count(cut) / total if total else 0
    text = f"{program.name}: {100 * share:.2f} % of {total} user stacks complete"
    ends = collections.Counter()
    for stack in cut:
        ends[(stack.incomplete, place(stack.frames[0]))] += stack.count
    for (reason, where), number in ends.most_common(lines):
        text += f"\n  {number:6} {reason} at {where}"
    return share, text


class BesideOneDaemon(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.served = host.Daemon(os.path.join(folder.name, "s", "hearth.db"), "-F", "997")
        cls.addClassCleanup(cls.served.stop)

    @classmethod
    def exported(cls, begin, end, group, comms):
        match = f'{{cgroup="{group}",comm=~"{comms}"}}'
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "out.json")
            host.run(
                *("export", "--store", cls.served.store, "--from", begin, "--until", end),
                *("--match", match, "--format", "json", "-o", out),
            )
            with open(out, encoding="utf-8") as file:
                return unwinding.stacks_of(json.load(file))


class RealPrograms(BesideOneDaemon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        pool = concurrent.futures.ThreadPoolExecutor(AT_ONCE)
        cls.addClassCleanup(pool.shutdown)
        # In the order of their tests, which are named on the command line or all.
        cls.ran = {
            program.name: pool.submit(cls.run_program, program)
            for program in sorted(real_programs.PROGRAMS, key=lambda program: program.name)
            if len(sys.argv) == 1 or any(program.name in word for word in sys.argv[1:])
        }

    @classmethod
    def run_program(cls, program):
        """Its stacks behind the warm-up."""
        with host.cgroup(f"hearth-real-{program.name}") as (folder, path):
            with real_programs.running(program, folder) as process:
                begin = time.time() + WARM_UP_SECONDS
                process.wait(timeout=program.seconds * 4)
                end = time.time()
            time.sleep(1.5)  # what was sampled until then is stored
            return cls.exported(begin, end, path, program.comms)

    def check(self, program):
        stacks = self.ran[program.name].result()
        share, text = report(program, stacks)
        print(text, flush=True)
        self.assertGreaterEqual(unwinding.count(stacks), LEAST, text)
        self.assertGreaterEqual(share, program.share, text)
        ended = [stack for stack in stacks if not stack.incomplete]
        wrong = [stack for stack in ended if not stack.ends_rightly()]
        self.assertLessEqual(
            unwinding.count(wrong) / unwinding.count(ended), 0.001, unwinding.commonest(wrong)
        )


def method(program):
    return lambda self: self.check(program)


for each in real_programs.PROGRAMS:
    setattr(RealPrograms, f"test_{each.name}", method(each))


if __name__ == "__main__":
    host.main()
