"""A small client of the W3C WebDriver protocol, on the standard library alone.

It starts chromedriver with a headless Chromium and a profile folder of its own, and speaks just
what the viewer's tests need: pages, scripts, elements, pointers, keys, the console and the network
log. https://www.w3.org/TR/webdriver2/
"""

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {
    "Enter": "\ue007",
    "Escape": "\ue00c",
    "End": "\ue010",
    "Home": "\ue011",
    "Shift": "\ue008",
    "Left": "\ue012",
    "Up": "\ue013",
    "Right": "\ue014",
    "Down": "\ue015",
}
ANSWER_S = 120  # one command: a page with a million nodes on a busy machine
START_S = 30


class WebDriverError(Exception):
    """An error answer of the driver: its code and its words."""


def find_browser():
    """(chromedriver, chromium) as paths, None for what is not installed."""
    browser = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    return shutil.which("chromedriver"), browser


def skip_without_browser():
    """Ends the program with 77 where there is no browser; where CI=true that is a failure."""
    names = ("chromium-driver", "chromium")
    missing = [name for name, path in zip(names, find_browser()) if not path]
    if missing:
        print(f"SKIP: not installed: {' '.join(missing)}")
        sys.exit(1 if os.environ.get("CI") == "true" else 77)


class Element:
    def __init__(self, browser, reference):
        self.browser = browser
        self.reference = reference

    def _command(self, method, path, body=None):
        return self.browser.command(method, f"/element/{self.reference}{path}", body)

    def click(self):
        self._command("POST", "/click", {})

    def text(self):
        return self._command("GET", "/text")

    def type(self, text):
        self._command("POST", "/value", {"text": text})

    def clear(self):
        self._command("POST", "/clear", {})

    def property(self, name):
        return self._command("GET", f"/property/{name}")

    def attribute(self, name):
        return self._command("GET", f"/attribute/{name}")

    def shown(self):
        return self._command("GET", "/displayed")

    def rect(self):
        return self._command("GET", "/rect")


