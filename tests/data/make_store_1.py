#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Made tests/data/store-1 with real daemons: three runs, one of them killed, that hold what format 1
has. Kept to show how; it is not run again, because the store never changes. Keys, salts and times
are new each time. Needs uid 0, to speak as other users.

    TRAIL_BUILD=build/release tests/data/make_store_1.py FOLDER
"""
import base64
import hashlib
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
import standalone  # noqa: E402

ORIGIN = "log.example/store-1"
OWNER, STRANGER = 10042, 10043  # the daemon's own user; one with no role
DRAW = random.Random(1)
SKIP = {"lock", "lock.mdb"}     # made anew by whoever opens the store


def full_event(wire, n):
    pb = wire.pb
    return pb.Event(
        id=bytes(range(n, n + 16)), time_ns=time.time_ns(), action=pb.ACTION_EXECUTE,
        verb="export", outcome=pb.OUTCOME_DENIED, reason="two lines\nare allowed here",
        actor=pb.Actor(id="anv00042", type=pb.ACTOR_SERVICE, name="Åsa Öberg", role="läkare",
                       unit="vårdcentral 3", session="s-118", address="192.0.2.7",
                       on_behalf_of="anv00007"),
        object=pb.Object(id=f"/lifecare/journal/{n:06d}", type="journal", name="日本", version="7"),
        subject="p-000042", purpose="case:2026-118", medium=pb.MEDIUM_PAPER,
        origin=pb.Origin(host="app1.example", application="lifecare", process="4711",
                         address="2001:db8::1"),
        changes=[pb.Change(field="diagnosis", old="J06", new="J18"), pb.Change(field="note")],
        correlation="req-1",
        attributes=[pb.Attribute(key=f"k{i}", value="v" * i) for i in range(64)],
        raw=DRAW.randbytes(3000)).SerializeToString(deterministic=True)


def first_run(traild, wire, state):
    """Two sources, two peers, epochs 0 and others, every field, a refusal."""
    def event(n, **more):
        return wire.event(n, time_ns=time.time_ns(), **more)
    run = traild.start(state, origin=ORIGIN, uid=OWNER)
    with wire.Client(run.address) as c:
        for first, count in ((1, 1), (2, 9), (11, 40)):
            c.append("lifecare", 100, first, [event(first + i) for i in range(count)])
        c.append("lifecare", 100, 51, [full_event(wire, n) for n in (1, 2)])
    with wire.Client(run.address, uid=OWNER) as c:
        for n in range(4):
            c.append("files.hr", 0, 0, [event(n, obj=f"/hr/{n}", action=wire.pb.ACTION_DELETE)])
        c.append("files.hr", 7, 1, [wire.event(n) for n in range(40)])  # of 2023: late
    os.chmod(run.address, 0o666)  # or the kernel keeps the stranger out before the daemon can
    with wire.Client(run.address, uid=STRANGER, hello=False) as c:
        assert c.error(hello=wire.pb.Hello(protocol=1)).code == wire.pb.DENIED
    run.stop()


def import_lines(traild, run, folder):
    """The command-line tool's own bytes: an import of 60 lines, and one event."""
    lines = folder / "doors.jsonl"
    lines.write_text("".join(json.dumps({
        "time": f"2026-03-01T08:{n:02d}:00Z", "action": "EXECUTE", "verb": "enter",
        "actor": {"id": f"card-{n % 7}"}, "object": {"id": f"/door/{n % 5}", "type": "door"},
        "outcome": "DENIED" if n % 11 == 0 else "SUCCESS"}) + "\n" for n in range(60)))
    env = dict(os.environ, TRAIL_CONNECT=f"unix:{run.address}", XDG_STATE_HOME=str(folder))
    for words in (["import", "--source", "doors", str(lines)],
                  ["import", "--source", "doors", str(lines)],
                  ["emit", "read", "/journal/4711", "--actor", "anna", "--subject", "p-93"]):
        subprocess.run([str(traild.trail), *words], env=env, check=True,
                       stdout=subprocess.DEVNULL)


