#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tools/release, in a repository that is a copy of this tree: test_release.py

A release sets the version everywhere, dates the changelog, packs the tree and tags it. A release that fails changes nothing.
"""

import re
import sys
import tarfile
import tempfile

from tree_copy import Tree

SGD = "lib/optimizers/sgd.c"
# Where a version that is not the tree's may stand: what happened before, and what files and packages of old say.
HISTORY = r"docs/CHANGELOG\.md|tools/packaging/.*|tests/(abi|golden|fuzz)/.*|tests/make_hostile\.py"
failures = 0


def check(what, passed, seen=""):
    global failures
    failures += not passed
    print(f"{'pass' if passed else 'FAIL'}  {what}{'' if passed else f': {seen}'}", flush=True)


class Repository(Tree):
    def __init__(self, home):
        super().__init__(home)
        self.must_run("git", "init", "--quiet", "--initial-branch=main")
        self.must_run("git", "config", "user.name", "Release Test")
        self.must_run("git", "config", "user.email", "release@example.org")
        self.commit("A change")
        major, minor, _ = self.must_run("tools/version").split(".")
        self.major, self.next, self.patch = major, f"{major}.{int(minor) + 1}.0", f"{major}.{int(minor) + 1}.1"

    def commit(self, subject):
        self.must_run("git", "add", "--all")
        self.must_run("git", "commit", "--quiet", "--message", subject)

    def state(self):
        """Everything that a release may change here."""
        return [self.must_run("git", *arguments) for arguments in (["log", "--format=%H"], ["tag"], ["status", "--porcelain"])]

    def release(self, *arguments):
        return self.run("tools/release", *arguments)

    def change(self, name, pattern, replacement):
        path = self.root / name
        text, count = re.subn(pattern, replacement, path.read_text(), flags=re.M)
        assert count == 1, (name, pattern)
        path.write_text(text)


def check_refused(tree, what, words, *arguments):
    before = tree.state()
    result = tree.release(*arguments)
    ok = result.returncode == 1 and all(word in result.stdout for word in words) and tree.state() == before
    check(f"refused: {what}", ok, result.stdout)


def test_refusals(tree):
    check_refused(tree, "no version", ["which version"])
    check_refused(tree, "a word for a version", ["'1.2'"], "1.2")
    check_refused(tree, "an old version", ["older"], "0.9.0")
    check_refused(tree, "a new major version with the packages of the old", ["soname"], f"{int(tree.major) + 1}.0.0")
    (tree.root / "letter.txt").write_text("mine\n")
    check_refused(tree, "a tree with a change", ["uncommitted"], tree.next)
    (tree.root / "letter.txt").unlink()


def test_dry_run(tree):
    before = tree.state()
    result = tree.release("--dry-run", tree.next)
    steps = re.findall(r"^(would do )? *(\w+) ", result.stdout, re.M)[:8]
    names = "clone version changelog abi commit tarball check tag".split()
    check("a dry run names every step", result.returncode == 0 and [name for _, name in steps] == names, result.stdout)
    check("and does the first three", [bool(would) for would, _ in steps] == [False] * 3 + [True] * 5, steps)
    check("and changes nothing here", tree.state() == before)


def test_failed_check(tree):
    check_refused(tree, "a tree that does not pass the checks", ["check failed", "log"], "--check", "echo wrong && false", tree.next)


def places_of(tree, version):
    found = tree.run("git", "grep", "--files-with-matches", "--fixed-strings", "--word-regexp", version).stdout.split()
    return [name for name in found if not re.fullmatch(HISTORY, name)]


def test_release(tree):
    old = tree.must_run("tools/version").strip()
    result = tree.release("--check", "tools/version >../checked", tree.next)
    check("a release", result.returncode == 0 and tree.must_run("tools/version") == tree.next + "\n", result.stdout)
    if result.returncode:
        return
    check("is checked in the clone", (tree.root / "build/release/checked").read_text() == tree.next + "\n")
    check("is the commit of its tag", tree.must_run("git", "rev-parse", "HEAD") == tree.must_run("git", "rev-parse", f"v{tree.next}^{{}}"))
    check("leaves no place with the old version", not places_of(tree, old), places_of(tree, old))
    changelog = (tree.root / "docs/CHANGELOG.md").read_text()
    check("dates the changelog", re.search(rf"^## \[Unreleased\]\n\n## \[{tree.next}\] - \d{{4}}-\d\d-\d\d\n", changelog, re.M), changelog)
    debian, spec = ((tree.root / "tools/packaging" / name).read_text() for name in ("debian/changelog", "sixnet.spec"))
    check("dates the packages", debian.startswith(f"sixnet ({tree.next}-1") and f"> - {tree.next}-1\n" in spec, (debian, spec))
    with tarfile.open(tree.root / f"build/release/sixnet-{tree.next}.tar.xz") as tarball:
        head = tarball.extractfile(f"sixnet-{tree.next}/include/sixnet/version.h").read().decode()
    check("has a tarball of that version", f"_MINOR {tree.next.split('.')[1]} " in head, head)
    check_refused(tree, "the same version again", ["was released"], "--check", "true", tree.next)
    check_refused(tree, "a changelog without an entry", ["Unreleased"], "--check", "true", tree.patch)


def test_patch(tree):
    """A patch must not add to the interface of the release before."""
    tree.change("docs/CHANGELOG.md", r"^## \[Unreleased\]$", "## [Unreleased]\n\n### Fixed\n\n- A mistake.")
    tree.change(SGD, r'^( *\{"nesterov", .*\},)$', r'\1\n    {"planted", SIX_BOOL, offsetof(sgd, nesterov), 0, 1, "false", NULL, ""},')
    tree.commit("Add an attribute")
    check_refused(tree, "a patch with an attribute more", ["abi failed", "planted was added"], "--check", "true", tree.patch)


def main():
    with tempfile.TemporaryDirectory() as home:
        tree = Repository(home)
        test_refusals(tree)
        test_dry_run(tree)
        if "--quick" in sys.argv:
            return 1 if failures else 0
        test_failed_check(tree)
        test_release(tree)
        if not failures:
            test_patch(tree)
    return 1 if failures else 0


sys.exit(main())
