# SPDX-License-Identifier: Apache-2.0
"""
What a client is told is what the log holds, computed anew: records, chain, tree, signature,
payload, proofs (G1, G3), with nothing of the project's own code on this side.
"""
import hashlib
import os
import random
import time

import pytest
import wire
from harness import SEED
from wire import Client, pb


def events(count, start=0, **more):
    return [wire.event(start + i, **more) for i in range(count)]


def head_of(records, note, identity):
    """The note's signature holds, and its root is that of these records."""
    cp = wire.checkpoint_open(note, identity)
    assert cp.size == len(records)
    assert cp.root == wire.tree_hash([wire.leaf_hash(r) for r in records])
    return cp


def test_g1_receipt_and_log_are_the_same_records(traild):
    run = traild.start()
    sent = {1: events(3), 4: events(100, 3), 104: events(1000, 103)}
    with Client(run.address, claims=[("journal", 7)]) as c:
        identity = wire.Identity(c.greeting.identity)
        derived, note = {}, None
        for first_seq, batch in sent.items():
            answer = c.append("journal", 7, first_seq, batch, want_salts=True, want_proof=True)
            assert len(answer.runs) == 1 and answer.unchecked == 0
            mine = wire.derive(answer.runs[0], 7, batch)
            cp = wire.checkpoint_open(answer.checkpoint, identity)
            last = answer.runs[0].first_index + len(batch) - 1
            assert wire.inclusion_fits(wire.leaf_hash(mine[-1]), last, cp.size,
                                       answer.runs[0].path, cp.root)
            for i, raw in enumerate(mine):
                derived[answer.runs[0].first_index + i] = raw
            note = answer.checkpoint
        records, page_note = c.records()
        cp = head_of(records, page_note, identity)
        assert wire.checkpoint_parse(note) == cp, "nothing came behind the last append"
    wire.chain_fits(records)
    assert wire.leaf_hash(records[0]) == identity.genesis
    for index, raw in derived.items():
        assert records[index] == raw
    run.stop()
    traild.assert_valid(run.state_dir)


def test_every_record_is_explained(traild):
    """FORMATS section 2: sources and peers are indices of their entries, control entries bare."""
    run = traild.start()
    with Client(run.address) as c:
        for name, epoch in (("journal", 5), ("files", 5), ("journal", 6), ("journal", 0)):
            c.append(name, epoch, 1 if epoch else 0, events(2))
        records, _ = c.records()
        got = [c.get(i) for i in range(len(records))]
    sources, peers = {}, {}
    for index, (raw, answer) in enumerate(zip(records, got)):
        record = wire.record_parse(raw)
        assert answer.raw == raw and record.version == 1
        assert wire.commitment(answer.salt, answer.payload) == record.commitment
        if record.kind != wire.EVENT:
            assert (record.source, record.epoch, record.seq) == (0, 0, 0)
            assert (record.class_no, record.flags) == (0, 0)
        if record.kind == wire.SOURCE:
            sources[index] = pb.Source.FromString(answer.payload).name
            assert record.peer in peers, "the peer that caused it"
        elif record.kind == wire.PEER:
            peer = pb.Peer.FromString(answer.payload)
            assert peer.type == pb.Peer.UNIX_USER
            peers[index] = peer.name
        elif record.kind == wire.EVENT:
            assert sources[record.source] == answer.source and record.source < index
            assert peers[record.peer] == answer.peer.name and record.peer < index
        else:
            assert record.kind in (wire.DAEMON, wire.SEAL) and record.peer == 0
    assert sorted(sources.values()) == ["files", "journal"], "each name once"
    assert list(peers.values()) == [str(os.getuid())], "each peer once"
    genesis = pb.Genesis.FromString(got[0].payload)
    assert genesis.format == 1 and genesis.origin == "example.org/test"
    assert genesis.seal_height == 4 and len(genesis.random) == 32 and len(genesis.seal_root) == 32
    assert pb.Daemon.FromString(got[1].payload).what == pb.Daemon.START


def test_received_never_goes_back(traild):
    run = traild.start()
    with Client(run.address) as c:
        for i in range(20):
            c.append("journal", 1, 1 + 3 * i, events(3, 3 * i))
        times = [wire.record_parse(r).received_ns for r in c.records()[0]]
    assert times == sorted(times)


@pytest.mark.parametrize("seconds,flags", [
    (-25 * 3600, wire.LATE), (-23 * 3600, 0), (0, 0), (4 * 60, 0), (6 * 60, wire.LATE)])
