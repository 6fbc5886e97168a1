#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Which folder may use which: checks every #include "..." of the tree against the arrows that docs/design.md draws, and, where a build
folder is given, every call between the library's object files: check_includes.py [BUILD]"""

import collections
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# A component is named by the longest path that fits; it may include its own files and those of the components listed.
LIBRARY = {
    "include": [],
    "lib/base": ["include"],
    "lib/simd": [],
    "lib/layers/op": ["lib/base", "lib/simd"],
    "lib/layers": ["include", "lib/base", "lib/simd", "lib/layers/op"],
    "lib/optimizers": ["lib/base", "lib/simd", "lib/layers/op"],
    "lib/layers/variant": ["lib/base", "lib/layers/op", "lib/optimizers"],
    "lib/schedules": ["include", "lib/base"],
    "lib/transforms": ["include", "lib/base"],
    "lib/data": ["include", "lib/base", "lib/transforms"],
    "lib/graph": ["include", "lib/base", "lib/layers/op", "lib/layers/variant"],
    "lib/train": ["include", "lib/base", "lib/data", "lib/graph", "lib/layers/variant", "lib/schedules"],
    "lib/files": ["include", "lib/base", "lib/data", "lib/graph", "lib/train"],
}
COMPONENTS = {
    **LIBRARY,
    "lib": list(LIBRARY),
    "lib/api": ["lib", *LIBRARY],
    "examples": ["include"],
    "tools": ["include", "examples"],
    "tests": ["lib", *LIBRARY, "tests/oracles"],
    "tests/oracles": ["include"],
}
# Symbols that a component may use without an include, and why.
TABLES = {
    r"six_(layer|kernels|optimizer|optimizer_kernels)_\w+": "lib/layers/variant",  # the table takes all layers and optimizers from lists that Meson writes
    r"six_variants_f32": "lib/graph",  # the variants that this build has, which Meson lists
    r"sixnet_context_new": "lib/base",  # NULL in place of a context is a new one
}
WRITTEN_BY_MESON = {"layers.inc", "optimizers.inc", "plots.h", "schedules.inc", "transforms.inc", "variants.inc"}
FAMILIES = ("layers", "optimizers", "schedules", "transforms")
SOURCE = {".c", ".h", ".cpp", ".hpp", ".inc"}


def component_of(path):
    return max((component for component in COMPONENTS if path == component or path.startswith((component + "/", component + ".", component + "_"))), key=len)


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
    here, there = component_of(path.relative_to(ROOT).as_posix()), component_of(found)
    if found.endswith(".c"):
        return "a source file"
    if here != there and there not in COMPONENTS[here]:
        return f"{here} may include {', '.join(COMPONENTS[here]) or 'nothing'}"
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


def kinds():
    """Names of the layers, optimizers, schedules and transforms, with the file of each."""
    for path in (p for folder in FAMILIES for p in sorted((ROOT / "lib" / folder).glob("*.c"))):
        text = path.read_text()
        for name in re.findall(r'\.kind = \{(?:\.name = )?"(\w+)"', text) + re.findall(r"^SIX_\w+_LAYER\((\w+)", text, re.M):
            yield name, path


def unlisted_kinds():
    """A kind is its file and one word in a list of lib/meson.build, which both have its name, or one word in the file's family there."""
    text = (ROOT / "lib/meson.build").read_text()
    families = dict(re.findall(r"^  '(\w+)': \[(.*?)\]", re.search(r"^families = \{(.*?)^\}", text, re.M | re.S)[1], re.M | re.S))
    for name, path in kinds():
        entries = re.search(rf"^{path.parent.name} = \[(.*?)\]$", text, re.M | re.S)[1]
        own = name == path.stem and f"'{name}'" in entries
        if not own and f"'{name}'" not in families.get(path.stem, ""):
            yield f"{path.relative_to(ROOT)}: {name} is not in the list '{path.parent.name}' of lib/meson.build, or not the file's name"


def named_kinds():
    """Other code knows kinds by their tables only: no kind's name may stand in it, but for words of the API such as a model's "input", and
    names of a file's own attributes and their choices."""
    files = dict(kinds())
    for path in (p for p in sorted((ROOT / "lib").glob("*/*.[ch]")) if p.parent.name != "api"):
        attributes = re.findall(r'"(\w+)", SIX_', path.read_text())
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for name in files.keys() & re.findall(r'"(\w+)"', line):
                if files[name] != path and name not in attributes and "SIX_CHOICE" not in line:
                    yield f"{path.relative_to(ROOT)}:{number}: names {name}"


def objects(build):
    """Source and object file of every file of the library that was compiled by itself. Those of a unity build are several files in one."""
    named = {p.relative_to(ROOT / "lib").as_posix().replace("/", "_"): p for p in (ROOT / "lib").rglob("*.c")}
    for path in sorted((build / "lib").rglob("*.o")):
        if path.stem in named:
            yield named[path.stem].relative_to(ROOT).as_posix(), path


def symbols(build):
    """For each symbol the sources that define it, and for each source the symbols that it takes from others. None in objects of LTO,
    which only the compiler's own nm reads."""
    defined, used = collections.defaultdict(set), collections.defaultdict(set)
    for source, path in objects(build):
        listing = subprocess.run(["nm", "-g", "-P", path], check=True, capture_output=True, text=True).stdout
        for name, kind in (line.split()[:2] for line in listing.splitlines()):
            if kind == "U":
                used[source].add(name)
            else:
                defined[name].add(source)
    return defined, used


def calls(build):
    """The number of uses of symbols of other folders, and what is wrong with some of them: declared by hand, no include would show them."""
    count, faults = 0, []
    defined, used = symbols(build)
    for source, names in used.items():
        here = component_of(source)
        for name in sorted(names & defined.keys()):
            for there in {component_of(other) for other in defined[name]} - {here}:
                count += 1
                if there not in COMPONENTS[here] and not any(re.fullmatch(p, name) and component == here for p, component in TABLES.items()):
                    faults.append(f"{source}: uses {name} of {there}: {here} may use {', '.join(COMPONENTS[here]) or 'nothing'}")
    return count, faults


def main():
    faults, count = [*unlisted_kinds(), *named_kinds()], 0
    for path in sources():
        for number, name in includes(path):
            count += 1
            wrong = fault(path, name)
            if wrong:
                faults.append(f'{path.relative_to(ROOT)}:{number}: "{name}": {wrong}')
    called, wrong_calls = calls(pathlib.Path(sys.argv[1])) if len(sys.argv) > 1 else (0, [])
    faults += wrong_calls
    print("\n".join(faults + [f"{count} includes, {called} uses of other folders' symbols, {len(faults)} faults"]))
    return 1 if faults or not count else 0


sys.exit(main())
