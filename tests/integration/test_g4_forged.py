# SPDX-License-Identifier: Apache-2.0
"""
G4 against who copied all keys at a moment t and owns the store (tests/support/forge.py): the log key,
and what the signer's seeds derived then. Before the last SEAL before t he can change nothing that is
not found, each way under a code of its own and at its first index, by who has the log identity file;
behind it he can, and the tests say that, too.
"""
import collections
import json
import os
import shutil
import subprocess
import time

import forge
import pytest
import seal_check
import wire
from harness import SLOW
from wire import Client, pb

ORIGIN = "example.org/test"
SEALED = {"seal_epoch": 1}
SEALS, STOLEN = 6, 3  # in the honest log; made when the keys were stolen
BATCH = 4


# ---- the log that is forged ----------------------------------------------------------------------

Honest = collections.namedtuple("Honest", "folder identity stolen")


def seals_of(c):
    """Indices of the SEALs of a running log."""
    return [row.index for row in c.want("rows", controls=pb.Controls(kind=wire.SEAL)).rows]


def wait_for_seals(c, count):
    """An epoch is a second, so they come; that of this count stands in the log then."""
    until = time.monotonic() + 30 * SLOW
    while len(seals_of(c)) < count:
        assert time.monotonic() < until, "no seals come"


def erased(state, epoch):
    """Whether the seeds on disk derive no key up to this epoch any more, in neither slot."""
    file = (state / "signer/seeds").read_bytes()
    slots = [file[at:at + forge.SEEDS_SLOT_LEN] for at in (0, forge.SLOT_OFFSET)]
    used = [s for s in slots if s.strip(b"\0")]
    return len(used) == 1 and forge.Seeds.read(state / "signer/seeds").next > epoch


@pytest.fixture(scope="module")
def honest(module_traild):
    """A stopped log with events between its SEALs; and what was copied of its keys while it ran."""
    folder = module_traild.folder
    run = module_traild.start(folder / "log", origin=ORIGIN, config=SEALED)
    stolen, n = folder / "stolen", 0
    with Client(run.address) as c:
        for count in range(1, SEALS + 1):
            wait_for_seals(c, count)
            c.append("journal", 7, n + 1, [wire.event(n + i, subject="p") for i in range(BATCH)])
            n += BATCH
            if count == STOLEN:
                # What was answered after the SEAL came after the erasure: one thread does both.
                assert erased(run.state_dir, STOLEN - 1)
                shutil.copytree(run.state_dir / "signer", stolen)
    run.stop()
    value = module_traild.assert_valid(run.state_dir)
    assert value["seals"] >= SEALS
    (run.state_dir / "log/lock.mdb").unlink(missing_ok=True)
    return Honest(run.state_dir, run.state_dir / "identity", stolen)


