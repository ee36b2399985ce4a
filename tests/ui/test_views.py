"""The profile's views, by real clicks and keys: other readings of the stacks, callers and callees,
the call tree, pictures, the address. Run by run_viewer.py, like test_viewer.py.
"""

import re
import time
import xml.etree.ElementTree

from test_viewer import SHARES, top_of

ADDRESS_S = 0.3  # address.js: until what was typed is written, and some more
SVG = "{http://www.w3.org/2000/svg}"


def opened(page, api, moments, **state):
    page.open(
        **{"from": f"{moments[0]:.3f}", "until": f"{moments[1]:.3f}", "match": api.split, **state}
    )
    return api.profile(page.range_s(), "json", api.split)


def show_menu(view, *ids):
    """Switches of the menu `Show`, by clicks."""
    view.browser.find("#look summary").click()
    for name in ids:
        view.browser.find("#" + name).click()
    view.browser.find("#look summary").click()
    view.settle()


def child_shares(view):
    """{name: percent} of the focused node's callees, as a screen reader has them."""
    shares = {}
    for item in view.items():
        name, _, percent = item.rpartition(", ")
        shares[name] = float(percent.rstrip(" %").lstrip("<> "))
    return shares


def test_from_the_leaves_the_first_row_is_who_ran(view, api, moments):
    profile = opened(view, api, moments)
    show_menu(view, "invert")
    assert view.state()["invert"] == "1"
    view.browser.script("document.getElementById('graph').focus()")
    view.browser.press("Home")
    shares = child_shares(view)
    churned = top_of(profile)["churn"][0]
    assert abs(shares["churn"] - 100 * churned / profile["samples"]) < 0.06, shares
    x, y = view.point_of("churn")
    view.browser.click_at(x, y)
    view.browser.wait("the zoom", lambda: view.data("zoom") == "churn")
    callers = child_shares(view)
    for name, share in SHARES.items():
        assert abs(callers[name] - share) < 3, callers
    view.browser.back()
    view.browser.back()
    view.browser.wait("the stacks from the root again", lambda: "invert" not in view.state())


def test_hidden_kernel_counts_for_its_caller(view, api, moments):
    profile = opened(view, api, moments, view="table")
    kernel = {
        f["function"] for s in profile["stacks"] for f in s["frames"] if f["kind"] == "kernel"
    }
    assert kernel & set(view.table()), "no kernel function in the table to begin with"
    view.browser.script("document.activeElement.blur()")
    view.browser.press("k")
    view.settle()
    table = view.table()
    native = {
        f["function"] for s in profile["stacks"] for f in s["frames"] if f["kind"] != "kernel"
    }
    assert not (kernel - native) & set(table), kernel & set(table)
    leaves = {}
    for stack in profile["stacks"]:
        names = [f["function"] for f in stack["frames"] if f["kind"] != "kernel"]
        if names:
            leaves[names[0]] = leaves.get(names[0], 0) + stack["count"]
    for name in ("churn", "main"):
        assert table[name][0] == leaves.get(name, 0), (name, table[name], leaves)


def test_a_collapsed_library_is_one_frame(view, api, moments):
    profile = opened(view, api, moments)
    show_menu(view, "lib")
    view.search("^split$")
    view.settle()
    wanted = sum(
        s["count"]
        for s in profile["stacks"]
        if any(f["object"].endswith("/split") for f in s["frames"])
    )
    # The process itself is called split as well: the search counts it, and all below, once.
    assert abs(view.matched() - 100) < 1e-6
    view.browser.script("document.getElementById('search').blur()")
    view.browser.press("2")
    view.browser.wait("the table", lambda: view.browser.find("#functions").shown())
    assert view.table()["split"][1] == wanted, (view.table(), wanted)
    assert "churn" not in view.table()


