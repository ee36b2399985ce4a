#!/usr/bin/env python3
"""The first graph comes with the page: a store with a profile of some thousand nodes is served.

What a screen can show stands in the page and in a report (web/export/tree.h). Of it the graph is
drawn before anything is asked for, pixel by pixel as the whole profile draws it later. Exit 77: no
browser, or no sampling.
"""

import os
import random
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "integration")]
import host  # noqa: E402
from test_viewer import Viewer  # noqa: E402
from webdriver import Browser, skip_without_browser  # noqa: E402

STACKS = 6000
SMALL = 3000  # calls of a function that together are a fifth of all, each too thin to be seen
REST_MS = 100  # main.js: from the first graph's frame to all else

# Before the page's own script: keeps the graph as it was first on the screen.
NOTED = """
const canvas = () => document.querySelector('#graph canvas');
const ROW = 21;
/* Of all but the row that has the bar of the small calls, and its text. */
window.bars = () => {
    const {width, height} = canvas();
    const {data} = canvas().getContext('2d').getImageData(0, 0, width, height);
    const row = ROW * devicePixelRatio * width * 4;
    return [data.slice(0, 3 * row), data.slice(4 * row)].map((part) =>
        part.reduce((sum, byte) => (Math.imul(sum, 31) + byte) | 0, 7)).join();
};
/* Of that row: text has many. */
window.colours = () => {
    const {width} = canvas();
    const row = Math.round(ROW * devicePixelRatio);
    const {data} = canvas().getContext('2d').getImageData(0, 3 * row, width, row);
    return new Set(new Uint32Array(data.buffer)).size;
};
window.state = () => ({
    bars: bars(), colours: colours(), nodes: document.documentElement.dataset.nodes,
    text: ['details', 'legend'].map((id) => document.getElementById(id).textContent),
});
const look = () => {
    if (!document.getElementById('details')?.textContent) return requestAnimationFrame(look);
    window.first = state();
    setTimeout(() => (window.shownAt = performance.now()));
};
requestAnimationFrame(look);
"""
STATE = """
return {...state(), first, shownAt, asked: performance
    .getEntriesByType('resource').filter((e) => e.name.includes('/api/'))
    .map((e) => [new URL(e.name).pathname.split('/').pop(), e.startTime])};
"""


def folded():
    """Most samples in few stacks, as it is; and a function that calls very many small ones."""
    rng = random.Random(3)
    whole = 0
    for _ in range(STACKS):
        levels = [f"f{rng.randrange(6 if i < 4 else 200)}" for i in range(rng.randrange(2, 24))]
        count = int(rng.paretovariate(0.6)) % 500_000 + 1
        whole += count
        yield ";".join(["p", *levels]) + f" {count}\n"
    for i in range(SMALL):
        yield f"p;many;small_{i} {whole // (4 * SMALL)}\n"


def noted(browser, url):
    """What was first on the screen, and what is there when all of the profile is."""
    browser.devtools("Page.enable", {})
    added = browser.devtools("Page.addScriptToEvaluateOnNewDocument", {"source": NOTED})
    view = Viewer(browser, url)
    view.open()
    browser.devtools("Page.removeScriptToEvaluateOnNewDocument", added)
    return browser.script(STATE)


def check(state, nodes):
    first = state["first"]
    assert int(first["nodes"]) < 0.8 * nodes, (first["nodes"], nodes)
    assert int(state["nodes"]) == nodes, (state["nodes"], nodes)
    assert first["text"] == state["text"], (first["text"], state["text"])
    # How many small calls there are is told when it is known.
    assert first["colours"] < 0.7 * state["colours"], (first["colours"], state["colours"])
    assert first["bars"] == state["bars"], "the graph changed when all of the profile came"


def the_page_comes_with_it(browser, served, query, nodes):
    state = noted(browser, served.address + "?" + query)
    check(state, nodes)
    names = [name for name, _ in state["asked"]]
    assert names.count("profile") == 1, names
    for name, at in state["asked"]:
        assert at >= state["shownAt"] + REST_MS / 2, (name, at, state["shownAt"])


def a_screen_that_is_wider_asks_for_it_all(browser, served, query, nodes):
    size = {"width": 6000, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.devtools("Emulation.setDeviceMetricsOverride", size)
    state = noted(browser, served.address + "?" + query)
    browser.devtools("Emulation.clearDeviceMetricsOverride", {})
    assert int(state["first"]["nodes"]) == nodes, state["first"]["nodes"]
    assert state["asked"][0][0] == "profile", state["asked"]
    assert state["asked"][0][1] < state["shownAt"], state


def a_report_has_it(browser, path, nodes):
    state = noted(browser, "file://" + path)
    check(state, nodes)
    assert state["asked"] == [], state["asked"]


def main():
    skip_without_browser()
    host.skip_without_sampling()
    with tempfile.TemporaryDirectory() as folder:
        samples, store = os.path.join(folder, "s.folded"), os.path.join(folder, "s", "hearth.db")
        with open(samples, "w", encoding="ascii") as file:
            file.writelines(folded())
        host.run("import", "--store", store, "--at", "-1h", samples)
        now = time.time()
        query = f"from={now - 4000:.3f}&until={now - 3000:.3f}"
        report = os.path.join(folder, "report.html")
        host.run(
            *("export", "--store", store, "-o", report),
            *("--from", f"{now - 4000:.3f}", "--until", f"{now - 3000:.3f}"),
        )
        with host.daemon(store=store) as served, Browser() as browser:
            nodes = len(served.json("/api/v1/profile?" + query)["depth"])
            the_page_comes_with_it(browser, served, query, nodes)
            a_screen_that_is_wider_asks_for_it_all(browser, served, query, nodes)
            a_report_has_it(browser, report, nodes)
            severe = [entry for entry in browser.console() if entry["level"] == "SEVERE"]
            assert severe == [], severe
    return 0


if __name__ == "__main__":
    sys.exit(main())