class Thief:
    """A copy of the honest log, the keys that were stolen, and who judges what is made of them."""

    def __init__(self, traild, honest, folder):
        self.traild, self.honest, self.folder = traild, honest, folder
        self.state = folder / "forged"
        shutil.copytree(honest.folder, self.state)
        self.log = forge.Forged(self.state)
        self.seeds = forge.Seeds.read(honest.stolen / "seeds")
        self.sealer = forge.Sealer(ORIGIN, forge.seal_publics(self.state), self.seeds)
        self.seals = self.log.seals()
        self.at = [self.log.index(s) for s in self.seals]

    def can_seal(self, epoch):
        return self.seeds.has(epoch)

    def reseal(self, log, index, entry):
        """Seal anew, for where it stands now, what he has the key of; epochs as they were."""
        epoch = forge.seal_parse(entry.payload)[0]
        if self.can_seal(epoch):
            entry.payload = self.sealer.payload(epoch, index, log.root(index),
                                                entry.record.received_ns)

    def event_before(self, seal):
        """An event between this SEAL and the one before it."""
        at = self.log.index(self.seals[seal])
        return [e for e in self.log.entries[:at] if e.kind == wire.EVENT][-2]

    def rewrite(self, event):
        forged = event.payload.replace(b"anv00042", b"anv00043")
        assert forged != event.payload
        self.log.change(event, forged)
        return self.log.index(event)

    def write(self, **how):
        return self.log.write(self.state, **{"reseal": self.reseal, **how})

    def check(self):
        """[(code, index)] and where the damage begins; the same with the identity and without."""
        out = []
        for words in (["--log", self.honest.identity], []):
            code, value, stderr = self.traild.check(self.state, *words)
            assert value and code == {"valid": 0, "invalid": 5, "unverifiable": 6}[value["verdict"]], \
                (code, stderr)
            out.append(([(f["code"], f["index"]) for f in value["findings"]], value["first_bad"],
                        value["sealed_until"] and value["sealed_until"]["index"]))
        assert out[0] == out[1]
        self.judge_again(value["verdict"], out[0])
        return out[0]

    def judge_again(self, word, ours):
        """The second implementation (tests/support/seal_check.py) says the same of it."""
        theirs = seal_check.judge(self.honest.identity.read_text(), *seal_check.store(self.state))
        codes = {"V2": "seal.epoch", "V3 index": "seal.place", "V3 root": "seal.root",
                 "V4": "seal.key", "V5": "seal.signature", "V6": "seal.time", "V7": "seal.gap",
                 "origin": "seal.origin", "form": "seal.malformed"}
        findings, first, until = ours
        assert (theirs.word, theirs.first, theirs.sealed) == (word, first, until), theirs
        assert [(codes[fault], index) for index, fault in theirs.broken] == findings

    def verify(self):
        """The same by `trail verify` of a daemon on it, for who knows the identity alone."""
        run = self.traild.start(self.state, origin=ORIGIN, config=SEALED)
        env = dict(os.environ, TRAIL_CONNECT=f"unix:{run.address}",
                   XDG_STATE_HOME=str(self.folder / "nobody"))
        done = subprocess.run([str(self.traild.trail), "verify", "--log", str(self.honest.identity),
                               "-o", "json"], env=env, capture_output=True, encoding="utf-8",
                              timeout=60, check=False)
        run.end()
        value = json.loads(done.stdout)
        return [(f["code"], f["index"]) for f in value["findings"]], value["first_bad"]


@pytest.fixture
def thief(traild, honest, folder):
    return Thief(traild, honest, folder)


def test_g4_what_is_stolen_is_what_the_seeds_still_derive(thief):
    assert [thief.can_seal(k) for k in range(SEALS)] == [k >= STOLEN for k in range(SEALS)]
    assert thief.sealer.root() == pb.Genesis.FromString(thief.log.entries[0].payload).seal_root
    # A SEAL that he makes is byte for byte the one that the signer made.
    for seal, at in list(zip(thief.seals, thief.at))[STOLEN:]:
        epoch, size, root, time_ns = forge.seal_parse(seal.payload)
        assert (size, root, time_ns) == (at, thief.log.root(at), seal.record.received_ns)
        assert thief.sealer.payload(epoch, size, root, time_ns) == seal.payload
    thief.write()
    assert thief.check() == ([], None, thief.at[-1])


# ---- the past, with keys stolen at t -------------------------------------------------------------

@pytest.mark.parametrize("seal", range(STOLEN))
def test_g4_a_change_before_the_theft_is_found_by_the_seal_behind_it(thief, seal):
    """He seals anew all that he has keys for, and signs it all; what was sealed before stays."""
    if seal == 0:
        thief.log.change(thief.log.entries[1], salt_only(thief.log.entries[1]))
        at = 1
    else:
        at = thief.rewrite(thief.event_before(seal))
    thief.write()
    findings, first, until = thief.check()
    fits = thief.at[seal - 1] if seal else 0
    assert findings == [("seal.root", fits)] * (STOLEN - seal)
    assert first == fits <= at and until == (thief.at[seal - 1] if seal else None)


