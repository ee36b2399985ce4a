"""The viewer's page as the daemon serves it and as a report, with a canned answer in it.

The page is the one that is built in: web/assets.c of the folder that HEARTH_BUILD names. What the
daemon and `hearth export` put into it is put there again here, by web/API.md.
"""

import base64
import gzip
import http.server
import json
import os
import re
import struct
import sys
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "ui")]
import speedscope  # noqa: E402

BUILD = os.environ.get("HEARTH_BUILD", os.path.join(HERE, "..", "..", "build"))
BINARY = "application/vnd.hearth.flame"
PARTS = 5120  # as of web/export/flame.h
FIRST_NODES_MAX = 50000


def binary(answer):
    """Its binary form, as web/API.md has it."""
    columns = bytearray()

    def column(numbers):
        largest = max(numbers, default=0)
        width = next(w for w in (1, 2, 4, 8) if w == 8 or largest < 1 << 8 * w)
        entry = {
            "type": {1: "uint8", 2: "uint16", 4: "uint32", 8: "float64"}[width],
            "at": len(columns),
            "length": len(numbers),
        }
        columns.extend(struct.pack(f"<{len(numbers)}{' BH I   d'[width]}", *numbers))
        columns.extend(bytes(-len(columns) % 8))
        return entry

    parts = {name: column(answer[name]) for name in ("depth", "total", "self", "frame")}
    parts["frames"] = {name: column(numbers) for name, numbers in answer["frames"].items()}
    text = json.dumps({**answer, **parts}, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"hflame1\n" + struct.pack("<II", len(text), len(columns)) + text + columns


def first(answer):
    """What a screen can show of it, as the daemon has it in the page (web/export/tree.h)."""
    least = answer["total"][0] // PARTS
    kept, thin = [], len(answer["depth"])
    for i, (depth, total) in enumerate(zip(answer["depth"], answer["total"])):
        if depth < thin:
            kept.append(i)
            thin = depth if total < least else len(answer["depth"])
    columns = {name: [answer[name][i] for i in kept] for name in ("depth", "total", "self")}
    number, strings, frames = {}, {"": 0}, []
    for f in (answer["frame"][i] for i in kept):
        if f not in number:
            number[f] = len(frames)
            frames.append({"kind": answer["frames"]["kind"][f]})
            for name in ("name", "object"):
                text = answer["strings"][answer["frames"][name][f]]
                frames[-1][name] = strings.setdefault(text, len(strings))
    columns["frame"] = [number[answer["frame"][i]] for i in kept]
    add_own_samples(answer, number, strings, frames)
    table = {n: [f.get(n, 0) for f in frames] for n in [*answer["frames"], "self"]}
    sizes = {"nodes": len(answer["depth"]), "parts": PARTS}
    whole = {**answer, **columns, **sizes, "strings": list(strings), "frames": table}
    return whole if len(kept) <= FIRST_NODES_MAX else None


def add_own_samples(answer, number, strings, frames):
    """To each frame those of its own; of frames that no node shows to one of their object."""
    left_out = {}
    for f, own in zip(answer["frame"], answer["self"]):
        at = number.get(f)
        if at is None and own:
            path = answer["strings"][answer["frames"]["object"][f]]
            kind = answer["frames"]["kind"][f]
            at = left_out.setdefault((path, kind), len(frames))
            if at == len(frames):
                frames.append({"object": strings.setdefault(path, len(strings)), "kind": kind})
        if own:
            frames[at]["self"] = frames[at].get("self", 0) + own


def element(kind, name, text):
    return b'<script type="%s" id="%s">%s</script>\n' % (kind, name, text)


def first_element(answer, page):
    """As an element of the page, or of a report, which has none where it is all."""
    part = first(answer)
    if not part or (not page and part["nodes"] == len(part["depth"])):
        return b""
    text = json.dumps(part, separators=(",", ":")).encode().replace(b"<", b"\\u003c")
    return element(b"application/json", b"hearth-first", text)


def shipped():
    """{path: (type, bytes)} of the page that is built in, and what its policy lets it run."""
    with open(os.path.join(BUILD, "web", "assets.c"), encoding="ascii") as file:
        source = file.read()
    arrays = dict(re.findall(r"asset_(\d+)\[\] = \{([\d,\s]*)\}", source))
    rows = re.findall(r'\{"([^"]+)", "([^"]+)", asset_(\d+),', source)
    policy = re.search(r'web_assets_policy\[\] = "([^"]*)"', source).group(1)
    return {
        path: (kind, bytes(map(int, re.findall(r"\d+", arrays[number])[:-1])))
        for path, kind, number in rows
    }, policy


def report(answer):
    """The page with the answer inside, as `hearth export --format html` puts them together."""
    files, policy = shipped()
    allowed = f"default-src 'none'; {policy}; img-src data:; base-uri 'none'; form-action 'none'"
    title = '<meta id="hearth-file"><meta http-equiv="Content-Security-Policy" '
    title += f'content="{allowed}"><title>'
    page = re.sub(rb"<link[^>]*>", b"", files["index.html"][1], count=1)
    page = page.replace(b"<title>", title.encode(), 1)
    page = page.replace(b"</head>", first_element(answer, page=False) + b"</head>", 1)
    packed = base64.b64encode(gzip.compress(binary(answer), 6))
    data = element(b"text/plain", b"hearth-report", packed)
    return page.replace(b"</body>", data + b"</body>", 1)


class Pages(speedscope.Loopback):
    """The viewer's files, and one canned profile; use with `with`. samples: those of its lanes."""

    def __init__(self, answer, samples=b""):
        # Compressed as the server does: files once, at the best level; answers at the fastest.
        self.bodies = {
            path: (kind, gzip.compress(body, 9)) for path, (kind, body) in shipped()[0].items()
        }
        page = shipped()[0]["index.html"][1]
        page = page.replace(b"</head>", first_element(answer, page=True) + b"</head>", 1)
        self.bodies["page"] = ("text/html; charset=utf-8", gzip.compress(page, 1))
        self.bodies["profile"] = (BINARY, gzip.compress(binary(answer), 1))
        self.bodies["samples"] = ("text/tab-separated-values", gzip.compress(samples, 1))
        pages = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # head and body are two writes

            def do_GET(self):
                pages.answer(self)

            def log_message(self, *_):
                pass

        super().__init__(Handler)

    def body_of(self, address):
        path = urllib.parse.urlsplit(address).path.lstrip("/") or "page"
        if path == "api/v1/profile":
            return self.bodies["samples" if "format=samples" in address else "profile"]
        if path == "api/v1/series":
            empty = b'{"start_ns":0,"step_ns":1000000000,"period_ns":1,"series":[],"more":{}}'
        else:
            empty = b'{"labels":["comm"],"values":[],"changes":[],"left_out":0}'
        return self.bodies.get(path, ("application/json", gzip.compress(empty, 1)))

    def answer(self, request):
        kind, body = self.body_of(request.path)
        request.send_response(200)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(body)))
        request.send_header("Content-Encoding", "gzip")
        # As the daemon's answers, and its page where it comes with a profile.
        request.send_header("Cache-Control", "no-store")
        request.end_headers()
        request.wfile.write(body)
