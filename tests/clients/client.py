#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
traild without libtrail: what a client in another language needs, from proto/trail.proto alone.

    protoc --proto_path=proto --python_out=. trail.proto        # makes trail_pb2.py
    client.py /run/trail/trail.sock append journal <<< '
        {"action": "ACTION_READ", "actor": {"id": "anna"}, "object": {"id": "/journal/4711"}}'
    client.py /run/trail/trail.sock history /journal/4711       # one JSON object per event

It believes nothing of an answer but what it computes itself (checks.py): the record that an event
became, its leaf, the way from there to the root of the checkpoint. Exit code 5: the daemon lied.

Left out, and needed against one who lies well: the Ed25519 signature of the checkpoint, by the key
in the log identity file; to keep that file and the newest checkpoint, send the latter in Hello, and
have its consistency with each later one proven (RFC 9162, 2.1.4.2); a time limit on every wait.
"""
import base64
import json
import socket
import struct
import sys
import time

from google.protobuf.json_format import MessageToDict, ParseDict
import trail_pb2 as pb
from checks import EVENT, PEER, RECORD, SOURCE, check, demand, leaf_of, name_of, root_over, sha256


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


def row_of(row, named, obj):
    _, kind, _, _, source, peer, *_ = RECORD.unpack(row.record)
    event = pb.Event.FromString(row.payload)
    demand(kind == EVENT and event.object.id == obj, f"record {row.index} was not asked for")
    return {"index": row.index, "source": name_of(named, source, SOURCE, pb.Source),
            "peer": name_of(named, peer, PEER, pb.Peer), "time_ns": event.time_ns,
            "event": MessageToDict(event, preserving_proto_field_name=True),
            **proof_of(row.record, row.salt, row.payload)}


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
