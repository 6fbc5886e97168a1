#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Whether a program built against an earlier library of the same soname still runs with this one:
check_abi.py [--frozen | --update] LIBRARY

The library is a shared one with debug information. It is compared with tests/abi: functions and types (sixnet.abi, by libabigail), and what
is not seen there, the headers' constants and the words of the text interface with types, defaults and ranges (words.txt). What was added
is no fault, unless --frozen says so; what is gone or means something else is. --update writes tests/abi anew, to be committed with a release.
"""

import ctypes
import math
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEADERS = ROOT / "include/sixnet"
FUNCTIONS = ROOT / "tests/abi/sixnet.abi"
WORDS = ROOT / "tests/abi/words.txt"
FAMILIES = ("layer", "loss", "optimizer", "schedule", "transform", "options")
NUMBER = r"(-?[\d.]+(?:e[+-]?\d+)?)"


def constants():
    """The macros of the headers that stand for a number or a text. An enumeration, whose values would be missed, is not allowed."""
    text = "".join(p.read_text() for p in sorted(HEADERS.glob("*.h")))
    if re.search(r"\benum\b", re.sub(r"/\*.*?\*/", "", text, flags=re.S)):
        sys.exit("the headers have an enumeration, which other languages cannot see")
    command = [*os.environ.get("CC", "cc").split(), "-E", "-dM", "-x", "c", HEADERS / "layer.h"]
    macros = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for name, value in re.findall(r"^#define (SIXNET_\w+) (.+)$", macros, re.M):
        value = value.replace(" ", "").strip("()")
        if re.match(r'-?\d|"', value) and not name.startswith("SIXNET_VERSION_"):
            yield ("constant", name), (value,)


def words(library):
    """Every kind, and every attribute with its type, default and range, from the library's own tables."""
    sixnet = ctypes.CDLL(str(library))
    sixnet.sixnet_kind_field.restype = sixnet.sixnet_attribute_field.restype = ctypes.c_char_p

    def listed(ask, *path):
        index = 0
        while name := ask(*path, index, b"name"):
            yield index, name
            index += 1

    for family in FAMILIES:
        for _, kind in listed(sixnet.sixnet_kind_field, family.encode()):
            yield (family, kind.decode()), ()
            for i, name in listed(sixnet.sixnet_attribute_field, family.encode(), kind):
                fields = (sixnet.sixnet_attribute_field(family.encode(), kind, i, field) for field in (b"type", b"default", b"range"))
                yield (family, kind.decode(), name.decode()), tuple(field.decode() for field in fields)


def vocabulary(library):
    return {**dict(constants()), **dict(words(library))}


def write_words(table):
    lines = (" | ".join((" ".join(key), *values)).rstrip() for key, values in sorted(table.items()))
    WORDS.write_text("".join(line + "\n" for line in lines))


def read_words():
    rows = (line.split(" | ") for line in WORDS.read_text().splitlines())
    return {tuple(key.split()): tuple(values) for key, *values in rows}


def interval(text):
    """The numbers that a range allows; None if it is not one of numbers."""
    if text == "any number":
        return -math.inf, math.inf
    if match := re.fullmatch(f"above 0(?:, up to {NUMBER})?", text):
        return sys.float_info.min, float(match[1] or math.inf)
    if match := re.fullmatch(f"up to {NUMBER}", text):
        return -math.inf, float(match[1])
    if match := re.fullmatch(f"{NUMBER} (?:to {NUMBER}|and up)", text):
        return float(match[1]), float(match[2] or math.inf)
    return None


def narrower(kind, old, new):
    """Whether a value that was allowed is not any more."""
    if kind == "choice":
        return not set(old.split()) <= set(new.split())
    (numbers, _, words), (new_numbers, _, new_words) = (text.partition(", or one of: ") for text in (old, new))
    if not (before := interval(numbers)):
        return old != new
    after = interval(new_numbers)
    return not after or after[0] > before[0] or after[1] < before[1] or not set(words.split()) <= set(new_words.split())


def attribute_fault(old, new):
    old_type, old_default, old_range = old
    new_type, new_default, new_range = new
    if new_type != old_type:
        return f"was of type {old_type}, is of type {new_type}"
    if new_default != old_default and old_default != "required":
        return f"had the default {old_default}, has {new_default}"
    if narrower(old_type, old_range, new_range):
        return f"allowed {old_range}, allows {new_range}"
    return None


def word_faults(old, new, frozen):
    for key, values in old.items():
        if key not in new:
            yield key, "is gone"
        elif len(values) == 3 and (fault := attribute_fault(values, new[key])):
            yield key, fault
        elif len(values) == 1 and values != new[key]:
            yield key, f"was {values[0]}, is {new[key][0]}"
    for key in new.keys() - old.keys():
        if frozen:
            yield key, "was added"
        elif key[:2] in old and new[key][1] == "required":
            yield key, "was added without a default"


def check_words(library, frozen):
    faults = sorted(" ".join(key) + " " + fault for key, fault in word_faults(read_words(), vocabulary(library), frozen))
    print("\n".join(faults or ["constants and words: as they were" + ", or more" * (not frozen)]))
    return not faults


def write_functions(library, path):
    """The interface as the headers show it: what they do not define is opaque."""
    subprocess.run(["abidw", "--headers-dir", HEADERS, "--drop-private-types", "--exported-interfaces-only", "--no-corpus-path",
                    "--no-comp-dir-path", "--no-show-locs", "--no-elf-needed", "--no-architecture", "--short-locs", "--no-parameter-names",
                    "--out-file", path, library], check=True)
    if "<function-decl" not in path.read_text():
        sys.exit(f"{library} has no debug information")


def check_functions(library, frozen):
    with tempfile.TemporaryDirectory() as folder:
        now = pathlib.Path(folder) / "now.abi"
        write_functions(library, now)
        status = subprocess.run(["abidiff", *["--no-added-syms"] * (not frozen), FUNCTIONS, now]).returncode
    print("functions and types:", "changed, as said above" if status else "as they were" + ", or more" * (not frozen))
    return status == 0


def main():
    *options, library = sys.argv[1:]
    library = pathlib.Path(library).resolve()
    if options == ["--update"]:
        write_functions(library, FUNCTIONS)
        write_words(vocabulary(library))
        return 0
    frozen = options == ["--frozen"]
    return 0 if all([check_functions(library, frozen), check_words(library, frozen)]) else 1


sys.exit(main())
