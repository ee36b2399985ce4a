#!/usr/bin/env python3
"""What the viewer costs in headless Chromium: bench_viewer.py [--peers] [SIZE...].

SIZE: nodes of a made-up call tree (default 10000 100000 1000000), `deep`: one stack of 50,000
levels, or `threads`: 50,000 threads, as rows below each thread and as lanes. Printed for each: from
navigation to the first flame graph on the screen, the longest task, a zoom, a search, another
reading of the stacks, heap after collection, memory of the renderer. With --peers the same tree in
speedscope, `go tool pprof -http` and async-profiler's flame.html, in the same run; a step of theirs
ends with the last change of the page or the last long task, and waiting that they do on purpose is
in it. The page and a canned answer are served from memory, so the daemon's time is not in it;
pprof's own server is its user's, and is. Nothing is asserted.
"""

import argparse
import gzip
import http.server
import json
import os
import random
import sys
import tempfile
import threading
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "ui")]
import viewer_peers  # noqa: E402
from webdriver import Browser  # noqa: E402

NAMES = 20000
DEPTH_MAX = 60
UI = os.path.join(HERE, "..", "..", "web", "ui")
TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}
KINDS = ["native", "kernel", "inlined", "jit", "interpreted", "label", "incomplete"]


def depths(nodes, rng):
    """Of a tree in preorder: a walk that goes down one level and up any number."""
    yield 0
    depth = 1
    for _ in range(nodes - 1):
        yield depth
        depth += 1
        while depth > 1 and (depth > DEPTH_MAX or rng.random() < 0.5):
            depth -= 1


def sorted_tree(depth, rng):
    """(depth, total, self, frame) in preorder, children by total."""
    n = len(depth)
    own = [int(rng.paretovariate(0.9)) if rng.random() < 0.5 else 0 for _ in range(n)]
    parent, path = [0] * n, []
    for i, d in enumerate(depth):
        path[d:] = [i]
        parent[i] = path[d - 1] if d else 0
        if i + 1 == n or depth[i + 1] <= d:
            own[i] = own[i] or 1
    own[0] = 0
    total = own[:]
    children = [[] for _ in range(n)]
    for i in range(n - 1, 0, -1):
        total[parent[i]] += total[i]
        children[parent[i]].append(i)
    order, pending = [], [0]
    while pending:
        i = pending.pop()
        order.append(i)
        pending.extend(sorted(children[i], key=total.__getitem__))
    frame = [0] + [rng.randrange(1, NAMES) for _ in range(n - 1)]
    return [[column[i] for i in order] for column in (depth, total, own, frame)]


def flame(depth, total, own, frame, labels=0):
    """The answer with these columns; the first `labels` frames behind the root are labels."""
    count = labels + NAMES
    names = ["", "all", *(f"module_{i % 37}::function_{i}" for i in range(1, count))]
    objects = [f"/usr/lib/library_{i}.so" for i in range(37)]
    column = list(range(1, count + 1))
    return {
        "version": 1,
        "start_ns": 1_700_000_000 * 10**9,
        "end_ns": 1_700_000_300 * 10**9,
        "period_ns": 10101010,
        "samples": total[0],
        "lost": {},
        "incomplete": {},
        "strings": names + objects,
        "frames": {
            "name": column,
            "system_name": column,
            "file": [0] * count,
            "line": [0] * count,
            "object": [0] * (labels + 1) + [len(names) + i % 37 for i in range(labels + 1, count)],
            "kind": [5] * (labels + 1) + [0] * (count - labels - 1),
        },
        "kinds": KINDS,
        "depth": depth,
        "total": total,
        "self": own,
        "frame": frame,
        "base": None,
    }


def deep(levels):
    return [
        list(range(levels)),
        [1000] * levels,
        [0] * (levels - 1) + [1000],
        [0] + [1 + i % 500 for i in range(levels - 1)],
    ]


def threads(n):
    """A root, and below it n threads of two functions each, which the frames of flame() are for."""
    return [
        [0, *([1, 2, 3] * n)],
        [2 * n, *([2, 2, 2] * n)],
        [0, *([0, 0, 2] * n)],
        [0, *(f for i in range(n) for f in (1 + i, n + 1 + i % 40, n + 41 + i % 40))],
    ]


