# SPDX-License-Identifier: Apache-2.0
"""
Succession (FORMATS.md section 1): a log is closed for good and followed by another one, with a name
and a key of its own, and both are on record, so that an auditor goes from log to log.
"""
import base64
import collections
import json
import os
import shutil
import subprocess
import time

import forge
import liar
import pytest
import wire
from harness import CONFIG
from manager import SignerUnit
from wire import Client, pb

OLD, NEW = "example.org/log", "example.org/log-2"
REASON = "nyckeln är stulen"


class House:
    """Two state folders, and who runs traild's one-shot commands and trail on them."""

    def __init__(self, traild, folder):
        self.traild, self.folder = traild, folder
        self.old, self.new = folder / "old", folder / "new"
        self.config = folder / "house.conf"
        if not self.config.exists():
            self.config.write_text("".join(f'{k} = "{v}"\n' for k, v in CONFIG.items()))

    def of(self, old):
        """The same house with another old log."""
        other = House(self.traild, self.folder)
        other.old, other.config = old, self.config
        return other

    def do(self, *words, code=0, config=True):
        done = subprocess.run(
            [*self.traild.wrapper, str(self.traild.traild),
             *(["--config", str(self.config)] if config else []), *map(str, words)],
            capture_output=True, encoding="utf-8", timeout=60 * self.traild.slow, check=False)
        assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
        return done

    def close(self, state=None, code=0):
        return self.do("--close", "--state-dir", state or self.old, code=code)

    def succeed(self, *more, state=None, origin=NEW, identity=None, code=0):
        return self.do("--succeed", identity or self.old / "identity", "--state-dir",
                       state or self.new, "--origin", origin, *more, code=code)

    def trail(self, run, *words, code=0):
        env = dict(os.environ, XDG_STATE_HOME=str(self.folder / "client"), LC_ALL="C.UTF-8",
                   TRAIL_CONNECT=f"unix:{run.address}")
        done = subprocess.run([str(self.traild.trail), *map(str, words)], env=env,
                              capture_output=True, encoding="utf-8", timeout=60, check=False)
        assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
        return done

    def check(self, state, *more, code=0):
        got, value, stderr = self.traild.check(state, *more)
        assert got == code, (value, stderr)
        return value

    def genesis(self, state=None):
        return pb.Genesis.FromString(forge.Forged(state or self.new).entries[0].payload)

    def entries(self, state):
        """What the DAEMON entries of a stopped log say, behind its genesis."""
        return [pb.Daemon.FromString(e.payload).what for e in forge.Forged(state).entries[1:]
                if e.kind == wire.DAEMON]


@pytest.fixture
def house(traild, folder):
    """An old log of some events that is stopped, and a note of it."""
    house = House(traild, folder)
    run = traild.start(house.old, origin=OLD)
    with Client(run.address) as c:
        house.first_note = c.append("journal", 7, 1, [wire.event(1)]).checkpoint
        house.last_note = c.append("journal", 7, 2, [wire.event(n) for n in (2, 3, 4)]).checkpoint
    run.stop()
    house.note = folder / "note"
    house.note.write_bytes(house.last_note)
    return house


# ---- the end of a log ----------------------------------------------------------------------------

def test_a_closed_log_says_so_is_signed_and_takes_no_more(house):
    size = house.check(house.old)["size"]
    assert "TRAIL-D080" in house.close().stderr
    assert house.entries(house.old)[-1] == pb.Daemon.CLOSED
    value = house.check(house.old)
    assert value["verdict"] == "valid" and value["uncovered"] == 0 and value["size"] > size
    log = forge.Forged(house.old)
    assert pb.Daemon.FromString(log.entries[value["closed"]].payload).what == pb.Daemon.CLOSED
    text = house.do("check", "--state-dir", house.old, config=False).stdout
    assert f"closed for good by record {value['closed']}\n" in text
    before = {p: p.read_bytes() for p in house.old.rglob("*") if p.is_file()}
    for origin in (OLD, None):
        code, stderr = house.traild.refuse(house.old, origin=origin)
        assert code == 2 and "TRAIL-D081" in stderr and "--succeed" in stderr, stderr
    after = {p: p.read_bytes() for p in house.old.rglob("*") if p.is_file()}
    assert {p for p in before if before[p] != after[p]} <= {house.old / "log/lock.mdb"}


