# SPDX-License-Identifier: Apache-2.0
"""
Whoever reads include/trail.h and nothing else gets a durable, receipted event: the example is taken
out of the header's own comment and built by its own compile line, against an installed tree.
"""
import json
import os
import re
import shutil
import subprocess

import pytest

from harness import ROOT

PREFIX = "/opt/trail"
STRICT = "-pedantic-errors -Wall -Wextra -Werror"
COMPILERS = {
    "gcc": f"gcc -std=c99 {STRICT}",
    "g++": f"g++ -x c++ -std=c++17 {STRICT}",
    "clang": f"clang -std=c99 {STRICT}",
    "clang++": f"clang++ -x c++ -std=c++17 {STRICT}",
}
VERSION = re.search(r"^VERSION := (\S+)$", (ROOT / "Makefile").read_text(), re.M)[1]
INSTALLED = {
    "bin/trail", "sbin/traild", "sbin/traild-signer", "sbin/traild-courier", "sbin/trail-witness",
    "include/trail.h", "lib/libtrail.a",
    "share/bash-completion/completions/trail", "share/fish/vendor_completions.d/trail.fish",
    "share/zsh/site-functions/_trail",
    "lib/libtrail.so", "lib/libtrail.so.1", f"lib/libtrail.so.{VERSION}",
    "lib/pkgconfig/libtrail.pc",
}

# What the service manager needs: units, users, folders, settings, AppArmor's profiles.
INSTALLED |= {f"lib/systemd/system/{p.name}" for p in (ROOT / "systemd").glob("*.s[eo]*")
              if p.suffix in (".service", ".socket")}
INSTALLED |= {f"etc/apparmor.d/{p.name}" for p in (ROOT / "systemd" / "apparmor").iterdir()}
INSTALLED |= {"lib/sysusers.d/traild.conf", "lib/tmpfiles.d/traild.conf", "etc/trail/traild.conf",
              "lib/sysusers.d/trail-witness.conf", "etc/trail/witness.logs"}


def make(goal, folder, **variables):
    # A make around this one must not lend us its job server.
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    subprocess.run(["make", "-s", "-C", ROOT, goal, f"DESTDIR={folder}", f"prefix={PREFIX}",
                    *(f"{name}={value}" for name, value in variables.items())],
                   check=True, env=env)


def files(folder):
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if not p.is_dir()}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """What `make install` puts below the prefix."""
    folder = tmp_path_factory.mktemp("tree")
    make("install", folder)
    return folder


@pytest.fixture(scope="module")
def daemon(module_traild):
    return module_traild.start()


def opening():
    """The comment that the header begins with."""
    text = (ROOT / "include" / "trail.h").read_text().split("#ifndef TRAIL_H")[0]
    return re.findall(r"/\*\n(.*?)\n \*/", text, re.S)[0].splitlines()


def example():
    """The lines of its program, and its compile line."""
    lines = [line.removeprefix(" *").removeprefix("\t") for line in opening()]
    start, end = lines.index("#include <stdio.h>"), lines.index("}")
    commands = [line for line in lines if line.startswith("cc ")]
    assert len(commands) == 1
    return lines[start:end + 1], commands[0]


class Journal:
    """The example, built below `folder` against the installed tree."""

    def __init__(self, tree, folder, compiler, static):
        self.libdir = f"{tree}{PREFIX}/lib"
        self.folder = folder
        program, command = example()
        (folder / "journal.c").write_text("\n".join(program) + "\n")
        command = command.replace("cc ", compiler + (" -static " if static else " "), 1)
        if static:
            command = command.replace("pkg-config ", "pkg-config --static ")
        env = dict(os.environ, PKG_CONFIG_PATH=f"{self.libdir}/pkgconfig",
                   PKG_CONFIG_SYSROOT_DIR=str(tree))
        subprocess.run(["sh", "-ec", command], cwd=folder, env=env, check=True)

    def needed(self):
        out = subprocess.run(["readelf", "-d", self.folder / "journal"], check=True, text=True,
                             capture_output=True).stdout
        return set(re.findall(r"\(NEEDED\).*\[(.*)\]", out))

    def run(self, daemon, wrapper=()):
        env = dict(os.environ, TRAIL_CONNECT=f"unix:{daemon.address}", LD_LIBRARY_PATH=self.libdir,
                   XDG_STATE_HOME=str(self.folder / "state"))
        return subprocess.run([*wrapper, self.folder / "journal"], env=env, capture_output=True,
                              text=True, timeout=120, check=False)


