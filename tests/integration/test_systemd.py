# SPDX-License-Identifier: Apache-2.0
"""
The units of systemd/: what systemd-analyze says of them, AppArmor's own parser of the profiles, and
all of it alive with systemd as process 1 in a container.
"""
import pathlib
import re
import shutil
import subprocess

import container
import pytest
from harness import ROOT, SLOW

UNITS = sorted((ROOT / "systemd").glob("*.service")) + sorted((ROOT / "systemd").glob("*.socket"))
EXPOSURE_MAX = 1.5
HERE = pathlib.Path(__file__).resolve().parent


@pytest.mark.parametrize("unit", [u.name for u in UNITS if u.suffix == ".service"])
def test_exposure_of_each_service_is_small(unit, measured):
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager",
                           str(ROOT / "systemd" / unit)], capture_output=True, text=True)
    level = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert level, done.stdout + done.stderr
    measured("exposure", level[1])
    assert float(level[1]) <= EXPOSURE_MAX, done.stdout


def install(root):
    subprocess.run(["make", "-s", "install", "prefix=/usr", f"DESTDIR={root}"], cwd=ROOT,
                   check=True, stdout=subprocess.DEVNULL)


def test_units_verify(build, tmp_path):
    """Every line is one that systemd knows, and what they name is there."""
    if build.name != "release":
        pytest.skip("installs what `make release` built")
    root = tmp_path / "root"
    install(root)
    assert {u.name for u in (root / "usr/lib/systemd/system").iterdir()} == {u.name for u in UNITS}
    shutil.copytree("/lib/systemd/system", root / "usr/lib/systemd/system", symlinks=True,
                    dirs_exist_ok=True)
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", f"--root={root}",
                           *[f"/usr/lib/systemd/system/{u.name}" for u in UNITS]],
                          capture_output=True, text=True)
    ours = [line for line in done.stderr.splitlines() if "traild" in line]
    assert done.returncode == 0 and not ours, done.stderr


def test_profiles_parse():
    if not shutil.which("apparmor_parser"):
        pytest.skip("apparmor is not installed")
    profiles = sorted((ROOT / "systemd/apparmor").iterdir())
    assert profiles
    done = subprocess.run(["apparmor_parser", "-Q", "-T", "-K", *map(str, profiles)],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.limit(600)
def test_the_units_under_systemd(build, folder, measured):
    """inside.sh says what is shown, part by part."""
    why = container.missing()
    if build.name != "release":
        why = "installs what `make release` built"
    if why:
        pytest.skip(f"systemd cannot be tried in a container: {why}")
    box = container.Container(folder)
    try:
        install(box.root)
        code, log, console = box.run((HERE / "inside.sh").read_text(), 300 * SLOW)
    finally:
        box.close()
    assert code == 0 and "all of it" in log, f"exit {code}\n{log[-20000:]}\n--- console\n{console[-3000:]}"
    measured("inside", re.search(r"^acked \d+ events through 8 restarts$", log, re.M)[0])
