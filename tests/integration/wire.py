# SPDX-License-Identifier: Apache-2.0
"""
A client of traild that shares nothing with the project but proto/trail.proto: frames by struct,
hashes by hashlib, RFC 6962 and the records written anew from FORMATS.md, signatures by openssl.
"""
import base64
import collections
import hashlib
import os
import pathlib
import socket
import struct
import subprocess
import tempfile

import trail_pb2 as pb  # made by conftest.py

FRAME_MAX = 1 << 20
RECORD_LEN = 112
SALT_LEN = 16
HASH_LEN = 32
EVENT, SOURCE, PEER, POLICY, SEAL, ERASURE, DAEMON = 1, 2, 3, 4, 6, 7, 8
DEFICIENT, LATE, LOSS, UNPROTECTED = 1, 2, 4, 8
IMPORT = 1 << 63
TIME_LIMIT_S = 30 * float(os.environ.get("TRAIL_SLOW", "1"))

# ---- hashes: RFC 6962 section 2.1 ---------------------------------------------------------------


def leaf_hash(entry):
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def tree_hash(leaves):
    """Root over leaf hashes, level by level: an odd last node moves up as it is."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    row = list(leaves)
    while len(row) > 1:
        up = [node_hash(row[i], row[i + 1]) for i in range(0, len(row) - 1, 2)]
        row = up + row[len(up) * 2:]
    return row[0]


def inclusion_fits(leaf, index, size, path, root):
    """RFC 9162 section 2.1.3.2."""
    if index >= size or any(len(p) != HASH_LEN for p in path):
        return False
    fn, sn, r = index, size - 1, leaf
    for p in path:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while not fn & 1 and fn != 0:
                fn >>= 1
                sn >>= 1
        else:
            r = node_hash(r, p)
        fn >>= 1
        sn >>= 1
    return sn == 0 and r == root


def consistency_fits(m, n, path, old, new):
    """RFC 9162 section 2.1.4.2."""
    if m == 0 or m > n:
        return False
    if m == n:
        return not path and old == new
    if not path or any(len(p) != HASH_LEN for p in path):
        return False
    path = list(path)
    if m & (m - 1) == 0:
        path.insert(0, old)
    fn, sn = m - 1, n - 1
    while fn & 1:
        fn >>= 1
        sn >>= 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while not fn & 1 and fn != 0:
                fn >>= 1
                sn >>= 1
        else:
            sr = node_hash(sr, c)
        fn >>= 1
        sn >>= 1
    return sn == 0 and fr == old and sr == new


# ---- records: FORMATS.md section 2 --------------------------------------------------------------

Record = collections.namedtuple("Record", "version kind flags class_no source peer received_ns "
                                "epoch seq commitment prev")
_RECORD = struct.Struct(">BBHIQQQQQ32s32s")
assert _RECORD.size == RECORD_LEN


def record_parse(raw):
    return Record._make(_RECORD.unpack(raw))


def record_bytes(record):
    return _RECORD.pack(*record)


def commitment(salt, payload):
    return hashlib.sha256(b"\2" + salt + payload).digest()


def split(raw, size):
    assert len(raw) % size == 0, f"{len(raw)} bytes are no whole number of {size}"
    return [raw[i:i + size] for i in range(0, len(raw), size)]


def derive(run, epoch, events):
    """
    The records of a Run that is no duplicate, from what was sent and what the answer says besides:
    what a client that believes nothing computes. `events`: those of the run, in order.
    """
    assert run.count == len(events) and len(run.salts) == SALT_LEN * run.count
    salts = split(run.salts, SALT_LEN)
    prev = run.prev
    out = []
    for i, payload in enumerate(events):
        record = record_bytes(Record(
            1, EVENT, run.flags[i] if run.flags else 0, run.classes[i] if run.classes else 0,
            run.source, run.peer, run.received_ns, epoch, run.first_seq + i,
            commitment(salts[i], payload), prev))
        prev = leaf_hash(record)
        out.append(record)
    return out


# ---- notes, checkpoints, identity: C2SP signed-note, tlog-checkpoint ----------------------------

Checkpoint = collections.namedtuple("Checkpoint", "origin size root text")


class Identity:
    """The log identity file."""

    def __init__(self, text):
        lines = text.split("\n")
        assert len(lines) == 4 and lines[0] == "trail-log/v1" and lines[3] == "", text
        self.vkey = lines[1]
        self.origin, keyid, key = self.vkey.split("+", 2)
        key = base64.b64decode(key, validate=True)
        assert len(key) == 33 and key[0] == 1, "an Ed25519 key"
        self.public = key[1:]
        self.keyid = bytes.fromhex(keyid)
        assert self.keyid == hashlib.sha256(self.origin.encode() + b"\n" + key).digest()[:4]
        self.genesis = base64.b64decode(lines[2], validate=True)
        assert len(self.genesis) == HASH_LEN


def checkpoint_parse(note):
    """The checkpoint of a note, its signature not looked at."""
    text = note.decode()[:note.decode().rindex("\n\n") + 1]
    lines = text.split("\n")
    assert len(lines) == 4 and lines[3] == "", f"not three lines: {text!r}"
    assert str(int(lines[1])) == lines[1]
    return Checkpoint(lines[0], int(lines[1]), base64.b64decode(lines[2], validate=True), text)


def ed25519_fits(public, message, signature):
    """By openssl pkeyutl, which shares nothing with libsodium."""
    with tempfile.TemporaryDirectory(prefix="trail-sig-") as name:
        folder = pathlib.Path(name)
        (folder / "key").write_bytes(bytes.fromhex("302a300506032b6570032100") + public)
        (folder / "text").write_bytes(message)
        (folder / "sig").write_bytes(signature)
        done = subprocess.run(
            ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey",
             folder / "key", "-rawin", "-in", folder / "text", "-sigfile", folder / "sig"],
            capture_output=True, check=False, text=True)
    return done.returncode == 0 and "Verified Successfully" in done.stdout


def checkpoint_open(note, identity):
    """The checkpoint of a note that the log's key signed."""
    cp = checkpoint_parse(note)
    signatures = note.decode()[len(cp.text) + 1:].split("\n")
    assert signatures.pop() == ""
    ours = [s for s in signatures if s.startswith(f"\u2014 {identity.origin} ")]
    assert len(ours) == 1, f"{len(ours)} signatures by the log"
    blob = base64.b64decode(ours[0].split(" ")[2], validate=True)
    assert blob[:4] == identity.keyid and len(blob) == 68
    assert cp.origin == identity.origin
    assert ed25519_fits(identity.public, cp.text.encode(), blob[4:]), "a bad signature"
    return cp


