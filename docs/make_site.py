#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the parts of the site that Doxygen does not: make_site.py header REFERENCE FILE | make_site.py html DOXYGEN DOXYFILE FOLDER

`header` fills the list of pages into header.html, from menu.txt and the titles of the pages; REFERENCE is the folder of make_reference.py.
`html` runs Doxygen and adds search.js, an index of the text of all pages for the search box.

A line of menu.txt is a section, or, indented, an entry: a page of docs/ without `.md`, `@` and a page of the reference, `group` and a group
of the headers, or `sixnet.h`.
"""

import html.parser
import json
import pathlib
import re
import subprocess
import sys

DOCS = pathlib.Path(__file__).resolve().parent
HEADERS = sorted((DOCS.parent / "include/sixnet").glob("*.h"))
MAIN = "overview"


def title_of(path):
    return re.match(r"# (.*?)(?: \{#\w+\})?\n", path.read_text(encoding="utf-8"))[1]


def group_title(name):
    return next(found[1] for header in HEADERS if (found := re.search(rf"@defgroup {name} (.*)", header.read_text())))


def link_of(entry, reference):
    """Address and title of an entry."""
    if entry == "sixnet.h":
        return "sixnet_8h.html", "Rules for every function"
    if entry.startswith("@"):
        return f"{entry[1:]}.html", title_of(reference / f"{entry[1:]}.md")
    if entry.startswith("group "):
        return f"group__{entry[6:]}.html", group_title(entry[6:])
    return "index.html" if entry == MAIN else f"md_docs_{entry}.html", title_of(DOCS / f"{entry}.md")


def menu(reference):
    lines = []
    for line in (DOCS / "menu.txt").read_text().splitlines():
        if line.startswith(" "):
            address, title = link_of(line.strip(), reference)
            lines.append(f'<li><a href="$relpath^{address}">{html.escape(title)}</a></li>')
        else:
            lines += ["</ul>"] * bool(lines) + [f"<h2>{html.escape(line)}</h2>", "<ul>"]
    return "\n".join([*lines, "</ul>"])


def write_header(reference, file):
    text = (DOCS / "header.html").read_text()
    file.write_text(text.replace("@menu@", menu(reference)), encoding="utf-8")


class Sections(html.parser.HTMLParser):
    """The text of a page between menu and footer, cut at headings: [address, page, heading, text] for each."""

    HEADINGS = {"h1", "h2", "h3"}
    BLOCKS = {"p", "li", "td", "th", "tr", "div", "pre", "dt", "dd", "br", "table"}

    def __init__(self, path):
        super().__init__()
        self.address, self.page, self.place, self.heading = path.name, "", "", False
        self.sections, self.reading, self.silent = [], False, 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if attrs.get("id") == "main":
            self.reading = True
        elif tag == "footer":
            self.reading = False
        elif self.reading and attrs.get("id"):
            self.place = attrs["id"]
        self.silent += tag in ("script", "style")
        title = attrs.get("class") == "title"
        if self.reading and (tag in self.HEADINGS or title):
            self.heading = True
            self.sections.append([self.address + ("" if title or not self.place else f"#{self.place}"), "", "", ""])
        elif tag in self.BLOCKS:
            self.handle_data(" ")

    def handle_endtag(self, tag):
        self.silent -= tag in ("script", "style")
        if tag in self.HEADINGS or (tag == "div" and self.heading):
            self.heading = False

    def handle_data(self, data):
        if self.reading and self.sections and not self.silent:
            self.sections[-1][2 if self.heading else 3] += data


def sections_of(path):
    found = Sections(path).sections
    for section in found:
        section[2] = " ".join(section[2].replace("◆", " ").split())
        section[3] = " ".join(section[3].split())
        section[1] = found[0][2]
    return [section for section in found if section[2]]


def write_index(folder):
    pages = [path for path in sorted(folder.glob("*.html")) if not re.search(r"_source\.html$|^(dir_|globals|files|annotated|classes)", path.name)]
    sections = [section for path in pages for section in sections_of(path)]
    (folder / "search.js").write_text("'use strict';\nconst siteSections = " + json.dumps(sections, ensure_ascii=False, indent=0) + ";\n",
                                      encoding="utf-8")


def main():
    what, *arguments = sys.argv[1:]
    if what == "header":
        write_header(*map(pathlib.Path, arguments))
    else:
        doxygen, doxyfile, folder = arguments
        subprocess.run([doxygen, doxyfile], check=True)
        write_index(pathlib.Path(folder))


if __name__ == "__main__":
    main()
