#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Changes one token of lib/ at a time and runs the unit tests, which must fail: check_mutants.py FOLDER [COUNT [SEED [FIRST]]]

SEED orders all comparisons, arithmetic and logical operators, integer constants and statements of the library's sources, and COUNT of them,
from number FIRST on, are changed or deleted. The order depends on the code around each one without its names and layout, so an edit elsewhere,
a new name or a reformatted line draws the same mutants. A copy of the tree in FOLDER is built for the baseline only, and the tests most likely to
fail soon run first; a mutant that survives is built and tried again with sanitizers. One that does not compile, or to the same machine code, is
replaced by the next.

At least 98 % of the mutants must be noticed, without those that no test can notice. tests/mutants.txt lists these as they are printed
here, each followed by an indented reason; an entry that no mutant matches is an error. Without arguments only the list is checked.
"""

import bisect
import collections
import filecmp
import functools
import hashlib
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIST = ROOT / "tests/mutants.txt"
LEAST = 0.98
NEAR = 24  # tokens on either side that decide the place in the order
SUITES = {"unit", "long double"}
OPERATORS = {"==": "!=", "!=": "==", "<": "<=", "<=": "<", ">": ">=", ">=": ">", "+": "-", "-": "+", "*": "/", "/": "*", "&&": "||", "||": "&&"}
OPERATOR = re.compile(r"(?<=[\w)\]])\s+(==|!=|<=?|>=?|\+|-|\*|/|&&|\|\|)(?=\s+[\w(&*!~-])")
CONSTANT = re.compile(r"(?<![\w.])(\d+)(?![\w.])")
STATEMENT = re.compile(r"^ {4,}((?:\*?[a-z]\w*(?:->|\.|\[)?[^=;{}]*?\s[+*/|&-]?=\s|[a-z]\w*\()[^;{}]*;)$", re.M)
NOT_DELETED = re.compile(r"(?:const |static |struct |unsigned |u?int\d+_t |size_t |real |double |float |char |bool |int |six_\w+ \*?\w+ |return\b|sizeof|"
                         r"(?:if|for|while|else|case|default|do|switch)\b)")
COMMENT = r"/\*.*?\*/|//[^\n]*"
TEXT = r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
DIRECTIVE = r"^#(?:[^\n]*\\\n)*[^\n]*"
FUNCTION = re.compile(r"^\w[^;{}=]*?(\w+)\([^;{}]*\)\s*(?:\{[^\n]*\}$|\{.*?^\})", re.M | re.S)
TOKEN = re.compile(r"[A-Za-z_]\w*|\d[\w.]*|[^\w\s]")


def blank(pattern, text):
    """The text with what the pattern matches replaced by spaces, so that places stay."""
    return re.sub(pattern, lambda m: re.sub(r"[^\n]", " ", m[0]), text, flags=re.M | re.S)


class Source:
    def __init__(self, root, path):
        self.path, self.text = path, (root / path).read_text()
        self.code = blank(f"{COMMENT}|{TEXT}|{DIRECTIVE}", self.text)
        self.tokens = list(TOKEN.finditer(self.code))
        self.starts = [m.start() for m in self.tokens]
        self.functions = list(FUNCTION.finditer(self.code))

    def near(self, start):
        i = bisect.bisect_left(self.starts, start)
        return " ".join("name" if m[0][0].isalpha() or m[0][0] == "_" else m[0] for m in self.tokens[max(0, i - NEAR):i + NEAR])

    def function(self, start):
        return next((m[1] for m in self.functions if m.start() <= start < m.end()), "outside")

    def mutants(self):
        for m in OPERATOR.finditer(self.code):
            yield Mutant(self, m.start(1), m.end(1), OPERATORS[m[1]])
        for m in CONSTANT.finditer(self.code):
            yield Mutant(self, m.start(), m.end(), str(int(m[0]) + 1))
        for m in STATEMENT.finditer(self.code):
            if not NOT_DELETED.match(m[1]):
                yield Mutant(self, m.start(1), m.end(1), "")


class Mutant:
    def __init__(self, source, start, end, new):
        self.source, self.start, self.end, self.new = source, start, end, new

    def __str__(self):
        """The file, the function and the line in which the change is marked."""
        text, start, end = self.source.text, self.start, self.end
        first, last = text.rfind("\n", 0, start) + 1, (text + "\n").index("\n", end)
        line = f"{text[first:start]}{{{{{text[start:end]} -> {self.new}}}}}{text[end:last]}"
        return f"{self.source.path}, {self.source.function(start)}: {' '.join(re.sub(COMMENT, '', line).split())}"

    def changed(self):
        return self.source.text[:self.start] + self.new + self.source.text[self.end:]

    def place(self, seed):
        return hashlib.sha256(f"{seed} {self.source.near(self.start)} {bool(self.new)}".encode()).digest()


def all_mutants(root):
    return [m for path in sorted((root / "lib").rglob("*.[ch]")) for m in Source(root, path.relative_to(root)).mutants()]


class Test:
    def __init__(self, row, build):
        self.name, self.command, self.memory = row["name"], row["cmd"], build.memory
        self.env = {"SIXNET_TEST_QUICK": "1", **os.environ, **row["env"], "CMOCKA_TEST_ABORT": "1"}  # the first failure will do
        self.target = os.path.relpath(row["cmd"][0], build.folder)
        self.seconds = 10.0  # of the processor

    def passes(self, folder):
        """Whether it does, within a multiple of its usual time, so that an endless loop ends. Removes the files it leaves behind."""
        folder.mkdir()
        limits = {resource.RLIMIT_CPU: int(5 + 10 * self.seconds), resource.RLIMIT_CORE: 0, resource.RLIMIT_AS: self.memory, resource.RLIMIT_FSIZE: 1 << 30}
        try:
            return subprocess.run(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder,
                                  timeout=120 + 40 * self.seconds, env={**self.env, "TMPDIR": str(folder)},
                                  preexec_fn=lambda: [resource.setrlimit(limit, (n, resource.RLIM_INFINITY)) for limit, n in limits.items()]).returncode == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def measure(self, folder):
        """Its usual time, if it passes."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        passes = self.passes(folder)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return passes


