#!/usr/bin/env python3
"""The known stacks of test_unwind, copied and unwound in user space: --unwind=snapshot."""

import unittest

import host
import test_unwind
import unwinding


class BuiltAndLinked(test_unwind.BuiltAndLinked):
    mode = "snapshot"


class Compiled(test_unwind.Compiled):
    mode = "snapshot"

    def test_recursion_that_is_too_deep(self):
        """What lies past the copied piece of the stack is missing, and the stack says so."""
        profile, _ = unwinding.recorded(
            unwinding.program("recursion"), test_unwind.SECONDS, "1000", mode=self.mode
        )
        stacks = unwinding.measured(unwinding.stacks_of(profile))
        at_leaf = [stack for stack in stacks if "leaf" in stack.text]
        self.assertGreaterEqual(unwinding.count(at_leaf), 500)
        right = [
            stack
            for stack in at_leaf
            if stack.incomplete in ("not-copied", "too-deep")
            and len(stack.frames) >= 300
            and unwinding.re.fullmatch(f"((odd|even);)+{test_unwind.LEAF}", stack.text)
            and ";odd;odd;" not in stack.text
            and ";even;even;" not in stack.text
        ]
        wrong = [stack for stack in at_leaf if stack not in right]
        self.assertGreaterEqual(
            unwinding.count(right) / unwinding.count(at_leaf),
            test_unwind.SHARE,
            unwinding.commonest(wrong),
        )


class Refused(unittest.TestCase):
    def test_no_worker_of_the_run_died(self):
        """A jail that forbids what libunwind does would cost each stack, and end a worker."""
        profile, _ = unwinding.recorded(
            unwinding.program("plain"), test_unwind.SECONDS, mode="snapshot"
        )
        ends = {stack.incomplete for stack in unwinding.measured(unwinding.stacks_of(profile))}
        self.assertNotIn("no-snapshot", ends)


if __name__ == "__main__":
    host.main()
