# SPDX-License-Identifier: Apache-2.0
"""
trail-witness (G5): every answer of the specification, in its order; one history for each log,
whatever is killed when; nothing that it lost is made anew; and a crowd does not stop it.
"""
import contextlib
import hashlib
import os
import pathlib
import random
import re
import resource
import select
import shutil
import socket
import struct
import subprocess
import threading
import time

import pytest
import sanitizers
import witness as witness_module
from harness import SEED, SLOW, private_kib
from witness import Refused, Witness, log_file, made_log, policy_file, small_log, tlog, witnessed

SIZE = "text/x.tlog.size"
KILLS = int(os.environ.get("TRAIL_KILLS", "20"))


@pytest.fixture
def make(build, folder):
    """make(log, ...): a witness of these logs, READY."""
    made = []

    def begin(*logs, **how):
        paths = [log_file(folder, log, f"log{i}") for i, log in enumerate(logs)]
        made.append(Witness(build, folder, paths, **how))
        return made[-1]
    yield begin
    for one in made:
        one.finish()


# ---- the answers ---------------------------------------------------------------------------------

def test_g5_each_answer_of_the_specification(make):
    log = small_log()
    w = make(log)
    for which in (0, 1):  # IPv4 and IPv6
        assert w.ask("GET", "/", which=which).status == 200
    assert w.checkpoint(log.origin).status == 404
    now = time.time()
    assert abs(w.cosigned(log, 0, 3) - now) < 5 * SLOW
    w.cosigned(log, 3, 5)
    w.cosigned(log, 5, 5)
    for old in (0, 3, 4, 6):
        assert w.add(log.add(old, 8), which=old % 2) == (409, SIZE, b"5\n")
    assert w.add(log.add(8, 5)).status == 400
    w.cosigned(log, 5, 64)


def test_g5_the_checks_come_in_the_order_of_the_specification(make):
    """A request with several faults gets the answer to the first."""
    log = small_log()
    other = small_log("elsewhere.example/log", b"\x05" * 32)
    forger = small_log(seed=b"\x07" * 32)
    w = make(log)
    w.cosigned(log, 0, 5)
    bad = tlog.split_note(forger.note(8))[1][0]
    wrong_old = log.tree.consistency(3, 8)
    # unknown origin, though also unsigned by us, stale, unproven
    assert w.add(tlog.add_body(9, wrong_old, other.note(8))).status == 404
    # no signature of the log, though also old > size
    assert w.add(tlog.add_body(9, [], forger.note(8))).status == 403
    # one line of the log's name and id that does not verify, beside a good one
    text, lines = tlog.split_note(log.note(8))
    name, blob = tlog.parse_line(bad)
    spoilt = tlog.DASH + name + " " + tlog.b64(log.key.keyid + blob[4:]) + "\n"
    assert w.add(tlog.add_body(5, log.tree.consistency(5, 8), text + "\n" + lines[0] + spoilt)).status == 403
    # old > size, though also stale
    assert w.add(tlog.add_body(9, [], log.note(8))).status == 400
    # stale, though the proof is nonsense
    assert w.add(tlog.add_body(3, [b"x" * 32], log.note(8))) == (409, SIZE, b"5\n")
    # unproven at last
    assert w.add(tlog.add_body(5, wrong_old, log.note(8))).status == 422


def test_g5_what_does_not_extend_is_never_cosigned(make):
    log, fork = small_log(), small_log(salt=b"fork")
    fork.tree.leaves[:4] = log.tree.leaves[:4]
    fork.tree.memory.clear()
    w = make(log)
    assert w.add(tlog.add_body(0, [b"x" * 32], log.note(5))).status == 422  # proof with old 0
    w.cosigned(log, 0, 5)
    assert w.add(fork.add(5, 8)).status == 422
    assert w.add(tlog.add_body(5, [], log.note(8))).status == 422
    path = log.tree.consistency(5, 8)
    for wrong in (path[:-1], path + [b"x" * 32], path[::-1], [b"x" * 32] + path[1:], [b"x" * 32] * 63):
        assert w.add(tlog.add_body(5, wrong, log.note(8))).status == 422
    # as large as what was seen: refresh, or fork
    assert w.add(tlog.add_body(5, path, log.note(5))).status == 422
    assert w.add(fork.add(5, 5)).status == 422
    w.cosigned(log, 5, 5)
    w.cosigned(log, 5, 8)


def test_g5_two_trees_of_one_size_are_kept_as_evidence(make):
    log, fork = small_log(), small_log(salt=b"fork")
    w = make(log)
    w.cosigned(log, 0, 8)
    assert w.add(fork.add(8, 8)).status == 422
    assert "TRAIL-W012" in w.ids()
    cosigned = w.checkpoint(log.origin).body
    # it is said once a minute, not once a request
    for _ in range(20):
        assert w.add(fork.add(8, 8)).status == 422
    assert w.ids().count("TRAIL-W012") == 1

    def pair():
        return [pathlib.Path(f"{state_file(w, log)}{end}").read_bytes() for end in (".forked", ".fork")]
    first = pair()
    # What is cosigned next takes the place of the one that was contradicted, and not its proof.
    w.cosigned(log, 8, 9)
    assert w.add(fork.add(9, 9)).status == 422
    assert pair() == first and first[0] == cosigned != w.checkpoint(log.origin).body
    for kept, branch in zip(first, (log, fork)):
        text, lines = tlog.split_note(kept.decode())
        cp = tlog.parse_checkpoint(text)
        assert (cp.size, cp.root) == (8, branch.tree.root(8)) and log.key.fits(text, lines[0])
    # A kill between the two files leaves the first of them, which alone proves nothing.
    pathlib.Path(f"{state_file(w, log)}.fork").unlink()
    assert w.add(fork.add(9, 9)).status == 422
    assert [tlog.parse_checkpoint(tlog.split_note(kept.decode())[0]) for kept in pair()] == [
        tlog.parse_checkpoint(tlog.split_note(branch.note(9))[0]) for branch in (log, fork)]


