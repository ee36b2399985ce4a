"""Programs whose stacks are known, under the profiler: what came out, and whether it is right.

A stack is told as its functions, root first, joined by ";". Functions of the test's own programs
are named by their symbol tables, not by Hearth. Of other objects a run of frames is one word:
`libc`, `ld`, `vdso`, `libgcc`, `libstdc++`; code in anonymous memory is `jit`.
"""

import collections
import dataclasses
import json
import os
import re
import tempfile

import elf_facts
import host

FREQUENCY_HZ = 499
FOLDER = os.path.join(host.PROGRAMS, "unwind")
# Built without symbols: its twin has them at the same places.
TWINS = {"unwind_stripped": "unwind_plain"}
WORDS = {"libc.so.6": "libc", "ld-linux-x86-64.so.2": "ld", "[vdso]": "vdso"}


def program(name):
    return os.path.join(FOLDER, "unwind_" + name)


@dataclasses.dataclass
class Stack:
    count: int
    labels: dict
    incomplete: str  # or None
    frames: list  # user frames of the json format without inlined ones, root first

    @property
    def text(self):
        words = []
        for frame in self.frames:
            word, ours = frame_word(frame)
            if ours or not words or words[-1] != word:
                words.append(word)
        return ";".join(words)

    def ends_rightly(self):
        """Whether the CFI of the last frame's function says that it is the first of its thread."""
        root = self.frames[0]
        return os.path.exists(root["object"]) and elf_facts.elf(root["object"]).is_end(
            root["offset"]
        )

    def told(self):
        """For people who look for the reason of a failure."""
        places = "; ".join(
            f"{os.path.basename(frame['object']) or frame['kind']}+{frame['offset']:#x}"
            for frame in self.frames
        )
        return f"{shortened(self.text)}  [{self.incomplete or 'complete'}] {shortened(places)}"


def shortened(text, length=600):
    if len(text) <= length:
        return text
    return f"{text[: length // 2]} ... {text[-length // 2 :]}"


def frame_word(frame):
    """(what a frame is called, whether it is of a program of ours)"""
    if frame["kind"] == "jit":
        return "jit", False
    name = os.path.basename(frame["object"])
    if name.startswith("unwind_"):
        path = os.path.join(FOLDER, TWINS.get(name, name))
        found = elf_facts.elf(path).name(frame["offset"]) or "?"
        return found.removesuffix(".cold"), True
    return WORDS.get(name, name.split(".so")[0].split("_s")[0]) or "?", False


def stacks_of(profile):
    """Those of a json profile that have user frames."""
    found = []
    for stack in profile["stacks"]:
        frames = [
            frame
            for frame in reversed(stack["frames"])
            if frame["kind"] not in ("kernel", "inlined")
        ]
        if frames:
            found.append(Stack(stack["count"], stack["labels"], stack["incomplete"], frames))
    return found


def recorded(*command, frequency=FREQUENCY_HZ, mode="auto", **options):
    """(the json profile of a command from its first to its last instruction, its stdout)"""
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "recorded.json")
        result = host.run(
            *("record", "-F", frequency, "--unwind", mode, "--format", "json", "-o", out),
            *("--", *command),
            **options,
        )
        with open(out, encoding="utf-8") as file:
            return json.load(file), result.stdout


def measured(stacks):
    """Without what ran while the program's objects could still be unknown, and after its work."""
    return [stack for stack in stacks if stack.labels.get("thread") == "measured"]


def count(stacks):
    return sum(stack.count for stack in stacks)


def wrong_ones(stacks, pattern, ends=True):
    """Those that are no stack of the program, or not known to the end."""
    pattern = re.compile(pattern)
    return [
        stack
        for stack in stacks
        if stack.incomplete
        or not pattern.fullmatch(stack.text)
        or (ends and not stack.ends_rightly())
    ]


def commonest(stacks, lines=6):
    """The commonest of some stacks, for a failure's message."""
    by_text = collections.Counter()
    for stack in stacks:
        by_text[stack.told()] += stack.count
    return "".join(f"\n  {number:6} {text}" for text, number in by_text.most_common(lines))


def judge(case, stacks, pattern, share, whole, least=150):
    """
    Asserts of these stacks that at least `share` of the samples are complete, match `pattern` and
    end where a thread begins, and that half of all match `whole`: the case was really met.
    """
    total = count(stacks)
    wrong = wrong_ones(stacks, pattern)
    right = total - count(wrong)
    print(f"  {right} of {total} samples right", flush=True)
    case.assertGreaterEqual(total, least, f"too few samples{commonest(stacks)}")
    case.assertGreaterEqual(
        right / total,
        share,
        f"{count(wrong)} of {total} samples are wrong; the commonest:{commonest(wrong)}",
    )
    met = sum(stack.count for stack in stacks if re.fullmatch(whole, stack.text))
    case.assertGreaterEqual(
        met / total, 0.5, f"the case was met by {met} of {total}{commonest(stacks)}"
    )