# ---- events -------------------------------------------------------------------------------------

EVENT_TIME_NS = 1_700_000_000 * 10**9


def event(n=0, actor="anv00042", obj=None, time_ns=None, action=pb.ACTION_READ, **more):
    """One valid event, encoded; the same arguments give the same bytes."""
    e = pb.Event(time_ns=EVENT_TIME_NS + n if time_ns is None else time_ns, action=action,
                 actor=pb.Actor(id=actor, type=pb.ACTOR_USER),
                 object=pb.Object(id=obj or f"/lifecare/journal/{n:06d}", type="journal"), **more)
    return e.SerializeToString(deterministic=True)


# ---- the connection -----------------------------------------------------------------------------

class Closed(Exception):
    """The daemon closed the connection."""


def frame(body):
    return struct.pack(">I", len(body)) + body


def connect(address, uid=None):
    """A connected socket; with `uid` as that user with no other groups, as the kernel tells it."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(TIME_LIMIT_S)
    if uid is None:
        sock.connect(address)
        return sock
    groups, gid, own = os.getgroups(), os.getegid(), os.geteuid()
    os.setgroups([])
    os.setegid(uid)
    os.seteuid(uid)
    try:
        sock.connect(address)
    finally:
        os.seteuid(own)
        os.setegid(gid)
        os.setgroups(groups)
    return sock


Row = collections.namedtuple("Row", "index record raw salt payload event source peer path checkpoint")


class Rows:
    """The answer to a Search, History or Get: all its pages, each row proven and explained."""

    def __init__(self, client, kind, request):
        self.client, self.kind, self.request = client, kind, request
        self.rows, self.pages, self.completeness, self.matched = [], 0, None, 0
        self.note = self.read = None

    def page(self):
        """The next page's rows, verified; the page itself is in self.last."""
        page = self.last = self.client.want("rows", **{self.kind: self.request})
        self.pages += 1
        if page.checkpoint:
            self.note = page.checkpoint
        assert self.read in (None, page.read) or self.request.paging.follow_ms
        self.read, self.matched = page.read, page.matched
        cp = checkpoint_parse(self.note)
        assert cp.size > page.read, "the question itself lies in the tree that proves its answer"
        rows = self._prove(page, cp)
        self.rows += rows
        self.request.paging.next = page.next
        if page.done:
            self.completeness = page.completeness
        return rows

    def all(self):
        """Every row of every page."""
        while True:
            self.page()
            if self.last.done:
                return self.rows
            self.request.paging.size = checkpoint_parse(self.note).size

    def one(self):
        rows = self.page()
        assert len(rows) == 1 and self.last.done
        return rows[0]

    def _prove(self, page, cp):
        named = {item.index: item for item in page.named}
        raws = {item.index: item.record for item in page.rows}
        for item in list(page.rows) + list(page.named):
            leaf = leaf_hash(item.record)
            if item.path or cp.size == 1:
                assert inclusion_fits(leaf, item.index, cp.size, item.path, cp.root), item.index
            else:
                assert record_parse(raws[item.index + 1]).prev == leaf, item.index
            if item.salt:
                assert commitment(item.salt, item.payload) == record_parse(item.record).commitment
        return [self._explain(item, named) for item in page.rows]

    def _explain(self, item, named):
        record = record_parse(item.record)
        source = peer = None
        if record.source:
            assert record_parse(named[record.source].record).kind == SOURCE
            source = pb.Source.FromString(named[record.source].payload).name
        if record.peer:
            assert record_parse(named[record.peer].record).kind == PEER
            peer = pb.Peer.FromString(named[record.peer].payload)
        event = pb.Event.FromString(item.payload) if record.kind == EVENT else None
        return Row(item.index, record, item.record, item.salt, item.payload, event, source, peer,
                   item.path, self.note)


