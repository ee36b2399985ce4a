"""Comparisons in the viewer, by real clicks and keys, against the API's own numbers. Run by
run_viewer.py, like test_viewer.py.
"""

import os
import shutil
import subprocess
import tempfile
import time
import urllib.request

import host
from test_viewer import SHARES


def halves(moments):
    """Of all the time that split took: on a busy machine it is long, and its samples as many."""
    middle = round((moments[0] + moments[1]) / 2, 3)
    return (moments[0], middle), (middle, moments[1])


def opened(page, moments, **state):
    base, now = halves(moments)
    page.open(
        **{
            "from": f"{now[0]:.3f}",
            "until": f"{now[1]:.3f}",
            "base": f"{base[0]:.3f}~{base[1]:.3f}",
            **state,
        }
    )


def diff_of(api, now, base, match="", base_match=""):
    """{function: (now, was)} in samples, recursion once, and the sums."""
    parameters = {
        "from": f"{now[0]:.3f}",
        "until": f"{now[1]:.3f}",
        "base_from": f"{base[0]:.3f}",
        "base_until": f"{base[1]:.3f}",
        "format": "json",
    }
    if match:
        parameters["match"] = match
    if base_match:
        parameters["base_match"] = base_match
    answer = api.get("diff", **parameters)
    counts = {}
    for stack in answer["stacks"]:
        for name in {f["function"] for f in stack["frames"]}:
            now_n, was_n = counts.get(name, (0, 0))
            counts[name] = (now_n + stack["count"], was_n + stack["base"])
    return counts, answer["samples"], answer["base"]["samples"]


def changes(view):
    """{function: (kind, now, was)} of the list of changes."""
    rows = view.browser.script(
        """return [...document.querySelectorAll('#changes tbody tr')].map(r =>
        [r.querySelector('button').textContent, r.dataset.kind, +r.dataset.now, +r.dataset.was])"""
    )
    return {name: (kind, now, was) for name, kind, now, was in rows}


def test_one_click_compares_with_before(view, api, moments):
    _, now = halves(moments)
    view.open(**{"from": f"{now[0]:.3f}", "until": f"{now[1]:.3f}", "match": api.split})
    for base, back in (("prev", now[1] - now[0]), ("1h", 3600), ("24h", 86400)):
        view.browser.find("#compare summary").click()
        view.browser.find(f"[data-base='{base}']").click()
        view.browser.wait("the base in the address", lambda: view.state().get("base") == base)
        view.settle()
        view.browser.press("Escape")
        flame = api.get(
            "diff",
            **{
                "from": f"{now[0]:.3f}",
                "until": f"{now[1]:.3f}",
                "base_from": f"{now[0] - back:.3f}",
                "base_until": f"{now[1] - back:.3f}",
                "match": api.split,
            },
        )
        assert int(view.data("samples")) == flame["samples"]
        assert int(view.data("baseSamples")) == flame["base"]["samples"]
        told = "no samples there" in view.browser.find("#base-text").text()
        assert told == (flame["base"]["samples"] == 0), base
    view.browser.find("#compare summary").click()
    view.browser.find("#clear-base").click()
    view.browser.wait("no comparison", lambda: "base" not in view.state())


def test_the_same_program_before_and_after_is_noise(view, api, moments):
    opened(view, moments, match=api.split, view="changes")
    view.browser.find("[data-part=total]").click()
    view.settle()
    counts, now, was = diff_of(api, *reversed(halves(moments)), api.split)
    assert now > 1000 and was > 1000
    listed = changes(view)
    assert not set(SHARES) & set(listed), (listed, {n: counts[n] for n in SHARES})
    assert "chance" in view.browser.find("#changes-note").text()
    view.browser.find("[data-view=graph]").click()
    view.point_of("spin_a")
    details = view.browser.find("#details").text()
    assert "no more than chance" in details, details


def test_another_selector_shows_new_and_gone(view, api, moments):
    # Programs with other functions ran as well when split began.
    base = (moments[0] - 1, halves(moments)[0][1])
    other = '{comm!="split"}'
    wide = f"{base[0]:.3f}~{base[1]:.3f}"
    opened(view, moments, match=api.split, base=wide, bmatch=other, view="changes", part="total")
    counts, now, was = diff_of(api, halves(moments)[1], base, api.split, other)
    assert was > 100, was
    assert (int(view.data("samples")), int(view.data("baseSamples"))) == (now, was)
    listed = changes(view)
    for name in SHARES:
        kind, n, w = listed[name]
        assert (kind, n, w) == ("new", *counts[name]), (name, listed[name], counts[name])
    gone = [name for name, (kind, _, _) in listed.items() if kind == "gone"]
    # The page lists the largest alone.
    strong = sorted((n for n in counts if counts[n][0] == 0), key=lambda n: -counts[n][1])[:20]
    assert set(strong) <= set(gone), [(n, counts[n], listed.get(n)) for n in strong]
    view.browser.find("[data-view=graph]").click()
    legend = view.browser.find("#legend").text()
    for word in ("new", "gone", "more", "less", "chance"):
        assert word in legend, legend
    x, y = view.point_of("spin_a")
    view.browser.pointer(("move", x + 2, y), ("move", x, y))
    view.browser.wait("the tooltip", lambda: view.browser.find("#tooltip").shown())
    text = view.browser.find("#tooltip").text()
    assert "now" in text and "before" in text and "new" in text, text


