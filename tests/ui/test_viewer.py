#!/usr/bin/env python3
"""The viewer in a real browser, against a running daemon: test_viewer.py URL [STORE [PID]].

The daemon must have profiled, within the last quarter of an hour and in at least 6,000 samples, a
program whose comm is `split` and whose functions spin_a, spin_b and spin_c take 50, 30 and 20 % of
its CPU. What the page shows is compared with what the API says about the same range and, where the
store is named, with what `hearth export` says. Functions and threads with hostile names are looked
for, and where the profile has some they must have stayed text. run_viewer.py starts all this.

Exit 77: no browser (a failure where CI=true).
"""

import json
import os
import subprocess
import sys
import time
import traceback
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from webdriver import Browser, skip_without_browser  # noqa: E402

SHARES = {"spin_a": 50, "spin_b": 30, "spin_c": 20}
SHARE_TOLERANCE = 2  # points, from so many samples:
SHARE_SAMPLES = 6000
PERCENT_TOLERANCE = 1e-6


class Api:
    def __init__(self, base, store=None, pid=None):
        self.base = base
        self.store = store
        # Which samples are the known program's: on a host with several, its pid tells.
        self.label = ("pid", pid) if pid else ("comm", "split")
        self.split = '{%s="%s"}' % self.label

    def get(self, path, **parameters):
        url = (
            urllib.parse.urljoin(self.base, "api/v1/" + path)
            + "?"
            + urllib.parse.urlencode(parameters)
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=60) as answer:
            return json.load(answer)

    def profile(self, range_s, format, match=""):
        parameters = {"from": f"{range_s[0]:.3f}", "until": f"{range_s[1]:.3f}", "format": format}
        if match:
            parameters["match"] = match
        return self.get("profile", **parameters)

    def export(self, range_s, match):
        """The json format by `hearth export`; None where the store is not known."""
        if not self.store:
            return None
        command = [os.path.join(os.environ.get("HEARTH_BUILD", "build"), "hearth"), "export"]
        command += ["--store", self.store, "--format", "json", "--match", match]
        command += ["--from", f"{range_s[0]:.3f}", "--until", f"{range_s[1]:.3f}"]
        return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


class Viewer:
    """The page, as a user has it: everything through pointer, keys, and what can be read."""

    def __init__(self, browser, base):
        self.browser = browser
        self.base = base

    def open(self, **state):
        query = urllib.parse.urlencode(state)
        self.browser.open(self.base + ("?" + query if query else ""))
        self.settle()

    def data(self, name):
        return self.browser.script(
            "return document.documentElement.dataset[arguments[0]] ?? ''", name
        )

    def settle(self):
        self.browser.wait("the page to be ready", lambda: self.data("ready") == "1", 60)

    def range_s(self):
        return float(self.data("from")) / 1000, float(self.data("until")) / 1000

    def state(self):
        return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.browser.url()).query))

    def rect(self, selector):
        return self.browser.script(
            "const r = document.querySelector(arguments[0]).getBoundingClientRect();"
            "return {x: r.x, y: r.y, width: r.width, height: r.height}",
            selector,
        )

    def search(self, text):
        box = self.browser.find("#search")
        box.clear()
        box.type(text)

    def matched(self):
        return float(self.data("matched"))

    def table_rows(self):
        """[(name, self, total)] in samples; two functions of two objects may have one name."""
        return self.browser.script(
            """return [...document.querySelectorAll('#functions tbody tr')]
            .map(r => [r.querySelector('button').textContent, +r.dataset.self, +r.dataset.total])"""
        )

    def table(self):
        """{name: (self, total)} of the table's rows."""
        return {name: (own, total) for name, own, total in self.table_rows()}

    def items(self):
        return self.browser.script(
            "return [...document.querySelectorAll('#path [role=treeitem]')].map(i => i.textContent)"
        )

    def focused(self):
        return self.browser.script(
            """const id = document.getElementById('graph').getAttribute('aria-activedescendant');
            return document.getElementById(id)?.textContent ?? ''"""
        )

    def point_of(self, name):
        """The middle of a function's bar: found by the search, shown by the focus outline."""
        self.search(f"^{name}$")
        self.browser.press("Enter")
        self.browser.wait(f"the focus on {name}", lambda: self.focused().startswith(name + ","))
        box = self.rect("#graph .focus-outline")
        assert box["width"] > 0, f"no outline around {name}"
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def flame_names(flame):
    return [flame["strings"][flame["frames"]["name"][f]] for f in flame["frame"]]


