#!/usr/bin/env python3
"""Debug files of servers: a real debuginfod on this machine alone, and servers that are none.

Programs are built here, each with a build id that nobody has seen before.
"""

import contextlib
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import host

SOURCE = """
#include <stdlib.h>
#include <time.h>
static volatile unsigned long sink;
static inline __attribute__((always_inline)) void deep_within(unsigned long n)
{
	for (unsigned long i = 0; i < n; i++)
		sink += i * i;
}
static __attribute__((noinline)) void burn_secretly(void)
{
	deep_within(100000);
	__asm__ volatile("");
}
const char *of_this_build = "%s";
int main(int argc, char **argv)
{
	/* CPU time: however little of it this machine has, so much is sampled. */
	while (clock() < atoi(argv[1]) * CLOCKS_PER_SEC)
		burn_secretly();
	return argc - 2;
}
"""
DEBUG_DIR = "/usr/lib/debug/.build-id"
NAMED = "burn_secretly;deep_within_[i]"
# A daemon samples the whole host: tests that run at once know theirs by its name.
BURNER = f"burner-{os.getpid()}"
NAMELESS = BURNER + "+0x"


class Built:
    """A stripped program in a folder, its debug file in another, and its build id."""

    def __init__(self, folder, name):
        self.program = os.path.join(folder, name)
        self.debug = os.path.join(folder, "debug", name + ".debug")
        self.full = os.path.join(folder, "full-" + name)
        os.makedirs(os.path.dirname(self.debug), exist_ok=True)
        with open(self.full + ".c", "w", encoding="ascii") as source:
            source.write(SOURCE % os.urandom(16).hex())
        subprocess.run(
            ["gcc", "-O2", "-g", "-Wl,--build-id", "-o", self.full, self.full + ".c"], check=True
        )
        subprocess.run(["objcopy", "--only-keep-debug", self.full, self.debug], check=True)
        subprocess.run(["objcopy", "--strip-all", self.full, self.program], check=True)
        notes = subprocess.run(
            ["readelf", "-n", self.program], capture_output=True, text=True, check=True
        ).stdout
        self.build_id = notes.split("Build ID:")[1].split()[0]

    def address(self):
        symbols = subprocess.run(["nm", self.full], capture_output=True, text=True, check=True)
        return next(s.split()[0] for s in symbols.stdout.splitlines() if "burn_secretly" in s)


@contextlib.contextmanager
def built(name=BURNER):
    with tempfile.TemporaryDirectory(prefix="hearth-debuginfod-") as folder:
        os.chmod(folder, 0o755)
        yield Built(folder, name)


@contextlib.contextmanager
def installed(b):
    """Its debug file where packages put them."""
    path = os.path.join(DEBUG_DIR, b.build_id[:2], b.build_id[2:] + ".debug")
    made = not os.path.isdir(os.path.dirname(path))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    shutil.copy(b.debug, path)
    try:
        yield
    finally:
        os.unlink(path)
        if made:
            os.rmdir(os.path.dirname(path))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def debuginfod(folder, port):
    """Debian's server over a folder; ready when it has scanned it."""
    with tempfile.TemporaryDirectory() as home:
        server = subprocess.Popen(
            ["debuginfod", "-d", ":memory:", "-p", str(port), "-F", folder],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={"PATH": os.environ["PATH"], "HOME": home},
        )
        try:
            for line in server.stderr:
                if "groomed database" in line:
                    break
            drain = threading.Thread(target=server.stderr.read)
            drain.start()
            yield f"http://127.0.0.1:{port}"
            server.terminate()
            drain.join()
        finally:
            server.kill()
            server.communicate()


class Answers(http.server.BaseHTTPRequestHandler):
    """The first part of the path is how it answers."""

    file = b""  # what "wrong" and "late" send
    # Of this build alone: a daemon asks for the programs of tests beside this one as well, and what
    # it is sent lies in the host's one cache.
    of = ""
    asked = []

    def do_GET(self):
        self.asked.append(self.path)
        kind = self.path.split("/")[1]
        if kind == "ill":
            self.send_error(503)
        elif kind == "none" or self.of not in self.path:
            self.send_error(404)
        else:
            time.sleep(4 if kind == "late" else 0)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(self.file if kind in ("wrong", "late") else b"<html>no file</html>")

    def log_message(self, *_):
        pass


