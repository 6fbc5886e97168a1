#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the programs that README.md and docs/*.md show: check_docs.py SHARED_LIBRARY C_COMPILER CPP_COMPILER

A block of C or C++ that has a main() and every block of Python is a program of its own, which finds the tree's examples/ where it runs, and
must end with status 0. A block of text right after it whose first line is "prints:" is what it must print. Where there is no C++ compiler, "",
programs in C++ are left out, and where there is no NumPy those that import it.

Numbers of six or more decimals in a page's text must be among what its blocks print, rounded if they are shorter. Links to files of the tree
must lead to one. No file but the changelog may have a name that it lists as renamed, and the
headers must have the new one. docs/status_codes.md has the statuses of sixnet.h. The fixed parts of a message in docs/troubleshooting.md must stand in the sources
that can give it.
"""

import decimal
import importlib.util
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {"", ".c", ".cpp", ".h", ".hpp", ".in", ".map", ".md", ".py", ".sh", ".txt"}
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


def has_main(text):
    return re.search(r"\bmain\(", text)


def run(command, folder):
    env = {**os.environ, "LD_LIBRARY_PATH": str(pathlib.Path(sys.argv[1]).resolve().parent)}
    result = subprocess.run(command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    return result.returncode, result.stdout


def run_compiled(compiler, language, text, folder):
    (folder / "program").write_text(text)
    library = str(pathlib.Path(sys.argv[1]).resolve())
    warnings = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    status, output = run([*compiler.split(), *warnings, f"-I{ROOT / 'include'}", *language, "program", "-x", "none", "-o", "started", library,
                          "-lm"], folder)
    return (status, output) if status else run(["./started"], folder)


def run_c(text, folder):
    return run_compiled(sys.argv[2], ["-std=c11", "-x", "c"], text, folder)


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
        if kind in ("python", "cpp") or (kind == "c" and has_main(body)):
            shown = kind_after == "text" and after.startswith("prints:\n")
            yield line, kind, body, after.split("\n", 1)[1] if shown else None


def check_program(kind, body, expected):
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "examples").symlink_to(ROOT / "examples")
        status, output = {"c": run_c, "cpp": run_cpp, "python": run_python}[kind](body, pathlib.Path(folder))
    if status:
        return f"ends with status {status}\n{output}"
    if output is not None and expected is not None and output != expected:
        return f"prints\n{output}instead of\n{expected}"
    return None


def numbers(text, pattern=r"\d+\.\d+"):
    return [decimal.Decimal(number) for number in re.findall(pattern, text)]


def unknown_numbers(page):
    """Exact numbers of the text that no block of the page prints."""
    printed = [n for block in BLOCK.finditer(page.read_text()) if block[2].startswith("prints:") for n in numbers(block[2])]
    for number in numbers(BLOCK.sub("", page.read_text()), r"\d+\.\d{6,}"):
        if not any(abs(number - n) * 2 <= decimal.Decimal((0, (1,), number.as_tuple().exponent)) for n in printed):
            yield f"has the number {number}, which none of its programs prints"


def broken_links(page):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        if not (page.parent / target).exists():
            yield f"links to {target}, which is not there"


def message_sources():
    """What the sources say in strings, pieces of a string joined and what is filled in as an ellipsis."""
    places = [("lib", "*.[ch]"), ("include", "*.h"), ("examples", "*.[ch]"), ("tools/sixnet", "*.[ch]"), ("tools/python", "*.py")]
    text = "\n".join(file.read_text() for folder, pattern in places for file in sorted((ROOT / folder).rglob(pattern)))
    text = re.sub(r'%" PRI\w+', '…"', text)
    text = re.sub(r'"\s*f?"', "", text)
    return re.sub(r"%[-+.*0-9]*(?:ll|z)?[a-zA-Z]|\{[^{}\n]*\}", "…", text).replace('\\"', '"')


def unknown_messages(page):
    """Messages of the page about messages that nothing says; the system's loader has one of its own."""
    sources = message_sources()
    for message in re.findall(r"^### `+(.*?)`+$", page.read_text(), re.M):
        parts = [part.strip(" :") for part in message.split("…") if part.strip(" :;'.,()?=")]
        if not parts or any(part not in sources for part in parts) and not message.startswith("error while loading"):
            yield f"has the message '{message}', which nothing says"


def wrong_statuses(page):
    """Rows of docs/status_codes.md that are not as sixnet.h has them, and statuses without a row."""
    header = dict(re.findall(r"^#define (SIXNET_[A-Z_]+) (-?\d+) +/\*\*<", (ROOT / "include/sixnet/sixnet.h").read_text(), re.M))
    rows = dict(re.findall(r"^\| `(SIXNET_\w+)` \| (-?\d+) \|", page.read_text(), re.M))
    for name in sorted(header.keys() | rows.keys()):
        if header.get(name) != rows.get(name):
            yield f"has {rows.get(name, 'no row')} for {name}, which is {header.get(name, 'not in sixnet.h')}"


def renamed():
    """Names of C that the changelog lists with their new ones."""
    return dict(re.findall(r"^\| `(\w+)` \| `(\w+)` \|$", (ROOT / "docs/CHANGELOG.md").read_text(), re.M))


def old_names():
    """Files that have a name which was given up, and new names that no header has."""
    names = renamed()
    old = re.compile(r"\b(?:" + "|".join(names) + r")\b")
    tops = ("README.md", "docs", "examples", "include", "lib", "tests", "tools")
    files = [f for top in tops for f in [ROOT / top, *(ROOT / top).rglob("*")] if f.is_file() and f.suffix in TEXTS and f.name != "CHANGELOG.md"]
    for file in files:
        for name in sorted(set(old.findall(file.read_text(errors="replace")))):
            yield f"{file.relative_to(ROOT)} has {name}, which is {names[name]} now"
    headers = "".join(file.read_text() for file in sorted((ROOT / "include/sixnet").glob("*.h")))
    for name in sorted({new for new in names.values() if not re.search(rf"\b{new}\b", headers)}):
        yield f"docs/CHANGELOG.md has {name}, which is in no header"


def main():
    faults = count = 0
    for fault in old_names():
        faults += 1
        print(fault)
    for page in PAGES:
        checks = [broken_links, unknown_numbers] + [unknown_messages] * (page.name == "troubleshooting.md") + [wrong_statuses] * (page.name == "status_codes.md")
        wrong = [(1, fault) for check in checks for fault in check(page)]
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