def assert_logged(tree, daemon, done):
    """The record whose number was printed says what the example says."""
    assert done.returncode == 0, done.stdout + done.stderr
    index = re.fullmatch(r"record (\d+)\n", done.stdout)[1]
    shown = subprocess.run([f"{tree}{PREFIX}/bin/trail", "show", index, "-o", "json"], check=True,
                           capture_output=True, text=True, timeout=60,
                           env=dict(os.environ, TRAIL_CONNECT=f"unix:{daemon.address}",
                                    XDG_STATE_HOME=str(daemon.factory.folder / "reader"))).stdout
    event = json.loads(shown)
    said = re.findall(r'trail_event_set\(e, TRAIL_(\w+), "(.*)"\)', "\n".join(example()[0]))
    assert dict(said).keys() == {"ACTOR_ID", "OBJECT_ID", "SUBJECT", "PURPOSE"}
    assert event["action"] == "READ"
    assert event["actor"]["id"] == dict(said)["ACTOR_ID"]
    assert event["object"]["id"] == dict(said)["OBJECT_ID"]
    assert event["subject"] == dict(said)["SUBJECT"]
    assert event["purpose"] == dict(said)["PURPOSE"]


def test_example_is_short():
    assert 0 < len(example()[0]) < 30


@pytest.mark.parametrize("link", ["shared", "static"])
@pytest.mark.parametrize("compiler", COMPILERS)
def test_example_logs_an_event(tree, daemon, folder, compiler, link):
    if not shutil.which(compiler):
        pytest.skip(f"no {compiler}")
    journal = Journal(tree, folder, COMPILERS[compiler], link == "static")
    assert ("libtrail.so.1" in journal.needed()) == (link == "shared")
    assert_logged(tree, daemon, journal.run(daemon))


@pytest.mark.skipif(not shutil.which("valgrind"), reason="no valgrind")
def test_example_leaks_nothing(tree, daemon, folder):
    journal = Journal(tree, folder, COMPILERS["gcc"] + " -g", False)
    assert_logged(tree, daemon, journal.run(daemon, [
        "valgrind", "-q", "--leak-check=full", "--show-leak-kinds=all",
        "--errors-for-leak-kinds=definite,indirect,possible", "--error-exitcode=9"]))


def test_example_says_when_nobody_listens(tree, daemon, folder):
    journal = Journal(tree, folder, COMPILERS["gcc"], False)
    nobody = type("Nobody", (), {"address": str(folder / "nobody")})
    done = journal.run(nobody)
    assert done.returncode == 1 and not done.stdout
    assert "nobody" in done.stderr and "traild is not running" in done.stderr


def test_uninstall_removes_what_install_put_there(tmp_path):
    make("install", tmp_path)
    put = files(tmp_path / PREFIX.strip("/"))
    assert {name for name in put if not name.startswith("share/man/")} == INSTALLED
    pages = {p.name for f in ("client", "daemon", "proto") for p in (ROOT / f).rglob("*.[1-8]")}
    assert {name.split("/")[-1] for name in put - INSTALLED} == pages
    make("uninstall", tmp_path)
    assert not files(tmp_path)


def test_install_puts_each_kind_where_it_is_told(tmp_path):
    """As distributions do; and the units name the programs and settings where they are."""
    places = {"bindir": "/b", "sbindir": "/s", "libdir": "/l", "includedir": "/i", "mandir": "/m",
              "sysconfdir": "/e", "unitdir": "/u", "sysusersdir": "/sys", "tmpfilesdir": "/tmp",
              "bashcompdir": "/bash", "fishcompdir": "/fish", "zshcompdir": "/zsh"}
    make("install", tmp_path, **places)
    assert {p.name for p in tmp_path.iterdir()} == {place.strip("/") for place in places.values()}
    unit = (tmp_path / "u" / "traild.service").read_text()
    assert "\nExecStart=/s/traild --config /e/trail/traild.conf" in unit
    pc = (tmp_path / "l" / "pkgconfig" / "libtrail.pc").read_text()
    assert "\nlibdir=/l\n" in pc and "\nincludedir=/i\n" in pc
    make("uninstall", tmp_path, **places)
    assert not files(tmp_path)


def test_install_does_not_follow_the_umask(tmp_path):
    before = os.umask(0o077)
    try:
        make("install", tmp_path)
    finally:
        os.umask(before)
    for path in tmp_path.rglob("*"):
        if not path.is_symlink():
            mode = path.stat().st_mode & 0o777
            assert mode == (0o755 if path.is_dir() or path.parent.name in ("bin", "sbin") else 0o644)


def test_settings_that_were_changed_stay(tmp_path):
    make("install", tmp_path)
    settings = tmp_path / PREFIX.strip("/") / "etc/trail/traild.conf"
    settings.write_text("readers = 3\n")
    make("install", tmp_path)
    make("uninstall", tmp_path)
    assert files(tmp_path) == {str(settings.relative_to(tmp_path))}
    assert settings.read_text() == "readers = 3\n"