class Build:
    """A build of a tree for the baseline, with the tests, which must pass."""

    def __init__(self, tree, folder, options, flags, memory):
        self.folder, self.scratch, self.memory = folder, folder / "scratch", memory
        shutil.rmtree(self.scratch, ignore_errors=True)
        if not (folder / "build.ninja").exists():
            self.must("env", f"CFLAGS={flags}", "meson", "setup", folder, tree, "--buildtype=debugoptimized", "-Ddebug=false", "-Disa=none", "-Dtests=true",
                      "-Dexamples=false", "-Dtools=false", "-Ddocs=disabled", "-Dpython=disabled", *options)
        self.must("ninja", "-C", folder)
        rows = json.loads(self.must("meson", "introspect", "--tests", folder))
        self.tests = [Test(row, self) for row in rows if self.wanted({suite.split(":")[-1] for suite in row["suite"]})]
        failed = [test.name for test in self.tests if not test.measure(self.scratch)]
        if failed or not self.tests:
            sys.exit(f"tests fail without a change: {', '.join(failed)}")
        self.objects = self.read_objects()
        self.hits = collections.Counter()

    @staticmethod
    def wanted(suites):
        return suites & SUITES and "exhaustive" not in suites

    @staticmethod
    def must(*command):
        result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if result.returncode:
            sys.exit(f"{' '.join(map(str, command))}\n{result.stdout}")
        return result.stdout

    def compiles(self, target):
        return subprocess.run(["ninja", "-C", self.folder, target], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL).returncode == 0

    def read_objects(self):
        return {path: hashlib.sha256(path.read_bytes()).digest() for path in (self.folder / "lib").rglob("*.o")}

    def order(self, path):
        """First the tests that are likely to fail, by what they noticed of the file, its folder and the rest, for each second that they take."""
        def chance(test):
            return 10 * self.hits[path, test] + 3 * self.hits[path.parent, test] + self.hits[test] + 1
        return sorted(self.tests, key=lambda test: chance(test) / (test.seconds + 0.1), reverse=True)

    def judge(self, path):
        """'noticed by TEST', 'survives', 'no program' or 'same program', after a change of a file."""
        if not self.compiles("lib/libsixnet-internal.a"):
            return "no program"
        if self.read_objects() == self.objects:
            return "same program"
        for test in self.order(path):
            if not self.compiles(test.target):  # the tests look into headers
                return "no program"
            if not test.passes(self.scratch):
                self.hits.update([test, (path, test), (path.parent, test)])
                return f"noticed by {test.name}"
        return "survives"


