#!/usr/bin/env python3
"""The walk that README.md tells a new user: the function that made a stall of 200 ms an hour ago.

A daemon serves a store with a quarter of an hour of a web shop in it, an hour old, and in that one
fifth of a second of a function that is nowhere else. The steps are those of README.md, by real
clicks, wheel and keys; what a user sees (cells darker than others) is read from the pixels. With an
argument, pictures of its steps go to that folder. Exit 77: no browser, or no sampling.
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

PERIOD_MS = 10
STALL_MS = 200
MINUTES = 15
LOAD = 0.12  # of two CPUs
CULPRIT = "rebuild_search_index"
STALL = f"start;worker;handle_checkout;apply_price_list;{CULPRIT}"
STACKS = [
    "start;worker;handle_checkout;read_basket;parse_json",
    "start;worker;handle_checkout;total_of_basket",
    "start;worker;handle_search;query_index;score_document",
    "start;worker;handle_search;query_index;read_postings",
    "start;worker;render_page;escape_html",
    "start;worker;render_page;gzip_body",
    "start;worker;accept_connection",
    STALL,
]
LEFT, RIGHT = 44, 12  # px: of the axis, and behind it


def stream(stall_ms):
    """Of two CPUs with little to do; in the stall one thread runs alone."""
    rng = random.Random(5)
    lines = ["#hearth-samples 1\n", f"#period-ns\t{PERIOD_MS * 1000000}\n"]
    lines += [f"stack\t{i}\t{frames}\n" for i, frames in enumerate(STACKS, 1)]
    first = stall_ms - MINUTES * 30000
    for at in range(first, first + MINUTES * 60000, PERIOD_MS):
        for cpu in range(2):
            stack = rng.randrange(1, len(STACKS)) if rng.random() < LOAD else 0
            if stall_ms <= at < stall_ms + STALL_MS:
                stack = 0 if cpu else len(STACKS)
            if stack:
                lines.append(f"sample\t{at}\t900\t{901 + cpu}\tshop\tworker-{cpu}\t{stack}\n")
    return "".join(lines)


# The longest run of dark cells of a column, in its middle: what one sees in the heat map.
DARK_RUN = """
const canvas = document.querySelector('#heatmap canvas');
const ratio = canvas.width / canvas.clientWidth;
const box = canvas.getBoundingClientRect();
const c = canvas.getContext('2d');
const dark = (x, y) => {
    const [r, g, b, a] = c.getImageData(x * ratio, y * ratio, 1, 1).data;
    return a && r + g + b < arguments[0];
};
let best = {length: 0};
for (let x = 46; x < canvas.clientWidth - 14; x++) {
    let run = {length: 0};
    let from = null;
    for (let y = 10; y < canvas.clientHeight - 4; y++) {
        if (!dark(x, y)) from = null;
        else {
            from ??= y;
            if (y - from > run.length) run = {length: y - from, x, width: 1, top: from, bottom: y};
        }
    }
    if (run.length > best.length) best = run;
    else if (run.length === best.length && x === best.x + best.width) best.width++;
}
return {...best, x: best.x + best.width / 2, left: box.x, above: box.y};
"""


class Walk:
    def __init__(self, view, stall_ms, pictures):
        self.view, self.stall_s, self.pictures = view, stall_ms / 1000, pictures
        self.actions = 0

    def picture(self, name):
        if self.pictures:
            self.view.browser.screenshot(os.path.join(self.pictures, name + ".png"))

    def did(self, n=1):
        self.actions += n
        self.view.settle()

    def window(self):
        state = self.view.state()
        return float(state["from"]), float(state["until"])

    def choose_six_hours(self):
        self.view.browser.find("#ranges [data-range='-6h']").click()
        self.view.browser.wait("six hours", lambda: self.view.state().get("from") == "-6h")
        self.did()

    def wheel_into_the_minute(self):
        """An hour ago is where the hump of the shop's load is."""
        box = self.view.rect("#timeline")
        plot = box["width"] - LEFT - RIGHT
        now = time.time()
        from_s, until_s = now - 6 * 3600, now
        for _ in range(40):
            x = box["x"] + LEFT + (self.stall_s + 7 - from_s) / (until_s - from_s) * plot
            self.view.browser.wheel(x, box["y"] + 40, 0, -400)
            self.view.browser.wait("a window", lambda: self.view.state()["from"][0] != "-")
            self.view.settle()
            from_s, until_s = self.window()
            if until_s - from_s < 100:
                break
        self.did()
        assert from_s < self.stall_s < until_s, (from_s, self.stall_s, until_s)

    def show_the_heat_map(self):
        self.view.browser.script("document.activeElement.blur()")
        self.view.browser.press("h")
        self.view.browser.wait("the heat map", lambda: self.view.browser.find("#heatmap").shown())
        self.did()
        self.picture("heatmap")

    def drag_over_the_dark_run(self):
        run = max(
            (self.view.browser.script(DARK_RUN, level) for level in (480, 520, 560)),
            key=lambda found: found["length"],
        )
        x = run["left"] + run["x"]
        bottom, top = run["above"] + run["bottom"] - 1, run["above"] + run["top"] + 1
        self.view.browser.drag(x, bottom, x, top)
        self.view.browser.wait("a selection", lambda: "sel" in self.view.state())
        self.did()
        self.picture("selected")
        from_s, until_s = self.view.range_s()
        assert abs(from_s - self.stall_s) < 0.05 and 0.1 < until_s - from_s < 0.3, (
            from_s - self.stall_s,
            until_s - from_s,
        )

    def read_the_function(self):
        self.view.browser.press("2")
        self.view.browser.wait("the functions", lambda: self.view.table())
        self.did()
        own = {name: numbers[0] for name, numbers in self.view.table().items()}
        assert max(own, key=own.get) == CULPRIT, own

    def compare_with_just_before(self):
        self.view.browser.find("#compare summary").click()
        self.view.browser.find("#compare [data-base=prev]").click()
        self.view.browser.wait("the base", lambda: self.view.data("baseSamples") != "")
        self.view.browser.find("#changes-tab").click()
        self.did(3)
        text = "return document.querySelector('#changes tbody tr')?.innerText ?? ''"
        self.view.browser.wait("a change", lambda: self.view.browser.script(text))
        assert CULPRIT in self.view.browser.script("return document.body.innerText")
        self.picture("changes")


def main():
    skip_without_browser()
    host.skip_without_sampling()
    pictures = sys.argv[1] if len(sys.argv) > 1 else None
    stall_ms = (int(time.time()) - 3600) * 1000 + 400
    with tempfile.TemporaryDirectory() as folder:
        samples, store = os.path.join(folder, "shop.tsv"), os.path.join(folder, "s", "hearth.db")
        with open(samples, "w", encoding="ascii") as file:
            file.write(stream(stall_ms))
        host.run("import", "--store", store, samples)
        with host.daemon(store=store) as served, Browser() as browser:
            walk = Walk(Viewer(browser, served.address), stall_ms, pictures)
            walk.view.open()
            begin = time.monotonic()
            walk.choose_six_hours()
            walk.wheel_into_the_minute()
            walk.show_the_heat_map()
            walk.drag_over_the_dark_run()
            walk.read_the_function()
            seconds = time.monotonic() - begin
            walk.compare_with_just_before()
            print(f"{CULPRIT} was found after {walk.actions - 3} steps in {seconds:.1f} s")
            severe = [entry for entry in browser.console() if entry["level"] == "SEVERE"]
            assert severe == [], severe
    return 0


if __name__ == "__main__":
    sys.exit(main())
