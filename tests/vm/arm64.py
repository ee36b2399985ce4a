"""Hearth for arm64, built on another machine against Debian's own packages of that architecture.

The packages are downloaded by apt with a state of its own and unpacked, never installed.
"""

import os
import re
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
LOADER = "lib/ld-linux-aarch64.so.1"
TOOLS = ("aarch64-linux-gnu-gcc", "qemu-aarch64")


def development_packages():
    """The libraries that building Hearth and its tests wants, of the one list of packages."""
    with open(os.path.join(SOURCE, "profiler", "dist", "packages"), encoding="utf-8") as file:
        wanted = re.findall(r"^(?:build|unit)\s+(\S+-dev)\s", file.read(), re.MULTILINE)
    return sorted(set(wanted))


class Arm64:
    """What is downloaded and built stays below folder."""

    def __init__(self, folder, output_of):
        self.folder = folder
        self.output_of = output_of
        self.sysroot = os.path.join(folder, "sysroot")
        self.build = os.path.join(folder, "build")
        state = os.path.join(folder, "apt")
        for name in ("state/lists/partial", "cache/archives/partial"):
            os.makedirs(os.path.join(state, name), exist_ok=True)
        with open(os.path.join(state, "status"), "a", encoding="utf-8"):
            pass
        self.archives = os.path.join(state, "cache", "archives")
        self.apt = [
            option
            for setting in (
                "APT::Architecture=arm64",
                "APT::Architectures=arm64",
                "APT::Sandbox::User=root",
                "Debug::NoLocking=1",
                f"Dir::State={state}/state",
                f"Dir::State::status={state}/status",
                f"Dir::Cache={state}/cache",
            )
            for option in ("-o", setting)
        ]

    def unpack(self):
        """The sysroot, once."""
        done = os.path.join(self.folder, "unpacked")
        if os.path.exists(done):
            return
        self.output_of("apt-get", *self.apt, "update", timeout=300)
        self.output_of(
            *("apt-get", *self.apt, "install", "-y", "--no-install-recommends"),
            *("--download-only", *development_packages(), "busybox-static"),
            timeout=600,
        )
        for name in sorted(os.listdir(self.archives)):
            if name.endswith(".deb"):
                self.output_of("dpkg", "-x", os.path.join(self.archives, name), self.sysroot)
        with open(done, "w", encoding="utf-8"):
            pass

    def compile(self, programs):
        environment = dict(os.environ, HEARTH_SYSROOT=self.sysroot)
        toolchain = os.path.join(HERE, "arm64.cmake")
        for command in (
            ["cmake", "-G", "Ninja", "-S", SOURCE, "-B", self.build]
            + [f"-DCMAKE_TOOLCHAIN_FILE={toolchain}", "-DCMAKE_BUILD_TYPE=RelWithDebInfo"],
            ["ninja", "-C", self.build, *map(os.path.basename, programs)],
        ):
            subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)

    def libraries_of(self, program):
        """{the path here: the path there} of what a program is linked with."""
        loader = os.path.join(self.sysroot, LOADER)
        paths = ":".join(
            os.path.join(self.sysroot, folder, "aarch64-linux-gnu") for folder in ("lib", "usr/lib")
        )
        listed = self.output_of(
            *("qemu-aarch64", "-L", self.sysroot, loader, "--library-path", paths),
            *("--list", program),
        )
        found = {loader: LOADER}
        for path in re.findall(rf"({re.escape(self.sysroot)}/\S+)", listed):
            found[path] = os.path.relpath(path, self.sysroot)
        return found


def missing_tool():
    return next((tool for tool in TOOLS if not shutil.which(tool)), None)
