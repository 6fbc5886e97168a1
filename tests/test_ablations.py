#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests tools/ablations on a few images: test_ablations.py BUILD_FOLDER"""

import csv
import pathlib
import random
import re
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOOL = ROOT / "tools/ablations"
BUILD = pathlib.Path(sys.argv[1]).resolve()
SIXNET = BUILD / "tools/sixnet/sixnet"
counts = {True: 0, False: 0}


def check(name, passed, seen=""):
    counts[bool(passed)] += 1
    print(f"{'ok' if passed else 'FAILED'}: {name}{'' if passed else f': {seen}'}")


def run(*args):
    return subprocess.run([sys.executable, str(TOOL), *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def write_data(folder):
    rng = random.Random(1)
    folder.mkdir()
    for name, count in (("train", 300), ("t10k", 100)):
        images, labels = rng.randbytes(784 * count), bytes(rng.randrange(10) for _ in range(count))
        (folder / f"{name}-images-idx3-ubyte").write_bytes(struct.pack(">4I", 0x803, count, 28, 28) + images)
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, count) + labels)


def read_runs(out):
    with open(out / "runs.csv", encoding="ascii", newline="") as file:
        return list(csv.DictReader(file))


def test_runs(data, out):
    args = ["base", "channels_16", "--seeds", "0-1", "--epochs", 1, "--data", data, "--sixnet", SIXNET, "--out", out]
    result = run(*args)
    rows = read_runs(out)
    check("a line for each run", [(row["case"], row["seed"]) for row in rows] == [(c, s) for c in args[:2] for s in "01"],
          result.stdout + result.stderr)
    check("parameters of the nets", {row["case"]: row["parameters"] for row in rows} == {"base": "19944", "channels_16": "21128"}, rows)
    check("a line for each case", len(re.findall(r"^(?:base|channels_16) .* median \d+\.\d\d %", result.stdout, re.M)) == 2, result.stdout)
    example = subprocess.run([BUILD / "examples/mnist_cnn", "--data", data, "--epochs", "1", "--digest", "--quiet"],
                             stdout=subprocess.PIPE, text=True)
    digest = subprocess.run([SIXNET, "train", out / "base.net", "--data", data, "--transform", "normalize mean=0.1307 std=0.3081",
                             "--optimizer", "sgd lr=0.1 momentum=0.9", "--schedule", "step_lr step_size=10 gamma=0.1", "--epochs", "1",
                             "--batch-size", "128", "--digest", "--quiet"], stdout=subprocess.PIPE, text=True)
    digests = [re.search("digest: ([0-9a-f]{64})", text.stdout).group(1) for text in (example, digest)]
    check("the base case is the training of mnist_cnn", digests[0] == digests[1], digests)
    again = run(*args)
    check("nothing is trained twice", ", seed" not in again.stdout and read_runs(out) == rows, again.stdout)
    args[args.index("--epochs") + 1] = 2
    check("but with other settings", run(*args).stdout.count(", seed") == 4 and read_runs(out) != rows)


def test_candidate(data, out):
    for epochs, steps in ((1, 782), (2, 1564)):
        result = run("best", "--seeds", 1, "--epochs", epochs, "--data", data, "--sixnet", SIXNET, "--out", out)
        check(f"a cycle of {epochs} epochs of 50,000 images", f"total_steps={steps} cycle_momentum=false'" in result.stdout, result.stdout)
        check("which these are not", result.returncode != 0 and "leaves none to train with" in result.stderr, result.stderr)


def test_tables():
    """What the page says is what was measured."""
    page = (ROOT / "docs/mnist.md").read_text()
    for name in ("runs", "candidates"):
        table = run("--table", ROOT / f"docs/ablations/{name}.csv").stdout
        check(f"docs/mnist.md has the table of {name}.csv", table.count("\n") > 10 and table in page, table)


def test_refusals(folder):
    for name, words, args in (
        ("an unknown case", ["'bias'", "no_batchnorm"], ["bias", "--sixnet", SIXNET]),
        ("no epochs", ["'0'", "--epochs"], ["--epochs", 0]),
        ("seeds that go down", ["'3-1'", "--seeds"], ["--seeds", "3-1"]),
        ("a table that is not there", ["nowhere.csv"], ["--table", folder / "nowhere.csv"]),
        ("no program", ["nowhere/sixnet", "--sixnet"], ["--sixnet", folder / "nowhere/sixnet"]),
        ("no data", ["has no image", "status"], ["base", "--sixnet", SIXNET, "--data", folder, "--out", folder / "out"]),
    ):
        result = run(*args)
        check(f"{name} is refused", result.returncode != 0 and all(word in result.stderr for word in words), result.stderr)


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_data(folder / "data")
        test_runs(folder / "data", folder / "out")
        test_candidate(folder / "data", folder / "out")
        test_tables()
        test_refusals(folder)
    print(f"{counts[True]} passed, {counts[False]} failed")
    return 1 if counts[False] else 0


if __name__ == "__main__":
    sys.exit(main())
