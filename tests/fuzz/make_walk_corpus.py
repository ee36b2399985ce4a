#!/usr/bin/env python3
"""Writes the corpus of tests/fuzz/walk.c anew: make_walk_corpus.py [FOLDER]."""

import struct

import corpora

# What a word points to.
PROGRAM, LIBRARY, ANON, TORN, VDSO, STACK, SLOT, FAR, HIGH, NUMBER = 0, 1, 2, 3, 4, 8, 9, 10, 11, 15
# Registers by their place in struct pt_regs.
R15, BP, BX, AX, DI, IP, SP = 0, 4, 5, 10, 14, 16, 19
SYSCALL, NO_MAPPINGS, WITH_PROGRAM, WITH_LIBRARY = 1, 2, 4, 8
HOLE, CFA, DEREF, INDEXED, PLT, SIGNAL, END, EXPRESSION = range(8)
SAME, AT_CFA, UNDEFINED, IN_REGISTER, AT_FP, AT_SP = range(6)


def word(what=NUMBER, where=0):
    return struct.pack("<BH", what, where)


def row(step, kind, base=7, cfa=8, ra=AT_CFA, ra_at=-8, fp=SAME, fp_at=0, library=False):
    rule = struct.pack("<BBBBihh", kind, base, fp, ra, cfa, fp_at, ra_at)
    return struct.pack("<H", step | (0x8000 if library else 0)) + rule


def case(stack=(), rows=(), scribbles=(), flags=WITH_PROGRAM | WITH_LIBRARY, **registers):
    given = {IP: (PROGRAM, 0x65), SP: (STACK, 0), BP: (STACK, 0x40)}
    given.update({globals()[name.upper()]: value for name, value in registers.items()})
    out = bytes([flags])
    for i in range(21):
        out += word(*given.get(i, (NUMBER, 0)))
    out += bytes([len(stack)]) + b"".join(word(*w) for w in stack)
    out += bytes([len(rows)]) + b"".join(rows)
    out += bytes([len(scribbles)])
    return out + b"".join(struct.pack("<HI", where, what) for where, what in scribbles)


def corpus():
    chain = [row(0, END), row(0x20, CFA), row(0x20, CFA, cfa=24), row(0x20, CFA, fp=AT_CFA)]
    up = [(PROGRAM, 0x25), (NUMBER, 1), (PROGRAM, 0x12), (NUMBER, 2), (PROGRAM, 0x12)]
    yield "empty", b""
    yield "root", case(up, chain)
    yield "syscall", case(up, chain, flags=SYSCALL | WITH_PROGRAM)
    yield "itself", case([(PROGRAM, 0x25)] * 255, [row(0, CFA)])
    yield "level", case([(PROGRAM, 0x25)] * 8, [row(0, CFA, cfa=0)])
    yield "below", case([(PROGRAM, 0x25)] * 8, [row(0, CFA, cfa=-64)])
    yield "window", case(up * 5, [row(0, CFA, cfa=128, fp=AT_CFA, fp_at=-72)])
    yield "wide_window", case(up * 5, [row(0, CFA, cfa=128, fp=AT_CFA, fp_at=-32768, ra_at=32767)])
    deref = row(0, DEREF, cfa=0x00100008, base=6, fp=AT_FP)
    yield "deref", case([(STACK, 0x20)] * 20 + up, [deref])
    indexed = row(0, INDEXED, cfa=0x05080010)
    yield "indexed", case([(STACK, 0x20)] * 20 + up, [indexed], di=(NUMBER, 3))
    yield "plt", case(up, [row(0, PLT, cfa=11)])
    signal = [row(0, SIGNAL), row(0x40, CFA, base=0)]
    saved = [(PROGRAM, 1)] + [(NUMBER, 0)] * 5 + [(STACK, 0x100)] * 16 + [(PROGRAM, 0x45)]
    yield "signal", case(saved, signal)
    yield "signal_loop", case([(PROGRAM, 1)] * 23, [row(0, SIGNAL)], sp=(STACK, 8))
    yield "expression", case(up, [row(0, EXPRESSION)])
    odd = row(0, CFA, base=31, ra=IN_REGISTER, ra_at=-1, fp=IN_REGISTER, fp_at=99)
    yield "registers", case(up, [odd])
    yield "nowhere_places", case(up, [row(0, CFA, ra=9, fp=200)])
    places = [row(0, CFA, cfa=32, fp=AT_SP, fp_at=8), row(0x100, CFA, fp=UNDEFINED)]
    yield "stack_places", case(up * 4, places)
    steps = ((0x7FFF, CFA), (0x7FFF, END), (3, HOLE))
    pages = [row(step, kind, library=True) for step, kind in steps]
    yield "pages", case([(LIBRARY, 0xFFF0), (LIBRARY, 0x1000)] * 3, pages, ip=(LIBRARY, 0x8100))
    jit = [(SLOT, i + 2) if i % 2 == 0 else (ANON, 0x80) for i in range(60)]
    yield "jit", case(jit, ip=(ANON, 0x10), bp=(STACK, 0))
    yield "jit_itself", case([(STACK, 0), (ANON, 1)] * 4, ip=(ANON, 0x10), bp=(STACK, 0))
    yield "raw", case(jit, flags=NO_MAPPINGS, ip=(FAR, 0x10), bp=(STACK, 0))
    yield "torn", case([(TORN, 8)] * 4, chain)
    yield "no_table", case(jit, flags=0, ip=(LIBRARY, 0x10), bp=(STACK, 0))
    yield "vdso", case(up, chain, ip=(VDSO, 0x10))
    yield "end_of_memory", case(up, [row(0, CFA, cfa=-1)], sp=(FAR, 7), bp=(FAR, 15))
    yield "high", case([(HIGH, 0x8000)] * 8, chain, sp=(HIGH, 0x7FFF))
    yield "wild_entries", case(up, chain, [(i, 0xFFFFFFFF) for i in range(4, 64)])
    wild = [(i, 0x80010000 + i) for i in range(4, 32)]
    yield "wild_places", case(up, chain, wild)
    wild = [(0x8000 + i, 0xDEADBEEF * i & 0xFFFFFFFF) for i in range(200)]
    yield "wild_rules", case(up, chain, wild)
    yield "cut", case(up, chain)[:-20]


if __name__ == "__main__":
    corpora.write("walk", corpus())