def top_of(profile):
    """{function: [self, total]} of the json format, recursion counted once."""
    top = {}
    for stack in profile["stacks"]:
        names = [f["function"] for f in stack["frames"]]
        for name in set(names):
            top.setdefault(name, [0, 0])[1] += stack["count"]
        if names:
            top[names[0]][0] += stack["count"]
    return top


def share_of(profile, pattern):
    matched = sum(
        s["count"] for s in profile["stacks"] if any(pattern in f["function"] for f in s["frames"])
    )
    return 100 * matched / profile["samples"]


def split_moments(api):
    """
    (from, until) in seconds where split ran, from the series. Without the second of its start, in
    which a sample may be of the process before it was split.
    """
    series = api.get(
        "series", **{"from": "-15m", "until": "now", "step": "1s", "match": api.split, "by": "comm"}
    )
    values = series["series"][0]["values"] if series["series"] else []
    busy = [i for i, v in enumerate(values) if v > 0]
    assert busy, "the daemon has no samples of a program `split` in the last 15 minutes"
    start = series["start_ns"] / 1e9
    return (
        start + busy[min(1, len(busy) - 1)] * series["step_ns"] / 1e9,
        start + (busy[-1] + 1) * series["step_ns"] / 1e9,
    )


def test_page_shows_what_the_api_says(view, api, moments):
    # Of the whole host: a name that is found between the two makes other nodes of some.
    for _ in range(5):
        view.open(**{"from": f"{moments[0]:.3f}", "until": f"{moments[1]:.3f}"})
        flame = api.profile(view.range_s(), "flame")
        shown = int(view.data("samples")), int(view.data("nodes"))
        if shown == (flame["samples"], len(flame["depth"])):
            break
        time.sleep(2)
    assert shown == (flame["samples"], len(flame["depth"])), (shown, flame["samples"])


FIRST_ASKED = """
const entries = performance.getEntriesByType('resource').filter((e) => e.name.includes('/api/'));
return entries.map((e) => [new URL(e.name).pathname.split('/').pop(), e.startTime, e.responseEnd]);
"""
WAIT_MS = 700  # main.js: for the first graph, before anything else is asked for
REST_MS = 100  # main.js: from the first graph's frame to all else
PROGRESS_MS = 150  # main.js: for the first profile, before there is a page without it

# Before the page's own script: notes when the profile came, what was on the page until then,
# when it was shown, where, and whether the page's head was above it.
NOTED = """
const ask = window.fetch;
window.fetch = async (...request) => {
    const answer = await ask(...request);
    if (window.cameAt) return answer;
    window.cameAt = performance.now();
    window.before = document.body.innerText.trim();
    return answer;
};
const look = () => {
    if (!document.getElementById('details')?.textContent) return requestAnimationFrame(look);
    const graph = document.getElementById('graph').getBoundingClientRect();
    window.first = [graph.top, graph.height, document.body.innerText.includes('Hearth')];
    setTimeout(() => (window.shownAt = performance.now()));
};
requestAnimationFrame(look);
"""


def test_the_first_graph_waits_for_its_profile_alone(view, api, moments):
    # The page comes with a graph that has no more to it; this one it has to ask for.
    view.open(**{"from": f"{moments[0]:.3f}", "until": f"{moments[1]:.3f}", "by": "comm"})
    (first, _, answered), *others = view.browser.script(FIRST_ASKED)
    assert first == "profile", first
    assert "series" in [name for name, _, _ in others], others
    for name, asked, _ in others:
        assert asked >= min(answered, WAIT_MS), (name, asked, answered)