def salt_only(entry):
    """The same words under another salt: another record all the same."""
    entry.salt = bytes(16)
    return entry.payload


def test_g4_a_change_behind_the_last_seal_before_the_theft_is_not(thief):
    """The limit of it: from there on he holds the keys, as the promise says."""
    assert thief.rewrite(thief.event_before(STOLEN)) > thief.at[STOLEN - 1]
    thief.write()
    assert thief.check() == ([], None, thief.at[-1])


@pytest.mark.parametrize("deed", ["insert", "remove"])
def test_g4_more_or_fewer_records_before_a_seal_move_it(thief, deed):
    victim = thief.event_before(STOLEN - 1)
    at = thief.log.index(victim)
    if deed == "insert":
        thief.log.insert(at, victim.twin(wire.event(4711)))
    else:
        thief.log.remove(victim)
    thief.write()
    moved = thief.at[STOLEN - 1] + (1 if deed == "insert" else -1)
    findings, first, until = thief.check()
    assert findings == [("seal.place", moved)]
    assert first == moved and until == thief.at[STOLEN - 2] < at


def test_g4_two_records_that_change_places_are_found(thief):
    a, b = [e for e in thief.log.entries[thief.at[0]:thief.at[1]] if e.kind == wire.EVENT][1:3]
    at = thief.log.index(a)
    thief.log.swap(a, b)
    thief.write()
    findings, first, until = thief.check()
    assert findings == [("seal.root", thief.at[0])] + [("seal.root", thief.at[0])] * (STOLEN - 2)
    assert first == until == thief.at[0] < at


# ---- SEALs that are gone, moved, or too many -----------------------------------------------------

def test_g4_a_dropped_seal_is_found_by_the_next_one(thief):
    thief.log.remove(thief.seals[1])
    thief.write()
    findings, first, until = thief.check()
    # The one behind it has its own epoch, which is not the one that is due, at a place one lower.
    assert findings[0] == ("seal.epoch", thief.at[2] - 1)
    assert first == thief.at[2] - 1 and until == thief.at[0]


def test_g4_a_dropped_seal_whose_epoch_he_takes_for_the_next_is_found(thief):
    """He numbers on with keys that he has: they are keys of other epochs."""
    epochs = iter(range(STOLEN, SEALS + 3))

    def reseal(log, index, entry):
        epoch = forge.seal_parse(entry.payload)[0]
        if epoch >= STOLEN:
            due = next(epochs) - 1
            entry.payload = thief.sealer.payload(due, index, log.root(index),
                                                 entry.record.received_ns, key_epoch=epoch)
    thief.log.remove(thief.seals[STOLEN - 1])
    thief.write(reseal=reseal)
    findings, first, _ = thief.check()
    assert findings[0] == ("seal.key", thief.at[STOLEN] - 1)
    assert first == thief.at[STOLEN] - 1


def test_g4_a_moved_seal_is_found(thief):
    """One place down, beside an event of the same commit or the next."""
    seal, at = thief.seals[1], thief.at[1]
    other = thief.log.entries[at + 1]
    thief.log.swap(seal, other)
    thief.write()
    findings, first, until = thief.check()
    assert findings[0] == ("seal.place", at + 1)
    assert first == at + 1 and until == thief.at[0]


def test_g4_a_seal_that_stands_there_twice_is_found(thief):
    seal, at = thief.seals[1], thief.at[1]
    twin = seal.twin()
    thief.log.insert(at + 1, twin)
    thief.write()
    findings, first, until = thief.check()
    assert findings[0] == ("seal.epoch", at + 1)
    assert first == at + 1 and until == at


