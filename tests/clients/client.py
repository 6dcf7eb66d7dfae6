#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
traild without libtrail: what a client in another language needs, from proto/trail.proto alone.

    protoc --proto_path=proto --python_out=. trail.proto        # makes trail_pb2.py
    client.py /run/trail/trail.sock append journal <<< '
        {"action": "ACTION_READ", "actor": {"id": "anna"}, "object": {"id": "/journal/4711"}}'
    client.py /run/trail/trail.sock history /journal/4711       # one JSON object per event

It believes nothing of an answer but what it computes itself: the record that an event became, its
leaf, and the way from there to the root of the checkpoint. Exit code 5: the daemon lied.

Left out, and needed against one who lies well: the Ed25519 signature of the checkpoint, by the key
in the log identity file; to keep that file and the newest checkpoint, send the latter in Hello, and
have its consistency with each later one proven (RFC 9162, 2.1.4.2); a time limit on every wait.
"""
import base64
import hashlib
import json
import socket
import struct
import sys
import time

from google.protobuf.json_format import MessageToDict, ParseDict
import trail_pb2 as pb

# version kind flags class source peer received_ns epoch seq commitment prev: see trail-format(7).
RECORD = struct.Struct(">BBHIQQQQQ32s32s")
EVENT, SOURCE, PEER = 1, 2, 3  # kinds of records


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def leaf_of(record):
    return sha256(b"\0", record)


def demand(fits, otherwise):
    if not fits:
        print(f"the daemon lies: {otherwise}", file=sys.stderr)
        sys.exit(5)


def root_over(leaf, index, size, path):
    """The root to which a path leads: RFC 9162, 2.1.3.2. None: its length is not the right one."""
    node, last = index, size - 1
    for step in path:
        if last == 0:
            return None
        if node & 1 or node == last:
            leaf = sha256(b"\1", step, leaf)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            leaf = sha256(b"\1", leaf, step)
        node, last = node >> 1, last >> 1
    return leaf if last == 0 else None


class Log:
    """A connection to one log."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
        self.stream = self.sock.makefile("rb")
        self.last_id = 0
        hello = self.ask("hello", hello=pb.Hello(protocol=1))
        # The log identity file: "trail-log/v1", "<origin>+<key id>+<key>", the first record's leaf.
        self.origin = hello.identity.split("\n")[1].split("+")[0]

    def ask(self, kind, **body):
        """One request, one answer, each a frame with its length in front."""
        self.last_id += 1
        request = pb.Request(id=self.last_id, **body).SerializeToString()
        self.sock.sendall(struct.pack(">I", len(request)) + request)
        length = int.from_bytes(self.stream.read(4), "big")
        demand(0 < length <= 1 << 20, f"a frame of {length} bytes")
        answer = pb.Response.FromString(self.stream.read(length))
        if answer.WhichOneof("body") == "error":
            sys.exit(f"{pb.Code.Name(answer.error.code)}: {answer.error.sentence}")
        # With several requests on the way the id says whose answer it is; any may come first.
        demand(answer.id == self.last_id and answer.WhichOneof("body") == kind, "another answer")
        return getattr(answer, kind)

    def tree_of(self, note):
        """(size, root): three lines of text, then an empty one and the signatures."""
        text = note.decode().partition("\n\n")[0].split("\n")
        demand(len(text) == 3 and text[0] == self.origin, "that is no checkpoint of this log")
        return int(text[1]), base64.b64decode(text[2])

    def append(self, source, event):
        """The receipt of one event in epoch 0, which the daemon numbers."""
        # One event, one encoding: ascending fields, defaults left out, as protobuf libraries do.
        payload = event.SerializeToString(deterministic=True)
        answer = self.ask("appended", append=pb.Append(
            source=source, events=[payload], want_salts=True, want_proof=True))
        demand(len(answer.runs) == 1 and answer.runs[0].count == 1, "a receipt for other events")
        run = answer.runs[0]
        record = RECORD.pack(1, EVENT, *run.flags or [0], *run.classes or [0], run.source, run.peer,
                             run.received_ns, 0, run.first_seq,
                             sha256(b"\2", run.salts, payload), run.prev)
        size, root = self.tree_of(answer.checkpoint)
        demand(root_over(leaf_of(record), run.first_index, size, run.path) == root,
               f"record {run.first_index} is not in the tree")
        return {"index": run.first_index, "checkpoint": size,
                **proof_of(record, run.salts, payload)}

    def history(self, obj):
        """The events of one object, page by page. That this was asked is an event itself."""
        paging, tree, position, matched = pb.Paging(), None, 0, 0
        while True:
            page = self.ask("rows", history=pb.History(object=obj, paging=paging))
            tree = tree or self.tree_of(page.checkpoint)
            paging.size, paging.next = tree[0], page.next  # else in the same words
            check(page.rows, *tree)
            check(page.named, *tree)
            named = {item.index: item for item in page.named}
            for row in page.rows:
                demand(position <= row.index < page.read, f"record {row.index} is out of place")
                position, matched = row.index + 1, matched + 1
                yield row_of(row, named, obj)
            demand(page.matched == matched, f"{matched} events are said to be {page.matched}")
            if page.done:
                return
            demand(page.next and (page.rows or position < page.position <= page.read),
                   "a page that leads nowhere")
            position = max(position, page.position)


