"""Programs with hostile CFI: a program that spins down a known chain, its .eh_frame replaced.

The linker would not write such sections, so the program brings room for them, and the header of the
section .eh_frame is pointed to that room afterwards. What the processor runs stays the same.
"""

import hashlib
import os
import struct
import subprocess

ROOM_BYTES = 1 << 20
SOURCE = r"""
__asm__(".section .room,\"a\",@progbits\n.balign 4096\n.zero ROOM\n.previous");
#define FRAME __attribute__((noipa))
static volatile unsigned long sink;
FRAME static void spin(void)
{
	unsigned long x = sink;
	for (int i = 0; i < 1000000; i++)
		x = (x ^ (x >> 29)) * 0xbf58476d1ce4e5b9ul + 1;
	sink = x;
}
FRAME static void inner(void) { volatile char c[SIZE]; c[0] = 1; spin(); c[1] = 1; }
FRAME static void outer(void) { volatile char c[SIZE / 2]; c[0] = 1; inner(); c[1] = 1; }
#include <stdlib.h>
#include <time.h>
int main(int argc, char **argv)
{
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 1);
	while (time(NULL) < end)
		outer();
	return 0;
}
"""
SECTION = struct.Struct("<IIQQQQIIQQ")
BEGIN = bytes([0x0C, 7, 8, 0x90, 1])  # CFA = rsp + 8, return address below


def built(path, size=64, build_id="0123456789abcdef0123456789abcdef01234567"):
    """The program, whose frames have `size` bytes, at a path."""
    subprocess.run(
        ["gcc", "-O2", "-fomit-frame-pointer", "-fno-optimize-sibling-calls", "-x", "c", "-"]
        + [f"-DROOM={ROOM_BYTES}", f"-DSIZE={size}", f"-Wl,--build-id=0x{build_id}", "-o", path],
        input=SOURCE.replace("ROOM\\n", f"{ROOM_BYTES}\\n"),
        text=True,
        check=True,
    )
    return path


def _sections(data):
    """{name: (offset of its header, its fields)}"""
    (offset,) = struct.unpack_from("<Q", data, 40)
    entry, n, names = struct.unpack_from("<HHH", data, 58)
    headers = [SECTION.unpack_from(data, offset + i * entry) for i in range(n)]
    found = {}
    for i, header in enumerate(headers):
        at = headers[names][4] + header[0]
        name = bytes(data[at : data.index(0, at)]).decode()
        found[name] = (offset + i * entry, list(header))
    return found


def replaced(source, target, make):
    """A copy of a built program whose .eh_frame is make(address of it, address of its code).

    Its build id is its own: tables of one owner's files are shared by build id.
    """
    with open(source, "rb") as f:
        data = bytearray(f.read())
    sections = _sections(data)
    _, room = sections[".room"]
    place, frames = sections[".eh_frame"]
    text = sections[".text"][1]
    content = make(room[3], text[3])
    assert len(content) <= ROOM_BYTES
    data[room[4] : room[4] + len(content)] = content
    note = sections[".note.gnu.build-id"][1]
    data[note[4] + 16 : note[4] + note[5]] = hashlib.sha1(target.encode()).digest()
    frames[3:6] = room[3], room[4], len(content)
    SECTION.pack_into(data, place, *frames)
    with open(target, "wb") as f:
        f.write(data)
    os.chmod(target, 0o755)
    return target


def sparse(source, target, gigabytes):
    """A copy whose .eh_frame is one FDE of so many GB, nearly all of them a hole in the file."""
    replaced(source, target, _whole)
    with open(target, "r+b") as f:
        data = bytearray(f.read())
        offset = (len(data) + 4095) & ~4095
        sections = _sections(data)
        place, frames = sections[".eh_frame"]
        room, text = sections[".room"][1], sections[".text"][1]
        size = gigabytes << 30
        first = cie()
        head = struct.pack("<IQQ", 0xFFFFFFFF, size - len(first) - 12, len(first) + 12)
        pointer = text[3] - (room[3] + len(first) + len(head))
        f.seek(offset)
        f.write(first + head + struct.pack("<iIB", pointer, 0x1000, 0))
        f.truncate(offset + size)
        frames[3:6] = room[3], offset, size
        SECTION.pack_into(data, place, *frames)
        f.seek(0)
        f.write(data)
    return target


def entry(content):
    return struct.pack("<I", len(content)) + content


def cie(letters=b"zR", block=b"\x1b", program=BEGIN):
    head = struct.pack("<IB", 0, 1) + letters + b"\0\x01\x78\x10" + bytes([len(block)]) + block
    return entry(head + program)


def fde(section, at, start, length, program, back=None):
    """An FDE at an offset of the section whose CIE stands first; pcrel and 4 bytes."""
    back = at + 4 if back is None else back
    pointer = start - (section + at + 8)
    return entry(struct.pack("<IiIB", back & 0xFFFFFFFF, pointer, length, 0) + program)


def _whole(section, text):
    first = cie()
    return first + fde(section, len(first), text, 0x1000, b"")


def itself(section, text):
    """Entries whose CIE is themselves, their neighbour, or nowhere."""
    out = b""
    for back in (4, 0, 8, 0x7FFFFFFF, 0xFFFFFFFF, 1):
        if back:
            out += fde(section, len(out), text, 0x1000, b"", back=back)
    return out


def unsorted(section, text):
    """20,000 FDEs in no order, each over all of the code and saying something else."""
    out = cie()
    for i in range(20000):
        start = text + (i * 7919) % 0x1000
        out += fde(section, len(out), start, 0x2000, bytes([0x0E, i % 100 + 8]))
    return out


def past_the_end(section, text):
    """Lengths that lead out of the section, out of the file, and round the end of all numbers."""
    out = _whole(section, text)
    wide = struct.pack("<IQ", 0xFFFFFFFF, 0xFFFFFFFFFFFFFFF0)
    return out + wide + struct.pack("<II", 0xFFFFFFF0, 0) + bytes(64)


def endless(section, text):
    """Numbers and expressions whose own length has no end."""
    out = cie()
    for program in (b"\x0e" + b"\x80" * 4096, b"\x0f\xff\xff\xff\xff\x7f", b"\x0a" * 4096):
        out += fde(section, len(out), text, 0x1000, program)
    return out


def rows(section, text):
    """A row for each byte of code, over 2^32 bytes as it claims: as many as the room holds."""
    out = cie()
    steps = (ROOM_BYTES - len(out) - 32) // 3
    program = b"".join(bytes([0x41, 0x0E, i & 127]) for i in range(steps))
    return out + fde(section, len(out), text, 0xFFFFFFFF, program)


def lies(section, text):
    """Well-formed, and wrong: the walk goes astray, and must end."""
    first = cie(program=bytes([0x0C, 7, 0, 0x90, 1]))
    return first + fde(section, len(first), text, 0x1000, b"")


HOSTILE = (itself, unsorted, past_the_end, endless, rows, lies)
