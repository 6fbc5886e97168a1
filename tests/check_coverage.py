#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds the coverage of lib/ to its promise: check_coverage.py REASONS REPORT VARIANT_REPORT...

A report is what `gcovr --json` wrote after the tests: REPORT about all that was built, the others about the objects of one variant each.
Outside the kernels (lib/layers, lib/optimizers, lib/simd) LINES % of the lines and BRANCHES % of the branches must have been executed, and
REASONS must explain the others, each by a line

    file | function or * | a part of the line of code, or * | reason

in which `*` stands for any. Of the kernels each function must have been executed in each
variant.
"""

import json
import pathlib
import sys

LINES, BRANCHES = 98.0, 92.0
ROOT = pathlib.Path(__file__).resolve().parent.parent
KERNELS = ("lib/layers/", "lib/optimizers/", "lib/simd/")


def is_kernel(path):
    return path.startswith(KERNELS)


class Line:
    """One line of code, of all objects that it was compiled into."""

    def __init__(self, path, entry, function):
        self.path, self.number, self.function = path, entry["line_number"], function
        self.count = entry["count"]
        self.branches = [branch["count"] for branch in entry["branches"]]
        self.text = source(path)[self.number - 1].strip()

    def is_open(self):
        return self.count == 0 or 0 in self.branches

    def __str__(self):
        taken = sum(count > 0 for count in self.branches)
        what = "is not executed" if self.count == 0 else f"takes {taken} of {len(self.branches)} branches"
        return f"{self.path}:{self.number}: {self.function}() {what}: {self.text}"


SOURCES = {}


def source(path):
    if path not in SOURCES:
        SOURCES[path] = (ROOT / path).read_text().splitlines()
    return SOURCES[path]


class Reason:
    def __init__(self, place, text):
        parts = [part.strip() for part in text.split(" | ")]
        if len(parts) != 4 or not parts[3]:
            sys.exit(f"{place}: file | function | part of the line | reason is expected")
        self.place, self.file, self.function, self.part, self.used = place, *parts[:3], False

    def fits(self, line):
        fits = self.file in ("*", line.path) and self.function in ("*", line.function) and (self.part == "*" or self.part in line.text)
        self.used |= fits
        return fits


def read_reasons(path):
    lines = enumerate(pathlib.Path(path).read_text().splitlines(), 1)
    return [Reason(f"{path}:{number}", text) for number, text in lines if text.strip() and not text.startswith("#")]


def read_files(report):
    return [file for file in json.loads(pathlib.Path(report).read_text())["files"] if file["file"].startswith("lib/")]


def function_of(file, number):
    """The function that a line is in: the last that begins at or before it."""
    return max(((f["lineno"], f["name"]) for f in file["functions"] if f["lineno"] <= number), default=(0, ""))[1]


def read_lines(report):
    """The lines outside of the kernels."""
    for file in read_files(report):
        for entry in file["lines"]:
            if not entry["gcovr/noncode"] and not is_kernel(file["file"]):
                yield Line(file["file"], entry, function_of(file, entry["line_number"]))


def share(done, total):
    return 100.0 * done / total if total else 100.0


def check_shares(lines):
    """The faults of the two shares, which are printed."""
    branches = [count for line in lines for count in line.branches]
    for name, done, total, least in (("lines", sum(line.count > 0 for line in lines), len(lines), LINES),
                                     ("branches", sum(count > 0 for count in branches), len(branches), BRANCHES)):
        reached = share(done, total)
        print(f"{name}: {done} of {total}, {reached:.2f} %; at least {least} % are wanted")
        if reached < least:
            yield f"too few {name}"


def check_reasons(lines, reasons):
    for line in lines:
        if line.is_open() and not any([reason.fits(line) for reason in reasons]):
            yield str(line)
    for reason in reasons:
        if not reason.used:
            print(f"{reason.place}: can go, as all that it explains was executed here")


def check_variant(report):
    kernels = [(file["file"], f) for file in read_files(report) if is_kernel(file["file"]) for f in file["functions"]]
    for path, function in kernels:
        if not function["execution_count"]:
            yield f"{report}: {path}: {function['name']}() is not executed"
    print(f"{pathlib.Path(report).stem}: {len(kernels)} functions of kernels")
    if not kernels:
        yield f"{report}: no kernels"


def main():
    reasons, report, *variants = sys.argv[1:]
    lines = list(read_lines(report))
    faults = [*check_shares(lines), *check_reasons(lines, read_reasons(reasons))]
    for variant in variants:
        faults += check_variant(variant)
    print("\n".join(faults + [f"{len(faults)} faults"]))
    return 1 if faults or not variants else 0


sys.exit(main())
