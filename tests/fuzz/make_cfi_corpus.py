#!/usr/bin/env python3
"""Writes the corpus of tests/fuzz/cfi.c anew: make_cfi_corpus.py [FOLDER]."""

import struct

import corpora

CODE, CFI = 0x401000, 0x300000
BEGIN = bytes([0x0C, 7, 8, 0x90, 1])
PLT = bytes([0x77, 8, 0x80, 0, 0x3F, 0x1A, 0x3B, 0x2A, 0x33, 0x24, 0x22])
INDEXED = bytes([0x77, 8, 0x79, 0, 0x38, 0x1E, 0x22, 0x06, 0x23, 8])


def entry(content):
    return struct.pack("<I", len(content)) + content


def cie(letters=b"zR", data=b"\x1b", program=BEGIN, version=1):
    block = bytes([len(data)]) + data if letters[:1] == b"z" else b""
    return entry(
        struct.pack("<IB", 0, version) + letters + b"\0\x01\x78\x10" + block + program
    )


def fde(at, program, start=CODE + 0x10, length=0x20, back=None):
    """An FDE at an offset of a section whose CIE stands first; pcrel and 4 bytes."""
    pointer = start - (CFI + at + 8)
    back = at + 4 if back is None else back
    return entry(struct.pack("<IiIB", back, pointer, length, 0) + program)


def section(*programs, first=None, **how):
    first = first or cie()
    out = first
    for i, program in enumerate(programs):
        out += fde(len(out), program, start=CODE + 0x10 + 0x20 * i, **how)
    return out


def debug_section(*programs):
    head = struct.pack("<I", 0xFFFFFFFF) + bytes([4, 0, 8, 0, 1, 0x78, 16]) + BEGIN
    out = entry(head)
    for i, program in enumerate(programs):
        out += entry(struct.pack("<IQQ", 0, CODE + 0x10 + 0x20 * i, 0x20) + program)
    return out


def elf(frames):
    code = 0x200
    at = 64 + 3 * 56
    hdr_at = at + code
    hdr = bytes([1, 0x1B, 0xFF, 0xFF]) + struct.pack("<i", 4)
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    head = ident + struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, CODE, 64, 0, 0, 64, 56, 3, 0, 0, 0)
    loads = [
        (1, 5, at, CODE, code),
        (1, 4, hdr_at, CFI - 8, 8 + len(frames)),
        (0x6474E550, 4, hdr_at, CFI - 8, 8),
    ]
    for kind, flags, offset, address, size in loads:
        head += struct.pack("<IIQQQQQQ", kind, flags, offset, address, address, size, size, 1)
    return head + b"\xe8\0\0\0\0\xf4".ljust(code, b"\x90") + hdr + frames


def cache():
    counts = struct.pack("<10I", 62, 3, 2, 3, 1, 1, 1, 0, 0, 0)
    rules = bytes(12) + struct.pack("<BBBBihh", 1, 7, 0, 1, 16, 0, -8)
    return counts + rules + struct.pack("<III", 1, 0, 3) + struct.pack("<6H", 0, 0, 16, 1, 32, 0)


def block(op, expression):
    return op + bytes([len(expression)]) + expression


def corpus():
    saved = bytes([0x41, 0x0E, 16, 0x86, 2, 0x43, 0x0D, 6, 0x4A, 0x0C, 7, 8])
    drap = block(b"\x0f", bytes([0x76, 0x78, 0x06])) + block(b"\x10\x06", bytes([0x76, 0]))
    restorer = (
        block(b"\x0f", bytes([0x77, 0xA0, 1, 0x06]))
        + block(b"\x10\x10", bytes([0x77, 0xA8, 1]))
        + block(b"\x10\x06", bytes([0x77, 0xF8, 0]))
    )
    every = bytes([0x02, 1, 0x03, 1, 0, 0x04, 1, 0, 0, 0, 0x05, 6, 2, 0x06, 6, 0x07, 3, 0x08, 6])
    every += bytes([0x09, 6, 9, 0x0A, 0x0B, 0x11, 6, 0x7E, 0x12, 7, 0x7F, 0x13, 0x7E, 0x14, 6, 2])
    every += bytes([0x15, 6, 2, 0x2E, 8, 0x2F, 6, 2, 0x00, 0xC6])
    yield "nothing", b"s"
    yield "frame_pointer", b"s" + section(saved, saved)
    yield "every_instruction", b"s" + section(every)
    yield "plt", b"s" + section(block(b"\x0f", PLT))
    yield "indexed", b"s" + section(block(b"\x0f", INDEXED))
    yield "realigned", b"s" + section(drap)
    yield "restorer", b"s" + section(restorer, first=cie(b"zRS"))
    yield "undefined", b"s" + section(b"\x07\x10")
    yield "overlapping", b"s" + section(saved, saved, saved, length=0x50)
    yield "itself", b"s" + section(saved, back=4)
    yield "outside", b"s" + section(saved, back=0x7FFFFFFF)
    yield "past_the_end", b"s" + section(saved) + struct.pack("<II", 0xFFFFFFF0, 0)
    yield "wide", b"s" + struct.pack("<IQQ", 0xFFFFFFFF, 12, 0) + bytes([1, 0, 1, 0x78])
    yield "endless_number", b"s" + section(b"\x0e" + b"\x80" * 40)
    yield "deep", b"s" + section(b"\x0a" * 70 + b"\x0b" * 70)
    yield "many_rows", b"s" + section(bytes([0x41, 0x0E, 16, 0x41, 0x0E, 8]) * 200, length=0x10000)
    letters = cie(b"zPLRSB", bytes(9) + b"\x1b\x1b")
    yield "all_letters", b"s" + section(saved, first=letters)
    yield "indirect", b"s" + section(saved, first=cie(b"zR", b"\x9b"))
    yield "debug_frame", b"d" + debug_section(saved, every)
    yield "elf", b"e" + elf(section(saved) + bytes(4))
    yield "elf_cut", b"e" + elf(section(saved))[:-20]
    far = bytearray(elf(section(saved)))
    struct.pack_into("<Q", far, 64 + 2 * 56 + 8, 2**64 - 0x1000)
    yield "elf_far_header", b"e" + bytes(far)
    yield "elf_no_cfi", b"e" + elf(b"")
    yield "cache", b"c" + cache()
    yield "cache_cut", b"c" + cache()[:-2]
    # push rbx; push rbp; sub rsp, 16; a loop; add rsp, 16; pop rbp; pop rbx; ret
    code = bytes.fromhex("5355 4883ec10 48ffcf 75fb 4883c410 5d5b c3".replace(" ", ""))
    yield "code", b"x" + code
    yield "code_twice", b"x" + code + bytes.fromhex("0f1f4000cc0000") + code
    yield "code_frame", b"x" + bytes.fromhex("554889e54883ec20c9c3")
    yield "code_torn", b"x" + bytes.fromhex("7401505bc3")
    yield "code_away", b"x" + bytes.fromhex("ffe0e9fb0f0000e800000000c3")
    yield "code_odd", b"x" + bytes.fromhex("66506658c8100000488d642410c21000f4")


if __name__ == "__main__":
    corpora.write("cfi", corpus())