class Browser:
    """A headless Chromium; use with `with`. log: what its pages say and ask for is kept."""

    def __init__(self, width=1400, height=900, dark=False, log=True):
        driver, chromium = find_browser()
        self.folder = tempfile.mkdtemp(prefix="hearth-browser-")
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        self.base = f"http://127.0.0.1:{port}"
        self.session = None
        self.process = subprocess.Popen(
            [driver, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            self._wait_for_driver()
            self._open_session(chromium, width, height, dark, log)
        except BaseException:
            self.close()
            raise

    def _wait_for_driver(self):
        end = time.monotonic() + START_S
        while True:
            try:
                if self._request("GET", "/status")["ready"]:
                    return
            except OSError:
                pass
            if time.monotonic() > end:
                raise WebDriverError("chromedriver does not start")
            time.sleep(0.05)

    def _open_session(self, chromium, width, height, dark, log):
        arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--enable-precise-memory-info",
            f"--user-data-dir={self.folder}",
            f"--window-size={width},{height}",
        ]
        if dark:
            arguments.append("--force-dark-mode")
        capabilities = {
            "browserName": "chrome",
            "timeouts": {"script": ANSWER_S * 1000},
            "goog:chromeOptions": {"binary": chromium, "args": arguments},
        }
        if log:
            capabilities["goog:loggingPrefs"] = {"browser": "ALL", "performance": "ALL"}
        self.session = self._request(
            "POST", "/session", {"capabilities": {"alwaysMatch": capabilities}}
        )["sessionId"]
        self.open("about:blank")
        if log:
            self.console()
            self.requests()  # those of the browser's own first page

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.session:
            try:
                self._request("DELETE", f"/session/{self.session}")
            except (OSError, WebDriverError):
                pass
            self.session = None
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _request(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.base + path, data=data, method=method, headers={"Content-Type": "application/json"}
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=ANSWER_S) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as e:
            value = json.load(e)["value"]
            raise WebDriverError(f"{value['error']}: {value['message'].splitlines()[0]}") from None

    def command(self, method, path, body=None):
        return self._request(method, f"/session/{self.session}{path}", body)

    # ---- pages ----

    def open(self, url):
        self.command("POST", "/url", {"url": url})

    def url(self):
        return self.command("GET", "/url")

    def back(self):
        self.command("POST", "/back", {})

    def forward(self):
        self.command("POST", "/forward", {})

    def resize(self, width, height):
        self.command("POST", "/window/rect", {"width": width, "height": height})

    def screenshot(self, path):
        with open(path, "wb") as f:
            f.write(base64.b64decode(self.command("GET", "/screenshot")))

    def script(self, source, *arguments):
        return self.command("POST", "/execute/sync", {"script": source, "args": list(arguments)})

    def script_async(self, source, *arguments):
        """The script calls its last argument with the answer."""
        return self.command("POST", "/execute/async", {"script": source, "args": list(arguments)})

    def devtools(self, name, parameters):
        return self.command("POST", "/goog/cdp/execute", {"cmd": name, "params": parameters})

    def console(self):
        """Warnings and errors of the page since the last call."""
        return [
            e
            for e in self.command("POST", "/se/log", {"type": "browser"})
            if e["level"] in ("WARNING", "SEVERE")
        ]

    def requests(self):
        """The URLs that were asked for since the last call."""
        urls = []
        for entry in self.command("POST", "/se/log", {"type": "performance"}):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                urls.append(message["params"]["request"]["url"])
        return urls

    # ---- elements ----

    def find(self, selector):
        return Element(
            self,
            self.command("POST", "/element", {"using": "css selector", "value": selector})[ELEMENT],
        )

    def find_all(self, selector):
        return [
            Element(self, e[ELEMENT])
            for e in self.command("POST", "/elements", {"using": "css selector", "value": selector})
        ]

    def wait(self, what, test, seconds=30):
        """Until test() is true; its value. Fails with `what` after so many seconds."""
        end = time.monotonic() + seconds
        while True:
            value = test()
            if value:
                return value
            if time.monotonic() > end:
                raise AssertionError(f"waited {seconds} s for: {what}")
            time.sleep(0.05)

    # ---- pointers and keys, in pixels of the window ----

    def pointer(self, *actions):
        """Actions of one mouse: ("move", x, y), ("down",), ("up",), ("pause", ms)."""
        steps = []
        for name, *values in actions:
            if name == "move":
                steps.append(
                    {
                        "type": "pointerMove",
                        "duration": 30,
                        "origin": "viewport",
                        "x": round(values[0]),
                        "y": round(values[1]),
                    }
                )
            elif name == "pause":
                steps.append({"type": "pause", "duration": values[0]})
            else:
                steps.append(
                    {"type": {"down": "pointerDown", "up": "pointerUp"}[name], "button": 0}
                )
        self.command(
            "POST",
            "/actions",
            {
                "actions": [
                    {
                        "type": "pointer",
                        "id": "mouse",
                        "parameters": {"pointerType": "mouse"},
                        "actions": steps,
                    }
                ]
            },
        )

    def click_at(self, x, y):
        self.pointer(("move", x, y), ("down",), ("up",))

    def drag(self, x1, y1, x2, y2):
        self.pointer(
            ("move", x1, y1), ("down",), ("move", (x1 + x2) / 2, y1), ("move", x2, y2), ("up",)
        )

    def wheel(self, x, y, delta_x, delta_y):
        self.command(
            "POST",
            "/actions",
            {
                "actions": [
                    {
                        "type": "wheel",
                        "id": "wheel",
                        "actions": [
                            {
                                "type": "scroll",
                                "x": round(x),
                                "y": round(y),
                                "deltaX": delta_x,
                                "deltaY": delta_y,
                                "duration": 0,
                                "origin": "viewport",
                            }
                        ],
                    }
                ]
            },
        )

    def press(self, *keys):
        """Each key pressed and released; names of KEYS or characters."""
        steps = []
        for key in keys:
            value = KEYS.get(key, key)
            steps += [{"type": "keyDown", "value": value}, {"type": "keyUp", "value": value}]
        self.command(
            "POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": steps}]}
        )
