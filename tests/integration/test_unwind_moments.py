#!/usr/bin/env python3
"""Every stack to its root, at moments and in places of their own: signals, threads, children,
coroutines, jumps, the vDSO, the kernel, objects that come and go. See test_unwind.py.
"""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import host
import unwinding
from test_unwind import ASKED, LEAF, MAIN, SECONDS, SHARE, Case, chain, whole

CALLED = f"(;{LEAF})?"
# A plugin's functions call each other by its PLT, and the first time the linker binds them.
BOUND = "(;(plt|ld|libc))+"


class Signals(Case):
    """The frame that a handler returns to is the C library's, and below it what was interrupted."""

    def test_out_of_raise(self):
        handler = chain("on_signal", "in_handler")
        self.check(
            "signals",
            f"{MAIN}(;case_body(;raising(;(plt|libc|libc;{handler}))?)?)?",
            f"{MAIN};case_body;raising;libc;on_signal;in_handler;{LEAF}",
            variant="raised",
        )

    def interrupting(self, variant):
        interrupted = chain(MAIN, "case_body", "interrupted")
        handler = chain("on_signal", "in_handler")
        # The timer can also fire in main's clock_gettime().
        stacks = self.check(
            "signals",
            f"{interrupted}(;(libc|vdso|plt))*(;libc;{handler})?",
            f"{MAIN};case_body;interrupted.*",
            variant=variant,
        )
        handled = sum(stack.count for stack in stacks if ";in_handler;" in stack.text)
        self.assertGreaterEqual(handled / unwinding.count(stacks), 0.05)

    def test_at_any_instruction(self):
        self.interrupting("timer")

    def test_on_a_stack_of_its_own(self):
        self.interrupting("altstack")


class Processes(Case):
    def test_threads(self):
        """A thread's root is the C library's start of threads."""
        # Making and ending a thread changes its stack's memory under it: 1 in 1,000. clone3() has
        # no CFI around its system call, where a child has another stack than its parent: 1 in 100.
        self.check(
            "threads",
            f"libc(;{chain('thread_start', 'in_thread')}(;plt)?(;libc)?)?"
            f"|{MAIN}(;case_body(;plt)?(;libc)?)?",
            f"libc;thread_start;in_thread;{LEAF}",
            share=0.98,
        )

    def child(self, variant):
        """The child's chain goes on from where it was made."""
        # A process that is being made or ends is sampled in the C library's and linker's code.
        return self.check(
            "forks",
            chain(MAIN, "case_body", "spawn", "child_outer", "child_inner")
            + "(;(plt|libc|ld))*",
            whole(MAIN, "case_body", "spawn", "child_outer", "child_inner"),
            variant=variant,
            share=0.99,
        )

    def test_vfork(self):
        self.child("vfork")

    def test_fork_without_exec(self):
        self.child("fork")

    def test_exec_changes_the_name_at_once(self):
        """comm and exe are those of the moment: before the exec the parent's, after it the new."""
        profile, _ = unwinding.recorded(unwinding.program("forks"), SECONDS, "exec")
        stacks = unwinding.stacks_of(profile)
        before = [s for s in unwinding.measured(stacks) if ";child_outer" in s.text]
        self.assert_named(before, "measured", "unwind_forks")
        after = [s for s in stacks if "measured" in s.text.split(";")]
        self.assert_named(after, "unwind_target", "unwind_target")
        unwinding.judge(
            self, after, f"{MAIN};measured(;work)?", SHARE, f"{MAIN};measured;work"
        )

    def assert_named(self, stacks, comm, exe):
        self.assertGreaterEqual(unwinding.count(stacks), 100)
        names = {
            (s.labels["comm"], s.labels["thread"], os.path.basename(s.labels["exe"]))
            for s in stacks
        }
        self.assertEqual(names, {(comm, comm, exe)})

    def test_a_32_bit_process_says_so(self):
        profile, _ = unwinding.recorded(unwinding.program("thirty_two"))
        reasons = {
            stack["incomplete"]
            for stack in profile["stacks"]
            if stack["labels"]["comm"] == "unwind_thirty_t"
        }
        self.assertIn("32-bit", reasons)
        whole_host = sum(profile["incomplete"].values())
        self.assertGreaterEqual(profile["incomplete"]["32-bit"] / whole_host, SHARE)


class Jumps(Case):
    def test_longjmp(self):
        """Two thirds of the time is in setjmp() and longjmp(), which change the stack at once."""
        program = chain("jump_outer", "jump_middle", "jump_inner")
        self.check(
            "jumps",
            f"{MAIN}(;case_body(;{program})?)?(;plt)?(;libc)?",
            f"{MAIN};case_body;jump_outer.*",
            share=0.99,
        )

    def test_coroutines(self):
        """A coroutine's root is where makecontext() made it begin."""
        coroutine = chain("coroutine_start", "coroutine_outer", "coroutine_inner")
        # swapcontext() changes one register after the other, some instructions long.
        self.check(
            "coroutines",
            f"libc(;{coroutine}(;plt)?(;libc)?)?|{MAIN}(;case_body(;plt)?(;libc)?)?",
            f"libc;coroutine_start;coroutine_outer;coroutine_inner;{LEAF}",
            share=0.99,
        )


