#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seed corpora from the golden vectors.

usage: seed.py            (from anywhere; writes the folders of tests/fuzz/corpus that it names)
"""
import base64
import pathlib
import struct
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import tlog  # noqa: E402

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
    "any-value": b"subject:*",
    "quoted-prefix": b'object:"/a b/"*',
    "range": b"index:1..5",
    "open-range": b"index:1.. class:..5",
    "quoted-range": b'unit:"a b".."c d"',
    "half-quoted-range": b'unit:a.."c d" type:"a"..',
    "range-turned": b"verb:b..a",
    "range-of-nothing": b"verb:..",
    "three-dots": b"verb:a...b",
    "or": b"actor:a actor:b -actor:c",
    "absent": b'subject:"" id:""',
    "uuid": b"id:0198F3C2-7d1e-7c55-9a10-2f7c7b1f0a11",
    "id-prefix": b"id:0198f3c2-7* -id:0..1",
    "id-misspelt": b"id:0198f3c2_7*",
    "word-prefix": b"medium:pap*",
    "many": b"id:* " * 64,
    "too-many": b"id:* " * 65,
    "every": b"peer:unix:1* unit:a type:b verb:c class:1 purpose:d correlation:e medium:oral host:f",
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
TILES = {
    "level0": b"tile/0/000",
    "partial": b"tile/1/001.p/17",
    "large": b"tile/entries/x036/x028/x797/x018/x963/967.p/255",
    "too-large": b"tile/entries/x036/x028/x797/x018/x963/968",
    "zeros": b"tile/0/x000/001",
    "width": b"tile/7/000.p/256",
    "bundle": b"\0\3one\0\0\0\5three",
    "cut": b"\0\3one\0\4two",
    "records": b"".join(struct.pack(">H", 112) + bytes([i]) * 112 for i in range(3)),
}
ROOT = b"XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg="
SEAL_TEXTS = {
    "text": b"trail-seal/v1\nexample.org/audit\n3\n4711\n" + ROOT + b"\n1700000000000000000\n",
    "zero": b"trail-seal/v1\na\n0\n0\n" + ROOT + b"\n0\n",
    "leading-zero": b"trail-seal/v1\na\n00\n0\n" + ROOT + b"\n0\n",
    "cut": b"trail-seal/v1\na\n0\n",
}


def genesis_after(identity, note, reason):
    """A Genesis whose last fields name a log; the others are those of the golden one."""
    golden = vector(VECTORS / "genesis.hex")
    out = golden[:golden.index(b"\x42\x32trail-log")]
    for number, value in ((8, identity), (9, note), (10, reason)):
        length = len(value)
        head = bytes([length]) if length < 128 else bytes([length & 127 | 128, length >> 7])
        out += bytes([number << 3 | 2]) + head + value
    return out


def seal_message(text):
    """A Seal of height 4 whose key, path and signature are made up."""
    fields = (text, bytes(range(32)), bytes(4 * 32), bytes(64), b"a note\n")
    out = b""
    for number, value in enumerate(fields, 1):
        length = len(value)
        head = bytes([length]) if length < 128 else bytes([length & 127 | 128, length >> 7])
        out += bytes([number << 3 | 2]) + head + value
    return out
EVIDENCE_LINES = {
    "line-head": b"trail-evidence/v1",
    "line-question": b"question 4711",
    "line-row": b"row 5 " + base64.b64encode(bytes(112)) + b" " + base64.b64encode(bytes(16)) +
                b" QUJD " + base64.b64encode(bytes(64)),
    "line-erased": b"record 0 " + base64.b64encode(bytes(112)) + b" - - -",
    "line-sealed": b"sealed " + base64.b64encode(bytes(32)),
    "line-cosigned": b"cosigned QUJD -",
}
LOG_NOTE = ("example.org/audit\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n\n"
            "\u2014 example.org/audit ECa3fixZebvr5KUnxRhCH+fpQSN9w3m1GFcjbMQYl9eZAP5H86tcTTFeIks4"
            "RHkYTXeIexbDYLIjJuf3zPEhym6FWws=\n").encode()
COSIGNATURE = ("\u2014 witness.example/w1 IDJKvgAAAABlU/EAC0077ySvJfVI5mFHoV9/T2wpQ0xLLUYFLDzMjA7h"
               "E0dgG9zQ4x264CuW6cdcawGVIiH1M6dTs5WQGn8zmtv7Dg==\n").encode()
# The first byte says what the rest is: see fuzz_courier.c.
CARRIED = {
    "ask": b"\0" + struct.pack(">BBQQ", 17, 1, 2, 2**64 - 1),
    "answer": b"\0" + struct.pack(">BBQBHQH", 18, 1, 2, 0, 409, 5, 2) + b"5\n",
    "shown": b"\0" + struct.pack(">BBBHH", 19, 1, 2, 0, 0),
    "stamped": b"\0" + struct.pack(">BBHH", 20, 0, 200, 3) + b"abc",
    "order": b"\0" + struct.pack(">BBQQQB", 4, 1, 2, 1, 2, 1) + bytes(32) + struct.pack(">H", 2) + b"n\n",
    "set": b"\0" + struct.pack(">BIII", 1, 1, 2, 3),
    "url": b"\0" + struct.pack(">BBH", 2, 0, 9) + b"http://a/",
    "size": b"\x0112\n",
    "size-zeros": b"\x01007\n",
    "cosignature": b"\x02" + COSIGNATURE,
    "two-lines": b"\x02" + COSIGNATURE + COSIGNATURE,
    "cut-line": b"\x02" + COSIGNATURE[:-9] + b"\n",
    "log-line": b"\x02" + LOG_NOTE.split(b"\n\n")[1],
    "nothing": b"\x02",
    "note": b"\x03" + LOG_NOTE,
    "cosigned-note": b"\x03" + LOG_NOTE + COSIGNATURE,
}


def vector(path):
    lines = path.read_text().splitlines()
    return bytes.fromhex("".join(l for l in lines if not l.startswith("#")))


def signer_inputs():
    """Questions behind an even byte, contents of `seeds` behind an odd one."""
    slot = vector(VECTORS / "signer-seeds-slot.hex")
    content = slot[12:12 + int.from_bytes(slot[8:12], "big")]
    marked = content[:6] + b"\0\1" + content[8:] + struct.pack(">QQQQ", 2 * 10**9, 5, 7, 9)
    yield "seeds", b"\1" + content
    yield "seeds-marked", b"\1" + marked
    yield "seeds-cut", b"\1" + marked[:-1]
    yield "sign", b"\0\2" + struct.pack(">Q", 6) + bytes(32) + b"\1" + bytes(32)
    yield "seal", b"\0\3" + struct.pack(">QQ", 5, 1)
    yield "seal-other", b"\0\3" + struct.pack(">QQ", 4, 1)
    record = b"\1\6" + bytes(110)
    yield "sealed", b"\0\4" + record + bytes(16) + b"\0\0\3" + bytes(96)
    yield "sealed-cosigned", b"\0\4" + record + bytes(16) + b"\0\5note\n\0"
    yield "sealed-lie", b"\0\4" + record + bytes(16) + b"\xff\xff\0"


def put(target, name, data):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def witness_bodies():
    """What a witness is sent: of the log of seed 00..1f, whose key the target knows; lists of logs."""
    log = tlog.Log("example.org/audit", bytes(range(32)), [bytes([i]) for i in range(100)])
    for old, new in ((0, 0), (0, 1), (1, 2), (3, 7), (7, 7), (64, 100), (9, 5)):
        yield f"add-{old}-{new}", log.add(old, new)
    yield "fork", tlog.add_body(3, log.tree.consistency(3, 6), log.note(7))
    yield "extension", tlog.add_body(0, [], tlog.sign_note(
        tlog.checkpoint_text(log.origin, 5, log.tree.root(5)) + "ext\n", log.key))
    yield "stranger", tlog.Log("other", b"s" * 32, [b"x"]).add(0, 1)
    yield "list", b"# a\nlogs/v0\nvkey " + LOG + b"\norigin rekor - 1\nqpd 1\ncontact c\n"
    yield "vkey", LOG + b"\n"
    yield "identity", b"trail-log/v1\n" + LOG + b"\n" + tlog.b64(b"g" * 32).encode() + b"\n"


def varint(value):
    out = b""
    while value >= 128:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


GAPS = b"\0\3\2\0\4"  # docs 3, 4 and 9
BITS = b"\1\x05\x0c\xff\x08"  # 5 to 13, and 17


def term(key, rest, shared=0):
    return varint(shared) + varint(len(key) - shared) + key[shared:] + rest


def segment(root, height, terms, *blocks):
    """What fuzz_segment.c makes the blocks of a segment of."""
    head = struct.pack(">BBHHII", root, height, terms, 99, 7200, 9000)
    return head + b"".join(struct.pack(">H", len(b)) + b for b in blocks)


def segments():
    times = varint(7200) + varint(100)
    inline = term(b"\x01", varint(3) + times + varint(len(GAPS)) + GAPS)
    leaf = (inline + term(b"\3\0\0\0\2", varint(10) + times + varint(len(BITS)) + BITS) +
            term(b"\6a", varint(1) + varint(4)) + term(b"\6ab", varint(1) + varint(9), 2))
    directory = struct.pack(">IIII", 3, 3, 40, 2)
    far = b"\0\x28\1\5"
    listed = term(b"\x01", varint(5) + times + varint(0) + varint(0) + varint(2))
    yield "leaf", segment(0, 0, 4, leaf)
    yield "list", segment(3, 0, 1, GAPS, far, directory, listed)
    yield "tree", segment(2, 1, 3, inline, term(b"\6a", varint(1) + varint(4)) +
                          term(b"\x0c\2", varint(1) + varint(5)),
                          term(b"\x01", varint(0)) + term(b"\6a", varint(1)))
    yield "circle", segment(1, 2, 900, inline, term(b"\x01", varint(1)) + term(b"\2", varint(0)))
    yield "empty", segment(0, 3, 9, b"", b"")


def manifest(indexed, places, holes):
    """A manifest without its tag."""
    return (b"trail-index/v1\n\0" + bytes(32) + struct.pack(">Q", indexed) + bytes(32) +
            struct.pack(">II", len(places), len(holes)) +
            b"".join(struct.pack(">IIQQQ", *p) for p in places) +
            b"".join(struct.pack(">IIQQ", *h) for h in holes))


def main():
    for path in sorted(VECTORS.glob("event-*.hex")):
        put("event", path.stem, vector(path))
    stream = b""
    for path in sorted((VECTORS / "wire").glob("*.hex")):
        message = vector(path)
        put("request", path.stem, message)
        stream += struct.pack(">I", len(message)) + message
    for path in sorted((VECTORS / "evidence").glob("*.tlog-proof")):
        proof = path.read_bytes()
        put("evidence", path.stem, proof)
        put("evidence", path.stem + "-bytes", base64.b64decode(proof.split(b"\n")[1][6:]))
        put("evidence", path.stem + "-cut", proof[:-100])
    for name, line in EVIDENCE_LINES.items():
        put("evidence", name, line)
    for name, query in QUERIES.items():
        put("query", name, query)
    for name, tile in TILES.items():
        put("tile", name, tile)
    for name, data in CARRIED.items():
        put("courier", name, data)
    for name, policy in POLICIES.items():
        put("policy", name, policy)
    for name, body in witness_bodies():
        put("witness", name, body)
    for name, text in SEAL_TEXTS.items():
        put("seal", name, text)
    put("seal", "message", seal_message(SEAL_TEXTS["text"]))
    put("seal", "genesis", vector(VECTORS / "genesis.hex"))
    for name, data in signer_inputs():
        put("signer", name, data)
    identity = b"trail-log/v1\n" + LOG + b"\n" + ROOT + b"\n"
    signed, cosigned = (HERE / "corpus/note" / n for n in ("signed", "cosigned"))
    put("succession", "genesis", vector(VECTORS / "genesis.hex"))
    put("succession", "whole", genesis_after(identity, signed.read_bytes(), b"key stolen"))
    put("succession", "no-note", genesis_after(identity, b"note\n", b""))
    put("succession", "signed", signed.read_bytes())
    put("succession", "cosigned", cosigned.read_bytes())
    for name, chunk in (("gaps", GAPS), ("bits", BITS), ("one", b"\0\7\0"),
                        ("last", b"\0\xfe\xff\xff\xff\x0f\1\0"), ("cut", BITS[:-1])):
        put("postings", name, chunk)
    for name, data in segments():
        put("segment", name, data)
    put("manifest", "none", manifest(0, [], []))
    put("manifest", "some", manifest(40, [(0, 1, 0, 10, 5), (0, 1, 20, 40, 6)], [(0, 1, 10, 20)]))
    put("manifest", "beyond", manifest(9, [(0, 1, 0, 10, 5)], []))
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
