#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seed corpora from the golden vectors.

usage: seed.py            (from anywhere; writes tests/fuzz/corpus/{event,request,frame,query,policy,seal,stamp}/)
"""
import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent
VECTORS = HERE.parent / "vectors"
QUERIES = {
    "empty": b"",
    "id": b"actor:anna",
    "quoted": b'object:"/a \\"b\\" \\\\" subject:p-93',
    "words": b"action:READ outcome:denied",
    "numbers": b"index:18446744073709551615",
    "source": b"source:traild actor:\xc3\xa4",
    "misspelt": b"actr:anna",
    "open-quotes": b'actor:"a',
    "glued-quotes": b'actor:"a"b',
    "no-value": b"actor: x",
    "bare-word": b"anna",
    "bad-escape": b'actor:"\\n"',
    "not": b"-actor:a",
    "prefix": b"object:/hr/*",
    "range": b"index:1..5",
    "or": b"actor:a actor:b",
    "later": b"unit:hr",
}
WITNESS = b"witness.example/w1+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X"
LOG = b"example.org/audit+1026b77e+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
POLICIES = {
    "none": b"quorum none\n",
    "one": b"log " + LOG + b"\nwitness w " + WITNESS + b" http://w.example/\nquorum w\n",
    "group": b"# a\n\twitness  w " + WITNESS + b"\ngroup g 1 w\ngroup h all g\nquorum h",
    "twice": b"witness w " + WITNESS + b"\nwitness v " + WITNESS + b"\nquorum w\n",
    "two-quorums": b"quorum none\nquorum none\n",
    "log-key": b"witness w " + LOG + b"\nquorum w\n",
    "undefined": b"group g any \xc3\xa5\n",
    "control": b"quorum\x01none\n",
}


ROOT = b"XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg="
SEAL_TEXTS = {
    "text": b"trail-seal/v1\nexample.org/audit\n3\n4711\n" + ROOT + b"\n1700000000000000000\n",
    "zero": b"trail-seal/v1\na\n0\n0\n" + ROOT + b"\n0\n",
    "leading-zero": b"trail-seal/v1\na\n00\n0\n" + ROOT + b"\n0\n",
    "cut": b"trail-seal/v1\na\n0\n",
}


def seal_message(text):
    """A Seal of height 4 whose key, path and signature are made up."""
    fields = (text, bytes(range(32)), bytes(4 * 32), bytes(64), b"a note\n")
    out = b""
    for number, value in enumerate(fields, 1):
        length = len(value)
        head = bytes([length]) if length < 128 else bytes([length & 127 | 128, length >> 7])
        out += bytes([number << 3 | 2]) + head + value
    return out


def vector(path):
    lines = path.read_text().splitlines()
    return bytes.fromhex("".join(l for l in lines if not l.startswith("#")))


def put(target, name, data):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def main():
    for path in sorted(VECTORS.glob("event-*.hex")):
        put("event", path.stem, vector(path))
    stream = b""
    for path in sorted((VECTORS / "wire").glob("*.hex")):
        message = vector(path)
        put("request", path.stem, message)
        stream += struct.pack(">I", len(message)) + message
    for name, query in QUERIES.items():
        put("query", name, query)
    for name, policy in POLICIES.items():
        put("policy", name, policy)
    for name, text in SEAL_TEXTS.items():
        put("seal", name, text)
    put("seal", "message", seal_message(SEAL_TEXTS["text"]))
    put("seal", "genesis", vector(VECTORS / "genesis.hex"))
    for name in ("response", "anchor"):
        put("stamp", name, vector(VECTORS / f"stamp-{name}.hex"))
    frame = vector(VECTORS / "frame-append.hex")
    put("request", "append-two-events", frame[4:])
    put("frame", "append", frame)
    put("frame", "stream", stream)
    put("frame", "cut", frame[:-1])
    put("frame", "head", frame[:3])
    put("frame", "empty-frame", bytes(4))
    put("frame", "too-long", b"\x00\x10\x00\x01")


if __name__ == "__main__":
    main()
