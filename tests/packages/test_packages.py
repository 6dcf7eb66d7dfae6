# SPDX-License-Identifier: Apache-2.0
"""
The packages are installed, upgraded to a rebuilt version, removed and purged in a fresh Debian, and the
same log goes on: try.sh says what is done. And what is in them, as far as a promise depends on it.
"""
import os
import re
import shutil
import subprocess

import pytest

from house import ROOT, copy_tree, make

SHIPPED = ("traild", "trail", "trail-witness", "libtrail1", "libtrail-dev")
# What the machine needs before packages are installed; apt gets the rest, as at an administrator's.
MACHINE = "systemd-sysv"


def missing():
    """Why it cannot be tried here, or None."""
    if os.geteuid() != 0:
        return "needs uid 0"
    absent = [p for p in ("dh", "systemd-nspawn", "mmdebstrap") if not shutil.which(p)]
    return f"{' '.join(absent)}: not installed" if absent else None


pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))


def take(source, target):
    target.mkdir()
    for name in SHIPPED:
        deb, = source.glob(f"{name}_*.deb")
        shutil.copy(deb, target)
    return target


@pytest.fixture(scope="module")
def old(debs, tmp_path_factory):
    return take(debs, tmp_path_factory.mktemp("old") / "debs")


@pytest.fixture(scope="module")
def new(tmp_path_factory):
    """The same sources as a later version."""
    tree = copy_tree(tmp_path_factory.mktemp("new") / "traild")
    changelog = tree / "debian" / "changelog"
    changelog.write_text(re.sub(r"^traild \((.*?)\)", r"traild (\1+1)", changelog.read_text(), count=1))
    make("deb", tree=tree)
    return take(tree / "build" / "deb", tree / "debs")


def test_the_same_log_goes_on_from_installation_to_purge(old, new):
    root = ROOT / "build" / "root" / "bookworm"
    subprocess.run([ROOT / "tests/support/debian_root.sh", root, f"--include={MACHINE}"], check=True)
    done = subprocess.run(["timeout", "--kill-after=20", "400", ROOT / "tests/packages/try.sh", root,
                           old, new], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)
    print(done.stdout)
    assert done.returncode == 0
    assert done.stdout.endswith("all steps done\n")


def test_its_version_is_the_programs(old):
    version = re.search(r"^VERSION := (\S+)$", (ROOT / "Makefile").read_text(), re.M)[1]
    for deb in old.iterdir():
        assert deb.name.split("_")[1] == version


def test_its_build_needs_are_the_makefiles():
    """What every Debian builder has goes unsaid in debian/control."""
    text = (ROOT / "Makefile").read_text()
    needs = re.search(r"^BUILD_DEPS := ((?:.*\\\n)*.*)$", text, re.M)[1].replace("\\\n", " ").split()
    control = (ROOT / "debian/control").read_text().split("\n\n")[0]
    said = set(re.findall(r"^ ([a-z0-9.+-]+)", control.split("Build-Depends:")[1], re.M))
    assert set(needs) - {"gcc", "libc6-dev"} <= said
