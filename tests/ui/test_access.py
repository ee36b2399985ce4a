"""The viewer for everybody: what axe finds (npm axe-core), widths of a phone and of 400 %,
contrast, and that each key of the sheet does something. Run by run_viewer.py, like
test_viewer.py.
"""

import os
import tempfile

import host
import npm

AXE = "4.14.1"
STATES = (
    {},
    {"theme": "dark"},
    {"view": "table"},
    {"view": "sandwich", "theme": "dark"},
    {"view": "calls"},
    {"time": "heat"},
    {"time": "lanes", "theme": "dark"},
    {"base": "prev"},
    {"base": "prev", "view": "changes", "theme": "dark"},
    {"base": "prev", "sides": "1"},
    {"search": "spin_", "invert": "1"},
    {"view": "source", "src": "/split.c", "fn": "spin_a"},
    {"view": "asm", "obj": host.program("split"), "fn": "spin_a", "theme": "dark"},
)


def axe_source():
    with tempfile.TemporaryDirectory() as folder:
        package = npm.fetch(folder, "axe-core", AXE)
        with open(os.path.join(package, "axe.min.js"), encoding="utf-8") as file:
            return file.read()


def violations(view, source):
    """What axe finds on the page, as sentences."""
    view.browser.script(source + ";window.axe = axe;")
    return view.browser.script_async("""const done = arguments[0];
        axe.run({resultTypes: ['violations']}).then((r) => done(r.violations.map((v) =>
            `${v.id}: ${v.nodes.map((n) => n.target + ' ' + n.failureSummary).join()}`)));
        """)


def phone(view, width=390, scale=2):
    view.browser.devtools(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 844, "deviceScaleFactor": scale, "mobile": True},
    )


def test_axe_finds_nothing(view, api, moments):
    source = axe_source()
    found = []
    for state in STATES:
        view.open(
            **{
                "from": f"{moments[0]:.3f}",
                "until": f"{moments[1]:.3f}",
                "match": api.split,
                **state,
            }
        )
        found += [f"{state} {v}" for v in violations(view, source)]
    for menu in ("#look", "#compare", "#downloads", "#quality"):
        view.browser.find(menu + " summary").click()
        found += [f"{menu} {v}" for v in violations(view, source)]
        view.browser.press("Escape")
    view.browser.press("?")
    found += [f"help {v}" for v in violations(view, source)]
    view.browser.press("Escape")
    phone(view)
    view.open()
    found += [f"phone {v}" for v in violations(view, source)]
    view.browser.devtools("Emulation.clearDeviceMetricsOverride", {})
    assert not found, "\n".join(found)


def test_narrow_pages_need_no_sideways_scrolling(view, _api, moments):
    """A phone, and 1280 px at 400 %, which is 320."""
    for width in (390, 320):
        phone(view, width)
        for state in ({}, {"base": "prev", "sides": "1"}, {"view": "table"}, {"time": "heat"}):
            view.open(**{"from": f"{moments[0]:.3f}", "until": f"{moments[1]:.3f}", **state})
            wide = view.browser.script("return document.documentElement.scrollWidth")
            assert wide <= width, f"{state}: {wide} px at {width}"
    view.browser.devtools("Emulation.clearDeviceMetricsOverride", {})


def test_a_phone_has_its_head_in_one_row(view, _api, moments):
    phone(view)
    view.open(**{"from": f"{moments[0]:.3f}", "until": f"{moments[1]:.3f}"})
    tops = view.browser.script(
        """return [...document.querySelectorAll('.tools > button, .tools > details')]
        .map((e) => e.getBoundingClientRect().top)"""
    )
    view.browser.devtools("Emulation.clearDeviceMetricsOverride", {})
    assert len(set(tops)) == 1, tops


def test_every_key_of_the_sheet_is_somebodys(view, api, moments):
    view.open(
        **{
            "from": f"{moments[0]:.3f}",
            "until": f"{moments[1]:.3f}",
            "match": api.split,
            "base": "prev",
        }
    )
    view.browser.press("?")
    sheet = view.browser.find("#help").text()
    view.browser.press("Escape")
    wanted = {
        "2": {"view": "table"},
        "3": {"view": "sandwich"},
        "4": {"view": "calls"},
        "5": {"view": "changes"},
        "1": {},
        "v": {"invert": "1"},
        "r": {"merge": "1"},
        "k": {"kernel": "1"},
        "b": {"lib": "1"},
        "i": {"flip": "1"},
        "h": {"time": "heat"},
        "g": {"time": "lanes"},
        "u": {"utc": "1"},
        "l": {"live": "1"},
    }
    assert all(key in sheet.split() for key in wanted if key.isalpha()), sheet
    before = view.state()
    for key, state in wanted.items():
        view.browser.press(key)
        view.settle()
        view.browser.wait(
            f"{key} in the address",
            lambda state=state: state.items() <= view.state().items() - before.items(),
        )
        if key in "vrkbiul":
            view.browser.press(key)
            view.settle()
    view.browser.press("c")
    assert view.browser.script("return document.getElementById('compare').open")
    view.browser.press("Escape", "/")
    assert view.browser.script("return document.activeElement.id") == "search"


def test_forced_contrast_keeps_borders_and_text(view, _api, moments):
    view.browser.devtools(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-contrast", "value": "more"}]},
    )
    view.open(**{"from": f"{moments[0]:.3f}", "until": f"{moments[1]:.3f}"})
    more = view.browser.script("return getComputedStyle(document.querySelector('.quiet')).color")
    view.browser.devtools("Emulation.setEmulatedMedia", {"features": []})
    less = view.browser.script("return getComputedStyle(document.querySelector('.quiet')).color")
    assert more != less, more
