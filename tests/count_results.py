#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints a line "pass NAME", "fail NAME" or "skip NAME" for each test in a JSON log of `meson test`: count_results.py LOG

A program counts for every line "[       OK ] NAME" as CMocka prints them, or "pass  NAME" as our Python programs do; one that says
nothing of the kind counts as one test.
"""

import json
import re
import sys

WORDS = {"OK": "pass", "EXPECTEDFAIL": "pass", "SKIP": "skip"}
SAID = {"OK": "pass", "FAILED": "fail", "SKIPPED": "skip", "pass": "pass", "FAIL": "fail", "skip": "skip"}


def functions(output):
    """What a program says of each of its tests; CMocka's summary repeats some of the lines."""
    found = {}
    for bracketed, plain, name in re.findall(r"^(?:\[ +(OK|FAILED|SKIPPED) +\]|(pass|FAIL|skip) ) +(.+)$", output, re.M):
        if "listed below:" not in name:
            found[name] = SAID[bracketed or plain]
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
