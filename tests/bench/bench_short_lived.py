#!/usr/bin/env python3
"""Processes that burn 1 to 100 ms of CPU each, in a loop: samples against those due, stacks that
are complete, and what `hearth serve` spends on each new process.

usage: bench_short_lived.py. HEARTH_BUILD names the build folder. Nothing is asserted.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

import short_lived  # noqa: E402
import unwinding  # noqa: E402


def main():
    print(f"{'ms a process':>12}{'processes':>11}{'due':>8}{'taken/due':>11}{'missed':>8}"
          f"{'complete':>10}")
    for milliseconds in (1, 3, 10, 30, 100):
        run = short_lived.recorded(milliseconds, 10)
        print(f"{milliseconds:>12}{run.processes:>11}{run.due:>8.0f}{run.taken / run.due:>11.3f}"
              f"{run.missed:>8}{100 * run.complete:>9.2f}%", flush=True)
        cut = [stack for stack in run.stacks if stack.incomplete]
        if cut:
            print(f"{'':12} commonest of the others:{unwinding.commonest(cut, 3)}")
    cost = short_lived.cost_of_a_process(10)
    print(
        f"user-space CPU for a new process: {cost.each_ms:.4f} ms (budget 0.02): "
        f"{cost.with_ns / 1e6:.0f} ms beside {cost.processes} of them, "
        f"{cost.without_ns / 1e6:.0f} ms beside one that is as busy"
    )


if __name__ == "__main__":
    main()
