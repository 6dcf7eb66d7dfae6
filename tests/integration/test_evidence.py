# SPDX-License-Identifier: Apache-2.0
"""
G3, offline: evidence for one record (`trail prove`), and for an answer (`search --evidence`), is
judged by who has nothing but it and the log identity: by us, by Python here, by Go and by openssl.
"""
import base64
import hashlib
import json
import os
import pathlib
import random
import resource
import shutil
import subprocess
import time

import pytest
import sanitizers
import tsa
import wire
from foreign import built
from harness import ROOT, SEED
from test_cli import Trail
from test_witnessed import QUICK, Board, vkey_of, wait_until
from wire import Client, pb

VECTORS = ROOT / "tests/vectors/evidence"
VALID, INVALID, OPEN = 0, 5, 6
FILES = ["README.txt", "SHA256SUMS", "checkpoint", "evidence.txt", "log.identity", "query.txt",
         "records.txt", "rows.jsonl"]
UNSEALED = "evidence.unsealed"


class Case:
    """A daemon, the tool, and what a verifier has got by a path that he trusts."""

    def __init__(self, traild, build, folder, state_dir=None, origin="example.org/test", **config):
        self.folder = folder
        self.daemon = traild.start(state_dir, config=config, origin=origin)
        self.trail = Trail(build / "trail", folder, self.daemon.address)
        self.identity = folder / "identity"
        self.identity.write_text(self.trail("key").stdout)

    def emit(self, obj, *more):
        return self.trail.json("emit", "read", obj, "--source", "journal", *more)["index"]

    def sealed(self, index):
        """Wait for the first SEAL behind the record."""
        end = time.monotonic() + wire.TIME_LIMIT_S
        with Client(self.daemon.address) as client:
            while time.monotonic() < end:
                answer = client.want("checkpoint", checkpoint=pb.CheckpointRequest(
                    sealed=True, above=index))
                if answer.seal:
                    return answer
        raise AssertionError(f"no SEAL came behind record {index}")

    def newest_cosigned(self):
        """How much of the log a quorum cosigned."""
        with Client(self.daemon.address) as client:
            note = client.want("checkpoint", checkpoint=pb.CheckpointRequest()).cosigned
        return wire.checkpoint_parse(note).size if note else 0

    def prove(self, index, name="proof"):
        path = self.folder / f"{name}.tlog-proof"
        path.write_text(self.trail("prove", index).stdout)
        return path

    def verify(self, path, *more, code=VALID, log=True):
        """The verdict, by a tool that no daemon answers."""
        words = ["--log", self.identity] if log else []
        done = self.trail(*words, *more, "verify", path, "-o", "json", code=code,
                          address="/nowhere", state="elsewhere")
        return json.loads(done.stdout)

    def codes(self, path, *more, code=INVALID, log=True):
        return {f["code"] for f in self.verify(path, *more, code=code, log=log)["findings"]}


@pytest.fixture
def case(traild, build, folder):
    return Case(traild, build, folder, seal_epoch=1)


@pytest.fixture
def slow(traild, build, folder):
    """A log that seals at its start, and not again while the test runs."""
    return Case(traild, build, folder)


# ---- one proof ----------------------------------------------------------------------------------


def test_g3_a_sealed_proof_is_verified_with_the_daemon_stopped(case):
    index = case.emit("/journal/4711", "--subject", "p-93", "--purpose", "case:2026-118")
    case.sealed(index)
    proof = case.prove(index)
    case.daemon.stop()
    verdict = case.verify(proof)
    assert verdict["verdict"] == "valid" and verdict["identity"] == "given"
    assert verdict["findings"] == [] and verdict["checked"] == verdict["payloads"] == 5
    assert verdict["entry"]["index"] == index and verdict["entry"]["subject"] == "p-93"
    assert verdict["entry"]["source"] == "journal"
    assert verdict["entry"]["peer"] == f"unix:{os.getuid()}"
    assert verdict["sealed"]["size"] == verdict["size"] > index
    assert verdict["sealed"]["epoch"] >= 1
    assert verdict["not_before"]["size"] < index
    assert verdict["not_before"]["time"] <= verdict["entry"]["received"] <= verdict["sealed"]["time"]
    # In words, too, and on a copy elsewhere.
    copy = shutil.copy(proof, case.folder / "copy")
    text = case.trail("--log", case.identity, "--utc", "verify", copy, address="/nowhere").stdout
    assert text.startswith("valid: ")
    for part in ("read /journal/4711 about person p-93", "signed ", f"sealed      in epoch "
                 f"{verdict['sealed']['epoch']}", "not before", "It does not prove"):
        assert part in text, text
    assert case.trail("--log", case.identity, "verify", "-q", copy, address="/nowhere").stdout == ""


