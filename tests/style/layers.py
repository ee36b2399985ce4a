#!/usr/bin/env python3
"""Which room may know which, from the #include lines: the table of the rooms in README.md.

Headers of ours are included from the root in quotes, all others in angle brackets. A header that
no room has been allowed is a violation until it stands in a table below.
"""

import re

import tree as style

# room -> (rooms and files of ours that it may include, libraries that it may include)
RULES = {
    "bpf": (["bpf"], ["libbpf for BPF"]),
    "profiler/base": (["profiler/base"], ["libc", "sockets"]),
    "symbolizer": (
        ["symbolizer", "profiler/base", "bpf/abi.h", "bpf/unwind_table.h"],
        [
            "libc",
            "libelf",
            "libdw",
            "libunwind",
            "liblzma",
            "libiberty",
            "libcapstone",
            "zlib",
            "zstd",
        ],
    ),
    "storage": (["storage", "profiler/base"], ["libc", "sqlite3", "zstd", "xxhash", "pcre2"]),
    "web": (
        ["web", "storage", "profiler/base"],
        ["libc", "sockets", "microhttpd", "protobuf-c", "zlib"],
    ),
    "profiler": (
        ["profiler", "bpf", "symbolizer", "storage", "web"],
        ["libc", "sockets", "libbpf", "seccomp", "libcap", "libcurl", "ncursesw"],
    ),
    "tests/unit/base": (["tests", "profiler/base"], ["libc", "sockets", "cmocka"]),
    "tests/unit/symbolizer": (
        ["tests", "symbolizer", "profiler/base", "bpf/abi.h"],
        [
            "libc",
            "libelf",
            "libdw",
            "libunwind",
            "liblzma",
            "libiberty",
            "libcapstone",
            "zlib",
            "zstd",
            "cmocka",
        ],
    ),
    "tests/unit/storage": (
        ["tests", "storage", "profiler/base"],
        ["libc", "sockets", "sqlite3", "zstd", "xxhash", "pcre2", "cmocka"],
    ),
    "tests/unit/web": (
        ["tests", "web", "storage", "profiler/base"],
        ["libc", "sockets", "microhttpd", "protobuf-c", "zlib", "cmocka"],
    ),
    "tests": (None, None),  # whatever it takes
}

# The BPF object is opened in one place.
ONLY_INCLUDER = {r"bpf/.*\.skel\.h$": ["profiler/collector/bpf_object.c"]}

# A header belongs to the first library whose pattern it matches whole.
LIBRARIES = [
    ("libbpf for BPF", r"bpf/bpf_(helpers|helper_defs|tracing|core_read|endian)\.h"),
    ("libbpf", r"bpf/.*"),
    ("libelf", r"libelf\.h|gelf\.h|nlist\.h"),
    ("libdw", r"elfutils/.*|dwarf\.h"),
    ("libunwind", r"libunwind.*\.h|unwind\.h"),
    ("liblzma", r"lzma(/.*)?\.h"),
    ("libcapstone", r"capstone/.*"),
    ("libiberty", r"(libiberty/)?demangle\.h|libiberty/.*"),
    ("sqlite3", r"sqlite3(ext)?\.h"),
    ("zstd", r"zstd.*\.h|zdict\.h"),
    ("xxhash", r"xxhash\.h|xxh3\.h"),
    ("zlib", r"zlib\.h|zconf\.h"),
    ("pcre2", r"pcre2.*\.h"),
    ("microhttpd", r"microhttpd\.h"),
    ("protobuf-c", r"protobuf-c/.*|google/protobuf-c/.*"),
    ("seccomp", r"seccomp\.h"),
    ("libcurl", r"curl/.*"),
    ("libcap", r"sys/(capability|psx_syscall)\.h"),
    ("ncursesw", r"curses\.h|term\.h"),
    ("cmocka", r"cmocka\.h"),
    (
        "sockets",
        r"sys/(socket|un)\.h|netinet/.*|arpa/.*|net/.*|netdb\.h|linux/(rt)?netlink\.h",
    ),
    (
        "libc",
        r"(aio|alloca|argz|assert|byteswap|complex|cpio|ctype|dirent|dlfcn|elf|endian|envz|err"
        r"|errno|error|execinfo|fcntl|features|fenv|float|fnmatch|ftw|getopt|glob|grp|iconv"
        r"|inttypes|iso646|langinfo|libgen|limits|link|locale|malloc|math|memory|mqueue|paths|poll"
        r"|pthread|pwd|regex|sched|search|semaphore|setjmp|signal|spawn|stdalign|stdarg|stdatomic"
        r"|stdbool|stddef|stdint|stdio|stdio_ext|stdlib|stdnoreturn|string|strings|syscall|sysexits"
        r"|syslog|termios|tgmath|threads|time|uchar|ucontext|unistd|utime|utmp|wait|wchar|wctype"
        r"|wordexp|cpuid|immintrin|x86intrin|arm_neon|nmmintrin|emmintrin|smmintrin)\.h"
        r"|sys/.*|linux/.*|asm/.*|asm-generic/.*|bits/.*|sanitizer/.*|valgrind/.*",
    ),
]

# What BPF programs have of the kernel's own headers.
BPF_HEADERS = r"linux/.*|asm/.*|stdbool\.h|stddef\.h|stdint\.h"

INCLUDE = re.compile(r"^[ \t]*#[ \t]*include(?:_next)?\b[ \t]*(.*?)[ \t]*$", re.MULTILINE)


def room_of(path):
    """The longest room that path stands in; None where the table has none."""
    rooms = [room for room in RULES if path.startswith(room + "/")]
    return max(rooms, key=len, default=None)


def library_of(header):
    for library, pattern in LIBRARIES:
        if re.fullmatch(pattern, header):
            return library
    return None


def check_ours(path, room, header):
    ours, _ = RULES[room]
    if header.split("/")[0] not in style.ROOMS or "/" not in header or ".." in header:
        yield f'"{header}" is not written from the root'
        return
    for pattern, includers in ONLY_INCLUDER.items():
        if re.search(pattern, header) and path not in includers:
            yield f'"{header}" is included by {", ".join(includers)} only'
    if ours is not None and not any(
        header == known or header.startswith(known + "/") for known in ours
    ):
        yield f'{room} may not know "{header}"'


def check_others(tree, room, header):
    _, libraries = RULES[room]
    if tree.exists(header):
        yield f"<{header}> is ours: write it in quotes"
        return
    if libraries is None or (room == "bpf" and re.fullmatch(BPF_HEADERS, header)):
        return
    library = library_of(header)
    if library is None:
        yield f"<{header}> is of a library that no room has"
    elif library not in libraries:
        yield f"{room} may not know {library}: <{header}>"


def check(tree):
    for path in tree.c_files():
        room = room_of(path)
        if room is None:
            yield f"{path}: stands in no room"
            continue
        text = style.strip_comments(tree.text(path))
        for include in INCLUDE.finditer(text):
            line = text.count("\n", 0, include.start()) + 1
            target = include.group(1)
            if re.fullmatch(r'"[^"]+"', target):
                found = check_ours(path, room, target[1:-1])
            elif re.fullmatch(r"<[^>]+>", target):
                found = check_others(tree, room, target[1:-1])
            else:
                found = [f"an include that is no file name: {target}"]
            for sentence in found:
                yield f"{path}:{line}: {sentence}"


if __name__ == "__main__":
    style.run(check)
