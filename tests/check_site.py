#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the documentation as HTML: check_site.py FOLDER

Every link and every picture of a page must lead to something in the folder, and to a place that is there; nothing may be loaded from the
net; the list of pages, which is the same on each, must have every page of docs/; and no sign of Markdown may be left in the text.
"""

import html.parser
import pathlib
import re
import sys
import urllib.parse

PAGES = pathlib.Path(__file__).resolve().parent.parent / "docs"
LOADS = {"src", "data", "poster", "srcset"}


class Page(html.parser.HTMLParser):
    """What a page links to, what it loads, the names of its places, and its text outside of programs."""

    def __init__(self, path):
        super().__init__()
        self.links, self.loads, self.places, self.text, self.fragments = [], [], set(), [], []
        self.feed(path.read_text())

    def handle_data(self, data):
        if not self.fragments:
            self.text.append(data)

    def handle_endtag(self, tag):
        if self.fragments and tag == self.fragments[0]:
            self.fragments.pop()

    def handle_starttag(self, tag, attrs):
        program = tag in ("pre", "script") or ("class", "fragment") in attrs
        if tag == self.fragments[0] if self.fragments else program:
            self.fragments.append(tag)
        for name, value in attrs:
            if name in ("id", "name"):
                self.places.add(value)
            if name in LOADS or (name == "href" and tag == "link"):
                self.loads.append(value)
            elif name == "href":
                self.links.append(value)


def faults_of(path, pages):
    page = pages[path]
    marks = r"`|\*\*|\\ilinebr" if path.name.startswith("md_docs_") else r"`|\\ilinebr"  # in C ** is a pointer
    for left in re.findall(f".{{0,20}}(?:{marks}).{{0,20}}", "".join(page.text)):
        yield f"has '{left}' in its text"
    for target in page.loads + page.links:
        url = urllib.parse.urlsplit(target)
        if url.scheme or url.netloc:
            if target in page.loads and url.scheme != "javascript":
                yield f"loads {target} from the net"
            continue
        file = (path.parent / urllib.parse.unquote(url.path)).resolve() if url.path else path
        if not file.exists():
            yield f"leads to {target}, which is not there"
        elif url.fragment and file in pages and url.fragment not in pages[file].places:
            yield f"leads to {target}, a place that is not there"


def main():
    folder = pathlib.Path(sys.argv[1]).resolve()
    pages = {path: Page(path) for path in folder.glob("*.html")}
    faults = [f"{path.name}: {fault}" for path in pages for fault in faults_of(path, pages)]
    listed = pages[folder / "index.html"].links
    for source in PAGES.glob("*.md"):
        if source.stem != "overview" and f"md_docs_{source.stem}.html" not in listed:
            faults.append(f"the menu does not list {source.name}")
    for sheet in folder.glob("sixnet.*s"):
        if re.search(r"https?:|@import", sheet.read_text()):
            faults.append(f"{sheet.name} names something of the net")
    print("\n".join(faults + [f"{len(pages)} pages, {len(faults)} faults"]))
    return 1 if faults or not pages else 0


sys.exit(main())