class Proxy(http.server.BaseHTTPRequestHandler):
    """Gives one file of whatever host it is asked for, and gives no tunnel."""

    file = b""
    of = ""  # as above
    asked = []

    def do_GET(self):
        self.asked.append(self.path)
        if self.of not in self.path:
            self.send_error(404)
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.file)

    def do_CONNECT(self):
        self.asked.append(self.path)
        self.send_error(502)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def listening(handler):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    handler.of = ""
    handler.asked.clear()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def without_servers():
    return {k: v for k, v in os.environ.items() if k != "DEBUGINFOD_URLS"}


def stacks_of(store, comm=BURNER):
    return host.run(
        "export", "--store", store, "--match", '{comm="%s"}' % comm, "--format", "folded"
    ).stdout


def wait_until_nameless(store):
    """Frames of ours are stored, and their debug file was wanted: a second or two later."""
    host.wait_until(
        lambda: NAMELESS in stacks_of(store), 20, "frames without a name are stored"
    )
    time.sleep(3)


def is_named(text):
    """Every stack of ours, not only those since the file came."""
    return NAMED in text and NAMELESS not in text


class Recording(unittest.TestCase):
    def test_a_stripped_program_is_named_by_the_server(self):
        with built() as b, debuginfod(os.path.dirname(b.debug), free_port()) as url:
            out = os.path.join(os.path.dirname(b.program), "out.folded")
            host.run("record", "--debuginfod", url, "-o", out, "--", b.program, "2")
            with open(out, encoding="ascii") as file:
                text = file.read()
            self.assertTrue(is_named(text), text)

    def test_a_file_that_comes_after_the_last_sample_is_waited_for(self):
        with built() as b, listening(Answers) as url:
            with open(b.debug, "rb") as debug:
                Answers.file = debug.read()
            out = os.path.join(os.path.dirname(b.program), "out.folded")
            host.run("record", "--debuginfod", url + "/late", "-o", out, "--", b.program, "1")
            with open(out, encoding="ascii") as file:
                text = file.read()
            self.assertTrue(is_named(text), text)

    def test_servers_may_be_named_by_the_environment(self):
        with built() as b, debuginfod(os.path.dirname(b.debug), free_port()) as url:
            out = os.path.join(os.path.dirname(b.program), "out.json")
            host.run(
                *("record", "-o", out, "--", b.program, "2"),
                env={**os.environ, "DEBUGINFOD_URLS": "ima:enforcing " + url},
            )
            with open(out, encoding="utf-8") as text:
                self.assertIn(f"full-{BURNER}.c", text.read())

    def test_what_no_server_has_is_waited_for_no_longer_than_it_takes(self):
        with built() as b, listening(Answers) as url:
            began = time.monotonic()
            out = os.path.join(os.path.dirname(b.program), "out.folded")
            host.run("record", "--debuginfod", url + "/none", "-o", out, "--", b.program, "1")
            with open(out, encoding="ascii") as text:
                self.assertIn(NAMELESS, text.read())
            self.assertLess(time.monotonic() - began, 25)  # no server says nothing for 30
            self.assertIn(f"/none/buildid/{b.build_id}/debuginfo", Answers.asked)