def test_what_is_painted_first_is_the_graph_and_all_else_comes_after(view, api, moments):
    view.browser.devtools("Page.enable", {})
    added = view.browser.devtools(
        "Page.addScriptToEvaluateOnNewDocument", {"source": NOTED}
    )
    wanted = {"from": f"{moments[0]:.3f}", "until": f"{moments[1]:.3f}", "match": api.split}
    view.open(**wanted, by="comm")
    view.browser.devtools("Page.removeScriptToEvaluateOnNewDocument", added)
    before, came, shown, first = view.browser.script("return [before, cameAt, shownAt, first]")
    (_, asked_first, _), *others = view.browser.script(FIRST_ASKED)
    if came - asked_first < PROGRESS_MS:  # else the page says that it waits
        assert before == "", before
        assert not first[2], "the head came with the graph"
    graph = view.rect("#graph")
    assert first[:2] == [graph["y"], graph["height"]], (first, graph)  # nothing moves
    for name, asked, _ in others:
        assert asked >= min(shown + REST_MS / 2, WAIT_MS), (name, asked, shown)


# Both forms of an answer: of the binary one as web/API.md has it, its columns put back as arrays.
BOTH_FORMS = """
const [url, done] = arguments;
const ask = (accept) => fetch(url, {headers: {Accept: accept}});
const types = {uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array, float64: Float64Array};
(async () => {
    const json = await (await ask('application/json')).text();
    const answer = await ask('application/vnd.hearth.flame');
    const bytes = await answer.arrayBuffer();
    const columns = 16 + new DataView(bytes).getUint32(8, true);
    const text = new TextDecoder().decode(bytes.slice(16, columns));
    const numbers = (key, v) =>
        v?.type ? [...new types[v.type](bytes, columns + v.at, v.length)] : v;
    const put = JSON.stringify(JSON.parse(text, numbers));
    const head = new TextDecoder().decode(bytes.slice(0, 8));
    done({head, same: put === JSON.stringify(JSON.parse(json)), type: answer.headers.get(
        'Content-Type'), vary: answer.headers.get('Vary')});
})();
"""


def test_both_forms_of_an_answer_are_equal(view, api, moments):
    view.open(**{"from": f"{moments[0]:.3f}", "until": f"{moments[1]:.3f}", "match": api.split})
    query = urllib.parse.urlencode(
        {"from": f"{moments[0]:.3f}", "until": f"{moments[1]:.3f}", "match": api.split}
    )
    for path in ("profile", "diff"):
        both = view.browser.script_async(BOTH_FORMS, f"api/v1/{path}?{query}")
        assert both["same"] and both["head"] == "hflame1\n", both
        assert both["type"] == "application/vnd.hearth.flame", both
        assert {v.strip() for v in both["vary"].split(",")} == {"Accept", "Accept-Encoding"}, both


def test_drag_selects_a_range(view, api, moments):
    margin = (moments[1] - moments[0]) * 0.5
    view.open(**{"from": f"{moments[0] - margin:.3f}", "until": f"{moments[1] + margin:.3f}"})
    box = view.rect("#timeline")
    y = box["y"] + box["height"] / 2
    view.browser.drag(box["x"] + box["width"] * 0.35, y, box["x"] + box["width"] * 0.65, y)
    view.browser.wait("a selection in the address", lambda: "sel" in view.state())
    view.settle()
    start, end = view.range_s()
    span = moments[1] - moments[0] + 2 * margin
    assert 0.2 * span < end - start < 0.4 * span, (start, end, span)
    assert moments[0] - margin < start < end < moments[1] + margin
    assert int(view.data("samples")) == api.profile((start, end), "flame")["samples"]
    exported = api.export((start, end), "{}")
    assert exported is None or int(view.data("samples")) == exported["samples"]
    view.browser.back()
    view.browser.wait("the selection to go with `back`", lambda: "sel" not in view.state())
    view.settle()
    assert abs(view.range_s()[0] - (moments[0] - margin)) < 0.01
    view.browser.forward()
    view.browser.wait("the selection to come again", lambda: "sel" in view.state())
    view.settle()
    assert view.range_s() == (start, end)


