# SPDX-License-Identifier: Apache-2.0
"""
A log before its witnesses (FORMATS.md sections 5 and 7; G5, G6): traild, its courier, and witnesses
that behave or do not.
"""
import pathlib
import re
import select
import shutil
import sys
import threading
import time

import pytest
import wire
from harness import ROOT, SLOW, Process, StartFailed, children, name_of
from wire import Client

sys.path.insert(0, str(ROOT / "tests" / "support"))
import tlog  # noqa: E402
from fake_witness import FakeWitness  # noqa: E402

ORIGIN = "example.org/test"
# Rounds every 50 ms, so that a test is not a matter of waiting.
QUICK = {"witness_interval": 50, "witness_timeout": 2000, "witness_start_time": 30}
CONTRADICTS, USAGE = 5, 2


class Board:
    """Fake witnesses and the policy that names them."""

    def __init__(self, folder, count=3, rule="2"):
        self.folder = folder
        self.witnesses = [
            FakeWitness(f"w{i}.example/fake", seed=bytes([0x40 + i]) * 32) for i in range(count)]
        self.rule = rule
        self.path = folder / "policy"

    def write(self, log=None):
        lines = [f"log {log}"] if log else []
        lines += [f"witness w{i} {w.vkey} {w.url}" for i, w in enumerate(self.witnesses)]
        members = " ".join(f"w{i}" for i in range(len(self.witnesses)))
        lines += [f"group all {self.rule} {members}", "quorum all"]
        self.path.write_text("\n".join(lines) + "\n")
        return str(self.path)

    def trust(self, vkey):
        for witness in self.witnesses:
            witness.trust(vkey)

    def close(self):
        for witness in self.witnesses:
            witness.close()

    def __getitem__(self, i):
        return self.witnesses[i]


@pytest.fixture
def board(folder):
    made = []

    def make(count=3, rule="2"):
        made.append(Board(folder, count, rule))
        return made[-1]
    yield make
    for one in made:
        one.close()


def wait_until(what, seconds=20, why="it does not come"):
    """The first true answer of what(); asked again and again, since nothing else tells."""
    end = time.monotonic() + seconds * SLOW
    while time.monotonic() < end:
        got = what()
        if got:
            return got
        select.select([], [], [], 0.02)
    raise AssertionError(why() if callable(why) else why)


def vkey_of(state):
    return (pathlib.Path(state) / "vkey").read_text().strip()


def made_log(traild, state, events=3):
    """A log that was there before it had witnesses; its vkey."""
    run = traild.start(state)
    with Client(run.address) as c:
        c.append("journal", 1, 1, [wire.event(i) for i in range(events)])
    run.stop()
    return vkey_of(state)


def start(traild, state, board, **more):
    config = dict(QUICK, policy=board.write(), **more.pop("config", {}))
    return traild.start(state, config=config, origin=None, **more)


def append(run, first, count=1):
    with Client(run.address, claims=[("journal", 1)]) as c:
        c.append("journal", 1, first, [wire.event(first + i) for i in range(count)])


def cosigned(run, size, seconds=20):
    """The newest note with a quorum, when it reaches `size`."""
    def look():
        with Client(run.address) as c:
            note = c.checkpoint().cosigned.decode()
        return note if note and tlog.parse_checkpoint(tlog.split_note(note)[0]).size >= size else None
    return wait_until(look, seconds, lambda: f"no quorum for {size}\n{run.stderr()}")


def signers(board, note):
    text, lines = tlog.split_note(note)
    return {i for i, w in enumerate(board.witnesses) if any(w.key.fits(text, l) for l in lines)}


def test_a_log_is_cosigned_by_a_quorum(traild, folder, board):
    b = board()
    b.trust(made_log(traild, folder / "d"))
    run = start(traild, folder / "d", b)
    note = cosigned(run, 5)
    assert len(signers(b, note)) >= 2
    append(run, 4)
    cosigned(run, 7)
