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
    # What lies past the copied piece of the stack is missing, and the stack says so.
    cut = ("not-copied", "too-deep")
    cut_frames = range(300, 513)


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