def test_groups_are_the_labels_of_the_api(view, api, moments):
    view.open(**{"from": f"{moments[0]:.3f}", "until": f"{moments[1]:.3f}"})
    view.browser.find("#look summary").click()
    view.browser.script("""const s = document.getElementById('by');
        s.value = 'comm,thread,tid';
        s.dispatchEvent(new Event('change'));""")
    view.browser.wait("the group in the address", lambda: "by" in view.state())
    view.settle()
    view.browser.press("Escape")
    flame = api.get(
        "profile",
        **{
            "from": f"{view.range_s()[0]:.3f}",
            "until": f"{view.range_s()[1]:.3f}",
            "format": "flame",
        },
    )
    assert int(view.data("samples")) == flame["samples"]
    view.search("^split$")
    view.browser.press("Enter")
    view.browser.wait("the process", lambda: view.focused().startswith("split,"))
    view.browser.script("document.getElementById('graph').focus()")
    view.browser.press("Down", "Down")
    pid = api.label[1] if api.label[0] == "pid" else None
    levels = [item.split(",")[0] for item in view.items()]
    assert levels[1] == levels[2] == "split", levels
    assert pid is None or levels[3] == pid, levels


def test_colours_have_a_legend(view, api, moments):
    opened(view, api, moments)
    seen = set()
    for mode in ("object", "kind", "package"):
        view.open(**{**view.state(), "color": mode})
        legend = view.browser.find("#legend").text()
        assert "%" in legend, legend
        seen.add(legend)
        if mode == "kind":
            assert "kernel" in legend and "inlined" in legend, legend
    assert len(seen) > 1


def test_callers_and_callees_of_a_function(view, api, moments):
    profile = opened(view, api, moments)
    view.point_of("spin_b")
    view.browser.script("document.getElementById('search').blur()")
    view.browser.press("s")
    view.browser.wait("the view", lambda: view.browser.find("#sandwich-view").shown())
    assert view.state()["fn"] == "spin_b" and view.state()["view"] == "sandwich"
    data = """const d = document.getElementById('sandwich-view').dataset;
        return [d.fn, +d.total, +d.self];"""
    view.browser.wait("its numbers", lambda: view.browser.script(data)[0] == "spin_b")
    name, total, own = view.browser.script(data)
    assert [own, total] == top_of(profile)["spin_b"], (name, total, own)
    callers = view.browser.script(
        "return [...document.querySelectorAll('#callers [role=treeitem]')].map(i => i.textContent)"
    )
    called_by = set()
    for stack in profile["stacks"]:
        names = [f["function"] for f in stack["frames"]]
        called_by |= {names[i + 1] for i, name in enumerate(names[:-1]) if name == "spin_b"}
    assert "burn" in called_by and len(called_by) < 8, called_by
    assert {c.rpartition(", ")[0] for c in callers} == called_by | {"spin_b"}, callers
    view.browser.script(
        "const f = document.getElementById('fn');"
        "f.value = 'main'; f.dispatchEvent(new Event('change'))"
    )
    view.browser.wait("main", lambda: view.browser.script(data)[0] == "main")
    assert view.browser.script(data)[1] == top_of(profile)["main"][1]
    view.browser.back()
    view.browser.wait("spin_b again", lambda: view.browser.script(data)[0] == "spin_b")


def test_the_call_tree_opens_by_keys(view, api, moments):
    profile = opened(view, api, moments, view="calls")
    rows = """return [...document.querySelectorAll('#calls tbody tr')]
        .map(r => [r.querySelector('.function').textContent, +r.dataset.total, +r.ariaLevel])"""
    first = view.browser.script(rows)
    assert first[0][1] == profile["samples"], first
    view.browser.script("document.querySelector('#calls [tabindex=\"0\"]').focus()")
    # In complete stacks and in incomplete ones: two calls of one function.
    wanted = top_of(profile)["spin_a"][1]
    closed = "return document.activeElement.getAttribute('aria-expanded') === 'false'"
    for _ in range(1000):
        found = [
            total for name, total, _ in view.browser.script(rows) if name.lstrip("▸▾") == "spin_a"
        ]
        if sum(found) == wanted:
            break
        # Right opens a call, and goes down where it is open.
        view.browser.press("Right" if view.browser.script(closed) else "Down")
    assert sum(found) == wanted, (found, wanted)
    view.browser.press("Home", "Left")
    assert len(view.browser.script(rows)) == 1


