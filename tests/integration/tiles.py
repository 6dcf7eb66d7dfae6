# SPDX-License-Identifier: Apache-2.0
"""
Trees of tiles, c2sp.org/tlog-tiles, made and read anew: shares nothing with the project but the
hashes of wire.py. Keys and signatures by openssl.
"""
import base64
import hashlib
import struct
import subprocess

import wire

WIDTH = 256


def name(folder, number, width=WIDTH):
    """tile/0/x001/234/067.p/17"""
    digits = str(number)
    digits = digits.zfill((len(digits) + 2) // 3 * 3)
    groups = [digits[i:i + 3] for i in range(0, len(digits), 3)]
    path = "/".join(["x" + g for g in groups[:-1]] + groups[-1:])
    return f"tile/{folder}/{path}" + (f".p/{width}" if width < WIDTH else "")


def put(files, folder, items):
    """Cut what makes a level into tiles."""
    for number in range(0, len(items), WIDTH):
        part = items[number:number + WIDTH]
        files[name(folder, number // WIDTH, len(part))] = b"".join(part)


def tree_files(entries):
    """All files of the tree over these entries: name -> bytes."""
    files = {}
    put(files, "entries", [struct.pack(">H", len(e)) + e for e in entries])
    row, level = [wire.leaf_hash(e) for e in entries], 0
    while row:
        put(files, str(level), row)
        row = [wire.tree_hash(row[i:i + WIDTH]) for i in range(0, len(row) - WIDTH + 1, WIDTH)]
        level += 1
    return files


def root(entries):
    return wire.tree_hash([wire.leaf_hash(e) for e in entries])


class Key:
    """A log's key, in a file of `folder`."""

    def __init__(self, folder, origin):
        self.origin, self.path = origin, folder / "key.pem"
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", self.path], check=True)
        der = subprocess.run(["openssl", "pkey", "-in", self.path, "-pubout", "-outform", "DER"],
                             check=True, capture_output=True).stdout
        key = b"\1" + der[-32:]
        self.keyid = hashlib.sha256(origin.encode() + b"\n" + key).digest()[:4]
        self.vkey = f"{origin}+{self.keyid.hex()}+{base64.b64encode(key).decode()}"

    def sign(self, text, folder):
        (folder / "text").write_bytes(text)
        signature = subprocess.run(
            ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", self.path, "-in", folder / "text"],
            check=True, capture_output=True).stdout
        line = base64.b64encode(self.keyid + signature).decode()
        return text + f"\n\u2014 {self.origin} {line}\n".encode()

    def checkpoint(self, size, tree_root, folder):
        text = f"{self.origin}\n{size}\n{base64.b64encode(tree_root).decode()}\n"
        return self.sign(text.encode(), folder)

    def identity(self, genesis):
        return f"trail-log/v1\n{self.vkey}\n{base64.b64encode(genesis).decode()}\n"


def write(folder, files):
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def needed(size):
    """The names of the files that a tree of this size has."""
    names, level, count = [], 0, size
    while count:
        for number in range(0, count, WIDTH):
            width = min(WIDTH, count - number)
            names.append(name(str(level), number // WIDTH, width))
            if level == 0:
                names.append(name("entries", number // WIDTH, width))
        level, count = level + 1, count // WIDTH
    return names


def entries_of(bundle):
    out, at = [], 0
    while at < len(bundle):
        length, = struct.unpack_from(">H", bundle, at)
        assert at + 2 + length <= len(bundle)
        out.append(bundle[at + 2:at + 2 + length])
        at += 2 + length
    return out


def read(folder):
    """The entries of the tree in `folder`, and its checkpoint: every needed file must fit."""
    cp = wire.checkpoint_parse((folder / "checkpoint").read_bytes())
    entries, files = [], {}
    for path in needed(cp.size):
        try:
            files[path] = (folder / path).read_bytes()
        except FileNotFoundError:
            # A reader falls back to the full tile, and takes its beginning.
            full, width = path.split(".p/")
            data = (folder / full).read_bytes()
            if path.startswith("tile/entries/"):
                data = b"".join(struct.pack(">H", len(e)) + e
                                for e in entries_of(data)[:int(width)])
            else:
                data = data[:int(width) * 32]
            files[path] = data
        if path.startswith("tile/entries/"):
            entries += entries_of(files[path])
    assert len(entries) == cp.size and root(entries) == cp.root
    assert files == tree_files(entries)
    return entries, cp
