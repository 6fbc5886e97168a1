#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How work grows with its size: the instructions that growth.c executes, as callgrind counts them, where time would tell of the machine."""

import os
import re
import shutil
import subprocess
import sys
import unittest

PROGRAM = sys.argv[1]


def instructions(name, size):
    """The instructions that a work of that size takes."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", PROGRAM, name, str(size)]
    environment = {**os.environ, "MALLOC_PERTURB_": "0"}  # Meson has the allocator fill what it gives, which would count
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return int(re.search(r"Collected : (\d+)", run.stderr)[1])


class Growth(unittest.TestCase):
    def check_linear(self, name, size):
        """Twice the size takes twice the instructions: each further piece costs what those before did."""
        first, second, fourth = (instructions(name, size * factor) for factor in (1, 2, 4))
        ratio = (fourth - second) / (2 * (second - first))
        self.assertLess(ratio, 1.05, f"{name}: the later half of {4 * size} pieces costs {ratio:.3f} times what those before cost")

    def test_fit_epochs(self):
        self.check_linear("fit_epochs", 250)

    def test_fit_averaged_epochs(self):
        self.check_linear("fit_averaged_epochs", 250)

    def test_fit_batches(self):
        self.check_linear("fit_batches", 250)

    def test_cancelled_predict(self):
        """What is left of a cancelled call is not even read: 16 samples of 1,000 values take a few instructions."""
        few, many = (instructions("cancelled_predict", size) for size in (100, 1100))
        self.assertLess((many - few) / 1000, 200)

    def test_parse(self):
        """A line more costs what those before did, whatever its node is called and takes."""
        self.check_linear("parse_lines", 100)
        self.check_linear("parse_names", 100)
        self.check_linear("parse_inputs", 100)

    def test_plan(self):
        """Planning the training of nodes with sixteen inputs each, less what parsing them costs, is in proportion to n log n."""
        few, more, many = (instructions("plan_inputs", size) - instructions("plan_nothing", size) for size in (250, 500, 1000))
        self.assertLess((many - more) / (2 * (more - few)), 1.2)

    def test_load(self):
        """In proportion to n log n, as tensors are sorted by name."""
        for name, size in (("load_tensors", 40), ("load_checkpoint", 40), ("load_unknown", 1000), ("load_twice", 1000),
                           ("load_pairs", 1000), ("from_idx", 20000)):
            few, more = (instructions(name, size * factor) for factor in (1, 8))
            self.assertLess(more / few, 8 * 1.5, name)

    @unittest.skipUnless(os.environ.get("SIXNET_TEST_OPTIMIZATION") in ("2", "3", "s"), "instructions per byte are of optimized code")
    def test_unpack(self):
        """A byte of gzip that gives nothing takes little more than one that does."""
        for name, block, most in (("unpack_fixed", 10 / 8, 280), ("unpack_dynamic", 13, 720), ("unpack_members", 20, 28)):
            few, many = (instructions(name, size) for size in (500, 1000))
            self.assertLess((many - few) / 500 / block, most, name)


if __name__ == "__main__":
    if not shutil.which("valgrind"):
        print("valgrind is not installed, which counts the instructions")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])
