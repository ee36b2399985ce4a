#!/usr/bin/env python3
"""`hearth serve`: it stores what ran, and whatever ends it, only the last second is lost."""

import concurrent.futures
import json
import os
import random
import signal
import subprocess
import tempfile
import time
import unittest

import host

SPLIT = {"spin_a": 50.0, "spin_b": 30.0, "spin_c": 20.0}


class Serving(unittest.TestCase):
    def test_shares_in_the_export_and_in_the_api(self):
        match = '{comm="split"}'
        path = "/api/v1/profile?format=folded&match=%7Bcomm%3D%22split%22%7D"

        def exported(served):
            return host.folded(
                host.run(
                    "export", "--store", served.store, "--match", match, "--format", "folded"
                ).stdout
            )

        with host.daemon("-F", "997") as served, host.load(host.program("split"), "60"):
            host.wait_until(
                lambda: sum(exported(served).values()) >= 6000, 50, "6,000 samples are stored"
            )
            for stacks in (exported(served), host.folded(served.get(path).decode())):
                for name, share in host.shares(stacks, SPLIT).items():
                    self.assertAlmostEqual(share, SPLIT[name], delta=2.0, msg=name)

    def test_taken_is_stored_and_dropped(self):
        with host.daemon("-F", "499") as served, host.load(host.program("split"), "60"):
            time.sleep(3)
            status = served.status()
            samples = status["samples"]
            self.assertGreater(samples["taken"], 499)
            self.assertEqual(
                samples["taken"],
                samples["stored"] + sum(samples["dropped"].values()) + samples["under_way"],
            )
            self.assertLess(samples["under_way"], 3 * 499 * (os.cpu_count() or 1))

    def test_fresh_samples_are_visible_within_two_seconds(self):
        with host.daemon() as served:
            time.sleep(1.5)
            with host.load(host.program("split"), "30"):
                time.sleep(2.5)
                profile = served.json("/api/v1/profile?format=json&match=%7Bcomm%3D%22split%22%7D")
                self.assertGreater(profile["samples"], 20)


class Ending(unittest.TestCase):
    def started(self, store):
        """A daemon, and the BPF programs and maps that it holds."""
        served = host.Daemon(store)
        return served, host.bpf_objects(served.process.pid)

    def assert_nothing_is_left(self, pids, loaded):
        host.wait_until(
            lambda: not any(host.alive(pid) for pid in pids), 1.0, f"processes {pids} are gone"
        )
        host.wait_until(
            lambda: not host.bpf_loaded() & loaded, 1.0, "BPF programs and maps are gone"
        )

    def test_an_orderly_end_loses_nothing(self):
        with tempfile.TemporaryDirectory() as folder, host.load(host.program("split"), "60"):
            served, loaded = self.started(os.path.join(folder, "s", "hearth.db"))
            self.assertGreaterEqual(len(loaded), 5)
            time.sleep(2.3)
            pids = served.processes()
            self.assertGreaterEqual(len(pids), 2)
            begin = time.monotonic()
            code, errors = served.stop()
            self.assertEqual(code, 0, errors)
            self.assertLess(time.monotonic() - begin, 2.0)
            self.assert_nothing_is_left(pids, loaded)
            status = json.loads(host.run("status", "--json", "--store", served.store).stdout)
            self.assertFalse(status["running"])
            self.assertEqual(status["samples"]["taken"], status["store"]["samples"])

    def test_kill_9_twenty_times(self):
        """The store opens, has lost at most the last second, says so; nothing is left running."""
        # Each waits for a first commit most of its time: four stores at once.
        with host.load(host.program("split"), "300"):
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                list(pool.map(self.kill_9_five_times, range(4)))

    def kill_9_five_times(self, _):
        with tempfile.TemporaryDirectory() as folder:
            store = os.path.join(folder, "s", "hearth.db")
            kept = 0
            for _ in range(5):
                served, loaded = self.started(store)
                host.wait_until(
                    lambda s=served: s.status()["samples"]["stored"] > 0, 15, "the first commit"
                )
                time.sleep(random.uniform(0.1, 2.4))  # two commits later, or none
                pids = served.processes()
                killed = time.time()
                served.kill()
                self.assert_nothing_is_left(pids, loaded)
                status = json.loads(host.run("status", "--json", "--store", store).stdout)
                self.assertFalse(status["store"]["clean"])
                self.assertGreaterEqual(status["store"]["samples"], kept)
                kept = status["store"]["samples"]
                self.assertLess(killed - status["store"]["until"] / 1e9, 1.5)
                export = host.run("export", "--store", store, "--format", "folded").stdout
                self.assertEqual(sum(host.folded(export).values()), kept)
            served = host.Daemon(store)
            code, errors = served.stop()
            self.assertEqual(code, 0)
            self.assertIn("without its last second", errors)

    def test_a_web_process_that_dies_is_started_again(self):
        with host.daemon() as served:
            web = next(
                entry["pid"] for entry in served.status()["processes"] if entry["role"] == "web"
            )
            os.kill(web, signal.SIGKILL)

            def answers():
                try:
                    return served.get("/healthz") is not None
                except OSError:
                    return False

            host.wait_until(answers, 5, "the page answers again")
            self.assertNotEqual(
                web,
                next(
                    entry["pid"] for entry in served.status()["processes"] if entry["role"] == "web"
                ),
            )


