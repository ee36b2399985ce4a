#!/usr/bin/env python3
"""What the viewer costs in headless Chromium: bench_viewer.py [--peers] [SIZE...].

SIZE: nodes of a made-up call tree (default 10000 100000 1000000), `deep`: one stack of 50,000
levels, or `threads`: 50,000 threads, as rows below each thread and as lanes. Printed for each: from
navigation to the first flame graph on the screen, and, for us, to all of the profile behind it; for
a search, a zoom, another reading of the stacks: the time, CPU of all the browser's processes,
longest task; and before those, of what is left when garbage has been collected, the script's heap,
its arrays outside of it, and the renderer's memory (PSS). With --peers the same tree in speedscope,
`go tool pprof -http` and async-profiler's flame.html, in the same run; a step of theirs ends with
the last change of the page or the last long task, and the CPU of waiting for that is in it. Each
opens with empty caches in a browser that has come to rest, and a first graph's CPU is read when it
is on the screen, for us and for them. --rounds does all in turn so often, and the least of each is
printed: others use the machine too.

Our page comes from memory (viewer_pages.py), so the daemon's time is not in it; pprof's own server
is its user's, and is. async-profiler's page is a file with its profile inside, so beside it stands
our report, which is one too, from the same file system; and it is also asked for by HTTP, as our
page is. Nothing is asserted.
"""

import argparse
import contextlib
import os
import random
import sys
import tempfile
import threading
import time
from collections import namedtuple

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "ui")]
import viewer_peers  # noqa: E402
from viewer_pages import Pages, report  # noqa: E402
from webdriver import Browser, WebDriverError  # noqa: E402

NAMES = 20000
THREADS = 50000
REST_MAX_S = 20  # for a browser to come to rest
METER_S = 0.005  # between two looks at its processes
DEPTH_MAX = 60
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
    used = sorted({0, *frame})  # as in a real answer, no others
    number = {f: i for i, f in enumerate(used)}
    frame = [number[f] for f in frame]
    labels = sum(0 < f <= labels for f in used)
    count = len(used)
    names = ["", "all", *(f"module_{f % 37}::function_{f}" for f in used[1:])]
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
            "object": [0] * (labels + 1) + [len(names) + f % 37 for f in used[labels + 1 :]],
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


# In every page before its own scripts: when the first long tasks ran, and when it was ready.
WATCH = """
window.tasks = [];
new PerformanceObserver((l) => l.getEntries().forEach((e) => tasks.push(e.duration)))
    .observe({type: 'longtask', buffered: true});
window.readyAt = null;
const watch = () => {
    if (isReady())
        requestAnimationFrame(() => setTimeout(() => (window.readyAt ??= performance.now())));
    else setTimeout(watch, 5);
};
watch();
"""

# Runs an action; milliseconds until a frame has been painted that shows all that it asked for.
TIMED = """
const done = arguments[0];
tasks.length = 0;
const start = performance.now();
%s;
const end = () => done(performance.now() - start);
const wait = () => requestAnimationFrame(() => {
    const shown = document.documentElement.dataset.ready === '1';
    setTimeout(shown ? end : wait);
});
wait();
"""

# Milliseconds from navigation until all of the profile is there, behind the first graph.
WHOLE = """
const wait = () => document.documentElement.dataset.ready === '1'
    ? arguments[0](performance.now()) : setTimeout(wait, 2);
wait();
"""

# As TIMED, for a page that is not ours: until nothing has changed for a while.
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

GRAPH_SHOWN = "document.getElementById('details')?.textContent"

KEY = """document.getElementById('graph')
.dispatchEvent(new KeyboardEvent('keydown', {key: '%s', bubbles: true}))"""

