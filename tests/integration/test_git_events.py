# SPDX-License-Identifier: Apache-2.0
"""
The history of git's own source code, 137,899 events of 7,370 files: what `trail history` says of a
file is what a program that read nothing but the lines says (tests/support/oracle.py).

The large file does not belong to the project: where it is not, the first 20,000 events are taken.
"""
import json
import os
import shutil
import subprocess

import oracle
import pytest
import wire
from harness import ROOT, SEED, SLOW
from wire import Client

LARGE = ROOT.parent / "shared" / "data" / "git-events.jsonl.zst"
SMALL = ROOT / "tests" / "data" / "git-events-20k.jsonl.gz"
RARE, FREQUENT, REBORN = 100, 50, 50
BATCH = "git-events.jsonl"


class Git:
    """A log into which the events were imported once."""

    def __init__(self, traild, program, path):
        self.program, self.folder = program, traild.folder
        lines = oracle.open_lines(path)
        self.oracle = oracle.Oracle(lines)
        self.file = self.folder / BATCH
        self.file.write_bytes(b"".join(lines))
        self.run = traild.start()
        self.size_before = self.size()
        self.first = self.json("import", self.file)
        self.size_after = self.size()
        self.asked = 0

    def trail(self, *words):
        env = dict(os.environ, XDG_STATE_HOME=str(self.folder / "state"), TZ="UTC")
        return subprocess.run([self.program, "--connect", f"unix:{self.run.address}", "--timeout",
                               str(int(60 * SLOW)), *map(str, words)], capture_output=True,
                              encoding="utf-8", env=env, check=True, timeout=120 * SLOW).stdout

    def json(self, *words):
        return json.loads(self.trail(*words, "-o", "json"))

    def checkpoint(self):
        """From the daemon, past the client's own notion of it."""
        with Client(self.run.address) as c:
            return c.checkpoint()

    def size(self):
        return self.checkpoint().size

    def history(self, obj):
        """As rows of JSON. One more record: that it was asked."""
        self.asked += 1
        return [json.loads(line) for line in
                self.trail("history", "-o", "json", "--", obj).splitlines()]


@pytest.fixture(scope="module")
def git(module_traild, build):
    large = LARGE.exists() and shutil.which("zstd")
    return Git(module_traild, build / "trail", LARGE if large else SMALL)


@pytest.mark.limit(300)
def test_import_adds_every_line_and_little_else(git, measured):
    """One record an event, one that names the source, one that names the peer; nothing else."""
    measured("events", git.oracle.count)
    assert (git.first["imported"], git.first["already"]) == (git.oracle.count, 0)
    assert git.oracle.sources == {"git"}
    with Client(git.run.address) as c:
        kinds = [wire.record_parse(raw).kind for raw in c.records(git.size_before)[0]]
    assert git.size_after == git.size_before + len(kinds)
    assert sorted(k for k in kinds if k != wire.EVENT) == [wire.SOURCE, wire.PEER]
    assert kinds.count(wire.EVENT) == git.oracle.count


@pytest.mark.limit(900)
def test_g8_history_is_what_the_lines_say(git, measured):
    objects = git.oracle.choose(SEED, RARE, FREQUENT, REBORN)
    compared = 0
    for obj in objects:
        found = [oracle.Act(oracle.time_ns(row["time"]), row["actor"]["id"], row["action"])
                 for row in git.history(obj)]
        assert found == git.oracle.histories[obj], obj
        compared += len(found)
    measured("histories compared", f"{len(objects)} with {compared} events, seed {SEED}")
    assert len(objects) == RARE + FREQUENT + REBORN


@pytest.mark.limit(300)
def test_a_second_import_adds_nothing(git):
    """Every history above added one record, that it was asked; the import adds none."""
    before = git.checkpoint()
    assert before.size == git.size_after + git.asked
    assert f"imported 0 events ({git.oracle.count} already there)" in git.trail("import", git.file)
    assert git.checkpoint() == before