def test_label_filter(view, api, moments):
    view.open(**{"from": f"{moments[0]:.3f}", "until": f"{moments[1]:.3f}"})
    label, value = api.label
    view.browser.wait(
        "the labels",
        lambda: view.browser.script(
            """const s = document.getElementById('filter-label');
            s.value = arguments[0];
            s.dispatchEvent(new Event('change'));
            return s.value === arguments[0];""",
            label,
        ),
    )
    view.browser.find("#filter-value").type(value)
    view.browser.find("#filter-form button").click()
    view.browser.wait("the selector in the address", lambda: view.state().get("match") == api.split)
    view.settle()
    profile = api.profile(view.range_s(), "json", api.split)
    assert int(view.data("samples")) == profile["samples"] > 0
    assert view.browser.find("#selector").property("value") == api.split
    assert value in view.browser.find("#chips").text()
    view.browser.find("#chips button").click()
    view.browser.wait("the filter to go", lambda: "match" not in view.state())
    view.settle()
    assert int(view.data("samples")) >= profile["samples"]


def test_wrong_selector_is_explained(view, _api, _moments):
    view.open(match="{comm=")
    view.browser.wait("an explanation", lambda: view.browser.find("#selector-error").shown())
    assert len(view.browser.find("#selector-error").text()) > 5
    assert view.browser.find("#selector").property("value") == "{comm=", "what was typed is gone"


def test_search_counts_each_stack_once(view, api, moments):
    view.open(**{"from": f"{moments[0]:.3f}", "until": f"{moments[1]:.3f}", "match": api.split})
    profile = api.profile(view.range_s(), "json", api.split)
    assert profile["samples"] >= SHARE_SAMPLES, profile["samples"]
    for text in ("spin_a", "spin_b", "spin_c", "spin_"):
        view.search(text)
        assert abs(view.matched() - share_of(profile, text)) < PERCENT_TOLERANCE, (
            text,
            view.matched(),
        )
        if text in SHARES:
            assert abs(view.matched() - SHARES[text]) < SHARE_TOLERANCE, (text, view.matched())
    view.browser.wait("it in the address", lambda: view.state().get("search") == "spin_")
    shown = view.browser.find("#search-result").text()
    assert "matched" in shown and "%" in shown, shown
    view.search("(")
    assert view.browser.find("#search").attribute("aria-invalid") == "true"
    view.search("no_such_function")
    assert view.matched() == 0


def test_click_zooms_and_escape_zooms_out(view, api, moments):
    view.open(**{"from": f"{moments[0]:.3f}", "until": f"{moments[1]:.3f}", "match": api.split})
    x, y = view.point_of("spin_a")
    view.browser.click_at(x, y)
    view.browser.wait("the zoom", lambda: view.data("zoom") == "spin_a")
    view.browser.wait(
        "the bar to fill the width",
        lambda: view.rect("#graph .focus-outline")["width"] > 0.9 * view.rect("#graph")["width"],
    )
    assert "zoom" in view.state()
    assert "spin_a" in view.browser.find("#crumbs").text()
    link = view.browser.url()
    view.open()
    view.browser.open(link)
    view.settle()
    assert view.data("zoom") == "spin_a", "a link does not bring the zoom back"
    view.browser.find("#graph").click()
    view.browser.press("Escape")
    view.browser.wait("the zoom to go", lambda: view.data("zoom") == "")


def test_tooltip_says_what_a_bar_is(view, api, moments):
    view.open(**{"from": f"{moments[0]:.3f}", "until": f"{moments[1]:.3f}", "match": api.split})
    profile = api.profile(view.range_s(), "json", api.split)
    frames = [f for s in profile["stacks"] for f in s["frames"] if f["function"] == "spin_b"]
    x, y = view.point_of("spin_b")
    view.browser.pointer(("move", x + 3, y), ("move", x, y))
    view.browser.wait("the tooltip", lambda: view.browser.find("#tooltip").shown())
    text = view.browser.find("#tooltip").text()
    assert text.startswith("spin_b"), text
    # The first of its bars: in complete stacks, where most of it is.
    flame = api.profile(view.range_s(), "flame", api.split)
    count = flame["total"][flame_names(flame).index("spin_b")]
    assert f"{count:,} samples" in text, (count, text)
    assert f"{100 * count / flame['samples']:.1f} %" in text, text
    assert frames[0]["object"] in text, text
    if frames[0]["file"]:
        assert frames[0]["file"] in text, text
    for word in ("total", "self", "samples"):
        assert word in text, text


