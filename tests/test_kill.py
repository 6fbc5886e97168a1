#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Kills programs at random moments: test_kill.py TARGET [--full] [--mnist PROGRAM] [--seconds S] [--seed N]

TARGET is tests/crash_target.c. A training run with checkpoints is killed and resumed until it ends, which must be with the digest
of a run that was not; a program that saves in a loop is killed, after which its file must be there and whole. The normal run
takes about S seconds (20); --full kills 200 times in runs and 2,000 times in saves. --mnist does the first with the example's
program instead, which trains five epochs of 12,000 of its images.
"""

import argparse
import gzip
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time

MNIST = pathlib.Path(__file__).resolve().parent.parent / "examples/data/mnist"


def ask(*command):
    """What a program that ends by itself prints."""
    result = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if result.returncode:
        sys.exit(f"{' '.join(command)}: status {result.returncode}\n{result.stderr}")
    return result.stdout


def start_and_kill(command, seconds):
    """What a program printed that was killed after so long, if it ended before; None if not."""
    program = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        output, errors = program.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        program.kill()
        program.communicate()
        return None
    if program.returncode:
        sys.exit(f"{' '.join(command)}: status {program.returncode}\n{errors}")
    return output


def sweep(folder):
    """Removes what killed savers leave: their temporary files, and nothing else."""
    for path in folder.glob(".sixnet-*"):
        path.unlink()


def assert_few_left(folder, paths):
    """Savers remove what those before them left, so that of each path there is what the last one left."""
    left = [path.name for path in folder.glob(".sixnet-*")]
    if len({name.removesuffix("-old") for name in left}) > paths:
        sys.exit(f"temporary files are left: {left}")


def digest_in(output):
    return re.findall(r"\b[0-9a-f]{64}\b", output)[-1]


def kill_runs(command, folder, count, until, rng):
    """Runs of command(file), killed and resumed: how many kills there were."""
    begin = time.monotonic()
    expected = digest_in(ask(*command(folder / "whole")))
    whole, kills, ends = time.monotonic() - begin, 0, 0
    path = folder / "run"
    while kills < count and (time.monotonic() < until or not ends):
        output = start_and_kill(command(path), rng.uniform(0, whole / 2))
        kills += output is None
        assert_few_left(folder, 2)
        if output is not None:
            if digest_in(output) != expected:
                sys.exit(f"after {kills} kills: {digest_in(output)} instead of {expected}")
            ends += 1
            for old in folder.glob("run*"):
                old.unlink()
            sweep(folder)
    print(f"runs: {kills} kills, {ends} ends, all with {expected[-16:]}")


def first_save(crash_target, path):
    """Leaves a file at path, however slow the machine is."""
    saver = subprocess.Popen([crash_target, "save", str(path)])
    while not path.exists() and saver.poll() is None:
        time.sleep(0.01)
    saver.kill()
    saver.wait()


def kill_saves(crash_target, folder, count, until, rng):
    path = folder / "saved"
    good, kills = set(), 0
    sweep(folder)
    first_save(crash_target, path)
    while kills < count and time.monotonic() < until:
        start_and_kill([crash_target, "save", str(path)], rng.uniform(0.003, 0.03))
        kills += 1
        if not path.exists():
            sys.exit(f"after {kills} kills: there is no file")
        good.add(ask(crash_target, "check", str(path)))
        assert_few_left(folder, 1)
        if len(good) > 2:
            sys.exit(f"after {kills} kills: a file with other values")
    print(f"saves: {kills} kills, {len(good)} contents")


def short_data(folder):
    """A folder of MNIST's files, cut after some of the images."""
    folder.mkdir()
    for count, name, header, size in ((12000, "train-images-idx3", 16, 784), (12000, "train-labels-idx1", 8, 1),
                                      (1000, "t10k-images-idx3", 16, 784), (1000, "t10k-labels-idx1", 8, 1)):
        data = gzip.decompress((MNIST / f"{name}-ubyte.gz").read_bytes())
        (folder / f"{name}-ubyte").write_bytes(data[:4] + count.to_bytes(4, "big") + data[8:header + count * size])
    return folder


def example(program, data, path):
    resume = ["--resume", str(path)] if path.exists() else []
    return [program, "--data", str(data), "--epochs", "5", "--quiet", "--digest", "--checkpoint", str(path), *resume]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("crash_target")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--mnist")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    rng = random.Random(options.seed)
    print(f"seed {options.seed}")
    runs, saves, seconds = (200, 2000, 1e6) if options.full else (200, 500, options.seconds)
    with tempfile.TemporaryDirectory(prefix="sixnet-kill-") as name:
        folder, now = pathlib.Path(name), time.monotonic()
        data = short_data(folder / "data") if options.mnist else None

        def command(path):
            return example(options.mnist, data, path) if options.mnist else [options.crash_target, "run", str(path)]

        kill_runs(command, folder, runs, now + seconds / 2, rng)
        kill_saves(options.crash_target, folder, saves, time.monotonic() + seconds / 2, rng)


main()