def test_g5_what_could_not_be_kept_of_a_fork_is_not_called_kept(make):
    log, fork = small_log(), small_log(salt=b"fork")
    w = make(log)
    w.cosigned(log, 0, 8)
    (w.state / "new").mkdir()  # where every file begins
    assert w.add(fork.add(8, 8)).status == 422
    assert re.search(r"TRAIL-W012 .* could not be kept: .*\.forked: cannot be written",
                     w.read_stderr()), w.read_stderr()
    assert not list(w.state.glob("*.fork*"))
    # That this was said does not silence what else is wrong.
    assert w.add(log.add(8, 9)).status == 503
    assert w.ids().count("TRAIL-W014") == 1
    (w.state / "new").rmdir()
    assert w.add(fork.add(8, 8)).status == 422
    assert len(list(w.state.glob("*.fork*"))) == 2
    w.cosigned(log, 8, 9)


def test_the_empty_tree_has_one_root(make):
    log = small_log()
    w = make(log)
    text = tlog.checkpoint_text(log.origin, 0, b"x" * 32)
    assert w.add(tlog.add_body(0, [], tlog.sign_note(text, log.key))).status == 422
    assert w.add(tlog.add_body(0, [b"x" * 32], log.note(0))).status == 422
    w.cosigned(log, 0, 0)
    assert w.checkpoint(log.origin).status == 200
    w.cosigned(log, 0, 4)
    assert w.add(log.add(0, 0)) == (409, SIZE, b"4\n")


def test_malformed_bodies_are_400(make):
    log = small_log()
    w = make(log)
    note, hash_line = log.note(5), tlog.b64(b"x" * 32) + "\n"
    bodies = [
        "", "\n", "old", "old 0", "old 0\n", "old 0\n\n", f"old 0\n{note}", f"\nold 0\n\n{note}",
        f"old  0\n\n{note}", f"old 00\n\n{note}", f"old 01\n\n{note}", f"old -1\n\n{note}",
        f"old +1\n\n{note}", f"old 0x1\n\n{note}", f"old\n\n{note}", f"Old 0\n\n{note}",
        f"old 0 \n\n{note}", f"old 9223372036854775808\n\n{note}", f"old 18446744073709551616\n\n{note}",
        f"old 0\r\n\r\n{note}", f"old 0\n{hash_line[:-2]}\n\n{note}", f"old 0\nAAAA\n\n{note}",
        f"old 0\n{hash_line * 64}\n{note}", f"old 0\n\n{note[:-1]}", f"old 0\n\n{note}x",
        f"old 0\n\n{note}\n", f"old 0\n\n{tlog.split_note(note)[0]}",
        "old 0\n\n" + note.replace("5", "05", 1), "old 0\n\n" + note.replace("example", "ex\0mple", 1),
    ]
    for body in bodies:
        assert w.add(body.encode()).status == 400, body
    assert w.add(b"old 0\n\n\xff\xfe\n\n").status == 400
    w.cosigned(log, 0, 5)


def test_lines_of_strangers_are_passed_over_and_not_kept(make):
    """A body may carry other signatures, up to its limit: they are neither asked nor remembered."""
    log = small_log()
    w = make(log)
    text, lines = tlog.split_note(log.note(5))
    strange = "".join(f"{tlog.DASH}stranger{i}.example/w {tlog.b64(bytes(76))}\n" for i in range(50))
    body = tlog.add_body(0, [], text + "\n" + strange + lines[0])
    answer = w.add(body)
    assert answer.status == 200
    kept = w.checkpoint(log.origin).body.decode()
    assert tlog.split_note(kept) == (text, [lines[0], answer.body.decode()])


def test_extension_lines_are_cosigned_with_the_rest(make):
    log = small_log()
    w = make(log)
    text = tlog.checkpoint_text(log.origin, 5, log.tree.root(5)) + "extension 1\n"
    answer = w.add(tlog.add_body(0, [], tlog.sign_note(text, log.key)))
    assert answer.status == 200 and w.key.fits(text, answer.body.decode())
    assert not w.key.fits(text.replace("1\n", "2\n"), answer.body.decode())


def test_the_newest_cosigned_checkpoint_can_be_fetched(make):
    log = small_log()
    w = make(log)
    for old, new in ((0, 1), (1, 7), (7, 40)):
        w.cosigned(log, old, new)
        kind, body = w.checkpoint(log.origin)[1:]
        text, lines = tlog.split_note(body.decode())
        assert kind == "text/plain; charset=utf-8"
        assert tlog.parse_checkpoint(text).size == new
        assert log.key.fits(text, lines[0]) and w.key.fits(text, lines[1])
    digest = hashlib.sha256(log.origin.encode()).hexdigest()
    for path in (f"/{digest.upper()}/checkpoint", f"/{digest[:-1]}/checkpoint", f"/{digest}/checkpoint/",
                 f"/{digest}", "/x/checkpoint", f"//{digest}/checkpoint", f"/{digest}/checkpoint?x"):
        assert w.ask("GET", path).status == 404, path


