#!/usr/bin/env python3
"""Every registered test belongs to one part of tests/run, ends by itself, and is not disturbed.

registry.py BUILD-DIR: reads what ctest would run there.
"""

import json
import subprocess
import sys

PARTS = ("unit", "style", "integration", "ui", "soak", "bench", "vm", "verify-all", "fresh")
# They measure or sample: a neighbour would change what they see.
SERIAL = ("integration", "soak", "bench", "vm")
# These neither measure nor sample: commands that read files.
BESIDE_OTHERS = tuple(
    "integration/" + name
    for name in (
        *("cli_usage", "cli_diff", "cli_import", "cli_query", "cli_symbolize", "cli_unwind_table"),
        *("symbolize_hostile", "symbolize_peers", "symbolize_variants", "worker_caps"),
    )
)
SECONDS_MAX = {"unit": 120, "style": 120, "integration": 600, "ui": 600}
# They depend on the kernel that they meet.
SKIPPING = ("integration", "vm")


def check(listing):
    for test in listing["tests"]:
        name = test["name"]
        properties = {p["name"]: p["value"] for p in test.get("properties", [])}
        labels = properties.get("LABELS", [])
        if len(labels) != 1 or labels[0] not in PARTS:
            yield f"{name}: wants one label of {', '.join(PARTS)}; has {labels}"
            continue
        part = labels[0]
        if "TIMEOUT" not in properties:
            yield f"{name}: has no TIMEOUT"
        elif properties["TIMEOUT"] > SECONDS_MAX.get(part, float("inf")):
            yield f"{name}: may take {properties['TIMEOUT']:.0f} s; at most {SECONDS_MAX[part]}"
        if part in SERIAL and name not in BESIDE_OTHERS and not properties.get("RUN_SERIAL"):
            yield f"{name}: {part} tests are RUN_SERIAL"
        skips = properties.get("SKIP_RETURN_CODE") == 77 or "SKIP_REGULAR_EXPRESSION" in properties
        if part in SKIPPING and not skips:
            yield f"{name}: {part} tests can skip: SKIP_RETURN_CODE 77"
        if properties.get("DISABLED"):
            yield f"{name}: disabled"
        if properties.get("WILL_FAIL"):
            yield f"{name}: passes by failing, for any reason"


def main():
    listed = subprocess.run(
        ["ctest", "--test-dir", sys.argv[1], "--show-only=json-v1"],
        stdout=subprocess.PIPE,
        check=True,
    )
    violations = list(check(json.loads(listed.stdout)))
    for violation in violations:
        print(violation, file=sys.stderr)
    sys.exit(1 if violations else 0)


if __name__ == "__main__":
    main()