def test_side_by_side_both_graphs_zoom_together(view, api, moments):
    opened(view, moments, match=api.split)
    view.browser.find("#compare summary").click()
    view.browser.find("#sides").click()
    view.browser.wait("two graphs", lambda: view.browser.find("#graph-base").shown())
    view.settle()
    view.browser.find("#compare summary").click()
    x, y = view.point_of("spin_b")
    view.browser.click_at(x, y)
    view.browser.wait("the zoom", lambda: view.data("zoom") == "spin_b")
    left, right = view.rect("#graph"), view.rect("#graph-base")
    assert right["x"] > left["x"] + left["width"] - 1 and abs(left["width"] - right["width"]) < 3
    view.browser.script("document.getElementById('graph-base').focus()")
    view.browser.press("Home")
    focused = view.browser.script(
        """const id = document.getElementById('graph-base').getAttribute('aria-activedescendant');
        return document.getElementById(id).textContent"""
    )
    assert focused.startswith("spin_b,"), focused


def test_amounts_are_told_apart_from_shares(view, api, moments):
    """Twice the time at the same shares: no change of shares, twice the amount."""
    base, now = halves(moments)
    wide = f"{base[0]:.3f}~{base[1]:.3f}"
    view.open(
        **{
            "from": f"{now[0]:.3f}",
            "until": f"{now[1]:.3f}",
            "base": wide,
            "match": api.split,
            "bmatch": '{comm="split", tid="1"}',
            "view": "changes",
            "part": "total",
        }
    )
    assert int(view.data("baseSamples")) == 0
    view.open(**{**view.state(), "abs": "1"})
    assert changes(view)["spin_a"][0] == "new", changes(view)


def saved_page(view, api, moments, folder):
    """The page's own HTML download of a comparison, opened from a file."""
    opened(view, moments, match=api.split, search="spin_b")
    link = view.browser.script(
        "return document.querySelector('#downloads [data-format=html]').href"
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    file = os.path.join(folder, "saved.html")
    with opener.open(link, timeout=60) as answer, open(file, "wb") as out:
        out.write(answer.read())
    view.browser.console()
    view.browser.requests()
    view.browser.open("file://" + file)
    view.settle()


def test_one_file_has_timeline_heat_map_and_comparison(view, api, moments):
    now = halves(moments)[1]
    counts, samples, base_samples = diff_of(api, *reversed(halves(moments)), api.split)
    heat = api.get(
        "heatmap", **{"from": f"{now[0]:.3f}", "until": f"{now[1]:.3f}", "match": api.split}
    )
    with tempfile.TemporaryDirectory() as folder:
        saved_page(view, api, moments, folder)
        assert int(view.data("samples")) == samples
        assert int(view.data("baseSamples")) == base_samples
        assert view.browser.find("#timeline").shown()
        assert "split" in view.browser.find("#timeline-legend").text()
        view.browser.find("[data-time=heat]").click()
        assert view.browser.find("#heatmap").shown()
        assert int(view.data("heatSamples")) == sum(heat["values"]) > 0
        view.browser.find("#changes-tab").click()
        assert "chance" in view.browser.find("#changes-note").text()
        view.browser.find("[data-view=table]").click()
        rows = view.table()
        assert rows["spin_a"][1] == counts["spin_a"][0], (rows["spin_a"], counts["spin_a"])
        view.browser.press("1")
        x, y = view.point_of("spin_a")
        view.browser.click_at(x, y)
        view.browser.wait("the zoom", lambda: view.data("zoom") == "spin_a")
        assert not view.browser.find("#compare").shown()
        assert not view.browser.console()
        asked = [
            u for u in view.browser.requests() if not u.startswith(("file:", "blob:", "data:"))
        ]
        assert not asked, asked
    view.open()


def build_id_of(path):
    notes = subprocess.run(["readelf", "-n", path], capture_output=True, text=True, check=True)
    return notes.stdout.partition("Build ID:")[2].split()[0]


def replace_build(path, old, new):
    """The same program with another build id, in a file of its own at this path."""
    with open(path, "rb") as file:
        data = file.read()
    os.unlink(path)
    with open(path, "wb") as file:
        file.write(data.replace(bytes.fromhex(old), bytes.fromhex(new)))
    os.chmod(path, 0o755)


def test_a_new_build_is_compared_with_the_one_before(view, api, _moments):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        program = os.path.join(folder, "renewed")
        shutil.copy(host.program("split"), program)
        old = build_id_of(program)
        new = old[::-1]
        begun = time.time()
        subprocess.run([program, "1"], stdout=subprocess.DEVNULL, check=True)
        replace_build(program, old, new)
        time.sleep(1.5)
        changed = time.time()
        subprocess.run([program, "1"], stdout=subprocess.DEVNULL, check=True)
        time.sleep(2.5)  # until it is stored
        ended = time.time()
    match = '{exe=~".*/renewed"}'
    view.open(**{"from": f"{begun:.3f}", "until": f"{ended:.3f}", "match": match})
    view.browser.find("#compare summary").click()
    found = f'#builds [data-after="{new}"]'
    view.browser.wait(
        "the new build",
        lambda: view.browser.script(f"return document.querySelectorAll('{found}').length") == 1,
        30,
    )
    assert "renewed" in view.browser.find(found).text()
    view.browser.find(found).click()
    view.settle()
    state = view.state()
    at, until = (float(t) for t in state["sel"].split("~"))
    base_from, base_until = (float(t) for t in state["base"].split("~"))
    assert base_until == at and abs(until - ended) < 0.01 and abs(base_from - begun) < 0.01, state
    assert changed - 1.1 < at < changed + 1.1, (at, changed)
    # All samples of each build are on its side.
    exported = api.export((begun, ended), match)
    sides = {old: 0, new: 0}
    for stack in exported["stacks"]:
        for build in sides:
            sides[build] += stack["count"] * any(f["build_id"] == build for f in stack["frames"])
    now = int(view.data("samples"))
    assert now >= sides[new] and now + int(view.data("baseSamples")) == exported["samples"]
    assert int(view.data("baseSamples")) >= sides[old] > 0 and sides[new] > 0, sides