def test_g4_all_seals_gone_is_a_log_that_was_never_sealed(thief):
    """Nothing in a stopped log demands one, and check says so; its signer does at the next start."""
    thief.log.drop_seals()
    thief.write()
    findings, first, until = thief.check()
    assert (findings, first, until) == ([], None, None)
    code, stderr = thief.traild.refuse(thief.state, origin=ORIGIN, config=SEALED)
    assert code == 5 and "an older head was put in place" in stderr
    # As many records as before, then.
    for _ in thief.seals:
        thief.log.insert(len(thief.log.entries) - 1, thief.log.events()[-1].twin())
    thief.write()
    code, stderr = thief.traild.refuse(thief.state, origin=ORIGIN, config=SEALED)
    assert code == 5 and "SEALs were taken out of the store" in stderr


# ---- keys ----------------------------------------------------------------------------------------

def test_g4_burnt_epochs_are_found(thief):
    """Two keys are used up without a SEAL: in the log, and in the signer alone."""
    seal, at = thief.seals[STOLEN], thief.at[STOLEN]
    for later in thief.seals[STOLEN + 1:]:
        thief.log.remove(later)

    def reseal(log, index, entry):
        if entry is seal:
            entry.payload = thief.sealer.payload(STOLEN + 2, index, log.root(index),
                                                 entry.record.received_ns)
    thief.write(reseal=reseal)
    findings, first, until = thief.check()
    assert findings == [("seal.epoch", at)] and first == at and until == thief.at[STOLEN - 1]


def test_g4_seeds_that_were_burnt_or_set_back_are_refused_at_the_start(thief):
    seeds = forge.Seeds.read(thief.state / "signer/seeds")
    seeds.burn(2)
    seeds.write(thief.state / "signer/seeds")
    code, stderr = thief.traild.refuse(thief.state, origin=ORIGIN, config=SEALED)
    assert code == 5 and "TRAIL-D0" in stderr and "SEALs were taken out" in stderr
    thief.seeds.write(thief.state / "signer/seeds")
    code, stderr = thief.traild.refuse(thief.state, origin=ORIGIN, config=SEALED)
    assert code == 5 and "older seeds file" in stderr


KEYS = {
    "of another epoch": ("seal.key", lambda t, *a: t.sealer.payload(STOLEN, *a, key_epoch=STOLEN + 1)),
    "of nobody": ("seal.key", lambda t, *a: t.sealer.payload(STOLEN, *a, seed=b"q" * 32)),
    "of the log": ("seal.key", lambda t, *a: t.sealer.payload(STOLEN, *a, seed=t.log.key.seed)),
    "another's signature": ("seal.signature", lambda t, *a: with_field(
        t.sealer.payload(STOLEN, *a), sig=forge.ed25519(t.log.key.seed, b"x"))),
    "a turned signature": ("seal.signature", lambda t, *a: with_field(
        t.sealer.payload(STOLEN, *a), sig=bytes(64))),
    "a longer path": ("seal.malformed", lambda t, *a: with_field(
        t.sealer.payload(STOLEN, *a), path=bytes(32 * 5))),
    "no path": ("seal.malformed", lambda t, *a: with_field(t.sealer.payload(STOLEN, *a), path=b"")),
    "a text with more": ("seal.malformed", lambda t, *a: with_text(t, lambda x: x + b"more\n", *a)),
    "a size with a zero": ("seal.malformed", lambda t, *a: with_text(
        t, lambda x: x.replace(f"\n{a[0]}\n".encode(), f"\n0{a[0]}\n".encode()), *a)),
    "of another log": ("seal.origin", lambda t, *a: forge.Sealer(
        "example.org/other", t.sealer.publics, t.seeds).payload(STOLEN, *a)),
    "of another time": ("seal.time", lambda t, size, root, ns: t.sealer.payload(
        STOLEN, size, root, ns + 1)),
    "of another root": ("seal.root", lambda t, size, root, ns: t.sealer.payload(
        STOLEN, size, bytes(32), ns)),
    "of another size": ("seal.place", lambda t, size, root, ns: t.sealer.payload(
        STOLEN, size - 1, t.log.root(size - 1), ns)),
    "of an epoch that never comes": ("seal.key", lambda t, *a: t.sealer.payload(
        1 << 20, *a, key_epoch=STOLEN)),
}