class Elsewhere(Case):
    """The sampled moment is in the vDSO, in the kernel, in code without a file."""

    def test_vdso(self):
        self.check(
            "vdso",
            f"{MAIN}(;case_body(;ask_time)?)?(;plt)?(;libc)?(;vdso)?",
            f"{MAIN};case_body;ask_time;libc;vdso",
        )

    def kernel(self, variant, ends):
        self.check(
            "kernel",
            f"{MAIN}(;(plt|libc)|;case_body(;{variant}(;({ends}))?)?)?",
            f"{MAIN};case_body;{variant};({ends})",
            variant=variant,
        )

    def test_short_system_calls(self):
        self.kernel("calls", "plt|libc")

    def test_long_system_calls(self):
        self.kernel("reads", "plt|libc")

    def test_page_faults(self):
        self.kernel("faults", "touch|plt|libc")

    def test_native_jit_native(self):
        """By the tables, by the frame pointer, and by the tables again."""
        # Between `push %rbp` and `mov %rsp,%rbp` and at `ret` the frame pointer is the caller's.
        self.check(
            "jit",
            f"{MAIN}(;case_body(;enter_jit(;jit(;called_by_jit(;{LEAF})?)?)?)?)?",
            f"{MAIN};case_body;enter_jit;jit;called_by_jit;{LEAF}",
            share=0.99,
        )


class Before(unittest.TestCase):
    """What runs already when sampling begins."""

    def first_samples(self, program, *arguments):
        """It rests at the start, and for longer than its files take to be made ready."""
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "recorded.json")
            copy = shutil.copy(program, folder)
            with subprocess.Popen([copy, *arguments]) as program:
                try:
                    time.sleep(0.5)  # it is in its loop, and all that it needs is bound
                    program.send_signal(signal.SIGSTOP)
                    record = subprocess.Popen(
                        [host.HEARTH, "record", "-F", "499", "-p", str(program.pid), "-d", "4"]
                        + ["--format", "json", "-o", out]
                    )
                    time.sleep(2.5)
                    program.send_signal(signal.SIGCONT)
                    self.assertEqual(record.wait(timeout=60), 0)
                finally:
                    program.kill()
            with open(out, encoding="utf-8") as file:
                stacks = unwinding.stacks_of(json.load(file))
        self.assertGreater(unwinding.count(stacks), 20)
        self.assertEqual([stack.told() for stack in stacks if stack.incomplete], [])

    def test_a_program_is_whole_from_its_first_sample(self):
        self.first_samples(os.path.join(host.PROGRAMS, "deep"), "25", "20", "0")

    def test_so_is_the_vdso(self):
        self.first_samples(unwinding.program("vdso"), "20")


class Objects(Case):
    PLUGIN = "|".join(
        f"plugin(;{name}_outer(;{name}_inner(;called_back{CALLED}|{BOUND})?|{BOUND})?|{BOUND})?"
        for name in ("alpha", "beta")
    )
    STARTS_AND_ENDS = r"(;(\.init|\.fini|\.text)(;plt)?(;libc)?)?"

    def test_objects_that_are_loaded_and_unloaded(self):
        """Two that take the place of each other; half of the rest is the linker at work."""
        # The compiler's own start and end code (_init() in .init, _fini() in .fini, and
        # __do_global_dtors_aux() in .text) has no CFI, and rules derived of its instructions only
        # once these are known: 1 in 200.
        linker = f"(;(plt|libc|ld))*{self.STARTS_AND_ENDS}"
        self.check(
            "loads",
            f"{MAIN}(;case_body(;load(;({self.PLUGIN})|{linker})?)?)?",
            f"{MAIN};case_body;load;plugin;.*;called_back;{LEAF}",
            share=0.98,
        )

    def test_mappings_that_change_under_the_stack(self):
        """
        Thousands of changes a second: a stack may then end early and say so, but no frame may be
        another's. A thread that is stopped in the middle of a change cannot be walked: a few.
        """
        profile, out = unwinding.recorded(unwinding.program("mappings"), "4")
        self.assertGreaterEqual(int(out.split()[-1]), 5000, "changes a second")
        # dlopen() and dlclose() run the constructors and destructors that the compiler gave the
        # object.
        runs = f"run_(alpha|beta)(;({self.PLUGIN})|(;(plt|libc|ld))*{self.STARTS_AND_ENDS})?"
        pattern = f"{MAIN}(;case_body(;{runs})?)?"
        mapper = "libc(;mapper_start(;change(;map)?)?(;plt)?(;libc)?)?"
        stacks = unwinding.measured(unwinding.stacks_of(profile))
        stacks += [
            stack
            for stack in unwinding.stacks_of(profile)
            if stack.labels["thread"] == "warm-up" and "mapper_start" in stack.text
        ]
        whole_ones = [stack for stack in stacks if not stack.incomplete]
        wrong = unwinding.wrong_ones(whole_ones, f"{pattern}|{mapper}|{ASKED}")
        self.assertEqual(unwinding.count(wrong), 0, unwinding.commonest(wrong))
        cut = [stack for stack in stacks if stack.incomplete]
        self.assertGreaterEqual(unwinding.count(whole_ones), 1000)
        self.assertLessEqual(
            unwinding.count(cut) / unwinding.count(stacks), 0.01, unwinding.commonest(cut)
        )


if __name__ == "__main__":
    host.main(at_once=2)