def test_an_open_log_is_not_called_closed(house):
    assert house.check(house.old)["closed"] is None
    assert "closed" not in house.do("check", "--state-dir", house.old, config=False).stdout
    house.traild.start(house.old, origin=OLD).stop()


def test_closing_again_finishes_what_is_wanting(house):
    """Killed between the commit and the signature: the head is one commit behind."""
    before = (house.old / "signer/head").read_bytes()
    house.close()
    (house.old / "signer/head").write_bytes(before)
    assert house.check(house.old)["uncovered"] > 0
    size = house.check(house.old)["size"]
    assert "TRAIL-D080" in house.close().stderr
    value = house.check(house.old)
    assert (value["size"], value["uncovered"]) == (size, 0)
    assert house.entries(house.old).count(pb.Daemon.CLOSED) == 1


def seal_the_end(house):
    """The signer makes no two seals within a quarter of an epoch, so it is asked until it does."""
    until = time.monotonic() + 30 * house.traild.slow
    while "signed and sealed" not in house.close().stderr:
        assert time.monotonic() < until, "never sealed"


def test_the_end_is_sealed_and_its_seal_is_the_last_record(house):
    quick = house.folder / "quick"
    house.config.write_text(house.config.read_text() + "seal_epoch = 1\n")
    house.traild.start(quick, origin=OLD, config={"seal_epoch": 1}).stop()
    house.close(quick)
    seal_the_end(house.of(quick))
    value = house.check(quick)
    kinds = [e.kind for e in forge.Forged(quick).entries]
    assert kinds[-2:] == [wire.DAEMON, wire.SEAL] and value["closed"] == len(kinds) - 2
    assert value["verdict"] == "valid" and value["uncovered"] == 0
    assert value["sealed_until"]["index"] == len(kinds) - 1
    assert "TRAIL-D081" in house.traild.refuse(quick, origin=OLD)[1]
    # And no more are made than that one.
    assert "signed and sealed" in house.close(quick).stderr
    assert len(forge.Forged(quick).entries) == len(kinds)


def test_an_end_that_came_too_soon_after_a_seal_says_that_it_is_not_sealed(house):
    """The log was started, and so sealed, a moment ago; its epoch is an hour."""
    assert "not sealed yet; say --close again" in house.close().stderr
    assert [e.kind for e in forge.Forged(house.old).entries][-1] == wire.DAEMON


def test_a_log_whose_seals_are_used_up_is_closed_all_the_same(house):
    """That is the day on which it is needed most; and it is not asked to come again for a seal."""
    used = house.folder / "used"
    house.config.write_text(house.config.read_text() + "seal_epoch = 1\n")
    run = house.traild.start(used, origin=OLD, config={"seal_epoch": 1})
    until = time.monotonic() + 60 * house.traild.slow
    while "TRAIL-D061" not in run.stderr():
        assert time.monotonic() < until, "the seals are not used up"
        time.sleep(0.1)
    run.stop()
    said = house.close(used).stderr
    assert "seals were used up before" in said and "say --close again" not in said
    value = house.check(used)
    assert value["verdict"] == "valid" and value["seals"] == 16 and value["uncovered"] == 0
    assert "TRAIL-D081" in house.traild.refuse(used, origin=OLD)[1]


def test_closing_needs_a_log_that_is_stopped(house):
    nowhere = house.folder / "nowhere"
    assert "no log to close" in house.close(nowhere, code=2).stderr
    assert not nowhere.exists()
    empty = house.folder / "empty"
    empty.mkdir()
    assert "no log to close" in house.close(empty, code=2).stderr
    run = house.traild.start(house.old, origin=OLD)
    assert "TRAIL-D021" in house.close(code=3).stderr
    with Client(run.address) as c:
        c.append("journal", 7, 5, [wire.event(5)])
    run.stop()
    assert house.check(house.old)["closed"] is None


def test_closing_an_old_store_under_a_newer_signer_is_refused(house):
    shutil.copytree(house.old / "log", house.folder / "copy")
    run = house.traild.start(house.old, origin=OLD)
    run.stop()
    shutil.rmtree(house.old / "log")
    shutil.move(house.folder / "copy", house.old / "log")
    assert "TRAIL-D032" in house.close(code=5).stderr
    assert house.check(house.old, code=5)["closed"] is None


