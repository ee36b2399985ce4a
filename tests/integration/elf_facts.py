"""What binutils say of an ELF file: the truth that stacks are held against, from outside Hearth.

Offsets are those of the file, as Hearth's frames have them.
"""

import bisect
import functools
import re
import subprocess


def tool(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


class Elf:
    def __init__(self, path):
        self.segments = [
            tuple(int(field, 16) for field in found)
            for found in re.findall(
                r"^\s+LOAD\s+(0x\w+)\s+(0x\w+)\s+0x\w+\s+(0x\w+)",
                tool("readelf", "-lW", path),
                re.MULTILINE,
            )
        ]
        self.sections = [
            (name, int(start, 16), int(start, 16) + int(size, 16))
            for name, start, size in re.findall(
                r"\]\s+(\S+)\s+PROGBITS\s+(\w+)\s+\w+\s+(\w+)", tool("readelf", "-SW", path)
            )
        ]
        self.functions = sorted(
            (int(start, 16), int(start, 16) + int(size, 16), name)
            for start, size, name in re.findall(
                r"^(\w+) (\w+) [tTwW] (\S+)$", tool("nm", "-S", path), re.MULTILINE
            )
        )
        self.path = path

    def address(self, offset):
        for begin, address, size in self.segments:
            if begin <= offset < begin + size:
                return offset - begin + address
        return offset

    def name(self, offset):
        """The function that an offset lies in, or the section if that is a PLT; else None."""
        address = self.address(offset)
        at = bisect.bisect(self.functions, (address, float("inf"), "")) - 1
        if at >= 0 and self.functions[at][0] <= address < self.functions[at][1]:
            return self.functions[at][2]
        for section, begin, end in self.sections:
            if begin <= address < end:
                return "plt" if section.startswith(".plt") else section
        return None

    @functools.cached_property
    def ends(self):
        """[(begin, end)] of the functions whose CFI says that they return to nobody."""
        found, now = [], None
        dump = tool("readelf", "--debug-dump=frames-interp", self.path)
        for line in dump.splitlines():
            header = re.search(r"FDE .* pc=(\w+)\.\.(\w+)", line)
            if header:
                now = (int(header.group(1), 16), int(header.group(2), 16))
            elif now and re.match(r"[0-9a-f]{16} .*\su\s*$", line):
                found.append(now)
                now = None
            elif not line:
                now = None
        return found

    def is_end(self, offset):
        address = self.address(offset)
        return any(begin <= address < end for begin, end in self.ends)


@functools.cache
def elf(path):
    return Elf(path)
