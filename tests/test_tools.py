#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs every script of tools/: each explains itself and rejects what it does not know, and the short ones do their work. Checks that none
deletes what it did not create: test_tools.py SHARED_LIBRARY"""

import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
MNIST = ROOT / "examples/data/mnist"

# Every script, and arguments that it must reject before it does anything; None: any argument is another program's.
SCRIPTS = {
    "ablations": ["no_such_case"],
    "amalgamate": [],
    "bench/compare_torch.py": ["--no-such-option"],
    "bench/torch_rerun.py": ["--no-such-option"],
    "build-deb": ["--no-such-option"],
    "build-wheel": ["--no-such-option"],
    "check": ["no_such_step"],
    "draw-docs": ["--no-such-option"],
    "fetch-mnist": ["--no-such-option"],
    "fuzz": ["no_such_target"],
    "quickstart": None,
    "release": ["--no-such-option"],
    "version": ["--no-such-option"],
}
counts = {True: 0, False: 0}


def check(name, passed, seen=""):
    counts[bool(passed)] += 1
    print(f"{'pass' if passed else 'FAIL'}  {name}{'' if passed else f': {seen}'}", flush=True)


def run(script, *arguments, **env):
    path = ROOT / "tools" / script
    command = [sys.executable, path] if "python" in path.open().readline() else [path]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C", **env}
    return subprocess.run([*map(str, command), *map(str, arguments)], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=300)


def is_script(path):
    with path.open("rb") as file:
        return path.is_file() and path.stat().st_mode & stat.S_IXUSR and file.read(2) == b"#!"


def listing(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_all():
    folders = [ROOT / "tools", ROOT / "tools/bench"]
    there = {str(path.relative_to(ROOT / "tools")) for folder in folders for path in folder.iterdir() if path.is_file() and is_script(path)}
    check("the table has every script of tools/", there == set(SCRIPTS), there ^ set(SCRIPTS))
    for script, wrong in SCRIPTS.items():
        result = run(script, "--help")
        check(f"{script} --help", result.returncode == 0 and result.stdout.startswith("usage: ") and script.split("/")[-1] in result.stdout,
              result.stdout)
        if wrong is not None:
            result = run(script, *wrong)
            check(f"{script} rejects {' '.join(wrong) or 'no argument'}", result.returncode != 0 and "Traceback" not in result.stdout,
                  result.stdout)


def test_version():
    head = (ROOT / "include/sixnet/version.h").read_text()
    numbers = [next(line.split()[2] for line in head.splitlines() if line.startswith(f"#define SIXNET_VERSION_{part} "))
               for part in ("MAJOR", "MINOR", "PATCH")]
    check("version", run("version").stdout == ".".join(numbers) + "\n", run("version").stdout)


def with_foreign_files(folder):
    (folder / "sub").mkdir(parents=True)
    (folder / "letter.txt").write_text("mine")
    (folder / "sub/picture.png").write_text("mine, too")
    return listing(folder)


def test_keeps(name, folder, script, *arguments, **env):
    """The script does its work in a folder that has other files, which stay."""
    before = with_foreign_files(folder)
    for time in ("at first", "again"):
        result = run(script, *arguments, **env)
        after = listing(folder)
        check(f"{name} {time}", result.returncode == 0, result.stdout)
        check(f"{name} {time}: what was there stays", before.items() <= after.items(), after.keys())
        check(f"{name} {time}: and there is more", len(after) > len(before), after.keys())


def test_fetch(folder):
    if not (MNIST / "t10k-labels-idx1-ubyte.gz").exists():
        return
    test_keeps("fetch-mnist", folder / "mnist", "fetch-mnist", folder / "mnist", SIXNET_MNIST_MIRRORS=f"file://{MNIST}")


def main():
    library = pathlib.Path(sys.argv[1]).resolve()
    test_all()
    test_version()
    check("fuzz --list", "model" in run("fuzz", "--list").stdout.split())
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        test_keeps("amalgamate", folder / "one", "amalgamate", folder / "one")
        if shutil.which("readelf"):
            test_keeps("build-wheel", folder / "wheel", "build-wheel", "--library", library, "--output", folder / "wheel")
        if shutil.which("curl"):
            test_fetch(folder)
    print(f"{counts[True]} passed, {counts[False]} failed")
    return 1 if counts[False] else 0


sys.exit(main())
