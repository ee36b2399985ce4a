"""The viewers that ours is measured beside, each as it is published, over the same call tree.

speedscope by npm; `go tool pprof -http` of the Go that is installed; async-profiler's flame.html by
its converter from Maven. A peer is a context manager that gives the address of a page; what cannot
be had raises NoPeer with the reason.
"""

import contextlib
import gzip
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections import namedtuple

import npm
import speedscope

PPROF_S = 180  # it reads a million nodes for a while before it listens
CONVERTER = ("tools.profiler", "jfr-converter", "4.1")
PATTERN = "function_1.*7"

# ready: true when the graph has been drawn. The actions are what a user's click and key call;
# before: what opens the field that one types into.
Peer = namedtuple("Peer", "name serve ready before actions")


class NoPeer(Exception):
    """It is not there and cannot be had."""


def stacks(answer):
    """(frames from below the root on, own samples) of each node that has samples of its own."""
    path = []
    for depth, own, frame in zip(answer["depth"], answer["self"], answer["frame"]):
        path[depth:] = [frame]
        if own:
            yield path[1:], own


def names(answer):
    return [answer["strings"][i] for i in answer["frames"]["name"]]


# ---- speedscope ----


def speedscope_file(answer):
    rows = list(stacks(answer))
    weights = [own for _, own in rows]
    profile = {
        "type": "sampled",
        "name": "made up",
        "unit": "none",
        "startValue": 0,
        "endValue": sum(weights),
        "samples": [path for path, _ in rows],
        "weights": weights,
    }
    return {
        "$schema": "https://www.speedscope.app/file-format-schema.json",
        "shared": {"frames": [{"name": name} for name in names(answer)]},
        "profiles": [profile],
    }


@contextlib.contextmanager
def serve_speedscope(answer, folder):
    try:
        release = speedscope.fetch(folder)
    except npm.NoPackage as reason:
        raise NoPeer(reason) from None
    with open(os.path.join(release, "made-up.json"), "w", encoding="ascii") as file:
        json.dump(speedscope_file(answer), file)
    with speedscope.Server(release) as server:
        yield server.page_of("made-up.json")


# ---- pprof ----


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, body):
    """A field of protobuf: a number, or bytes."""
    if isinstance(body, int):
        return varint(number << 3) + varint(body)
    return varint(number << 3 | 2) + varint(len(body)) + body


def pprof_file(answer):
    """github.com/google/pprof, proto/profile.proto: a location a function, a function a name."""
    texts = ["", "samples", "count", *names(answer)]
    ids = [varint(i + 1) for i in range(len(texts) - 3)]
    parts = [field(1, field(1, 1) + field(2, 2))]
    for path, own in stacks(answer):
        locations = b"".join([ids[frame] for frame in reversed(path)])
        parts.append(field(2, field(1, locations) + field(2, varint(own))))
    for i in range(1, len(ids) + 1):
        parts.append(field(4, field(1, i) + field(4, field(1, i))))
        parts.append(field(5, field(1, i) + field(2, i + 2)))
    parts += [field(6, text.encode()) for text in texts]
    return gzip.compress(b"".join(parts), 1)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_server(url, process):
    until = time.monotonic() + PPROF_S
    while time.monotonic() < until and process.poll() is None:
        try:
            urllib.request.urlopen(url + "ui/top?n=1", timeout=PPROF_S).close()
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)
    raise NoPeer(f"go tool pprof -http does not answer: status {process.poll()}")


@contextlib.contextmanager
def serve_pprof(answer, folder):
    if not shutil.which("go"):
        raise NoPeer("go is not installed")
    path = os.path.join(folder, "made-up.pb.gz")
    with open(path, "wb") as file:
        file.write(pprof_file(answer))
    port = free_port()
    command = ["go", "tool", "pprof", "-no_browser", f"-http=127.0.0.1:{port}", path]
    with subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "PPROF_TMPDIR": folder},
    ) as process:
        try:
            wait_for_server(f"http://127.0.0.1:{port}/", process)
            yield f"http://127.0.0.1:{port}/ui/flamegraph"
        finally:
            os.killpg(process.pid, 9)  # go, and the pprof that it started


