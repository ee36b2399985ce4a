#!/usr/bin/env python3
"""Every address of the test programs' code, against `addr2line -f -i -C`.

addr2line.py PROGRAMS-DIR. Where they may differ, and why ours is right:

- addr2line takes the symbol before an address that no symbol covers (padding, PLT stubs). Ours
  says nothing, or names the stub.
- It shows clone suffixes (`outer.cold`); they are in our system_name.
- It gives an inlined function without a linkage name the symbol over the address, and spells
  bare names of templates as the symbol does. So names are compared where it did not repeat the
  symbol.
- Of DWARF 5 it takes another file of the table at some rows: `<artificial>`, the unit's own.
- For symbols without debug information it knows the file from STT_FILE.
"""

import os
import re
import subprocess
import sys

PROGRAMS = ("inlined", "inlined_4", "inlined_lto", "inlined_compressed", "inlined_cxx")
CLONES = re.compile(r"(\.(part|cold|isra|constprop|lto_priv)(\.\d+)?|\s*\[clone [^\]]*\])+$")


def code(path):
    """Addresses of .text."""
    sections = subprocess.run(
        ["readelf", "-SW", path], stdout=subprocess.PIPE, check=True, text=True
    ).stdout
    fields = re.search(r"\] \.text\s+PROGBITS\s+(\w+) (\w+) (\w+)", sections)
    start, size = int(fields[1], 16), int(fields[3], 16)
    return [f"{address:#x}" for address in range(start, start + size)]


def ask(command, addresses):
    """address -> [(function, place)], innermost first."""
    text = subprocess.run(
        command, input="\n".join(addresses) + "\n", stdout=subprocess.PIPE, check=True, text=True
    ).stdout
    answers, lines = {}, None
    for line in text.splitlines():
        if re.fullmatch(r"0x[0-9a-f]{16}", line):
            lines = answers.setdefault(line, [])
        else:
            lines.append(re.sub(r" \(discriminator \d+\)$", "", line))
    return {at: list(zip(flat[::2], flat[1::2])) for at, flat in answers.items()}


def bare(name):
    """A name without template arguments: what stands for a lambda in them has no one spelling."""
    return name.split("<")[0]


def known(ours, theirs):
    """Is this one of the differences that the head of this file lists?"""
    if ours == [("??", "??:0")]:
        return True  # asserted by the tests of symbols: what no symbol covers
    if len(ours) != len(theirs):
        return False
    for (name, place), (their_name, their_place) in zip(ours, theirs):
        file, _, line = place.rpartition(":")
        their_file, _, their_line = their_place.rpartition(":")
        their_name = CLONES.sub("", their_name)
        same = bare(name) in their_name or bare(their_name) in name
        if not same and their_name != CLONES.sub("", theirs[-1][0]):
            return False
        if file != "??" and (line.strip("?"), their_line.strip("?")) != (line, line):
            if line != "?" or their_line not in ("?", "0"):
                return False
        if file != "??" and os.path.normpath(file) != os.path.normpath(their_file):
            if line != "?" and not their_file.endswith((".c", ".cc", "<artificial>")):
                return False
    return True


def brief(lines):
    return " | ".join(f"{name[:60]} {place}" for name, place in lines)


def compare(programs, name):
    path = os.path.join(programs, name)
    addresses = code(path)
    ours = ask([os.path.join(programs, "symbolize_lines"), path], addresses)
    theirs = ask(["addr2line", "-a", "-f", "-i", "-C", "-e", path], addresses)
    assert len(ours) == len(theirs) == len(addresses), f"{name}: an address has no answer"
    differ = [at for at in theirs if ours[at] != theirs[at]]
    wrong = [at for at in differ if not known(ours[at], theirs[at])]
    inlined = sum(len(lines) > 1 for lines in ours.values())
    print(f"{name}: {len(addresses)} addresses, {inlined} with inlined frames,", end=" ")
    print(f"{len(differ)} differ, {len(wrong)} of these for no known reason")
    for at in wrong[:5]:
        print(f"  {at}\n    ours   {brief(ours[at])}\n    theirs {brief(theirs[at])}")
    return inlined > 0 and not wrong


def main():
    programs = sys.argv[1]
    there = [name for name in PROGRAMS if os.path.exists(os.path.join(programs, name))]
    right = [compare(programs, name) for name in there]
    sys.exit(0 if all(right) and len(right) >= 4 else 1)


if __name__ == "__main__":
    main()
