# SPDX-License-Identifier: Apache-2.0
"""
What the daemons say bears a stable id (the table: daemon/log.c; what each means: traild(8)). Here
are the causes that can be made; harness.py looks at the form of every line of every test.
"""
import os
import re
import shutil
import subprocess

import pytest
import wire
from harness import ROOT
from wire import Client


def ids(text):
    return re.findall(r"^traild(?:-signer)?: (TRAIL-[DS]\d{3}) ", text, re.M)


def one_id(text):
    """The id of the one line that is an end; notices before it are as they may."""
    found = [i for i in ids(text) if i not in ("TRAIL-D001", "TRAIL-S005")]
    assert len(found) == 1, text
    return found[0]


def begin(program, *words, **how):
    return subprocess.run([str(program), *map(str, words)], capture_output=True, text=True,
                          timeout=60, check=False, **how)


BEFORE_THE_FOLDER = {
    "option": (2, "TRAIL-D010", ["--nonsense"]),
    "argument": (2, "TRAIL-D010", ["start"]),
    "listeners": (2, "TRAIL-D010", ["--listen", "unix:/nowhere/s"] * 17),
    "no settings": (3, "TRAIL-D011", ["--config", "/nowhere/conf"]),
    "origin": (2, "TRAIL-D012", ["--origin", "a b"]),
    "address": (2, "TRAIL-D013", ["--listen", "tls:localhost:1"]),
}


@pytest.mark.parametrize("case", BEFORE_THE_FOLDER)
def test_what_was_said_wrongly_has_an_id(traild, folder, case):
    code, identity, words = BEFORE_THE_FOLDER[case]
    done = begin(traild.traild, "--state-dir", folder / "s", *words)
    assert (done.returncode, one_id(done.stderr)) == (code, identity), done.stderr
    assert not (folder / "s").exists()


def test_what_cannot_be_made_has_an_id(traild, folder):
    (folder / "file").write_text("x")
    taken = folder / "taken"
    taken.write_text("x")
    settings = folder / "conf"  # a map that a sanitizer can make, too
    settings.write_text('map_size = "64M"\nreserve = "1M"\n')
    no_signer = folder / "no-signer"
    no_signer.write_text(settings.read_text() + 'signer = "/nowhere/signer"\n')
    for identity, words in (
            ("TRAIL-D020", ["--state-dir", folder / "file/state"]),
            ("TRAIL-D040", ["--state-dir", folder / "a", "--config", no_signer]),
            ("TRAIL-D050", ["--state-dir", folder / "b", "--config", settings,
                            "--listen", f"unix:{taken}"])):
        done = begin(traild.traild, "--origin", "example.org/test", *words)
        assert (done.returncode, one_id(done.stderr)) == (3, identity), done.stderr


