"""One program in the ways that compilers, strip, dwz and packagers leave it, in a folder.

The code of a variant is that of its twin, which has plain debug information: so both must be named
the same.
"""

import os
import shutil
import subprocess
import tempfile


def run(*command, **more):
    return subprocess.run(
        command, check=True, stdout=subprocess.PIPE, timeout=60, **more
    ).stdout.decode(errors="replace")


class Folder:
    """The sources are those of the symbolizer's own tests."""

    def __init__(self, source_dir):
        self.path = tempfile.mkdtemp()
        os.chmod(self.path, 0o755)
        programs = os.path.join(source_dir, "tests/programs")
        self.c = [os.path.join(programs, name) for name in ("inlined.c", "inlined_far.c")]
        self.cxx = [os.path.join(programs, "inlined.cc")]

    def remove(self):
        shutil.rmtree(self.path)

    def at(self, *names):
        return os.path.join(self.path, *names)

    def compile(self, name, compiler, *options, sources=None):
        """Each source for itself, so that every unit has its own .dwo beside it."""
        folder = self.at(name)
        os.makedirs(folder)
        objects = []
        for source in sources or self.c:
            objects.append(os.path.basename(source) + ".o")
            run(compiler, "-w", "-O2", *options, "-c", source, "-o", objects[-1], cwd=folder)
        made = os.path.join(folder, "program")
        run(compiler, "-O2", *options, *objects, "-o", made, cwd=folder)
        return made

    def copy(self, program, *names):
        made = self.at(*names)
        os.makedirs(os.path.dirname(made), exist_ok=True)
        shutil.copy(program, made)
        return made

    def without_section_headers(self, program, name):
        """As sstrip leaves it: e_shoff, e_shnum and e_shstrndx are 0."""
        made = self.copy(program, name)
        with open(made, "r+b") as f:
            f.seek(0x28)
            f.write(bytes(8))
            f.seek(0x3C)
            f.write(bytes(4))
        return made
