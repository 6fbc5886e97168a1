#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks docs/CONTRIBUTING.md: check_contributing.py [--follow]

Every file, test and step of tools/check that the page names must exist, and every place where it says to insert something must be there once.
With --follow its recipes are followed in a copy of the tree, edits and commands in the order of the page, and every command must succeed.

An edit is a line in one of the forms of EDITS before a block, whose place is a line or a part of one; a command is a line of a block of sh.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from tree_copy import ROOT, Tree

PAGE = ROOT / "docs/CONTRIBUTING.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
EDITS = {
    "create": re.compile(r"^Create `(?P<file>[^`]+)`:$"),
    "insert": re.compile(r"^In `(?P<file>[^`]+)`, (?P<side>above|below) `(?P<place>.+)`:$"),
    "append": re.compile(r"^At the end of `(?P<file>[^`]+)`:$"),
    "add": re.compile(r"^In `(?P<file>[^`]+)`, add `(?P<item>\w+)` to the list `(?P<list>\w+)`\.$"),
}
TOP = r"(?:\.ci|docs|examples|include|lib|tests|tools)"


def edits_and_commands(text):
    """What the page says to do, in its order: ("edit", kind, match, block) or ("run", command)."""
    body, last = "", 0
    for block in [*BLOCK.finditer(text), None]:
        lines = text[last:block.start() if block else len(text)].strip("\n").splitlines()
        for i, line in enumerate(lines):
            for kind, form in EDITS.items():
                if (match := form.match(line)) and (kind == "add" or i == len(lines) - 1):
                    yield "edit", kind, match, block[2] if block else None
        if block and block[1] == "sh":
            for command in block[2].replace("\\\n", "").splitlines():
                yield "run", command
        last = block.end() if block else 0


def edited(kind, match, body, text):
    """The text of a file after an edit; None if the edit has no place in it."""
    if kind == "create":
        return body if text is None else None
    if text is None:
        return None
    if kind == "append":
        return f"{text}\n{body}"
    if kind == "add":
        new, count = re.subn(rf"^({match['list']} = \[)", rf"\1'{match['item']}', ", text, flags=re.M)
        return new if count == 1 else None
    lines = text.splitlines(keepends=True)
    at = [i for i, line in enumerate(lines) if line.strip() == match["place"]]
    at = at or [i for i, line in enumerate(lines) if match["place"] in line]
    if len(at) != 1:
        return None
    lines.insert(at[0] + (match["side"] == "below"), body)
    return "".join(lines)


def read(path):
    return path.read_text() if path.exists() else None


# ---- what the page names ----

def unknown_files(text, created):
    for name in set(re.findall(rf"(?<![\w/.])({TOP}/[\w./-]+\w)", text)) - created:
        if not (ROOT / name).exists():
            yield f"names {name}, which is not there"


def unknown_tests(text):
    """Tests in commands, and in the table of what to run after which change."""
    known = set(re.findall(r"'(\w+)[',]", (ROOT / "tests/meson.build").read_text()))
    table = re.search(r"^\| changed \| tests \|\n(.*?)\n\n", text, re.M | re.S)[1]
    named = re.findall(r"^meson test -C \S+ (.*)$", text, re.M) + re.findall(r"`([\w ]+)`", table)
    for name in {name for names in named for name in names.split()} - known:
        yield f"names the test {name}, which is not in tests/meson.build"


def unknown_steps(text):
    steps = re.search(r"^STEPS='(.*)'$", (ROOT / "tools/check").read_text(), re.M)[1].split()
    for name in set(re.findall(r"tools/check ([a-z]\w*)", text)) - {*steps}:
        yield f"names the step {name}, which tools/check has not"


def edits_without_place(text):
    """Edits are tried one after another, as later ones may build on earlier ones."""
    texts = {}
    for what, *edit in edits_and_commands(text):
        if what != "edit":
            continue
        kind, match, body = edit
        old = texts.get(match["file"], read(ROOT / match["file"]))
        new = edited(kind, match, body, old)
        if new is None:
            yield f"has an edit that does not fit: {match[0]}"
        texts[match["file"]] = new or old


def unformatted(text):
    """New files of C must have the format that tools/check demands of those in the tree."""
    formatter = shutil.which("clang-format")
    if not formatter or b"version 14." not in subprocess.run([formatter, "--version"], stdout=subprocess.PIPE).stdout:
        return
    for what, *edit in edits_and_commands(text):
        if what == "edit" and edit[0] == "create":
            result = subprocess.run([formatter, f"--assume-filename={ROOT / edit[1]['file']}"], input=edit[2], stdout=subprocess.PIPE, text=True)
            if result.stdout != edit[2]:
                yield f"has a file that clang-format would change: {edit[1]['file']}"


def faults_of(text):
    created = {edit[1]["file"] for what, *edit in edits_and_commands(text) if what == "edit" and edit[0] == "create"}
    yield from unknown_files(text, created)
    yield from unknown_tests(text)
    yield from unknown_steps(text)
    yield from edits_without_place(text)
    yield from unformatted(text)


# ---- following it ----

def follow(text):
    """Does what the page says in a copy of the tree, up to the first command that fails."""
    with tempfile.TemporaryDirectory() as home:
        tree = Tree(home)
        for what, *step in edits_and_commands(text):
            if what == "edit":
                kind, match, body = step
                path = tree.root / match["file"]
                path.write_text(edited(kind, match, body, read(path)))
                continue
            result = tree.run(*step[0].split(), SIXNET_TEST_QUICK="1")
            print(f"{'fail' if result.returncode else 'pass'}  {step[0]}", flush=True)
            if result.returncode:
                log = read(tree.root / "build/fast/meson-logs/testlog.txt") or ""
                yield f"has a command that fails: {step[0]}\n{result.stdout}\n{log[-4000:]}"
                return


def main():
    text = PAGE.read_text()
    faults = list(faults_of(text))
    if not faults and "--follow" in sys.argv:
        faults = list(follow(text))
    for fault in faults:
        print(f"{PAGE.name} {fault}")
    print(f"{len(list(edits_and_commands(text)))} edits and commands, {len(faults)} faults")
    return 1 if faults else 0


sys.exit(main())