def test_late_is_24_hours_after_or_5_minutes_before(traild, seconds, flags):
    run = traild.start()
    with Client(run.address) as c:
        when = time.time_ns() + seconds * 10**9
        answer = c.append("journal", 1, 1, [wire.event(time_ns=when)])
        record = wire.record_parse(c.records(answer.runs[0].first_index)[0][0])
    assert record.flags == flags and list(answer.runs[0].flags) == ([flags] if flags else [])


def test_payload_comes_back_as_it_was_sent(traild):
    full = pb.Event(
        id=bytes(range(16)), time_ns=wire.EVENT_TIME_NS, action=pb.ACTION_EXECUTE, verb="export",
        outcome=pb.OUTCOME_DENIED, reason="två rader\när lov", subject="p-000042",
        purpose="arende:1",
        actor=pb.Actor(id="å", type=pb.ACTOR_SERVICE, name="n", role="r", unit="u", session="s",
                       address="10.0.0.1", on_behalf_of="anv2"),
        object=pb.Object(id="/x/日本", type="t", name="n", version="3"), medium=pb.MEDIUM_ORAL,
        origin=pb.Origin(host="h", application="a", process="p", address="::1"),
        changes=[pb.Change(field="f", old="1", new="2"), pb.Change(field="g")],
        correlation="c", attributes=[pb.Attribute(key="k", value="v")] * 64,
        raw=bytes(range(256)) * 64).SerializeToString()
    run = traild.start()
    batch = [wire.event(1), full, wire.event(2, obj="/" + "x" * 1023)]
    with Client(run.address) as c:
        first = c.append("journal", 1, 1, batch).runs[0].first_index
        for i, payload in enumerate(batch):
            assert c.get(first + i).payload == payload
    run.stop()
    run = traild.start(run.state_dir)
    with Client(run.address) as c:
        for i, payload in enumerate(batch):
            assert c.get(first + i).payload == payload


def test_g3_proofs_hold_between_all_sizes(traild):
    """Every inclusion and every consistency proof of a small log, each leading to a known root."""
    run = traild.start()
    with Client(run.address) as c:
        for i in range(9):
            c.append("journal", 1, 1 + 4 * i, events(4, 4 * i))
        records, note = c.records()
        leaves = [wire.leaf_hash(r) for r in records]
        roots = [wire.tree_hash(leaves[:n]) for n in range(len(leaves) + 1)]
        asked = [(n, c.send(prove=pb.Prove(index=i, size=n)), i, None)
                 for n in range(1, len(leaves) + 1) for i in range(n)]
        asked += [(n, c.send(prove=pb.Prove(**{"from": m}, size=n)), None, m)
                  for n in range(1, len(leaves) + 1) for m in range(1, n + 1)]
        for n, number, index, old in asked:
            proof = c.wait(number).proof
            assert proof.size == n
            if old is None:
                assert proof.leaf == leaves[index]
                assert wire.inclusion_fits(leaves[index], index, n, proof.path, roots[n])
            else:
                assert wire.consistency_fits(old, n, proof.path, roots[old], roots[n])
        for bad in ({"index": len(leaves)}, {"index": 5, "size": 5}, {"from": 0},
                    {"from": 2, "size": 1}, {"index": 0, "size": len(leaves) + 1}):
            assert c.error(prove=pb.Prove(**bad)).code == pb.INVALID, bad
    assert wire.checkpoint_parse(note).root == roots[-1]


def test_g3_proofs_across_many_levels_and_restarts(traild):
    """Some 6,000 records over five starts: nodes from tiles, from the spine and from the edge."""
    rng = random.Random(SEED)
    state, notes, seq = None, [], 1
    for _ in range(5):
        run = traild.start(state)
        state = run.state_dir
        with Client(run.address, claims=[("journal", 9)]) as c:
            identity = wire.Identity(c.greeting.identity)
            for _ in range(3):
                size = rng.randrange(1, 800)
                notes.append(c.append("journal", 9, seq, events(size, seq)).checkpoint)
                seq += size
        run.stop()
    run = traild.start(state)
    with Client(run.address) as c:
        records, note = c.records()
        cp = head_of(records, note, identity)
        wire.chain_fits(records)
        for old in notes:
            was = wire.checkpoint_open(old, identity)
            proof = c.prove(**{"from": was.size})
            assert wire.consistency_fits(was.size, cp.size, proof.path, was.root, cp.root)
        for index in rng.sample(range(cp.size), 200):
            proof = c.prove(index=index)
            assert wire.inclusion_fits(wire.leaf_hash(records[index]), index, cp.size, proof.path,
                                       cp.root)


