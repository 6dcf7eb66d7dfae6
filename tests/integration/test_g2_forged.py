# SPDX-License-Identifier: Apache-2.0
"""
G2, G3 and G6 against who owns the store and knows every format (tests/support/forge.py): each attack
is made to fit as far as the attacker can, and must be found under a code of its own and at its first
record. He who has the log key besides is found by a head that was elsewhere before, and by nothing
less: the tests say that, too.
"""
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
