# SPDX-License-Identifier: Apache-2.0
"""
G5 with software that nobody here wrote: a log of transparency-dev's tessera is cosigned by our
witness, which refuses its fork; and what we say to witnesses is understood by litewitness. `make
interop` fetches both, where Go modules can be had.
"""
import shutil
import subprocess
import urllib.error
import urllib.request

import pytest
from foreign import fetched
from foreign_witness import Litewitness
from harness import SLOW
from witness import Witness, made_log, policy_file, tlog, witnessed

SEED = b"\x0b" * 32


class Tessera:
    """A log on disk that its posix-oneshot adds to, and has witnessed before it publishes."""

    def __init__(self, folder, key, witness):
        self.program = fetched("posix-oneshot")
        self.folder, self.key, self.count = folder, key, 0
        secret = f"PRIVATE+KEY+{key.name}+{key.keyid.hex()}+{tlog.b64(bytes([1]) + key.seed)}"
        (folder / "key").write_text(secret)
        (folder / "policy").write_text(f"witness w {witness.vkey} {witness.urls[0]}\nquorum w\n")

    def add(self, storage, entries):
        new = self.folder / f"entries{self.count}"
        new.mkdir()
        self.count += 1
        for i, entry in enumerate(entries):
            (new / f"{i:06}").write_bytes(entry)
        return subprocess.run(
            ["timeout", str(int(12 * SLOW)), self.program, f"--storage_dir={storage}", f"--entries={new}/*",
             f"--private_key={self.folder / 'key'}", f"--witness_policy_file={self.folder / 'policy'}",
             "--witness_timeout=3s"], capture_output=True, text=True, check=False)

    def checkpoint(self, storage, witness):
        """(size, time of the witness's cosignature)"""
        text, lines = tlog.split_note((storage / "checkpoint").read_text())
        assert any(self.key.fits(text, line) for line in lines)
        times = [witness.key.fits(text, line) for line in lines]
        return tlog.parse_checkpoint(text).size, next((t for t in times if t), None)


def test_g5_a_log_of_tessera_is_cosigned_and_its_fork_is_not(build, folder):
    key = tlog.Key("tessera.example/log", tlog.LOG, SEED)
    (folder / "log").write_text(key.vkey + "\n")
    witness = Witness(build, folder, [folder / "log"])
    try:
        tessera = Tessera(folder, key, witness)
        storage, copy = folder / "storage", folder / "copy"
        size = 0
        for count in (1, 5, 300):
            done = tessera.add(storage, [b"entry %d of %d" % (i, count) for i in range(count)])
            assert done.returncode == 0, done.stderr
            size += count
            assert tessera.checkpoint(storage, witness) == (size, pytest.approx(2e9, rel=0.5))
        shutil.copytree(storage, copy)
        assert tessera.add(storage, [b"one history"]).returncode == 0
        # Each store can prove that it extends the 306: the witness has gone on with one of them.
        forked = tessera.add(copy, [b"another history"])
        assert forked.returncode != 0
        assert tessera.checkpoint(copy, witness)[0] == 306, "a fork was published as witnessed"
        assert tlog.parse_checkpoint(tlog.split_note(
            witness.checkpoint(key.name).body.decode())[0]).size == 307
    finally:
        witness.finish()


def post(url, body):
    try:
        with urllib.request.urlopen(urllib.request.Request(url + "/add-checkpoint", body), timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def test_g5_litewitness_and_our_witness_say_the_same(build, folder):
    """The same requests, one after the other, to both: the same answers, but for whose name is on it."""
    log = tlog.Log("example.org/audit", SEED, [bytes([i]) for i in range(100)])
    fork = tlog.Log("example.org/audit", SEED, [bytes([i]) for i in range(9)] + [b"fork"] * 91)
    (folder / "log").write_text(log.vkey + "\n")
    requests = [(log.add(0, 0), 200), (log.add(0, 9), 200), (log.add(9, 9), 200), (log.add(0, 20), 409),
                (log.add(9, 20), 200), (fork.add(20, 20), {409, 422}), (fork.add(20, 50), 422),
                (tlog.add_body(20, [], log.note(50)), {400, 422}), (log.add(20, 9), {400, 409}),
                (log.add(20, 100), 200), (tlog.Log("example.org/audit", b"x" * 32, [b"x"]).add(100, 1), 403),
                (tlog.Log("other.example/log", SEED, [b"x"]).add(0, 1), {403, 404}), (b"old\n", 400)]
    with Litewitness(folder, [log.vkey]) as theirs:
        ours = Witness(build, folder, [folder / "log"])
        try:
            for body, want in requests:
                wanted = want if isinstance(want, set) else {want}
                for url, vkey in ((theirs.url, theirs.vkey), (ours.urls[0], ours.vkey)):
                    status, said = post(url, body)
                    assert status in wanted, (url, body, status, said)
                    if status == 200:
                        text, _ = tlog.split_note(tlog.parse_add(body)[2])
                        assert tlog.Key.of(vkey).fits(text, said)
        finally:
            ours.finish()


def test_g5_a_log_of_ours_is_cosigned_by_litewitness(traild, folder):
    """Through our courier, from the first checkpoint on: their code, their key, our policy."""
    vkey = made_log(traild, folder / "state")
    with Litewitness(folder, [vkey]) as theirs:
        config = {"policy": policy_file(folder, [(theirs.vkey, theirs.url)], 1), "witness_interval": 50,
                  "witness_start_time": 30}
        run = traild.start(folder / "state", config=config, origin=None)
        for seq in (2, 3, 4):
            text, lines = witnessed(run, seq)
            assert any(tlog.Key.of(theirs.vkey).fits(text, line) for line in lines)
        run.stop()
