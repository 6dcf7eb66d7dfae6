# SPDX-License-Identifier: Apache-2.0
"""
trail-format(7) is enough to verify a log: the first 60 lines below are all that it takes to check its
example, and know nothing but the page. Its list of messages is that of trail.proto.
"""
import base64
import hashlib
import pathlib
import re
import struct
import subprocess
import time

import pytest
import wire
from google.protobuf.descriptor import FieldDescriptor

PAGE = pathlib.Path(__file__).resolve().parents[2] / "proto" / "trail-format.7"
TEXTS = ("note", "identity")

# ---- a verifier of the example ------------------------------------------------------------------


def H(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def page_values(page):
    """Label -> bytes: what stands in the displays of the EXAMPLE section."""
    values, label = {}, None
    for display in re.findall(r"^\.Bd -literal\n(.*?)^\.Ed$", page.split(".Sh EXAMPLE\n")[1], re.M | re.S):
        for line in display.replace("\\(em", "\u2014").splitlines():
            if line.endswith(":"):
                label = line[:-1]
                values[label] = b""
            else:
                values[label] += (line + "\n").encode() if label in TEXTS else bytes.fromhex(line)
    return values


def unbase64(text, length):
    data = base64.b64decode(text, validate=True)
    assert len(data) == length and base64.b64encode(data) == text
    return data


def tree(leaves):
    if len(leaves) == 1:
        return leaves[0]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return H(b"\1", tree(leaves[:k]), tree(leaves[k:]))


def verify(v, signature_fits):
    prev, leaves, kinds, months = bytes(32), [], [], []
    for i in range(5):
        version, kind, flags, class_no, source, peer, received_ns, epoch, seq, commitment, chained = \
            struct.unpack(">BBHIQQQQQ32s32s", v[f"record {i}"])
        assert (version, flags, class_no, chained) == (1, 0, 0, prev)
        assert commitment == H(b"\2", v[f"salt {i}"], v[f"payload {i}"])
        assert v[f"leaf {i}"] == H(b"\0", v[f"record {i}"])
        prev = v[f"leaf {i}"]
        leaves, kinds = leaves + [prev], kinds + [(kind, source, peer, seq)]
        months.append((time.gmtime(received_ns // 10**9).tm_year - 1970) * 12 + time.gmtime(received_ns // 10**9).tm_mon - 1)
    assert kinds == [(8, 0, 0, 0), (8, 0, 0, 0), (3, 0, 0, 0), (2, 0, 2, 0), (1, 3, 2, 1)]
    assert v["root"] == tree(leaves)
    text, signature = v["note"].split(b"\n\n")
    origin, size, root = text.split(b"\n")
    head, vkey, genesis = v["identity"].split(b"\n")[:3]
    name, keyid, key = vkey.split(b"+", 2)
    key, blob = unbase64(key, 33), unbase64(signature.split(b" ")[2][:-1], 68)
    assert head == b"trail-log/v1" and unbase64(genesis, 32) == leaves[0] and vkey in v["payload 0"]
    assert size == b"5" and unbase64(root, 32) == v["root"] and origin == name
    assert bytes.fromhex(keyid.decode()) == blob[:4] == H(name, b"\n", key)[:4] and key[0] == 1
    chunk, c = v["chunk"], struct.unpack_from(">BBHIHHIHIH16s16sHH", v["chunk"])
    assert c[:4] == (1, 0, 2, len(chunk) - 24 - 48) and c[4:10] == (2, 2, 0, 1, 2, 1)
    assert c[10:12] == (v["salt 2"], v["salt 4"]) and chunk[60:-16] == v["payload 2"] + v["payload 4"]
    assert c[12:] == (len(v["payload 2"]), len(v["payload 4"])) and months[2] == months[4]
    ad = b"trail-chunk/v1" + leaves[0] + v["key"][:4] + struct.pack(">I", months[2]) + v["key"][4:]
    assert v["key"] == struct.pack(">IQ", 0, 2) and chunk[-16:] == H(ad, chunk[:-16])[:16]
    assert signature_fits(key[1:], text + b"\n", blob[4:])


# ---- the tests ----------------------------------------------------------------------------------