class Circumstances(unittest.TestCase):
    def refused(self, *arguments, status=1):
        result = host.run(*arguments, check=False)
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertRegex(result.stderr, r"\S")
        self.assertNotIn("Traceback", result.stderr)
        return result.stderr

    def test_a_second_daemon_on_the_same_store(self):
        with host.daemon() as served:
            self.assertIn(
                "pid", self.refused("serve", "--store", served.store, "--listen", "127.0.0.1:0")
            )
            self.assertTrue(served.status()["running"])

    def test_a_port_in_use(self):
        with host.daemon() as served, tempfile.TemporaryDirectory() as folder:
            port = served.address.rstrip("/").rsplit(":", 1)[1]
            store = os.path.join(folder, "s", "hearth.db")
            self.assertIn(
                port, self.refused("serve", "--store", store, "--listen", f"127.0.0.1:{port}")
            )

    def test_a_store_that_is_none(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "hearth.db")
            with open(path, "wb") as file:
                file.write(b"this is no store\n" * 100)
            os.chmod(folder, 0o750)
            self.refused("serve", "--store", path, "--listen", "127.0.0.1:0")
            with open(path, "rb") as file:
                self.assertEqual(file.read(), b"this is no store\n" * 100)

    def test_a_path_that_cannot_be_written(self):
        self.refused("serve", "--store", "/proc/nowhere/hearth.db", "--listen", "127.0.0.1:0")

    def test_without_privileges(self):
        for command in (
            "record -d 1 --format folded -o /dev/null",
            "serve --store /tmp/none/x.db --listen 127.0.0.1:0",
            "doctor",
        ):
            result = subprocess.run(
                ["setpriv", "--reuid", "65534", "--clear-groups", host.HEARTH, *command.split()],
                text=True,
                capture_output=True,
                check=False,
                timeout=60,
            )
            self.assertEqual(result.returncode, 1, command + result.stderr)
            self.assertRegex(result.stdout + result.stderr, r"root")

    def test_a_full_disk_stops_writing_and_not_sampling(self):
        with tempfile.TemporaryDirectory() as folder, host.load(host.program("split"), "120"):
            disk = os.path.join(folder, "disk")
            os.mkdir(disk)
            subprocess.run(
                ["mount", "-t", "tmpfs", "-o", "size=3m,mode=0750", "tmpfs", disk], check=True
            )
            served = None
            try:
                served = host.Daemon(os.path.join(disk, "hearth.db"), "-F", "997")
                host.wait_until(
                    lambda: served.status()["samples"]["stored"] > 100, 10, "the first samples"
                )
                filler = os.path.join(disk, "filler")
                with open(filler, "wb", buffering=0) as file:
                    try:
                        while True:
                            file.write(b"\0" * 4096)
                    except OSError:
                        pass
                host.wait_until(
                    lambda: served.status()["store"]["error"],
                    30,
                    "the status tells of the full disk",
                )
                taken = served.status()["samples"]["taken"]
                time.sleep(2)
                self.assertGreater(served.status()["samples"]["taken"], taken + 500)
                os.unlink(filler)
                host.wait_until(
                    lambda: not served.status()["store"]["error"], 30, "writing goes on"
                )
                stored = served.status()["samples"]["stored"]
                host.wait_until(
                    lambda: served.status()["samples"]["stored"] > stored, 10, "samples are stored"
                )
                code, errors = served.stop()
                self.assertEqual(code, 0, errors)
                self.assertIn("cannot be written", errors)
                self.assertIn("written again", errors)
            finally:
                if served:
                    served.kill() if served.process.poll() is None else None
                subprocess.run(["umount", disk], check=True)


class Hotplug(unittest.TestCase):
    PATH = "/sys/devices/system/cpu/cpu1/online"

    @unittest.skipUnless(os.path.exists(PATH), "this machine's second CPU cannot be switched off")
    def test_a_cpu_that_goes_and_comes_back_is_sampled_again(self):
        cpus = os.cpu_count()
        with host.daemon() as served:
            host.wait_until(
                lambda: served.status()["bpf"]["cpus"] == cpus, 5, "all CPUs are sampled"
            )
            try:
                with open(self.PATH, "w", encoding="ascii") as file:
                    file.write("0")
                host.wait_until(lambda: served.status()["bpf"]["cpus"] == cpus - 1, 5, "one less")
            finally:
                with open(self.PATH, "w", encoding="ascii") as file:
                    file.write("1")
            host.wait_until(lambda: served.status()["bpf"]["cpus"] == cpus, 5, "all again")


if __name__ == "__main__":
    host.main()
