# SPDX-License-Identifier: Apache-2.0
"""
Two builds of the same sources are the same bytes, wherever, by whomever and in whatever locale they
were made: programs, library, and the Debian packages of them.
"""
import os
import shutil

import pytest

from house import ROOT, copy_tree, make

pytestmark = pytest.mark.skipif(not shutil.which("dh"), reason="no debhelper")
BUILT = ("traild", "traild-signer", "traild-courier", "trail", "trail-witness", "libtrail.a", "libtrail.so")
OTHER = {"TZ": "Pacific/Chatham", "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8", "HOME": "/nonexistent",
         "USER": "somebody"}


def same(one, other):
    assert one and one.keys() == other.keys()
    differing = [name for name in one if one[name].read_bytes() != other[name].read_bytes()]
    assert not differing


def packages(folder):
    return {p.name: p for p in folder.glob("*.deb")}


def test_two_builds_are_the_same_bytes(debs, tmp_path):
    """Of the tree as it lies here, and of a copy with a longer name, in another zone and locale."""
    make("release")
    copy = copy_tree(tmp_path / "in-another-folder-of-a-longer-name" / "traild")
    before = os.umask(0o077)
    try:
        make("release", tree=copy, **OTHER)
        make("deb", tree=copy, **OTHER)
    finally:
        os.umask(before)
    same({n: ROOT / "build" / "release" / n for n in BUILT},
         {n: copy / "build" / "release" / n for n in BUILT})
    assert {name.split("_")[0] for name in packages(debs)} >= {"traild", "trail", "libtrail1",
                                                              "libtrail-dev"}
    same(packages(debs), packages(copy / "build" / "deb"))
