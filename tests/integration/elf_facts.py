"""What binutils say of an ELF file: the truth that stacks are held against, from outside Hearth.

Offsets are those of the file, as Hearth's frames have them.
"""

import bisect
import functools
import re
import subprocess

# The C library linker's is its own last instructions before it jumps into the program.
ENTRY_BYTES = 64


def tool(*command, check=True):
    return subprocess.run(command, capture_output=True, text=True, check=check).stdout


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
        """
        [(begin, end)] of the code that returns to nobody: where the CFI leaves the return address
        undefined; the instructions at the entry point, which has no caller but the kernel; and the
        first byte of a function behind code of nobody, where a return address leads that was
        written to a stack by hand, as makecontext() does.
        """
        header = tool("readelf", "-h", self.path)
        entry = int(re.search(r"Entry point address:\s+(0x\w+)", header).group(1), 16)
        found, undefined_in, now = [(entry, entry + ENTRY_BYTES)] if entry else [], {}, None
        functions = []
        # It ends with 1 where it finds fault with a part, as with the C library.
        dump = tool("readelf", "--debug-dump=frames-interp", self.path, check=False)
        for line in dump.splitlines():
            cie = re.match(r"(\w+) \w+ \w+ CIE", line)
            fde = re.search(r"FDE cie=(\w+) pc=(\w+)\.\.(\w+)", line)
            if cie:
                now = cie.group(1)
            elif fde:
                now = (int(fde.group(2), 16), int(fde.group(3), 16))
                functions.append(now)
                if undefined_in.get(fde.group(1)):
                    found.append(now)
            elif now and re.match(r"[0-9a-f]{16} .*\su\s*$", line):
                if isinstance(now, str):
                    undefined_in[now] = True
                else:
                    found.append(now)
        covered_until = 0
        for begin, end in sorted(functions):
            if covered_until < begin:
                found.append((begin, begin + 1))
            covered_until = max(covered_until, end)
        return sorted(found)

    def is_end(self, offset):
        address = self.address(offset)
        at = bisect.bisect(self.ends, (address, float("inf"))) - 1
        return any(begin <= address < end for begin, end in self.ends[max(at - 1, 0) : at + 1])


@functools.cache
def elf(path):
    return Elf(path)
