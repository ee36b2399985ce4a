#!/usr/bin/env python3
"""Boots one of Debian's kernels in an emulated machine and runs Hearth's tests in it (guest.sh).

boot.py ROW BUILD-DIR. The kernels are downloaded and unpacked below BUILD-DIR/vm, never installed.
Ends with 77 where qemu or the packages cannot be had.
"""

import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile

import arm64

SKIP = 77
TRIES = 2  # emulated time stretches where the machine is busy
BOOT_S = 120
KVM_PROBE_S = 20
DOWNLOAD_S = 120
MEMORY_MB = 1024
BUSYBOX = "/bin/busybox"  # the static one: the guest has no libraries before ours
HERE = os.path.dirname(os.path.abspath(__file__))

# The tests that a row runs are guest.sh's; here is what it must not leave out.
ON_EVERY_KERNEL = {"doctor", "split", "host", "cgroup", "serve", "mappings", "filters", "kept"}
OLD, NEW = "linux-image-cloud-amd64", "linux-image-6.12-cloud-amd64"
ROWS = {
    "6.1": {"kernel": OLD, "tests": ON_EVERY_KERNEL},
    "6.12": {"kernel": NEW, "tests": ON_EVERY_KERNEL},
    "lockdown": {
        "kernel": NEW,
        "boot": "lockdown=confidentiality",
        "tests": {"doctor-refuses", "record-refuses"},
    },
    "offline-cpus": {
        "kernel": NEW,
        "boot": "maxcpus=2",
        "cpus": 4,
        "tests": {"doctor", "split", "cpus-come-and-go"},
    },
    "arm64": {
        "machine": "arm64",
        "kernel": "linux-image-6.12-cloud-arm64",
        "tests": ON_EVERY_KERNEL - {"mappings"},  # whose code is x86-64's
    },
}
# qemu, and the name of the serial line
MACHINES = {
    "x86-64": (["qemu-system-x86_64", "-M", "q35", "-cpu", "max"], "ttyS0"),
    "arm64": (["qemu-system-aarch64", "-M", "virt", "-cpu", "max,pauth-impdef=on"], "ttyAMA0"),
}
PROGRAMS = (
    "hearth",
    "tests/programs/split",
    "tests/test_integration_mappings",
    "tests/test_integration_filters",
    "tests/test_integration_kept",
)


class Skip(Exception):
    """The row cannot be run here, and why."""


