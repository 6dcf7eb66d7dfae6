#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Prints the values of the EXAMPLE section of proto/trail-format.7 from a real daemon: a log of five
records, of which the last is an event. Salts, keys and times are new each time, so the page changes
only when the format does; tests/integration/test_format_page.py verifies what the page says.
"""
import time

import standalone

RECORD_FIELDS = ((1, 1, 2, 4, 8, 8, 8), (8, 8), (32,), (32,))
HEX_LINE = 32


def record_lines(raw):
    at = 0
    for fields in RECORD_FIELDS:
        words = []
        for length in fields:
            words.append(raw[at:at + length].hex())
            at += length
        yield " ".join(words)


def hex_lines(data):
    return [data[i:i + HEX_LINE].hex() for i in range(0, len(data), HEX_LINE)]


def chunk_lines(chunk):
    """Header, counts and runs, salts, lengths, payloads, tag: each on lines of its own."""
    count = int.from_bytes(chunk[2:4], "big")
    runs = int.from_bytes(chunk[10:12], "big")
    at = 12 + 6 * runs
    yield chunk[:8].hex()
    yield " ".join([chunk[8:10].hex(), chunk[10:12].hex()] +
                   [f"{chunk[i:i + 4].hex()} {chunk[i + 4:i + 6].hex()}"
                    for i in range(12, at, 6)])
    for _ in range(count):
        yield chunk[at:at + 16].hex()
        at += 16
    lengths = [int.from_bytes(chunk[at + 2 * i:at + 2 * i + 2], "big") for i in range(count)]
    yield " ".join(f"{length:04x}" for length in lengths)
    at += 2 * count
    for length in lengths:
        yield from hex_lines(chunk[at:at + length])
        at += length
    assert at == len(chunk) - 16
    yield chunk[at:].hex()


def show(label, lines):
    print(f"{label}:")
    for line in lines:
        print(line)


def main():
    with standalone.factory() as traild:
        import wire
        from wire import Client, pb
        run = traild.start(origin="log.example/trail")
        now = time.time_ns()
        event = pb.Event(
            time_ns=now, action=pb.ACTION_READ,
            actor=pb.Actor(id="u17", type=pb.ACTOR_USER),
            object=pb.Object(id="/journal/4711"), subject="p-93").SerializeToString()
        with Client(run.address) as c:
            note = c.append("journal", now, 1, [event]).checkpoint
            got = [c.get(i) for i in range(wire.checkpoint_parse(note).size)]
        identity = (run.state_dir / "identity").read_text()
        run.stop()
        chunks = standalone.table(run.state_dir, "payload")
        key = bytes(4) + (2).to_bytes(8, "big")
        assert len(got) == 5 and chunks[key][1] == 0, "another log, or a chunk that zstd shrank"
        for i, entry in enumerate(got):
            show(f"record {i}", record_lines(entry.record))
            show(f"salt {i}", [entry.salt.hex()])
            show(f"payload {i}", hex_lines(entry.payload))
            show(f"leaf {i}", [wire.leaf_hash(entry.record).hex()])
        show("root", [wire.tree_hash([wire.leaf_hash(e.record) for e in got]).hex()])
        show("note", note.decode().rstrip("\n").replace("\u2014", "\\(em").split("\n"))
        show("identity", identity.rstrip("\n").split("\n"))
        show("key", [key.hex()])
        show("chunk", chunk_lines(chunks[key]))


main()
