#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints a line "pass NAME", "fail NAME" or "skip NAME" for each test in a JSON log of `meson test`: count_results.py LOG

A program counts for every line like "[       OK ] NAME", "pass  NAME" or "NAME ... ok", as CMocka, our Python programs and unittest print
them; one that says nothing of the kind counts as one test.
"""

import json
import re
import sys

WORDS = {"OK": "pass", "EXPECTEDFAIL": "pass", "SKIP": "skip"}
SAID = {"OK": "pass", "FAILED": "fail", "SKIPPED": "skip", "pass": "pass", "FAIL": "fail", "skip": "skip", "ok": "pass", "ERROR": "fail",
        "skipped": "skip"}
LINE = re.compile(r"^(?:\[ +(OK|FAILED|SKIPPED) +\] +(.+)|(pass|FAIL|skip)  (.+)|(.+) \.\.\. (ok|FAIL|ERROR|skipped)\b.*)$", re.M)


def functions(output):
    """What a program says of each of its tests; CMocka's summary repeats some of the lines."""
    found = {}
    for match in LINE.finditer(output):
        word = match[1] or match[3] or match[6]
        name = match[2] or match[4] or match[5]
        if "listed below:" not in name:
            found[name] = SAID[word]
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
