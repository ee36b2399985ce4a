"""speedscope as npm publishes it: its page, and the schema of its file format."""

import http.server
import json
import os
import posixpath
import re
import threading
import urllib.parse

import npm

VERSION = "1.25.0"


def fetch(folder):
    """Its release, unpacked in the folder; the path of what is to be served."""
    return npm.fetch(folder, "speedscope", VERSION, "dist/release/")


class Loopback:
    """What a handler answers, on a loopback port; use with `with`."""

    def __init__(self, handler):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.base = f"http://127.0.0.1:{self.server.server_port}/"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Server(Loopback):
    """A folder."""

    def __init__(self, folder):
        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *arguments):
                super().__init__(*arguments, directory=folder)

            def log_message(self, *_):
                pass

        super().__init__(Handler)

    def page_of(self, name, view=""):
        """speedscope's page with a profile that lies beside it."""
        parameters = {"profileURL": posixpath.join(self.base, name), "title": name}
        if view:
            parameters["view"] = view
        return f"{self.base}index.html#{urllib.parse.urlencode(parameters)}"


# ---- JSON schema, as much of it as speedscope's uses ----

TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "number": (int, float),
    "integer": int,
    "null": type(None),
}
KNOWN = {"$schema", "$ref", "definitions", "title", "description", "type", "properties"}
KNOWN |= {"required", "items", "enum", "const", "anyOf", "additionalProperties"}


class Invalid(Exception):
    """Where and why a document is not what the schema says."""


def validate(document, schema, root=None, at="$"):
    root = schema if root is None else root
    unknown = set(schema) - KNOWN
    if unknown:
        raise Invalid(f"this validator does not know {unknown}")
    if "$ref" in schema:
        target = root
        for part in re.sub("^#/", "", schema["$ref"]).split("/"):
            target = target[part]
        return validate(document, target, root, at)
    if "anyOf" in schema:
        return validate_any(document, schema["anyOf"], root, at)
    if "enum" in schema and document not in schema["enum"]:
        raise Invalid(f"{at}: {document!r} is not of {schema['enum']}")
    if "const" in schema and document != schema["const"]:
        raise Invalid(f"{at}: {document!r} is not {schema['const']!r}")
    if "type" in schema and not isinstance(document, TYPES[schema["type"]]):
        raise Invalid(f"{at}: {document!r} is no {schema['type']}")
    if isinstance(document, dict):
        validate_object(document, schema, root, at)
    if isinstance(document, list) and "items" in schema:
        for i, item in enumerate(document):
            validate(item, schema["items"], root, f"{at}[{i}]")
    return None


def validate_any(document, schemas, root, at):
    reasons = []
    for schema in schemas:
        try:
            return validate(document, schema, root, at)
        except Invalid as reason:
            reasons.append(str(reason))
    raise Invalid(f"{at}: " + "; ".join(reasons))


def validate_object(document, schema, root, at):
    for name in schema.get("required", []):
        if name not in document:
            raise Invalid(f"{at}: no {name!r}")
    properties = schema.get("properties", {})
    for name, value in document.items():
        if name in properties:
            validate(value, properties[name], root, f"{at}.{name}")
        elif schema.get("additionalProperties") is False:
            raise Invalid(f"{at}: {name!r} is not allowed")


def read_schema(release):
    with open(os.path.join(release, "file-format-schema.json"), encoding="utf-8") as file:
        return json.load(file)
