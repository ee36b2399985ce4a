#!/usr/bin/env python3
"""The viewer's tests against a real daemon: run_viewer.py [TEST...].

It starts a daemon, gives it something to see, runs the tests of test_viewer.py, test_views.py,
test_times.py, test_compare.py, test_code.py and test_access.py, or the files or tests whose names
hold a TEST, and ends it.

HEARTH_BUILD names the build folder. Exit 77: no browser, or no sampling on this machine.
"""

import contextlib
import os
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "integration")]
import host  # noqa: E402
import test_access  # noqa: E402
import test_code  # noqa: E402
import test_compare  # noqa: E402
import test_times  # noqa: E402
import test_viewer  # noqa: E402
import test_views  # noqa: E402
from webdriver import skip_without_browser  # noqa: E402

HZ = 499
MODULES = (test_viewer, test_views, test_times, test_compare, test_code, test_access)
SECONDS = 20  # of CPU time: 9,980 samples


@contextlib.contextmanager
def sources():
    """A folder that everyone may read with the source of the known program."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        shutil.copy(os.path.join(HERE, "..", "programs", "split.c"), folder)
        os.chmod(os.path.join(folder, "split.c"), 0o644)
        yield folder


def main():
    skip_without_browser()
    host.skip_without_sampling()
    with sources() as folder, host.daemon("-F", str(HZ), "--source-dir", folder) as served:
        with host.load(host.program("hostile"), "0.4") as hostile:
            with host.load(host.program("split"), str(SECONDS)) as split:
                hostile.wait(60)
                split.wait(10 * SECONDS)
                pid = str(split.pid)
        wanted = 0.98 * HZ * SECONDS
        host.wait_until(lambda: samples(served, pid) >= wanted, 10, f"{wanted} samples")
        tests = [
            test
            for module in MODULES
            for test in test_viewer.tests_of(vars(module))
            if chosen(module.__name__ + " " + test.__name__)
        ]
        return test_viewer.run(served.address, served.store, pid, tests)


def chosen(name):
    return not sys.argv[1:] or any(word in name for word in sys.argv[1:])


def samples(served, pid):
    return served.json(f"/api/v1/profile?format=json&match=%7Bpid%3D%22{pid}%22%7D")["samples"]


if __name__ == "__main__":
    sys.exit(main())