class Client:
    """One connection. send() and recv() pipeline; call() is one request and its answer."""

    def __init__(self, address, uid=None, hello=True, claims=(), checkpoint=b""):
        self.sock = connect(address, uid)
        self.last_id = 0
        self.buffer = b""
        self.waiting = {}
        self.sent_bytes = 0
        self.greeting = None
        if hello:
            self.greeting = self.hello(claims, checkpoint)

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # -- frames

    def send_raw(self, data):
        self.sock.sendall(data)
        self.sent_bytes += len(data)

    def send(self, **body):
        """Send a request, send(append=pb.Append(...)); its id."""
        self.last_id += 1
        self.send_raw(frame(pb.Request(id=self.last_id, **body).SerializeToString()))
        return self.last_id

    def recv_raw(self):
        """One frame's body. Closed: the stream ended, at a frame's end or inside of one."""
        while True:
            if len(self.buffer) >= 4:
                length, = struct.unpack(">I", self.buffer[:4])
                assert 0 < length <= FRAME_MAX, f"a frame of {length} bytes from the daemon"
                if len(self.buffer) >= 4 + length:
                    body = self.buffer[4:4 + length]
                    self.buffer = self.buffer[4 + length:]
                    return body
            try:
                data = self.sock.recv(1 << 18)
            except ConnectionResetError:
                raise Closed from None
            if not data:
                raise Closed
            self.buffer += data

    def recv(self):
        """The next response, whichever request it answers."""
        return pb.Response.FromString(self.recv_raw())

    def wait(self, number):
        """The response to request `number`."""
        while number not in self.waiting:
            response = self.recv()
            self.waiting[response.id] = response
        return self.waiting.pop(number)

    def call(self, **body):
        return self.wait(self.send(**body))

    def ended(self):
        """Nothing comes any more: the daemon closed the connection."""
        try:
            raise AssertionError(f"instead of the end came {self.recv()}")
        except Closed:
            return True

    # -- requests whose answer must be of their kind

    def want(self, kind, **body):
        response = self.call(**body)
        assert response.WhichOneof("body") == kind, response
        return getattr(response, kind)

    def error(self, **body):
        return self.want("error", **body)

    def hello(self, claims=(), checkpoint=b""):
        claims = [pb.Hello.Claim(source=s, epoch=e) for s, e in claims]
        return self.want("hello", hello=pb.Hello(protocol=1, checkpoint=checkpoint, claims=claims))

    def append(self, source, epoch, first_seq, events, **more):
        return self.want("appended", append=pb.Append(
            source=source, epoch=epoch, first_seq=first_seq, events=events, **more))

    def checkpoint(self):
        return checkpoint_parse(self.want("checkpoint",
                                          checkpoint=pb.CheckpointRequest()).checkpoint)

    def get(self, index):
        """One record with what it commits to and who is named, verified by its own answer."""
        return Rows(self, "get", pb.Get(index=index)).one()

    def search(self, query="", **paging):
        return Rows(self, "search", pb.Search(query=query, paging=pb.Paging(**paging)))

    def history(self, obj, **paging):
        return Rows(self, "history", pb.History(object=obj, paging=pb.Paging(**paging)))

    def prove(self, **what):
        return self.want("proof", prove=pb.Prove(**what))

    def status(self):
        return self.want("status", status=pb.StatusRequest())

    def records(self, first=0):
        """All records from `first` on: (raw records, the note that covers them)."""
        out, request = [], pb.Records(first=first)
        while True:
            page = self.want("records", records=request)
            assert page.first == first + len(out)
            out += split(page.records, RECORD_LEN)
            if page.done:
                return out, page.checkpoint
            assert page.records, "a page that is empty and not the last"
            request = pb.Records(next=page.next)


def chain_fits(raw_records, prev=b"\0" * HASH_LEN):
    """Each record's prev is the leaf of the one before; the last leaf."""
    for i, raw in enumerate(raw_records):
        assert record_parse(raw).prev == prev, f"prev of record {i} of this stretch"
        prev = leaf_hash(raw)
    return prev
