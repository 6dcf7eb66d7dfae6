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

GO = ("/usr/lib/go-1.19/bin/go", "/usr/bin/go")  # where the Makefile looks, too
XMOD = pathlib.Path("/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog")


def built(name):
    """tests/interop/NAME.go on Debian's x/mod: `make test` built it before, who runs alone does here."""
    source, program = ROOT / f"tests/interop/{name}.go", ROOT / f"build/interop/{name}"
    if program.exists() and program.stat().st_mtime >= source.stat().st_mtime:
        return program
    if not XMOD.exists() or not any(os.access(path, os.X_OK) for path in GO):
        pytest.skip("needs golang-go and golang-golang-x-mod-dev")
    ours = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    subprocess.run(["make", "-s", f"build/interop/{name}"], cwd=ROOT, env=ours, check=True)
    return program


def fetched(name):
    """A program of `make interop`."""
    folder = ROOT / os.environ.get("TRAIL_FOREIGN", "build/interop/bin")
    if not (folder / name).exists():
        pytest.skip(f"{name} is not there: `make interop` fetches it, where Go modules can be had")
    return folder / name