def test_g3_without_the_log_identity_nothing_is_valid(case, folder):
    index = case.emit("x")
    case.sealed(index)
    proof = case.prove(index)
    assert case.codes(proof, code=OPEN, log=False) == {"evidence.identity"}
    assert case.verify(proof, code=OPEN, log=False)["identity"] == "from the proof itself"
    # Another log under the same name, and under the same key with another beginning.
    lines = case.identity.read_text().split("\n")
    other = folder / "other"
    genesis = base64.b64encode(hashlib.sha256(b"another").digest()).decode()
    other.write_text("\n".join([*lines[:2], genesis, ""]))
    case.identity = other
    assert case.codes(proof) == {"evidence.genesis"}
    other.write_text((VECTORS / "log.identity").read_text())
    assert case.codes(proof) == {"evidence.genesis"}


def test_g3_any_byte_of_a_proof_that_is_changed_is_noticed(case):
    index = case.emit("x")
    case.sealed(index)
    sound = case.prove(index).read_bytes()
    changed = case.folder / "changed"
    rng = random.Random(SEED)
    for at in rng.sample(range(len(sound)), 60):
        changed.write_bytes(sound[:at] + bytes([sound[at] ^ 1 << rng.randrange(8)]) +
                            sound[at + 1:])
        verdict = case.verify(changed, code=INVALID)
        assert verdict["verdict"] == "invalid" and verdict["uncovered"] >= 0, at
    for text in (b"", sound[:-1], sound + b"\n", sound * 2, b"\xff" * 200_000):
        changed.write_bytes(text)
        assert case.codes(changed) & {"evidence.malformed", "evidence.note"}


def rewrite(path, change):
    """The proof with its evidence changed as somebody would who knows the format."""
    lines = path.read_bytes().split(b"\n")
    evidence = pb.Evidence.FromString(base64.b64decode(lines[1].removeprefix(b"extra ")))
    change(evidence)
    lines[1] = b"extra " + base64.b64encode(evidence.SerializeToString(deterministic=True))
    out = path.with_name("rewritten")
    out.write_bytes(b"\n".join(lines))
    return out


def clear(*fields):
    def change(evidence):
        for number, name in fields:
            evidence.items[number].ClearField(name)
    return change


def test_g3_each_lie_about_a_record_has_a_code_of_its_own(case):
    index = case.emit("x")
    case.sealed(index)
    proof = case.prove(index)

    def lie(change, code=INVALID):
        return case.codes(rewrite(proof, change), code=code)

    def payload(evidence):
        evidence.items[0].payload = evidence.items[0].payload.replace(b"x", b"y")

    def drop(number):
        return lambda evidence: evidence.items.__delitem__(number)

    def path(evidence):
        evidence.items[2].path[0] = bytes(32)

    def seal(evidence):
        evidence.seal = evidence.items[4].payload

    def unsealed(evidence):
        evidence.ClearField("seal")

    assert lie(payload) == {"evidence.commitment"}
    assert lie(path) == {"evidence.path"}
    assert [lie(drop(n)) for n in range(5)] == [
        {"evidence.malformed"}, {"evidence.items"}, {"evidence.items"}, {"evidence.items"},
        {"evidence.epoch"}]
    assert lie(seal) == {"evidence.seal"}
    assert lie(unsealed, OPEN) == {UNSEALED}
    # What may be erased is told as not there; what cannot be is missing.
    assert lie(clear((0, "salt"), (0, "payload")), OPEN) == {"evidence.erased"}
    assert lie(clear((3, "salt"), (3, "payload")), OPEN) == {"evidence.erased"}
    assert lie(clear((2, "salt"), (2, "payload"))) == {"evidence.name"}
    assert lie(clear((1, "salt"), (1, "payload"))) == {"evidence.genesis"}


def test_g3_an_erased_event_is_told_as_not_there(case):
    index = case.emit("/secret")
    case.sealed(index)
    proof = rewrite(case.prove(index), clear((0, "salt"), (0, "payload")))
    text = case.trail("--log", case.identity, "verify", proof, code=OPEN).stdout
    assert "erased" in text and "an EVENT in journal" in text and "/secret" not in text


def test_a_record_that_is_not_sealed_yet_is_told_so(traild, build, folder):
    case = Case(traild, build, folder, seal_epoch=4)
    told = ""
    for _ in range(10):  # a SEAL may come between the two on a busy machine
        case.sealed(case.emit("x"))
        index = case.emit("y")
        done = case.trail("prove", index)
        told = told or done.stderr
        if "is not sealed yet" in done.stderr:
            break
    assert f"record {index} is not sealed yet" in done.stderr, told
    path = folder / "proof"
    path.write_text(done.stdout)
    verdict = case.verify(path, code=OPEN)
    assert [f["code"] for f in verdict["findings"]] == [UNSEALED] and verdict["sealed"] is None
    # Once a SEAL was made, the proof is made anew.
    case.sealed(index)
    done = case.trail("prove", index)
    assert done.stderr == ""
    path.write_text(done.stdout)
    assert case.verify(path)["sealed"]["size"] > index


def test_options_that_say_nothing_of_evidence_are_refused(case, folder):
    case.sealed(case.emit("x"))
    note = folder / "note"
    note.write_text(case.trail("checkpoint").stdout)
    proof = case.prove(5)
    for words in (["--checkpoint", note], ["--since"], ["--payloads"]):
        assert "--" in case.trail("verify", *words, proof, code=2).stderr
    assert "--tsa" in case.trail("verify", "--tsa", note, code=2).stderr
    assert "cannot read" in case.trail("verify", folder / "no such", code=3).stderr
    assert "cannot read" in case.trail("verify", "--tsa", folder / "none", proof, code=3).stderr


