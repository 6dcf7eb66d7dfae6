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
