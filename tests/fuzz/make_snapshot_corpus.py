#!/usr/bin/env python3
"""Writes the corpus of tests/fuzz/snapshot.c anew: make_snapshot_corpus.py [FOLDER]."""

import os
import struct
import sys

import make_cfi_corpus as cfi

LOADED, OFFSET, STACK = 0x7F0000001000, 0x1000, 0x7FFE00000000
FILE, REGISTERS, FP, SP = 5, 16, 6, 7
LEAF, BARE = LOADED + 0x12, LOADED + 0x800


PLACE = (LOADED, LOADED + 0x1000, OFFSET, FILE)


def request(pc=LEAF, fp=0, words=(0, LEAF) * 32, mappings=(PLACE,)):
    registers = [0] * REGISTERS
    registers[FP], registers[SP] = fp, STACK
    stack = struct.pack(f"<{len(words)}Q", *words)
    return (
        struct.pack(f"<QBB{REGISTERS}QI", pc, 0, REGISTERS, *registers, len(mappings))
        + b"".join(struct.pack("<QQQI", *mapping) for mapping in mappings)
        + struct.pack("<I", len(stack))
        + stack
    )


def case(program, **more):
    section = cfi.cie()
    section += cfi.fde(len(section), program)
    return struct.pack("<I", len(section)) + section + request(**more)


CASES = {
    "by_cfi": case(bytes([0x0E, 16])),
    "outermost": case(bytes([0x07, 16])),
    "by_frame_pointer": case(b"", pc=BARE, fp=STACK + 16),
    "odd_frame_pointer": case(b"", pc=BARE, fp=3),
    "no_progress": case(bytes([0x0E, 0])),
    "endless_expression": case(bytes([0x0F, 3, 0x2F, 0xFD, 0xFF])),
    "deref_of_nothing": case(bytes([0x0F, 2, 0x30, 0x06])),
    "register_expression": case(bytes([0x16, 16, 2, 0x76, 0])),
    "empty_expression": case(bytes([0x0F, 0])),
    "stack_underflow": case(bytes([0x0F, 3, 0x22, 0x22, 0x22])),
    "stack_overflow": case(bytes([0x0F, 0x40]) + bytes([0x30]) * 0x40),
    "unknown_register": case(bytes([0x0D, 0x7F])),
    "far_register": case(bytes([0x05, 0xFF, 0xFF, 0x7F, 1])),
    "restore_without_remember": case(bytes([0x0B] * 4)),
    "remember_much": case(bytes([0x0A] * 200)),
    "unknown_instruction": case(bytes([0x3F])),
    "set_location": case(bytes([0x01] + [0xFF] * 8)),
    "no_mappings": case(b"", mappings=()),
    "no_stack": case(bytes([0x0E, 16]), words=()),
    "cut": case(b"")[:-1],
}


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "corpus", "snapshot")
    os.makedirs(folder, exist_ok=True)
    for name, content in CASES.items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(content)


if __name__ == "__main__":
    main()