def test_keys_walk_the_tree(view, api, moments):
    view.open(**{"from": f"{moments[0]:.3f}", "until": f"{moments[1]:.3f}", "match": api.split})
    view.browser.script("document.getElementById('graph').focus()")
    view.browser.press("Down")
    view.browser.wait("the focus on the process", lambda: view.focused().startswith("split,"))
    assert view.items()[0].startswith("all,"), view.items()
    details = view.browser.find("#details").text()
    assert "total" in details and "self" in details, details
    view.browser.press("Up")
    assert view.focused().startswith("all,")
    view.browser.press("/")
    assert view.browser.script("return document.activeElement.id") == "search"
    view.browser.press("Escape", "?")
    assert view.browser.find("#help").shown()
    view.browser.press("Escape")


def test_table_has_the_functions(view, api, moments):
    view.open(
        **{
            "from": f"{moments[0]:.3f}",
            "until": f"{moments[1]:.3f}",
            "match": api.split,
            "view": "table",
        }
    )
    top = top_of(api.profile(view.range_s(), "json", api.split))
    table = view.table()
    for name in SHARES:
        assert table[name] == tuple(top[name]), (name, table[name], top[name])
    exported = api.export(view.range_s(), api.split)
    assert exported is None or top_of(exported) == top, "hearth export says otherwise"
    busiest = max(top, key=lambda name: top[name][0])
    assert list(table)[0] == busiest, (busiest, list(table)[:3])
    view.browser.find("#functions [data-sort=total]").click()

    def is_by_total():
        totals = [total for _, _, total in view.table_rows()]
        return totals == sorted(totals, reverse=True)

    view.browser.wait("the rows by their total", is_by_total)
    view.browser.find("#table-filter").type("spin_")
    # The kernel has spin_ functions as well: _raw_spin_lock.
    assert all("spin_" in name for name in view.table()), view.table()
    assert {name for name in view.table() if name.startswith("spin_")} == set(SHARES)
    view.browser.find_all("#functions tbody button")[0].click()
    view.browser.wait(
        "the search for the function", lambda: "spin_a" in view.state().get("search", "")
    )
    assert view.browser.find("#graph").shown()


def test_downloads_are_of_the_range_shown(view, api, moments):
    view.open(**{"from": f"{moments[0]:.3f}", "until": f"{moments[1]:.3f}", "match": api.split})
    links = view.browser.script(
        "return [...document.querySelectorAll('#downloads a[data-format]')]"
        ".map(a => [a.dataset.format, a.href])"
    )
    assert {f for f, _ in links} == {"pprof", "folded", "speedscope", "json", "html"}
    for format, link in links:
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(link).query))
        assert query["format"] == format and query["match"] == api.split
        assert (float(query["from"]), float(query["until"])) == view.range_s()


def test_empty_range_says_so(view, _api, moments):
    view.open(**{"from": "1000000000", "until": "1000000600"})
    message = view.browser.find("#message")
    assert message.shown() and "No samples" in message.text(), message.text()


def tame(view):
    """No name has become an element, and none can turn the text around it."""
    own = "document.querySelector('body > script')"
    made = f"return document.querySelectorAll('img, iframe, object, body script').length - !!{own}"
    assert view.browser.script(made) == 0
    text = view.browser.script("return document.body.innerText")
    assert "\u202e" not in text and "\u2066" not in text


