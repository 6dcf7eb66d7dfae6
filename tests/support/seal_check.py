#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
A second implementation of the seal check, from FORMATS.md sections 1, 2 and 6, RFC 6962 and RFC
8032, that shares nothing with the project: what it demands are V1 to V7, and V8 of a log that runs.

    seal_check.py STATE IDENTITY    a stopped store, by mdb_dump, and the log identity file

Exit codes: 0 valid, 5 invalid, 6 unverifiable.
"""
import base64
import collections
import hashlib
import pathlib
import subprocess
import sys

SEAL, DAEMON, START, CLOCK = 6, 8, 1, 3
Verdict = collections.namedtuple("Verdict", "word first broken sealed seals")

# Ed25519: RFC 8032 sections 5.1.3, 5.1.4, 5.1.7.
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D, I = -121665 * pow(121666, -1, P) % P, pow(2, (P - 1) // 4, P)


def point(raw):
    """(X, Y, Z, T), or None: no point."""
    y = int.from_bytes(raw, "little") & (1 << 255) - 1
    sign = raw[31] >> 7
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    x = x * I % P if u and v * x * x % P == P - u else x
    x = P - x if x & 1 != sign else x
    return (x, y, 1, x * y % P) if y < P and v * x * x % P == u and x < P else None


def add(a, b):
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    c, d = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = f - e, d - c, d + c, f + e
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def times(k, a):
    out = (0, 1, 1, 0)
    while k:
        out = add(out, a) if k & 1 else out
        a, k = add(a, a), k >> 1
    return out


BASE = point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def signed(public, text, sig):
    a, r, s = point(public), point(sig[:32]), int.from_bytes(sig[32:], "little")
    if a is None or r is None or s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(sig[:32] + public + text).digest(), "little") % L
    left, right = times(s, BASE), add(r, times(k, a))
    return all((left[i] * right[2] - right[i] * left[2]) % P == 0 for i in (0, 1))


def leaf(entry):
    return hashlib.sha256(b"\0" + entry).digest()


def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


class Tree:
    peaks = ()  # complete subtrees from left to right, (leaves, root)

    def grow(self, hashed):
        new = (1, hashed)
        while self.peaks and self.peaks[-1][0] == new[0]:
            new, self.peaks = (2 * new[0], node(self.peaks[-1][1], new[1])), self.peaks[:-1]
        self.peaks += (new,)

    def root(self):
        out = None
        for _, peak in reversed(self.peaks):
            out = peak if out is None else node(peak, out)
        return out or hashlib.sha256(b"").digest()


def climb(hashed, index, path):
    for sibling in path:
        hashed = node(sibling, hashed) if index & 1 else node(hashed, sibling)
        index >>= 1
    return hashed if index == 0 else None


def varint(raw, at):
    value = shift = 0
    while True:
        value |= (raw[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if raw[at - 1] < 128:
            return value, at


def fields(raw):
    """{number: value} of a protobuf message of numbers and bytes."""
    out, at = collections.defaultdict(int), 0
    while at < len(raw):
        tag, at = varint(raw, at)
        value, at = varint(raw, at)
        if tag & 7 == 2:
            value, at = raw[at:at + value], at + value
        elif tag & 7:
            raise ValueError("wire type")
        if at > len(raw):
            raise ValueError("cut")
        out[tag >> 3] = value
    return out


def text_of(text):
    head, origin, epoch, size, root, time, end = text.decode().split("\n")
    numbers = [int(n) for n in (epoch, size, time)]
    if head != "trail-seal/v1" or end or [str(n) for n in numbers] != [epoch, size, time]:
        raise ValueError("text")
    return origin, numbers[0], numbers[1], base64.b64decode(root, validate=True), numbers[2]


def fault_of(genesis, payload, due, index, root, time):
    """The first demand that a SEAL breaks; None: it holds."""
    try:
        seal = fields(payload)
        origin, epoch, size, said, when = text_of(seal[1])
        path = [seal[3][i:i + 32] for i in range(0, len(seal[3]), 32)]
        lengths = len(seal[2]), len(seal[3]), len(seal[4]), len(said)
        if lengths != (32, 32 * genesis[5], 64, 32):
            raise ValueError("lengths")
        entry = b"trail-seal-key/v1\n" + epoch.to_bytes(4, "big") + seal[2]
    except (ValueError, IndexError, TypeError, AttributeError, OverflowError):
        return "form", due
    if origin != genesis[2].decode() or climb(leaf(entry), epoch, path) != genesis[4]:
        return "V4" if origin == genesis[2].decode() else "origin", due
    if not signed(seal[2], seal[1], seal[4]):
        return "V5", due
    tree = "V3 index" if size != index else "V3 root" if said != root else None
    return ("V2" if epoch != due else tree or ("V6" if when != time else None)), epoch


def judge(identity, records, payloads, now_ns=None):
    """payloads: {index: (salt, payload)} of control entries. now_ns: the log runs, and it is now."""
    pinned = base64.b64decode(identity.split("\n")[2])
    tree, due, last, excused, whole, sealed, seals = Tree(), 0, None, False, True, None, 0
    genesis = fields(payloads[0][1])
    longest = genesis[6]
    broken = [] if leaf(records[0]) == pinned else [(0, "V1")]  # [(index, demand)]
    for index, raw in enumerate(records):
        kind, time = raw[1], int.from_bytes(raw[24:32], "big")
        salt, payload = payloads.get(index, (b"", b""))
        opens = hashlib.sha256(b"\2" + salt + payload).digest() == raw[48:80]
        if kind in (SEAL, DAEMON) and not opens:
            broken.append((index, "payload"))
        if kind == DAEMON and index and opens:
            excused |= fields(payload)[1] in (START, CLOCK)
        if kind == SEAL:
            fault, epoch = fault_of(genesis, payload, due, index, tree.root(), time)
            if fault:
                broken.append(((sealed or 0) if fault == "V3 root" else index, fault))
            if last is not None and not excused and time - last > longest:
                broken.append((index, "V7"))
            whole = whole and not fault
            sealed = index if whole else sealed
            due, last, excused, seals = epoch + 1, time, False, seals + 1
        tree.grow(leaf(raw))
    begun = int.from_bytes(records[0][24:32], "big") if last is None else last
    if now_ns is not None and now_ns - begun > longest:
        broken.append((len(records) - 1, "V8"))
    against = [b for b in broken if b[1] != "V7"]
    exact = [b for b in against if b[1] != "V3 root"]  # a root speaks against a range
    word = "invalid" if against else "unverifiable" if broken else "valid"
    return Verdict(word, min(exact or against, default=(None,))[0], broken, sealed, seals)


def table(state, name):
    out = subprocess.run(["mdb_dump", "-s", name, state / "log"], capture_output=True, check=True)
    lines = [bytes.fromhex(line[1:].decode()) for line in out.stdout.splitlines()
             if line.startswith(b" ")]
    return zip(lines[::2], lines[1::2])


def store(state):
    spine = b"".join(value for _, value in table(state, "spine"))
    return ([spine[i:i + 112] for i in range(0, len(spine), 112)],
            {int.from_bytes(k, "big"): (v[1:17], v[17:]) for k, v in table(state, "control")})


if __name__ == "__main__":
    verdict = judge(pathlib.Path(sys.argv[2]).read_text(), *store(pathlib.Path(sys.argv[1])))
    print(verdict)
    sys.exit({"valid": 0, "invalid": 5, "unverifiable": 6}[verdict.word])