def test_every_kind_of_record_can_be_proven(case):
    case.sealed(case.emit("x"))
    with Client(case.daemon.address) as client:
        size = client.checkpoint().size
    for index in range(size - 1):
        if sealed_now(case, index):
            assert case.verify(case.prove(index))["entry"]["index"] == index


def sealed_now(case, index):
    with Client(case.daemon.address) as client:
        return client.want("checkpoint", checkpoint=pb.CheckpointRequest(
            sealed=True, above=index)).seal != b""


def test_the_vector_of_this_format_stays_valid(build, folder):
    trail = Trail(build / "trail", folder, "/nowhere")
    for name in ("event", "seal"):
        done = trail("--log", VECTORS / "log.identity", "verify", VECTORS / f"{name}.tlog-proof")
        assert done.stdout.startswith("valid: example.org/audit")


# ---- cosignatures, time stamps ------------------------------------------------------------------


class Witness:
    """Cosigns by openssl alone."""

    def __init__(self, folder, name):
        self.name, self.pem = name, folder / f"{name}.pem"
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", self.pem],
                       check=True, capture_output=True)
        der = subprocess.run(["openssl", "pkey", "-in", self.pem, "-pubout", "-outform", "DER"],
                             check=True, capture_output=True).stdout
        self.key = b"\x04" + der[-32:]
        self.keyid = hashlib.sha256(name.encode() + b"\n" + self.key).digest()[:4]

    @property
    def vkey(self):
        return f"{self.name}+{self.keyid.hex()}+{base64.b64encode(self.key).decode()}"

    def line(self, folder, text, seconds):
        (folder / "message").write_bytes(f"cosignature/v1\ntime {seconds}\n{text}".encode())
        subprocess.run(["openssl", "pkeyutl", "-sign", "-inkey", self.pem, "-rawin", "-in",
                        folder / "message", "-out", folder / "sig"], check=True)
        blob = self.keyid + seconds.to_bytes(8, "big") + (folder / "sig").read_bytes()
        return f"\u2014 {self.name} {base64.b64encode(blob).decode()}\n"


def test_g5_cosignatures_count_by_the_verifiers_policy(case, folder):
    index = case.emit("x")
    case.sealed(index)
    proof = case.prove(index)
    witnesses = [Witness(folder, f"w{n}.example") for n in range(3)]
    note = proof.read_text().split("\n\n", 1)[1]
    text = note[:note.index("\n\n") + 1]
    lines = [w.line(folder, text, 1_700_000_000 + n) for n, w in enumerate(witnesses)]
    proof.write_text(proof.read_text() + "".join(lines))
    policy = folder / "policy"
    policy.write_text("".join(f"witness w{n} {w.vkey}\n" for n, w in enumerate(witnesses)) +
                      "group g 2 w0 w1 w2\nquorum g\n")
    # Nobody asked for them: they are passed over, and that is said.
    assert case.verify(proof)["lines_not_judged"] == 3
    verdict = case.verify(proof, "--policy", policy)
    assert [c["name"] for c in verdict["cosigned"]] == [w.name for w in witnesses]
    assert verdict["cosigned"][1]["time"] == "2023-11-14T22:13:21.000000000Z"
    assert verdict["quorum"] and verdict["overlap"] == 1 and verdict["lines_not_judged"] == 0
    told = case.trail("--log", case.identity, "--policy", policy, "verify", proof).stdout
    assert "cosigned    by w0.example at" in told and "take 1 witness to sign both" in told
    # Every byte of their lines is under a key now.
    sound = proof.read_bytes()
    begin = len(sound) - len("".join(lines).encode())
    rng = random.Random(SEED)
    for at in rng.sample(range(begin, len(sound)), 25):
        proof.write_bytes(sound[:at] + bytes([sound[at] ^ 1]) + sound[at + 1:])
        done = case.trail("--log", case.identity, "--policy", policy, "verify", proof, "-o",
                          "json", code=None)
        seen = json.loads(done.stdout)
        # A name that nobody knows is a line of nobody: one witness less.
        assert seen["verdict"] == "invalid" or len(seen["cosigned"]) == 2, at
    proof.write_bytes(sound[:begin] + lines[0].encode())
    assert case.codes(proof, "--policy", policy, code=OPEN) == {"evidence.quorum"}
    forged = witnesses[1].line(folder, text.replace(text.split("\n")[1], "7"), 1_700_000_001)
    proof.write_bytes(sound[:begin] + lines[0].encode() + forged.encode())
    assert case.codes(proof, "--policy", policy) == {"evidence.cosignature"}


def lines_of_witnesses(answer):
    return answer.checkpoint.decode().split("\n\n", 1)[1].count("\n") - 1


@pytest.fixture
def witnesses(folder):
    made = Board(folder)
    yield made
    made.close()


