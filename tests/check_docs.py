#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the programs that README.md and docs/*.md show: check_docs.py SHARED_LIBRARY C_COMPILER CPP_COMPILER

A block of C or C++ that has a main() and every block of Python is a program of its own, and must end with status 0. A block of text right
after it whose first line is "prints:" is what it must print. A block of C that defines a layer of the library is compiled as one. Links to
files of the tree must lead to one, and docs/meson.build must list every page. Where there is no C++ compiler, "", programs in C++ are left out, and where there is no NumPy those that import it.
"""

import importlib.util
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


def has_main(text):
    return re.search(r"\bmain\(", text)


def run(command, folder):
    env = {**os.environ, "LD_LIBRARY_PATH": str(pathlib.Path(sys.argv[1]).resolve().parent)}
    result = subprocess.run(command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    return result.returncode, result.stdout


def compile_with(compiler, text, folder, *options):
    (folder / "program").write_text(text)
    warnings = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    return run([*compiler.split(), *warnings, f"-I{ROOT / 'include'}", *options], folder)


def run_compiled(compiler, language, text, folder):
    library = str(pathlib.Path(sys.argv[1]).resolve())
    status, output = compile_with(compiler, text, folder, *language, "program", "-x", "none", "-o", "started", library, "-lm")
    return (status, output) if status else run(["./started"], folder)


def run_c(text, folder):
    language = ["-std=c11", "-x", "c"]
    if has_main(text):
        return run_compiled(sys.argv[2], language, text, folder)
    return compile_with(sys.argv[2], text, folder, *language, "program", "-c", f"-I{ROOT / 'lib'}", "-DSIX_VARIANT=baseline",
                        "-DSIX_DESCRIBES")


def run_cpp(text, folder):
    return run_compiled(sys.argv[3], ["-std=c++17", "-Wconversion", "-x", "c++"], text, folder) if sys.argv[3] else (0, None)


def run_python(text, folder):
    if "import numpy" in text and not importlib.util.find_spec("numpy"):
        return 0, None
    (folder / "program.py").write_text(text)
    return run([sys.executable, "program.py"], folder)


def programs(page):
    """Line, kind and text of every program of a page, and what it is to print if the page says so."""
    text = page.read_text()
    blocks = [(text.count("\n", 0, m.start()) + 1, m[1], m[2]) for m in BLOCK.finditer(text)]
    for (line, kind, body), (_, kind_after, after) in zip(blocks, blocks[1:] + [(0, "", "")]):
        if kind in ("python", "cpp") or (kind == "c" and (has_main(body) or "SIX_LAYER(" in body)):
            shown = kind_after == "text" and after.startswith("prints:\n")
            yield line, kind, body, after.split("\n", 1)[1] if shown else None


def check_program(kind, body, expected):
    with tempfile.TemporaryDirectory() as folder:
        status, output = {"c": run_c, "cpp": run_cpp, "python": run_python}[kind](body, pathlib.Path(folder))
    if status:
        return f"ends with status {status}\n{output}"
    if output is not None and expected is not None and output != expected:
        return f"prints\n{output}instead of\n{expected}"
    return None


def broken_links(page):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        if not (page.parent / target).exists():
            yield f"links to {target}, which is not there"


def unlisted_pages():
    listed = (ROOT / "docs/meson.build").read_text()
    return [page.name for page in PAGES[1:] if f"'{page.name}'" not in listed]


def main():
    faults = count = 0
    for name in unlisted_pages():
        faults += 1
        print(f"docs/meson.build does not list {name}")
    for page in PAGES:
        wrong = [(1, link) for link in broken_links(page)]
        for line, kind, body, expected in programs(page):
            count += 1
            wrong.append((line, check_program(kind, body, expected)))
        for line, text in wrong:
            if text:
                faults += 1
                print(f"{page.relative_to(ROOT)}:{line}: {text}")
    print(f"{count} programs, {faults} faults")
    return 1 if faults or not count else 0


sys.exit(main())
