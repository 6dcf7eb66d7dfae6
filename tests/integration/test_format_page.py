# SPDX-License-Identifier: Apache-2.0
"""
trail-format(7) is enough to verify a log: the first 60 lines of code below are all that it takes to
check its example, and know nothing but the page. Its list of messages is that of trail.proto.
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

# ---- a verifier of the example ------------------------------------------------------------------


def H(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def page_values(page):
    """Label -> bytes: what stands in the displays of the EXAMPLE section."""
    values, label, example = {}, None, page.split(".Sh EXAMPLE\n")[1]
    for display in re.findall(r"^\.Bd -literal\n(.*?)^\.Ed$", example, re.M | re.S):
        for line in display.replace("\\(em", "\u2014").splitlines():
            if line.endswith(":"):
                label, values[line[:-1]] = line[:-1], b""
            else:
                text = label in ("note", "identity")
                values[label] += (line + "\n").encode() if text else bytes.fromhex(line)
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


def verify(v):
    """All but the signature: returns (public key, message, signature)."""
    prev, leaves, kinds, months = bytes(32), [], [], []
    for i in range(5):
        version, kind, flags, class_no, source, peer, received_ns, _, seq, commitment, chained = \
            struct.unpack(">BBHIQQQQQ32s32s", v[f"record {i}"])
        assert (version, flags, class_no, chained) == (1, 0, 0, prev)
        assert commitment == H(b"\2", v[f"salt {i}"], v[f"payload {i}"])
        assert v[f"leaf {i}"] == H(b"\0", v[f"record {i}"])
        prev = v[f"leaf {i}"]
        leaves, kinds = leaves + [prev], kinds + [(kind, source, peer, seq)]
        utc = time.gmtime(received_ns // 10**9)
        months.append((utc.tm_year - 1970) * 12 + utc.tm_mon - 1)
    assert kinds == [(8, 0, 0, 0), (8, 0, 0, 0), (3, 0, 0, 0), (2, 0, 2, 0), (1, 3, 2, 1)]
    text, signature = v["note"].split(b"\n\n")
    origin, size, root = text.split(b"\n")
    head, vkey, genesis = v["identity"].split(b"\n")[:3]
    name, keyid, key = vkey.split(b"+", 2)
    dash, signer, blob = signature.rstrip(b"\n").split(b" ")
    key, blob = unbase64(key, 33), unbase64(blob, 68)
    assert head == b"trail-log/v1" and unbase64(genesis, 32) == leaves[0] and vkey in v["payload 0"]
    assert (dash.decode(), origin, size, signer) == ("\u2014", name, b"5", name)
    assert unbase64(root, 32) == v["root"] == tree(leaves)
    assert bytes.fromhex(keyid.decode()) == blob[:4] == H(name, b"\n", key)[:4] and key[0] == 1
    chunk, c = v["chunk"], struct.unpack_from(">BBHIHHIHIH16s16sHH", v["chunk"])
    assert c[:4] == (1, 0, 2, len(chunk) - 24 - 48) and c[4:10] == (2, 2, 0, 1, 2, 1)
    assert c[10:] == (v["salt 2"], v["salt 4"], len(v["payload 2"]), len(v["payload 4"]))
    assert chunk[60:-16] == v["payload 2"] + v["payload 4"] and months[2] == months[4]
    ad = b"trail-chunk/v1" + leaves[0] + v["key"][:4] + struct.pack(">I", months[2]) + v["key"][4:]
    assert v["key"] == struct.pack(">IQ", 0, 2) and chunk[-16:] == H(ad, chunk[:-16])[:16]
    return key[1:], text + b"\n", blob[4:]


def signature_fits(folder, public, message, signature):
    (folder / "key").write_bytes(bytes.fromhex("302a300506032b6570032100") + public)
    (folder / "text").write_bytes(message)
    (folder / "sig").write_bytes(signature)
    command = "openssl pkeyutl -verify -pubin -keyform DER -inkey key -rawin -in text -sigfile sig"
    done = subprocess.run(command.split(), cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode == 0 and "Verified Successfully" in done.stdout


# ---- the tests ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def values():
    return page_values(PAGE.read_text())


def test_example_verifies(values, folder):
    assert len(values) == 5 * 4 + 5
    assert signature_fits(folder, *verify(values))


def digits(value):
    """Every value that differs from `value` in one hex digit."""
    for at in range(2 * len(value)):
        text = value.hex()
        yield bytes.fromhex(text[:at] + f"{int(text[at], 16) ^ 1:x}" + text[at + 1:])


def letters(value):
    """Every text that differs from `value` in one letter."""
    for at, byte in enumerate(value):
        yield value[:at] + (b"A" if byte != ord("A") else b"B") + value[at + 1:]


def stands(changed, folder):
    try:
        return signature_fits(folder, *verify(changed))
    except (AssertionError, ValueError, struct.error):
        return False


def test_example_fails_with_any_digit_changed(values, folder):
    count = 0
    for label, value in values.items():
        for other in (letters if label in ("note", "identity") else digits)(value):
            count += 1
            assert not stands(dict(values, **{label: other}), folder), \
                f"{label} may be {other} as well"
    assert count > 2000


def test_example_says_what_the_page_says_it_does(values):
    event = wire.pb.Event.FromString(values["payload 4"])
    assert (event.actor.id, event.object.id, event.subject) == ("u17", "/journal/4711", "p-93")
    assert wire.pb.Source.FromString(values["payload 3"]).name == "journal"
    assert wire.pb.Peer.FromString(values["payload 2"]).name == "0"
    assert wire.pb.Daemon.FromString(values["payload 1"]).what == wire.pb.Daemon.START
    genesis = wire.pb.Genesis.FromString(values["payload 0"])
    assert (genesis.format, genesis.origin, len(genesis.random)) == (1, "log.example/trail", 32)


# ---- the messages -------------------------------------------------------------------------------

TYPES = {getattr(FieldDescriptor, "TYPE_" + name.upper()): name
         for name in ("uint64", "int64", "uint32", "string", "bytes", "bool")}


def page_schema(page):
    page = re.sub(r"/\*.*?\*/", "", page, flags=re.S)
    messages = {name: set(re.findall(r"(repeated )?(\w+) (\w+)=(\d+);", body))
                for name, body in re.findall(r"^message ([\w.]+) \{(.*?)\}$", page, re.M | re.S)}
    enums = {name: set(re.findall(r"(\w+)=(\d+);", body))
             for name, body in re.findall(r"^enum ([\w.]+) \{(.*?)\}$", page, re.M | re.S)}
    return messages, enums


def proto_schema():
    messages, enums = {}, {}

    def add(message, prefix):
        messages[prefix + message.name] = {
            ("repeated " if f.label == f.LABEL_REPEATED else "",
             TYPES.get(f.type) or (f.message_type or f.enum_type).name, f.name, str(f.number))
            for f in message.fields}
        for nested in message.nested_types:
            add(nested, prefix + message.name + ".")
        for enum in message.enum_types:
            add_enum(enum, prefix + message.name + ".")

    def add_enum(enum, prefix):
        enums[prefix + enum.name] = {(v.name, str(v.number)) for v in enum.values}

    for message in wire.pb.DESCRIPTOR.message_types_by_name.values():
        add(message, "")
    for enum in wire.pb.DESCRIPTOR.enum_types_by_name.values():
        add_enum(enum, "")
    return messages, enums


def test_messages_are_those_of_trail_proto():
    page, proto = page_schema(PAGE.read_text()), proto_schema()
    for on_page, in_proto in zip(page, proto):
        assert sorted(on_page) == sorted(in_proto)
        for name, fields in in_proto.items():
            assert on_page[name] == fields, name


def test_page_is_clean():
    done = subprocess.run(["mandoc", "-Tlint", "-Wwarning", str(PAGE)], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
