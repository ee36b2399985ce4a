"""Code and what it cost, by real clicks and keys: the lines of a source file. Run by run_viewer.py,
like test_viewer.py.
"""

ROWS = """return [...document.querySelectorAll('#code tbody tr')]
    .map(r => [+r.dataset.at, +r.dataset.self, +r.dataset.total,
               r.querySelector('code').textContent])"""


def opened(page, moments, api, **state):
    page.open(
        **{"from": f"{moments[0]:.3f}", "until": f"{moments[1]:.3f}", "match": api.split, **state}
    )


def rows(view):
    return {at: (own, total, text) for at, own, total, text in view.browser.script(ROWS)}


def wait_for_rows(view):
    view.browser.wait("the lines", lambda: view.browser.script(ROWS))
    view.settle()


def line_costs(profile, file):
    """{line: [self, total]} of an export, a line once a stack."""
    costs = {}
    for stack in profile["stacks"]:
        lines = [f["line"] for f in stack["frames"] if f["file"] == file]
        if stack["frames"] and stack["frames"][0]["file"] == file:
            costs.setdefault(stack["frames"][0]["line"], [0, 0])[0] += stack["count"]
        for line in set(lines):
            costs.setdefault(line, [0, 0])[1] += stack["count"]
    return costs


def lines_of(profile, name):
    return {
        f["line"] for s in profile["stacks"] for f in s["frames"] if f["function"] == name
    }


def test_source_lines_have_what_they_cost(view, api, moments):
    opened(view, moments, api)
    view.point_of("spin_a")
    view.browser.find("#details-source").click()
    wait_for_rows(view)
    file = view.state()["src"]
    assert view.state()["fn"] == "spin_a"
    assert file.endswith("/split.c") and view.state()["view"] == "source", view.state()
    profile = api.export(view.range_s(), api.split) or api.profile(
        view.range_s(), "json", api.split
    )
    shown = rows(view)
    wanted = line_costs(profile, file)
    assert sum(own for own, _ in wanted.values()) > 0.9 * profile["samples"], wanted
    for at, (own, total, _) in shown.items():
        assert [own, total] == wanted.get(at, [0, 0]), (at, own, total, wanted.get(at))
    hottest = max(shown, key=lambda at: shown[at][0])
    assert "x >> 29" in shown[hottest][2] or "for (" in shown[hottest][2], shown[hottest]
    # The function's own line that ran most is on the screen and marked.
    at = view.browser.script("""const r = document.querySelector('#code [aria-current]');
        const box = r.getBoundingClientRect(), room = r.closest('.table-scroll')
            .getBoundingClientRect();
        return box.top >= room.top && box.bottom <= room.bottom && +r.dataset.at""")
    assert at in lines_of(profile, "spin_a"), (at, lines_of(profile, "spin_a"))
    view.browser.find("#code-hottest").click()
    assert (
        view.browser.script("return +document.querySelector('#code [aria-current]').dataset.at")
        == hottest
    )


def test_source_by_keys_and_by_the_table(view, api, moments):
    opened(view, moments, api)
    view.point_of("spin_b")
    view.browser.script("document.getElementById('search').blur()")
    view.browser.press("e")
    wait_for_rows(view)
    assert view.browser.find("#source-view").shown()
    view.browser.press("1")
    view.browser.wait("the graph", lambda: view.browser.find("#graph-view").shown())
    view.browser.press("6")
    view.browser.wait("the source", lambda: view.browser.find("#source-view").shown())
    view.browser.press("2")
    view.browser.wait("the table", lambda: view.browser.find("#table-view").shown())
    view.browser.script("""[...document.querySelectorAll('#functions tbody tr')]
        .find(r => r.querySelector('button').textContent === 'main')
        .querySelector('.source button').click()""")
    wait_for_rows(view)
    assert view.state()["fn"] == "main" and view.state()["src"].endswith("/split.c")
    view.browser.back()
    view.browser.wait("the table again", lambda: view.browser.find("#table-view").shown())


def test_a_file_that_is_not_there_says_so(view, api, moments):
    for path in ("/etc/shadow", "/nowhere/../../etc/passwd", "<img src=x onerror=alert(1)>.c"):
        opened(view, moments, api, view="source", src=path)
        note = view.browser.find("#code-note").text()
        assert "is not below any of the source directories" in note, note
        assert not rows(view)


test_a_file_that_is_not_there_says_so.refused = 404