def test_methods_and_paths_that_there_are_not(make):
    log = small_log()
    w = make(log)
    assert w.ask("GET", "/add-checkpoint").status == 405
    assert w.ask("POST", "/", b"x").status == 405
    for path in ("/add-checkpoint/", "/add-checkpoint?x=1", "/Add-Checkpoint", "/x/add-checkpoint", "/.."):
        assert w.ask("POST", path, log.add(0, 3)).status == 404, path
    for method in ("PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "HEAD"):
        assert w.ask(method, "/add-checkpoint").status == 501, method
    about = w.ask("GET", "/").body.decode()
    assert w.vkey in about


def test_one_connection_serves_many_requests(make):
    log = small_log()
    w = make(log)
    connection = w.connect()
    for size in range(1, 30):
        assert w.add(log.add(size - 1, size), connection=connection).status == 200


# ---- with our own log ----------------------------------------------------------------------------

def test_g5_two_witnesses_of_ours_cosign_a_log_of_ours_and_stop_its_copy(traild, build, folder):
    """
    From the first event to a stolen history: traild, its courier and two trail-witness, over IPv4
    and IPv6. A copy of the store and its signer from before goes on by itself, until it asks them.
    """
    vkey = made_log(traild, folder / "state")
    (folder / "log").write_text(vkey + "\n")
    witnesses = [Witness(build, folder, [folder / "log"], name=f"witness.example/w{i}", state=f"witness{i}")
                 for i in range(2)]
    try:
        config = {"policy": policy_file(folder, [(w.vkey, w.urls[i]) for i, w in enumerate(witnesses)], 2),
                  "witness_interval": 50, "witness_start_time": 30}
        run = traild.start(folder / "state", config=config, origin=None)
        text, lines = witnessed(run, 2)
        for w in witnesses:
            assert any(w.key.fits(text, line) for line in lines), "a witness is missing in the quorum"
        run.stop()
        shutil.copytree(folder / "state", folder / "copy")
        run = traild.start(folder / "state", config=config, origin=None)
        text, _ = witnessed(run, 3)
        run.stop()
        size = tlog.parse_checkpoint(text).size
        for w in witnesses:
            held = tlog.split_note(w.checkpoint(tlog.parse_checkpoint(text).origin).body.decode())[0]
            assert tlog.parse_checkpoint(held).size >= size
        code, said = traild.refuse(folder / "copy", config=config, origin=None)
        assert code == 5, said
    finally:
        for w in witnesses:
            w.finish()


# ---- several logs, and which ---------------------------------------------------------------------

def test_g5_each_log_has_a_history_of_its_own(make):
    logs = [small_log(f"log{i}.example/audit", bytes([i]) * 32, salt=bytes([i])) for i in range(5)]
    w = make(*logs)
    sizes, rng = [0] * 5, random.Random(SEED)
    for _ in range(60):
        i = rng.randrange(5)
        new = rng.randrange(sizes[i], min(64, sizes[i] + 9) + 1)
        w.cosigned(logs[i], sizes[i], new)
        sizes[i] = new
    w.stop()
    w.start()
    for log, size in zip(logs, sizes):
        if size:
            assert w.add(log.add(0, 64)) == (409, SIZE, f"{size}\n".encode())


def identity_text(log):
    return f"trail-log/v1\n{log.vkey}\n{tlog.b64(b'g' * 32)}\n"


@pytest.mark.parametrize("form", ["identity", "vkey", "list"])
def test_a_log_is_named_in_three_forms(build, folder, form):
    log = small_log()
    named = tlog.Log("rekor.example - 12345", bytes(range(32)), [b"x"])
    named.key = tlog.Key("key-of-rekor.example", tlog.LOG, bytes(range(32)))
    text = {"identity": identity_text(log), "vkey": log.vkey, "list": "\n".join((
        "# ours", "logs/v0", "", f"vkey {log.vkey}", "qpd 1440", "contact a@example.org", "",
        f"vkey {named.key.vkey}", f"origin {named.origin}", "qpd 1", "contact b", ""))}[form]
    path = folder / "logs"
    path.write_text(text)
    w = Witness(build, folder, [path])
    try:
        w.cosigned(log, 0, 5)
        if form == "list":
            w.cosigned(named, 0, 1)
    finally:
        w.finish()


BAD_LISTS = {
    "nothing": "", "no newline in the middle": "logs/v0\nvkey", "words": "hello there\n",
    "private": "PRIVATE+KEY+x+00000000+AAAA\n", "half an identity": "trail-log/v1\n",
    "witness key": "w.example+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X\n",
    "unknown line": "logs/v0\nlog x\n", "bad vkey": "logs/v0\nvkey x+y+z\n",
    "origin first": "logs/v0\norigin x\n", "two vkeys": "{0}\n{0}\n", "control": "logs/v0\nvkey {0}\norigin a\x07b\n",
    "bidi": "logs/v0\nvkey {0}\norigin a\u202eb\n", "long origin": "logs/v0\nvkey {0}\norigin " + "x" * 101 + "\n",
}


@pytest.mark.parametrize("case", BAD_LISTS)
def test_a_list_that_is_none_is_refused_before_anything_is_watched(build, folder, case):
    path = folder / "logs"
    path.write_text(BAD_LISTS[case].replace("{0}", small_log().vkey))
    with pytest.raises(Refused) as refused:
        Witness(build, folder, [path])
    assert refused.value.code == 2 and "TRAIL-W006" in refused.value.stderr
    assert "\a" not in refused.value.stderr and "\u202e" not in refused.value.stderr


def test_one_origin_with_two_keys_is_refused(build, folder):
    path = folder / "logs"
    path.write_text(f"logs/v0\nvkey {small_log().vkey}\nvkey {small_log(seed=b'7' * 32).vkey}\n")
    with pytest.raises(Refused) as refused:
        Witness(build, folder, [path])
    assert refused.value.code == 2 and "line 3" in refused.value.stderr


def test_g5_sighup_reads_the_lists_again(make, folder):
    log, other = small_log(), small_log("other.example/log", b"\x05" * 32)
    w = make(log)
    w.cosigned(log, 0, 5)
    assert w.add(other.add(0, 5)).status == 404
    path = folder / "log0"
    path.write_text(f"logs/v0\nvkey {log.vkey}\nvkey {other.vkey}\n")
    w.reload()
    w.cosigned(other, 0, 5)
    w.cosigned(log, 5, 8)
    path.write_text("nonsense and more\n")  # a list that is bad changes nothing
    w.popen.send_signal(1)
    w.wait_for("TRAIL-W006")
    w.cosigned(log, 8, 9)
    path.write_text(other.vkey + "\n")  # taken out: not served, not forgotten
    w.reload()
    assert w.add(log.add(9, 10)).status == 404
    path.write_text(f"logs/v0\nvkey {log.vkey}\nvkey {other.vkey}\n")
    w.reload()
    assert w.add(log.add(0, 10)) == (409, SIZE, b"9\n")
    w.cosigned(log, 9, 10)


# ---- what it keeps -------------------------------------------------------------------------------

def test_g5_a_restart_forgets_nothing(make):
    log = small_log()
    w = make(log)
    vkey = w.vkey
    w.cosigned(log, 0, 5)
    for end in (w.stop, w.kill):
        end()
        w.start()
        assert w.vkey == vkey
        assert w.add(log.add(0, 9)) == (409, SIZE, b"5\n")
        assert w.add(small_log(salt=b"fork").add(5, 5)).status == 422
    assert re.fullmatch(r"5 \d+ example.org/audit\n", w.run("logs").stdout)


def state_file(w, log):
    return w.state / hashlib.sha256(log.origin.encode()).hexdigest()


DAMAGE = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-7]),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"x"),
    "huge": lambda path: path.write_bytes(b"x" * (1 << 20)),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "a link": lambda path: (path.rename(path.parent / "moved"), path.symlink_to("moved")),
    "zeros": lambda path: path.write_bytes(bytes(len(path.read_bytes()))),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_g5_what_was_lost_is_never_made_anew(make, how):
    """No first sight for a log that was seen before: it gets no cosignature, the others do."""
    log, other = small_log(), small_log("other.example/log", b"\x05" * 32)
    w = make(log, other)
    w.cosigned(log, 0, 5)
    w.cosigned(other, 0, 5)
    w.stop()
    good = state_file(w, log).read_bytes()
    DAMAGE[how](state_file(w, log))
    for _ in range(2):
        try:
            w.start()
        except Refused as refused:  # what cannot be read at all
            assert how in ("a folder", "a link") and refused.code == 3, refused
            assert "TRAIL-W008" in refused.stderr
            return
        assert "TRAIL-W010" in w.ids()
        for body in (log.add(0, 3), log.add(5, 8), small_log(salt=b"fork").add(0, 8)):
            assert w.add(body).status == 503
        w.cosigned(other, 5, 5)
        looked = w.run("logs")
        assert "? ? example.org/audit" in looked.stdout and "TRAIL-W010" in looked.stderr
        w.stop()
    # the newest checkpoint that bears its cosignature is all it needs
    state_file(w, log).write_bytes(good)
    w.start()
    w.cosigned(log, 5, 8)


