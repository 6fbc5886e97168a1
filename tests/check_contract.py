#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Whether every function of the headers says, as the last words of its comment, what it does with the objects it is given:

    Threads: reads net. | Threads: changes opt and its model; reads train. | Threads: any.

Every handle among its parameters is named, and one that is given as const is only read. Whatever only reads a program's objects is called by
several threads at once in tests/test_threads.c, which the thread sanitizer watches. Whatever is given a program's objects is called from every
callback in tests/test_callbacks.c, whose table says the same as the header.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEADERS = [ROOT / "include/sixnet/sixnet.h", ROOT / "include/sixnet/layer.h"]
DECLARATION = re.compile(r"/\*\*(?P<comment>(?:(?!\*/).)*)\*/\s*SIXNET_API\b[^;(]*?\b(?P<name>\w+)\((?P<parameters>[^;]*)\);", re.S)
HANDLE = re.compile(r"(const )?sixnet_\w+(?<!_fn)(?<!_node) \*(\w+)$")
OF_CALLBACKS = {"progress", "setup", "call"}  # objects that only the thread of a callback has
TESTED = (ROOT / "tests/test_threads.c").read_text()
CALLED_BACK = dict(re.findall(r'\bX\((\w+), "([^"]+)"', (ROOT / "tests/test_callbacks.c").read_text()))


def objects(text, verb):
    """What a function is said to change or to read; an object that it finds in another one is "its model"."""
    clause = re.search(rf"\b{verb} ([^;.]+)", text)
    names = re.split(r", | and ", clause[1]) if clause else []
    return {name for name in names if not name.startswith("its ")}


def handles(parameters):
    """The parameters that are objects, and whether they are const."""
    for parameter in re.split(r",\s*", parameters):
        match = HANDLE.match(parameter.strip())
        if match:
            yield match[2], bool(match[1])


def fault(name, comment, parameters):
    lines = " ".join(line.strip(" *") for line in comment.splitlines())
    words = re.search(r"Threads: ([^.]+)\.\s*$", lines)
    if not words:
        return "does not end with 'Threads: ...'"
    if words[1] in ("any", "any, and signal handlers"):
        return None
    given, changes, reads = dict(handles(parameters)), objects(words[1], "changes"), objects(words[1], "reads")
    if changes | reads != set(given) or changes & reads:
        return f"speaks of {', '.join(sorted(changes | reads))}, but is given {', '.join(given)}"
    if any(given[name] for name in changes):
        return "changes what is const"
    if not changes and not reads & OF_CALLBACKS and f"{name}(" not in TESTED:
        return "says that it only reads, but test_threads.c does not call it"
    if not (changes | reads) & OF_CALLBACKS and CALLED_BACK.get(name) != words[1]:
        return f"says '{words[1]}', but the table in test_callbacks.c '{CALLED_BACK.get(name)}'"
    return None


def main():
    faults = count = 0
    for header in HEADERS:
        text = header.read_text()
        found = list(DECLARATION.finditer(text))
        if len(found) != len(re.findall(r"^SIXNET_API\b", text, re.M)):
            print(f"{header.name}: a function without a comment")
            faults += 1
        for match in found:
            count += 1
            problem = fault(match["name"], match["comment"], match["parameters"])
            if problem:
                faults += 1
                print(f"{header.name}: {match['name']}(): its comment {problem}")
    print(f"{count} functions, {faults} faults")
    return 1 if faults or not count else 0


sys.exit(main())
