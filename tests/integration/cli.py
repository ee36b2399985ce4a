"""What the command line tests share: running hearth, and what a refusal looks like."""

import os
import pty
import subprocess
import sys
import unittest

HEARTH = SOURCE = None
SECONDS = 30


def hearth(*arguments, stdin=subprocess.DEVNULL, **more):
    """Run it with pipes for stdout and stderr, as in a script."""
    return subprocess.run(
        [HEARTH, *map(str, arguments)],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=SECONDS,
        check=False,
        **more,
    )


def hearth_on_terminal(*arguments):
    """Run it with a terminal as stdout. Exit status, what the terminal got, what stderr got."""
    master, slave = pty.openpty()
    with subprocess.Popen(
        [HEARTH, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=slave,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        os.close(slave)
        shown = b""
        while True:
            try:
                part = os.read(master, 65536)
            except OSError:  # EIO: nobody holds the other side any more
                break
            if not part:
                break
            shown += part
        told = run.stderr.read()
        run.wait(timeout=SECONDS)
    os.close(master)
    return run.returncode, shown.decode(), told


def has_open(pid, path):
    """Whether a process has this file open: a worker that was given it has been asked."""
    folder, real = f"/proc/{pid}/fd", os.path.realpath(path)
    try:
        return any(os.readlink(os.path.join(folder, fd)) == real for fd in os.listdir(folder))
    except OSError:  # one of them was closed, or it has ended
        return False


class CliCase(unittest.TestCase):
    def assert_refused(self, status, sentence, *arguments, **more):
        """Exit status, nothing on stdout, and on stderr the sentence, on one line of its own."""
        run = hearth(*arguments, **more)
        told = [line for line in run.stderr.splitlines() if sentence in line]
        self.assertTrue(told, f"{arguments}: {run.stderr!r} does not say {sentence!r}")
        self.assertTrue(told[0].startswith("hearth"), told[0])
        self.assertEqual(run.returncode, status, run.stderr)
        self.assertEqual(run.stdout, "")
        self.assertLessEqual(len(run.stderr.splitlines()), 2, run.stderr)

    def assert_usage(self, sentence, *arguments):
        self.assert_refused(2, sentence, *arguments)

    def assert_failed(self, sentence, *arguments, **more):
        self.assert_refused(1, sentence, *arguments, **more)


def main():
    global HEARTH, SOURCE
    HEARTH, SOURCE = sys.argv[1:3]
    unittest.main(module="__main__", argv=sys.argv[:1] + sys.argv[3:])