def test_every_flipped_bit_of_a_state_file_is_seen(make):
    log = small_log()
    w = make(log)
    w.cosigned(log, 0, 5)
    path = state_file(w, log)
    good = path.read_bytes()
    rng = random.Random(SEED)
    for bit in rng.sample(range(8 * len(good)), 40):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        path.write_bytes(bytes(bad))
        looked = w.run("logs")
        assert looked.stdout == "? ? example.org/audit\n", (bit, looked)
    path.write_bytes(good)


@pytest.mark.parametrize("name,code,identity", [
    ("key", 5, "TRAIL-W009"), ("known", 5, "TRAIL-W009")])
@pytest.mark.parametrize("how", ["missing", "empty", "cut"])
def test_a_lost_key_is_never_made_anew(make, name, code, identity, how):
    log = small_log()
    w = make(log)
    w.cosigned(log, 0, 5)
    w.stop()
    DAMAGE[how](w.state / name)
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            w.start()
        assert refused.value.code == code and identity in refused.value.stderr


def test_a_state_of_another_log_or_witness_is_none(make, build, folder):
    log, other = small_log(), small_log("other.example/log", b"\x05" * 32)
    w = make(log, other)
    w.cosigned(log, 0, 5)
    w.cosigned(other, 0, 5)
    w.stop()
    elsewhere = Witness(build, folder, w.logs, state="elsewhere", name="witness.example/w2")
    elsewhere.cosigned(log, 0, 3)
    elsewhere.stop()
    for foreign in (state_file(w, other), state_file(elsewhere, log)):
        good = state_file(w, log).read_bytes()
        shutil.copy(foreign, state_file(w, log))
        w.start()
        assert w.add(log.add(3, 8)).status == 503
        w.stop()
        state_file(w, log).write_bytes(good)