def test_hostile_names_stay_text(view, api, moments):
    view.open(**{"from": f"{moments[0]:.3f}", "until": f"{moments[1]:.3f}"})
    names = set(flame_names(api.profile(view.range_s(), "flame")))
    hostile = sorted((n for n in names if "<" in n or "\u202e" in n), key=len)
    for name in hostile[:5]:
        view.search(
            "".join("\\" + c if c in "\\^$.*+?()[]{}|/" else c for c in name if c.isprintable())[
                :200
            ]
        )
        view.browser.press("Enter")
    view.open(
        **{
            "from": f"{moments[0]:.3f}",
            "until": f"{moments[1]:.3f}",
            "view": "table",
            "filter": "<",
        }
    )
    # In every view that has names, with those of the hostile program alone.
    whole = {"from": f"{moments[0] - 5:.3f}", "until": f"{moments[1]:.3f}"}
    strange = {**whole, "match": '{comm!="split"}'}
    for state in (
        {"view": "calls", "by": "comm,thread"},
        {"view": "sandwich", "fn": "<img src=x onerror=alert(1)>"},
        {"view": "changes", "base": "prev", "bmatch": api.split},
        {"time": "lanes", "invert": "1", "lib": "1", "color": "package"},
        {"base": "prev", "sides": "1", "tby": "thread"},
    ):
        view.open(**strange, **state)
        assert int(view.data("samples")) > 0
        tame(view)
    view.open(
        search="<img src=x onerror=alert(1)>",
        match='{comm="<img src=x onerror=alert(1)>"}',
        filter="</script><script>alert(2)</script>",
    )
    tame(view)


def test_themes(view, _api, moments):
    view.open(**{"from": f"{moments[0]:.3f}", "until": f"{moments[1]:.3f}", "theme": "dark"})
    dark = view.browser.script("return getComputedStyle(document.body).backgroundColor")
    view.browser.find("#theme").click()
    light = view.browser.script("return getComputedStyle(document.body).backgroundColor")
    assert dark != light
    view.browser.wait("it in the address", lambda: view.state()["theme"] == "light")


def test_phone_width(view, _api, moments):
    view.browser.devtools(
        "Emulation.setDeviceMetricsOverride",
        {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True},
    )
    view.open(**{"from": int(moments[0]), "until": int(moments[1])})  # as one types them
    wide = view.browser.script("return document.documentElement.scrollWidth")
    cut = view.browser.script("""return [...document.querySelectorAll('#from, #until')]
        .filter((e) => e.scrollWidth > e.clientWidth).map((e) => e.value)""")
    brand, help_button = view.rect(".brand"), view.rect("#help-button")
    view.browser.devtools("Emulation.clearDeviceMetricsOverride", {})
    assert wide <= 390, f"the page is {wide} px wide"
    assert not cut, f"cut: {cut}"
    assert help_button["y"] < brand["y"] + brand["height"], "the head takes two rows"


test_wrong_selector_is_explained.refused = 400


def tests_of(names):
    return [f for n, f in names.items() if n.startswith("test_")]


def run(base, store=None, pid=None, tests=None):
    """All tests of this file, or those given; 0 when all passed."""
    api = Api(base, store, pid)
    moments = split_moments(api)
    tests = tests_of(globals()) if tests is None else tests
    failed = 0
    with Browser() as browser:
        view = Viewer(browser, base)
        for test in tests:
            try:
                test(view, api, moments)
                refused = getattr(test, "refused", None)
                console = [
                    m["message"]
                    for m in browser.console()
                    if not (refused and f"status of {refused}" in m["message"])
                ]
                assert not console, console
                elsewhere = [u for u in browser.requests() if not u.startswith((base, "data:"))]
                assert not elsewhere, elsewhere
                print(f"ok   {test.__name__}")
            except Exception:
                failed += 1
                print(f"FAIL {test.__name__} at {browser.url()}")
                traceback.print_exc(file=sys.stdout)
                print(browser.console())
                browser.requests()
    print(f"{len(tests) - failed} of {len(tests)} passed")
    return 1 if failed else 0


def main():
    if not 2 <= len(sys.argv) <= 4:
        print(
            "usage: test_viewer.py URL [STORE [PID]]: of a running daemon and of split",
            file=sys.stderr,
        )
        return 2
    skip_without_browser()
    return run(sys.argv[1].rstrip("/") + "/", *sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
