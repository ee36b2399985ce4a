"""A terminal for tests: a program on a pseudo terminal, its keys, and what its screen shows.

The emulation knows what ncurses sends to TERM=xterm, and refuses the rest: a sequence that a name
smuggled in is an error, and so is a byte that is no text.
"""

import fcntl
import os
import platform
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

# poll() and ppoll(), as /proc/PID/syscall has them.
POLLS = {"x86_64": ("7", "271"), "aarch64": ("73",)}.get(platform.machine(), ())
ESCAPE_S = 0.1  # more than ncurses waits for what may follow an Esc

SEQUENCE = re.compile(
    r"\x1b\[(?P<private>[?>]?)(?P<numbers>[\d;]*)(?P<final>[A-Za-z@`])|\x1b[()][AB0]|\x1b[=>78M]"
)


class Screen:
    """Lines of characters, as sequences change them."""

    def __init__(self, lines, columns):
        self.size = lines, columns
        self.cells = [[" "] * columns for _ in range(lines)]
        self.line = self.column = 0
        self.region = 0, lines  # that scrolls: [first, behind the last)
        self.colours = 0  # how often one was set
        self.other = self.cursor_hidden = False
        self.rest = ""

    def text(self):
        return ["".join(line).rstrip() for line in self.cells]

    def feed(self, text):
        text = self.rest + text
        at = 0
        self.rest = ""
        while at < len(text):
            if text[at] == "\x1b":
                found = SEQUENCE.match(text, at)
                if not found:
                    self.rest = text[at:]
                    assert len(self.rest) < 24, f"no sequence of ours: {self.rest[:24]!r}"
                    return
                if found.group("final"):
                    self.sequence(found)
                elif found.group() == "\x1bM" and self.line == self.region[0]:
                    self.scroll(self.line, 1, up=False)
                elif found.group() == "\x1bM":
                    self.line = max(self.line - 1, 0)
                at = found.end()
                continue
            self.character(text[at])
            at += 1

    def character(self, c):
        if c == "\r":
            self.column = 0
        elif c == "\n":
            self.next_line()
        elif c == "\b":
            self.column = max(self.column - 1, 0)
        elif c == "\x0f":
            pass
        else:
            assert c.isprintable(), f"not text: {c!r}"
            if self.column >= self.size[1]:
                self.column = 0
                self.next_line()
            self.cells[self.line][self.column] = c
            self.last = c
            self.column += 1

    def clear(self, begin, end):
        for at in range(begin, end):
            self.cells[at // self.size[1]][at % self.size[1]] = " "

    def sequence(self, found):
        final, text = found.group("final"), found.group("numbers")
        numbers = [int(n or 0) for n in text.split(";")] if text else []
        n = numbers[0] if numbers else 0
        lines, columns = self.size
        at = self.line * columns + self.column
        if final == "m":
            self.colours += any(30 <= n < 50 or 90 <= n < 108 for n in numbers) and not all(
                n in (39, 49, 0) for n in numbers
            )
        elif final in "hl" and found.group("private"):
            self.other = final == "h" if 1049 in numbers else self.other
            self.cursor_hidden = final == "l" if 25 in numbers else self.cursor_hidden
        elif final == "H":
            self.line = min(max(n, 1), lines) - 1
            self.column = min(max(numbers[1] if len(numbers) > 1 else 1, 1), columns) - 1
        elif final == "d":
            self.line = min(max(n, 1), lines) - 1
        elif final in "G`":
            self.column = min(max(n, 1), columns) - 1
        elif final == "A":
            self.line = max(self.line - max(n, 1), 0)
        elif final == "B":
            self.line = min(self.line + max(n, 1), lines - 1)
        elif final == "C":
            self.column = min(self.column + max(n, 1), columns - 1)
        elif final == "D":
            self.column = max(self.column - max(n, 1), 0)
        elif final == "J":
            self.clear(at if n == 0 else 0, lines * columns if n != 1 else at + 1)
        elif final == "K":
            begin = self.line * columns
            self.clear(at if n == 0 else begin, begin + columns if n != 1 else at + 1)
        elif final == "X":
            self.clear(at, min(at + max(n, 1), (self.line + 1) * columns))
        elif final == "b":
            for _ in range(n):
                self.character(self.last)
        elif final == "P":
            line = self.cells[self.line]
            del line[self.column : self.column + max(n, 1)]
            line += [" "] * (columns - len(line))
        elif final == "@":
            line = self.cells[self.line]
            line[self.column : self.column] = [" "] * max(n, 1)
            del line[columns:]
        elif final in "LMST":
            top = self.line if final in "LM" else self.region[0]
            self.scroll(top, max(n, 1), up=final in "MS")
        elif final == "r":
            self.region = (numbers[0] - 1, numbers[1]) if len(numbers) == 2 else (0, lines)
            self.line = self.column = 0
        else:
            assert final in "thl", f"no sequence of ours: {found.group()!r}"

    def scroll(self, top, n, up):
        """Lines from top to the region's end."""
        bottom = self.region[1]
        for _ in range(n):
            gone, new = (top, bottom - 1) if up else (bottom - 1, top)
            self.cells.pop(gone)
            self.cells.insert(new, [" "] * self.size[1])

    def next_line(self):
        if self.line + 1 == self.region[1]:
            self.scroll(self.region[0], 1, up=True)
        else:
            self.line = min(self.line + 1, self.size[0] - 1)


class Terminal:
    """A program on a terminal of that size; controlling: which sends it signals."""

    def __init__(self, *command, lines=30, columns=110, controlling=True, **environment):
        self.master, self.slave = pty.openpty()
        self.polls = os.path.basename(str(command[0])) == "hearth" and POLLS
        self.resize(lines, columns)
        self.before = termios.tcgetattr(self.slave)
        settings = {**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8", **environment}
        self.process = subprocess.Popen(
            list(map(str, command)),
            stdin=self.slave,
            stdout=self.slave,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env={key: value for key, value in settings.items() if value is not None},
            preexec_fn=(lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)) if controlling else None,
        )
        self.bytes = b""
        self.asked = 0  # sleeps() when a key was pressed that it may not have seen yet

    def resize(self, lines, columns):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.screen = Screen(lines, columns)

    def read(self, seconds):
        """What comes within that time, onto the screen."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if not select.select([self.master], [], [], left)[0]:
                break
            part = os.read(self.master, 65536)
            self.bytes += part
            self.screen.feed(part.decode(errors="surrogateescape"))

    def sleeps(self):
        """How often the program has gone to sleep; -1: it has ended."""
        try:
            with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as status:
                found = re.search(r"^voluntary_ctxt_switches:\t(\d+)", status.read(), re.MULTILINE)
        except OSError:
            found = None
        return int(found.group(1)) if found else -1

    def waits_for_keys(self):
        """It has seen all that was pressed, has drawn what that asked for, and sleeps in poll()."""
        if self.process.poll() is not None:
            return True
        try:
            with open(f"/proc/{self.process.pid}/syscall", encoding="ascii") as syscall:
                return syscall.read().split()[0] in POLLS and self.sleeps() > self.asked
        except OSError:
            return True

    def settle(self):
        """Until nothing more comes: what a key asked for has been drawn whole."""
        until = time.monotonic() + 30
        silent = 0.0
        while time.monotonic() < until:
            before = len(self.bytes), self.sleeps()
            waits = self.waits_for_keys()
            self.read(ESCAPE_S)
            if len(self.bytes) != before[0]:
                silent = 0
                continue
            silent += ESCAPE_S
            # Of a program that starts another nothing is known but its silence.
            if (waits and self.sleeps() == before[1]) if self.polls else silent > 0.4:
                break
        self.asked = 0

    def wait(self, condition, what, seconds=30):
        until = time.monotonic() + seconds
        while not condition(self.screen.text()):
            shown = "\n".join(self.screen.text())
            assert time.monotonic() < until, f"not shown: {what}\n{shown}"
            self.read(0.1)
        self.settle()
        return self.screen.text()

    def wait_for(self, pattern, seconds=30):
        """The first match of it in a line of the screen."""
        text = self.wait(
            lambda lines: re.search(pattern, "\n".join(lines)), pattern, seconds
        )
        return re.search(pattern, "\n".join(text))

    def press(self, keys):
        self.asked = self.sleeps()
        os.write(self.master, keys.encode())
        self.settle()
        return self.screen.text()

    def end(self, seconds=10):
        """Exit status, when it has ended; the rest of what it wrote is read."""
        until = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < until, "it does not end"
            self.read(0.05)
        self.read(0.2)
        return self.process.returncode

    def is_as_before(self):
        return (
            termios.tcgetattr(self.slave) == self.before
            and not self.screen.other
            and not self.screen.cursor_hidden
        )

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.communicate()
        for fd in (self.master, self.slave):
            if fd >= 0:
                os.close(fd)
        self.master = self.slave = -1