def test_a_log_whose_key_changed_is_not_watched(make, folder):
    log, stolen = small_log(), small_log(seed=b"7" * 32)
    w = make(log)
    w.cosigned(log, 0, 5)
    w.stop()
    log_file(folder, stolen, "log0")
    w.start()
    assert "TRAIL-W011" in w.ids()
    assert w.add(stolen.add(0, 5)).status == 404
    w.stop()
    log_file(folder, log, "log0")
    w.start()
    w.cosigned(log, 5, 8)


def test_its_secrets_are_its_own(make, build):
    log = small_log()
    w = make(log)
    w.cosigned(log, 0, 5)
    assert w.state.stat().st_mode & 0o777 == 0o700
    for path in w.state.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600, path
    status = open(f"/proc/{w.popen.pid}/status", encoding="utf-8").read()
    # a sanitizer makes mlock do nothing
    assert sanitizers.of(build / "trail-witness") or int(re.search(r"VmLck:\s+(\d+)", status)[1]) > 0
    assert open(f"/proc/{w.popen.pid}/limits").read().count("Max core file size        0") == 1
    w.stop()
    (w.state / "key").chmod(0o644)
    with pytest.raises(Refused) as refused:
        w.start()
    assert refused.value.code == 3 and "chmod 0600" in refused.value.stderr
    (w.state / "key").chmod(0o600)
    w.state.chmod(0o755)
    with pytest.raises(Refused) as refused:
        w.start()
    assert refused.value.code == 3 and "chmod 0700" in refused.value.stderr


def test_two_witnesses_in_one_folder_and_two_names_of_one(make, build, folder):
    log = small_log()
    w = make(log)
    with pytest.raises(Refused) as refused:
        Witness(build, folder, w.logs)
    assert refused.value.code == 3 and "in use" in refused.value.stderr
    w.stop()
    with pytest.raises(Refused) as refused:
        Witness(build, folder, w.logs, name="witness.example/other")
    assert refused.value.code == 2 and "witness.example/w1" in refused.value.stderr
    w.name = None
    w.start()


@pytest.mark.parametrize("words", [
    ["--listen", "localhost:1"], ["--listen", "127.0.0.1"], ["--listen", "::1:80"], ["--listen", "[::1]"],
    ["--listen", "unix:/tmp/x"], ["--listen", "127.0.0.1:65536"], ["--listen", "127.0.0.1:-1"],
    ["--listen", ":80"], ["--name", "a b"], ["--name", "a+b"], ["--name", ""], ["--log", "/nowhere"],
    ["--log", "/"], ["--log", "/dev/zero"], ["--nonsense"], ["run"], ["key", "--name", "x"]])
def test_wrong_words_are_usage(build, folder, words):
    done = subprocess.run([str(build / "trail-witness"), "--state-dir", str(folder / "w"), *words],
                          capture_output=True, text=True, timeout=30 * SLOW, check=False)
    assert done.returncode == 2 and re.match(r"trail-witness: TRAIL-W00[567] ", done.stderr), done


def test_an_address_in_use_is_said(make, build, folder):
    w = make(small_log())
    with pytest.raises(Refused) as refused:
        Witness(build, folder, w.logs, state="second", listen=[f"127.0.0.1:{w.port}"])
    assert refused.value.code == 2 and "in use" in refused.value.stderr


def traced(trace, calls):
    """Words in front of a program: strace as its grandchild, so that signals reach the program."""
    return ["strace", "-D", "-f", "-q", "-y", "-s", "200", "-A", "-e", f"trace={calls}", "-o", str(trace)]


def whole_trace(trace, ends):
    """Its text, when it tells of so many ends: strace may be a little behind."""
    for _ in range(int(200 * SLOW)):
        text = trace.read_text()
        if text.count("+++ exited with") + text.count("+++ killed by") >= ends:
            return text
        select.select([], [], [], 0.05)
    raise AssertionError("strace does not end")


def test_it_serves_the_sockets_that_a_manager_hands_over(make):
    """And no others; they outlive it, so that a restart refuses nobody."""
    log = small_log()
    sockets = [socket.create_server(("127.0.0.1", 0)),
               socket.create_server(("::1", 0), family=socket.AF_INET6)]
    w = make(log, listen=(), handed=sockets)
    assert {int(url.rsplit(":", 1)[1]) for url in w.urls} == {s.getsockname()[1] for s in sockets}
    w.cosigned(log, 0, 5)
    w.stop()
    waiting = w.connect()
    waiting.connect()  # nobody serves it, nobody refuses it
    w.start()
    assert w.add(log.add(5, 8), connection=waiting).status == 200
    w.stop()
    for s in sockets:
        s.close()


@pytest.mark.parametrize("family,kind", [(socket.AF_UNIX, socket.SOCK_STREAM), (socket.AF_INET, socket.SOCK_DGRAM)])
def test_a_handed_socket_that_is_not_tcp_is_refused(build, folder, family, kind):
    s = socket.socket(family, kind)
    s.bind(str(folder / "s") if family == socket.AF_UNIX else ("127.0.0.1", 0))
    if kind == socket.SOCK_STREAM:
        s.listen()
    with pytest.raises(Refused) as refused:
        Witness(build, folder, [log_file(folder, small_log())], listen=(), handed=[s])
    assert refused.value.code == 2 and "TRAIL-W007" in refused.value.stderr
    s.close()


