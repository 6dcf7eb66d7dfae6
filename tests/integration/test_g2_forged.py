# SPDX-License-Identifier: Apache-2.0
"""
G2, G3 and G6 against who owns the store and knows every format (tests/support/forge.py): each attack
is made to fit as far as the attacker can, and must be found under a code of its own and at its first
record. He who has the log key besides is found by a head that was elsewhere before, and by nothing
less: the tests say that, too.
"""
import base64
import collections
import json
import os
import shutil
import subprocess

import damage
import forge
import pytest
import wire
from wire import Client

ORIGIN = "example.org/test"
BATCHES, BATCH = 12, 10  # commits of events, and events in each


# ---- the log that is forged ----------------------------------------------------------------------

Honest = collections.namedtuple("Honest", "folder identity notes size")


@pytest.fixture(scope="module")
def honest(module_traild):
    """A stopped log of two sources, and the heads that it signed as it grew."""
    run = module_traild.start(origin=ORIGIN)
    notes = []
    with Client(run.address) as c:
        for n in range(BATCHES):
            source = ("journal", "files")[n % 2]
            events = [wire.event(n * BATCH + i, subject=f"p-{i}") for i in range(BATCH)]
            notes.append(c.append(source, 7, n // 2 * BATCH + 1, events).checkpoint)
        identity = run.state_dir / "identity"
    run.stop()
    size = module_traild.assert_valid(run.state_dir)["size"]
    (run.state_dir / "log/lock.mdb").unlink(missing_ok=True)
    return Honest(run.state_dir, identity, notes, size)


class Attack:
    """A copy of the honest log, to be forged and judged."""

    def __init__(self, traild, honest, folder):
        self.traild, self.honest, self.folder = traild, honest, folder
        self.state = folder / "forged"
        shutil.copytree(honest.folder, self.state)
        self.log = forge.Forged(self.state)

    def write(self, **how):
        return self.log.write(self.state, **how)

    def check(self, *more, note=None):
        """Codes and where the damage begins, as `traild check` says; None: it says valid."""
        words = ["--log", self.honest.identity, *more]
        if note is not None:
            (self.folder / "note").write_bytes(note)
            words += ["--checkpoint", self.folder / "note"]
        code, value, stderr = self.traild.check(self.state, *words)
        assert value and code == {"valid": 0, "invalid": 5, "unverifiable": 6}[value["verdict"]], \
            (code, stderr)
        if code == 0:
            return None
        assert code == 5, value
        return {f["code"] for f in value["findings"]}, value["first_bad"]


@pytest.fixture
def attack(traild, honest, folder):
    return Attack(traild, honest, folder)


def test_forge_leaves_an_honest_store_as_it_is(attack):
    """Else everything below would be found for the tool's own faults."""
    attack.write()
    assert attack.check() is None
    size, root = attack.honest.size, attack.log.root()
    assert (attack.state / "signer/head").read_bytes()[12:].startswith(
        f"{ORIGIN}\n{size}\n".encode())
    run = attack.traild.start(attack.state, origin=ORIGIN)
    with Client(run.address, checkpoint=attack.honest.notes[-1]) as c:
        assert c.checkpoint().size > size
        raw, _ = c.records()
        assert wire.tree_hash(map(wire.leaf_hash, raw[:size])) == root
    run.stop()
    attack.traild.assert_valid(attack.state)


# ---- who may write the store, but has no key (A3) ------------------------------------------------

VICTIM = 5 * BATCH + 3  # of the events: in the middle of a commit, and of a subtree of sixteen


class Named:
    """What is done to the log, and the first index at which it must be found."""

    def __init__(self, log):
        self.log = log

    def change(self):
        victim = self.log.events()[VICTIM]
        forged = victim.payload.replace(b"anv00042", b"anv00043")
        assert forged != victim.payload
        self.log.change(victim, forged)
        return self.log.index(victim)

    def insert(self):
        victim = self.log.events()[VICTIM]
        at = self.log.index(victim)
        self.log.insert(at, victim.twin(wire.event(4711)))
        return at

    def remove(self):
        victim = self.log.events()[VICTIM]
        at = self.log.index(victim)
        self.log.remove(victim)
        return at

    def swap(self):
        a, b = self.log.events()[VICTIM], self.log.events()[VICTIM + 2]
        at = self.log.index(a)
        self.log.swap(a, b)
        return at

    def cut(self):
        at = self.log.index(self.log.events()[VICTIM])
        self.log.cut(at)
        return at


DEEDS = ("change", "insert", "remove", "swap", "cut")
# What is seen of a deed when nothing but the records and payloads themselves was touched, or all
# that rests on them but the signatures. Further findings may stand beside it.
NAIVE = {"change": "spine.prev", "insert": "spine.prev", "remove": "spine.prev", "swap": "spine.prev",
         "cut": "signer.size"}


@pytest.mark.parametrize("deed", DEEDS)
def test_g2_an_edited_record_is_named_by_the_chain(attack, deed):
    """Records and payloads fit each other, and are numbered as before; the rest is as it was."""
    at = getattr(Named(attack.log), deed)()
    attack.write(chain=False, tree=False, heads=False, rows=False, signer=False, names=False,
                 number=False)
    codes, first = attack.check()
    assert NAIVE[deed] in codes, codes
    # A record that is gone shows at the one before: its successor was chained to another.
    assert first == at - (deed == "remove"), (first, at)


@pytest.mark.parametrize("deed", DEEDS)
def test_g2_without_the_key_all_that_can_be_made_to_fit_does_not_help(attack, deed):
    """Chain, numbers, tree and state rows are his; what was signed is not."""
    at = getattr(Named(attack.log), deed)()
    attack.write(heads=False, signer=False, names=False)
    codes, first = attack.check()
    assert codes & {"signer.root", "signer.size"}, codes
    assert codes <= {"signer.root", "signer.size", "head.root", "head.size", "head.missing"}, codes
    assert first <= at, "the range begins at or before it"


@pytest.mark.parametrize("deed", DEEDS)
def test_g2_the_range_begins_where_the_last_head_fits(attack, deed):
    """An older checkpoint that fits narrows it down: the range is a commit, not the whole log."""
    at = getattr(Named(attack.log), deed)()
    attack.write(heads=False, signer=False, names=False)
    below = [n for n in attack.honest.notes if wire.checkpoint_parse(n).size <= at][-1]
    codes, first = attack.check(note=below)
    assert codes & {"signer.root", "signer.size"}
    assert wire.checkpoint_parse(below).size <= first <= at


# ---- who has the log key besides (A4, A5) --------------------------------------------------------

def notes_around(attack, at):
    """A checkpoint that was signed before index `at` was there, and one after."""
    sizes = [wire.checkpoint_parse(n).size for n in attack.honest.notes]
    before = max(i for i, size in enumerate(sizes) if size <= at)
    return attack.honest.notes[before], attack.honest.notes[before + 1]


@pytest.mark.parametrize("deed", DEEDS)
def test_g2_with_the_key_only_a_head_elsewhere_tells(attack, deed):
    """
    All is signed anew. Nothing in the folder speaks against it (this is what seals and witnesses
    are for); a checkpoint that was elsewhere and covers the deed does, one from before does not.
    """
    at = getattr(Named(attack.log), deed)()
    attack.write()
    assert attack.check() is None
    before, after = notes_around(attack, at)
    assert attack.check(note=before) is None
    codes, first = attack.check(note=after)
    assert codes == {"checkpoint.size" if deed == "cut" else "checkpoint.root"}
    assert first <= at, "the range begins at or before it"


def test_g2_heads_that_the_thief_signed_vouch_for_nothing(attack):
    """He keeps a head between his deed and the checkpoint that he fears, so that it seems to fit."""
    at = Named(attack.log).change()
    attack.write()
    tables = damage.tables(attack.state / "log")
    tables["head"][(at + 2).to_bytes(8, "big")] = attack.log.key.note(at + 2, attack.log.root(at + 2))
    damage.write_tables(attack.state / "log", tables)
    assert attack.check() is None
    codes, first = attack.check(note=notes_around(attack, at)[1])
    assert codes == {"checkpoint.root"} and first <= at


def test_g2_a_forged_tree_node_does_not_lead_astray(attack):
    """He who has no key breaks a node far behind his deed, so that one looks there."""
    at = Named(attack.log).change()
    attack.write(heads=False, signer=False, names=False)
    tables = damage.tables(attack.state / "log")
    key = sorted(k for k in tables["tile"] if k[0] == 1)[-1]
    tables["tile"][key] = bytes(len(tables["tile"][key]))
    damage.write_tables(attack.state / "log", tables)
    codes, first = attack.check()
    assert {"tile.hash", "signer.root"} <= codes and first <= at


class Asked:
    """`trail verify` of a daemon that serves the forged store, by somebody who never saw another."""

    def __init__(self, attack):
        self.attack = attack
        self.run = attack.traild.start(attack.state, origin=ORIGIN)
        self.states = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.run.end()

    def command(self, *words, state=None):
        self.states += 1
        env = dict(os.environ, TRAIL_CONNECT=f"unix:{self.run.address}",
                   XDG_STATE_HOME=str(self.attack.folder / (state or f"nobody{self.states}")))
        return subprocess.run([str(self.attack.traild.trail), *map(str, words)], env=env,
                              capture_output=True, encoding="utf-8", timeout=60, check=False)

    def verify(self, *more, note=None):
        """As Attack.check."""
        words = ["--log", self.attack.honest.identity, *more]
        if note is not None:
            (self.attack.folder / "note").write_bytes(note)
            words += ["--checkpoint", self.attack.folder / "note"]
        done = self.command("verify", "-o", "json", *words)
        if done.returncode == 0:
            return None
        assert done.returncode == 5, (done.stdout, done.stderr)
        value = json.loads(done.stdout)
        return {f["code"] for f in value["findings"]}, value["first_bad"]


@pytest.mark.parametrize("deed", DEEDS)
def test_g2_of_a_daemon_on_it_verify_says_the_same(attack, deed):
    at = getattr(Named(attack.log), deed)()
    attack.write()
    before, after = notes_around(attack, at)
    with Asked(attack) as asked:
        assert asked.verify() is None
        assert asked.verify(note=before) is None
        codes, first = asked.verify(note=after)
    # The daemon wrote its start where the log was cut, so from a size that is larger yet it cannot
    # be told that this record is another one, too.
    assert codes == {"checkpoint.size" if deed == "cut" else "checkpoint.root"}
    assert first <= at + (deed == "cut")


# ---- keys, beginnings, trees ---------------------------------------------------------------------

OTHER = forge.Key(ORIGIN, b"\x5a" * 32)


def test_g2_another_key_under_the_same_name_is_found(attack):
    """He has no key of the log, makes one, and signs everything with it."""
    attack.write(key=OTHER)
    codes, _ = attack.check()
    assert codes == {"head.note", "signer.note", "identity.vkey", "identity.file"}
    (attack.state / "signer/key").write_text(OTHER.line())
    code, stderr = attack.traild.refuse(attack.state, origin=ORIGIN)
    assert code == 5 and "the signer's key is not this log's" in stderr


def another_log(attack, **fields):
    """Another record 0, and a log that grew from it under seals of its own."""
    attack.log.drop_seals()
    attack.log.change_genesis(seal_root=forge.new_seals(attack.state), **fields)


def test_g2_another_key_from_the_beginning_on_is_another_log(attack):
    """Record 0 names it as well: all fits, and it is not the log that the auditor knows."""
    another_log(attack, vkey=OTHER.vkey)
    attack.write(key=OTHER)
    (attack.state / "signer/key").write_text(OTHER.line())
    code, value, _ = attack.traild.check(attack.state)
    assert code == 0, value
    codes, first = attack.check()
    assert "identity.given" in codes and first == 0
    with Asked(attack) as asked:
        codes, _ = asked.verify()
        assert codes == {"daemon.contact"}


def test_g2_a_newer_key_for_what_is_signed_from_now_on_is_found(attack):
    """No key is changed inside a log, be it by its operator: that is what successors are for."""
    last = max(attack.log.heads)
    attack.write()
    forge.slot_only(attack.state / "signer/head",
                    OTHER.note(attack.honest.size, attack.log.root()), forge.HEAD_SLOT_LEN)
    codes, _ = attack.check()
    assert codes == {"signer.note"}
    tables = damage.tables(attack.state / "log")
    tables["head"][last.to_bytes(8, "big")] = OTHER.note(last, attack.log.root(last))
    damage.write_tables(attack.state / "log", tables)
    codes, _ = attack.check()
    assert codes == {"signer.note", "head.note"}


def test_g2_another_beginning_under_the_same_key_is_found(attack):
    """Another record 0, with another tree of seals and other random bytes, and all above it."""
    another_log(attack, random=bytes(32))
    attack.write()
    assert attack.traild.check(attack.state)[0] == 0, "it is a log in itself"
    codes, first = attack.check()
    assert "identity.given" in codes and first == 0
    with Asked(attack) as asked:
        codes, _ = asked.verify()
    assert codes == {"daemon.contact"}


def test_g2_a_chain_that_fits_under_a_tree_that_does_not_is_found(attack):
    """One stored node is another: the records are what they were."""
    size, root = attack.write()
    tables = damage.tables(attack.state / "log")
    key = sorted(k for k in tables["tile"] if k[0] == 1)[2]
    value = bytearray(tables["tile"][key])
    value[7] ^= 1
    tables["tile"][key] = bytes(value)
    damage.write_tables(attack.state / "log", tables)
    codes, first = attack.check()
    assert codes == {"tile.hash"} and first is None
    # And where the signer signed the root that the forged node gives, none fits.
    forge.slot_only(attack.state / "signer/head",
                    attack.log.key.note(size, bytes(root[:-1]) + bytes([root[-1] ^ 1])),
                    forge.HEAD_SLOT_LEN)
    codes, first = attack.check()
    assert codes == {"tile.hash", "signer.root"}
    assert first == max(attack.log.kept_sizes()), "up to the kept head all is proven"


def test_g2_a_tree_that_fits_over_a_chain_that_does_not_is_found(attack):
    """Everything is signed as it stands; one record says that it follows another one."""
    victim = attack.log.events()[VICTIM]
    at = attack.log.index(victim)
    victim.set(prev=bytes(32))
    attack.write(chain=False)
    codes, first = attack.check()
    assert codes == {"spine.prev"}
    assert first in (at - 1, at), "one of the two is not what it was"
    with Asked(attack) as asked:
        assert asked.verify() == (codes, first)


# ---- checkpoints, and stores that were set back --------------------------------------------------

def turn_root(note):
    """The note with one bit of its root turned, and its signature as it was."""
    root = wire.checkpoint_parse(note).root
    turned = bytes([root[0] ^ 1]) + root[1:]
    assert note.count(base64.b64encode(root)) == 1
    return note.replace(base64.b64encode(root), base64.b64encode(turned))


KEPT = {
    "of another history": ("checkpoint.root", lambda a: a.log.key.note(30, b"x" * 32)),
    "of more than there is": ("checkpoint.size",
                              lambda a: a.log.key.note(a.honest.size + 1, b"x" * 32)),
    "of another key": ("checkpoint.note", lambda a: OTHER.note(30, a.log.root(30))),
    "of another name": ("checkpoint.note", lambda a: forge.Key(
        "example.org/other", a.log.key.seed).note(30, a.log.root(30))),
    "with a turned root": ("checkpoint.note", lambda a: turn_root(a.honest.notes[3])),
}


@pytest.mark.parametrize("case", KEPT)
def test_g3_a_checkpoint_that_does_not_fit_is_found(attack, case):
    code, make = KEPT[case]
    assert attack.check(note=attack.honest.notes[3]) is None
    codes, first = attack.check(note=make(attack))
    assert codes == {code}
    assert first == {"checkpoint.root": 0, "checkpoint.size": attack.honest.size}.get(code, None)


def set_back(attack):
    """The store as it was two commits ago, whole in itself."""
    size = wire.checkpoint_parse(attack.honest.notes[-2]).size
    attack.log.cut(size)
    return size


def test_g6_a_store_that_was_set_back_under_a_newer_signer_is_refused(attack):
    size = set_back(attack)
    attack.write(signer=False)
    codes, first = attack.check()
    assert codes == {"signer.size"} and first == size
    before = (attack.state / "log/data.mdb").read_bytes()
    code, stderr = attack.traild.refuse(attack.state, origin=ORIGIN)
    assert code == 5 and "TRAIL-D032" in stderr and f"holds {size} records" in stderr
    assert (attack.state / "log/data.mdb").read_bytes() == before, "nothing was written"


def test_g6_store_and_signer_that_were_set_back_together_are_stopped_by_a_client(attack):
    """Nothing here tells; who saw more does, at its first word, and nothing is signed after."""
    size = set_back(attack)
    attack.write()
    assert attack.check() is None
    codes, first = attack.check(note=attack.honest.notes[-1])
    assert codes == {"checkpoint.size"} and first == size
    run = attack.traild.start(attack.state, origin=ORIGIN)
    with Client(run.address) as c:
        events = [wire.event(n) for n in range(3)]
        c.append("other", 9, 1, events)
        signed = c.checkpoint().size
    with pytest.raises((wire.Closed, OSError)):
        Client(run.address, checkpoint=attack.honest.notes[-1])
    assert run.wait_exit() == 5
    assert "TRAIL-D035" in run.stderr() or "TRAIL-D036" in run.stderr()
    assert wire.checkpoint_parse(signer_note(attack)).size == signed, "nothing was signed after"


def signer_note(attack):
    file = (attack.state / "signer/head").read_bytes()
    return forge.slot_newest(file, forge.HEAD_SLOT_LEN)[1]
