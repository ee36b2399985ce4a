"""Packages of npm that tests use, as they are published: fetched by npm, never installed."""

import os
import shutil
import subprocess
import tarfile


class NoPackage(Exception):
    """It is not there and cannot be had."""


def fetch(folder, name, version, inside=""):
    """The files of a package below `inside`, unpacked in the folder; their path."""
    if not shutil.which("npm"):
        raise NoPackage("npm is not installed")
    command = ["npm", "pack", "--silent", f"{name}@{version}"]
    packed = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    if packed.returncode != 0:
        raise NoPackage(f"npm pack {name}@{version}: {packed.stderr.strip()}")
    prefix = "package/" + inside
    with tarfile.open(os.path.join(folder, f"{name}-{version}.tgz")) as archive:
        for member in archive.getmembers():
            if member.isfile() and member.name.startswith(prefix):
                archive.extract(member, folder)
    return os.path.join(folder, "package", *inside.strip("/").split("/"))
