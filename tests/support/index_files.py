# SPDX-License-Identifier: Apache-2.0
"""
The files of an index, read and written by a program of its own (daemon/index/segment.h and
manifest.h say what stands in them): what an attacker who has the keys would use. Standard library.
"""
import collections
import hashlib
import pathlib
import struct

BLOCK, ROOM = 4096, 4072
MAGIC = b"trail-index/v1\n\0"
# Terms (daemon/index/term.h).
EVENT, LOSS, HOUR, SOURCE, PEER, ACTOR, UNIT, OBJECT, ANCESTOR, TYPE, SUBJECT, ACTION, VERB, OUTCOME, \
    PURPOSE, CORRELATION, MEDIUM, HOST, ID = range(1, 20)

Place = collections.namedtuple("Place", "class_no month low high serial")
Term = collections.namedtuple("Term", "docs first_s last_s")


def mac(key, data):
    return hashlib.blake2b(data, key=key, digest_size=16).digest()


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def varint(self):
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return value

    def take(self, n):
        self.at += n
        assert self.at <= len(self.data)
        return self.data[self.at - n:self.at]


class Index:
    """D/index of a state folder, with the key of D/keys."""

    def __init__(self, state_dir):
        self.folder = pathlib.Path(state_dir) / "index"
        self.key = (pathlib.Path(state_dir) / "keys" / "index").read_bytes()
        raw = (self.folder / "manifest").read_bytes()
        assert raw[:16] == MAGIC and mac(self.key, raw[:-16]) == raw[-16:]
        self.head = raw
        self.genesis = raw[16:48]
        self.indexed, = struct.unpack_from(">Q", raw, 48)
        segments, self.holes = struct.unpack_from(">II", raw, 88)
        self.places = [Place(*struct.unpack_from(">IIQQQ", raw, 96 + 32 * i))
                       for i in range(segments)]

    def write_manifest(self, places):
        """The manifest anew, of these segments."""
        holes = self.head[96 + 32 * len(self.places):-16]
        body = self.head[:88] + struct.pack(">II", len(places), self.holes) + b"".join(
            struct.pack(">IIQQQ", *place) for place in places) + holes
        (self.folder / "manifest").write_bytes(body + mac(self.key, body))

    def path(self, place):
        return self.folder / f"{place.serial:016x}.seg"

    def seal(self, place, number, content):
        head = struct.pack(">BBHI", 1, 0, len(content), number)
        body = head + content.ljust(ROOM, b"\0")
        bound = MAGIC[:14] + self.genesis + struct.pack(">IIQQQ", *place)
        return body + mac(self.key, bound + body)

    def blocks(self, place):
        """The contents, each of which must be sealed as it is."""
        raw = self.path(place).read_bytes()
        out = []
        for number in range(len(raw) // BLOCK):
            block = raw[number * BLOCK:(number + 1) * BLOCK]
            length, = struct.unpack_from(">H", block, 2)
            assert block == self.seal(place, number, block[8:8 + length]), number
            out.append(block[8:8 + length])
        return out

    def read(self, place):
        """{key: Term}, and the numbers of the footer by name."""
        blocks = self.blocks(place)
        magic, count, root, height, records, losses, terms, cut, first, last = struct.unpack(
            ">8sIIBQQQQII", blocks[-1])
        assert magic == b"segment\0" and count == len(blocks)
        out = {}
        self._tree(blocks, root, height, out, (first, last))
        assert len(out) == terms and list(out) == sorted(out)
        assert cut == sum(len(key) == 256 for key in out)
        return out, {"records": records, "losses": losses, "first": first, "last": last}

    def _tree(self, blocks, number, height, out, times):
        entries, key = Reader(blocks[number]), b""
        while entries.at < len(entries.data):
            key = key[:entries.varint()] + entries.take(entries.varint())
            if height:
                self._tree(blocks, entries.varint(), height - 1, out, times)
            else:
                out[key] = self._term(blocks, entries, times)

    @staticmethod
    def _term(blocks, entries, times):
        count = entries.varint()
        if count == 1:
            return Term([entries.varint()], *times)
        first = entries.varint()
        last = first + entries.varint()
        length = entries.varint()
        if length:
            docs = chunk_docs(entries.take(length))
        else:
            start, chunks = entries.varint(), entries.varint()
            docs = [doc for i in range(chunks) for doc in chunk_docs(blocks[start + i])]
        assert len(docs) == count
        return Term(docs, first, last)

    def write(self, place, terms, sums):
        """The file of `place`, anew: a tree of these terms."""
        blocks = []

        def put(content):
            blocks.append(self.seal(place, len(blocks), content))
            return len(blocks) - 1

        level, height = self._leaves(terms, put), 0
        while len(level) > 1:
            level, height = self._inner(level, put), height + 1
        put(struct.pack(">8sIIBQQQQII", b"segment\0", len(blocks) + 1, level[0][1], height,
                        sums["records"], sums["losses"], len(terms),
                        sums.get("cut", sum(len(key) == 256 for key in terms)),
                        sums["first"], sums["last"]))
        self.path(place).write_bytes(b"".join(blocks))

    @staticmethod
    def _leaves(terms, put):
        out, content, first, before = [], b"", None, b""
        for key in sorted(terms):
            entry = Index._entry(terms[key], put)
            if len(content) + len(entry) + 2 * 5 + len(key) > ROOM:
                out.append((first, put(content)))
                content, before = b"", b""
            if not content:
                first = key
            content += front(before, key) + entry
            before = key
        return out + [(first, put(content))]

    @staticmethod
    def _entry(term, put):
        if len(term.docs) == 1:
            return varint(1) + varint(term.docs[0])
        out = varint(len(term.docs)) + varint(term.first_s) + varint(term.last_s - term.first_s)
        gaps = chunk_of(term.docs)
        if len(gaps) <= 1024:
            return out + varint(len(gaps)) + gaps
        parts = [term.docs[i:i + 800] for i in range(0, len(term.docs), 800)]
        numbers = [put(chunk_of(part)) for part in parts]
        directory = b"".join(struct.pack(">II", part[0], len(part)) for part in parts)
        for at in range(0, len(directory), ROOM // 8 * 8):
            put(directory[at:at + ROOM // 8 * 8])
        return out + varint(0) + varint(numbers[0]) + varint(len(numbers))

    @staticmethod
    def _inner(level, put):
        out, content, first, before = [], b"", None, b""
        for key, child in level:
            if len(content) + 15 + len(key) > ROOM:
                out.append((first, put(content)))
                content, before = b"", b""
            if not content:
                first = key
            content += front(before, key) + varint(child)
            before = key
        return out + [(first, put(content))]


def front(before, key):
    shared = 0
    while shared < min(len(before), len(key)) and before[shared] == key[shared]:
        shared += 1
    return varint(shared) + varint(len(key) - shared) + key[shared:]


def chunk_docs(chunk):
    dense, reader = chunk[0], Reader(chunk[1:])
    docs = [reader.varint()]
    if not dense:
        for _ in range(reader.varint()):
            docs.append(docs[-1] + 1 + reader.varint())
        return docs
    span = reader.varint()
    bits = reader.take((span + 7) // 8)
    return docs + [docs[0] + 1 + i for i in range(span) if bits[i // 8] >> i % 8 & 1]


def chunk_of(docs):
    """By gaps alone: what is shorter is the daemon's affair."""
    return b"\0" + varint(docs[0]) + varint(len(docs) - 1) + b"".join(
        varint(b - a - 1) for a, b in zip(docs, docs[1:]))
