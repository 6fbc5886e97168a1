# SPDX-License-Identifier: MIT
"""A copy of the project for tests that change it."""

import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def left_out(folder, names):
    """Names that a copy does not need: the repository, build folders, and the images of MNIST."""
    top = pathlib.Path(folder) == ROOT
    return {name for name in names if name in (".git", "mnist", "__pycache__") or (top and name.startswith("build"))}


class Tree:
    """A copy of the tree in the folder `home`, where commands run; their environment is that of a developer with GCC."""

    def __init__(self, home):
        self.root = pathlib.Path(home) / "tree"
        shutil.copytree(ROOT, self.root, symlinks=True, ignore=left_out)

    def run(self, *command, **env):
        env = {**os.environ, "CC": "gcc", "CFLAGS": "", "LDFLAGS": "", "PYTHONDONTWRITEBYTECODE": "1", **env}
        return subprocess.run([*map(str, command)], cwd=self.root, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)

    def must_run(self, *command, **env):
        result = self.run(*command, **env)
        if result.returncode:
            sys.exit(f"{' '.join(map(str, command))}\n{result.stdout}")
        return result.stdout

    def setup(self, *options):
        """Configures the least that can be built: no optimization, one instruction set."""
        least = ["--buildtype=debug", "-Disa=none", "-Dexamples=false", "-Dtools=false", "-Ddocs=disabled"]
        self.must_run("meson", "setup", "build", *least, *options)

    def build(self, *targets):
        self.must_run("ninja", "-C", "build", *targets)