def test_its_apparmor_profile_covers_what_a_run_touches(make, build, folder):
    """Every file that a first start, a cosignature and a second start open is one that the profile allows."""
    if sanitizers.of(build / "trail-witness"):
        pytest.skip("a sanitizer opens files of its own")
    profile_rules = pytest.importorskip("profile_rules")
    if not pathlib.Path("/etc/apparmor.d/abstractions").is_dir():
        pytest.skip("apparmor is not installed")
    log, trace = small_log(), folder / "trace"
    w = make(log, wrapper=traced(trace, "openat,open,mkdir,renameat,unlinkat,rename"))
    w.cosigned(log, 0, 5)
    w.stop()
    w.start()
    w.cosigned(log, 5, 8)
    w.stop()
    text = whole_trace(trace, 2)
    rules = profile_rules.Profile(witness_module.ROOT / "systemd/apparmor/trail-witness")
    calls = re.findall(r'\b(\w+)\((?:AT_FDCWD(?:<[^>]*>)?, |\d+<([^>]*)>, )?"([^"]*)"(.*)', text)
    wrote = 0
    for call, at, path, rest in calls:
        if " = -1 " in rest:
            continue
        whole = os.path.normpath(os.path.join(at or "/", path))
        for ours, theirs in ((w.state, "/var/lib/trail-witness"), (w.logs[0], "/etc/trail/witness.logs"),
                             (folder, "/var/lib"), (w.program, "/usr/sbin/trail-witness")):
            whole = whole.replace(str(ours), theirs, 1)
        access = "w" if call not in ("open", "openat") or re.search("O_WRONLY|O_RDWR|O_CREAT", rest) else "r"
        wrote += access == "w"
        assert rules.allows(whole, access) or rules.allows(whole + "/", access), (call, whole, access)
    assert wrote > 5
    assert not rules.allows("/var/lib/trail/log/data.mdb", "r")


# ---- at the same time, and killed ----------------------------------------------------------------

