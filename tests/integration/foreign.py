# SPDX-License-Identifier: Apache-2.0
"""
Programs that nobody here wrote, or that stand on libraries of others: Go's x/mod as Debian has it,
and what `make interop` fetched.

    TRAIL_FOREIGN   folder with the programs of `make interop`   (build/interop/bin)
"""
import os
import pathlib
import subprocess

import pytest
from harness import ROOT

GOPATH = "/usr/share/gocode"  # Debian's golang-golang-x-mod-dev


def debian_go():
    for path in ("/usr/lib/go-1.19/bin/go", "/usr/lib/go/bin/go", "/usr/bin/go"):
        if os.access(path, os.X_OK):
            return path
    return None


def build_go(name, folder):
    """Build tests/interop/NAME.go on Debian's x/mod, without modules and without the network."""
    go = debian_go()
    package = pathlib.Path(GOPATH, "src/golang.org/x/mod/sumdb/tlog")
    if not go or not package.exists():
        pytest.skip("needs golang-go and golang-golang-x-mod-dev")
    (folder / "src").mkdir(exist_ok=True)
    environment = dict(os.environ, GO111MODULE="off", GOPATH=f"{folder}:{GOPATH}",
                       GOCACHE=str(folder / "cache"), GOFLAGS="", GOTOOLCHAIN="local")
    subprocess.run([go, "build", "-o", folder / name, ROOT / f"tests/interop/{name}.go"],
                   env=environment, check=True)
    return folder / name


def fetched(name):
    """A program of `make interop`."""
    folder = ROOT / os.environ.get("TRAIL_FOREIGN", "build/interop/bin")
    if not (folder / name).exists():
        pytest.skip(f"{name} is not there: `make interop` fetches it, where Go modules can be had")
    return folder / name
