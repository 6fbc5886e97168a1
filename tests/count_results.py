#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints a line "pass NAME", "fail NAME" or "skip NAME" for each test in a JSON log of `meson test`: count_results.py LOG

A program counts for every line like "[       OK ] NAME" or "pass  NAME", as CMocka and our Python programs print them, or for the numbers
of a line "12 passed, 0 failed"; one that says nothing of the kind counts as one test.
"""

import json
import re
import sys

WORDS = {"OK": "pass", "EXPECTEDFAIL": "pass", "SKIP": "skip"}
SAID = {"OK": "pass", "FAILED": "fail", "ERROR": "fail", "SKIPPED": "skip", "pass": "pass", "FAIL": "fail", "skip": "skip"}
LINE = re.compile(r"^(?:\[ +(OK|FAILED|ERROR|SKIPPED) +\] +|(pass|FAIL|skip)  )(\w.*)$", re.M)
NUMBERS = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.M)


def functions(output):
    """What a program says of each of its tests; CMocka's summary repeats some of the lines."""
    found = {m[3]: SAID[m[1] or m[2]] for m in LINE.finditer(output) if "listed below:" not in m[3]}
    numbers = NUMBERS.search(output)
    if not found and numbers:
        for word, count in zip(("pass", "fail", "skip"), numbers.groups("0")):
            found.update({f"{word} {i + 1}": word for i in range(int(count))})
    return found


def results(test):
    program = test["name"].split(" / ")[-1]
    whole = WORDS.get(test["result"], "fail")
    found = functions(test.get("stdout", "") + "\n" + test.get("stderr", ""))
    if whole == "skip" or not found:
        return [(whole, program)]
    rows = [(word, f"{program}: {name}") for name, word in found.items()]
    if whole == "fail" and "fail" not in found.values():
        rows.append(("fail", f"{program} ({test['result'].lower()}, exit status {test['returncode']})"))
    return rows


def main():
    with open(sys.argv[1], encoding="utf-8") as log:
        rows = [row for line in log for row in results(json.loads(line))]
    for word, name in rows:
        print(word, name)
    return 0 if rows else "no test has run"


sys.exit(main())
