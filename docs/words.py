#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the page of all words, as the library tells them: words.py FILE

The library is found as sixnet.py finds it.
"""

import pathlib
import sys

import sixnet

TITLES = {"layer": "Layers", "loss": "Losses", "optimizer": "Optimizers", "schedule": "Schedules of the learning rate",
          "transform": "Transforms of samples", "options": "Options of functions"}
TOP = """# All words {#words}

Every word that a net's text, an optimizer, a schedule, a transform or a function's options may have, with its attributes. The page is written by
the library when these pages are built; sixnet_kind_field() and sixnet_attribute_field() tell a program the same, and `sixnet list` a person at
a terminal. Every layer and loss also takes `name=` and `from=`, which are under *node* at the end.

A *pair* of height and width is written with an x, `kernel_size=1x9`, or as one number for both; a *shape* likewise, `shape=1x28x28`; a *list*
with commas, `milestones=10,15`.
"""


def plain(text):
    return text.replace("*", "\\*").replace("<", "\\<")


def line(a):
    value = "required" if a.default == "required" else f"default {plain(a.default)}" if a.default else "no default"
    return f"- `{a.name}`: {plain(a.help)}. *{a.type}; {plain(a.range)}; {value}*"


def main():
    parts = [TOP]
    for family in sixnet.FAMILIES:
        parts.append(f"## {TITLES[family]}\n")
        parts += ["\n".join([f"### {kind.name}\n\n{plain(kind.help)}\n", *map(line, kind.attributes), ""]) for kind in sixnet.kinds(family)]
    pathlib.Path(sys.argv[1]).write_text("\n".join(parts), encoding="utf-8")


main()
