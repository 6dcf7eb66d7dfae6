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


def append(run, first, count=1, **more):
    """Write events from seq `first` on; the size of the tree that holds them."""
    with Client(run.address, claims=[("journal", 1)]) as c:
        answer = c.append("journal", 1, first, [wire.event(first + i) for i in range(count)], **more)
    return wire.checkpoint_parse(answer.checkpoint).size


def log_size(run):
    with Client(run.address) as c:
        return c.checkpoint().size


def cosigned(run, size, seconds=20):
    """The newest note with a quorum, when it reaches `size`."""
    def look():
        with Client(run.address) as c:
            note = c.want("checkpoint", checkpoint=wire.pb.CheckpointRequest()).cosigned.decode()
        return note if note and tlog.parse_checkpoint(tlog.split_note(note)[0]).size >= size else None
    return wait_until(look, seconds, lambda: f"no quorum for {size}\n{run.stderr()}")


def signers(board, note):
    text, lines = tlog.split_note(note)
    return {i for i, w in enumerate(board.witnesses) if any(w.key.fits(text, l) for l in lines)}


def test_a_log_is_cosigned_by_a_quorum(traild, folder, board):
    b = board()
    b.trust(made_log(traild, folder / "d"))
    run = start(traild, folder / "d", b)
    note = cosigned(run, log_size(run))
    assert len(signers(b, note)) >= 2
    cosigned(run, append(run, 4))
    size = append(run, 5)
    cosigned(run, size)
    run.stop()
    # What a quorum cosigned is kept for ever, and does not trouble the check.
    value = traild.assert_valid(folder / "d")
    assert value["findings"] == []
    for witness in b.witnesses:
        witness.down()
    run = start(traild, folder / "d", b, config={"witness_start_time": 1})
    f = figures(run)
    assert f["WITNESSED_SIZE"] >= size and f["UNCONFIRMED"] == 1 and f["WITNESSES_ANSWERING"] == 0


def figures(run):
    with Client(run.address) as c:
        status = c.status()
    return {wire.pb.FigureName.Name(f.name): f.value for f in status.figures.figures}


def states(run):
    """{name: state} of the witnesses."""
    with Client(run.address) as c:
        status = c.status()
    return {w.name: wire.pb.Witness.State.Name(w.state) for w in status.witnesses}


def signed_head(state):
    """The bytes of the signer's memory: whoever signs changes it."""
    return (pathlib.Path(state) / "signer/head").read_bytes()


def forks_on_record(run):
    """The DAEMON entries that speak of a fork."""
    with Client(run.address) as c:
        page = c.want("rows", controls=wire.pb.Controls(kind=wire.DAEMON, newest_first=True, limit=50))
    entries = [wire.pb.Daemon.FromString(r.payload) for r in page.rows if r.index != 0]
    return [e for e in entries if e.what == wire.pb.Daemon.FORK]


# ---- witnesses that do not behave ----------------------------------------------------------------

def test_g5_m_of_the_policy_is_told(traild, folder, board):
    vkey = made_log(traild, folder / "d")
    for rule, overlap in (("1", 0), ("2", 1), ("all", 3)):
        b = board(3, rule)
        b.trust(vkey)
        run = start(traild, folder / "d", b)
        assert figures(run)["WITNESS_OVERLAP"] == overlap
        assert figures(run)["WITNESSES"] == 3
        run.stop()
    run = traild.start(folder / "d", origin=None)
    f = figures(run)
    assert (f["WITNESSES"], f["WITNESS_OVERLAP"]) == (0, 0) and "UNCONFIRMED" not in f


# What one of three witnesses may do without harm, and how it stands then.
TOLERATED = {
    "hang": "AWAY", "cut": None, "close": "AWAY", "origin": "LIES", "other_size": "LIES",
    "future": "LIES", "past": "LIES", "other_key": "LIES", "other_name": "LIES",
    "log_line": "LIES", "garbage": "LIES", "empty": "LIES", "huge": "AWAY", "endless": "AWAY",
    "busy": "AWAY", "unknown": "AWAY", "forbidden": "AWAY", "bad_request": "AWAY",
    "error": "AWAY", "redirect": "AWAY", "trickle": None, "slow": None, "conflict_loop": None,
    "conflict_nonsense": None,
}


@pytest.mark.parametrize("mode", TOLERATED)
def test_g5_one_witness_that_misbehaves_is_not_believed_and_stops_nobody(
        traild, folder, board, mode):
    b = board()
    b.trust(made_log(traild, folder / "d"))
    run = start(traild, folder / "d", b, config={"witness_timeout": 600})
    cosigned(run, log_size(run))
    # From now on, not at start: there some answers of one witness are enough to stop.
    wait_until(lambda: states(run)["w1.example/fake"] == "COSIGNS")
    b[1].mode = mode
    bad = TOLERATED[mode]
    for i in range(3):
        note = cosigned(run, append(run, 4 + i))
        if bad:
            assert 1 not in signers(b, note)
    if bad:
        wait_until(lambda: states(run)["w1.example/fake"] == bad, why=lambda: states(run))
    # It is believed again when it behaves.
    b[1].mode = "honest"
    with b[1].changed:
        b[1].changed.notify_all()
    cosigned(run, append(run, 7))
    if bad:
        wait_until(lambda: states(run)["w1.example/fake"] == "COSIGNS", why=lambda: states(run))
    run.stop()
    traild.assert_valid(folder / "d")


def test_g5_a_witness_that_is_down_comes_back(traild, folder, board):
    b = board()
    b.trust(made_log(traild, folder / "d"))
    run = start(traild, folder / "d", b)
    cosigned(run, log_size(run))
    b[0].down()
    cosigned(run, append(run, 4))
    b[1].down()
    size = append(run, 5)
    wait_until(lambda: figures(run)["WITNESSES_ANSWERING"] == 1)
    assert figures(run)["WITNESSED_SIZE"] < size
    b[1].up()
    cosigned(run, size)
    b[0].up()
    wait_until(lambda: figures(run)["WITNESSES_ANSWERING"] == 3)
