"""`go tool pprof` as a judge of profiles, and what it reads in them.

https://github.com/google/pprof: its -raw output is its own reading of a profile, as text.
"""

import contextlib
import os
import re
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections import namedtuple

SECONDS = 120

Mapping = namedtuple("Mapping", "start limit offset file build_id has")
Line = namedtuple("Line", "function file line")
Location = namedtuple("Location", "address mapping lines")  # lines: the innermost first
Sample = namedtuple("Sample", "values locations labels")

SAMPLE = re.compile(r"^\s+(\d+)\s+(\d+): ([\d ]*)$")
LABELS = re.compile(r"([^\s:]+):\[(.*?)\](?= [^\s:]+:\[|$)")
# A sample without any frame has a location of no mapping.
LOCATION = re.compile(r"^\s+(\d+): 0x([0-9a-f]+) (?:M=(\d+) )?(.*)$")
LINE = re.compile(r"^(.*?) (\S*?):(\d+)(?::\d+)? s=\d+(?:\(.*\))?$")  # Go 1.19: no column
MAPPING = re.compile(
    r"^(\d+): 0x([0-9a-f]+)/0x([0-9a-f]+)/0x([0-9a-f]+) (.*?) (\S*) ((?:\[..\])*)$"
)


def run(*arguments):
    """What it prints; it exits 0 and complains of nothing."""
    with tempfile.TemporaryDirectory() as kept:
        result = subprocess.run(
            ["go", "tool", "pprof", *arguments],
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=SECONDS,
            check=False,
            env={**os.environ, "PPROF_TMPDIR": kept, "PPROF_BINARY_PATH": kept},
        )
    # "Fetching" and "Saved" say where from and where to.
    complaints = [
        line
        for line in result.stderr.splitlines()
        if not line.startswith(("Fetching profile", "Saved profile"))
        and line != "Main binary filename not available."  # of stacks that were imported by name
    ]
    if result.returncode != 0 or complaints:
        raise AssertionError(f"pprof {' '.join(arguments)}: {result.returncode} {complaints}")
    return result.stdout


class Profile:
    """A profile as pprof reads it."""

    def __init__(self, *source):
        # As they stand in the file: else it takes arguments from names that look like C++.
        head, _, rest = run("-raw", "-symbolize=none", *source).partition("\nSamples:\n")
        samples, _, rest = rest.partition("\nLocations\n")
        locations, _, mappings = rest.partition("\nMappings\n")
        self.head = head
        self.types, _, samples = samples.partition("\n")
        self.locations = self._read_locations(locations)
        self.mappings = self._read_mappings(mappings)
        self.samples = list(self._read_samples(samples))

    def _read_samples(self, text):
        values = None
        for line in text.split("\n"):
            found = SAMPLE.match(line)
            if found:
                if values:
                    yield Sample(*values, {})
                stack = [self.locations[int(id)] for id in found.group(3).split()]
                values = ((int(found.group(1)), int(found.group(2))), stack)
            elif values:
                yield Sample(*values, dict(LABELS.findall(line)))
                values = None
        if values:
            yield Sample(*values, {})

    @staticmethod
    def _read_locations(text):
        locations = {}
        for line in text.split("\n"):
            found = LOCATION.match(line)
            if found:
                lines = []
                locations[int(found.group(1))] = Location(
                    int(found.group(2), 16), int(found.group(3) or 0), lines
                )
                line = found.group(4)
            found = LINE.match(line.strip())
            if found:
                lines.append(Line(found.group(1), found.group(2), int(found.group(3))))
        return locations

    @staticmethod
    def _read_mappings(text):
        mappings = {}
        for found in map(MAPPING.match, text.split("\n")):
            if found:
                id, start, limit, offset, file, build_id, has = found.groups()
                mappings[int(id)] = Mapping(
                    int(start, 16), int(limit, 16), int(offset, 16), file, build_id, has
                )
        return mappings

    def count(self):
        return sum(sample.values[0] for sample in self.samples)

    def stacks(self):
        """{(function, ...): samples}, the root first, an inlined function after its caller."""
        stacks = {}
        for sample in self.samples:
            frames = [line.function for place in sample.locations for line in place.lines]
            frames = tuple(reversed(frames))
            stacks[frames] = stacks.get(frames, 0) + sample.values[0]
        return stacks


def top(*source):
    """{function: (flat, cum)} in samples, of -top."""
    text = run("-top", "-nodecount=0", "-nodefraction=0", "-sample_index=samples", *source)
    rows = {}
    for line in text.split("\n"):
        found = re.match(r"^\s*(\d+)\s+\S+%\s+\S+%\s+(\d+)\s+\S+%\s+(.*?)( \(inline\))?$", line)
        if found:
            name = found.group(3)
            flat, cum = rows.get(name, (0, 0))
            rows[name] = (flat + int(found.group(1)), max(cum, int(found.group(2))))
    return rows


@contextlib.contextmanager
def page(*source):
    """Its web page of a profile: a function that gets a path of it."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{reserved.getsockname()[1]}"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def get(path):
        with opener.open(f"http://{address}{path}", timeout=SECONDS) as answer:
            return answer.read().decode()

    with tempfile.TemporaryDirectory() as kept:
        process = subprocess.Popen(
            # `go tool` would stay behind as its parent: its program itself is what is ended
            [_binary(), "-no_browser", f"-http={address}", *source],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PPROF_TMPDIR": kept, "PPROF_BINARY_PATH": kept},
        )
        try:
            _wait_for(get, process)
            yield get
        finally:
            process.kill()
            process.wait()


def _binary():
    """Go 1.25 and later build their pprof when it is first asked for."""
    found = subprocess.run(
        ["go", "tool", "-n", "pprof"], capture_output=True, text=True, timeout=SECONDS, check=True
    )
    return found.stdout.strip()


def _wait_for(get, process):
    until = time.monotonic() + SECONDS
    while True:
        try:
            return get("/ui/top")
        except urllib.error.HTTPError as error:
            raise AssertionError(f"pprof's page: {error.code} {error.read()!r}") from None
        except OSError:
            if process.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"pprof's page did not start ({process.poll()})") from None
            time.sleep(0.1)
