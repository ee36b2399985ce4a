"""Time in the viewer, by real clicks and keys: the heat map, the lanes of threads, labels, live.
Run by run_viewer.py, like test_viewer.py.
"""


def opened(page, moments, **state):
    page.open(**{"from": f"{moments[0]:.3f}", "until": f"{moments[1]:.3f}", **state})


def cell_point(view, window, second, slot):
    """Where the cell of a second and a slot is on the screen: the axis begins at 44 px."""
    box = view.rect("#heatmap")
    x = box["x"] + 44 + (second + 0.5 - window[0]) / (window[1] - window[0]) * (box["width"] - 56)
    y = box["y"] + 10 + (1 - (slot + 0.5) / 50) * (box["height"] - 14)
    return x, y


def heat_of(api, window, match=""):
    answer = api.get(
        "heatmap", **{"from": f"{window[0]:.3f}", "until": f"{window[1]:.3f}", "match": match}
    )
    return answer["start_ns"] // 10**9, answer["values"]


def test_heat_map_has_every_sample_and_selects_cells(view, api, moments):
    start = int(moments[0]) + 2
    window = (start, start + 8)
    view.open(**{"from": str(window[0]), "until": str(window[1])})
    view.browser.find("[data-time=heat]").click()
    view.browser.wait("the heat map", lambda: view.browser.find("#heatmap").shown())
    view.settle()
    first, values = heat_of(api, window)
    assert int(view.data("heatSamples")) == sum(values) > 0
    x1, y1 = cell_point(view, window, start + 1, 10)
    x2, y2 = cell_point(view, window, start + 1, 24)
    view.browser.drag(x1, y1, x2, y2)
    view.browser.wait("cells within a second selected", lambda: "sel" in view.state())
    view.settle()
    assert view.range_s() == (start + 1.2, start + 1.5), view.range_s()
    at = (start + 1 - first) * 50
    assert int(view.data("samples")) == sum(values[at + 10 : at + 25])
    x2, y2 = cell_point(view, window, start + 3, 5)
    view.browser.drag(x1, y1, x2, y2)
    view.browser.wait("cells across seconds", lambda: view.range_s()[1] == start + 3.12)
    view.settle()
    assert int(view.data("samples")) == sum(values[at + 10 : at + 106])
    view.browser.click_at(x1, y1)
    view.browser.wait("one cell", lambda: view.range_s() == (start + 1.2, start + 1.22))
    view.settle()
    assert int(view.data("samples")) == values[at + 10]
    view.browser.script("document.getElementById('heatmap').focus()")
    view.browser.press("Right", "Up", "Up", "Enter")
    view.browser.wait(
        "a cell by keys",
        lambda: view.range_s() == (start + 0.04, start + 0.06)
        or view.range_s() == (start + 1.04, start + 1.06),
    )
    said = view.browser.find("#heat-cell").property("textContent")
    assert "samples" in said, said


def test_heat_map_says_when_the_window_is_too_long(view, _api, moments):
    view.open(**{"from": f"{moments[1] - 86400:.3f}", "until": f"{moments[1]:.3f}", "time": "heat"})
    assert "two hours" in view.browser.find("#time-note").text()


def test_lanes_are_the_threads(view, api, moments):
    opened(view, moments, match=api.split)
    view.browser.script("document.activeElement.blur()")
    view.browser.press("g")
    view.browser.wait("the lanes", lambda: view.browser.find("#lanes").shown())
    view.settle()
    assert int(view.data("laneSamples")) == int(view.data("samples"))
    assert view.data("lanes") == "1", view.data("lanes")
    assert "churn" in view.browser.find("#lanes-legend").text()
    box = view.rect("#lanes")
    view.browser.pointer(
        ("move", box["x"] + 300, box["y"] + 8), ("move", box["x"] + 302, box["y"] + 9)
    )
    view.browser.wait("the tooltip", lambda: view.browser.find("#tooltip").shown())
    assert "split" in view.browser.find("#tooltip").text()
    view.browser.click_at(box["x"] + 302, box["y"] + 9)
    view.browser.wait("that thread alone", lambda: "tid=" in view.state()["match"])


def test_timeline_is_stacked_by_any_label(view, api, moments):
    opened(view, moments)
    view.browser.wait(
        "the label uid",
        lambda: view.browser.script("""const s = document.getElementById('tby');
            s.value = 'pid';
            s.dispatchEvent(new Event('change'));
            return s.value === 'pid';"""),
    )
    view.browser.wait("the label in the address", lambda: view.state().get("tby") == "pid")
    view.settle()
    legend = view.browser.find("#timeline-legend").text()
    series = api.get(
        "series", **{"from": str(moments[0]), "until": str(moments[1]), "step": "1s", "by": "pid"}
    )
    assert series["series"][0]["labels"]["pid"] in legend, legend


def test_wheel_zooms_down_to_a_second(view, _api, moments):
    opened(view, moments)
    box = view.rect("#timeline")
    for _ in range(30):
        view.browser.wheel(box["x"] + box["width"] / 2, box["y"] + 50, 0, -240)
    view.browser.wait(
        "the window in the address", lambda: view.state()["from"] != f"{moments[0]:.3f}"
    )
    view.settle()
    start, end = view.range_s()
    assert 0.99 <= end - start <= 1.01, (start, end)
    for _ in range(60):
        view.browser.wheel(box["x"] + box["width"] / 2, box["y"] + 50, 0, 240)
    view.browser.wait(
        "a month", lambda: float(view.state()["until"]) - float(view.state()["from"]) > 30 * 86400
    )
    view.settle()


def test_live_follows_pauses_and_stays(view, _api, _moments):
    view.open(**{"from": "-5m"})
    view.browser.find("#live").click()
    view.browser.wait("live", lambda: view.state().get("live") == "1")
    view.settle()
    first = view.range_s()
    view.browser.wait("a later window", lambda: view.range_s()[1] > first[1] + 2, 20)
    view.browser.find("#live").click()
    view.browser.wait("a pause", lambda: "live" not in view.state())
    view.settle()
    paused = view.range_s()
    assert abs(paused[1] - paused[0] - 300) < 0.1, paused
    view.browser.script_async("setTimeout(arguments[0], 4000)")
    assert view.range_s() == paused
    box = view.rect("#timeline")
    view.browser.drag(box["x"] + 300, box["y"] + 40, box["x"] + 400, box["y"] + 40)
    view.browser.wait("a range of the past", lambda: "sel" in view.state())
