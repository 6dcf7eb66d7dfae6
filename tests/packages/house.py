# SPDX-License-Identifier: Apache-2.0
"""What the tests of packages share: the tree, a copy of it, and a make that is not this one's child."""
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def clean_environment(**more):
    """A make around this one must not lend us its job server; tests ran before, and are not built in."""
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    return {**env, "DEB_BUILD_OPTIONS": "nocheck", **more}


def make(*goals, tree=ROOT, **environment):
    """Its output is shown when it fails."""
    done = subprocess.run(["make", "-s", "-j2", "-C", tree, *goals], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=clean_environment(**environment))
    assert done.returncode == 0, done.stdout[-8000:]
    return done.stdout


def copy_tree(folder):
    """The sources, without what was built from them."""
    folder.mkdir(parents=True)
    sources = subprocess.Popen(["tar", "-c", "--exclude=./build", "--exclude=./.git", "."], cwd=ROOT,
                               stdout=subprocess.PIPE)
    subprocess.run(["tar", "-x"], cwd=folder, stdin=sources.stdout, check=True)
    assert sources.wait() == 0
    return folder