def test_a_record_behind_the_end_is_found(house):
    """Whoever has the key goes on with it: by hand, because traild does not."""
    house.close()
    log = forge.Forged(house.old)
    end = len(log.entries) - 1
    assert pb.Daemon.FromString(log.entries[-1].payload).what == pb.Daemon.CLOSED
    late = log.events()[-1].twin()
    late.set(received_ns=log.entries[-1].record.received_ns)
    late.commit = log.entries[-1].commit + 1
    log.entries.append(late)
    log.write(house.old)
    value = house.check(house.old, code=5)
    assert [(f["code"], f["index"]) for f in value["findings"]] == [("succession.after", end + 1)]
    assert (value["first_bad"], value["closed"]) == (end + 1, end)


# ---- the log that follows ------------------------------------------------------------------------

def test_a_successor_names_the_old_log_how_far_it_came_and_why(house):
    house.close()
    said = house.succeed("--succeed-note", house.note, "--reason", REASON)
    assert "TRAIL-D082" in said.stderr and OLD in said.stderr
    assert said.stdout == (house.new / "identity").read_text()
    genesis = house.genesis()
    assert genesis.origin == NEW
    assert genesis.predecessor == (house.old / "identity").read_text()
    assert genesis.predecessor_note.encode() == house.last_note
    assert genesis.reason == REASON
    assert house.genesis(house.old).vkey != genesis.vkey
    # Nothing but a beginning: it is started like any other.
    assert len(forge.Forged(house.new).entries) == 1
    run = house.traild.start(house.new, origin=None)
    with Client(run.address) as c:
        c.append("journal", 7, 1, [wire.event(1)])
    run.stop()
    house.traild.assert_valid(house.new)


def test_check_verify_and_key_show_the_predecessor(house):
    house.succeed("--succeed-note", house.note, "--reason", REASON)
    cp = wire.checkpoint_parse(house.last_note)
    wanted = {"origin": OLD, "identity": (house.old / "identity").read_text(), "size": cp.size,
              "root": base64.b64encode(cp.root).decode(), "reason": REASON}
    line = f"succeeds {OLD} at size {cp.size}: {REASON}\n"
    assert house.check(house.new)["predecessor"] == wanted
    assert line in house.do("check", "--state-dir", house.new, config=False).stdout
    run = house.traild.start(house.new, origin=NEW)
    assert json.loads(house.trail(run, "verify", "-o", "json").stdout)["predecessor"] == wanted
    assert line in house.trail(run, "verify").stdout
    key = house.trail(run, "key", "--predecessor")
    assert key.stdout == wanted["identity"] and line in key.stderr
    assert json.loads(house.trail(run, "key", "--predecessor", "-o", "json").stdout) == {
        "origin": NEW, "identity": (house.new / "identity").read_text(), "predecessor": wanted}
    assert house.trail(run, "key").stdout == (house.new / "identity").read_text()
    run.stop()
    # With it, the old log is the one that is meant, up to there.
    (house.folder / "id").write_text(key.stdout)
    (house.folder / "cp").write_bytes(house.genesis().predecessor_note.encode())
    value = house.check(house.old, "--log", house.folder / "id", "--checkpoint", house.folder / "cp")
    assert (value["verdict"], value["identity"]) == ("valid", "given")


def test_a_first_log_has_no_predecessor(house):
    assert house.check(house.old)["predecessor"] is None
    run = house.traild.start(house.old, origin=OLD)
    assert json.loads(house.trail(run, "verify", "-o", "json").stdout)["predecessor"] is None
    done = house.trail(run, "key", "--predecessor", code=1)
    assert done.stdout == "" and "follows none" in done.stderr
    assert json.loads(house.trail(run, "key", "--predecessor", "-o", "json", code=1).stdout)[
        "predecessor"] is None
    run.stop()


