#!/usr/bin/env python3
"""Every stack to its root: programs built without frame pointers whose stacks are known.

Each case: the program, what a stack of it may be (a regular expression over what unwinding.py makes
of it), and what at least half of its stacks must be. A sample may fall anywhere, in prologues and
epilogues too, so a chain may end at each of its functions; but nothing may be missing before that.
"""

import unittest

import host
import unwinding

SECONDS = "1.5"
# 99.5 % where nothing is exotic. What is less has its reason beside it.
SHARE = 0.995
MAIN = "_start;libc;main"
LEAF = "leaf(;(spin|churned))?"
# Of a program that has its C library inside.
STATIC_MAIN = r"_start;(__libc_start\w+;)*main"
# main() asks what time it is, and what time it took, between two rounds.
ASKED = f"({MAIN}|{STATIC_MAIN})(;(plt|libc|vdso|(__)?clock_gettime|(__)?getrusage|worked))*"


def chain(root, *functions, leaf=LEAF):
    """Stacks that go down these functions, as far as the sampled moment let them."""
    text = f"(;{leaf})?"
    for function in reversed(functions):
        text = f"(;{function}{text})?"
    return root + text


def whole(root, *functions, leaf=LEAF):
    return ";".join((root, *functions, leaf))


class Case(unittest.TestCase):
    mode = "auto"
    seconds = SECONDS
    least = 150

    def check(self, name, pattern, full, variant=None, share=SHARE):
        arguments = [self.seconds] + ([variant] if variant else [])
        profile, _ = unwinding.recorded(
            unwinding.program(name), *arguments, mode=self.mode
        )
        stacks = unwinding.measured(unwinding.stacks_of(profile))
        unwinding.judge(self, stacks, f"{pattern}|{ASKED}", share, full, self.least)
        return stacks

    def check_chain(self, name, *functions, root=MAIN, leaf=LEAF, **more):
        return self.check(
            name,
            chain(root, "case_body", *functions, leaf=leaf),
            whole(root, "case_body", *functions, leaf=leaf),
            **more,
        )


PLAIN = ("outer", "middle", "inner")


class BuiltAndLinked(Case):
    """The same chain, built and linked in every way."""

    def test_plain(self):
        self.check_chain("plain", *PLAIN)

    def test_stripped(self):
        self.check_chain("stripped", *PLAIN)

    def test_not_position_independent(self):
        self.check_chain("no_pie", *PLAIN)

    def test_static(self):
        self.check_chain("static", *PLAIN, root=STATIC_MAIN)

    def test_static_position_independent(self):
        self.check_chain("static_pie", *PLAIN, root=STATIC_MAIN)

    def test_only_debug_frame(self):
        self.check_chain("debug_frame", *PLAIN)

    def test_frame_pointers_and_no_tables(self):
        """The leaf spins: where the frame is not set up yet, a frame pointer is its caller's."""
        self.check_chain("frame_pointers", *PLAIN, leaf="leaf_quiet", share=0.99)


class WithoutCfi(Case):
    """What only the tables know, from the code itself."""

    def test_a_leaf(self):
        self.check_chain("assembly", "into_assembly", leaf="without_cfi", variant="none")


class Compiled(Case):
    """What compilers and hand-written code do with frames."""

    # Just before it lands, libgcc has overwritten the return address of its own frame.
    landing_share = 0.98
    kept_depth = "400"
    cut = ("too-deep",)
    cut_frames = range(512, 513)
    cut_least = 500

    def test_realigned_frames(self):
        self.check_chain("realigned", "expressed", "variable", "aligned")

    def test_cfa_by_r11(self):
        self.check_chain("assembly", "into_assembly", leaf="by_r11", variant="r11")

    def test_cfa_by_rax(self):
        self.check_chain("assembly", "into_assembly", leaf="by_rax", variant="rax")

    def test_cfa_by_an_expression_that_reads_memory(self):
        self.check_chain(
            "assembly", "into_assembly", "by_memory", "called_back", variant="memory"
        )

    def test_cfa_by_rbx_through_calls(self):
        self.check_chain(
            "assembly", "into_assembly", "by_rbx", "called_from_there", variant="rbx"
        )

    def test_plt(self):
        """Half of the time is in the stubs and what they call: each of them with its caller."""
        called = "(plt|called_one|called_two)"
        stacks = self.check_chain("plt", "call_by_plt", leaf=called)
        in_stub = sum(stack.count for stack in stacks if stack.text.endswith(";plt"))
        self.assertGreaterEqual(in_stub, 20, unwinding.commonest(stacks))

    def test_exceptions(self):
        """Half of the time is in the exceptions' own machinery, which changes frames as it goes."""
        through = "(;(libstdc\\+\\+|libgcc|libc|ld|vdso))*"
        program = f"(;case_body(;catcher(;thrown_through(;thrower(;{LEAF})?)?)?)?)?"
        self.check(
            "exceptions",
            f"{MAIN}{program}(;plt)?{through}",
            f"{MAIN};case_body;catcher.*",
            share=self.landing_share,
        )

    def test_recursion_that_is_kept_whole(self):
        recursion = "even(;(odd|even))*"
        stacks = self.check_chain("recursion", recursion, variant=self.kept_depth)
        for stack in stacks:
            self.assertLessEqual(len(stack.frames), 512)

    def test_recursion_that_is_too_deep(self):
        """The frames next to the leaf are kept, and the stack says that there are more."""
        profile, _ = unwinding.recorded(
            unwinding.program("recursion"), self.seconds, "1000", mode=self.mode
        )
        stacks = unwinding.measured(unwinding.stacks_of(profile))
        at_leaf = [stack for stack in stacks if "leaf" in stack.text]
        self.assertGreaterEqual(unwinding.count(at_leaf), self.cut_least)
        right = [
            stack
            for stack in at_leaf
            if stack.incomplete in self.cut
            and len(stack.frames) in self.cut_frames
            and unwinding.re.fullmatch(f"((odd|even);)+{LEAF}", stack.text)
            and ";odd;odd;" not in stack.text
            and ";even;even;" not in stack.text
        ]
        wrong = [stack for stack in at_leaf if stack not in right]
        self.assertGreaterEqual(
            unwinding.count(right) / unwinding.count(at_leaf),
            SHARE,
            unwinding.commonest(wrong),
        )


if __name__ == "__main__":
    host.main(at_once=2)