ACTIONS = (
    ("a step of the focus", KEY % "ArrowDown"),
    (
        "search",
        "const s = document.getElementById('search'); s.value = 'function_1.*7';"
        "s.dispatchEvent(new Event('input'))",
    ),
    ("zoom", KEY % "Enter"),
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


def processes(browser):
    """{pid: (its parent, CPU seconds, resident bytes)} of the browser that this driver started."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
                fields = file.read().rpartition(") ")[2].split()
        except OSError:
            continue
        ticks = int(fields[11]) + int(fields[12])
        cpu = ticks / os.sysconf("SC_CLK_TCK")
        found[int(pid)] = (int(fields[1]), cpu, int(fields[21]) * os.sysconf("SC_PAGE_SIZE"))
    ours = {browser.process.pid}
    for pid in sorted(found):  # parents before their children, but where numbers have wrapped
        if found[pid][0] in ours:
            ours.add(pid)
    return {pid: found[pid] for pid in ours if pid in found and pid != browser.process.pid}


def cpu_since(browser, before):
    """Milliseconds of all its processes that still run."""
    return cpu_between(before, processes(browser))


def cpu_between(before, now):
    return 1000 * sum(cpu - before.get(pid, (0, 0))[1] for pid, (_, cpu, _) in now.items())


def rest(browser):
    """Waits until the browser does nothing: it goes on for a while after it has started."""
    end = time.monotonic() + REST_MAX_S
    quiet, before = 0, processes(browser)
    while quiet < 5 and time.monotonic() < end:
        time.sleep(0.1)
        quiet = quiet + 1 if cpu_since(browser, before) < 10 else 0
        before = processes(browser)


class Meter:
    """Notes what the browser's processes have used, every few milliseconds; use with `with`."""

    def __init__(self, browser):
        self.browser = browser
        self.notes = []
        self.ended = False

    def run(self):
        while not self.ended:
            self.notes.append((time.time(), processes(self.browser)))
            time.sleep(METER_S)

    def at(self, when):
        """The first note from then on."""
        return next((note for at, note in self.notes if at >= when), self.notes[-1][1])

    def __enter__(self):
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended = True
        self.thread.join()


def pss(pid):
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            return next(1024 * int(line.split()[1]) for line in file if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return 0


def renderer(browser):
    """The process that has drawn most, which is the page's: the browser's own page is another."""
    drawing = {}
    for pid, (_, cpu, _) in processes(browser).items():
        with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
            if "--type=renderer" in file.read():
                drawing[pid] = cpu - browser.rested.get(pid, (0, 0))[1]
    return max(drawing, key=drawing.get)


def memory(browser):
    """Bytes: the script's heap, arrays outside of it, the process that draws the page."""
    browser.devtools("HeapProfiler.collectGarbage", {})
    heap = browser.devtools("Runtime.getHeapUsage", {})
    return heap["usedSize"], heap.get("backingStorageSize", 0), pss(renderer(browser))


def open_page(browser, url, ready):
    """(name, ms, CPU ms, longest task) from navigation to what `ready` says."""
    browser.devtools("Page.enable", {})
    source = f"window.isReady = () => {ready};" + WATCH
    added = browser.devtools("Page.addScriptToEvaluateOnNewDocument", {"source": source})
    rest(browser)
    before = browser.rested = processes(browser)
    with Meter(browser) as meter:
        browser.open(url)
        browser.wait("the page", lambda: browser.script("return window.readyAt"), 200)
    browser.devtools("Page.removeScriptToEvaluateOnNewDocument", added)
    opened, longest, started = browser.script(
        "return [readyAt, Math.max(0, ...tasks), performance.timeOrigin]"
    )
    return "first graph", opened, cpu_between(before, meter.at((started + opened) / 1000)), longest


def whole(browser, source):
    ms = browser.script_async(source)
    longest = browser.script("return Math.max(0, ...tasks)")
    return "whole profile", ms, cpu_since(browser, browser.rested), longest


def take(browser, name, source):
    before = processes(browser)
    ms = browser.script_async(source)
    cpu = cpu_since(browser, before)
    return name, ms, cpu, browser.script("return Math.max(0, ...tasks)")


def show(name, steps, heap, arrays, renderer):
    mb = [f"{n / 1e6:.0f} MB" for n in (heap, arrays, renderer)]
    print(f"  {name}: heap {mb[0]}, arrays {mb[1]}, renderer {mb[2]}")
    for step, ms, cpu, task in steps:
        print(f"    {step:20} {ms:7.0f} ms {cpu:7.0f} ms of CPU, longest task {task:6.0f} ms")
    sys.stdout.flush()


# A page to be measured: open(answer) is a context manager that gives its address; the rest as Peer.
Viewer = namedtuple("Viewer", "name open ready whole before actions")


@contextlib.contextmanager
def our_page(answer):
    with Pages(answer) as pages:
        yield pages.base + "?from=-5m"


@contextlib.contextmanager
def our_threads(answer):
    with Pages(answer, thread_samples(THREADS)) as pages:
        yield pages.base + "?from=-5m&by=tid"


@contextlib.contextmanager
def our_report(answer):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "report.html")
        with open(path, "wb") as file:
            file.write(report(answer))
        yield "file://" + path


def ours(name, open_with, more=()):
    actions = [(step, TIMED % action) for step, action in ACTIONS]
    return Viewer(name, open_with, GRAPH_SHOWN, WHOLE, TIMED % "", [*actions, *more])


def viewer_of(peer):
    @contextlib.contextmanager
    def page(answer):
        with tempfile.TemporaryDirectory() as folder, peer.serve(answer, folder) as url:
            yield url

    actions = [(step, SETTLED % action) for step, action in peer.actions.items()]
    return Viewer(peer.name, page, peer.ready, None, SETTLED % peer.before, actions)


def measure(viewer, url):
    """Opens it and does what a user does: (the steps, what it has used)."""
    with Browser(log=False) as browser:
        steps = [open_page(browser, url, viewer.ready)]
        if viewer.whole:
            steps.append(whole(browser, viewer.whole))
        browser.script_async(viewer.before)
        used = memory(browser)
        return steps + [take(browser, step, source) for step, source in viewer.actions], used


def least(rounds):
    """Of the same steps, several times taken, the least of each column."""
    return [(step[0][0], *map(min, list(zip(*step))[1:])) for step in zip(*rounds)]


def bench(viewers, answer, rounds=1):
    """All of them in turn, so that what else the machine does is none's alone."""
    failures = (AssertionError, OSError, WebDriverError, viewer_peers.NoPeer)
    with contextlib.ExitStack() as stack:
        urls, taken = {}, {viewer.name: [] for viewer in viewers}
        for turn in range(rounds):
            for viewer in viewers:
                name = viewer.name
                try:
                    if turn == 0:
                        urls[name] = stack.enter_context(viewer.open(answer))
                    if name in urls:
                        taken[name].append(measure(viewer, urls[name]))
                except failures as reason:
                    print(f"  {name}: {str(reason)[:300]}", flush=True)
                    urls.pop(name, None)
        for name, rows in taken.items():
            if rows:
                show(name, least([steps for steps, _ in rows]), *rows[-1][1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument(
        "size", nargs="*", default=["10000", "100000", "1000000", "deep", "threads"]
    )
    arguments = parser.parse_args()
    viewers = [ours("Hearth", our_page), ours("Hearth's report", our_report)]
    viewers += map(viewer_of, viewer_peers.PEERS if arguments.peers else ())
    for size in arguments.size:
        if size == "threads":
            print("50,000 threads")
            lanes = [("lanes", LANES), ("lanes scrolled", TIMED % SCROLLED)]
            answer = flame(*threads(THREADS), labels=THREADS)
            bench([ours("Hearth", our_threads, lanes)], answer)
            continue
        rng = random.Random(7)
        columns = deep(50001) if size == "deep" else None
        columns = columns or sorted_tree(list(depths(int(size), rng)), rng)
        answer = flame(*columns)
        print(f"{len(answer['depth']):,} nodes, {max(answer['depth']):,} deep")
        bench(viewers, answer, arguments.rounds)


if __name__ == "__main__":
    main()