def witnessed(traild, build, folder, witnesses):
    """A case whose log these witnesses know."""
    state = folder / "d"
    traild.start(state, config={"seal_epoch": 2}).stop()
    witnesses.trust(vkey_of(state))
    return Case(traild, build, folder, state_dir=state, origin=None, seal_epoch=2,
                policy=witnesses.write(), **QUICK)


def test_g5_evidence_of_a_witnessed_log_carries_its_cosignatures(
        traild, build, folder, witnesses, measured):
    case = witnessed(traild, build, folder, witnesses)
    index = case.emit("/journal/4711")
    case.sealed(index)
    wait_until(lambda: lines_of_witnesses(case.sealed(index)) >= 2)
    case.sealed(case.emit("later"))
    last = case.emit("last")
    case.sealed(last)
    wait_until(lambda: lines_of_witnesses(case.sealed(last)) >= 2)
    proofs = [case.prove(i, str(i)) for i in (index, last)]
    case.trail("search", "source:journal", "--evidence", folder / "e")
    case.daemon.stop()
    policy = witnesses.path
    for proof in proofs:
        verdict = case.verify(proof, "--policy", policy)
        assert len(verdict["cosigned"]) >= 2 and verdict["quorum"] and verdict["overlap"] == 1
    for path in (*proofs, folder / "e"):
        assert case.verify(path)["lines_not_judged"] >= 2
        assert case.verify(path, "--policy", policy)["lines_not_judged"] == 0
    assert "further signature lines: not judged" in case.trail(
        "--log", case.identity, "verify", folder / "e").stdout
    measured("bytes of a proof with 3 witnesses", proof.stat().st_size)
    # The SEAL before carries a cosigned note: by its time the record was not there.
    assert verdict["not_before"]["cosigned"]
    assert verdict["not_before"]["cosigned"][0]["time"] <= verdict["sealed"]["time"]
    assert "not before the cosignature that SEAL carries" in case.trail(
        "--log", case.identity, "--policy", policy, "verify", proof).stdout
    verdict = case.verify(folder / "e", "--policy", policy)
    assert verdict["quorum"] and verdict["cosigned_size"] > last
    # A policy for another log is met by nobody, whoever signed.
    other = witnesses.write("example.org/audit+1026b77e+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4")
    for path in (proof, folder / "e"):
        verdict = case.verify(path, "--policy", other, code=OPEN)
        assert not verdict["quorum"]
        assert [f["code"] for f in verdict["findings"]] == ["evidence.quorum"]


def test_g5_rows_that_no_cosigned_tree_holds_are_named(traild, build, folder, witnesses):
    """Witnesses that saw the log's beginning vouch for no row behind it."""
    case = witnessed(traild, build, folder, witnesses)
    seen = case.emit("seen")
    wait_until(lambda: case.newest_cosigned() > seen)
    for witness in witnesses.witnesses:
        witness.down()
    unseen = case.emit("unseen")
    case.sealed(unseen)
    case.trail("search", "source:journal", "--evidence", folder / "e")
    verdict = case.verify(folder / "e", "--policy", witnesses.path, code=OPEN)
    assert seen < verdict["cosigned_size"] <= unseen
    assert [(f["code"], f["index"]) for f in verdict["findings"]] == [("evidence.quorum", unseen)]
    assert case.verify(folder / "e")["verdict"] == "valid"


def test_g3_a_time_stamp_counts_by_the_certificates_that_the_verifier_gives(case, folder):
    index = case.emit("x")
    case.sealed(index)
    proof = case.prove(index)
    note = proof.read_text().split("\n\n", 1)[1]
    text = note[:note.index("\n\n") + 1].encode()
    authority, other = tsa.Authority(folder / "tsa"), tsa.Authority(folder / "other", "Else")
    response = authority.reply(authority.query(text))

    def stamped(data):
        return rewrite(proof, lambda evidence: setattr(evidence, "stamp", data))

    # Nobody judges it: it is not believed, and that is said.
    assert case.verify(stamped(response))["stamped"] is None
    told = case.trail("--log", case.identity, "verify", stamped(response)).stdout
    assert "stamped     not judged: give the certificates" in told

    def by(ca, path, code):
        done = case.trail("--log", case.identity, "verify", "--tsa", ca, path, "-o", "json",
                          code=code)
        return json.loads(done.stdout)

    verdict = by(authority.ca, stamped(response), VALID)
    assert verdict["stamped"] >= verdict["sealed"]["time"][:19]
    told = case.trail("--log", case.identity, "verify", "--tsa", authority.ca,
                      stamped(response)).stdout
    assert "Test Time Authority" in told
    lies = {"another authority": (other.ca, response),
            "another text": (authority.ca, authority.reply(authority.query(text + b"x"))),
            "cut": (authority.ca, response[:-1]), "bytes": (authority.ca, b"stamp")}
    for name, (ca, data) in lies.items():
        assert [f["code"] for f in by(ca, stamped(data), INVALID)["findings"]] == \
            ["evidence.stamp"], name


# ---- third parties ------------------------------------------------------------------------------