def races(w, count, bodies):
    """Send all at once on connections of their own; the answers, in the order of `bodies`."""
    answers, gate = [None] * len(bodies), threading.Barrier(count)

    def one(i):
        connection = w.connect(i % 2)
        connection.connect()
        gate.wait()
        answers[i] = w.add(bodies[i], connection=connection)
    threads = [threading.Thread(target=one, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_g5_of_two_that_race_one_is_cosigned(make):
    """Two histories from one head, at the same moment: never both."""
    log, fork = small_log(size=1000), small_log(size=1000, salt=b"fork")
    w = make(log)
    size = 1
    w.cosigned(log, 0, 1)
    fork.tree.leaves[:1] = log.tree.leaves[:1]
    fork.tree.memory.clear()
    both = {0: log, 1: fork}
    for step in range(30):
        bodies = [both[i % 2].add(size, size + 1 + i // 2) for i in range(8)]
        answers = races(w, 8, bodies)
        good = [i for i, a in enumerate(answers) if a.status == 200]
        assert len(good) == 1 and all(
            a.status in (409, 422) for i, a in enumerate(answers) if i not in good), answers
        size += 1 + good[0] // 2
        won, lost_ = both[good[0] % 2], both[1 - good[0] % 2]
        lost_.tree.leaves[:size] = won.tree.leaves[:size]
        lost_.tree.memory.clear()


class Liar:
    """A log that forks at will, and a record of all that was cosigned for it."""

    def __init__(self):
        self.log, self.fork = small_log(size=4000), small_log(size=4000, salt=b"fork")
        self.fork.tree.memory.clear()
        self.seen = {}  # size -> root, of every cosignature that was answered
        self.largest = 0
        self.lock, self.fault = threading.Lock(), None

    def took(self, branch, size):
        root = branch.tree.root(size)
        with self.lock:
            if self.seen.setdefault(size, root) != root:
                self.fault = AssertionError(f"two trees of size {size} were cosigned")
            self.largest = max(self.largest, size)

    def round(self, w, seed, stop):
        rng, held = random.Random(seed), self.largest
        connection = w.connect(seed % 2)
        branch = rng.choice((self.log, self.fork))
        try:
            while not stop.is_set():
                new = held + rng.randrange(0, 4)
                answer = w.add(branch.add(held, new), connection=connection)
                if answer.status == 200:
                    self.took(branch, new)
                    held = new
                elif answer.status == 409:
                    held = int(answer.body)
                elif answer.status == 422:
                    branch = self.log if branch is self.fork else self.fork
                else:
                    self.fault = AssertionError(answer)
                    return
        except (OSError, witness_module.http.client.HTTPException):
            pass


@pytest.mark.limit(600)
def test_g5_kills_at_any_moment_never_make_it_sign_two_histories(make, measured):
    """
    Clients push two branches of one log at once; the witness is killed and started again. Behind
    each kill it holds at least the largest tree that it answered for, and all that it ever answered
    for is of one history.
    """
    liar = Liar()
    w = make(liar.log)
    # One common beginning, so that each branch is provable from it.
    w.cosigned(liar.log, 0, 1)
    liar.took(liar.log, 1)
    liar.fork.tree.leaves[:1] = liar.log.tree.leaves[:1]
    rng = random.Random(SEED)
    for kill in range(KILLS):
        stop = threading.Event()
        threads = [threading.Thread(target=liar.round, args=(w, 100 * kill + i, stop)) for i in range(4)]
        for thread in threads:
            thread.start()
        # Not to wait for anything, but to meet every phase of the work.
        time.sleep(rng.random() * 0.15)
        w.kill()
        stop.set()
        for thread in threads:
            thread.join()
        assert not liar.fault, liar.fault
        w.start()
        answer = w.add(liar.log.add(0, 3999))
        assert answer.status == 409
        held = int(answer.body)
        assert held >= liar.largest, "the witness forgot what it cosigned"
        cp = tlog.parse_checkpoint(tlog.split_note(w.checkpoint(liar.log.origin).body.decode())[0])
        assert cp.size == held
        if held > 3500:
            break
    branch = next(b for b in (liar.log, liar.fork) if b.tree.root(held) == cp.root)
    for size, root in liar.seen.items():
        assert branch.tree.root(size) == root, f"what was cosigned at {size} is of another history"
    measured("cosignatures of different sizes", len(liar.seen))


def test_g5_nothing_is_answered_before_it_is_durable(make, build, folder):
    """The order of the system calls: written, synced, renamed, folder synced, and then the answer."""
    if sanitizers.of(build / "trail-witness"):
        pytest.skip("a sanitizer looks for leaks as a debugger, and strace is one")
    log = small_log()
    trace = folder / "trace"
    w = make(log, wrapper=traced(trace, "openat,write,writev,sendmsg,sendto,fsync,fdatasync,renameat"))
    w.cosigned(log, 0, 5)
    w.cosigned(log, 5, 9)
    w.stop()
    text = whole_trace(trace, 1)
    calls = text[:text.rindex("HTTP/1.1 200")].splitlines()
    name = state_file(w, log).name
    renamed = max(i for i, call in enumerate(calls) if "renameat(" in call and name in call)
    before, after = calls[:renamed], calls[renamed:]
    assert "fsync(" in before[-1] and "/new>" in before[-1], before[-4:]
    assert "fsync(" in after[1] and after[1].split("<")[1].startswith(f"{w.state}>"), after


def test_g5_a_full_disk_gets_no_cosignature(build, folder):
    """What cannot be kept is not answered for; and what was kept before is as it was."""
    if os.geteuid() != 0:
        pytest.skip("needs uid 0")
    mount = folder / "small"
    mount.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k,mode=0700", "none", str(mount)],
                      capture_output=True, check=False).returncode != 0:
        pytest.skip("cannot mount")
    try:
        log = small_log()
        w = Witness(build, folder, [log_file(folder, log)], state="small/w")
        w.cosigned(log, 0, 5)
        filler = mount / "filler"
        with open(filler, "wb", buffering=0) as out, contextlib.suppress(OSError):
            while out.write(b"x" * 512):
                pass
        answer = w.add(log.add(5, 8))
        assert answer.status == 503 and "TRAIL-W014" in w.ids()
        assert w.add(log.add(0, 8)) == (409, SIZE, b"5\n")
        filler.unlink()
        w.cosigned(log, 5, 8)
        w.stop()
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=True)


@pytest.fixture
def clock(folder):
    """clock(seconds): the wall clock of who has clock.words in front of him is wrong by so much."""
    library, by = folder / "set_clock.so", folder / "wrong_by"
    by.write_bytes(bytes(8))
    subprocess.run(["gcc", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", str(library),
                    str(witness_module.ROOT / "tests/integration/set_clock.c"), "-ldl"], check=True)

    def turn(seconds):
        with open(by, "r+b") as out:
            out.write(struct.pack("=q", seconds * 10**9))
    turn.words = ["env", f"LD_PRELOAD={library}", f"SET_CLOCK={by}"]
    return turn


def test_g5_time_never_goes_back(make, build, clock):
    """A clock far behind the last cosignature gets none; a little behind is raised to it."""
    if sanitizers.of(build / "trail-witness"):
        pytest.skip("a sanitizer's runtime must be loaded first")
    log = small_log()
    w = make(log, wrapper=clock.words)
    clock(3600)
    last = w.cosigned(log, 0, 5)
    clock(3595)
    assert w.cosigned(log, 5, 6) >= last
    clock(0)
    for _ in range(2):
        answer = w.add(log.add(6, 7))
        assert answer.status == 503 and "TRAIL-W013" in w.ids()
        w.stop()
        w.start()
    clock(3700)
    assert w.cosigned(log, 6, 7) >= last + 90
    clock(-int(time.time()))  # 1970: a clock that was never set
    other = small_log("other.example/log", b"\x05" * 32)
    assert w.add(other.add(0, 5)).status == 404
    assert w.add(log.add(7, 8)).status == 503


# ---- crowds and nonsense (G12) -------------------------------------------------------------------

def raw(w, data, which=0):
    host, port = w.urls[which].removeprefix("http://").rsplit(":", 1)
    s = socket.create_connection((host.strip("[]"), int(port)), timeout=40 * SLOW)
    s.sendall(data)
    return s


def status_of(s):
    """The status of the first answer; None: closed without one."""
    data = b""
    try:
        while b"\r\n" not in data:
            more = s.recv(4096)
            if not more:
                break
            data += more
    except ConnectionResetError:
        pass
    found = re.match(rb"HTTP/1\.[01] (\d+)", data)
    return int(found[1]) if found else None


def test_g12_what_is_too_long_or_no_http_is_turned_away(make):
    log = small_log()
    w = make(log)
    body = log.add(0, 5)
    head = b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\n"
    cases = {
        b"nonsense\r\n\r\n": (400, None),
        b"\x00" * 100 + b"\r\n\r\n": (400, None),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n": (400, None),
        head + b"X: " + b"y" * 9000 + b"\r\n\r\n": (400, 413, None),
        b"GET /" + b"y" * 9000 + b" HTTP/1.1\r\n\r\n": (400, 413, 414, None),
        b"".join([head] + [b"X%d: y\r\n" % i for i in range(2000)] + [b"\r\n"]): (400, 413, None),
        head + b"Content-Length: 21000\r\n\r\n" + b"x" * 21000: (413, None),
        head + b"Content-Length: 99999999999999999999\r\n\r\n": (400, 413, None),
        head + b"Content-Length: -1\r\n\r\n": (400, 413, None),
        head + b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n": (400, 413, None),
        head + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n": (400, 413, None),
        head + b"Content-Length: 0\r\n\r\n": (400,),
    }
    for data, allowed in cases.items():
        s = raw(w, b"")
        try:
            s.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert status_of(s) in allowed, data[:80]
        s.close()
    chunked = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (body[:10], body[10:])) + b"0\r\n\r\n"
    assert status_of(raw(w, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunked)) == 200


def test_g12_a_request_in_single_bytes_is_served_and_half_ones_are_closed(make):
    log = small_log()
    w = make(log)
    body = log.add(0, 5)
    request = b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    s = raw(w, b"")
    for i in range(len(request)):
        s.sendall(request[i:i + 1])
    assert status_of(s) == 200
    half = [raw(w, request[:cut]) for cut in (0, 1, 20, len(request) - 1)]
    began = time.monotonic()
    w.cosigned(log, 5, 8)
    for one in half:
        assert status_of(one) in (400, 408, None)
    assert time.monotonic() - began < 30 * SLOW


@pytest.mark.limit(200)
def test_g12_who_trickles_has_twenty_seconds(make):
    """A byte now and then does not hold a place for ever."""
    w = make(small_log())
    s = raw(w, b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 1000\r\n\r\n")
    began = time.monotonic()
    try:
        while time.monotonic() - began < 60 * SLOW:
            s.sendall(b"x")
            ready, _, _ = select.select([s], [], [], 1)
            if ready and s.recv(4096) == b"":
                break
    except (BrokenPipeError, ConnectionResetError):
        pass
    assert 15 < time.monotonic() - began < 30 * SLOW


@pytest.fixture
def many_descriptors():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(6000, before[1]), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_g12_two_thousand_connections_keep_nobody_out(make, many_descriptors, measured):
    log = small_log()
    w = make(log)
    crowd = [raw(w, b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 20000\r\n\r\n" + b"x" * 19000, i % 2)
             for i in range(2000)]
    slowest = 0
    for size in range(1, 20):  # while all of the crowd have their time yet
        began = time.monotonic()
        w.cosigned(log, size - 1, size)
        slowest = max(slowest, time.monotonic() - began)
    assert slowest < 3 * SLOW
    open_now = len(os.listdir(f"/proc/{w.popen.pid}/fd"))
    measured("descriptors with 2,000 connections", open_now)
    measured("slowest answer beside them, ms", round(slowest * 1000, 1))
    measured("private KiB", private_kib(w.popen.pid))
    assert open_now < 1300
    assert private_kib(w.popen.pid) < 64 * 1024 * (4 if SLOW > 1 else 1)
    assert "TRAIL-W016" in w.ids()
    for s in crowd:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
    w.cosigned(log, 19, 20)


def test_g12_one_log_in_a_hurry_does_not_starve_another(make, measured):
    busy, calm = small_log("busy.example/log", b"\x05" * 32), small_log()
    w = make(busy, calm)
    w.cosigned(busy, 0, 1)
    stop = threading.Event()

    def hurry(i):
        connection = w.connect(i % 2)
        while not stop.is_set():
            w.add(busy.add(1, 1) if i % 2 else b"old 0\n\n" + b"x" * 15000, connection=connection)
    threads = [threading.Thread(target=hurry, args=(i,)) for i in range(16)]
    for thread in threads:
        thread.start()
    slowest = 0
    try:
        for size in range(1, 30):
            began = time.monotonic()
            w.cosigned(calm, size - 1, size)
            slowest = max(slowest, time.monotonic() - began)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    measured("slowest answer beside 16 busy connections, ms", round(slowest * 1000, 1))
    assert slowest < 5 * SLOW


def test_it_stops_in_good_order_with_connections_open(make):
    log = small_log()
    w = make(log)
    kept = w.connect()
    w.add(log.add(0, 5), connection=kept)
    half = raw(w, b"POST /add-checkpoint HTTP/1.1\r\n")
    began = time.monotonic()
    w.stop()
    assert time.monotonic() - began < 4 * SLOW
    assert w.ids()[-1] == "TRAIL-W002"
    assert half.recv(100) == b""


def test_a_client_that_hangs_up_before_the_answer_harms_nobody(make):
    log = small_log()
    w = make(log)
    for size in range(1, 40):
        body = log.add(size - 1, size)
        s = raw(w, b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
        answer = w.add(log.add(0, 64))
        assert answer == (409, SIZE, f"{size}\n".encode()) or answer.status == 409
        if int(answer.body) < size:  # the request went with the connection
            w.cosigned(log, int(answer.body), size)