def test_without_note_and_reason_the_old_log_is_named_all_the_same(house):
    """All that is left of it may be its identity file."""
    house.succeed()
    genesis = house.genesis()
    assert (genesis.predecessor_note, genesis.reason) == ("", "")
    wanted = house.check(house.new)["predecessor"]
    assert (wanted["origin"], wanted["size"], wanted["root"], wanted["reason"]) == (OLD, None, None, "")
    assert f"succeeds {OLD}\n" in house.do("check", "--state-dir", house.new, config=False).stdout
    run = house.traild.start(house.new, origin=NEW)
    got = json.loads(house.trail(run, "verify", "-o", "json").stdout)["predecessor"]
    assert (got["size"], got["root"], got["reason"]) == (None, None, None)
    run.stop()


def test_logs_follow_one_another(house):
    """A chain of three, walked from its end."""
    house.succeed("--succeed-note", house.note)
    third = house.folder / "third"
    house.succeed(state=third, origin="example.org/log-3", identity=house.new / "identity")
    chain, state = [], third
    where = {OLD: house.old, NEW: house.new, "example.org/log-3": third}
    while state:
        before = house.check(state)["predecessor"]
        chain.append(before and before["origin"])
        state = before and where[before["origin"]]
        assert not state or before["identity"] == (state / "identity").read_text()
    assert chain == [NEW, OLD, None]


def test_a_successor_is_made_where_a_birth_was_cut_short(house):
    """A start that came as far as an empty store is no log yet."""
    state = empty_store(house).parent
    house.succeed("--reason", REASON, state=state)
    assert house.genesis(state).reason == REASON
    house.traild.assert_valid(state)


def test_a_successor_is_not_made_anew_where_its_store_was_lost(house):
    house.succeed("--reason", "first")
    key = (house.new / "signer/key").read_bytes()
    shutil.rmtree(house.new / "log")
    (house.new / "log").mkdir(mode=0o700)
    for name in ("identity", "vkey"):
        (house.new / name).unlink()
    forge.slot_only(house.new / "signer/head", b"", forge.HEAD_SLOT_LEN)
    assert "TRAIL-D033" in house.succeed("--reason", "second", code=5).stderr
    assert (house.new / "signer/key").read_bytes() == key


@pytest.mark.root
def test_a_signer_of_its_own_ends_the_old_log_and_begins_the_new_one(house):
    """As in a package: the signer is a unit, and its folder is put aside with the log's."""
    folders = [house.folder / "signer-1", house.folder / "signer-2"]
    for number, (state, origin) in enumerate(((house.folder / "a", OLD), (house.new, NEW))):
        unit = SignerUnit(house.traild, folders[number], house.folder / f"signer-{number}.sock")
        house.config.write_text("".join(f'{k} = "{v}"\n' for k, v in CONFIG.items()) +
                                f'signer_socket = "{unit.path}"\n')
        if number == 0:
            house.traild.start(state, origin=origin, config={"signer_socket": unit.path}).stop()
            assert "TRAIL-D080" in house.close(state).stderr
            assert house.traild.refuse(state, config={"signer_socket": unit.path})[0] == 2
        else:
            house.succeed(identity=house.folder / "a/identity")
            run = house.traild.start(state, origin=origin, config={"signer_socket": unit.path})
            run.stop()
        unit.finish()
        value = house.check(state, "--signer-dir", folders[number])
        assert value["verdict"] == "valid" and value["tail"] == "compared"
    assert house.check(house.new, "--signer-dir", folders[1])["predecessor"]["origin"] == OLD


# ---- what is refused -----------------------------------------------------------------------------

def another_note(house):
    return forge.Key("example.org/other", b"k" * 32).note(5, b"r" * 32)


Refusal = collections.namedtuple("Refusal", "words sentence code")
REFUSALS = {
    "the old name": Refusal(lambda h: ["--origin", OLD], "another with --origin", 2),
    "no identity": Refusal(lambda h: ["--succeed", h.note], "not a log identity file", 2),
    "no file": Refusal(lambda h: ["--succeed", h.folder / "nothing"], "cannot be read", 3),
    "a vkey alone": Refusal(lambda h: ["--succeed", h.old / "vkey"], "not a log identity file", 2),
    "no note": Refusal(lambda h: ["--succeed-note", h.old / "identity"], "not a checkpoint", 2),
    "no note's file": Refusal(lambda h: ["--succeed-note", h.folder / "no"], "cannot be read", 3),
    "another log's note": Refusal(lambda h: ["--succeed-note", write(h, another_note(h))],
                                  "not signed by the old log", 2),
    "a turned note": Refusal(lambda h: ["--succeed-note", write(h, larger(h.last_note))],
                             "not signed by the old log", 2),
    "a long note": Refusal(lambda h: ["--succeed-note", write(h, b"x" * 20000)], "longer than", 2),
    "two lines": Refusal(lambda h: ["--reason", "a\nb"], "--reason: one line", 2),
    "a long reason": Refusal(lambda h: ["--reason", "x" * 513], "--reason: one line", 2),
}


