"""ELF files written field by field, for what no compiler would write."""

import struct

PROGBITS, SYMTAB, STRTAB = 1, 2, 3
ALLOC, EXEC, COMPRESSED = 2, 4, 0x800
FUNC = 2
TEXT_AT = 0x1000
HEADER_BYTES, SEGMENT_BYTES = 64, 56


def section(name, data, kind=PROGBITS, flags=0, **more):
    """more: address, link, entry (its entries' size), size (a claim)."""
    return {"name": name, "data": data, "kind": kind, "flags": flags, **more}


def symbol(name_at, value, size, index=1):
    return struct.pack("<IBBHQQ", name_at, 1 << 4 | FUNC, 0, index, value, size)


def text(size=0x1000):
    return section(".text", b"\x90" * size, flags=ALLOC | EXEC, address=TEXT_AT)


def compressed(name, data, claim, kind=1):
    return section(name, struct.pack("<IIQQ", kind, 0, claim, 1) + data, flags=COMPRESSED)


def symbols(names, strings=None):
    """.symtab and .strtab of functions of 16 bytes each; strings replaces the table of names."""
    table, entries = b"\0", symbol(0, 0, 0, 0)
    for i, name in enumerate(names):
        entries += symbol(len(table), TEXT_AT + 16 * i, 16)
        table += name + b"\0"
    return [
        section(".symtab", entries, SYMTAB, entry=24, link=3),
        section(".strtab", strings or table, STRTAB),
    ]


def write(path, sections, **header):
    """sections[0] is .text, loaded at TEXT_AT. header: n_sections, names_index (claims)."""
    names = b"\0"
    body, heads = b"", [bytes(64)]
    first = HEADER_BYTES + SEGMENT_BYTES
    for s in [*sections, section(".shstrtab", b"", STRTAB)]:
        at = len(names)
        names += s["name"].encode() + b"\0"
        data = names if s["name"] == ".shstrtab" else s["data"]
        offset = first + len(body)
        body += data
        heads.append(
            struct.pack(
                "<IIQQQQIIQQ",
                at,
                s["kind"],
                s["flags"],
                s.get("address", 0),
                offset,
                s.get("size", len(data)),
                s.get("link", 0),
                0,
                1,
                s.get("entry", 0),
            )
        )
    heads[0] = header.get("zero", heads[0])
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    rest = (3, 62, 1, TEXT_AT, HEADER_BYTES, first + len(body), 0, 64, 56, 1, 64)
    count = header.get("n_sections", len(heads))
    index = header.get("names_index", len(heads) - 1)
    loaded = len(sections[0]["data"])
    with open(path, "wb") as f:
        f.write(ident + struct.pack("<HHIQQQIHHHHHH", *rest, count, index))
        f.write(struct.pack("<IIQQQQQQ", 1, 5, first, TEXT_AT, TEXT_AT, loaded, loaded, 1))
        f.write(body + b"".join(heads))


# ---- DWARF ----


def uleb(value):
    out = b""
    while True:
        byte, value = value & 0x7F, value >> 7
        out += bytes([byte | (0x80 if value else 0)])
        if not value:
            return out


def abbreviation(code, tag, children, *attributes):
    pairs = b"".join(uleb(name) + uleb(form) for name, form in attributes)
    return uleb(code) + uleb(tag) + bytes([children]) + pairs + b"\0\0"


def unit(entries):
    """DWARF 4, its abbreviations at 0."""
    body = struct.pack("<HIB", 4, 0, 8) + entries
    return struct.pack("<I", len(body)) + body
