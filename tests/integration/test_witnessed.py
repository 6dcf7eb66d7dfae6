# SPDX-License-Identifier: Apache-2.0
"""
A log before its witnesses (FORMATS.md sections 5 and 7; G5, G6): traild, its courier, and witnesses
that behave or do not.
"""
import json
import os
import pathlib
import re
import select
import shutil
import signal
import ssl
import subprocess
import sys
import threading
import time

import pytest
import wire
from harness import CONFIG, ROOT, SLOW, Process, StartFailed, children, name_of
from wire import Client
from witness import Witness

sys.path.insert(0, str(ROOT / "tests" / "support"))
import damage  # noqa: E402
import tlog  # noqa: E402
import tsa  # noqa: E402
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
        lines += ["quorum none"] if self.rule == "none" else [f"group all {self.rule} {members}", "quorum all"]
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


def made_log(traild, state, config=None):
    """A log that was there before it had witnesses; its vkey."""
    run = traild.start(state, config=config)
    with Client(run.address) as c:
        c.append("journal", 1, 1, [wire.event(i) for i in range(3)])
    run.stop()
    return vkey_of(state)


def trusting(board, traild, state):
    """The board, whose witnesses know a new log."""
    board.trust(made_log(traild, state))
    return board


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
    b = trusting(board(), traild, folder / "d")
    run = start(traild, folder / "d", b)
    note = cosigned(run, log_size(run))
    assert len(signers(b, note)) >= 2
    cosigned(run, append(run, 4))
    size = append(run, 5)
    before = commits(run)
    cosigned(run, size)
    # Nothing else comes, so that it is put by itself; what comes then must not take its place.
    wait_until(lambda: commits(run) > before)
    run.stop()
    # What a quorum cosigned is kept for ever, and does not trouble the check.
    value = traild.assert_valid(folder / "d")
    assert value["findings"] == []
    for witness in b.witnesses:
        witness.down()
    run = start(traild, folder / "d", b, config={"witness_start_time": 1})
    f = figures(run)
    assert f["WITNESSED_SIZE"] >= size and f["UNCONFIRMED"] == 1 and f["WITNESSES_ANSWERING"] == 0


def commits(run):
    with Client(run.address) as c:
        return c.status().commits


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
    assert (f["WITNESSES"], f["WITNESS_OVERLAP"]) == (0, 0) and f["UNCONFIRMED"] == 0


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
    b = trusting(board(), traild, folder / "d")
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
    cosigned(run, append(run, 7))
    if bad:
        wait_until(lambda: states(run)["w1.example/fake"] == "COSIGNS", why=lambda: states(run))
    run.stop()
    traild.assert_valid(folder / "d")


def test_g5_a_witness_that_is_down_comes_back(traild, folder, board):
    b = trusting(board(), traild, folder / "d")
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


# ---- start: FORMATS.md section 5 (2) -------------------------------------------------------------

def copy(source, target):
    shutil.copytree(source, target, symlinks=True)
    return target


def test_g6_a_store_set_back_with_its_signer_is_refused_before_anything_is_signed(
        traild, folder, board):
    b = trusting(board(), traild, folder / "d")
    run = start(traild, folder / "d", b)
    cosigned(run, log_size(run))
    run.stop()
    copy(folder / "d", folder / "old")
    run = start(traild, folder / "d", b)
    cosigned(run, append(run, 4, 20))
    run.stop()
    before = signed_head(folder / "old")
    code, stderr = traild.refuse(folder / "old", origin=None, config=dict(QUICK, policy=b.write()))
    assert code == CONTRADICTS and "TRAIL-D074" in stderr, stderr
    assert signed_head(folder / "old") == before, "something was signed"
    # The one that was not set back goes on.
    run = start(traild, folder / "d", b)
    cosigned(run, log_size(run))


def test_g6_a_rollback_that_grew_past_the_old_log_is_refused(traild, folder, board):
    """Set back, run without its witnesses, and longer than before: 422, not 409."""
    b = trusting(board(), traild, folder / "d")
    run = start(traild, folder / "d", b)
    cosigned(run, log_size(run))
    run.stop()
    copy(folder / "d", folder / "old")
    run = start(traild, folder / "d", b)
    cosigned(run, append(run, 4, 5))
    run.stop()
    run = traild.start(folder / "old", origin=None)
    append(run, 4, 40)
    run.stop()
    before = signed_head(folder / "old")
    code, stderr = traild.refuse(folder / "old", origin=None, config=dict(QUICK, policy=b.write()))
    assert code == CONTRADICTS and "TRAIL-D075" in stderr, stderr
    assert signed_head(folder / "old") == before, "something was signed"


@pytest.mark.parametrize("mode,identity", [
    ("conflict_huge", "TRAIL-D074"), ("fork", "TRAIL-D075"), ("conflict_plain", "TRAIL-D075")])
