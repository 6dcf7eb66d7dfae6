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

import forge
import pytest
import wire
from wire import Client, pb

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