def output_of(*command, **options):
    """What a command prints; Skip where it is missing, fails or hangs."""
    try:
        return subprocess.run(
            command, text=True, capture_output=True, check=True, **options
        ).stdout
    except FileNotFoundError as error:
        raise Skip(f"{command[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise Skip(f"{' '.join(command)}: no end in {error.timeout} s") from error
    except subprocess.CalledProcessError as error:
        raise Skip(f"{' '.join(command)}: {error.stderr.strip()}") from error


class Here:
    """Hearth as it was built for this machine, whose packages are at hand."""

    apt = ()

    def __init__(self, build):
        self.build = build
        self.busybox = BUSYBOX

    def libraries_of(self, program):
        listed = re.findall(r"(/\S+\.so\S*) \(0x", output_of("ldd", program))
        return {library: library.lstrip("/") for library in listed}


def built_for_arm64(folder):
    missing = arm64.missing_tool()
    if missing:
        raise Skip(f"{missing} is not installed")
    built = arm64.Arm64(os.path.join(folder, "arm64"), output_of)
    built.unpack()
    built.compile(PROGRAMS)
    built.busybox = os.path.join(built.sysroot, BUSYBOX.lstrip("/"))
    return built


def kernel_package(meta, apt):
    """Its name has the ABI's number in it, which a meta package knows: (name, version)."""
    depends = output_of("apt-cache", *apt, "depends", meta)
    found = re.search(r"^\s*Depends: (linux-image-\S+)$", depends, re.MULTILINE)
    if not found:
        raise Skip(f"the package lists know no {meta}: run apt-get update")
    shown = output_of("apt-cache", *apt, "show", "--no-all-versions", found.group(1))
    return found.group(1), re.search(r"^Version: (\S+)$", shown, re.MULTILINE).group(1)


def kernel_of(meta, folder, apt):
    """The path of its vmlinuz, downloaded once a version."""
    name, version = kernel_package(meta, apt)
    kept = os.path.join(folder, f"{name}_{version}")
    if os.path.exists(kept):
        return kept
    with tempfile.TemporaryDirectory(dir=folder) as work:
        output_of(
            "apt-get", *apt, "download", f"{name}={version}", cwd=work, timeout=DOWNLOAD_S
        )
        package = next(file for file in os.listdir(work) if file.endswith(".deb"))
        output_of("dpkg", "-x", package, "unpacked", cwd=work)
        boot = os.path.join(work, "unpacked", "boot")
        image = next(file for file in os.listdir(boot) if file.startswith("vmlinuz-"))
        os.rename(os.path.join(boot, image), kept)
    return kept


def initramfs(built, path):
    """busybox, our programs with their shared libraries, and guest.sh as the first process."""
    output_of("dpkg-query", "--status", "busybox-static")
    with tempfile.TemporaryDirectory() as root:
        copies = {built.busybox: "bin/busybox", os.path.join(HERE, "guest.sh"): "init"}
        for name in PROGRAMS:
            program = os.path.join(built.build, name)
            copies[program] = os.path.join("hearth", os.path.basename(name))
            copies.update(built.libraries_of(program))
        for source, target in copies.items():
            os.makedirs(os.path.dirname(os.path.join(root, target)), exist_ok=True)
            shutil.copy(source, os.path.join(root, target))
        os.symlink("busybox", os.path.join(root, "bin", "sh"))
        listed = subprocess.run(
            ["find", ".", "-mindepth", "1"], cwd=root, capture_output=True, check=True
        ).stdout
        packed = subprocess.run(
            [BUSYBOX, "cpio", "-o", "-H", "newc"],
            cwd=root,
            input=listed,
            capture_output=True,
            check=True,
        ).stdout
    with open(path, "wb") as file:
        file.write(gzip.compress(packed, compresslevel=1))


def qemu(machine, accelerator, kernel, append, *arguments, seconds):
    """(what the machine wrote on its serial line, whether it ended by itself)."""
    start, console = MACHINES[machine]
    command = [*start, "-accel", accelerator, "-m", str(MEMORY_MB)]
    command += ["-nographic", "-no-reboot", "-nodefaults", "-serial", "stdio"]
    command += ["-kernel", kernel, "-append", f"console={console} panic=-1 {append}", *arguments]
    try:
        ended = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds,
            check=False,
        )
        written, whole = ended.stdout, ended.returncode == 0
    except subprocess.TimeoutExpired as error:
        written, whole = error.stdout or b"", False
    return written.decode("utf-8", "replace").replace("\r", ""), whole


def accelerator(machine, kernel):
    """kvm where a kernel boots with it: the device alone promises nothing."""
    if machine == "x86-64" and os.access("/dev/kvm", os.R_OK | os.W_OK):
        # Without an initramfs it ends in a panic, which is far enough.
        written, whole = qemu(machine, "kvm", kernel, "", seconds=KVM_PROBE_S)
        if whole and "Kernel panic" in written:
            return "kvm"
    return "tcg,thread=multi"


def run(row, kernel, image, accel):
    """Boot once. What is wrong, or None."""
    append = f"quiet row={row} {ROWS[row].get('boot', '')}"
    cpus = str(ROWS[row].get("cpus", 2))
    machine = ROWS[row].get("machine", "x86-64")
    arguments = ("-initrd", image, "-smp", cpus)
    written, _ = qemu(machine, accel, kernel, append, *arguments, seconds=BOOT_S)
    print(written, flush=True)
    results = dict(re.findall(r"^RESULT (\S+) (ok|fail|skip)$", written, re.MULTILINE))
    if not re.search(r"^### END$", written, re.MULTILINE):
        return f"it did not come to its end, or not in {BOOT_S} s"
    wrong = [name for name in sorted(ROWS[row]["tests"]) if results.get(name) != "ok"]
    return f"not ok: {', '.join(wrong)}" if wrong else None


def main(row, build):
    folder = os.path.join(build, "vm")
    os.makedirs(folder, exist_ok=True)
    machine = ROWS[row].get("machine", "x86-64")
    program = MACHINES[machine][0][0]
    if not shutil.which(program):
        raise Skip(f"{program} is not installed")
    built = built_for_arm64(folder) if machine == "arm64" else Here(build)
    kernel = kernel_of(ROWS[row]["kernel"], folder, built.apt)
    accel = accelerator(machine, kernel)
    print(f"{os.path.basename(kernel)}, {accel}", flush=True)
    with tempfile.TemporaryDirectory() as work:
        image = os.path.join(work, "initramfs.gz")
        initramfs(built, image)
        for _ in range(TRIES):
            wrong = run(row, kernel, image, accel)
            if not wrong:
                return 0
            print(f"{row}: {wrong}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1], os.path.abspath(sys.argv[2])))
    except Skip as reason:
        print(f"skipped: {reason}", file=sys.stderr)
        sys.exit(SKIP)