def seal_fits(payload, genesis, size=None, root=None):
    """FORMATS section 6 in a few lines: the text that a key of the log's seal tree signed."""
    seal = pb.Seal.FromString(payload)
    head, origin, epoch, sealed, sealed_root, _, rest = seal.text.decode().split("\n")
    assert head == "trail-seal/v1" and origin == genesis.origin and rest == ""
    leaf = hashlib.sha256(b"\0trail-seal-key/v1\n" + int(epoch).to_bytes(4, "big") +
                          seal.key).digest()
    path = wire.split(seal.path, 32)
    assert wire.inclusion_fits(leaf, int(epoch), 1 << genesis.seal_height, path,
                               genesis.seal_root), "no key of the seal tree"
    assert wire.ed25519_fits(seal.key, seal.text, seal.sig), "not signed by its key"
    assert size in (None, int(sealed))
    assert root in (None, base64.b64decode(sealed_root))
    return int(epoch), int(sealed), base64.b64decode(sealed_root)


def python_accepts(text, identity):
    """A .tlog-proof by FORMATS section 8, with what wire.py has; raises when it does not fit."""
    head, extra, index = text.split("\n")[:3]
    body, note = text.split("\n\n", 1)
    assert head == "c2sp.org/tlog-proof@v1"
    evidence = pb.Evidence.FromString(base64.b64decode(extra.removeprefix("extra ")))
    cp = wire.checkpoint_open(note.encode(), identity)
    items = {item.index: item for item in evidence.items}
    for item in evidence.items:
        leaf = wire.leaf_hash(item.record)
        assert wire.inclusion_fits(leaf, item.index, cp.size, item.path, cp.root)
        assert wire.commitment(item.salt, item.payload) == wire.record_parse(item.record).commitment
    first = evidence.items[0]
    assert first.index == int(index.removeprefix("index "))
    assert [base64.b64decode(line) for line in body.split("\n")[3:]] == list(first.path)
    assert wire.leaf_hash(items[0].record) == identity.genesis
    record = wire.record_parse(first.record)
    assert wire.record_parse(items[record.source].record).kind == wire.SOURCE
    assert wire.record_parse(items[record.peer].record).kind == wire.PEER
    genesis = pb.Genesis.FromString(items[0].payload)
    assert genesis.vkey == identity.vkey
    epoch, _, _ = seal_fits(evidence.seal, genesis, cp.size, cp.root)
    before = evidence.items[-1]
    assert wire.record_parse(before.record).kind == wire.SEAL and before.index < first.index
    assert seal_fits(before.payload, genesis, before.index)[0] == epoch - 1
    return evidence, cp


def test_g3_python_that_knows_only_the_format_accepts_our_proof(case):
    index = case.emit("/journal/4711")
    case.sealed(index)
    text = case.prove(index).read_text()
    identity = wire.Identity(case.identity.read_text())
    evidence, _ = python_accepts(text, identity)
    assert pb.Event.FromString(evidence.items[0].payload).object.id == "/journal/4711"
    vector = (VECTORS / "event.tlog-proof").read_text()
    python_accepts(vector, wire.Identity((VECTORS / "log.identity").read_text()))
    with pytest.raises(AssertionError):
        python_accepts(vector, identity)