def larger(note):
    size = wire.checkpoint_parse(note).size
    return note.replace(f"\n{size}\n".encode(), f"\n{size + 1}\n".encode())


def write(house, data):
    path = house.folder / "given"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("case", REFUSALS)
def test_a_successor_that_cannot_be_is_refused(house, case):
    words, sentence, code = REFUSALS[case]
    done = house.succeed(*words(house), code=code)
    assert "TRAIL-D083" in done.stderr and sentence in done.stderr and done.stdout == ""
    assert not house.new.exists(), "it was judged before anything was made"


def test_a_successor_where_there_is_a_log_is_refused(house):
    done = house.succeed(state=house.old, code=2)
    assert "TRAIL-D083" in done.stderr and "holds a log already" in done.stderr
    house.succeed()
    assert "holds a log already" in house.succeed(code=2).stderr
    assert house.genesis().reason == "", "and it is as it was"
    house.traild.assert_valid(house.old)


def test_a_successor_with_the_old_key_is_refused(house):
    """A signer's folder in which the old key was put under the new name, its head forgotten."""
    old = forge.Key.read(house.old / "signer/key")
    signer = house.new / "signer"
    house.new.mkdir(mode=0o700)
    signer.mkdir(mode=0o700)
    (house.new / "log").mkdir(mode=0o700)
    (house.new / "VERSION").write_bytes((house.old / "VERSION").read_bytes())
    seeds = forge.Seeds.new(4, b"s" * 32)
    (signer / "key").write_text(forge.Key(NEW, old.seed).line())
    forge.slot_only(signer / "head", b"", forge.HEAD_SLOT_LEN)
    seeds.write(signer / "seeds")
    (signer / "seal.pub").write_bytes(
        b"trail-seal-pub/v1\n" + (4).to_bytes(4, "big") +
        b"".join(forge.public_of(seeds.seed(k)) for k in range(16)))
    for path in signer.iterdir():
        path.chmod(0o644 if path.name == "seal.pub" else 0o600)
    # A key beside a store without a record is what a birth that was cut short leaves.
    shutil.copytree(empty_store(house), house.new / "log", dirs_exist_ok=True)
    done = house.succeed(code=2)
    assert "TRAIL-D083" in done.stderr and "must have a key of its own" in done.stderr
    assert not (house.new / "identity").exists()


def empty_store(house):
    """A store's file without a record: from a first start whose signer could not be started."""
    state = house.folder / "cut short"
    config = house.folder / "cut.conf"
    config.write_text(house.config.read_text() + 'signer = "/nowhere/signer"\n')
    house.do("--config", config, "--state-dir", state, "--origin", NEW, "--listen",
             f"unix:{house.folder / 'x'}", code=3, config=False)
    assert (state / "log/data.mdb").stat().st_size > 0
    return state / "log"


USAGE = {
    "note alone": (["--succeed-note", "n"], "go with --succeed"),
    "reason alone": (["--reason", "r"], "go with --succeed"),
    "both": (["--succeed", "i", "--close"], "of two logs"),
    "listening": (["--close", "--listen", "unix:/nowhere/s"], "serve nobody"),
    "closing a name": (["--close", "--origin", "a"], "that of a new log"),
}


@pytest.mark.parametrize("case", USAGE)
def test_what_cannot_go_together_is_usage(house, case):
    words, sentence = USAGE[case]
    done = house.do(*words, "--state-dir", house.new, code=2)
    assert "TRAIL-D010" in done.stderr and sentence in done.stderr
    assert not house.new.exists()


# ---- what a genesis may say ----------------------------------------------------------------------

def forge_genesis(house, **fields):
    """The successor's first record says something else, and all that rests on it fits."""
    log = forge.Forged(house.new)
    log.change_genesis(**fields)
    log.write(house.new)


