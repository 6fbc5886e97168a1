#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Builds a wheel of a shared library, looks at it, installs it into a fresh virtual environment, and trains nets there: check_wheel.py LIBRARY"""

import base64
import csv
import hashlib
import io
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def run(*command, **env):
    quiet = {"PYTHONPATH": "", "SIXNET_LIBRARY": "", "PIP_DISABLE_PIP_VERSION_CHECK": "1", **env}
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd="/", env={**os.environ, **quiet})
    if result.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{result.stdout}")
    return result.stdout


def build(folder, **env):
    return pathlib.Path(run(sys.executable, ROOT / "tools/build-wheel", "--library", os.path.abspath(sys.argv[1]), "--output", folder,
                            **env).strip())


def check_record(wheel):
    """Every file but RECORD itself is in RECORD, with its size and digest."""
    with zipfile.ZipFile(wheel) as archive:
        assert archive.testzip() is None
        files = {name: archive.read(name) for name in archive.namelist()}
    record = next(name for name in files if name.endswith(".dist-info/RECORD"))
    rows = {name: (digest, size) for name, digest, size in csv.reader(io.StringIO(files[record].decode()))}
    assert rows.keys() == files.keys(), rows.keys() ^ files.keys()
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        assert rows[name] == (("", "") if name == record else (f"sha256={digest}", str(len(data)))), name


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        wheel, again, dated = build(folder / "one"), build(folder / "two"), build(folder / "three", SOURCE_DATE_EPOCH="1700000000")
        assert re.fullmatch(r"sixnet-[\d.]+-py3-none-manylinux_2_\d+_\w+\.whl", wheel.name), wheel.name
        assert wheel.read_bytes() == again.read_bytes() != dated.read_bytes()
        check_record(wheel)
        run(sys.executable, "-m", "venv", folder / "venv")
        python = folder / "venv/bin/python"
        run(python, "-m", "pip", "install", "--no-index", wheel)
        said = run(python, ROOT / "tests/consumers/consumer.py")
        assert str(folder / "venv") in said, said
        print(said, end="")
        run(python, "-m", "pip", "uninstall", "--yes", "sixnet")
        left = [path for path in (folder / "venv").rglob("*sixnet*")]
        assert not left, left


main()
