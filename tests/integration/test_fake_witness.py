# SPDX-License-Identifier: Apache-2.0
"""
The yardsticks are straight: the Ed25519, the notes and the witness that tests measure with give the
published bytes. What they say of our programs is worth no more than this.
"""
import sys
import urllib.error
import urllib.request

import pytest
from harness import ROOT

sys.path.insert(0, str(ROOT / "tests" / "support"))
import ed25519  # noqa: E402
import tlog  # noqa: E402
from fake_witness import MODES, FakeWitness  # noqa: E402

# RFC 8032 section 7.1: TEST 1, TEST 2.
RFC_8032 = (
    ("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
     "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"),
    ("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
     "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
)
# transparency-dev/merkle's leaves; seeds 00..1f and 20..3f; opened by x/mod and torchwood.
LEAVES = [bytes.fromhex(leaf) for leaf in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
    "606162636465666768696a6b6c6d6e6f")]
LOG_VKEY = "example.org/audit+1026b77e+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
LOG_SIGNATURE = ("ECa3fixZebvr5KUnxRhCH+fpQSN9w3m1GFcjbMQYl9eZAP5H86tcTTFeIks4RHkYTXeIexbDYLIjJuf3"
                 "zPEhym6FWws=")
VKEY = "witness.example/w1+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X"
COSIGNATURE = ("IDJKvgAAAABlU/EAC0077ySvJfVI5mFHoV9/T2wpQ0xLLUYFLDzMjA7hE0dgG9zQ4x264CuW6cdcawGVIi"
               "H1M6dTs5WQGn8zmtv7Dg==")


@pytest.mark.parametrize("seed,public,message,signature", RFC_8032)
def test_ed25519_gives_the_published_bytes(seed, public, message, signature):
    seed, message = bytes.fromhex(seed), bytes.fromhex(message)
    public, signature = bytes.fromhex(public), bytes.fromhex(signature)
    assert ed25519.public(seed) == public
    assert ed25519.sign(seed, message) == signature
    assert ed25519.fits(public, message, signature)
    assert not ed25519.fits(public, message + b"x", signature)
    for bit in range(0, 512, 7):
        wrong = bytearray(signature)
        wrong[bit // 8] ^= 1 << bit % 8
        assert not ed25519.fits(public, message, bytes(wrong))


def a_log():
    return tlog.Log("example.org/audit", bytes(range(32)), LEAVES)


def test_notes_and_cosignatures_are_the_published_bytes():
    log, witness = a_log(), tlog.Key("witness.example/w1", tlog.COSIGNATURE, bytes(range(32, 64)))
    assert (log.vkey, witness.vkey) == (LOG_VKEY, VKEY)
    assert log.tree.root().hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    text, lines = tlog.split_note(log.note())
    assert lines == [f"{tlog.DASH}example.org/audit {LOG_SIGNATURE}\n"]
    line = witness.line(text, 1700000000)
    assert line == f"{tlog.DASH}witness.example/w1 {COSIGNATURE}\n"
    assert tlog.Key.of(VKEY).fits(text, line) == 1700000000
    assert tlog.Key.of(VKEY).fits(text + "x\n", line) is False
    assert tlog.Key.of(VKEY).fits(text, lines[0]) is None


def test_proofs_are_the_published_ones_and_bind():
    tree = a_log().tree
    starts = {(1, 8): "96a296d2 5f083f0a 6b47aaf2", (2, 5): "5f083f0a bc1a0643",
              (6, 8): "0ebc5d34 ca854ea1 d37ee418", (3, 7): "0298d122 07506a85 fac54203 837dbb15",
              (4, 7): "837dbb15"}
    for (old, new), want in starts.items():
        assert " ".join(p[:4].hex() for p in tree.consistency(old, new)) == want
    other = tlog.Tree(LEAVES[:4] + [b"another"] * 4)
    for old in range(1, 9):
        for new in range(old, 9):
            path = tree.consistency(old, new)
            assert tlog.consistent(old, tree.root(old), new, tree.root(new), path)
            if new > 4:
                assert not tlog.consistent(old, tree.root(old), new, other.root(new), path)


def post(witness, body):
    request = urllib.request.Request(witness.url + "/add-checkpoint", body)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read(1 << 10)
    except urllib.error.HTTPError as refused:
        return refused.code, refused.headers["Content-Type"], refused.read(1 << 10)


@pytest.fixture(params=["127.0.0.1", "::1"])
def witness(request):
    fake = FakeWitness("witness.example/w1", [LOG_VKEY], bytes(range(32, 64)), host=request.param)
    yield fake
    fake.close()


def test_it_behaves(witness):
    log = a_log()
    for old, new, want in ((0, 3, 200), (3, 5, 200), (5, 5, 200), (3, 8, 409), (5, 8, 200),
                           (8, 5, 400)):
        status, kind, body = post(witness, log.add(old, new))
        assert status == want, body
        if status == 409:
            assert (kind, body) == ("text/x.tlog.size", b"5\n")
    text, _ = tlog.split_note(log.note())
    status, _, body = post(witness, log.add(8, 8))
    assert status == 200 and tlog.Key.of(VKEY).fits(text, body.decode()) > 1700000000
    fork = tlog.Log("example.org/audit", bytes(range(32)), LEAVES[:7] + [b"another"])
    assert post(witness, fork.add(8, 8))[0] == 422
    assert post(witness, tlog.Log("elsewhere", bytes(range(32)), LEAVES).add(0, 8))[0] == 404
    assert post(witness, tlog.Log("example.org/audit", b"x" * 32, LEAVES).add(8, 8))[0] == 403
    assert len(witness.wait(9, 1)) == 10


def test_every_lie_is_one(witness):
    """No mode but the honest ones gives what a careful client would take for a cosignature."""
    log = a_log()
    text, _ = tlog.split_note(log.note())
    good = {"honest", "slow", "future", "past", "twice", "strangers"}
    witness.delay_s = 0.1
    post(witness, log.add(0, 8))
    for mode in set(MODES) - {"hang", "close", "trickle", "endless", "redirect"}:
        witness.mode = mode
        status, _, body = post(witness, log.add(8, 8))
        try:
            lines = body.decode().splitlines(keepends=True)
            verdicts = [tlog.Key.of(VKEY).fits(text, line) for line in lines]
        except (AssertionError, ValueError):
            verdicts = []
        found = status == 200 and any(verdicts) and False not in verdicts
        assert found == (mode in good), mode
