"""Code and what it cost, by real clicks and keys: the lines of a source file, the instructions of a
function. Run by run_viewer.py, like test_viewer.py.
"""

import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse

import host

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
    assert view.browser.find("#code-view").shown()
    view.browser.press("1")
    view.browser.wait("the graph", lambda: view.browser.find("#graph-view").shown())
    view.browser.press("6")
    view.browser.wait("the source", lambda: view.browser.find("#code-view").shown())
    view.browser.press("2")
    view.browser.wait("the table", lambda: view.browser.find("#table-view").shown())
    view.browser.script("""[...document.querySelectorAll('#functions tbody tr')]
        .find(r => r.querySelector('button').textContent === 'main')
        .querySelector('.source button').click()""")
    wait_for_rows(view)
    assert view.state()["fn"] == "main" and view.state()["src"].endswith("/split.c")
    view.browser.back()
    view.browser.wait("the table again", lambda: view.browser.find("#table-view").shown())


def test_kernel_functions_say_why_they_have_no_code(view, api, moments):
    state = {"from": f"{moments[0]:.3f}", "until": f"{moments[1]:.3f}"}
    view.open(**state)
    flame = api.profile(view.range_s(), "flame")
    frames, kernel = flame["frames"], flame["kinds"].index("kernel")
    names = (
        flame["strings"][frames["name"][f]] for f in flame["frame"] if frames["kind"][f] == kernel
    )
    name = next(name for name in names if name.isidentifier())
    view.point_of(name)
    view.browser.find("#details-asm").click()
    view.browser.wait("the view", lambda: view.browser.find("#code-view").shown())
    assert "no file that everyone may read" in view.browser.find("#code-note").text()
    assert not view.browser.find("#code").shown()
    view.browser.find("#source-tab").click()
    note = view.browser.find("#code-note")
    view.browser.wait("the reason", lambda: "no files and lines" in note.text())
    view.open(**view.state())
    assert "no files and lines" in view.browser.find("#code-note").text()
    view.browser.press("1")
    view.browser.wait("the graph", lambda: view.browser.find("#graph-view").shown())


def test_a_file_that_is_not_there_says_so(view, api, moments):
    for path in ("/etc/shadow", "/nowhere/../../etc/passwd", "<img src=x onerror=alert(1)>.c"):
        opened(view, moments, api, view="source", src=path)
        note = view.browser.find("#code-note").text()
        assert "is not below any of the source directories" in note, note
        assert not rows(view)


test_a_file_that_is_not_there_says_so.refused = 404


def addresses_of(path, function):
    """The instructions' addresses, as objdump has them."""
    listing = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", f"--disassemble={function}", path],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    lines = listing.partition(f"<{function}>:\n")[2].split("\n\n")[0].splitlines()
    return [int(line.split(":")[0], 16) for line in lines if ":\t" in line]


def test_instructions_have_what_they_cost(view, api, moments):
    opened(view, moments, api)
    view.point_of("spin_c")
    view.browser.find("#details-asm").click()
    wait_for_rows(view)
    state = view.state()
    assert state["view"] == "asm" and state["fn"] == "spin_c", state
    profile = api.export(view.range_s(), api.split) or api.profile(
        view.range_s(), "json", api.split
    )
    shown = rows(view)
    # Its .text lies in the file where it lies in memory, so offsets are addresses.
    assert list(shown) == addresses_of(host.program("split"), "spin_c"), shown
    wanted = {}
    for stack in profile["stacks"]:
        leaf = stack["frames"][0] if stack["frames"] else None
        if leaf and leaf["object"] == state["obj"] and int(leaf["offset"]) in shown:
            at = int(leaf["offset"])
            wanted[at] = wanted.get(at, 0) + stack["count"]
    assert sum(wanted.values()) > 0.15 * profile["samples"], wanted
    assert {at: own for at, (own, _, _) in shown.items() if own} == wanted
    assert any("imul" in text for _, _, text in shown.values())
    view.browser.back()
    view.browser.wait("the graph", lambda: view.browser.find("#graph-view").shown())
    view.point_of("spin_a")
    view.browser.script("document.getElementById('search').blur()")
    view.browser.press("a")
    view.browser.wait("spin_a", lambda: view.state().get("fn") == "spin_a")
    wait_for_rows(view)
    assert list(rows(view)) == addresses_of(host.program("split"), "spin_a")


def refusal(api, path, since):
    """What the API says of spin_a in the program at path, which ran just now."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            api.get(
                "disassembly",
                **{"from": f"{since:.3f}", "object": path, "function": "spin_a"},
            )
            return ""
        except urllib.error.HTTPError as e:
            message = json.load(e)["error"]["message"]
            # 503: a worker was not started and the file not read in time, on a busy machine.
            if e.code != 503 and "ran here" not in message:
                return message
        time.sleep(0.2)
    return message


def test_code_is_read_only_where_everyone_may(_view, api, _moments):
    """The collector could read all: it opens with nobody's rights what the page asks for."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        program = os.path.join(folder, "spinner")
        shutil.copy(host.program("split"), program)
        since = time.time()
        subprocess.run([program, "0.5"], stdout=subprocess.DEVNULL, check=True)
        said = refusal(api, program, since)
        assert said == "", said
        os.chmod(program, 0o711)
        assert "no regular file that everyone may read" in refusal(api, program, since)
        os.chmod(folder, 0o700)
        os.chmod(program, 0o755)
        assert "no regular file that everyone may read" in refusal(api, program, since)
        os.chmod(folder, 0o755)
        shutil.copy(host.program("deep"), program + ".new")
        os.rename(program + ".new", program)
        assert "Another file has taken its place" in refusal(api, program, since)
        os.unlink(program)
        os.mkfifo(program)
        assert "no regular file" in refusal(api, program, since)
        os.unlink(program)
        assert "not there any more" in refusal(api, program, since)