def test_g6_at_start_one_witness_that_saw_more_is_enough(traild, folder, board, mode, identity):
    b = trusting(board(), traild, folder / "d")
    b[0].down()
    b[1].mode = mode
    b[2].down()
    before = signed_head(folder / "d")
    code, stderr = traild.refuse(folder / "d", origin=None, config=dict(QUICK, policy=b.write()))
    assert code == CONTRADICTS and identity in stderr, stderr
    assert signed_head(folder / "d") == before, "something was signed"


def test_g6_where_no_witness_is_needed_they_are_asked_all_the_same(traild, folder, board):
    b = trusting(board(2, "none"), traild, folder / "d")
    b[0].mode = "conflict_huge"
    b[1].down()
    before = signed_head(folder / "d")
    code, stderr = traild.refuse(folder / "d", origin=None, config=dict(QUICK, policy=b.write()))
    assert code == CONTRADICTS and "TRAIL-D074" in stderr, stderr
    assert signed_head(folder / "d") == before, "something was signed"
    # One that cosigns is enough, and with none the log runs unconfirmed.
    b[0].down()
    run = start(traild, folder / "d", b, config={"witness_start_time": 1})
    assert figures(run)["UNCONFIRMED"] == 1
    b[1].up()
    cosigned(run, append(run, 4))
    assert figures(run)["UNCONFIRMED"] == 0


def test_a_new_log_is_shown_to_its_witnesses_at_its_genesis(traild, folder, board):
    b = board()

    def introduce():
        path = folder / "new/vkey"
        wait_until(path.exists, 60)
        b.trust(wait_until(lambda: path.read_text().strip()))
    helper = threading.Thread(target=introduce)
    helper.start()
    run = traild.start(folder / "new", config=dict(QUICK, policy=b.write(), witness_start="wait"),
                       origin=ORIGIN)
    helper.join()
    first = [r for w in b.witnesses for r in w.requests if r.method == "POST" and r.status == 200]
    assert tlog.parse_checkpoint(tlog.split_note(tlog.parse_add(first[0].body)[2])[0]).size == 1
    cosigned(run, log_size(run))


@pytest.mark.parametrize("mode,identity", [("conflict_huge", "TRAIL-D074"), ("fork", "TRAIL-D075")])
def test_g6_an_unconfirmed_log_ends_at_the_first_that_contradicts_it(
        traild, folder, board, mode, identity):
    b = trusting(board(), traild, folder / "d")
    for witness in b.witnesses:
        witness.down()
    run = start(traild, folder / "d", b, config={"witness_start_time": 1})
    assert "TRAIL-D076" in run.stderr()
    assert figures(run)["UNCONFIRMED"] == 1
    append(run, 4)
    b[2].mode = mode
    b[2].up()
    assert run.wait_exit() == CONTRADICTS
    assert identity in run.stderr()


def test_g6_an_unconfirmed_log_is_confirmed_by_a_quorum(traild, folder, board):
    b = trusting(board(), traild, folder / "d")
    for witness in b.witnesses:
        witness.down()
    run = start(traild, folder / "d", b, config={"witness_start_time": 1})
    size = append(run, 4)
    b[0].up()
    wait_until(lambda: figures(run)["WITNESSES_ANSWERING"] == 1)
    assert figures(run)["UNCONFIRMED"] == 1, "one of three is no quorum"
    b[1].up()
    cosigned(run, size)
    wait_until(lambda: figures(run)["UNCONFIRMED"] == 0)
    # From here on one voice is not enough.
    b[2].mode = "conflict_huge"
    b[2].up()
    wait_until(lambda: forks_on_record(run))
    cosigned(run, append(run, 5))


def test_a_start_may_wait_for_its_witnesses_and_can_be_ended(traild, folder, board):
    b = trusting(board(), traild, folder / "d")
    for witness in b.witnesses:
        witness.down()
    before = signed_head(folder / "d")
    config = dict(QUICK, policy=b.write(), witness_start="wait", witness_start_time=1)
    failed = []

    def go():
        try:
            traild.start(folder / "d", config=config, origin=None).finish()
        except StartFailed as end:
            failed.append(end)
    starter = threading.Thread(target=go)
    starter.start()
    pid = wait_until(lambda: [c for c in children(os.getpid()) if name_of(c) == "traild"])[0]
    courier = wait_until(lambda: [c for c in children(pid) if name_of(c) == "traild-courier"])
    waiting = Process(pid)
    # Longer than the time after which it would run unconfirmed.
    assert not waiting.ended(2) and not failed
    waiting.signal(signal.SIGTERM)
    waiting.close()
    starter.join(30 * SLOW)
    assert failed and failed[0].code == 3, failed
    assert process_gone(courier[0])
    assert signed_head(folder / "d") == before, "something was signed"