def test_g3_go_accepts_the_paths_of_our_proof(case, folder):
    checker = built("check")
    index = case.emit("x")
    case.sealed(index)
    text = case.prove(index).read_text()
    identity = wire.Identity(case.identity.read_text())
    evidence, _ = python_accepts(text, identity)

    def b64(data):
        return base64.b64encode(data).decode()

    told = folder / "evidence.json"
    told.write_text(json.dumps({
        "vkey": identity.vkey, "note": text.split("\n\n", 1)[1], "consistency": [],
        "inclusion": [{"index": i.index, "leaf": b64(wire.leaf_hash(i.record)),
                       "path": [b64(p) for p in i.path]} for i in evidence.items]}))
    done = subprocess.run([checker, told], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("accepted 5 inclusion, 0 consistency; refused ")


# ---- an answer in a folder ----------------------------------------------------------------------


@pytest.fixture
def answer(case):
    """A folder with the evidence for a search, all of whose rows are sealed."""
    for n in range(12):
        index = case.emit(f"/journal/{n % 3}", "--subject", f"p-{n}", "--purpose", "år \"2026\"")
    case.sealed(index)
    case.path = case.folder / "evidence"
    case.said = case.trail("search", "source:journal", "--evidence", case.path)
    return case


def test_g3_an_answer_is_verified_with_the_daemon_stopped(answer):
    answer.daemon.stop()
    assert sorted(p.name for p in answer.path.iterdir()) == FILES
    assert answer.path.stat().st_mode & 0o777 == 0o700
    assert {p.stat().st_mode & 0o777 for p in answer.path.iterdir()} == {0o600}
    verdict = answer.verify(answer.path)
    assert verdict["verdict"] == "valid" and verdict["rows"] == 12
    asked = verdict["question"]
    assert asked["source"] == "traild" and asked["actor"]["id"] == f"uid:{os.getuid()}"
    assert {"key": "query", "value": "source:journal"} in asked["attributes"]
    rows = [json.loads(line) for line in (answer.path / "rows.jsonl").read_text().splitlines()]
    assert [r["subject"] for r in rows] == [f"p-{n}" for n in range(12)]
    assert all(r["index"] < verdict["sealed"]["size"] for r in rows)
    text = answer.trail("--log", answer.identity, "verify", answer.path, address="/nowhere").stdout
    assert "rows        12" in text and 'query "source:journal"' in text
    # Moved, and without an identity from elsewhere.
    moved = answer.path.rename(answer.folder / "moved")
    assert answer.codes(moved, code=OPEN, log=False) == {"evidence.identity"}
    words = (moved / "query.txt").read_text()
    assert "search    source:journal" in words and "rows      12 of 12" in words


def test_g3_any_file_of_an_answer_that_is_changed_is_noticed(answer):
    rng = random.Random(SEED)
    for name in FILES:
        path = answer.path / name
        sound = path.read_bytes()
        for at in rng.sample(range(len(sound)), 8):
            path.write_bytes(sound[:at] + bytes([sound[at] ^ 1 << rng.randrange(7)]) +
                             sound[at + 1:])
            assert answer.verify(answer.path, code=INVALID)["verdict"] == "invalid", (name, at)
        path.unlink()
        assert "evidence.folder" in answer.codes(answer.path)
        path.write_bytes(sound)
    more = answer.path / "more.txt"
    more.write_text("and there is this")
    assert answer.codes(answer.path) == {"evidence.folder"}
    more.unlink()
    path.unlink()
    path.symlink_to("/etc/passwd")
    assert "evidence.folder" in answer.codes(answer.path)
    path.unlink()
    path.write_bytes(sound)
    assert answer.verify(answer.path)["verdict"] == "valid"


def change(answer, name, edit, resum=True):
    """As who changes a file and makes its sum fit; answers the codes, and undoes it."""
    path, sums = answer.path / name, answer.path / "SHA256SUMS"
    before, sums_before = path.read_text(), sums.read_text()
    path.write_text(edit(before))
    if resum:
        new = hashlib.sha256(path.read_bytes()).hexdigest()
        old = hashlib.sha256(before.encode()).hexdigest()
        sums.write_text(sums_before.replace(old, new))
    codes = answer.codes(answer.path, code=None)
    path.write_text(before)
    sums.write_text(sums_before)
    return codes


def lines_of(edit):
    def whole(text):
        lines = text.splitlines()
        edit(lines)
        return "".join(line + "\n" for line in lines)
    return whole


def swap(lines):
    lines[2], lines[3] = lines[3], lines[2]


def test_g3_each_lie_about_an_answer_has_a_code_of_its_own(answer):
    def lie(name, edit):
        return change(answer, name, lines_of(edit))

    def word(old, new, at):
        def edit(lines):
            assert old in lines[at]
            lines[at] = lines[at].replace(old, new)
        return edit

    assert lie("rows.jsonl", word("p-3", "p-4", 3)) == {"evidence.rows"}
    assert lie("rows.jsonl", lambda lines: lines.pop(3)) == {"evidence.rows"}
    assert lie("rows.jsonl", swap) == {"evidence.rows"}
    assert lie("rows.jsonl", word("{", " " * 300_000 + "{", 3)) == {"evidence.folder"}
    assert set() < lie("records.txt", swap) <= {"evidence.items", "evidence.path", "evidence.rows"}
    # The row before may lean on the one that is gone.
    assert "evidence.rows" in lie("records.txt", lambda lines: lines.pop())
    shared = (answer.path / "evidence.txt").read_text().splitlines()
    words = [line.split()[0] for line in shared]
    assert words[:3] == ["trail-evidence/v1", "checkpoint", "record"]
    assert words[-2:] == ["sealed", "question"]
    assert lie("evidence.txt", lambda lines: lines.pop(-2)) == {UNSEALED}
    sealed = shared[-2].split()[1]
    other = ("B" if sealed[0] == "A" else "A") + sealed[1:]
    assert lie("evidence.txt", word(sealed, other, -2)) == {"evidence.seal"}
    assert lie("evidence.txt", lambda lines: lines.pop()) == {"evidence.malformed"}
    assert lie("evidence.txt", lambda lines: lines.pop(2)) == {"evidence.items"}
    source = [i for i, line in enumerate(shared) if line.startswith("record ")][1]
    assert set() < lie("evidence.txt", lambda lines: lines.pop(source)) <= {
        "evidence.name", "evidence.question", "evidence.items"}
    number = int(shared[-1].split()[1])
    assert lie("evidence.txt", word(str(number), str(number - 1), -1)) == {"evidence.question"}
    assert lie("evidence.txt", word("question", "row", -1)) == {"evidence.malformed"}
    assert change(answer, "checkpoint", lambda text: text + "\n") == {"evidence.folder"}
    assert change(answer, "log.identity", lambda text: text + "\n") == {"evidence.folder"}
    # A pipe is read once.
    answer.trail("--log", "/dev/stdin", "verify", answer.path, text=answer.identity.read_text())


def test_a_row_cannot_be_left_out_where_another_leans_on_it(answer):
    def pop(name, at):
        path = answer.path / name
        lines = path.read_text().splitlines(True)
        line = lines.pop(at)
        path.write_text("".join(lines))
        return line

    with Client(answer.daemon.address, claims=[("batch", 1)]) as client:
        client.append("batch", 1, 1, [wire.event(i) for i in range(5)])
    answer.path = answer.folder / "batch"
    answer.trail("search", "source:batch", "--evidence", answer.path)
    records = (answer.path / "records.txt").read_text().splitlines()
    leaning = [i for i, line in enumerate(records) if line.endswith(" -")]
    assert len(leaning) == 4, "all but the last lean on the one behind them"
    pop("records.txt", leaning[0] + 1)
    pop("rows.jsonl", leaning[0] + 1)
    assert "evidence.path" in answer.codes(answer.path)


@pytest.mark.parametrize("how", ["search", "get"])
def test_g3_rows_that_answer_another_question_are_noticed(answer, how):
    """
    Another event of the log, true and proven in the same tree, in place of the question's own: of
    another question, or of a record that somebody had shown to him, which asks for no rows at all.
    """
    answer.trail("search", "subject:p-1")
    answer.trail("show", 5)
    other = answer.trail("search", "source:journal", "--evidence", answer.folder / "e").stdout
    assert other
    path = answer.folder / "e"
    size = wire.checkpoint_parse((path / "checkpoint").read_bytes()).size
    with Client(answer.daemon.address) as client:
        asked = [row for row in client.search("source:traild").all()
                 if row.event.verb == how and row.index < size and (how == "get" or any(
                     a.value == "subject:p-1" for a in row.event.attributes))][-1]
        proof = client.prove(index=asked.index, size=size)

    def b64(data):
        return base64.b64encode(data).decode()

    line = " ".join(["record", str(asked.index), b64(asked.raw), b64(asked.salt),
                     b64(asked.payload), b64(b"".join(proof.path))])

    def forge(lines):
        mine = [i for i, text in enumerate(lines) if text.startswith("record ")][-1]
        assert lines[mine].split()[1] == lines[-1].split()[1]
        del lines[mine]
        places = [i for i, text in enumerate(lines) if text.startswith("record ") and
                  int(text.split()[1]) < asked.index]
        lines.insert(places[-1] + 1, line)
        lines[-1] = f"question {asked.index}"

    answer.path = path
    codes = change(answer, "evidence.txt", lines_of(forge))
    assert codes == {"evidence.question"}, codes


def test_limits_histories_and_empty_answers_have_evidence_too(answer):
    trail, folder = answer.trail, answer.folder
    trail("search", "source:journal", "-n", 5, "--evidence", folder / "five")
    assert answer.verify(folder / "five")["rows"] == 5
    rows = [json.loads(line) for line in (folder / "five/rows.jsonl").read_text().splitlines()]
    assert [r["subject"] for r in rows] == [f"p-{n}" for n in range(7, 12)]
    assert "rows      5 of 12" in (folder / "five/query.txt").read_text()
    trail("history", "/journal/1", "--evidence", folder / "history")
    verdict = answer.verify(folder / "history")
    assert verdict["rows"] == 4
    assert {"key": "object", "value": "/journal/1"} in verdict["question"]["attributes"]
    trail("search", "actor:nobody", "--evidence", folder / "none", code=1)
    assert answer.verify(folder / "none")["rows"] == 0


def test_evidence_takes_no_place_that_is_taken(answer):
    trail, folder = answer.trail, answer.folder
    file = folder / "file"
    file.write_text("x")
    for path, why in ((answer.path, "is not empty"), (file, "is there already"),
                      (file / "x", "Not a directory")):
        refused = trail("search", "--evidence", path, code=3)
        assert why in refused.stderr and refused.stdout == "", refused
    shut = folder / "shut"
    shut.mkdir(mode=0)
    if os.geteuid() != 0:
        assert "Permission denied" in trail("search", "--evidence", shut, code=3).stderr
    shut.rmdir()
    assert "cannot make" in trail("search", "--evidence", folder / "no/such", code=3).stderr
    for option in ("-f", "-r"):
        assert "does not go" in trail("search", option, "--evidence", folder / "x", code=2).stderr
    empty = folder / "empty"
    empty.mkdir()
    trail("search", "source:journal", "--evidence", empty)
    assert answer.verify(empty)["rows"] == 12
    left = {p.name for p in folder.iterdir() if "." in p.name and p.is_dir()}
    assert not {name for name in left if name.startswith(("evidence.", "file.", "x."))}, left


def test_what_cannot_be_written_whole_leaves_nothing(answer):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))

    before = set(answer.folder.iterdir())
    env = dict(os.environ, XDG_STATE_HOME=str(answer.folder / "state"),
               TRAIL_CONNECT=f"unix:{answer.daemon.address}")
    # Python ignores the signal that the limit sends; so does what it starts here.
    done = subprocess.run(
        [answer.trail.program, "search", "source:journal", "--evidence", answer.folder / "e"],
        env=env, capture_output=True, text=True, restore_signals=False, preexec_fn=limit,
        check=False)
    assert done.returncode == 3 and "cannot write" in done.stderr, done.stderr
    assert set(answer.folder.iterdir()) == before


