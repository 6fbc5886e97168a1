#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tests/check_abi.py, on a copy of the tree in which what it is there for is done, one thing after another: test_abi.py

It must refuse every break, name what broke, and accept every addition.
"""

import re
import sys
import tempfile

from tree_copy import Tree

# A struct in the interface and a function that takes it: there is none yet, and the first must be guarded as well.
STRUCT = """#include "sixnet.h"
struct sixnet_planted { int32_t first; int64_t second; };
SIXNET_API int32_t sixnet_planted_sum(const struct sixnet_planted *p);
"""
FUNCTION = """#include "sixnet/planted.h"
int32_t sixnet_planted_sum(const struct sixnet_planted *p) { return p->first + (int32_t)p->second; }
"""
CONSTANTS = "include/sixnet/sixnet.h"  # which are in no library
SGD = "lib/optimizers/sgd.c"
SETUP = "include/sixnet/layer.h|lib/graph/custom_setup.c"
CALL = "include/sixnet/layer.h|lib/graph/custom_call.c"
NESTEROV = r'\{"nesterov", .*\},\n'
ONE_MORE = '\\1{{"planted", SIX_BOOL, offsetof(sgd, nesterov), 0, 1, {}, NULL, ""}},\n'

# What is done: where, which text (one place), what it becomes, and what the gate says of it.
BREAKS = {
    "a field of a struct in another place":
        ("include/sixnet/planted.h", "int32_t first; int64_t second;", "int64_t second; int32_t first;", "sixnet_planted"),
    "an argument wider":
        (SETUP, r"(sixnet_layer_setup_input_shape\([^;{]*?)int32_t index", r"\1int64_t index", "sixnet_layer_setup_input_shape"),
    "an argument more":
        (CALL, r"(sixnet_layer_call_sample_count\(const sixnet_layer_call \*call)\)", r"\1, int32_t more)", "sixnet_layer_call_sample_count"),
    "a symbol gone":
        ("lib/sixnet.map", "    sixnet_model_digest;\n", "", "sixnet_model_digest"),
    "a symbol's version another":
        ("lib/sixnet.map", r"SIXNET_1 \{", "SIXNET_2 {", "sixnet_model_add"),
    "a constant renumbered":
        (CONSTANTS, r"(#define SIXNET_NO_NODE) \(-1\)", r"\1 (-2)", "constant SIXNET_NO_NODE was -1, is -2"),
    "a constant gone":
        (CONSTANTS, "#define SIXNET_BAD_STATE .*\n", "", "constant SIXNET_BAD_STATE is gone"),
    "an enumeration":
        ("include/sixnet/planted.h", r"struct sixnet_planted \{", r"enum { SIXNET_PLANTED };\n\g<0>", "enumeration"),
    "a default changed":
        (SGD, r'(\{"momentum", [^"]*)"0"', r'\1"0.9"', "optimizer sgd momentum had the default 0, has 0.9"),
    "an attribute gone":
        (SGD, NESTEROV, "", "optimizer sgd nesterov is gone"),
    "an attribute of another type":
        (SGD, r'(\{"nesterov",) SIX_BOOL', r"\1 SIX_INT", "optimizer sgd nesterov was of type bool"),
    "a range narrower":
        (SGD, r'(\{"momentum", SIX_FLOAT, [^"]*) 0, DBL_MAX', r"\1 0, 1", "optimizer sgd momentum allowed 0 and up"),
    "an attribute more that is required":
        (SGD, f"({NESTEROV})", ONE_MORE.format("NULL"), "optimizer sgd planted was added without a default"),
}
ADDITIONS = {
    "a constant more": (CONSTANTS, "(#define SIXNET_NO_NODE .*\n)", r"\1#define SIXNET_PLANTED 7" "\n"),
    "an attribute more that has a default": (SGD, f"({NESTEROV})", ONE_MORE.format('"false"')),
    "a range wider": (SGD, r'(\{"momentum", SIX_FLOAT, [^"]*) 0, DBL_MAX', r"\1 SIX_ANY"),
}


class Gate(Tree):
    """A copy of the project, and what check_abi.py says of its library."""

    def gate(self, *options):
        return self.run(sys.executable, "tests/check_abi.py", *options, "build/lib/libsixnet.so")

    def change(self, files, pattern, replacement):
        """Changes one place in each of the files that `files` names; returns what they were."""
        before = {}
        for name in files.split("|"):
            before[name] = (self.root / name).read_text()
            text, count = re.subn(pattern, replacement, before[name])
            if count != 1:
                sys.exit(f"{name} has {count} places like {pattern}")
            (self.root / name).write_text(text)
        return before

    def restore(self, before):
        for name, text in before.items():
            (self.root / name).write_text(text)

    def after(self, files, pattern, replacement, *options):
        """What the gate says with one change, which is then taken back."""
        before = self.change(files, pattern, replacement)
        if files != CONSTANTS:
            self.build()
        result = self.gate(*options)
        self.restore(before)
        return result


def plant_struct(tree):
    (tree.root / "include/sixnet/planted.h").write_text(STRUCT)
    (tree.root / "lib/planted.c").write_text(FUNCTION)
    tree.change("lib/meson.build", r"'kinds\.c',", "'kinds.c', 'planted.c',")
    tree.change("lib/sixnet.map", "( *)sixnet_model_digest;\n", r"\g<1>sixnet_model_digest;\n\1sixnet_planted_sum;" "\n")


def check(what, right, said):
    print(f"{'ok' if right else 'WRONG'}: {what}")
    if not right:
        print(said)
    return right


def main():
    with tempfile.TemporaryDirectory() as home:
        tree = Gate(home)
        plant_struct(tree)
        tree.setup("-Dtests=false")
        tree.build()
        result = tree.gate()
        results = [check("accepted: a function and a struct more", result.returncode == 0, result.stdout)]
        result = tree.gate("--frozen")
        results.append(check("refused in a patch: a function more", "sixnet_planted_sum" in result.stdout and result.returncode, result.stdout))
        for what, change in ADDITIONS.items():
            result = tree.after(*change)
            results.append(check(f"accepted: {what}", result.returncode == 0, result.stdout))
        tree.build()
        tree.must_run(sys.executable, "tests/check_abi.py", "--update", "build/lib/libsixnet.so")
        result = tree.gate("--frozen")
        results.append(check("accepted in a patch: nothing more", result.returncode == 0, result.stdout))
        result = tree.after(*ADDITIONS["an attribute more that has a default"], "--frozen")
        results.append(check("refused in a patch: an attribute more", "planted was added" in result.stdout and result.returncode, result.stdout))
        for what, (*change, said) in BREAKS.items():
            result = tree.after(*change)
            results.append(check(f"refused: {what}", result.returncode != 0 and said in result.stdout, result.stdout))
        tree.must_run("strip", "--strip-debug", "build/lib/libsixnet.so")
        result = tree.gate()
        results.append(check("refused: a library that cannot be looked into", "no debug information" in result.stdout, result.stdout))
    return 0 if all(results) else 1


sys.exit(main())
