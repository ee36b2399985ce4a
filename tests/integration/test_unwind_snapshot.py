#!/usr/bin/env python3
"""The known stacks of test_unwind, copied and unwound in user space: --unwind=snapshot."""

import unittest

import host
import test_unwind
import unwinding


# Copying costs time, and less of it is the program's own.
SECONDS = "2.5"
LEAST = 60


class BuiltAndLinked(test_unwind.BuiltAndLinked):
    mode = "snapshot"
    seconds = SECONDS
    least = LEAST


class Compiled(test_unwind.Compiled):
    mode = "snapshot"
    seconds = SECONDS
    least = LEAST
    landing_share = 0.96  # a moment of tens of samples: a few make a hundredth
    kept_depth = "100"  # of frames of some 80 bytes
    # What lies past the copied piece of the stack is missing, and the stack says so.
    cut = ("not-copied", "too-deep")
    cut_frames = range(150, 513)
    cut_least = LEAST


class Refused(unittest.TestCase):
    def test_no_worker_of_the_run_died(self):
        """A jail that forbids what libunwind does would cost each stack, and end a worker."""
        profile, _ = unwinding.recorded(
            unwinding.program("plain"), SECONDS, mode="snapshot"
        )
        ends = {stack.incomplete for stack in unwinding.measured(unwinding.stacks_of(profile))}
        self.assertNotIn("no-snapshot", ends)


if __name__ == "__main__":
    host.main(at_once=2)
