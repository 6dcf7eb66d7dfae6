# SPDX-License-Identifier: Apache-2.0
"""
G4: what lies before a SEAL cannot be changed by who takes the keys later. Logs with many seals,
sound ones and ones that were forged with every key at hand, go to three judges: `traild check`, the
running daemon's `trail verify`, and tests/support/seal_check.py, which shares nothing with either.
"""
import json
import pathlib
import shutil
import subprocess
import time

import forge
import pytest
import seal_check
import wire
from harness import SLOW
from forge import Forged, Sealer, Seeds
from test_verify import Verifier, codes
from wire import Client, pb

ORIGIN = "example.org/test"
HOUR_NS = 3600 * 10**9
EPOCH_S = max(1, int(SLOW))
# The second judge's demands, in the codes of the first.
DEMANDS = {"seal.malformed": "form", "seal.origin": "origin", "seal.key": "V4",
           "seal.signature": "V5", "seal.epoch": "V2", "seal.place": "V3 index",
           "seal.root": "V3 root", "seal.time": "V6", "seal.gap": "V7", "seal.old": "V8",
           "identity.given": "V1", "control.commitment": "payload", "control.missing": "payload"}


def controls(client, **more):
    """All control entries that the daemon gives: {index: (salt, payload)}."""
    out, request = {}, pb.Controls(**more)
    while True:
        page = client.want("rows", controls=request)
        out.update({row.index: (row.salt, row.payload) for row in page.rows})
        if page.done:
            return out
        request.next = page.next


def wait_for_seals(client, count):
    """Until the log holds so many."""
    end = time.monotonic() + wire.TIME_LIMIT_S
    while len(controls(client, kind=wire.SEAL)) < count:
        assert time.monotonic() < end, "no SEAL"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def sealed(module_traild):
    """(folder, identity file) of a stopped log: eight events between each two SEALs, two runs."""
    folder = module_traild.folder / "sealed"
    n = 0
    for seals in (3, 6):
        run = module_traild.start(folder, config={"seal_epoch": EPOCH_S})
        with Client(run.address, claims=[("journal", 77)]) as client:
            for count in range(seals - 2, seals + 1):
                client.append("journal", 77, n + 1, [wire.event(n + i) for i in range(8)])
                wait_for_seals(client, count)
                n += 8
        run.stop()
        run.finish()
    return folder, folder / "identity"


@pytest.fixture
def trail(build, folder):
    return Verifier(build / "trail", folder)


class Judges:
    """All three on one store."""

    def __init__(self, traild, trail, folder):
        self.traild, self.trail, self.folder = traild, trail, folder

    def agree(self, state, identity):
        """Of the stopped store: check's verdict, with which the second judge agrees."""
        code, ours, _ = self.traild.check(state, "--log", identity)
        theirs = seal_check.judge(pathlib.Path(identity).read_text(),
                                  *seal_check.store(pathlib.Path(state)))
        said = f"{ours}\n{theirs}"
        assert ours["verdict"] == theirs.word, said
        assert code == {"valid": 0, "invalid": 5, "unverifiable": 6}[theirs.word], said
        assert ours["first_bad"] == theirs.first, said
        assert ours["seals"] == theirs.seals, said
        assert sorted((DEMANDS[f["code"]], f["index"]) for f in ours["findings"]
                      if f["code"] in DEMANDS) == \
            sorted((what, index) for index, what in theirs.broken), said
        until = ours["sealed_until"]
        assert (until and until["index"]) == theirs.sealed, said
        return ours

    def over_the_wire(self, address, identity, code, *more):
        """The same of a running daemon, by whose answers the second judge decides."""
        ours = self.trail.json(address, "--log", identity, *more, code=code)
        with Client(address) as client:
            raw, _ = client.records()
            payloads = controls(client)
        theirs = seal_check.judge(pathlib.Path(identity).read_text(), raw[:ours["size"]], payloads)
        assert ours["verdict"] == theirs.word and ours["first_bad"] == theirs.first, (ours, theirs)
        return ours


