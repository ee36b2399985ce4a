#!/usr/bin/env python3
"""50,000 threads in the page: a store with as many is served, and seen in a browser.

As rows below each thread in the flame graph, and as lanes: all are there, what is looked at is
drawn, and what is too thin to draw is counted. How long the page was busy is printed; that the work
comes in slices is asserted by the modules' own tests. Exit 77: no browser, or no sampling.
"""

import os
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "integration")]
import host  # noqa: E402
from test_viewer import Viewer  # noqa: E402
from webdriver import Browser, skip_without_browser  # noqa: E402

THREADS = 50000
EACH = 2  # samples
SECONDS = 100

# How many pixels of a canvas are not its most frequent colour.
DRAWN = """
const canvas = document.querySelector(arguments[0] + ' canvas');
const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
const pixels = new Uint32Array(data.buffer);
const counts = new Map();
for (const p of pixels) counts.set(p, (counts.get(p) ?? 0) + 1);
return pixels.length - Math.max(...counts.values());
"""
WATCH = """
window.tasks = [];
new PerformanceObserver((l) => l.getEntries().forEach((e) => tasks.push(e.duration)))
    .observe({type: 'longtask'});
"""


def stream(first_ms):
    yield "#hearth-samples 1\n#period-ns\t10000000\n"
    for i in range(40):
        yield f"stack\t{i + 1}\tstart;run;function_{i}\n"
    for k in range(THREADS * EACH):
        thread = k % THREADS
        at = first_ms + k * SECONDS * 1000 // (THREADS * EACH)
        names = f"{1 + thread // 500}\t{10001 + thread}\tcrowd\tworker-{thread}"
        yield f"sample\t{at}\t{names}\t{1 + thread % 40}\n"


def lanes_are_all_there(view):
    view.browser.script(WATCH)
    view.browser.find("[data-time=lanes]").click()
    view.browser.wait("the lanes", lambda: view.data("lanes") == str(THREADS), 120)
    view.settle()
    assert view.data("laneSamples") == str(THREADS * EACH), view.data("laneSamples")
    for share in (0, 0.5, 1):
        view.browser.script(
            "const e = document.getElementById('lanes-scroll');"
            "e.scrollTop = (e.scrollHeight - e.clientHeight) * arguments[0]",
            share,
        )
        view.browser.wait("drawn lanes", lambda: view.browser.script(DRAWN, "#lanes") > 500)
    longest = view.browser.script("return Math.max(0, ...tasks)")
    print(f"{THREADS:,} lanes: the longest task took {longest:.0f} ms")


def graph_counts_what_is_too_thin(view):
    assert view.data("samples") == str(THREADS * EACH)
    assert int(view.data("nodes")) > 4 * THREADS, view.data("nodes")
    assert view.browser.script(DRAWN, "#graph") > 500
    box = view.rect("#graph")
    view.browser.pointer(("move", box["x"] + box["width"] / 2, box["y"] + 21 * 1.5))
    view.browser.wait("the tooltip", lambda: view.browser.find("#tooltip").shown())
    text = view.browser.find("#tooltip").text()
    assert f"{4 * THREADS:,} calls too small" in text, text
    view.search("function_7$")
    assert abs(view.matched() - 100 / 40) < 1e-6, view.matched()


def main():
    skip_without_browser()
    host.skip_without_sampling()
    first = int(time.time()) - 3600
    with tempfile.TemporaryDirectory() as folder:
        samples, store = os.path.join(folder, "many.tsv"), os.path.join(folder, "s", "hearth.db")
        with open(samples, "w", encoding="ascii") as file:
            file.writelines(stream(first * 1000))
        host.run("import", "--store", store, samples)
        with host.daemon(store=store) as served, Browser() as browser:
            view = Viewer(browser, served.address)
            view.open(**{"from": first, "until": first + SECONDS, "by": "tid"})
            graph_counts_what_is_too_thin(view)
            lanes_are_all_there(view)
            severe = [entry for entry in browser.console() if entry["level"] == "SEVERE"]
            assert severe == [], severe
    return 0


if __name__ == "__main__":
    sys.exit(main())