FORGED = {
    "no identity": ("succession.malformed", lambda h: {"predecessor": "nothing"}),
    "a note alone": ("succession.malformed", lambda h: {"predecessor": ""}),
    "a reason of two lines": ("succession.malformed", lambda h: {"reason": "a\nb"}),
    "a long reason": ("succession.malformed", lambda h: {"reason": "x" * 513}),
    "itself": ("succession.self", lambda h: {
        "predecessor": (h.new / "identity").read_text(), "predecessor_note": ""}),
    "its own key": ("succession.self", lambda h: {
        "predecessor": forge.Key(OLD, forge.Key.read(h.new / "signer/key").seed).identity(b"g" * 32),
        "predecessor_note": ""}),
    "another's note": ("succession.note", lambda h: {"predecessor_note": another_note(h).decode()}),
    "a note that is none": ("succession.note", lambda h: {"predecessor_note": "x"}),
}


@pytest.mark.parametrize("case", FORGED)
def test_a_genesis_that_names_no_true_predecessor_is_found(house, case):
    house.succeed("--succeed-note", house.note, "--reason", REASON)
    code, fields = FORGED[case]
    forge_genesis(house, **fields(house))
    value = house.check(house.new, code=5)
    assert [(f["code"], f["index"]) for f in value["findings"]] == [(code, 0)]
    run = house.traild.start(house.new, origin=NEW)
    said = house.trail(run, "verify", "--payloads", "-o", "json", code=5).stdout
    assert json.loads(said)["findings"] == value["findings"]
    assert value["findings"][0]["what"] in house.trail(run, "key", "--predecessor", code=5).stderr
    run.stop()


LIES = {
    "another payload": lambda row: {"payload": row.payload.replace(b"log-2", b"log-3")},
    "another record": lambda row: {"record": liar.flip(row.record, 20)},
    "another salt": lambda row: {"salt": bytes(16)},
    "no payload": lambda row: {"payload": b"", "salt": b""},
    "another place": lambda row: {"index": 1},
}


@pytest.mark.parametrize("case", [*LIES, "no row", "another entry"])
def test_a_daemon_that_lies_about_the_predecessor_is_not_believed(house, case):
    """Record 0 is pinned by the identity; so whatever is said of it is checked by that alone."""
    house.succeed("--succeed-note", house.note, "--reason", REASON)
    run = house.traild.start(house.new, origin=NEW)
    with Client(run.address) as c:
        other = c.want("rows", controls=pb.Controls(**{"from": 1, "limit": 1})).rows[0]

    def on_answer(request, answer):
        if request.WhichOneof("body") != "controls" or not answer.rows.rows:
            return
        row = answer.rows.rows[0]
        if case == "no row":
            del answer.rows.rows[:]
        elif case == "another entry":
            row.CopyFrom(other)
        else:
            for name, value in LIES[case](row).items():
                setattr(row, name, value)
    house.trail(run, "key", "--predecessor")
    with liar.Proxy(house.folder / "liar", run.address, on_answer=on_answer) as proxy:
        run.address = proxy.address
        done = house.trail(run, "key", "--predecessor", code=5)
        assert proxy.told == 1
    assert "record 0 does not verify" in done.stderr or "malformed" in done.stderr
    assert done.stdout == ""


def test_cosignatures_of_the_old_note_are_kept_as_far_as_there_is_room(house):
    """The log's own line always; a genesis has 4 KiB."""
    text, own = house.last_note.decode().split("\n\n")
    others = [f"\u2014 witness{n}.example/w {base64.b64encode(bytes([n]) * 76).decode()}\n"
              for n in range(12)]
    write(house, (text + "\n\n" + "".join(others[:6]) + own + "".join(others[6:])).encode())
    house.succeed("--succeed-note", house.folder / "given", "--reason", "x" * 512)
    kept = house.genesis().predecessor_note
    assert kept.startswith(text + "\n\n" + own)
    lines = kept[len(text) + 2 + len(own):]
    count = lines.count("\n")
    assert 4 <= count < 12 and lines == "".join(others[:count])
    assert house.check(house.new)["predecessor"]["size"] == wire.checkpoint_parse(house.last_note).size
