#!/usr/bin/env python3
"""Files of Hearth opened by what users open them with: speedscope, and a browser alone.

One recording of a program whose CPU split is known, and one of a program with hostile names. Exit
77: no browser, or no sampling on this machine.
"""

import glob
import json
import os
import re
import sys
import tempfile
import time
import unittest
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "integration")]
import host  # noqa: E402
import npm  # noqa: E402
import speedscope  # noqa: E402
from test_viewer import SHARES, top_of  # noqa: E402
from webdriver import Browser, skip_without_browser  # noqa: E402

HZ = 499
SECONDS = 2
STRANGE = "<img src=x onerror=alert(1)>"


class Documents(unittest.TestCase):
    """One store, exported in every format."""

    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.folder = cls.temporary.name
        store = os.path.join(cls.folder, "s", "hearth.db")
        served = host.Daemon(store, "-F", str(HZ))
        try:
            with host.load(host.program("split"), str(SECONDS)) as split:
                with host.load(host.program("hostile"), "0.3") as hostile:
                    hostile.wait(60)
                    split.wait(60)
        finally:
            served.stop()
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.close)
        selector = f'{{pid=~"{split.pid}|{hostile.pid}"}}'
        endings = ("speedscope.json", "pb.gz", "folded", "html", "json")
        cls.files = {}
        for ending in endings:
            file = cls.files[ending] = os.path.join(cls.folder, "profile." + ending)
            host.run("export", "--store", store, "--match", selector, "-o", file)
        with open(cls.files["json"], encoding="utf-8") as opened:
            cls.profile = json.load(opened)

    def tearDown(self):
        self.browser.open("about:blank")
        self.browser.console()
        self.browser.requests()

    def data(self, name):
        return self.browser.script(
            "return document.documentElement.dataset[arguments[0]] ?? ''", name
        )


class Speedscope(Documents):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        try:
            cls.release = speedscope.fetch(cls.folder)
        except npm.NoPackage as reason:
            if os.environ.get("CI") == "true":
                raise
            raise unittest.SkipTest(str(reason)) from None
        for file in cls.files.values():
            os.link(file, os.path.join(cls.release, os.path.basename(file)))
        cls.server = speedscope.Server(cls.release)
        cls.server.__enter__()
        cls.addClassCleanup(cls.server.__exit__)

    def test_our_files_are_what_its_schema_says(self):
        with open(self.files["speedscope.json"], encoding="utf-8") as file:
            document = json.load(file)
        schema = speedscope.read_schema(self.release)
        speedscope.validate(document, schema)
        n_frames = len(document["shared"]["frames"])
        for profile in document["profiles"]:
            self.assertTrue(all(0 <= f < n_frames for s in profile["samples"] for f in s))
        document["profiles"][0]["unit"] = "fortnights"
        with self.assertRaises(speedscope.Invalid):
            speedscope.validate(document, schema)

    def names_shown(self, ending, view="sandwich"):
        """The text of its page: its sandwich view has a table of the functions."""
        self.browser.open("about:blank")
        self.browser.open(self.server.page_of("profile." + ending, view))
        self.browser.wait(
            "a table of functions",
            lambda: self.browser.script("return document.querySelectorAll('table tr').length > 3"),
        )
        return self.browser.script("return document.body.innerText")

    def assert_names_are_shown(self, ending, names):
        text = self.names_shown(ending)
        for name in names:
            self.assertIn(name, text, ending)
        # It warns of the graphics of a machine without a screen.
        console = [entry for entry in self.browser.console() if entry["level"] == "SEVERE"]
        self.assertEqual(console, [])
        return text

    def test_it_opens_our_json(self):
        # Of ten threads it shows the first, and of that one function has samples of its own.
        self.assert_names_are_shown("speedscope.json", ["churn"])

    def test_it_opens_our_pprof(self):
        # It shows all threads in one, and of a location with inlined functions the outermost.
        text = self.assert_names_are_shown("pb.gz", SHARES)
        top = top_of(self.profile)
        for name in SHARES:
            shown = re.search(rf"\(([\d.]+)%\)\s+\S+ \([\d.]+%\)\s+{name}\n", text)
            share = 100.0 * top[name][1] / self.profile["samples"]
            self.assertAlmostEqual(float(shown.group(1)), share, delta=0.6, msg=name)

    def test_the_page_opens_a_range_there(self):
        """A click: it asks the daemon itself, which lets no other page read, and it no more."""
        begun = time.time()
        with host.daemon("--speedscope", self.server.base + "index.html") as served:
            with host.load(host.program("split"), "1") as split:
                split.wait(60)
            host.wait_until(lambda: served.json("/api/v1/profile")["samples"] > 50, 10, "samples")
            self.browser.open(f"{served.address}?from={begun:.3f}&until={time.time():.3f}")
            self.browser.wait(
                "the page",
                lambda: self.browser.script("return document.documentElement.dataset.ready") == "1",
                60,
            )
            self.browser.find("#downloads summary").click()
            self.browser.find("#open-speedscope").click()
            here, there = self.browser.command("GET", "/window/handles")
            self.browser.command("POST", "/window", {"handle": there})
            self.browser.wait(
                "the profile there",
                lambda: "(pid" in self.browser.script("return document.body.innerText"),
                30,
            )
            self.browser.command("DELETE", "/window")
            self.browser.command("POST", "/window", {"handle": here})
            with urllib.request.urlopen(
                served.address + "api/v1/profile?format=speedscope"
            ) as answer:
                origin = answer.headers["Access-Control-Allow-Origin"]
            self.assertEqual(origin, self.server.base.rstrip("/"))
            with urllib.request.urlopen(served.address + "api/v1/profile?format=json") as answer:
                self.assertIsNone(answer.headers["Access-Control-Allow-Origin"])

    def test_where_a_token_is_needed_the_file_is_saved_for_it(self):
        """It has no token, and none is given to it: the click saves, and opens it empty."""
        folder = os.path.join(self.folder, "saved")
        token = os.path.join(self.folder, "token")
        os.mkdir(folder)
        with open(token, "w", opener=lambda p, f: os.open(p, f, 0o600), encoding="ascii") as file:
            file.write("secret\n")
        page = self.server.base + "index.html"
        allow = {"behavior": "allow", "downloadPath": folder}
        with host.daemon("--token-file", token, "--speedscope", page) as served:
            self.browser.devtools("Browser.setDownloadBehavior", allow)
            # As who has typed the password once.
            self.browser.open(served.address.replace("//", "//x:secret@") + "healthz")
            self.browser.open(served.address + "?from=-5m")
            self.browser.wait("the page", lambda: self.data("ready") == "1")
            self.browser.find("#downloads summary").click()
            link = self.browser.find("#open-speedscope")
            self.browser.wait("the link", link.shown)
            self.assertIn("drop it there", link.text())
            link.click()
            saved = os.path.join(folder, "hearth-*.speedscope.json")
            self.browser.wait("the file", lambda: glob.glob(saved))
            here, there = self.browser.command("GET", "/window/handles")
            self.browser.command("POST", "/window", {"handle": there})
            self.assertEqual(self.browser.url(), page)
            self.browser.command("DELETE", "/window")
            self.browser.command("POST", "/window", {"handle": here})

    def test_it_opens_our_folded_text(self):
        text = self.assert_names_are_shown("folded", ["churn_[i]", STRANGE])
        self.assertIn("f:g_12", text)