def test_hello_proves_that_the_log_extends_what_the_client_saw(traild):
    run = traild.start()
    with Client(run.address) as c:
        old = c.append("journal", 1, 1, events(5)).checkpoint
        c.append("journal", 1, 6, events(50, 5))
        identity = wire.Identity(c.greeting.identity)
    with Client(run.address, checkpoint=old) as c:
        was = wire.checkpoint_open(old, identity)
        now = wire.checkpoint_open(c.greeting.checkpoint, identity)
        assert now.size > was.size
        assert wire.consistency_fits(was.size, now.size, c.greeting.consistency, was.root, now.root)
        assert c.greeting.frame_max == wire.FRAME_MAX and c.greeting.events_max == 1000
        assert c.greeting.event_field_highest == 16


def test_pages_of_the_spine_are_bounded_and_go_on(traild):
    run = traild.start()
    with Client(run.address) as c:
        for i in range(4):
            c.append("journal", 1, 1 + 1000 * i, events(1000, 1000 * i))
        records, _ = c.records()
        assert len(records) > 4000
        page = c.want("records", records=pb.Records(first=10, limit=7))
        assert wire.split(page.records, 112) == records[10:17] and not page.done
        assert len(page.next) <= 64
        page = c.want("records", records=pb.Records(next=page.next, limit=3))
        assert wire.split(page.records, 112) == records[17:20]
        page = c.want("records", records=pb.Records(first=0))
        assert len(page.records) + len(page.checkpoint) <= 256 * 1024
        page = c.want("records", records=pb.Records(first=len(records)))
        assert page.done and not page.records
    run.stop()
    again = traild.start(run.state_dir)
    with Client(again.address) as c:
        assert c.records()[0][:len(records)] == records


def test_identity_is_the_same_everywhere(traild):
    run = traild.start()
    with Client(run.address) as c:
        told = c.greeting.identity
        assert c.want("checkpoint", checkpoint=pb.CheckpointRequest()).identity == told
    assert (run.state_dir / "identity").read_text() == told
    assert (run.state_dir / "vkey").read_text() == told.split("\n")[1] + "\n"
    run.stop()
    again = traild.start(run.state_dir)
    with Client(again.address) as c:
        assert c.greeting.identity == told


def test_stop_answers_what_it_took(traild):
    """SIGTERM with requests in flight: what was taken is answered, and what is stored was taken."""
    run = traild.start()
    batches = [events(50, 50 * i) for i in range(60)]
    c = Client(run.address, claims=[("journal", 1)])
    for i, batch in enumerate(batches):
        c.send(append=pb.Append(source="journal", epoch=1, first_seq=1 + 50 * i, events=batch))
    acked = [c.recv().appended]
    run.process.signal(15)
    try:
        while True:
            response = c.recv()
            if response.WhichOneof("body") == "appended":
                acked.append(response.appended)
            else:
                assert response.error.code == pb.UNAVAILABLE, response
    except wire.Closed:
        pass
    assert run.wait_exit() == 0
    again = traild.start(run.state_dir)
    with Client(again.address) as c:
        records, _ = c.records()
    for i, answer in enumerate(acked):
        record = wire.record_parse(records[answer.runs[0].first_index])
        assert (record.epoch, record.seq) == (1, 1 + 50 * i)
    stored = [r for r in records if wire.record_parse(r).kind == wire.EVENT]
    assert len(stored) == 50 * len(acked), "stored, but its client was not told"


def test_clean_stop_and_start_are_on_record(traild):
    run = traild.start()
    run.stop()
    again = traild.start(run.state_dir)
    with Client(again.address) as c:
        kinds = [wire.record_parse(r).kind for r in c.records()[0]]
        said = [pb.Daemon.FromString(c.get(i).payload).what
                for i, kind in enumerate(kinds) if kind == wire.DAEMON and i]
    assert kinds == [wire.DAEMON, wire.DAEMON, wire.SEAL, wire.DAEMON, wire.DAEMON]
    assert said == [pb.Daemon.START, pb.Daemon.STOP, pb.Daemon.START]


def test_salts_are_drawn_anew_for_every_record(traild):
    run = traild.start()
    with Client(run.address) as c:
        answer = c.append("journal", 1, 1, [wire.event(1)] * 500, want_salts=True)
        salts = wire.split(answer.runs[0].salts, 16)
    assert len(set(salts)) == 500
    # As bytes they should look drawn, not counted: a rough count of one bits.
    ones = sum(bin(b).count("1") for b in answer.runs[0].salts) / (8 * 16 * 500)
    assert 0.47 < ones < 0.53
    assert len({hashlib.sha256(s[:4]).digest() for s in salts}) > 490