class Serving(unittest.TestCase):
    def test_stored_samples_get_their_names_and_keep_them(self):
        with built() as b, tempfile.TemporaryDirectory() as folder:
            store = os.path.join(folder, "store", "hearth.db")
            with debuginfod(os.path.dirname(b.debug), free_port()) as url:
                with host.daemon("--debuginfod", url, store=store) as served:
                    with host.load(b.program, "60"):
                        host.wait_until(
                            lambda: is_named(stacks_of(store)), 20, "every frame has its name"
                        )
                    self.check_status(served.status(), url)
                    self.check_workers(served.status(), url)
                words = host.run("status", "--store", store).stdout
            with host.daemon(store=store):
                self.assertTrue(is_named(stacks_of(store)))
            self.assertIn("not running", words)

    def check_status(self, status, url):
        told = status["symbols"]["debuginfod"]
        self.assertEqual([s["url"] for s in told["servers"]], [url])
        self.assertGreaterEqual(told["servers"][0]["fetched"], 1)
        self.assertGreater(told["bytes"], 1000)
        self.assertGreaterEqual(told["cache_bytes"], told["bytes"])
        self.assertGreaterEqual(status["symbols"]["renamed_objects"], 1)

    def check_workers(self, status, url):
        fetchers = [p["pid"] for p in status["processes"] if p["role"] == "fetcher"]
        self.assertEqual(len(fetchers), 1)
        for entry in status["processes"]:
            if entry["role"] == "collector":
                continue
            with open(f"/proc/{entry['pid']}/environ", "rb") as environment:
                self.assertEqual(environment.read(), b"")
            with open(f"/proc/{entry['pid']}/cmdline", "rb") as line:
                self.assertNotIn(url.encode(), line.read())
        self.assertNotEqual(os.stat(f"/proc/{fetchers[0]}").st_uid, 0)

    def test_a_server_that_comes_later_is_asked_again(self):
        port = free_port()
        with built() as b, tempfile.TemporaryDirectory() as folder:
            store = os.path.join(folder, "store", "hearth.db")
            url = f"http://127.0.0.1:{port}"
            with host.daemon("--debuginfod", url, store=store) as served:
                with host.load(b.program, "60"):
                    host.wait_until(
                        lambda: served.status()["symbols"]["debuginfod"]["failed"] > 0,
                        *(20, "the server could not be asked"),
                    )
                    self.assertIn(NAMELESS, stacks_of(store))
                    with debuginfod(os.path.dirname(b.debug), port):
                        served.process.send_signal(signal.SIGHUP)
                        host.wait_until(
                            lambda: is_named(stacks_of(store)), 20, "every frame has its name"
                        )

    def test_a_package_that_is_installed_later_is_seen(self):
        with built() as b, tempfile.TemporaryDirectory() as folder:
            store = os.path.join(folder, "store", "hearth.db")
            with host.daemon(store=store) as served, host.load(b.program, "60"):
                wait_until_nameless(store)
                self.assertNotIn("servers", served.status()["symbols"]["debuginfod"])
                with installed(b):
                    served.process.send_signal(signal.SIGHUP)
                    host.wait_until(
                        lambda: is_named(stacks_of(store)), 20, "every frame has its name"
                    )

    def test_without_a_server_nothing_connects(self):
        with built() as b, tempfile.TemporaryDirectory() as folder:
            store = os.path.join(folder, "store", "hearth.db")
            served = host.Daemon(store, environment=without_servers())
            try:
                with host.load(b.program, "60"):
                    wait_until_nameless(store)
                roles = [entry["role"] for entry in served.status()["processes"]]
                self.assertNotIn("fetcher", roles)
                self.assertIn("symbolizer", roles)
                told = served.status()["symbols"]["debuginfod"]
                self.assertNotIn("servers", told)
                self.assertEqual((told["awaited"], told["not_there"], told["failed"]), (0, 0, 0))
            finally:
                served.stop()


class Refreshing(unittest.TestCase):
    """`hearth symbolize --refresh`."""

    def sampled(self, b, folder):
        """A store with samples of b that have no names; no daemon runs any more."""
        store = os.path.join(folder, "store", "hearth.db")
        served = host.Daemon(store, environment=without_servers())
        try:
            with host.load(b.program, "60"):
                wait_until_nameless(store)
        finally:
            served.stop()
        return store

    def test_what_is_stored_gets_its_names_without_a_daemon(self):
        with built() as b, tempfile.TemporaryDirectory() as folder:
            store = self.sampled(b, folder)
            said = host.run("symbolize", "--refresh", "--store", store, "--json").stdout
            self.assertGreater(json.loads(said)["frames"], 0)
            self.assertIn(NAMELESS, stacks_of(store))
            with debuginfod(os.path.dirname(b.debug), free_port()) as url:
                said = host.run("symbolize", "--refresh", "--store", store, "--debuginfod", url)
            self.assertNotIn(" 0 got a name", said.stdout)
            self.assertTrue(is_named(stacks_of(store)))
            self.assertEqual(host.run("check", "--store", store).returncode, 0)

    def test_another_build_at_the_path_names_nothing(self):
        with built() as b, built() as other, tempfile.TemporaryDirectory() as folder:
            store = self.sampled(b, folder)
            shutil.copy(other.full, b.program)
            said = host.run("symbolize", "--refresh", "--store", store).stdout
            self.assertIn("files are not there as they were", said)
            self.assertIn(NAMELESS, stacks_of(store))
            self.assertNotIn("burn_secretly", stacks_of(store))

    def test_another_owner_names_nothing(self):
        with built() as b, tempfile.TemporaryDirectory() as folder:
            store = self.sampled(b, folder)
            shutil.copy(b.full, b.program)
            os.chown(b.program, 12345, 12345)
            host.run("symbolize", "--refresh", "--store", store)
            self.assertNotIn("burn_secretly", stacks_of(store))
            os.chown(b.program, 0, 0)
            host.run("symbolize", "--refresh", "--store", store)
            self.assertTrue(is_named(stacks_of(store)))

    def test_a_daemon_names_what_others_stored_before_it(self):
        """It has never met the program; SIGHUP does what --refresh does."""
        for told in ("refresh", "signal"):
            with built() as b, tempfile.TemporaryDirectory() as folder:
                store = self.sampled(b, folder)
                with host.daemon(store=store) as served:
                    with installed(b):
                        if told == "refresh":
                            host.run("symbolize", "--refresh", "--store", store)
                        else:
                            served.process.send_signal(signal.SIGHUP)
                        host.wait_until(
                            lambda: is_named(stacks_of(store)), 20, "every frame has its name"
                        )
                        host.wait_until(
                            lambda: not served.status()["refresh"]["running"], 20, "it is done"
                        )
                    done = served.status()["refresh"]
                    self.assertGreater(done["named"], 0)
                    self.assertGreaterEqual(done["frames"], done["named"])
                self.assertEqual(host.run("check", "--store", store).returncode, 0)

    def test_a_daemon_is_told_to_look(self):
        with built() as b, tempfile.TemporaryDirectory() as folder:
            store = os.path.join(folder, "store", "hearth.db")
            with host.daemon(store=store) as served, host.load(b.program, "60"):
                wait_until_nameless(store)
                with installed(b):
                    said = host.run("symbolize", "--refresh", "--store", store).stdout
                    self.assertIn(f"The daemon, pid {served.process.pid}, looks", said)
                    host.wait_until(
                        lambda: is_named(stacks_of(store)), 20, "every frame has its name"
                    )