def test_pictures_hold_what_is_shown(view, api, moments):
    profile = opened(view, api, moments)
    view.browser.script("""window.saved = [];
        URL.createObjectURL = (blob) => { window.saved.push(blob); return 'data:,'; };
        HTMLAnchorElement.prototype.click = function () { saved.at(-1).file = this.download; };""")
    view.browser.find("#downloads summary").click()
    view.browser.find("#save-svg").click()
    view.browser.find("#save-png").click()
    view.browser.wait("both files", lambda: view.browser.script("return saved.length") == 2)
    svg = view.browser.script_async("saved[0].text().then(arguments[0])")
    root = xml.etree.ElementTree.fromstring(svg)
    titles = [t.text for t in root.iter(SVG + "title")]
    counts = [re.match(r"spin_a: ([\d,]+) samples, ", t) for t in titles]
    counts = [int(m.group(1).replace(",", "")) for m in counts if m]
    # Those of stacks that were cut can be too small to be drawn with their name.
    whole = top_of(profile)["spin_a"][1]
    assert 0.99 * whole <= sum(counts) <= whole, titles
    png = view.browser.script_async("""const done = arguments[0];
        createImageBitmap(saved[1]).then((b) => done([saved[1].file, b.width, b.height]));""")
    assert png[0] == "hearth.png" and png[1] > 300 and png[2] > 100, png
    view.open()


def not_told(api, view, text):
    """What a quality panel should say of now, and does not."""
    status = api.get("status")
    worst = sorted(
        (o for o in status["unwind"]["objects"] if o["incomplete"]),
        key=lambda o: -o["incomplete"],
    )
    # Of the whole host: its stacks one by one can be more than an answer may be.
    wanted = [r.replace("-", " ") for r in api.profile(view.range_s(), "flame")["incomplete"]]
    if worst:
        reason = max(worst[0]["reasons"], key=worst[0]["reasons"].get)
        wanted += [worst[0]["object"].rsplit("/", 1)[-1][:30], status["reasons"][reason]]
    return [words for words in wanted if words not in text]


def test_quality_panel_says_what_is_missing_and_why(view, api, moments):
    # The daemon's counters go on: another object may become the worst between two answers.
    for _ in range(10):
        view.open(**{"from": f"{moments[0]:.3f}", "until": f"{moments[1]:.3f}"})
        view.browser.find("#quality summary").click()
        view.browser.wait(
            "the daemon's part", lambda: "running for" in view.browser.find("#daemon").text()
        )
        missing = not_told(api, view, view.browser.find("#quality .panel").text())
        if not missing:
            break
    assert not missing, missing
    view.browser.press("Escape")


def test_what_was_typed_is_one_step_of_the_way_back(view, api, moments):
    """It is written later than it is shown, yet before the step that follows it at once."""
    opened(view, api, moments)
    before, after = view.browser.script(
        """const box = document.getElementById('search');
        const type = (text) => {
            box.value = text;
            box.dispatchEvent(new Event('input'));
        };
        type('spin_');
        type('spin_b');
        const before = location.search;
        document.getElementById('invert').click();
        return [before, location.search]"""
    )
    assert "search" not in before, before
    assert "search=spin_b" in after and "invert=1" in after, after
    view.browser.script("history.back()")
    view.browser.wait("the step back", lambda: "invert" not in view.state())
    assert view.state().get("search") == "spin_b", view.state()
    view.settle()
    assert view.browser.find("#search").property("value") == "spin_b"
    # What is typed and left at once by going back is not written over the step before.
    view.browser.script(
        """const box = document.getElementById('search');
        document.getElementById('flip').click();
        box.value = 'spin_c';
        box.dispatchEvent(new Event('input'));
        history.back()"""
    )
    view.browser.wait("the step back", lambda: "flip" not in view.state())
    time.sleep(ADDRESS_S)
    assert view.state().get("search") == "spin_b", view.state()