# ---- async-profiler ----


def converter():
    """Its jar, in Maven's own repository."""
    group, name, version = CONVERTER
    if not shutil.which("mvn") or not shutil.which("java"):
        raise NoPeer("Maven and Java are not installed")
    got = subprocess.run(
        ["mvn", "-q", "-B", "dependency:get", "-Dartifact=" + ":".join(CONVERTER)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    home = os.path.expanduser("~/.m2/repository")
    jar = os.path.join(home, *group.split("."), name, version, f"{name}-{version}.jar")
    if got.returncode != 0 or not os.path.exists(jar):
        raise NoPeer(f"{':'.join(CONVERTER)} cannot be had from Maven")
    return jar


@contextlib.contextmanager
def serve_async_profiler(answer, folder):
    """The path of its page."""
    jar = converter()
    collapsed, page = os.path.join(folder, "x.collapsed"), os.path.join(folder, "x.html")
    name = names(answer)
    with open(collapsed, "w", encoding="ascii") as file:
        for path, own in stacks(answer):
            file.write(";".join([name[frame] for frame in path]) + f" {own}\n")
    done = subprocess.run(
        ["java", "-Xss512m", "-jar", jar, collapsed, page],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    os.unlink(collapsed)
    if done.returncode != 0 or not os.path.exists(page):
        raise NoPeer(f"its converter failed: {done.stderr.strip()[-200:]}")
    yield page


@contextlib.contextmanager
def async_profiler_file(answer, folder):
    with serve_async_profiler(answer, folder) as page:
        yield "file://" + page


@contextlib.contextmanager
def async_profiler_http(answer, folder):
    with serve_async_profiler(answer, folder) as page, speedscope.Server(folder) as server:
        yield server.base + os.path.basename(page)


ASYNC_PROFILER = (
    "(() => { try { return !!root; } catch { return false; } })()",
    "",
    {
        "search": f"search('{PATTERN}')",
        "zoom": "render(levels[Math.min(2, levels.length - 1)]"
        ".reduce((a, b) => a.width > b.width ? a : b))",
    },
)

PEERS = (
    Peer(
        f"speedscope {speedscope.VERSION}",
        serve_speedscope,
        "document.querySelector('canvas') && document.title !== 'speedscope'",
        "window.dispatchEvent(new KeyboardEvent('keydown',"
        "{key: 'f', code: 'KeyF', ctrlKey: true, bubbles: true}))",
        {
            # It knows no regular expressions.
            "search": "const s = document.querySelector('input:not([type=file])');"
            "s.value = 'function_1'; s.dispatchEvent(new Event('input', {bubbles: true}))",
            "zoom": "document.activeElement.blur(); window.dispatchEvent("
            "new KeyboardEvent('keydown', {key: '=', code: 'Equal', bubbles: true}))",
        },
    ),
    Peer(
        "go tool pprof -http",
        serve_pprof,
        "document.querySelector('.boxbg')",
        "",
        {
            "search": f"const s = document.getElementById('search'); s.value = '{PATTERN}';"
            "s.dispatchEvent(new Event('input'))",
            "zoom": "const box = [...document.querySelectorAll('.boxbg')].filter("
            "(b) => b.offsetTop > 60)[0]; for (const type of ['mousedown', 'click'])"
            "box.dispatchEvent(new MouseEvent(type, {clientX: 1, clientY: 1}))",
        },
    ),
    Peer(
        f"async-profiler's flame.html {CONVERTER[2]}",
        async_profiler_file,
        *ASYNC_PROFILER,
    ),
    Peer(
        f"async-profiler's flame.html {CONVERTER[2]}, by HTTP",
        async_profiler_http,
        *ASYNC_PROFILER,
    ),
)
