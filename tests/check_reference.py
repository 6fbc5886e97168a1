#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks what docs/ generates, without Doxygen, with the library that sixnet.py finds.

The reference has a page for each kind, with a definition, an accepted example and a row for each attribute. The menu has each page of
docs/ once, and nothing that does not exist.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

import sixnet

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"


def section(text, title):
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    return found[1].strip() if found else ""


def faults_of_kind(folder, family, kind):
    page = folder / f"{family}_{kind.name}.md"
    if not page.exists():
        yield f"{family} {kind.name} has no page"
        return
    text = page.read_text()
    if len(section(text, "Definition")) < 20:
        yield f"{page.name} has no definition; describe the kind in the first comment of its file in lib/"
    if "```text" not in section(text, "Example"):
        yield f"{page.name} has no example; extend the candidates in docs/make_reference.py"
    for attribute in kind.attributes:
        if f"\n| `{attribute.name}` | {attribute.type} |" not in text:
            yield f"{page.name} lacks the attribute {attribute.name}"


def faults_of_reference(folder):
    for family in sixnet.FAMILIES[:-1]:
        for kind in sixnet.kinds(family):
            yield from faults_of_kind(folder, family, kind)
    options = (folder / "options.md").read_text()
    yield from (f"options.md lacks {kind.name}" for kind in sixnet.kinds("options") if f"\n## {kind.name}\n" not in options)


def faults_of_menu(folder):
    header = folder / "header.html"
    subprocess.run([sys.executable, DOCS / "make_site.py", "header", folder, header], check=True)
    links = re.findall(r'<li><a href="\$relpath\^([\w.]+)">([^<]+)<', header.read_text())
    addresses = [address for address, _ in links]
    yield from (f"the menu has {address} twice" for address in sorted(set(addresses)) if addresses.count(address) > 1)
    for page in sorted(DOCS.glob("*.md")):
        if f"md_docs_{page.stem}.html" not in addresses and page.stem != "overview":
            yield f"docs/menu.txt does not list {page.name}"
    for page in sorted(folder.glob("*.md")):
        if "_" not in page.stem and f"{page.stem}.html" not in addresses:
            yield f"docs/menu.txt does not list @{page.stem}"


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        subprocess.run([sys.executable, DOCS / "make_reference.py", folder], check=True)
        faults = [*faults_of_reference(folder), *faults_of_menu(folder)]
        print("\n".join([*faults, f"{len(list(folder.glob('*.md')))} pages, {len(faults)} faults"]))
    return 1 if faults else 0


sys.exit(main())