def thread_samples(n):
    lines = ["#hearth-samples 1\n"]
    lines += [f"stack\t{i + 1}\tmain;function_{i}\n" for i in range(40)]
    for ms in (int(time.time() * 1000) - before for before in (240_000, 120_000)):
        for i in range(n):
            thread = f"{1 + i // 500}\t{1 + i}\tp\tworker-{i}"
            lines.append(f"sample\t{ms + i}\t{thread}\t{1 + i % 40}\n")
    return "".join(lines).encode()


class Pages:
    """The viewer's files, and one canned profile; use with `with`. samples: those of its lanes."""

    def __init__(self, answer, samples=b""):
        profile = json.dumps(answer, separators=(",", ":")).encode()
        self.profile = gzip.compress(profile, 1)
        self.samples = samples
        pages = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                pages.answer(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.server.server_port}/"

    def answer(self, request):
        path = urllib.parse.urlsplit(request.path).path.lstrip("/") or "index.html"
        encoding, kind = None, "application/json"
        if path == "api/v1/profile" and "format=samples" in request.path:
            body = self.samples
        elif path == "api/v1/profile":
            body, encoding = self.profile, "gzip"
        elif path == "api/v1/series":
            body = b'{"start_ns":0,"step_ns":1000000000,"period_ns":1,"series":[],"more":{}}'
        elif path.startswith("api/"):
            body = b'{"labels":["comm"],"values":[]}'
        else:
            kind = TYPES.get(os.path.splitext(path)[1], "application/octet-stream")
            with open(os.path.join(UI, os.path.basename(path)), "rb") as file:
                body = file.read()
        request.send_response(200)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(body)))
        if encoding:
            request.send_header("Content-Encoding", encoding)
        request.end_headers()
        request.wfile.write(body)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


# In every page before its own scripts: when the first long tasks ran, and when it was ready.
WATCH = """
window.tasks = [];
new PerformanceObserver((l) => l.getEntries().forEach((e) => tasks.push(e.duration)))
    .observe({type: 'longtask', buffered: true});
window.readyAt = null;
const watch = () => {
    if (document.documentElement?.dataset.ready === '1' || window.isReady?.())
        requestAnimationFrame(() => setTimeout(() => (window.readyAt ??= performance.now())));
    else setTimeout(watch, 5);
};
watch();
"""

# Runs an action; milliseconds until a frame has been painted after it.
TIMED = """
const done = arguments[0];
tasks.length = 0;
const start = performance.now();
%s;
const end = () => done(performance.now() - start);
const painted = () => requestAnimationFrame(() => setTimeout(end));
const wait = () => document.documentElement.dataset.ready === '1' ? painted() : setTimeout(wait, 2);
wait();
"""

# The same for a page that is not ours: until nothing has changed for a while.
SETTLED = """
const done = arguments[0];
tasks.length = 0;
let last = 0;
const touch = (at) => (last = Math.max(last, at));
new MutationObserver(() => touch(performance.now()))
    .observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
new PerformanceObserver((l) => l.getEntries().forEach((e) => touch(e.startTime + e.duration)))
    .observe({type: 'longtask'});
const start = performance.now();
%s;
requestAnimationFrame(() => setTimeout(() => touch(performance.now())));
const wait = () => {
    if (last && performance.now() - last > 700) done(last - start);
    else setTimeout(wait, 20);
};
wait();
"""

KEY = """document.getElementById('graph')
.dispatchEvent(new KeyboardEvent('keydown', {key: '%s', bubbles: true}))"""

ACTIONS = (
    ("a step of the focus", KEY % "ArrowDown"),
    ("zoom", KEY % "Enter"),
    (
        "search",
        "const s = document.getElementById('search'); s.value = 'function_1.*7';"
        "s.dispatchEvent(new Event('input'))",
    ),
    ("inverted", "document.getElementById('invert').click()"),
    (
        "recursion merged",
        "document.getElementById('invert').click();" "document.getElementById('merge').click()",
    ),
)


LANES = """
const {dataset} = document.documentElement;
const asked = performance.now();
document.querySelector('[data-time=lanes]').click();
const shown = () => dataset.lanes ? requestAnimationFrame(() => setTimeout(
    () => arguments[0](performance.now() - asked))) : setTimeout(shown, 5);
tasks.length = 0;
shown();
"""
SCROLLED = """const lanes = document.getElementById('lanes-scroll');
lanes.scrollTop = lanes.scrollHeight / 2;"""