def check(items, size, root):
    """Each opens its commitment and is in the tree: by its path, or by the prev of the next one."""
    demand(all(len(item.record) == RECORD.size for item in items), "a record has not 112 bytes")
    beside = {item.index: item for item in items}
    for item in items:
        # Without a salt: its payload was erased, and nothing is left to open.
        demand(not (item.salt or item.payload) or
               sha256(b"\2", item.salt, item.payload) == RECORD.unpack(item.record)[-2],
               f"record {item.index} commits to something else")
        leaf, follower = leaf_of(item.record), beside.get(item.index + 1)
        if follower and not item.path:
            demand(leaf == RECORD.unpack(follower.record)[-1],
                   f"record {item.index} is not the one that the next one names")
        else:
            demand(root_over(leaf, item.index, size, item.path) == root,
                   f"record {item.index} is not in the tree")


def row_of(row, named, obj):
    _, kind, _, _, source, peer, *_ = RECORD.unpack(row.record)
    event = pb.Event.FromString(row.payload)
    demand(kind == EVENT and event.object.id == obj, f"record {row.index} was not asked for")
    return {"index": row.index, "source": name_of(named, source, SOURCE, pb.Source),
            "peer": name_of(named, peer, PEER, pb.Peer), "time_ns": event.time_ns,
            "event": MessageToDict(event, preserving_proto_field_name=True),
            **proof_of(row.record, row.salt, row.payload)}


def name_of(named, index, kind, message):
    """Sources and peers are named by records, too; 0 is the log itself."""
    if index == 0:
        return "traild"
    demand(index in named and RECORD.unpack(named[index].record)[1] == kind,
           f"record {index} names nobody")
    name = message.FromString(named[index].payload).name
    demand(name or kind == PEER, f"record {index} has lost its name: only a peer's can be erased")
    return name


def proof_of(record, salt, payload):
    text = {"record": record, "leaf": leaf_of(record), "salt": salt, "payload": payload}
    return {name: base64.b64encode(value).decode() for name, value in text.items()}


def main():
    if len(sys.argv) != 4 or sys.argv[2] not in ("append", "history"):
        sys.exit("usage: client.py SOCKET append SOURCE <JSON | client.py SOCKET history OBJECT")
    log = Log(sys.argv[1])
    if sys.argv[2] == "append":
        event = ParseDict({"time_ns": time.time_ns(), **json.load(sys.stdin)}, pb.Event())
        print(json.dumps(log.append(sys.argv[3], event)))
    else:
        for row in log.history(sys.argv[3]):
            print(json.dumps(row))


if __name__ == "__main__":
    main()