def damage_store(state):
    data = state / "log/data.mdb"
    os.truncate(data, data.stat().st_size // 2)


IN_THE_FOLDER = {
    "version": ("TRAIL-D022", lambda d: (d / "VERSION").write_text("9\n")),
    "store cut": ("TRAIL-D031", damage_store),
    "store gone": ("TRAIL-D033", lambda d: (d / "log/data.mdb").unlink()),
    "another log's name": ("TRAIL-D033", lambda d: (d / "vkey").write_text("x+00000000+AA\n")),
    "head gone": ("TRAIL-D041", lambda d: (d / "signer/head").unlink()),
}


@pytest.mark.parametrize("case", IN_THE_FOLDER)
def test_what_contradicts_itself_has_an_id(traild, folder, case):
    identity, damage = IN_THE_FOLDER[case]
    run = traild.start(folder / "s")
    run.stop()
    assert ids(run.stderr())[-3:] == ["TRAIL-D001", "TRAIL-D002", "TRAIL-D003"]
    damage(folder / "s")
    code, stderr = traild.refuse(folder / "s", origin=None)
    assert (code, one_id(stderr)) == (5, identity), stderr


def test_a_store_behind_its_signer_has_an_id(traild, folder):
    run = traild.start(folder / "s")
    run.stop()
    shutil.copytree(folder / "s/log", folder / "old")
    run = traild.start(folder / "s")
    with Client(run.address) as c:
        c.append("journal", 1, 1, [wire.event(1)])
    run.stop()
    shutil.rmtree(folder / "s/log")
    shutil.copytree(folder / "old", folder / "s/log")
    code, stderr = traild.refuse(folder / "s")
    assert (code, one_id(stderr)) == (5, "TRAIL-D032"), stderr


def test_a_taken_folder_and_a_lost_signer_have_ids(traild):
    run = traild.start()
    code, stderr = traild.refuse(run.state_dir)
    assert (code, one_id(stderr)) == (3, "TRAIL-D021"), stderr
    run.kill_signer()
    assert one_id(run.stderr()) in ("TRAIL-D042", "TRAIL-D040")


def test_a_full_disk_and_room_again_have_ids(traild, folder):
    """The reserve is above what the map has, so the daemon is full from its first commit on."""
    run = traild.start(folder / "s", config={"map_size": "64M", "reserve": "65M"})
    assert "TRAIL-D053" in ids(run.stderr())
    run.stop()
    run = traild.start(folder / "s", config={"map_size": "128M", "reserve": "1M"})
    assert "TRAIL-D053" not in ids(run.stderr())
    run.stop()


def test_the_signer_has_ids_of_its_own(traild):
    done = begin(traild.signer, "--nonsense")
    assert (done.returncode, ids(done.stderr)) == (2, ["TRAIL-S001"])
    done = begin(traild.signer, "--state-dir", "/nowhere", "--fd", "0", stdin=subprocess.DEVNULL)
    assert (done.returncode, ids(done.stderr)) == (2, ["TRAIL-S001"])


def test_in_the_journal_a_line_has_its_priority_and_its_id(traild, folder):
    """sd-daemon(3): the manager takes <N> off, and what is left begins with the id."""
    env = dict(os.environ, JOURNAL_STREAM="8:1")
    for program, words in ((traild.traild, ["--nonsense"]), (traild.signer, ["--nonsense"])):
        assert re.match(r"<3>TRAIL-[DS]0[01][01] \S", begin(program, *words, env=env).stderr)
    run = traild.start(folder / "s", env={"JOURNAL_STREAM": "8:1"})
    run.stop()
    lines = run.stderr().splitlines()
    assert all(re.match(r"<[345]>TRAIL-[DS]\d{3} \S", line) for line in lines), lines
    assert any(line.startswith("<5>TRAIL-D001 ready") for line in lines), lines


def lint(tree):
    done = begin(tree / "tests/lint/lint_messages")
    return done.returncode, done.stdout


CHANGES = {
    "an id that the page does not have": (
        "daemon/traild.8", ".It Li TRAIL-D053 ", ".It Li TRAIL-D059 "),
    "another level": ("daemon/log.c", '"TRAIL-D053", ERROR', '"TRAIL-D053", NOTICE'),
    "an id with another meaning": ("daemon/log.c", '"TRAIL-D054"', '"TRAIL-D056"'),
    "an id twice": ("daemon/log.c", '"TRAIL-D054"', '"TRAIL-D053"'),
    "an id given again": ("tests/lint/messages.txt", "TRAIL-D053 LOG_FULL",
                          "TRAIL-D053 retired"),
    "a message that nobody says": ("daemon/server.c", "LOG_NO_RELOAD", "LOG_STOPPING"),
    "a line past the table": ("daemon/server.c", "log_line(LOG_NO_RELOAD,", "dprintf(2,"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_lint_sees(folder, change):
    """What keeps table, list and manual together is itself put to the test."""
    for name in ("daemon", "client/witness"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copytree(ROOT / "tests/lint", folder / "tests/lint")
    code, said = lint(folder)
    assert code == 0, said
    name, old, new = CHANGES[change]
    path = folder / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    code, said = lint(folder)
    assert code == 1, said