class Proxies(unittest.TestCase):
    """Of the environment. The server's name is nobody's: only the proxy knows what to do with it.
    """

    def symbolized(self, b, url, **variables):
        return host.run(
            *("symbolize", "--debuginfod", url, b.program, b.address()),
            env={**without_servers(), **variables},
        )

    def test_a_server_is_asked_by_the_proxy(self):
        with built() as b, listening(Proxy) as proxy:
            with open(b.debug, "rb") as debug:
                Proxy.file = debug.read()
            server = "http://debuginfod.invalid"
            self.assertIn("??", self.symbolized(b, server).stdout)
            self.assertIn("burn_secretly", self.symbolized(b, server, http_proxy=proxy).stdout)
            self.assertEqual(Proxy.asked, [f"{server}/buildid/{b.build_id}/debuginfo"])

    def test_a_daemon_s_environment_has_it_and_no_worker_s(self):
        with contextlib.ExitStack() as stack:
            b = stack.enter_context(built())
            proxy = stack.enter_context(listening(Proxy))
            with open(b.debug, "rb") as debug:
                Proxy.file, Proxy.of = debug.read(), b.build_id
            store = os.path.join(os.path.dirname(b.program), "store", "hearth.db")
            environment = {**without_servers(), "all_proxy": proxy.replace("//", "//me:secret@")}
            arguments = ("--debuginfod", "http://debuginfod.invalid")
            served = host.Daemon(store, *arguments, environment=environment)
            stack.callback(served.stop)
            stack.enter_context(host.load(b.program, "60"))
            host.wait_until(lambda: is_named(stacks_of(store)), 20, "every frame has its name")
            for entry in served.status()["processes"]:
                if entry["role"] != "collector":
                    for what in ("environ", "cmdline"):
                        with open(f"/proc/{entry['pid']}/{what}", "rb") as text:
                            self.assertNotIn(b"secret", text.read())
            self.assertNotIn("secret", json.dumps(served.status()))

    def test_hosts_that_are_asked_without_it(self):
        with built() as b, listening(Proxy) as proxy, listening(Answers) as server:
            with open(b.debug, "rb") as debug:
                Answers.file = debug.read()
            said = self.symbolized(b, server + "/wrong", http_proxy=proxy, no_proxy="127.0.0.1")
            self.assertIn("burn_secretly", said.stdout)
            self.assertEqual(Proxy.asked, [])

    def test_https_goes_through_a_tunnel_of_its_own_proxy(self):
        with built() as b, listening(Proxy) as proxy:
            server = "https://debuginfod.invalid"
            said = self.symbolized(b, server, HTTPS_PROXY=proxy, http_proxy="http://127.0.0.1:1")
            self.assertIn("cannot be asked: the proxy answered 502", said.stderr)
            self.assertEqual(Proxy.asked, ["debuginfod.invalid:443"])

    def test_what_is_no_proxy_is_not_passed_by(self):
        with built() as b, listening(Answers) as server:
            said = self.symbolized(b, server + "/none", http_proxy="socks5://user:secret@host")
            self.assertIn("no server is asked: http_proxy is not http://HOST", said.stderr)
            self.assertNotIn("secret", said.stderr)
            self.assertEqual(Answers.asked, [])


