"""Loops of short-lived processes, and what Hearth's own processes spend on them."""

import dataclasses
import json
import os
import re
import tempfile
import time

import host
import unwinding

WARM_UP_MS = 1500


@dataclasses.dataclass
class Recorded:
    processes: int
    due: float  # samples that the kernel's account of CPU time makes due
    taken: int
    missed: int  # ticks that never fired
    dropped: int
    stacks: list  # user stacks of the processes that began after the warm-up

    @property
    def complete(self):
        cut = unwinding.count([stack for stack in self.stacks if stack.incomplete])
        return 1 - cut / unwinding.count(self.stacks)


def recorded(milliseconds, seconds, frequency=997):
    """A loop of processes that burn so much each, under `hearth record`."""
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "short.json")
        result = host.run(
            *("record", "-F", frequency, "--json", "--format", "json", "-o", out, "--"),
            *(unwinding.program("short"), seconds, milliseconds),
        )
        with open(out, encoding="utf-8") as file:
            profile = json.load(file)
    found = re.search(r"processes (\d+) cpu_ns (\d+)", result.stdout)
    summary = json.loads(result.stderr.strip().splitlines()[-1])
    stacks = unwinding.stacks_of(profile)
    begin = min(int(stack.labels["start"]) for stack in stacks) + WARM_UP_MS
    return Recorded(
        int(found.group(1)),
        int(found.group(2)) / 1e9 * frequency,
        summary["taken"],
        summary["missed_ticks"],
        summary["dropped"],
        [stack for stack in stacks if int(stack.labels["start"]) >= begin],
    )


def spent_ns(pids):
    """{process: its CPU time with all its threads, to the nanosecond}, of those that are there."""
    spent = {}
    for pid in pids:
        try:
            total = 0
            for tid in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{tid}/schedstat", encoding="ascii") as schedstat:
                    total += int(schedstat.read().split()[0])
            spent[pid] = total
        except OSError:
            pass  # a worker that had nothing to do has ended
    return spent


def spent_beside(served, seconds, *command):
    """(what the daemon's processes spent beside a command, the command's output)"""
    before = spent_ns(served.processes())
    with host.load(*map(str, command)) as process:
        out, _ = process.communicate(timeout=60 + seconds * 3)  # a busy machine
    time.sleep(1.2)  # what is kept of it is stored
    after = spent_ns(served.processes())
    return sum(spent - before.get(pid, 0) for pid, spent in after.items()), out


@dataclasses.dataclass
class Cost:
    processes: int
    with_ns: int  # beside the loop
    without_ns: int  # beside one process that is as busy

    @property
    def each_ms(self):
        return (self.with_ns - self.without_ns) / self.processes / 1e6


def cost_of_a_process(rounds, seconds=2, milliseconds=2):
    """What a new process costs the daemon: a loop of them against one that is as busy, in turn."""
    program = unwinding.program("short")
    cost = Cost(0, 0, 0)
    with host.daemon() as served:
        for number in range(rounds + 1):
            with_ns, out = spent_beside(served, seconds, program, seconds, milliseconds)
            without_ns, _ = spent_beside(served, seconds, program, "burn", seconds * 1000)
            if number > 0:  # in the first round names and tables become known
                cost.processes += int(re.search(r"processes (\d+)", out).group(1))
                cost.with_ns += with_ns
                cost.without_ns += without_ns
    return cost
