# SPDX-License-Identifier: Apache-2.0
"""
Damages a stopped store in place, asks an oracle that is not ours (mdb_dump of lmdb-utils) whether
evidence changed, asks `traild check` what it thinks, and undoes the damage.
"""
import collections
import hashlib
import json
import os
import pathlib
import shutil
import subprocess

PAGE = 4096
LIMIT_S = 60 * float(os.environ.get("TRAIL_SLOW", "1"))
CHANGED, SAME = "changed", "same"

Outcome = collections.namedtuple("Outcome", "kind what oracle verdict code first_bad output stderr")


def dump(log_folder):
    """
    What LMDB gives to whoever reads all of it: (exit code, digest of data lines and table names).
    A death or a hang is an outcome like any other: something that is not that of a whole store.
    """
    try:
        done = subprocess.run(["mdb_dump", "-a", str(log_folder)], capture_output=True,
                              timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return "hang", b""
    data = [line for line in done.stdout.split(b"\n")
            if line.startswith(b" ") or line.startswith(b"database=")]
    return done.returncode, hashlib.sha256(b"\n".join(data)).digest()


def table(log_folder, name):
    """The rows of one table, [(key, value)]."""
    out = subprocess.run(["mdb_dump", "-s", name, str(log_folder)], capture_output=True, check=True)
    lines = [bytes.fromhex(line[1:].decode()) for line in out.stdout.split(b"\n")
             if line.startswith(b" ")]
    return list(zip(lines[::2], lines[1::2]))


class Patient:
    """A copy of a store, for one worker."""

    def __init__(self, traild, store, folder, wrapper=()):
        self.traild = list(wrapper) + [str(traild)]
        self.state = pathlib.Path(folder)
        shutil.copytree(store, self.state, copy_function=shutil.copy2)
        self.path = self.state / "log/data.mdb"
        self.file = os.open(self.path, os.O_RDWR)
        self.whole = self.path.read_bytes()
        self.pages = len(self.whole) // PAGE
        self.healthy = dump(self.state / "log")
        assert self.healthy[0] == 0

    def close(self):
        os.close(self.file)
        shutil.rmtree(self.state)

    def check(self):
        """(exit code, JSON value or None, stderr)"""
        try:
            done = subprocess.run(self.traild + ["check", "--state-dir", str(self.state),
                                                 "-o", "json"],
                                  capture_output=True, timeout=LIMIT_S, check=False)
        except subprocess.TimeoutExpired:
            return "hang", None, b""
        try:
            return done.returncode, json.loads(done.stdout), done.stderr
        except ValueError:
            return done.returncode, None, done.stderr

    def restore(self, spans):
        os.ftruncate(self.file, len(self.whole))
        for at, length in spans:
            os.pwrite(self.file, self.whole[at:at + length], at)

    def suffer(self, kind, what, writes, cut=None):
        """One damage: `writes` are (offset, bytes), `cut` a new length."""
        for at, data in writes:
            os.pwrite(self.file, data, at)
        if cut is not None:
            os.ftruncate(self.file, cut)
        try:
            oracle = SAME if dump(self.state / "log") == self.healthy else CHANGED
            code, value, stderr = self.check()
        finally:
            spans = [(at, len(data)) for at, data in writes]
            if cut is not None:
                spans.append((cut, len(self.whole) - cut))
            self.restore(spans)
        verdict = value["verdict"] if value else "none"
        return Outcome(kind, what, oracle, verdict, code, value and value.get("first_bad"),
                       json.dumps(value), stderr.decode(errors="replace"))


def bit_flip(patient, at, bit, kind="bit"):
    flipped = bytes([patient.whole[at] ^ 1 << bit])
    return patient.suffer(kind, f"bit {bit} of byte {at} (page {at // PAGE})", [(at, flipped)])


def cut(patient, length):
    return patient.suffer("cut", f"cut to {length} of {len(patient.whole)}", [], cut=length)


def page(patient, n):
    return patient.whole[n * PAGE:(n + 1) * PAGE]


def swap(patient, a, b):
    return patient.suffer("swapped page", f"pages {a} and {b}",
                          [(a * PAGE, page(patient, b)), (b * PAGE, page(patient, a))])


def zero(patient, n):
    return patient.suffer("zeroed page", f"page {n}", [(n * PAGE, bytes(PAGE))])


def old_page(patient, n, earlier):
    """The same page as it was in an earlier copy of the file."""
    return patient.suffer("old page", f"page {n}", [(n * PAGE, earlier[n * PAGE:(n + 1) * PAGE])])


def old_prefix(patient, earlier):
    """All of an earlier file: a store that is whole in itself."""
    return patient.suffer("old file", f"{len(earlier)} bytes", [(0, earlier)], cut=len(earlier))


# ---- rows changed by who may write the store and knows its formats ------------------------------

def tables(log_folder):
    """Every row of every table: {name: {key: value}}."""
    out = subprocess.run(["mdb_dump", "-a", str(log_folder)], capture_output=True, check=True)
    found, name, key = {}, None, None
    for line in out.stdout.split(b"\n"):
        if line.startswith(b"database="):
            name = line[9:].decode()
            found[name] = {}
        elif line.startswith(b" ") and key is None:
            key = bytes.fromhex(line[1:].decode())
        elif line.startswith(b" "):
            found[name][key] = bytes.fromhex(line[1:].decode())
            key = None
    return found


def write_tables(log_folder, rows, map_bytes=1 << 33):
    """A new data.mdb of these rows, made by mdb_load of lmdb-utils."""
    text = []
    for name, table_rows in rows.items():
        text.append(f"VERSION=3\nformat=bytevalue\ndatabase={name}\ntype=btree\n"
                    f"mapsize={map_bytes}\nmaxreaders=126\ndb_pagesize={PAGE}\nHEADER=END")
        text += [f" {part.hex()}" for row in sorted(table_rows.items()) for part in row]
        text.append("DATA=END")
    log = pathlib.Path(log_folder)
    for path in log.iterdir():
        path.unlink()
    subprocess.run(["mdb_load", str(log)], input="\n".join(text + [""]).encode(),
                   capture_output=True, check=True)


class Chunk:
    """A payload chunk taken apart (daemon/chunk.h): items are [index, salt, payload]."""

    def __init__(self, key, value, genesis, month):
        self.place = self._place(key, genesis, month)
        first = int.from_bytes(key[4:], "big")
        assert value[-16:] == self._tag(value[:-16])
        count, runs = (int.from_bytes(value[at:at + 2], "big") for at in (8, 10))
        indices, at = [], 12
        for _ in range(runs):
            start = first + int.from_bytes(value[at:at + 4], "big")
            indices += range(start, start + int.from_bytes(value[at + 4:at + 6], "big"))
            at += 6
        block = value[at + 16 * count:-16]
        if value[1] == 1:
            block = subprocess.run(["zstd", "-d", "-c"], input=block, capture_output=True,
                                   check=True).stdout
        ends, end = [], 2 * count
        for i in range(count):
            end += int.from_bytes(block[2 * i:2 * i + 2], "big")
            ends.append(end)
        begins = [2 * count] + ends[:-1]
        self.items = [[index, value[at + 16 * i:at + 16 * (i + 1)], block[begins[i]:ends[i]]]
                      for i, index in enumerate(indices)]

    @classmethod
    def of(cls, key, items, genesis, month):
        """A chunk that nobody packed yet."""
        chunk = cls.__new__(cls)
        chunk.place, chunk.items = cls._place(key, genesis, month), items
        return chunk

    @staticmethod
    def _place(key, genesis, month):
        return b"trail-chunk/v1" + genesis + key[:4] + month.to_bytes(4, "big") + key[4:]

    def _tag(self, before):
        return hashlib.sha256(self.place + before).digest()[:16]

    def pack(self):
        """The chunk of these items, not compressed, with a tag that fits."""
        first, runs = self.items[0][0], []
        for index, _, _ in self.items:
            if runs and runs[-1][0] + runs[-1][1] == index:
                runs[-1][1] += 1
            else:
                runs.append([index, 1])
        plain = b"".join(len(p).to_bytes(2, "big") for _, _, p in self.items) + \
            b"".join(p for _, _, p in self.items)
        count = len(self.items).to_bytes(2, "big")
        before = b"\1\0" + count + len(plain).to_bytes(4, "big") + count + \
            len(runs).to_bytes(2, "big") + \
            b"".join((i - first).to_bytes(4, "big") + n.to_bytes(2, "big") for i, n in runs) + \
            b"".join(salt for _, salt, _ in self.items) + plain
        return before + self._tag(before)