@pytest.mark.limit(300)
def test_g3_without_memory_there_is_no_verdict(answer, shim):
    """Neither one for what is not judged, nor one against whom nothing speaks."""
    if sanitizers.of(answer.trail.program):
        pytest.skip("sanitizers have an allocator of their own")
    changed = answer.folder / "changed"
    shutil.copytree(answer.path, changed)
    rows, sums = changed / "rows.jsonl", changed / "SHA256SUMS"
    before = hashlib.sha256(rows.read_bytes()).hexdigest()
    lines = rows.read_text().splitlines()
    rows.write_text("".join(line + "\n" for line in lines[:-1] + [lines[-1].replace("p-11", "p-12")]))
    sums.write_text(sums.read_text().replace(before, hashlib.sha256(rows.read_bytes()).hexdigest()))
    proof = answer.prove(json.loads(lines[0])["index"])
    for path, verdict in ((answer.path, VALID), (changed, INVALID), (proof, VALID)):
        codes = []
        at = 1
        # The first calls stand for much, the others come again with every row.
        while at < 2000:
            env = dict(os.environ, LD_PRELOAD=str(shim), ALLOC_FAIL_AT=str(at),
                       XDG_STATE_HOME=str(answer.folder / "state"))
            codes.append(subprocess.run(
                [answer.trail.program, "--log", answer.identity, "verify", path], env=env,
                capture_output=True, check=False).returncode)
            at += 1 if at < 300 else 7
        assert set(codes) == {verdict, 3}, (path, codes)


