"""Writes the files of a corpus: what the make_*_corpus.py have in common."""

import os
import sys


def write(name, inputs):
    """inputs: (name of a file, its content); into corpus/NAME or the first argument's folder."""
    here = os.path.dirname(os.path.abspath(__file__))
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "corpus", name)
    os.makedirs(folder, exist_ok=True)
    for file, content in inputs:
        with open(os.path.join(folder, file), "wb") as f:
            f.write(content)
