# SPDX-License-Identifier: Apache-2.0
"""
tests/data/store-1, a store that an earlier build left behind: this build finds it valid, gives back
all that it holds, and goes on with it. What it must say is in expected.json beside it.
"""
import base64
import hashlib
import json
import os
import pathlib
import shutil
import time

import pytest
import wire
from wire import Client, pb

STORE = pathlib.Path(__file__).resolve().parents[1] / "data" / "store-1"
ABOUT = {"README", "expected.json"}
SIZE_MAX = 300 * 1024
EXPECTED = json.loads((STORE / "expected.json").read_text())
OPEN_EPOCH, OPEN_LAST, OPEN_MADE = 200, 100, 104  # of lifecare, opened by uid 0
CLOSED_EPOCH = 100


def events(first, count):
    return [wire.event(n, time_ns=time.time_ns()) for n in range(first, first + count)]


@pytest.fixture
def store(folder):
    """A copy, with the modes that git does not keep."""
    copy = folder / "store-1"
    shutil.copytree(STORE, copy, ignore=lambda _, names: ABOUT & set(names))
    for path in [copy, *copy.rglob("*")]:
        path.chmod(0o700 if path.is_dir() else 0o600)
    return copy


@pytest.fixture
def identity():
    return wire.Identity((STORE / "identity").read_text())


def went_on(traild, store, identity, records):
    """The stopped store is valid, longer than it was, and its first records are the old ones."""
    checked = traild.check(store, "--log", STORE / "identity")[1]
    assert (checked["verdict"], checked["identity"]) == ("valid", "given"), checked
    assert checked["size"] > len(records) > EXPECTED["size"]
    leaves = [wire.leaf_hash(r) for r in records]
    assert leaves[0] == identity.genesis
    assert wire.tree_hash(leaves[:EXPECTED["size"]]) == base64.b64decode(EXPECTED["root"])


def test_nobody_edited_it():
    files = {str(p.relative_to(STORE)) for p in STORE.rglob("*") if p.is_file()} - ABOUT
    assert files == set(EXPECTED["files"])
    for name, digest in EXPECTED["files"].items():
        assert hashlib.sha256((STORE / name).read_bytes()).hexdigest() == digest, name
    assert sum(p.stat().st_size for p in STORE.rglob("*") if p.is_file()) < SIZE_MAX


def test_check_finds_it_valid_and_as_it_was(traild, store, identity):
    code, checked, stderr = traild.check(store, "--log", STORE / "identity")
    assert code == 0, f"{checked}\n{stderr}"
    assert checked["verdict"] == "valid" and checked["findings"] == []
    assert checked["tail"] == "compared" and checked["uncovered"] == 0
    for what in ("size", "root"):
        assert checked[what] == EXPECTED[what]
    cp = wire.checkpoint_open(EXPECTED["note"].encode(), identity)
    assert cp.size == EXPECTED["size"] and cp.root == base64.b64decode(EXPECTED["root"])
    readme = (STORE / "README").read_text()
    assert f"{EXPECTED['size']} records" in readme and EXPECTED["root"] in readme


def test_check_finds_one_flipped_bit_of_it(traild, store):
    """So that `valid` above says something: a bit of a payload that is stored in clear."""
    data = bytearray((store / "log" / "data.mdb").read_bytes())
    data[data.index(b"lifecare", data.index(b"log.example/store-1"))] ^= 1
    (store / "log" / "data.mdb").write_bytes(data)
    code, checked, _ = traild.check(store)
    assert code == 5 and checked["verdict"] == "invalid"


def test_every_payload_is_still_there(traild, store):
    run = traild.start(store, origin=EXPECTED["origin"])
    with Client(run.address) as c:
        rows = wire.Rows(c, "get", pb.Get(index=0, count=EXPECTED["size"])).all()
        for row, expected in zip(rows, EXPECTED["records"], strict=True):
            record = row.record
            assert expected == {
                "kind": record.kind, "flags": record.flags, "source": row.source or "",
                "peer": row.peer.name if row.peer else "", "epoch": record.epoch,
                "seq": record.seq, "payload": base64.b64encode(row.payload).decode()}
    run.stop()


def test_it_goes_on_and_proves_that_it_extends_what_it_was(traild, store, identity):
    run = traild.start(store, origin=EXPECTED["origin"])
    old = wire.checkpoint_open(EXPECTED["note"].encode(), identity)
    with Client(run.address, checkpoint=EXPECTED["note"].encode()) as c:
        cp = wire.checkpoint_open(c.greeting.checkpoint, identity)
        assert wire.consistency_fits(old.size, cp.size, c.greeting.consistency, old.root, cp.root)
        batch = events(1, 5)
        answer = c.append("lifecare", 300, 1, batch, want_salts=True, want_proof=True)
        told, = answer.runs
        new = wire.checkpoint_open(answer.checkpoint, identity)
        derived = wire.derive(told, 300, batch)
        assert wire.inclusion_fits(wire.leaf_hash(derived[-1]), told.first_index + 4, new.size,
                                   told.path, new.root)
        proof = c.prove(**{"from": old.size}, size=new.size).path
        assert wire.consistency_fits(old.size, new.size, proof, old.root, new.root)
        assert not wire.consistency_fits(old.size - 1, new.size, proof, old.root, new.root)
        records, _ = c.records()
        assert records[told.first_index:] == derived
        wire.chain_fits(records)
        assert told.source == 3, "a name that the log knew keeps its number"
        seals = [i for i, r in enumerate(records) if wire.record_parse(r).kind == wire.SEAL]
        assert len(seals) == 1 and EXPECTED["size"] < seals[0] < told.first_index, "its first"
    run.stop()
    went_on(traild, store, identity, records)


def test_its_numbering_goes_on(traild, store, identity):
    """An open epoch goes on, closed ones do not; what is held is a duplicate."""
    imported = [r for r in EXPECTED["records"] if r["epoch"] >= wire.IMPORT]
    payloads = [base64.b64decode(r["payload"]) for r in imported]
    run = traild.start(store, origin=EXPECTED["origin"])
    with Client(run.address) as c:
        error = c.error(append=pb.Append(source="lifecare", epoch=CLOSED_EPOCH, first_seq=81,
                                         events=events(81, 1)))
        assert error.code == pb.CLOSED
        claim = pb.Hello(protocol=1,
                         claims=[pb.Hello.Claim(source="lifecare", epoch=OPEN_EPOCH)])
        append = pb.Append(source="lifecare", epoch=OPEN_EPOCH, first_seq=OPEN_LAST + 1,
                           events=events(OPEN_LAST + 1, OPEN_MADE - OPEN_LAST))
        batch = pb.Append(source="doors", epoch=imported[0]["epoch"], first_seq=1,
                          events=payloads)
        if os.getuid() == 0:
            standing, = c.want("hello", hello=claim).standings
            assert standing.known
            assert (standing.last, standing.floor) == (OPEN_LAST, CLOSED_EPOCH)
            assert c.want("appended", append=append).runs[0].first_seq == OPEN_LAST + 1
            answer = c.want("appended", append=batch)
            assert [(r.count, r.duplicate) for r in answer.runs] == [(len(payloads), True)]
            assert answer.unchecked == 0
            batch.events.append(payloads[0])
            assert c.error(append=batch).code == pb.CLOSED
        else:
            for body in ({"hello": claim}, {"append": append}, {"append": batch}):
                assert c.error(**body).code == pb.DENIED, "they belong to uid 0"
        records, _ = c.records()
    run.stop()
    went_on(traild, store, identity, records)