def test_g3_rows_that_are_not_sealed_yet_are_told(slow):
    for n in range(3):
        slow.emit(f"x{n}")
    slow.trail("search", "source:journal", "--evidence", slow.folder / "e")
    verdict = slow.verify(slow.folder / "e", code=OPEN)
    assert [f["code"] for f in verdict["findings"]] == [UNSEALED]
    assert "3 of 3 rows" in verdict["findings"][0]["what"]


def python_accepts_folder(path, identity):
    """The steps of README.txt, "Without our program"."""
    lines = [line.split(" ") for line in (path / "evidence.txt").read_text().splitlines()]
    rows = [line.split(" ") for line in (path / "records.txt").read_text().splitlines()]
    cp = wire.checkpoint_open((path / "checkpoint").read_bytes(), identity)
    assert base64.b64decode(lines[1][1]) == (path / "checkpoint").read_bytes()

    def un(text):
        return b"" if text == "-" else base64.b64decode(text, validate=True)

    leaning = None
    seals = []
    shared = [line for line in lines if line[0] == "record"]
    for _, number, record, salt, payload, hashes in shared + rows:
        index, record, salt, payload = int(number), un(record), un(salt), un(payload)
        leaf = hashlib.sha256(b"\0" + record).digest()
        assert hashlib.sha256(b"\2" + salt + payload).digest() == record[48:80]
        if leaning:
            assert (index, record[80:112]) == leaning
        leaning = (index + 1, leaf) if hashes == "-" else None
        if not leaning:
            assert wire.inclusion_fits(leaf, index, cp.size, wire.split(un(hashes), 32), cp.root)
        if index == 0:
            assert leaf == identity.genesis
            genesis = pb.Genesis.FromString(payload)
        if record[1] == wire.SEAL:
            seals.append(seal_fits(payload, genesis, index))
    assert leaning is None and len(seals) == 1
    sealed = [line for line in lines if line[0] == "sealed"]
    assert wire.consistency_fits(seals[0][1], cp.size, wire.split(un(sealed[0][1]), 32),
                                 seals[0][2], cp.root)
    return len(rows)


def test_g3_python_that_knows_only_the_readme_accepts_our_answer(answer):
    identity = wire.Identity(answer.identity.read_text())
    assert python_accepts_folder(answer.path, identity) == 12
    subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=answer.path, check=True)


def test_the_commands_of_the_readme_verify_the_checkpoint(answer, folder):
    text = (answer.path / "README.txt").read_text()
    begin = text.index("head -3 checkpoint")
    commands = text[begin:text.index("4. The leaf of record 0")]
    copy = shutil.copytree(answer.path, folder / "copy")
    done = subprocess.run(["bash", "-ec", commands], cwd=copy, capture_output=True, text=True,
                          check=False)
    assert "Verified Successfully" in done.stdout, done.stdout + done.stderr
    note = pathlib.Path(copy, "checkpoint")
    note.write_text(note.read_text().replace("\n", "x\n", 1))
    done = subprocess.run(["bash", "-c", commands], cwd=copy, capture_output=True, text=True,
                          check=False)
    assert "Verified Successfully" not in done.stdout
    for word in ("BEVIS UR EN LOGG", "trail --log", *FILES):
        assert word in text
