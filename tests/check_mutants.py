#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Changes one token of lib/ at a time and runs the unit tests, which must notice: check_mutants.py FOLDER [COUNT [SEED [FIRST]]]

The mutants are drawn by SEED from all comparisons, arithmetic and logical operators, integer constants and statements of the library's sources.
Each is built for the baseline only, in a copy of the tree in FOLDER. tests/mutants.txt lists those that no test can notice, by a line

    file | the line of code | the change | reason

A mutant that does not compile is replaced by the next. At least 98 % of the others must be noticed.
"""

import os
import pathlib
import random
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIST = ROOT / "tests/mutants.txt"
LEAST = 0.98
OPERATORS = {"==": "!=", "!=": "==", "<": "<=", "<=": "<", ">": ">=", ">=": ">", "+": "-", "-": "+", "*": "/", "/": "*", "&&": "||", "||": "&&"}
OPERATOR = re.compile(r"(?<=[\w)\]] )(==|!=|<=?|>=?|\+|-|\*|/|&&|\|\|)(?= [\w(&*!~-])")
CONSTANT = re.compile(r"(?<![\w.])(\d+)(?![\w.])")
STATEMENT = re.compile(r"^( {4,})((?:\*?[a-z]\w*(?:->|\.|\[)?[^=;\n]*? [+*/|&-]?= |[a-z]\w*\().*;)$", re.M)
DECLARATION = re.compile(r"(?:const |static |struct |unsigned |u?int\d+_t |size_t |real |double |float |char |bool |int |six_\w+ \*?\w+ |return\b|sizeof)")
IGNORED = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|^#(?:[^\n]*\\\n)*[^\n]*", re.M | re.S)


class Mutant:
    def __init__(self, path, text, start, end, new):
        self.path, self.start, self.end, self.new = path, start, end, new
        self.old = text[start:end]
        self.number = text.count("\n", 0, start) + 1
        self.line = text.splitlines()[self.number - 1].strip()
        self.change = f"{self.old} -> {new}" if new else "deleted"

    def __str__(self):
        return f"{self.path}:{self.number}: {self.change}: {self.line}"

    def key(self):
        return str(self.path), self.line, self.change


def mutants_of(root, path):
    """All of a file. Comments, texts and directives are blanked first, so that places stay."""
    text = (root / path).read_text()
    code = IGNORED.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)
    for m in OPERATOR.finditer(code):
        yield Mutant(path, text, m.start(), m.end(), OPERATORS[m[0]])
    for m in CONSTANT.finditer(code):
        yield Mutant(path, text, m.start(), m.end(), str(int(m[0]) + 1))
    for m in STATEMENT.finditer(code):
        if not DECLARATION.match(m[2]):
            yield Mutant(path, text, m.start(2), m.end(2), "")


def draw(root, seed):
    found = [m for path in sorted((root / "lib").rglob("*.c")) for m in mutants_of(root, path.relative_to(root))]
    random.Random(seed).shuffle(found)
    return found


def run(*command, timeout=None):
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout,
                              env={**os.environ, "SIXNET_TEST_QUICK": "1"})
    except subprocess.TimeoutExpired as error:
        return subprocess.CompletedProcess(command, 1, str(error.stdout))


class Tree:
    """A copy of the tree, and a build of it with the tests."""

    def __init__(self, folder):
        self.root, self.build = folder / "tree", folder / "build"
        self.root.mkdir(parents=True, exist_ok=True)
        names = [name for name in ROOT.iterdir() if name.name not in (".git", "build") and not name.name.startswith("build")]
        subprocess.run(["cp", "-R", "--preserve=timestamps", "--update", *names, self.root], check=True)
        if not (self.build / "build.ninja").exists():
            self.must("meson", "setup", self.build, self.root, "--buildtype=debugoptimized", "-Disa=none", "-Dtests=true", "-Dexamples=false",
                      "-Dtools=false", "-Ddocs=disabled", "-Dpython=disabled")
        self.must("ninja", "-C", self.build)
        result = self.test()
        if result.returncode:
            sys.exit(f"the tests fail without a change\n{result.stdout}")

    @staticmethod
    def must(*command):
        result = run(*command)
        if result.returncode:
            sys.exit(f"{' '.join(map(str, command))}\n{result.stdout}")

    def test(self):
        return run("meson", "test", "-C", self.build, "--no-rebuild", "--suite", "unit", "--no-suite", "exhaustive", "--maxfail", "1",
                   "--timeout-multiplier", "4")

    def judge(self, mutant):
        """'noticed', 'survives' or 'no program'."""
        path = self.root / mutant.path
        text = path.read_text()
        path.write_text(text[:mutant.start] + mutant.new + text[mutant.end:])
        try:
            if run("ninja", "-C", self.build).returncode:
                return "no program"
            return "noticed" if self.test().returncode else "survives"
        finally:
            path.write_text(text)


def read_equivalents():
    rows = [line.split(" | ") for line in LIST.read_text().splitlines() if line.strip() and not line.startswith("#")]
    wrong = [row for row in rows if len(row) != 4 or not row[3].strip()]
    if wrong:
        sys.exit(f"{LIST}: file | line | change | reason is expected: {wrong[0]}")
    return {tuple(part.strip() for part in row[:3]) for row in rows}


def main():
    folder = pathlib.Path(sys.argv[1]).resolve()
    count, seed, first = (*map(int, sys.argv[2:5]), *(300, 1, 0)[len(sys.argv) - 2:])
    equivalent, tree = read_equivalents(), Tree(folder)
    noticed, survivors, same = 0, [], 0
    for mutant in draw(tree.root, seed)[first:]:
        if noticed + len(survivors) + same >= count:
            break
        if mutant.key() in equivalent:
            same += 1
            continue
        verdict = tree.judge(mutant)
        print(f"{verdict}: {mutant}", flush=True)
        noticed += verdict == "noticed"
        survivors += [mutant] * (verdict == "survives")
    total = noticed + len(survivors)
    print(f"{noticed} of {total} noticed, {same} equivalent; at least {100 * LEAST:.0f} % are wanted")
    print("\n".join(f"not noticed: {mutant}" for mutant in survivors))
    return 0 if total and noticed >= LEAST * total else 1


if __name__ == "__main__":
    sys.exit(main())