def process_gone(pid):
    return wait_until(lambda: not pathlib.Path(f"/proc/{pid}").exists()) or True


# ---- forks ---------------------------------------------------------------------------------------

def test_g5_two_histories_cannot_both_have_a_quorum(traild, folder, board):
    """The operator runs the log twice, and shows each to other witnesses first."""
    b = trusting(board(), traild, folder / "d")
    copy(folder / "d", folder / "twin")
    for witness in b.witnesses:
        witness.down()
    runs = [start(traild, folder / name, b, config={"witness_start_time": 1})
            for name in ("d", "twin")]
    sizes = []
    for i, run in enumerate(runs):
        with Client(run.address, claims=[("journal", 1)]) as c:
            answer = c.append("journal", 1, 4, [wire.event(100 * i + n) for n in range(3 + i)])
        sizes.append(wire.checkpoint_parse(answer.checkpoint).size)
    for witness in b.witnesses:
        witness.up()
    ended = wait_until(lambda: [r for r in runs if r.popen.poll() is not None])
    assert ended[0].wait_exit() == CONTRADICTS
    left = [r for r in runs if r not in ended]
    if left:
        run = left[0]
        try:
            cosigned(run, sizes[runs.index(run)])
        except (OSError, AssertionError, wire.Closed):
            # Each had one witness: neither gets a quorum, and both end.
            assert run.wait_exit() == CONTRADICTS
    roots = {}
    for witness in b.witnesses:
        for request in witness.requests:
            if request.method == "POST" and request.status == 200:
                cp = tlog.parse_checkpoint(tlog.split_note(tlog.parse_add(request.body)[2])[0])
                roots.setdefault(cp.size, {}).setdefault(cp.root, set()).add(witness.key.name)
    for size, seen in roots.items():
        assert sum(len(names) >= 2 for names in seen.values()) <= 1, f"two quorums for {size}"
    # The one with the quorum may yet be shown the other's checkpoint, and end by that.
    for run in left:
        run.end()


@pytest.mark.parametrize("mode,status", [
    ("conflict_huge", 409), ("fork", 422), ("conflict_plain", 409)])
def test_g5_a_voice_against_a_confirmed_log_is_loud_and_stops_nothing(
        traild, folder, board, mode, status):
    b = trusting(board(), traild, folder / "d")
    run = start(traild, folder / "d", b)
    cosigned(run, log_size(run))
    b[2].mode = mode
    size = append(run, 4)
    entries = wait_until(lambda: forks_on_record(run))
    assert len(entries) == 1 and entries[0].witness == 2 and entries[0].status == status
    assert entries[0].size == (2**62 if mode == "conflict_huge" else entries[0].size)
    assert "TRAIL-D073" in run.stderr()
    assert figures(run)["WITNESS_FORK"] == 1 and states(run)["w2.example/fake"] == "FORK"
    cosigned(run, size)
    # Again and again it says so: that is one entry.
    wait_until(lambda: len([r for r in b[2].requests if r.status == status]) >= 4)
    assert len(forks_on_record(run)) == 1
    b[2].mode = "honest"
    append(run, 5)
    wait_until(lambda: figures(run)["WITNESS_FORK"] == 0)
    run.stop()
    traild.assert_valid(folder / "d")


def log_key(state):
    """The log's own key, as a thief has it."""
    text = (pathlib.Path(state) / "signer/key").read_text().strip()
    _, _, name, _, raw = text.split("+", 4)
    return tlog.Key(name, tlog.LOG, tlog.base64.b64decode(raw)[1:])


@pytest.mark.parametrize("ahead", [True, False])
def test_g6_a_note_under_our_own_key_that_contradicts_us_ends_the_log(traild, folder, board, ahead):
    b = trusting(board(), traild, folder / "d")
    run = start(traild, folder / "d", b)
    cosigned(run, log_size(run))
    size = 10_000 if ahead else 3
    text = tlog.checkpoint_text(ORIGIN, size, bytes(32))
    note = text + "\n" + log_key(folder / "d").line(text)
    b[2].hold(ORIGIN, size, bytes(32), note)
    b[2].mode = "conflict_huge" if ahead else "fork"
    append(run, 4)
    assert run.wait_exit() == CONTRADICTS
    assert ("TRAIL-D074" if ahead else "TRAIL-D075") in run.stderr()


# ---- the courier ---------------------------------------------------------------------------------

def courier_of(run):
    found = [c for c in children(run.pid) if name_of(c) == "traild-courier"]
    return found[0] if found else None


