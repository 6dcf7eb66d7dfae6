# SPDX-License-Identifier: Apache-2.0
"""
The units of systemd/: what systemd-analyze says of them, AppArmor's own parser of the profiles, and
all of it alive with systemd as process 1 in a container.
"""
import os
import pathlib
import re
import shutil
import subprocess

import container
import profile_rules as profile
import pytest
import sanitizers
import wire
from harness import ROOT, SLOW
from manager import SignerUnit, listening

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
    (root / "bin").mkdir()
    shutil.copy("/bin/kill", root / "bin")  # what reloads
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", f"--root={root}",
                           *[f"/usr/lib/systemd/system/{u.name}" for u in UNITS]],
                          capture_output=True, text=True)
    ours = [line for line in done.stderr.splitlines() if "trail" in line]
    assert done.returncode == 0 and not ours, done.stderr


def test_profiles_parse():
    if not shutil.which("apparmor_parser"):
        pytest.skip("apparmor is not installed")
    profiles = sorted((ROOT / "systemd/apparmor").iterdir())
    assert profiles
    done = subprocess.run(["apparmor_parser", "-Q", "-T", "-K", *map(str, profiles)],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# What is at work here lies in folders of its own; the profiles speak of the packages' ones.
CALL = re.compile(r'^\d+ +(?P<call>\w+)\((?:AT_FDCWD(?:<[^>]*>)?, |\d+(?:<(?P<at>[^>]*)>)?, )?'
                  r'(?:\{sa_family=AF_UNIX, sun_path=)?"(?P<path>[^"]*)"(?P<rest>.*)$')
WRITES = ("O_WRONLY", "O_RDWR", "O_CREAT")
WRITERS = ("connect", "mkdir", "mkdirat", "unlink", "unlinkat", "rename", "renameat", "bind")
LOOKS = ("access", "newfstatat", "stat", "lstat", "statfs", "readlink", "readlinkat", "execve", "statx",
         "faccessat", "faccessat2", "getcwd")


def touched(trace, names):
    """(path, "r" or "w") of each call that succeeded, under the names that a package gives."""
    lines = trace.read_text(errors="replace").splitlines()
    began = max(i for i, line in enumerate(lines) if "execve(" in line)  # the shell's are before
    for line in lines[began:]:
        call = CALL.match(line)
        if not call or call["call"] in LOOKS or " = -1 " in line or "O_PATH" in line:
            continue  # looked at, not opened
        path = call["path"]
        if call["at"] and not path.startswith("/"):
            path = f"{call['at']}/{path}"
        for ours, theirs in names:
            path = path.replace(str(ours), theirs, 1)
        writes = call["call"] in WRITERS or any(word in call["rest"] for word in WRITES)
        yield os.path.normpath(path), "w" if writes else "r"


def test_profiles_cover_what_a_run_touches(traild, folder):
    """
    A first start, an event, a stop and a second start, traced: every file that was opened is one
    that the profile allows. (No kernel here enforces it.)
    """
    if not shutil.which("strace") or not pathlib.Path("/etc/apparmor.d/abstractions").is_dir():
        pytest.skip("strace or apparmor is not installed")
    if sanitizers.of(traild.traild):
        pytest.skip("a sanitizer opens files of its own")
    trace = ["strace", "-f", "-qq", "-y", "-e", "trace=%file,connect,bind,openat", "-o"]
    unit = SignerUnit(traild, folder / "signer", folder / "signer.sock",
                      wrapper=[*trace, str(folder / "trace-signer")])
    path = folder / "trail.sock"
    try:
        with listening(path) as sock:
            for i in range(2):
                run = traild.start(folder / "state", config={"signer_socket": unit.path},
                                   wrapper=[*trace, str(folder / f"trace{i}")], handed=[sock])
                with wire.Client(str(path)) as c:
                    c.append("journal", i + 1, 1, [wire.event(i)])
                run.stop()
    finally:
        unit.finish()
    names = [(folder / "state", "/var/lib/trail"), (folder / "signer.sock",
             "/run/trail-signer/trail.sock"), (folder / "signer", "/var/lib/trail-signer"),
             (path, "/run/trail/trail.sock"), (folder / f"n{run.number}", "/run/systemd/notify"),
             (folder / f"n{run.number - 1}", "/run/systemd/notify"), (folder / "conf",
             "/etc/trail/traild.conf"), (folder, "/var/lib"), (traild.traild, "/usr/sbin/traild")]
    for name, traces in (("traild", ["trace0", "trace1"]), ("traild-signer", ["trace-signer"])):
        rules = profile.Profile(ROOT / "systemd/apparmor" / name)
        seen = {t for one in traces for t in touched(folder / one, names)}
        assert any(p.startswith("/var/lib/trail") and a == "w" for p, a in seen), "nothing was traced"
        missing = sorted(t for t in seen if not rules.allows(*t) and not rules.allows(t[0] + "/", t[1]))
        assert not missing, f"{name} may not: {missing}"
    assert not rules.allows("/var/lib/trail/log/data.mdb", "r"), "the signer may read the store"


@pytest.mark.limit(600)
def test_the_units_under_systemd(build, folder, measured):
    """inside.sh says what is shown, part by part."""
    if build.name != "release":
        pytest.skip("installs what `make release` built")
    try:
        box = container.Container(folder)
    except container.Unable as why:
        pytest.skip(f"systemd cannot be tried in a container: {why}")
    try:
        install(box.root)
        code, log, console = box.run((HERE / "inside.sh").read_text(), 300 * SLOW)
    finally:
        box.close()
    assert code == 0 and "all of it" in log, f"exit {code}\n{log[-20000:]}\n--- console\n{console[-3000:]}"
    measured("inside", re.search(r"^acked \d+ events through 8 restarts$", log, re.M)[0])
