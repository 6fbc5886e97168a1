#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the seeds of the fuzz targets, with the library and the Python binding that make_seeds.py takes: each of its runs writes the same
bytes, and those that the tables of words give are in tests/fuzz. Values of tensors depend on the processor, and what gzip makes on zlib."""

import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent / "fuzz"
OF_WORDS = ["seeds/calls", "seeds/json", "seeds/net", "seeds/round", "seeds/spec", "tokens.dict", "words.dict"]


def files(folder, names):
    paths = [path for name in names for path in [folder / name, *(folder / name).rglob("*")] if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def made():
    with tempfile.TemporaryDirectory() as name:
        subprocess.run([sys.executable, HERE / "make_seeds.py", name], check=True)
        return files(pathlib.Path(name), ["."])


def differing(a, b):
    return sorted(name for name in a.keys() | b.keys() if a.get(name) != b.get(name))


def main():
    seeds = made()
    faults = [f"{name}: other bytes in each run" for name in differing(seeds, made())]
    of_words = {name: seed for name, seed in seeds.items() if name.startswith(tuple(OF_WORDS))}
    faults += [f"{name}: not what tests/fuzz/make_seeds.py writes now" for name in differing(of_words, files(HERE, OF_WORDS))]
    print("\n".join(faults) or f"{len(seeds)} seeds are reproducible, {len(of_words)} up to date")
    sys.exit(bool(faults))


main()