@pytest.fixture
def judges(traild, trail, folder):
    return Judges(traild, trail, folder)


# ---- sound logs ----------------------------------------------------------------------------------

def is_sound(value):
    """A machine that was busy may have put off a SEAL for more than two epochs of a second."""
    return not value["invalid"] and codes(value) <= {"seal.gap"}


def test_g4_second_checker_agrees_on_a_sound_log(judges, sealed):
    value = judges.agree(*sealed)
    assert is_sound(value) and value["seals"] >= 6
    assert value["sealed_until"]["index"] < value["size"]


def test_g4_second_checker_agrees_over_the_wire(judges, forger):
    identity = forger.write()
    run = judges.traild.start(forger.state)
    value = judges.over_the_wire(run.address, identity, 0)
    assert value["seals"] >= 6 and value["sealed_until"]
    more = judges.over_the_wire(run.address, identity, 0, "--payloads")
    assert more["seals"] == value["seals"] and more["sealed_until"] == value["sealed_until"]
    run.stop()


def test_a_clock_that_jumps_is_no_gap(judges, folder, wrong_clock):
    """Two SEALs more than seal_max apart by their times, with a clock entry between."""
    state = folder / "state"
    run = judges.traild.start(state, config={"seal_epoch": EPOCH_S}, env=wrong_clock.env)
    with Client(run.address) as client:
        wrong_clock(HOUR_NS // 10**9)
        client.append("journal", 0, 0, [wire.event(1)])
        wait_for_seals(client, 2)
        raw, _ = client.records()
        payloads = controls(client)
    clocks = [i for i, raw in enumerate(raw) if raw[1] == wire.DAEMON and
              i and pb.Daemon.FromString(payloads[i][1]).what == pb.Daemon.CLOCK]
    assert clocks
    run.stop()
    assert is_sound(judges.agree(state, state / "identity"))


def test_a_log_without_seals_is_valid_and_not_sealed(judges):
    state = pathlib.Path(__file__).parent.parent / "data/store-1"
    code, value, _ = judges.traild.check(state)
    assert (code, value["seals"], value["sealed_until"]) == (0, 0, None)


def test_v8_a_log_that_runs_must_seal(judges, folder, wrong_clock):
    """The newest SEAL is older than two epochs by the clock of who verifies."""
    state = folder / "state"
    run = judges.traild.start(state, config={"seal_epoch": 1000})
    identity = folder / "id"
    identity.write_bytes((state / "identity").read_bytes())
    for wrong_s, code in ((0, 0), (1900, 0), (2100, 5), (-HOUR_NS // 10**9, 0)):
        wrong_clock(wrong_s)
        command, env = judges.trail.command(run.address, "state", "verify", "--log", identity,
                                            "-o", "json")
        done = subprocess.run(command, env={**env, **wrong_clock.env}, capture_output=True,
                              encoding="utf-8", check=False)
        value = json.loads(done.stdout)
        assert done.returncode == code and codes(value) == ({"seal.old"} if code else set()), value
        if code:
            assert value["first_bad"] == value["size"] - 1
        with Client(run.address) as client:
            raw, _ = client.records()
            theirs = seal_check.judge(identity.read_text(), raw[:value["size"]], controls(client),
                                      time.time_ns() + wrong_s * 10**9)
        assert (theirs.word, theirs.first) == (value["verdict"], value["first_bad"])
    run.stop()
    assert judges.agree(state, identity)["verdict"] == "valid", "stopped, it claims nothing"


def test_since_believes_the_seals_before(judges, forger, folder):
    identity = forger.write()
    before = judges.agree(forger.state, identity)
    note = folder / "note"
    note.write_bytes(forger.log.key.note(before["size"], forger.log.root()))
    run = judges.traild.start(forger.state)
    value = judges.trail.json(run.address, "--log", identity, f"--since={note}")
    assert value["since"] == before["size"] > before["sealed_until"]["index"]
    assert value["seals"] == before["seals"] + 1
    assert value["sealed_until"]["index"] > before["size"]
    run.stop()


# ---- forged logs: everything fits but the seals ---------------------------------------------------

class Forger:
    """
    A log whose seal keys were never erased: that of `sealed` under a seal root of his own, which is
    another log then. `forge(k, e, said)` may change what SEAL k says before it is made.
    """

    def __init__(self, sealed, folder):
        self.state = folder / "forged"
        shutil.copytree(sealed[0], self.state)
        self.log = Forged(self.state)
        self.seeds = Seeds.new(4, b"\7" * 32)
        self.publics = [forge.public_of(self.seeds.seed(k)) for k in range(16)]
        self.sealer = Sealer(ORIGIN, self.publics, self.seeds)
        genesis = pb.Genesis.FromString(self.log.entries[0].payload)
        genesis.seal_root = self.sealer.root()
        genesis.seal_max_ns = self.longest = HOUR_NS
        self.log.change(self.log.entries[0], genesis.SerializeToString(deterministic=True))
        self.seals = self.log.seals()
        self.forge = lambda k, said: None
        # SEALs that are made anew; the others keep the payload that they have.
        self.made = set(map(id, self.seals))

    def _reseal(self, log, index, entry):
        if id(entry) not in self.made:
            return
        k = [id(e) for e in self.seals].index(id(entry))
        said = {"epoch": k, "size": index, "root": log.root(index),
                "time_ns": entry.record.received_ns}
        forged = self.forge(k, said)
        entry.payload = forged if isinstance(forged, bytes) else self.sealer.payload(**said)

    def write(self, seals=True):
        """The store as it is to be judged; its identity file."""
        self.log.write(self.state, reseal=self._reseal if seals else None)
        seeds = Seeds.new(4, b"\7" * 32)
        seeds.burn(len(self.log.seals()))
        seeds.write(self.state / "signer/seeds")
        head = b"trail-seal-pub/v1\n" + (4).to_bytes(4, "big")
        (self.state / "signer/seal.pub").write_bytes(head + b"".join(self.publics))
        return self.state / "identity"


@pytest.fixture
def forger(sealed, folder):
    return Forger(sealed, folder)


def on(k, **change):
    """Of the k-th SEAL this is said otherwise: a value, or a function of what is true."""
    def lie(number, said):
        if number == k:
            for name, value in change.items():
                said[name] = value(said.get(name)) if callable(value) else value
    return lie


def re_signed(forger):
    """The text of SEAL 2 changed behind its signature."""
    def lie(k, said):
        if k != 2:
            return None
        payload = pb.Seal.FromString(forger.sealer.payload(**said))
        payload.text = payload.text.replace(b"trail-seal/v1\n" + ORIGIN.encode() + b"\n2\n",
                                            b"trail-seal/v1\n" + ORIGIN.encode() + b"\n2\n1")
        return payload.SerializeToString()
    forger.forge = lie


def of_another_log(forger):
    other = Sealer("example.org/other", forger.publics, forger.seeds)
    forger.forge = lambda k, said: other.payload(**said) if k == 2 else None


def malformed(forger):
    forger.forge = lambda k, said: b"\x0a\x01x" if k == 2 else None


def truth(forger):
    """First as it is, so that the forger's SEALs stay what they were when they were made."""
    forger.write()
    forger.made = set()


def dropped(forger):
    truth(forger)
    forger.log.remove(forger.seals[2])


def dropped_and_the_rest_made_anew(forger):
    """Only the keys of the later epochs are left: what follows is sealed with those."""
    forger.log.remove(forger.seals[2])


def moved(forger):
    truth(forger)
    at = forger.log.index(forger.seals[2])
    forger.log.swap(forger.seals[2], forger.log.entries[at + 1])


def swapped(forger):
    truth(forger)
    a, b = forger.seals[2:4]
    a.payload, b.payload = b.payload, a.payload


def doubled(forger):
    truth(forger)
    at = forger.log.index(forger.seals[2])
    forger.log.insert(at + 1, forger.seals[2].twin())


def an_event_changed(forger):
    truth(forger)
    at = forger.log.index(forger.seals[1])
    event = next(e for e in forger.log.entries[at:] if e.kind == wire.EVENT and e.source)
    forger.log.change(event, wire.event(4711))


def an_event_removed(forger):
    truth(forger)
    at = forger.log.index(forger.seals[1])
    forger.log.remove(next(e for e in forger.log.entries[at:] if e.kind == wire.EVENT and e.source))


def an_event_inserted(forger):
    truth(forger)
    at = forger.log.index(forger.seals[1])
    event = next(e for e in forger.log.entries[at:] if e.kind == wire.EVENT and e.source)
    forger.log.insert(forger.log.index(event), event.twin())


def burnt(forger):
    """SEAL 2 and those behind it are of epochs that lie five later."""
    def lie(k, said):
        said["epoch"] += 5 if k >= 2 else 0
    forger.forge = lie


def late(forger):
    """All from SEAL 2 on happens later than the log promises a SEAL."""
    entries = forger.log.entries
    at = forger.log.index(forger.seals[2])
    for entry in entries[at:]:
        entry.set(received_ns=entry.record.received_ns + 2 * forger.longest)


def saying(lie):
    def attack(forger):
        forger.forge = lie
    return attack


ATTACKS = {
    "nothing": (lambda forger: None, None),
    "other epoch": (saying(on(2, epoch=7)), "seal.epoch"),
    "other epoch's key": (saying(on(2, key_epoch=3)), "seal.key"),
    "nobody's key": (saying(on(2, seed=b"\1" * 32)), "seal.key"),
    "other size": (saying(on(2, size=lambda size: size - 1)), "seal.place"),
    "other root": (saying(on(2, root=b"\1" * 32)), "seal.root"),
    "other time": (saying(on(2, time_ns=lambda ns: ns - 1)), "seal.time"),
    "re-signed text": (re_signed, "seal.signature"),
    "other origin": (of_another_log, "seal.origin"),
    "malformed": (malformed, "seal.malformed"),
    "dropped": (dropped, "seal.epoch"),
    "dropped, rest anew": (dropped_and_the_rest_made_anew, "seal.epoch"),
    "moved": (moved, "seal.place"),
    "swapped": (swapped, "seal.epoch"),
    "doubled": (doubled, "seal.epoch"),
    "event changed": (an_event_changed, "seal.root"),
    "event removed": (an_event_removed, "seal.place"),
    "event inserted": (an_event_inserted, "seal.place"),
    "burnt": (burnt, "seal.epoch"),
    "late": (late, "seal.gap"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_g4_second_checker_agrees(judges, forger, attack):
    """On the verdict, every finding and the first index; the store's other parts fit."""
    how, code = ATTACKS[attack]
    how(forger)
    value = judges.agree(forger.state, forger.write())
    assert value["verdict"] == {None: "valid", "seal.gap": "unverifiable"}.get(code, "invalid")
    assert (codes(value) and {code} <= codes(value)) or code is None, value
    assert all(c.startswith("seal.") for c in codes(value)), value


@pytest.mark.parametrize("attack", ["nothing", "other epoch's key", "other root", "moved",
                                    "event changed"])
def test_g4_second_checker_agrees_on_a_forger_who_runs(judges, forger, attack):
    """A daemon on the forged store, which goes on sealing with keys that are good."""
    how, code = ATTACKS[attack]
    how(forger)
    identity = forger.write()
    # Nothing is sealed meanwhile, so that both judge the same.
    run = judges.traild.start(forger.state)
    judges.over_the_wire(run.address, identity, 5 if code else 0)
    run.stop()


def test_g4_a_seal_under_another_root_is_of_no_use(judges, forger, sealed, folder):
    """V1: all seals hold, but under a beginning that is not the pinned one."""
    forger.write()
    pinned = folder / "pinned"
    shutil.copy(sealed[1], pinned)
    value = judges.agree(forger.state, pinned)
    assert "identity.given" in codes(value) and value["first_bad"] == 0
    assert not any(code.startswith("seal.") for code in codes(value))
