"""Reading and checking Hearth's own formats as their documentation says, not as our code does."""

import re

REASON = re.compile(r"^[a-z][a-z0-9-]*$")
KINDS = {"kernel", "native", "inlined", "jit", "interpreted"}
SUFFIX = {"kernel": "_[k]", "inlined": "_[i]", "jit": "_[j]", "interpreted": "_[p]", "native": ""}
LABELS = "pid start tid comm thread exe cgroup container unit uid host runtime pod".split()

# flamegraph.pl's own: applied twice, for a second match makes a line a differential one.
FOLDED = re.compile(r"^(.*)\s+?(\d+(?:\.\d*)?)$")

ESCAPES = {"t": "\t", "n": "\n", "\\": "\\"}


def require(truth, what):
    if not truth:
        raise AssertionError(what)


def unescaped(field):
    require(re.fullmatch(r"(?:[^\\]|\\[tn\\])*", field, re.DOTALL), f"a bad escape in {field!r}")
    return re.sub(r"\\(.)", lambda found: ESCAPES[found.group(1)], field)


def read_folded(text):
    """{(frame, ...): samples}; the lines are as flamegraph.pl wants them, sorted, each once."""
    lines = text.split("\n")
    require(lines.pop() == "", "the last line does not end")
    octets = [line.encode("utf-8", "surrogateescape") for line in lines]
    stacks = {}
    for line in lines:
        found = FOLDED.match(line)
        require(found, f"no folded line: {line!r}")
        require(not FOLDED.match(found.group(1)), f"would be read as a differential: {line!r}")
        require(not re.search(r"[\x00-\x1f\x7f]", line), f"a control character: {line!r}")
        frames = tuple(found.group(1).split(";"))
        require(all(frames), f"an empty frame: {line!r}")
        require(frames not in stacks, f"twice: {line!r}")
        stacks[frames] = int(found.group(2))
    stacks_only = [line.rpartition(b" ")[0] for line in octets]
    require(stacks_only == sorted(stacks_only), "the lines are not sorted")
    return stacks


def read_samples(octets):
    """(samples, stacks) of the samples format: dicts in time order, and {id: (frame, ...)}."""
    # Names are bytes; only a newline ends a line.
    lines = octets.decode("utf-8", "surrogateescape").split("\n")
    require(lines.pop() == "", "the last line does not end")
    require(lines[0] == "#hearth-samples 1", f"begins with {lines[0]!r}")
    samples, stacks = [], {}
    for line in lines[1:]:
        if line.startswith("#"):
            continue
        kind, *fields = line.split("\t")
        if kind == "stack":
            id, frames = fields
            require(re.fullmatch(r"\d+", id) and id not in stacks, f"a stack's id: {line!r}")
            stacks[id] = tuple(unescaped(frames).split(";"))
            continue
        require(kind == "sample", f"neither stack nor sample: {line!r}")
        time_ms, pid, tid, comm, thread, stack, *rest = fields
        require(stack in stacks, f"a stack that was not said before: {line!r}")
        require(time_ms.isdecimal() and pid.isdecimal() and tid.isdecimal(), line)
        labels = dict(unescaped(field).split("=", 1) for field in rest[1:])
        require(set(labels) <= set(LABELS), f"unknown labels: {line!r}")
        samples.append(
            {
                "time_ms": int(time_ms),
                "pid": pid,
                "tid": tid,
                "comm": unescaped(comm),
                "thread": unescaped(thread),
                "stack": stacks[stack],
                "count": int(rest[0]) if rest else 1,
                **labels,
            }
        )
    times = [sample["time_ms"] for sample in samples]
    require(times == sorted(times), "the samples are not in the order of time")
    return samples, stacks


def check_json(profile):
    """The json format: every field that is promised, of the kind that is promised."""
    promised = {
        "version": int,
        "start_ns": int,
        "end_ns": int,
        "frequency_hz": int,
        "samples": int,
        "cpu_ns": int,
        "lost": dict,
        "incomplete": dict,
        "stacks": list,
    }
    for name, kind in promised.items():
        require(isinstance(profile.get(name), kind), f"{name}: {profile.get(name)!r}")
    require(profile["version"] == 1, "version")
    require(0 < profile["start_ns"] < profile["end_ns"], "start_ns and end_ns")
    for counts in (profile["lost"], profile["incomplete"]):
        require(all(REASON.match(r) and n > 0 for r, n in counts.items()), str(counts))
    incomplete = {}
    for stack in profile["stacks"]:
        require(set(stack) == {"count", "labels", "incomplete", "frames"}, str(set(stack)))
        require(stack["count"] > 0, str(stack))
        require(set(stack["labels"]) <= set(LABELS), str(stack["labels"]))
        require(all(isinstance(value, str) for value in stack["labels"].values()), str(stack))
        reason = stack["incomplete"]
        if reason is not None:
            incomplete[reason] = incomplete.get(reason, 0) + stack["count"]
        for frame in stack["frames"]:
            check_frame(frame)
    require(sum(s["count"] for s in profile["stacks"]) == profile["samples"], "samples")
    require(incomplete == profile["incomplete"], f"{incomplete} is not {profile['incomplete']}")


def check_frame(frame):
    text = ("function", "system_name", "file", "object", "build_id")
    require(set(frame) == {*text, "line", "offset", "kind"}, str(frame))
    require(all(isinstance(frame[name], str) for name in text), str(frame))
    require(frame["function"], str(frame))
    require(frame["kind"] in KINDS, str(frame))
    require(re.fullmatch(r"([0-9a-f]{2})*", frame["build_id"]), str(frame))
    require(isinstance(frame["line"], int) and frame["line"] >= 0, str(frame))
    # No run-time address leaves Hearth: neither the kernel's nor a position-independent program's.
    require(0 <= frame["offset"] < 1 << 40, str(frame))


def folded_name(frame):
    return frame["function"].replace(";", ":") + SUFFIX[frame["kind"]]


def json_stacks(profile):
    """{(function, ...): samples} of the json format, the root first."""
    stacks = {}
    for stack in profile["stacks"]:
        frames = tuple(frame["function"] for frame in reversed(stack["frames"]))
        stacks[frames] = stacks.get(frames, 0) + stack["count"]
    return stacks


def json_folded(profile):
    """What the folded format must say of this profile; leaves that end in digits aside."""
    stacks = {}
    for stack in profile["stacks"]:
        frames = [folded_name(frame) for frame in reversed(stack["frames"])]
        if stack["incomplete"]:
            frames.insert(0, f"[incomplete: {stack['incomplete']}]")
        frames.insert(0, stack["labels"].get("comm", "-").replace(" ", "_"))
        frames[-1] = re.sub(r" (\d+)$", r"_\1", frames[-1])
        stacks[tuple(frames)] = stacks.get(tuple(frames), 0) + stack["count"]
    return stacks
