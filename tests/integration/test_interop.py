# SPDX-License-Identifier: Apache-2.0
"""
G3 by software that nobody here wrote: Go's golang.org/x/mod/sumdb opens the checkpoint of a live
store and accepts its proofs, and refuses each with one bit flipped (tests/interop/check.go).
"""
import base64
import json
import random
import subprocess

import pytest
import wire
from foreign import built
from harness import SEED
from wire import Client, pb

EVENTS = 20_000
PROOFS = 50


@pytest.fixture(scope="module")
def checker():
    return built("check")


def b64(data):
    return base64.b64encode(data).decode()


def fill(address):
    """EVENTS events from four connections, and the checkpoints that came on the way."""
    notes = []
    clients = [Client(address) for _ in range(4)]
    rng = random.Random(SEED)
    seqs = [1] * 4
    while sum(seqs) < EVENTS + 4:
        asked = []
        for k, c in enumerate(clients):
            count = rng.randrange(1, 300)
            asked.append((c, c.send(append=pb.Append(
                source="journal", epoch=1 + k, first_seq=seqs[k],
                events=[wire.event(seqs[k] + i) for i in range(count)]))))
            seqs[k] += count
        notes += [c.wait(number).appended.checkpoint for c, number in asked]
    for c in clients:
        c.close()
    return notes


def evidence(address, notes):
    rng = random.Random(SEED)
    with Client(address) as c:
        identity = wire.Identity(c.greeting.identity)
        answer = c.want("checkpoint", checkpoint=pb.CheckpointRequest())
        head = wire.checkpoint_open(answer.checkpoint, identity)
        assert head.size > EVENTS
        inclusion = []
        for index in rng.sample(range(head.size), PROOFS):
            proof = c.prove(index=index, size=head.size)
            inclusion.append({"index": index, "leaf": b64(proof.leaf),
                              "path": [b64(p) for p in proof.path]})
        # Old roots from signed checkpoints where there are enough, else from the records.
        leaves = [wire.leaf_hash(r) for r in c.records()[0]]
        signed = {cp.size: cp.root for cp in (wire.checkpoint_open(n, identity)
                                              for n in rng.sample(notes, min(25, len(notes))))}
        sizes = list(signed) + rng.sample(range(1, head.size), PROOFS - len(signed))
        consistency = []
        for size in sizes:
            root = signed.get(size) or wire.tree_hash(leaves[:size])
            proof = c.prove(**{"from": size}, size=head.size)
            consistency.append({"from": size, "root": b64(root),
                                "path": [b64(p) for p in proof.path]})
    return {"vkey": identity.vkey, "note": answer.checkpoint.decode(), "inclusion": inclusion,
            "consistency": consistency}


@pytest.mark.limit(300)
def test_g3_go_accepts_our_proofs_and_refuses_each_mutation(traild, checker, folder, measured):
    run = traild.start()
    notes = fill(run.address)
    proofs = evidence(run.address, notes)
    path = folder / "evidence.json"
    path.write_text(json.dumps(proofs))
    done = subprocess.run([checker, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    measured("golang.org/x/mod", done.stdout.strip())
    assert done.stdout.startswith(f"accepted {PROOFS} inclusion, {PROOFS} consistency; refused ")
    assert int(done.stdout.split()[-2]) >= 2 * PROOFS
    # And it can say no: a proof of another index.
    first = proofs["inclusion"][0]
    first["index"] = first["index"] ^ 1
    path.write_text(json.dumps(proofs))
    done = subprocess.run([checker, path], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stderr