def test_a_killed_courier_is_started_again_and_acks_go_on(traild, folder, board):
    b = trusting(board(), traild, folder / "d")
    run = start(traild, folder / "d", b)
    first = 4
    for _ in range(3):
        pid = wait_until(lambda: courier_of(run))
        courier = Process(pid)
        courier.kill()
        assert courier.ended(10 * SLOW)
        courier.close()
        size = append(run, first)
        first += 1
        cosigned(run, size)
    assert run.stderr().count("TRAIL-D070") == 3


def test_without_a_courier_the_log_runs_unconfirmed(traild, folder, board):
    b = trusting(board(), traild, folder / "d")
    run = start(traild, folder / "d", b, config={
        "courier": str(folder / "nothing"), "witness_start_time": 1})
    append(run, 4)
    assert figures(run)["UNCONFIRMED"] == 1
    assert "TRAIL-D070" in run.stderr()


TROUBLES = {
    "down": "it cannot be reached", "hang": "it did not answer in time", "close": "it hung up",
    "huge": "its answer is too long", "error": "it says that it cannot answer now (HTTP 500)",
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_why_a_witness_does_not_cosign_is_told(traild, folder, board, trouble):
    b = trusting(board(), traild, folder / "d")
    run = start(traild, folder / "d", b, config={"witness_timeout": 600})
    cosigned(run, log_size(run))
    wait_until(lambda: states(run)["w1.example/fake"] == "COSIGNS")
    if trouble == "down":
        b[1].down()
    else:
        b[1].mode = trouble
    append(run, 4)
    told = f"w1.example/fake does not cosign: {TROUBLES[trouble]}"
    wait_until(lambda: told in run.stderr(), why=run.stderr)


def certificate(folder, name, address="127.0.0.1"):
    """(context of a server, its certificate), which vouches for itself."""
    key, cert = folder / f"{name}.key", folder / f"{name}.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-keyout", key, "-out", cert, "-days", "30", "-subj", f"/CN={name}",
                    "-addext", f"subjectAltName=IP:{address}"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context, cert


def test_a_witness_is_asked_by_https(traild, folder, board):
    b = trusting(board(1, "1"), traild, folder / "d")
    b[0].tls, cert = certificate(folder, "w")
    run = start(traild, folder / "d", b, config={"witness_ca": cert})
    cosigned(run, append(run, 4))
    b[0].down()
    append(run, 5)
    wait_until(lambda: "does not cosign: it cannot be reached" in run.stderr(), why=run.stderr)


NO_WAY = {
    "another_ca": "its certificate is not for that name",
    "another_name": "its certificate is not for that name",
    "no_ca": "there is no CA to trust", "no_file": "there is no CA to trust",
}


@pytest.mark.parametrize("case", NO_WAY)
def test_https_without_trust_is_no_way_and_is_told(traild, folder, board, case):
    b = trusting(board(1, "1"), traild, folder / "d")
    b[0].tls, cert = certificate(folder, "w", "127.0.0.2" if case == "another_name" else "127.0.0.1")
    if case == "another_ca":
        cert = certificate(folder, "other")[1]
    elif case == "no_ca":
        cert = folder / "empty"
        cert.write_text("")
    elif case == "no_file":
        cert = folder / "nothing"
    run = start(traild, folder / "d", b, config={"witness_ca": cert, "witness_start_time": 1})
    assert NO_WAY[case] in run.stderr(), run.stderr()
    assert not b[0].requests
    assert ("TRAIL-C005" in run.stderr()) == case.startswith("no_")
    if case.startswith("no_"):
        assert str(cert) in run.stderr()
        assert run.stderr().count("TRAIL-C005") == 1


def test_the_courier_ends_with_its_daemon(traild, folder, board):
    b = trusting(board(), traild, folder / "d")
    run = start(traild, folder / "d", b)
    pid = wait_until(lambda: courier_of(run))
    run.kill()
    process_gone(pid)


# ---- the end of a log ----------------------------------------------------------------------------

def close(traild, folder, state, board, **config):
    """`traild --close`: (exit code, stderr)."""
    conf = folder / "close.conf"
    settings = dict(CONFIG, **QUICK, policy=board.write())
    settings.update(config)
    conf.write_text("".join(f'{k} = "{v}"\n' for k, v in settings.items()))
    done = subprocess.run(
        [*traild.wrapper, str(traild.traild), "--config", str(conf), "--state-dir", str(state), "--close"],
        capture_output=True, encoding="utf-8", timeout=120 * SLOW, check=False)
    return done.returncode, done.stderr


def closed_by(traild, state):
    code, value, stderr = traild.check(state)
    assert code == 0, stderr
    return value["closed"], value["size"]


def test_g5_the_end_of_a_log_is_shown_to_a_quorum(traild, folder, board):
    b = board()
    b.trust(made_log(traild, folder / "d", {"seal_epoch": 4}))
    # Later than a quarter of an epoch after its last seal.
    select.select([], [], [], 1.5)
    code, stderr = close(traild, folder, folder / "d", b, seal_epoch=4)
    closed, size = closed_by(traild, folder / "d")
    assert code == 0 and "signed and sealed" in stderr and size == closed + 2, stderr
    assert f"saw the end of this log, at {size} records" in stderr
    held = [w.held[ORIGIN].size for w in b.witnesses]
    assert held.count(size) >= 2, held
    # What they said is kept: with nobody there, nothing is wanting.
    for witness in b.witnesses:
        witness.down()
    assert len(signers(b, kept_note(folder / "d", size))) >= 2


def kept_note(state, size):
    """The note of that size that a store has."""
    rows = damage.table(pathlib.Path(state) / "log", "head")
    return dict(rows)[size.to_bytes(8, "big")].decode()


def test_g5_an_end_that_no_quorum_saw_is_shown_by_closing_again(traild, folder, board):
    b = trusting(board(), traild, folder / "d")
    for witness in b.witnesses[1:]:
        witness.down()
    code, stderr = close(traild, folder, folder / "d", b, witness_start_time=1)
    closed, size = closed_by(traild, folder / "d")
    assert code == 0 and closed and "TRAIL-D080" in stderr, stderr
    assert "no quorum of witnesses saw the end" in stderr
    b[1].up()
    code, stderr = close(traild, folder, folder / "d", b)
    assert code == 0 and f"saw the end of this log, at {size} records" in stderr, stderr
    assert closed_by(traild, folder / "d") == (closed, size)
    assert [b[i].held[ORIGIN].size for i in (0, 1)] == [size, size]
    assert len(signers(b, kept_note(folder / "d", size))) == 2


@pytest.mark.parametrize("closed_before", [False, True])
def test_g6_a_store_set_back_with_its_signer_is_not_closed(traild, folder, board, closed_before):
    b = trusting(board(), traild, folder / "d")
    run = start(traild, folder / "d", b)
    cosigned(run, log_size(run))
    run.stop()
    copy(folder / "d", folder / "old")
    if closed_before:
        # Closed where nobody saw it, while the other went on.
        close(traild, folder, folder / "old", b, policy="")
    run = start(traild, folder / "d", b)
    cosigned(run, append(run, 4, 20))
    run.stop()
    before = signed_head(folder / "old")
    code, stderr = close(traild, folder, folder / "old", b)
    assert code == CONTRADICTS and "TRAIL-D074" in stderr, stderr
    assert signed_head(folder / "old") == before, "something was signed"
    assert "TRAIL-D080" not in stderr
    assert bool(closed_by(traild, folder / "old")[0]) == closed_before


# ---- acks that wait ------------------------------------------------------------------------------

WITNESSED = wire.pb.WITNESSED


def test_g5_an_ack_may_wait_for_a_quorum(traild, folder, board):
    b = trusting(board(), traild, folder / "d")
    run = start(traild, folder / "d", b)
    cosigned(run, log_size(run))
    events = [wire.event(4 + i) for i in range(5)]
    with Client(run.address, claims=[("journal", 1)]) as c:
        identity = wire.Identity(c.greeting.identity)
        answer = c.append("journal", 1, 4, events, ack=WITNESSED, wait_ms=30_000, want_proof=True,
                          want_salts=True)
    note = answer.checkpoint.decode()
    assert len(signers(b, note)) >= 2
    cp = wire.checkpoint_open(answer.checkpoint, identity) if note.count("\n\u2014 ") == 1 else \
        wire.checkpoint_parse(answer.checkpoint)
    run_of = answer.runs[0]
    records = wire.derive(run_of, 1, events)
    assert wire.inclusion_fits(wire.leaf_hash(records[-1]), run_of.first_index + 4, cp.size,
                               run_of.path, cp.root)


def test_g5_an_ack_waits_no_longer_than_it_was_told_to(traild, folder, board):
    b = trusting(board(), traild, folder / "d")
    run = start(traild, folder / "d", b)
    cosigned(run, log_size(run))
    for witness in b.witnesses[1:]:
        witness.down()
    with Client(run.address, claims=[("journal", 1)]) as c:
        number = c.send(append=wire.pb.Append(
            source="journal", epoch=1, first_seq=4, events=[wire.event(4)], ack=WITNESSED,
            wait_ms=2_000))
        # Who waits holds nobody up, on its own connection neither.
        assert c.append("journal", 1, 5, [wire.event(5)]).runs
        began = time.monotonic()
        answer = c.wait(number).appended
        assert time.monotonic() - began < 10 * SLOW
    assert answer.runs and not signers(b, answer.checkpoint.decode())
    # A stop does not wait for them.
    before = log_size(run)
    c = Client(run.address, claims=[("journal", 1)])
    number = c.send(append=wire.pb.Append(
        source="journal", epoch=1, first_seq=6, events=[wire.event(6)], ack=WITNESSED,
        wait_ms=600_000))
    wait_until(lambda: log_size(run) > before)
    began = time.monotonic()
    run.process.signal(signal.SIGTERM)
    assert c.wait(number).appended.runs
    # A stop has patience for ten seconds, and needs none for this.
    assert time.monotonic() - began < 6 * SLOW
    c.close()
    assert run.wait_exit() == 0


@pytest.mark.parametrize("config", [{}, {"timestamp": "http://127.0.0.1:9/tsa"}])
def test_an_ack_that_waits_is_answered_at_once_where_there_are_no_witnesses(traild, folder, config):
    run = traild.start(folder / "d", config=config)
    with Client(run.address) as c:
        assert c.append("journal", 1, 1, [wire.event(1)], ack=WITNESSED, wait_ms=600_000).runs


# ---- what the operator said ----------------------------------------------------------------------

@pytest.mark.parametrize("text,says", [
    ("quorum all\n", ":1: "), ("", "no line with a quorum"), ("witness x y\n", ":1: "),
    ("# a comment\nquorum none\nquorum none\n", ":3: "),
    ("witness w KEY\nquorum w\n", "no URL"),
    ("witness w KEY ftp://a/\nquorum w\n", "no URL"),
    ("log example.org/audit+1026b77e+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4\nquorum none\n",
     "other logs"),
])
def test_a_bad_policy_is_told_with_its_line(traild, folder, text, says):
    key = "witness.example/w1+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X"
    path = folder / "policy"
    path.write_text(text.replace("KEY", key))
    code, stderr = traild.refuse(folder / "d", config={"policy": str(path)})
    assert code == USAGE and "TRAIL-D078" in stderr and says in stderr, stderr


def test_a_policy_that_is_not_there_is_told(traild, folder):
    code, stderr = traild.refuse(folder / "d", config={"policy": str(folder / "none")})
    assert code == USAGE and "TRAIL-D078" in stderr and str(folder / "none") in stderr
    assert not (folder / "d").exists()


# ---- a real witness ------------------------------------------------------------------------------

@pytest.fixture
def witness(build, folder):
    made = []

    def make(**how):
        made.append(Witness(build, folder, **how))
        return made[-1]
    yield make
    for one in made:
        one.finish()


def test_g5_trail_witness_cosigns_and_catches_a_rollback(traild, folder, witness):
    made_log(traild, folder / "d")
    w = witness(logs=[folder / "d/vkey"])
    policy = folder / "policy"
    policy.write_text("".join(
        f"witness w{i} {w.vkey} {url}\nquorum w{i}\n" for i, url in enumerate(w.urls[:1])))
    config = dict(QUICK, policy=str(policy))
    run = traild.start(folder / "d", config=config, origin=None)
    cosigned(run, append(run, 4))
    run.stop()
    copy(folder / "d", folder / "old")
    run = traild.start(folder / "d", config=config, origin=None)
    cosigned(run, append(run, 5, 3))
    run.stop()
    # The witness, too, may be ended in between.
    w.kill()
    w.start()
    policy.write_text(f"witness w0 {w.vkey} {w.urls[0]}\nquorum w0\n")
    before = signed_head(folder / "old")
    code, stderr = traild.refuse(folder / "old", origin=None, config=config)
    assert code == CONTRADICTS and "TRAIL-D074" in stderr, stderr
    assert signed_head(folder / "old") == before
    run = traild.start(folder / "d", config=config, origin=None)
    cosigned(run, append(run, 8))
    run.stop()
    traild.assert_valid(folder / "d")


def test_g5_trail_witness_shows_the_fork_that_a_twin_made(traild, folder, witness):
    """A twin of store and signer, which the witness saw first; this one was confirmed before."""
    made_log(traild, folder / "d")
    w = witness(logs=[folder / "d/vkey"])
    policy = folder / "policy"
    policy.write_text(f"witness w {w.vkey} {w.urls[0]}\nquorum w\n")
    config = dict(QUICK, policy=str(policy), witness_start_time=1)
    run = traild.start(folder / "d", config=config, origin=None)
    cosigned(run, log_size(run))
    run.stop()
    copy(folder / "d", folder / "twin")
    twin = traild.start(folder / "twin", origin=None)
    append(twin, 4, 30)
    twin.stop()
    # The twin alone: the witness has seen less than it signed, and nothing else.
    run = traild.start(folder / "d", config=config, origin=None)
    cosigned(run, append(run, 4))
    before = signed_head(folder / "twin")
    code, stderr = traild.refuse(folder / "twin", config=config, origin=None)
    assert code == CONTRADICTS and "TRAIL-D075" in stderr, stderr
    assert signed_head(folder / "twin") == before
    cosigned(run, append(run, 5))


# ---- time stamps ---------------------------------------------------------------------------------

def sealed_answer(run):
    with Client(run.address) as c:
        return c.want("checkpoint", checkpoint=wire.pb.CheckpointRequest(sealed=True, above=0))


def imprint(request):
    """The hash that a TimeStampReq asks for: its first octet string of 32 bytes."""
    at = request.index(b"\x04\x20") + 2
    return request[at:at + 32]


def test_a_sealed_checkpoint_is_time_stamped_and_the_proof_shows_it(build, traild, folder):
    with tsa.Authority(folder / "tsa") as authority:
        run = traild.start(folder / "d", config=dict(QUICK, timestamp=authority.url, seal_epoch=1))
        append(run, 1)
        answer = wait_until(lambda: sealed_answer(run).stamp and sealed_answer(run),
                            why=run.stderr)
        size = wire.checkpoint_parse(answer.checkpoint).size
        # Kept over a restart; and of no checkpoint two are asked for, however many seals there are.
        wait_until(lambda: len(authority.requests) >= 2)
        run.stop()
        asked = len(authority.requests)
        run = traild.start(folder / "d", origin=None,
                           config=dict(QUICK, timestamp=authority.url, seal_epoch=1))
        again = sealed_answer(run)
        assert wire.checkpoint_parse(again.checkpoint).size == size and again.stamp == answer.stamp
        wait_until(lambda: len(authority.requests) >= asked + 2)
        imprints = [imprint(body) for _, body in list(authority.requests)]
        assert len(set(imprints)) == len(imprints)
        text = tlog.split_note(answer.checkpoint.decode())[0]
        assert authority.verifies(answer.stamp, text.encode())
        # What is shown to others says when.
        env = dict(os.environ, TRAIL_CONNECT=f"unix:{run.address}", XDG_STATE_HOME=str(folder / "x"))
        proof = subprocess.run([build / "trail", "prove", "0"], env=env, capture_output=True, check=True)
        (folder / "proof").write_bytes(proof.stdout)
        told = subprocess.run([build / "trail", "--log", folder / "d/identity", "verify", "--tsa",
                               authority.ca, folder / "proof"], env=env, capture_output=True, text=True)
        assert re.search(r"^stamped +at .*Test Time Authority", told.stdout, re.M), told
        run.stop()
        traild.assert_valid(folder / "d")


@pytest.mark.parametrize("lie", [b"", b"hello", b"0\x03\x02\x01\x02", b"x" * 20_000])
def test_an_authority_that_lies_is_asked_again_and_stops_nothing(traild, folder, lie):
    with tsa.Authority(folder / "tsa") as authority:
        honest, authority.answer = authority.answer, lambda request: lie
        run = traild.start(folder / "d", config=dict(QUICK, timestamp=authority.url))
        wait_until(lambda: len(authority.requests) >= 3)
        append(run, 1)
        assert not sealed_answer(run).stamp and "TRAIL-D079" in run.stderr()
        authority.answer = honest
        wait_until(lambda: sealed_answer(run).stamp)


def test_an_address_of_an_authority_that_cannot_be_is_told(traild, folder):
    code, stderr = traild.refuse(folder / "d", config={"timestamp": "tsa.example.org"})
    assert code == USAGE and "TRAIL-D011" in stderr and "timestamp" in stderr


# ---- what others see of it -----------------------------------------------------------------------

def test_g5_the_next_seal_holds_what_a_quorum_cosigned(traild, folder, board):
    b = board()
    b.trust(made_log(traild, folder / "d", {"seal_epoch": 4}))
    run = start(traild, folder / "d", b, config={"seal_epoch": 4})
    size = append(run, 4)
    cosigned(run, size)

    def seal():
        with Client(run.address) as c:
            page = c.want("rows", controls=wire.pb.Controls(kind=wire.SEAL, newest_first=True, limit=1))
        note = wire.pb.Seal.FromString(page.rows[0].payload).cosigned
        return note if note and wire.checkpoint_parse(note.encode()).size >= size else None
    assert len(signers(b, wait_until(seal, 40))) >= 2


def test_g5_a_person_waits_for_a_quorum(build, traild, folder, board):
    b = trusting(board(), traild, folder / "d")
    run = start(traild, folder / "d", b)
    cosigned(run, log_size(run))
    env = dict(os.environ, TRAIL_CONNECT=f"unix:{run.address}", XDG_STATE_HOME=str(folder / "x"))

    def trail(*words):
        return subprocess.run([build / "trail", *words], env=env, capture_output=True, text=True)
    done = trail("--policy", b.path, "emit", "read", "/a", "--witnessed")
    assert done.returncode == 0 and re.search(r"^witnessed", done.stdout, re.M), done
    found = trail("search", "object:/a")
    assert re.search(r"checkpoint \d+ \S+ witnessed \d+$", found.stderr, re.M), found
    told = trail("status")
    assert "w1.example/fake: cosigns" in told.stdout and "1 witness must lie at least" in told.stdout


def test_g5_verify_judges_the_log_by_the_policy_that_it_is_given(build, traild, folder, board):
    """The running log, by a policy that its witnesses meet, and by ones that they do not."""
    b = trusting(board(), traild, folder / "d")
    run = start(traild, folder / "d", b)
    cosigned(run, append(run, 4))
    env = dict(os.environ, XDG_STATE_HOME=str(folder / "x"))

    def verify(policy, *words):
        return subprocess.run(
            [build / "trail", "--connect", f"unix:{run.address}", "--log", folder / "d/identity",
             "--policy", policy, "verify", *words], env=env, capture_output=True, text=True)
    met = verify(b.path)
    assert met.returncode == 0, met
    assert re.search(r"^cosigned below index \d+ by .*a second history would take 1 witness", met.stdout,
                     re.M), met
    told = json.loads(verify(b.path, "-o", "json").stdout)
    assert told["quorum"] and told["overlap"] == 1 and len(told["cosigned"]) >= 2
    # A stranger is wanted, too; and a policy for another log says nothing of this one.
    stranger = board(4, "all")
    missing = json.loads(verify(stranger.write(), "-o", "json").stdout)
    other = json.loads(verify(b.write("example.org/audit+1026b77e+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3"
                                      "chmQSVTG4"), "-o", "json").stdout)
    for value in (missing, other):
        assert value["verdict"] == "unverifiable" and not value["quorum"]
        assert [f["code"] for f in value["findings"]] == ["evidence.quorum"]
    assert verify(stranger.write()).returncode == 6


def test_g5_a_published_log_is_judged_by_the_policy_that_verify_is_given(build, traild, folder, board):
    """With no daemon: the cosignatures that its checkpoint bears, and nothing else, count."""
    b = trusting(board(), traild, folder / "d")
    for witness in b.witnesses:
        witness.down()
    run = start(traild, folder / "d", b, config={"witness_start_time": 1})
    pub = folder / "pub"
    size = append(run, 4)

    def trail(*words):
        env = dict(os.environ, XDG_STATE_HOME=str(folder / "x"), TRAIL_CONNECT=f"unix:{run.address}")
        return subprocess.run([build / "trail", "--log", folder / "d/identity", *words], env=env,
                              capture_output=True, text=True)

    def verify(policy, code, finding=None):
        value = json.loads(trail("--policy", policy, "verify", "-o", "json", pub).stdout)
        assert [f["code"] for f in value["findings"]] == ([finding] if finding else []), value
        assert value["quorum"] == (code == 0) and trail("--policy", policy, "verify", pub).returncode == code
        return value

    assert trail("publish", pub).returncode == 0
    plain = (pub / "checkpoint").read_text()
    assert signers(b, plain) == set()
    assert trail("verify", pub).returncode == 0
    assert verify(b.path, 6, "evidence.quorum")["cosigned"] == []

    # Nothing new is in the log, but who vouches for it is.
    for witness in b.witnesses:
        witness.up()
    cosigned(run, size)
    assert trail("publish", pub).stdout.startswith("nothing new")
    note = (pub / "checkpoint").read_text()
    assert len(signers(b, note)) >= 2 and note.startswith(plain)
    told = verify(b.path, 0)
    assert told["overlap"] == 1 and len(told["cosigned"]) >= 2 and told["cosigned_size"] == size
    assert re.search(rf"^cosigned below index {size} by .*a second history would take 1 witness",
                     trail("--policy", b.path, "verify", pub).stdout, re.M)

    # What comes is published with its cosignatures at once, when it has them.
    size = append(run, 5)
    cosigned(run, size)
    assert trail("publish", pub).returncode == 0
    assert len(signers(b, (pub / "checkpoint").read_text())) >= 2
    verify(b.path, 0)

    stranger = board(4, "all")
    verify(stranger.write(), 6, "evidence.quorum")
    other = b.write("example.org/audit+1026b77e+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4")
    verify(other, 6, "evidence.quorum")
    note = (pub / "checkpoint").read_text()
    lines = note.splitlines(keepends=True)
    name, line = lines[-1].rsplit(" ", 1)
    lines[-1] = f"{name} {line[:60]}{'B' if line[60] == 'A' else 'A'}{line[61:]}"
    (pub / "checkpoint").unlink()
    (pub / "checkpoint").write_text("".join(lines))
    value = json.loads(trail("--policy", b.write(), "verify", "-o", "json", pub).stdout)
    assert value["verdict"] == "invalid"
    assert [f["code"] for f in value["findings"]] == ["evidence.cosignature"]