class Tree:
    """A copy of the tree and two builds of it; mutants that survive the first are tried in the second, with sanitizers."""

    def __init__(self, folder):
        self.folder, self.root = folder, folder / "tree"
        self.copy()
        self.plain = Build(self.root, folder / "plain", [], "", 1 << 34)

    @functools.cached_property
    def sanitized(self):
        return Build(self.root, self.folder / "sanitized", ["-Db_sanitize=address,undefined"], "-fno-sanitize-recover=all", resource.RLIM_INFINITY)

    def copy(self):
        """Copies the files that differ, so that little is built again. An interrupted run may have left one changed."""
        wanted = {path.relative_to(ROOT) for top in ROOT.iterdir() if top.name != ".git" and not top.name.startswith("build")
                  for path in [top, *top.rglob("*")] if path.is_file()}
        for path in self.root.rglob("*"):
            if path.is_file() and path.relative_to(self.root) not in wanted:
                path.unlink()
        for path in wanted:
            to = self.root / path
            to.parent.mkdir(parents=True, exist_ok=True)
            if not to.exists() or not filecmp.cmp(ROOT / path, to, shallow=False):
                shutil.copyfile(ROOT / path, to)
                shutil.copymode(ROOT / path, to)

    def judge(self, mutant):
        verdict = self.judge_in(self.plain, mutant)
        return self.judge_in(self.sanitized, mutant) if verdict == "survives" else verdict

    def judge_in(self, build, mutant):
        path = mutant.source.path
        (self.root / path).write_text(mutant.changed())
        try:
            return build.judge(path)
        finally:
            (self.root / path).write_text(mutant.source.text)


def read_equivalents(mutants):
    """The mutants that the list names."""
    lines = [line for line in LIST.read_text().splitlines() if line.strip() and not line.startswith("#")]
    names, reasons = lines[::2], lines[1::2]
    if len(names) != len(reasons) or any(n[0].isspace() or not r[0].isspace() for n, r in zip(names, reasons)):
        sys.exit(f"{LIST}: each entry is a line as check_mutants.py prints it, and an indented line with the reason")
    lost = set(names) - {str(mutant) for mutant in mutants}
    if lost or len(set(names)) != len(names):
        sys.exit("\n".join([f"{LIST}: no change of lib/ is that of an entry, or two entries are the same:", *lost]))
    return set(names)


def main():
    mutants = all_mutants(ROOT)
    equivalent = read_equivalents(mutants)
    if not sys.argv[1:]:
        return 0
    tree = Tree(pathlib.Path(sys.argv[1]).resolve())
    count, seed, first = (*map(int, sys.argv[2:5]), *(300, 1, 0)[len(sys.argv) - 2:])
    noticed, survivors, same, start = 0, [], 0, time.monotonic()
    for mutant in sorted(mutants, key=lambda mutant: mutant.place(seed))[first:]:
        if noticed + len(survivors) + same >= count:
            break
        verdict = "equivalent" if str(mutant) in equivalent else tree.judge(mutant)
        print(f"{time.monotonic() - start:.0f} s: {verdict}: {mutant}", flush=True)
        same += verdict == "equivalent"
        noticed += verdict.startswith("noticed")
        survivors += [mutant] * (verdict == "survives")
    total = noticed + len(survivors)
    print(f"{noticed} of {total} noticed, {same} equivalent; at least {100 * LEAST:.0f} % are wanted")
    print("\n".join(f"not noticed: {mutant}" for mutant in survivors))
    return 0 if total and noticed >= LEAST * total else 1


if __name__ == "__main__":
    sys.exit(main())