# Before the page's own script: each place where the graph was, with and without the page's head.
PLACES_OF_GRAPH = """
window.places = [];
const look = () => {
    const { top, height } = document.getElementById('graph')?.getBoundingClientRect() ?? {};
    const place = [top, height, Boolean(document.getElementById('top'))];
    if (height && places.at(-1)?.join() !== place.join()) places.push(place);
    requestAnimationFrame(look);
};
look();
"""


class Report(Documents):
    def open(self):
        self.browser.open("file://" + self.files["html"])
        self.browser.wait(
            "the report to be ready",
            lambda: self.data("ready") == "1",
        )

    def search(self, text):
        box = self.browser.find("#search")
        box.clear()
        box.type(text)
        return float(self.data("matched"))

    def test_one_file_opens_alone_and_has_the_right_numbers(self):
        self.open()
        self.assertEqual(int(self.data("samples")), self.profile["samples"])
        top = top_of(self.profile)
        for name in SHARES:
            share = 100.0 * top[name][1] / self.profile["samples"]
            self.assertAlmostEqual(self.search(f"^{name}$"), share, places=6)
        self.assertEqual(self.browser.console(), [])
        own = ("data:", "blob:", "file://" + self.files["html"])
        asked = [url for url in self.browser.requests() if not url.startswith(own)]
        self.assertEqual(asked, [])

    def embedded(self, name):
        with open(self.files["html"], encoding="utf-8") as file:
            found = re.search(rf'id="hearth-{name}">(.*?)</script>', file.read())
        return json.loads(found.group(1))

    def test_the_graph_is_first_and_stays_where_it_is(self):
        self.browser.devtools("Page.enable", {})
        added = self.browser.devtools(
            "Page.addScriptToEvaluateOnNewDocument", {"source": PLACES_OF_GRAPH}
        )
        self.open()
        self.browser.devtools("Page.removeScriptToEvaluateOnNewDocument", added)
        places = self.browser.script("return places")
        self.assertEqual([head for _, _, head in places], [False, True])
        self.assertEqual(places[0][:2], places[1][:2])

    def test_it_has_the_time_and_the_heat_map(self):
        self.assertEqual(sum(self.embedded("heatmap")["values"]), self.profile["samples"])
        used = sum(sum(line["values"]) for line in self.embedded("series")["series"])
        self.assertEqual(used, self.profile["cpu_ns"])
        self.open()
        self.assertTrue(self.browser.find("#timeline").rect()["height"] > 20)
        self.browser.find("#report-time [data-time=heat]").click()
        self.assertTrue(self.browser.find("#heatmap").rect()["height"] > 20)

    def test_it_says_that_code_is_the_daemons(self):
        self.open()
        self.search("^spin_a$")
        self.browser.press("Enter")
        for button in ("#details-source", "#details-asm"):
            self.browser.wait("a function", self.browser.find(button).shown)
            self.browser.find(button).click()
            self.assertIn("read by the daemon", self.browser.find("#code-note").text())
            self.assertFalse(self.browser.find("#code").shown())
            self.browser.script("document.activeElement.blur()")
            self.browser.press("1")

    def test_hostile_names_stay_text(self):
        self.open()
        self.assertGreater(self.search("onerror"), 0)
        count = "return document.querySelectorAll('img, b, iframe').length"
        self.assertEqual(self.browser.script(count), 0)
        self.browser.find("[data-view=table]").click()
        text = self.browser.script("return document.getElementById('functions').innerText")
        self.assertIn(STRANGE, text)
        self.assertEqual(self.browser.script(count), 0)
        self.assertEqual(self.browser.console(), [])


if __name__ == "__main__":
    skip_without_browser()
    host.main()
