#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seed corpora from the golden vectors.

usage: seed.py            (from anywhere; writes tests/fuzz/corpus/{event,request,frame}/)
"""
import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent
VECTORS = HERE.parent / "vectors"


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
