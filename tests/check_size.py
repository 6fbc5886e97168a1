#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares the size of the library with its budget: check_size.py BUILD

BUILD is a release build by GCC 12 for x86-64. The code and constants that a folder of lib/ adds to the shared library may have as many KB
(1,024 bytes) as stand here, its kernels for all instruction sets and dtypes among them; and so may the stripped library as a whole.
"""

import collections
import pathlib
import re
import subprocess
import sys
import tempfile

KB = 1024
WHOLE = 1135
BUDGET = {"api": 26, "base": 38, "data": 60, "files": 30, "graph": 62, "layers": 795, "optimizers": 51, "schedules": 12, "train": 53, "transforms": 31}


def output(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def main():
    build = pathlib.Path(sys.argv[1])
    used = collections.Counter()
    for file in (build / "lib").rglob("*.o"):
        folder = re.match(r"([a-z]+)_\w+\.c\.o$", file.name)
        if folder:
            text, data = output("size", file).splitlines()[1].split()[:2]
            used[folder[1]] += int(text) + int(data)
    with tempfile.TemporaryDirectory() as scratch:
        stripped = pathlib.Path(scratch) / "libsixnet.so"
        subprocess.run(["strip", "-o", stripped, build / "lib/libsixnet.so"], check=True)
        whole = stripped.stat().st_size
    rows = [*((f"lib/{folder}", used[folder], BUDGET.get(folder, 0)) for folder in sorted({*used, *BUDGET})), ("libsixnet.so, stripped", whole, WHOLE)]
    for name, size, budget in rows:
        print(f"{name:24s}{size / KB:8.1f} KB of {budget}{': too large' * (size > budget * KB)}")
    return any(size > budget * KB for _, size, budget in rows)


if __name__ == "__main__":
    sys.exit(main())