class Failing(unittest.TestCase):
    """Each failure ends in its reason in the status, and in no wrong name."""

    def reason(self, kind):
        url = f"http://127.0.0.1:{free_port()}"
        with contextlib.ExitStack() as stack:
            b = stack.enter_context(built())
            other = stack.enter_context(built("other"))
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            store = os.path.join(folder, "store", "hearth.db")
            if kind != "down":
                url = stack.enter_context(listening(Answers)) + "/" + kind
            with open(other.debug, "rb") as wrong:
                Answers.file, Answers.of = wrong.read(), b.build_id
            served = stack.enter_context(host.daemon("--debuginfod", url, store=store))
            stack.enter_context(host.load(b.program, "60"))

            reasons = []

            def is_told():
                told = served.status()["symbols"]["debuginfod"]["failures"]
                reasons.extend(f["reason"] for f in told if f["path"] == b.program)
                return reasons

            host.wait_until(is_told, 20, f"the failure ({kind}) is told")
            time.sleep(1.5)
            self.assertIn(NAMELESS, stacks_of(store))
            self.assertNotIn("burn_secretly", stacks_of(store))
            self.assertIn("not fetched:", host.run("status", "--store", store).stdout)
            return reasons[0]

    def test_down(self):
        self.assertIn("cannot be asked", self.reason("down"))

    def test_ill(self):
        self.assertIn("answered 503", self.reason("ill"))

    def test_garbage(self):
        self.assertIn("sent something else than an ELF file", self.reason("garbage"))

    def test_the_file_of_another_build(self):
        self.assertIn("not the debug file of this build", self.reason("wrong"))


class Symbolizing(unittest.TestCase):
    def symbolize(self, b, *arguments, **options):
        return host.run("symbolize", *arguments, b.program, b.address(), **options)

    def test_the_command_waits_for_the_server(self):
        with built() as b, debuginfod(os.path.dirname(b.debug), free_port()) as url:
            self.assertIn("??", self.symbolize(b).stdout)
            found = self.symbolize(b, "--debuginfod", url).stdout
            self.assertIn("burn_secretly", found)
            self.assertIn("deep_within", found)
            # Kept: the server is not asked again.
            found = self.symbolize(b, "--debuginfod", "http://127.0.0.1:1").stdout
            self.assertIn("burn_secretly", found)

    def test_it_tells_why_there_is_none(self):
        with built() as b, listening(Answers) as url:
            said = self.symbolize(b, "--debuginfod", url + "/garbage")
            self.assertIn("something else than an ELF file", said.stderr)
            self.assertIn("??", said.stdout)
            with open(host.HEARTH, "rb") as another:
                Answers.file = another.read()
            said = self.symbolize(b, "--debuginfod", url + "/wrong")
            self.assertIn("not the debug file of this build", said.stderr)
            self.assertIn("??", said.stdout)

    def test_what_was_fetched_for_one_owner_is_no_word_on_another_s_file(self):
        with built() as b, debuginfod(os.path.dirname(b.debug), free_port()) as url:
            os.chown(b.program, 12345, 12345)
            found = self.symbolize(b, "--debuginfod", url).stdout
            self.assertIn("burn_secretly", found)
            nobody = f"http://127.0.0.1:{free_port()}"
            self.assertIn("burn_secretly", self.symbolize(b, "--debuginfod", nobody).stdout)
            os.chown(b.program, 0, 0)
            found = self.symbolize(b, "--debuginfod", nobody)
            self.assertIn("??", found.stdout)
            self.assertIn("cannot be asked", found.stderr)

    def test_people_have_a_cache_of_their_own(self):
        with built() as b, debuginfod(os.path.dirname(b.debug), free_port()) as url:
            with tempfile.TemporaryDirectory() as home:
                os.chown(home, 12345, 12345)
                found = self.symbolize(
                    b,
                    env={"XDG_CACHE_HOME": home, "DEBUGINFOD_URLS": url},
                    user=12345,
                    group=12345,
                    extra_groups=[],
                )
                self.assertIn("burn_secretly", found.stdout)
                kept = os.listdir(os.path.join(home, "hearth", "debuginfod"))
                self.assertEqual(kept, ["0-" + b.build_id])


if __name__ == "__main__":
    host.main(at_once=4)
