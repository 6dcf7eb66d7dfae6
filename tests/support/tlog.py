# SPDX-License-Identifier: Apache-2.0
"""
What a log and a witness say to each other, written from the C2SP texts (signed-note,
tlog-checkpoint, tlog-cosignature, tlog-witness) and RFC 6962 for the tests alone: keys, notes,
trees with their proofs, bodies of add-checkpoint. Shares nothing with the project's C.
"""
import base64
import collections
import hashlib
import struct

import ed25519

LOG, COSIGNATURE = 1, 4
DASH = "\u2014 "


def b64(data):
    return base64.b64encode(data).decode()


# ---- keys and notes ------------------------------------------------------------------------------

class Key:
    """A note key: type LOG or COSIGNATURE; without a seed it only verifies."""

    def __init__(self, name, kind, seed=None, public=None):
        self.name, self.kind, self.seed = name, kind, seed
        self.public = public or ed25519.public(seed)
        self.keyid = hashlib.sha256(
            name.encode() + b"\n" + bytes([kind]) + self.public).digest()[:4]

    @classmethod
    def of(cls, vkey):
        name, keyid, raw = vkey.split("+", 2)
        raw = base64.b64decode(raw, validate=True)
        key = cls(name, raw[0], public=raw[1:])
        assert len(raw) == 33 and key.keyid.hex() == keyid, f"not a vkey: {vkey}"
        return key

    @property
    def vkey(self):
        return f"{self.name}+{self.keyid.hex()}+{b64(bytes([self.kind]) + self.public)}"

    def _message(self, text, time_s):
        head = f"cosignature/v1\ntime {time_s}\n" if self.kind == COSIGNATURE else ""
        return (head + text).encode()

    def line(self, text, time_s=None):
        """The signature line of this key for a note's text; a cosignature is as of time_s."""
        when = struct.pack(">Q", time_s) if self.kind == COSIGNATURE else b""
        signature = ed25519.sign(self.seed, self._message(text, time_s))
        return f"{DASH}{self.name} {b64(self.keyid + when + signature)}\n"

    def fits(self, text, line):
        """
        None: a line of another key. Else whether the line is ours; of a cosignature its time (a
        positive number), False when it does not verify.
        """
        name, blob = parse_line(line)
        if name != self.name or blob[:4] != self.keyid:
            return None
        blob, time_s = blob[4:], None
        if self.kind == COSIGNATURE:
            if len(blob) != 72:
                return False
            time_s, blob = struct.unpack(">Q", blob[:8])[0], blob[8:]
        if not ed25519.fits(self.public, self._message(text, time_s), blob):
            return False
        return time_s or True


def parse_line(line):
    assert line.startswith(DASH) and line.endswith("\n"), f"not a signature line: {line!r}"
    name, blob = line[len(DASH):-1].split(" ")
    return name, base64.b64decode(blob, validate=True)


def split_note(note):
    """(text, [line])"""
    text, lines = note.rsplit("\n\n", 1)
    return text + "\n", [line + "\n" for line in lines.split("\n")[:-1]]


def sign_note(text, *keys):
    return text + "\n" + "".join(key.line(text) for key in keys)


Checkpoint = collections.namedtuple("Checkpoint", "origin size root")


def parse_checkpoint(text):
    origin, size, root, *_ = text.split("\n")
    return Checkpoint(origin, int(size), base64.b64decode(root, validate=True))


def checkpoint_text(origin, size, root):
    return f"{origin}\n{size}\n{b64(root)}\n"


# ---- trees: RFC 6962 section 2.1 -----------------------------------------------------------------

def _node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


class Tree:
    """A log of entries: roots of its prefixes and proofs between them. For small logs."""

    def __init__(self, entries=()):
        self.leaves = [hashlib.sha256(b"\0" + entry).digest() for entry in entries]
        self.memory = {}

    def add(self, *entries):
        self.leaves += [hashlib.sha256(b"\0" + entry).digest() for entry in entries]

    def _range(self, begin, end):
        if end - begin == 1:
            return self.leaves[begin]
        if (begin, end) not in self.memory:
            middle = begin + (1 << (end - begin - 1).bit_length() - 1)
            self.memory[begin, end] = _node(self._range(begin, middle), self._range(middle, end))
        return self.memory[begin, end]

    def root(self, size=None):
        size = len(self.leaves) if size is None else size
        return self._range(0, size) if size else hashlib.sha256(b"").digest()

    def consistency(self, old, new):
        """PROOF(old, D[new]); where nothing can be proven: []."""
        return self._subproof(old, 0, new, True) if 0 < old <= new else []

    def _subproof(self, size, begin, end, whole):
        if size == end - begin:
            return [] if whole else [self._range(begin, end)]
        half = 1 << (end - begin - 1).bit_length() - 1
        if size <= half:
            return self._subproof(size, begin, begin + half, whole) + [
                self._range(begin + half, end)]
        return self._subproof(size - half, begin + half, end, False) + [
            self._range(begin, begin + half)]


def consistent(old, old_root, new, new_root, path):
    """RFC 9162 section 2.1.4.2."""
    if not 0 < old <= new or any(len(p) != 32 for p in path):
        return False
    if old == new:
        return not path and old_root == new_root
    path = list(path)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    if not path:
        return False
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    first = second = path[0]
    for hash_ in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            first, second = _node(hash_, first), _node(hash_, second)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            second = _node(second, hash_)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and first == old_root and second == new_root


# ---- add-checkpoint ------------------------------------------------------------------------------

def add_body(old, path, note):
    return (f"old {old}\n" + "".join(b64(hash_) + "\n" for hash_ in path) + "\n" + note).encode()


def parse_add(body):
    """(old, path, note); ValueError or AssertionError when malformed."""
    head, note = body.decode().split("\n\n", 1)
    first, *lines = head.split("\n")
    word, old = first.split(" ")
    if word != "old" or str(int(old)) != old or len(lines) > 63:
        raise ValueError(first)
    return int(old), [base64.b64decode(line, validate=True) for line in lines], note


class Log:
    """A log that signs its checkpoints: what a witness is shown."""

    def __init__(self, origin, seed=bytes(range(32)), entries=()):
        self.key = Key(origin, LOG, seed)
        self.origin = origin
        self.tree = Tree(entries)

    @property
    def vkey(self):
        return self.key.vkey

    def note(self, size=None):
        size = len(self.tree.leaves) if size is None else size
        return sign_note(checkpoint_text(self.origin, size, self.tree.root(size)), self.key)

    def add(self, old, new):
        """The body that asks a witness at `old` for a cosignature at `new`."""
        return add_body(old, self.tree.consistency(old, new), self.note(new))