def with_field(payload, **fields):
    seal = pb.Seal.FromString(payload)
    for name, value in fields.items():
        setattr(seal, name, value)
    return seal.SerializeToString(deterministic=True)


def with_text(thief, change, size, root, time_ns):
    """Another text, signed with the right key."""
    payload = thief.sealer.payload(STOLEN, size, root, time_ns)
    text = change(pb.Seal.FromString(payload).text)
    return with_field(payload, text=text, sig=forge.ed25519(thief.seeds.seed(STOLEN), text))


@pytest.mark.parametrize("case", KEYS)
def test_g4_a_seal_that_is_not_the_one_is_found(thief, case):
    """SEAL number STOLEN is another one; those behind it are sealed anew over it."""
    code, make = KEYS[case]
    seal, at = thief.seals[STOLEN], thief.at[STOLEN]

    def reseal(log, index, entry):
        if entry is seal:
            entry.payload = make(thief, index, log.root(index), entry.record.received_ns)
        else:
            thief.reseal(log, index, entry)
    thief.write(reseal=reseal)
    findings, first, until = thief.check()
    begin = thief.at[STOLEN - 1] if code == "seal.root" else at
    assert findings[0] == (code, begin), findings
    assert {c for c, _ in findings} <= {code, "seal.epoch"}
    assert first == begin and until == thief.at[STOLEN - 1]


# ---- who owned all keys from the start (A5) ------------------------------------------------------

def test_g4_seals_that_lie_too_far_apart_are_told(thief):
    """With every key a history can be written anew; that it was silent for an hour shows."""
    at = thief.at[STOLEN]
    for e in thief.log.entries[at - 1:]:
        e.set(received_ns=e.record.received_ns + 3600 * 10**9)
    thief.write()
    findings, first, until = thief.check()
    assert findings == [("seal.gap", at)] and first is None and until == thief.at[-1]
    assert thief.traild.check(thief.state)[0] == 6


def test_g4_seals_under_another_root_are_another_log(thief):
    """All keys are new, and record 0 says so: a log that is valid, and not the one that is known."""
    root = b"another tree".ljust(32)
    thief.log.change_genesis(seal_root=forge.new_seals(thief.state, root=root))
    sealer = forge.Sealer(ORIGIN, forge.seal_publics(thief.state), forge.Seeds.new(4, root))

    def reseal(log, index, entry):
        epoch = forge.seal_parse(entry.payload)[0]
        entry.payload = sealer.payload(epoch, index, log.root(index), entry.record.received_ns)
    thief.write(reseal=reseal)
    code, value, _ = thief.traild.check(thief.state)
    assert code == 0 and value["sealed_until"]["index"] == thief.at[-1]
    code, value, _ = thief.traild.check(thief.state, "--log", thief.honest.identity)
    assert code == 5 and value["first_bad"] == 0
    assert "identity.given" in {f["code"] for f in value["findings"]}


# ---- the same through a daemon -------------------------------------------------------------------

def forge_root(thief):
    thief.rewrite(thief.event_before(1))
    return "seal.root", thief.at[0]


def forge_place(thief):
    thief.log.remove(thief.event_before(STOLEN - 1))
    return "seal.place", thief.at[STOLEN - 1] - 1


def forge_epoch(thief):
    """A SEAL is dropped, and one put at the end, so that the daemon counts as many as there were."""
    thief.log.remove(thief.seals[1])
    last = thief.log.seals()[-1]
    thief.log.insert(thief.log.index(last) + 1, last.twin())
    return "seal.epoch", thief.at[2] - 1


@pytest.mark.parametrize("attack", [forge_root, forge_place, forge_epoch])
def test_g4_verify_of_a_daemon_on_it_finds_the_same(thief, attack):
    code, index = attack(thief)
    thief.write()
    assert thief.check()[0][0] == (code, index)
    findings, first = thief.verify()
    assert (code, index) in findings and first == index
