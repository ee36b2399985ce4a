#!/usr/bin/env python3
"""Writes the corpus of start_code.c: programs that begin as the C library's do, and nearly so."""

import struct

import corpora

HEADER_BYTES = 64  # of ELF, before the input's own bytes
HEAD = bytes.fromhex("31ed 4989d1 5e 4889e2 4883e4f0 50 54")
NOTHING = bytes.fromhex("4531c0 31c9")  # in r8 and rcx
# What was in them until glibc 2.34, relative to _start and not.
OLDER = bytes.fromhex("4c8d05 10000000 488d0d 20000000")
OLDER_FIXED = bytes.fromhex("49c7c0 00014000 48c7c1 10014000")
ENDBR64 = bytes.fromhex("f30f1efa")
START, MAIN, FRAMES, FDE = 0x40, 0x80, 0xC0, 0x100  # in the input's bytes


def start(load, main, call, end=b"\xf4", others=NOTHING):
    return HEAD + others + load + struct.pack("<i", main) + call + bytes(4) + end


def program(code, entries, fde, header=b"\x01\x1b\x03\x3b"):
    """entries: of the table, relative to it; fde: start and size, relative to its third field."""
    out = bytearray(0x140)
    out[START : START + len(code)] = code
    table = header + struct.pack("<iI", 0, len(entries))
    table += b"".join(struct.pack("<ii", *entry) for entry in entries)
    out[FRAMES : FRAMES + len(table)] = table
    out[FDE : FDE + 16] = struct.pack("<IIiI", 12, 0, *fde)
    places = struct.pack("<II", HEADER_BYTES + START, HEADER_BYTES + FRAMES)
    return places + bytes(out)


RELATIVE, ABSOLUTE = b"\x48\x8d\x3d", b"\x48\xc7\xc7"
CALL, DIRECT = b"\xff\x15", b"\x67\xe8"
TO_MAIN = MAIN - START - 27
TO_MAIN_OLDER = TO_MAIN - len(OLDER) + len(NOTHING)
AT_MAIN = 0x400000 + HEADER_BYTES + MAIN
ENTRY, SIZE = (MAIN - FRAMES, FDE - FRAMES), (MAIN - FDE - 8, 0x20)
PLAIN = start(RELATIVE, TO_MAIN, CALL)

corpora.write(
    "start_code",
    [
        ("relative", program(PLAIN, [ENTRY], SIZE)),
        ("direct", program(start(RELATIVE, TO_MAIN, DIRECT), [ENTRY], SIZE)),
        ("absolute", program(start(ABSOLUTE, AT_MAIN, CALL), [ENTRY], SIZE)),
        ("older", program(start(RELATIVE, TO_MAIN_OLDER, CALL, others=OLDER), [ENTRY], SIZE)),
        (
            "older_absolute",
            program(start(ABSOLUTE, AT_MAIN, b"\xe8", others=OLDER_FIXED), [ENTRY], SIZE),
        ),
        (
            "older_swapped",
            program(start(RELATIVE, TO_MAIN_OLDER, CALL, others=OLDER[7:] + OLDER[:7]), [], SIZE),
        ),
        ("older_cut", program(start(RELATIVE, 0, CALL, others=OLDER), [], SIZE)[: 8 + START + 25]),
        (
            "branch_target",
            program(ENDBR64 + start(RELATIVE, TO_MAIN - len(ENDBR64), CALL), [ENTRY], SIZE),
        ),
        ("no_entry", program(PLAIN, [], SIZE)),
        ("many_entries", program(PLAIN, [(-0x90, 0), ENTRY, (0, 0), (0x10, 0)], SIZE)),
        ("entries_past_the_end", program(PLAIN, [ENTRY], SIZE)[: 8 + FRAMES + 8] + b"\xff" * 8),
        ("fde_of_another", program(PLAIN, [ENTRY], (0, 0x20))),
        ("fde_outside", program(PLAIN, [(ENTRY[0], 0x7FFFFFFF)], SIZE)),
        ("endless_size", program(PLAIN, [ENTRY], (SIZE[0], 0xFFFFFFFF))),
        ("main_outside", program(start(RELATIVE, 0x7FFFFFFF, CALL), [ENTRY], SIZE)),
        ("main_before", program(start(RELATIVE, -0x80000000, CALL), [ENTRY], SIZE)),
        ("another_end", program(start(RELATIVE, TO_MAIN, CALL, b"\xc3"), [ENTRY], SIZE)),
        ("another_call", program(start(RELATIVE, TO_MAIN, b"\x90\xe8"), [ENTRY], SIZE)),
        ("another_encoding", program(PLAIN, [ENTRY], SIZE, b"\x01\x1b\x03\x0b")),
        ("cut", program(PLAIN, [ENTRY], SIZE)[: 8 + START + 20]),
        ("entry_outside", b"\xff\xff\xff\xff" + program(PLAIN, [ENTRY], SIZE)[4:]),
    ],
)