def second_run(traild, wire, state, folder):
    """Duplicates, a declared loss, a clean end, an import; the daemon is killed."""
    def event(n):
        return wire.event(n, time_ns=time.time_ns())
    run = traild.start(state, origin=ORIGIN, uid=OWNER)
    with wire.Client(run.address, claims=[("lifecare", 100)]) as c:
        again = [c.get(i).payload for i in range(c.checkpoint().size)
                 if wire.record_parse(c.get(i).record).epoch == 100][-5:]
        c.append("lifecare", 100, 48, again + [event(53)])
        c.append("lifecare", 100, 61, [event(n) for n in range(61, 81)], lost=7)
        c.want("closed", close=wire.pb.Close(source="lifecare", epoch=100, last=80))
        c.append("lifecare", 200, 1, [event(n) for n in range(1, 61)])
    import_lines(traild, run, folder)
    run.kill()


def third_run(traild, wire, state):
    """What was begun goes on: small commits, all actions, and numbers given out but not sent."""
    run = traild.start(state, origin=ORIGIN, uid=OWNER)
    with wire.Client(run.address, claims=[("lifecare", 200)]) as c:
        for first in range(61, 101, 5):
            c.append("lifecare", 200, first,
                     [wire.event(first + n, action=1 + n, time_ns=time.time_ns())
                      for n in range(5)])
        c.want("kept", keepalive=wire.pb.Keepalive(source="lifecare", epoch=200, made=104))
    run.stop()


def signed_last(state):
    """The note in the newer slot of the signer's head: see trail-format(7)."""
    file = (state / "signer" / "head").read_bytes()
    slot = max(file[:512], file[4096:4608])  # a counter stands in front
    return slot[12:12 + int.from_bytes(slot[8:12], "big")].decode()


def read_back(traild, wire, state):
    """What check says of the stopped store, and all that it holds, by a daemon on a copy of it."""
    checked = traild.assert_valid(state)
    copy = traild.folder / "copy"
    subprocess.run(["cp", "-a", str(state), str(copy)], check=True)
    run = traild.start(copy, origin=ORIGIN, uid=OWNER)
    with wire.Client(run.address) as c:
        got = [c.get(i) for i in range(checked["size"])]
        records = [wire.record_parse(entry.record) for entry in got]
    run.stop()
    assert wire.tree_hash([wire.leaf_hash(e.record) for e in got]) == \
        base64.b64decode(checked["root"])
    return checked, [
        {"kind": r.kind, "flags": r.flags, "source": e.source, "peer": e.peer.name,
         "epoch": r.epoch, "seq": r.seq, "payload": base64.b64encode(e.payload).decode()}
        for r, e in zip(records, got)]


def main():
    target = pathlib.Path(sys.argv[1])
    with standalone.factory() as traild:
        import wire
        folder = traild.folder / "made"
        folder.mkdir()
        os.chown(traild.folder, OWNER, OWNER)
        os.chown(folder, OWNER, OWNER)
        state = folder / "state"
        first_run(traild, wire, state)
        second_run(traild, wire, state, folder)
        third_run(traild, wire, state)
        checked, records = read_back(traild, wire, state)
        shutil.copytree(state, target, ignore=lambda _, names: SKIP & set(names),
                        dirs_exist_ok=True)
    files = {str(p.relative_to(target)): hashlib.sha256(p.read_bytes()).hexdigest()
             for p in sorted(target.rglob("*"))
             if p.is_file() and p.name not in ("README", "expected.json")}
    head = {"origin": ORIGIN, "size": checked["size"], "root": checked["root"],
            "note": signed_last(target), "files": files}
    rows = ",\n".join(json.dumps(row, ensure_ascii=False) for row in records)
    text = json.dumps(head, indent=1, ensure_ascii=False)[:-2]
    (target / "expected.json").write_text(text + ',\n "records": [\n' + rows + "\n]}\n")
    print(f"{checked['size']} records, root {checked['root']}")


main()