def renderer_bytes():
    """Resident memory of the largest process of a browser that we started."""
    largest = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                command = file.read()
            if b"--type=renderer" not in command or b"hearth-browser-" not in command:
                continue
            with open(f"/proc/{pid}/statm", encoding="ascii") as file:
                largest = max(largest, int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
        except OSError:
            continue
    return largest


def memory(browser):
    browser.devtools("HeapProfiler.collectGarbage", {})
    metrics = browser.devtools("Performance.getMetrics", {})["metrics"]
    heap = next(m["value"] for m in metrics if m["name"] == "JSHeapUsedSize")
    # Typed arrays are not in it: their buffers are outside of the heap.
    return heap, renderer_bytes()


def open_page(browser, url, ready=None):
    browser.devtools("Page.enable", {})
    browser.devtools("Performance.enable", {})
    source = (f"window.isReady = () => {ready};" if ready else "") + WATCH
    added = browser.devtools("Page.addScriptToEvaluateOnNewDocument", {"source": source})
    browser.open(url)
    browser.wait("the page", lambda: browser.script("return window.readyAt"), 200)
    browser.devtools("Page.removeScriptToEvaluateOnNewDocument", added)
    return browser.script("return [readyAt, Math.max(0, ...tasks)]")


def show(name, opened, longest, steps, heap, rss):
    told = ", ".join(f"{step} {ms:.0f} ms (task {task:.0f})" for step, ms, task in steps)
    print(
        f"  {name}: first graph {opened / 1000:.2f} s, longest task {longest:.0f} ms"
        + (", " + told if told else "")
        + f", heap {heap / 1e6:.0f} MB, renderer {rss / 1e6:.0f} MB",
        flush=True,
    )


def bench_hearth(answer):
    with Pages(answer) as pages, Browser() as browser:
        browser.open(pages.base + "index.html?from=1")  # files and code are in the caches
        opened, longest = open_page(browser, pages.base + "?from=-5m")
        heap, rss = memory(browser)
        steps = []
        for step, action in ACTIONS:
            ms = browser.script_async(TIMED % action)
            steps.append((step, ms, browser.script("return Math.max(0, ...tasks)")))
        show("Hearth", opened, longest, steps, heap, rss)


def bench_threads(n):
    answer = flame(*threads(n), labels=n)
    with Pages(answer, thread_samples(n)) as pages, Browser() as browser:
        browser.open(pages.base + "index.html?from=1")
        opened, longest = open_page(browser, pages.base + "?from=-5m&by=tid")
        heap, rss = memory(browser)
        steps = []
        for step, source in (
            *((name, TIMED % action) for name, action in ACTIONS),
            ("lanes", LANES),
            ("lanes scrolled", TIMED % SCROLLED),
        ):
            ms = browser.script_async(source)
            steps.append((step, ms, browser.script("return Math.max(0, ...tasks)")))
        shown = browser.script("return document.documentElement.dataset.lanes")
        show(f"Hearth, {int(shown):,} lanes", opened, longest, steps, heap, rss)


def bench_peer(peer, answer):
    with tempfile.TemporaryDirectory() as folder, peer.serve(answer, folder) as url:
        with Browser() as browser:
            opened, longest = open_page(browser, url, peer.ready)
            heap, rss = memory(browser)
            steps = []
            browser.script_async(SETTLED % peer.before)
            for step, action in peer.actions.items():
                ms = browser.script_async(SETTLED % action)
                steps.append((step, ms, browser.script("return Math.max(0, ...tasks)")))
            show(peer.name, opened, longest, steps, heap, rss)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", action="store_true")
    parser.add_argument(
        "size", nargs="*", default=["10000", "100000", "1000000", "deep", "threads"]
    )
    arguments = parser.parse_args()
    for size in arguments.size:
        if size == "threads":
            print("50,000 threads")
            bench_threads(50000)
            continue
        rng = random.Random(7)
        columns = deep(50001) if size == "deep" else None
        columns = columns or sorted_tree(list(depths(int(size), rng)), rng)
        answer = flame(*columns)
        print(f"{len(answer['depth']):,} nodes, {max(answer['depth']):,} deep")
        bench_hearth(answer)
        for peer in viewer_peers.PEERS if arguments.peers else ():
            try:
                bench_peer(peer, answer)
            except (AssertionError, viewer_peers.NoPeer) as reason:
                print(f"  {peer.name}: {str(reason)[:300]}", flush=True)


if __name__ == "__main__":
    main()
