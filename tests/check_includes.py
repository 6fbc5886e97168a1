#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Who may include whom: checks every #include "..." of the tree against the arrows that docs/design.md draws."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# A room is named by the longest path that fits; it may include its own files and those of the rooms listed.
LIBRARY = {
    "include": [],
    "lib/base": ["include"],
    "lib/simd": [],
    "lib/layers/op.h": ["lib/base", "lib/simd"],
    "lib/layers": ["include", "lib/base", "lib/simd", "lib/layers/op.h"],
    "lib/optimizers": ["lib/base", "lib/simd", "lib/layers/op.h"],
    "lib/layers/variant": ["lib/base", "lib/layers/op.h", "lib/optimizers"],
    "lib/data": ["include", "lib/base"],
    "lib/graph": ["include", "lib/base", "lib/layers/variant"],
    "lib/train": ["include", "lib/base", "lib/data", "lib/graph"],
    "lib/files": ["include", "lib/base", "lib/data", "lib/graph", "lib/train"],
}
ROOMS = {
    **LIBRARY,
    "lib": list(LIBRARY),
    "examples": ["include"],
    "tools": ["include", "examples"],
    "tests": ["lib", *LIBRARY, "tests/oracles"],
    "tests/oracles": ["include"],
}
WRITTEN_BY_MESON = {"layers.inc", "optimizers.inc", "plots.h", "variants.inc"}
SOURCE = {".c", ".h", ".cpp", ".hpp", ".inc"}


def room_of(path):
    return max((room for room in ROOMS if path == room or path.startswith((room + "/", room + ".", room + "_"))), key=len)


def find(name, includer):
    """The file that a name stands for, as a path from the root."""
    for folder in (includer.parent, ROOT / "include", ROOT / "lib"):
        path = (folder / name).resolve()
        if path.is_relative_to(ROOT):
            path = path.relative_to(ROOT).as_posix()
            if (ROOT / path).is_file():
                return path
    return None


def fault(path, name):
    """What is wrong with a file's including a name; None if nothing is."""
    found = find(name, path)
    if not found:
        return "no such file here"
    here, there = room_of(path.relative_to(ROOT).as_posix()), room_of(found)
    if found.endswith(".c"):
        return "a source file"
    if here != there and there not in ROOMS[here]:
        return f"{here} may include {', '.join(ROOMS[here]) or 'nothing'}"
    return None


def sources():
    for folder in ("include", "lib", "examples", "tools", "tests"):
        yield from sorted(p for p in (ROOT / folder).rglob("*") if p.suffix in SOURCE)


def includes(path):
    """Numbers and names of a file's #include "..." lines, and of those in <...> that mean our own headers."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*(?:"([^"]+)"|<(sixnet/[^>]+)>)', line)
        if match and match[1] not in WRITTEN_BY_MESON:
            yield number, match[1] or match[2]


def named_layers():
    """A graph knows layers by their table only: no kind's name may stand in its code."""
    kinds = [re.findall(r"^SIX_LAYER\((\w+)\) =", p.read_text(), re.M) for p in (ROOT / "lib/layers").glob("*.c")]
    kinds = {kind for names in kinds for kind in names}
    for path in sorted((ROOT / "lib/graph").glob("*.[ch]")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for kind in kinds.intersection(re.findall(r'"(\w+)"', line)):
                yield f"{path.relative_to(ROOT)}:{number}: names the layer {kind}"


def main():
    faults, count = list(named_layers()), 0
    for path in sources():
        for number, name in includes(path):
            count += 1
            wrong = fault(path, name)
            if wrong:
                faults.append(f'{path.relative_to(ROOT)}:{number}: "{name}": {wrong}')
    print("\n".join(faults + [f"{count} includes, {len(faults)} faults"]))
    return 1 if faults or not count else 0


sys.exit(main())
