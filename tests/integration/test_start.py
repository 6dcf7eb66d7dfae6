# SPDX-License-Identifier: Apache-2.0
"""
Whatever is wrong with the state folder at start: a sentence on stderr, exit 3 or 5, and nothing
touched (FORMATS.md section 5, G6).
"""
import hashlib
import os
import shutil
import socket
import struct
import subprocess

import harness
import pytest
import wire
from harness import StartFailed
from wire import Client

COULD_NOT, CONTRADICTS = 3, 5
LOCKS = {"lock", "lock.mdb"}


def fingerprint(folder):
    """Every name with type, mode, owner and content. Lock files may come and change."""
    out = {}
    for base, folders, files in os.walk(folder):
        for name in folders + files:
            path = os.path.join(base, name)
            st = os.lstat(path)
            if name in LOCKS:
                continue
            content = b"" if name in folders else open(path, "rb").read()
            out[os.path.relpath(path, folder)] = (
                st.st_mode, st.st_uid, st.st_mtime_ns if name not in folders else 0,
                hashlib.sha256(content).hexdigest())
    return out


def copy(source, target):
    shutil.copytree(source, target, copy_function=shutil.copy2)
    shutil.copystat(source, target)
    return target


@pytest.fixture(scope="module")
def stores(module_traild):
    """old: a store; new: the same, some commits later; other: another log of the same origin."""
    folder = module_traild.folder
    run = module_traild.start(folder / "live")
    with Client(run.address) as c:
        c.append("journal", 1, 1, [wire.event(i) for i in range(100)])
    run.stop()
    copy(folder / "live", folder / "old")
    run = module_traild.start(folder / "live")
    with Client(run.address, claims=[("journal", 1)]) as c:
        c.append("journal", 1, 101, [wire.event(i) for i in range(100)])
    run.stop()
    copy(folder / "live", folder / "new")
    run = module_traild.start(folder / "other")
    with Client(run.address) as c:
        c.append("journal", 1, 1, [wire.event(i) for i in range(300)])
    run.stop()
    return folder


def rewrite(path, change):
    """In place: the mode stays."""
    with open(path, "r+b") as f:
        data = bytearray(f.read())
        changed = change(data)
        data = data if changed is None else changed
        f.seek(0)
        f.write(data)
        f.truncate()


def flip_slots(data):
    for at in (0, 4096):
        data[at + 20] ^= 1


def replace(target, source):
    shutil.rmtree(target)
    copy(source, target)


CASES = {
    "key readable by others": (COULD_NOT, "key", lambda d, s: (d / "signer/key").chmod(0o644)),
    "key readable by the group": (COULD_NOT, "key", lambda d, s: (d / "signer/key").chmod(0o640)),
    "seeds readable by others": (COULD_NOT, "seeds",
                                 lambda d, s: (d / "signer/seeds").chmod(0o604)),
    "head writable by others": (COULD_NOT, "head", lambda d, s: (d / "signer/head").chmod(0o606)),
    "signer folder open to others": (COULD_NOT, "signer", lambda d, s: (d / "signer").chmod(0o755)),
    "key is a link": (COULD_NOT, "key", lambda d, s: (
        (d / "signer/key").rename(d / "signer/elsewhere"),
        (d / "signer/key").symlink_to("elsewhere"))),
    "key gone": (CONTRADICTS, "key", lambda d, s: (d / "signer/key").unlink()),
    "key empty": (CONTRADICTS, "key", lambda d, s: rewrite(d / "signer/key", lambda _: b"\n")),
    "key of another log": (CONTRADICTS, "key", lambda d, s: rewrite(
        d / "signer/key", lambda _: (s / "other/signer/key").read_bytes())),
    "head gone": (CONTRADICTS, "head", lambda d, s: (d / "signer/head").unlink()),
    "head doubly damaged": (CONTRADICTS, "head",
                            lambda d, s: rewrite(d / "signer/head", flip_slots)),
    "head cut": (CONTRADICTS, "head", lambda d, s: rewrite(d / "signer/head", lambda b: b[:512])),
    "seeds gone": (CONTRADICTS, "seeds", lambda d, s: (d / "signer/seeds").unlink()),
    "seeds doubly damaged": (CONTRADICTS, "seeds",
                             lambda d, s: rewrite(d / "signer/seeds", flip_slots)),
    "seal.pub gone": (CONTRADICTS, "seal.pub", lambda d, s: (d / "signer/seal.pub").unlink()),
    "seal.pub of other seeds": (CONTRADICTS, "seal.pub", lambda d, s: rewrite(
        d / "signer/seal.pub", lambda _: (s / "other/signer/seal.pub").read_bytes())),
    "signer folder gone": (CONTRADICTS, "signer", lambda d, s: shutil.rmtree(d / "signer")),
    "signer folder empty": (CONTRADICTS, "signer", lambda d, s: [
        p.unlink() for p in (d / "signer").iterdir()]),
    "signer of another log": (CONTRADICTS, "signer",
                              lambda d, s: replace(d / "signer", s / "other/signer")),
    "VERSION foreign": (CONTRADICTS, "VERSION",
                        lambda d, s: (d / "VERSION").write_text("something else\n")),
    "VERSION newer": (CONTRADICTS, "VERSION",
                      lambda d, s: (d / "VERSION").write_text("trail-store/v2\n")),
    "VERSION gone": (CONTRADICTS, "VERSION", lambda d, s: (d / "VERSION").unlink()),
    "identity of another log": (CONTRADICTS, "identity", lambda d, s: shutil.copy(
        s / "other/identity", d / "identity")),
    "vkey of another log": (CONTRADICTS, "vkey", lambda d, s: shutil.copy(
        s / "other/vkey", d / "vkey")),
    "an old store under a new signer": (CONTRADICTS, "its signer signed",
                                        lambda d, s: replace(d / "log", s / "old/log")),
    "store of another log": (CONTRADICTS, "log", lambda d, s: replace(d / "log", s / "other/log")),
    "store gone": (CONTRADICTS, "data.mdb", lambda d, s: shutil.rmtree(d / "log")),
    "store file gone": (CONTRADICTS, "data.mdb", lambda d, s: (d / "log/data.mdb").unlink()),
    "store cut in its last page": (CONTRADICTS, "data.mdb", lambda d, s: rewrite(
        d / "log/data.mdb", lambda b: b[:-1])),
    "store cut by half": (CONTRADICTS, "data.mdb", lambda d, s: rewrite(
        d / "log/data.mdb", lambda b: b[:len(b) // 2])),
    "store cut to its meta pages": (CONTRADICTS, "data.mdb", lambda d, s: rewrite(
        d / "log/data.mdb", lambda b: b[:8192])),
    "store empty": (CONTRADICTS, "data.mdb", lambda d, s: rewrite(
        d / "log/data.mdb", lambda b: b[:0])),
    "store is text": (CONTRADICTS, "data.mdb", lambda d, s: rewrite(
        d / "log/data.mdb", lambda b: b"hello\n" * (len(b) // 6))),
}


@pytest.mark.parametrize("case", CASES)
def test_refused_start_says_why_and_touches_nothing(module_traild, stores, folder, case):
    code, word, damage = CASES[case]
    state = copy(stores / "new", folder / "state")
    damage(state, stores)
    before = fingerprint(state)
    got, stderr = module_traild.refuse(state, origin=None)
    assert fingerprint(state) == before, "a refused folder was changed"
    assert got == code, stderr
    assert word in stderr, f"the sentence does not name {word}: {stderr}"


def test_undamaged_copy_starts(module_traild, stores, folder):
    """Or all of the above would prove nothing."""
    run = module_traild.start(copy(stores / "new", folder / "state"), origin=None)
    with Client(run.address, claims=[("journal", 1)]) as c:
        assert c.greeting.standings[0].last == 200
    run.stop()
    module_traild.assert_valid(run.state_dir)


@pytest.mark.parametrize("name", ["head", "seeds"])
@pytest.mark.parametrize("slot", [0, 4096])
def test_one_damaged_slot_is_survived_or_refused_in_words(module_traild, stores, folder, name,
                                                          slot):
    """Nobody needs the older slot; without the newer one the store is ahead, which is fine."""
    state = copy(stores / "new", folder / "state")
    rewrite(state / "signer" / name, lambda b: b.__setitem__(slot + 20, b[slot + 20] ^ 1))
    try:
        run = module_traild.start(state, origin=None)
    except StartFailed as failed:
        # A fresh `seeds` has but one slot.
        assert name == "seeds" and failed.code == CONTRADICTS and name in failed.stderr
        return
    run.stop()
    module_traild.assert_valid(state)


def test_other_origin_is_refused(module_traild, stores, folder):
    state = copy(stores / "new", folder / "state")
    before = fingerprint(state)
    code, stderr = module_traild.refuse(state, origin="example.org/another")
    assert (code, "example.org/test" in stderr) == (CONTRADICTS, True), stderr
    assert fingerprint(state) == before


@pytest.mark.parametrize("origin", ["a b", "a+b", "x" * 101])
def test_impossible_origin_makes_nothing(traild, folder, origin):
    code, stderr = traild.refuse(folder / "state", origin=origin)
    assert code == 2 and "origin" in stderr
    assert not (folder / "state/signer/key").exists()


def test_folder_of_somebody_else_is_refused(traild, folder):
    state = folder / "home"
    state.mkdir()
    (state / "letter.txt").write_text("dear")
    before = fingerprint(state)
    code, stderr = traild.refuse(state)
    assert (code, "VERSION" in stderr) == (CONTRADICTS, True), stderr
    assert fingerprint(state) == before and not (state / "lock").exists()


def test_second_daemon_is_refused_and_the_first_goes_on(traild):
    first = traild.start()
    with Client(first.address) as c:
        c.append("journal", 1, 1, [wire.event(1)])
        code, stderr = traild.refuse(first.state_dir)
        # Its own lock, not only that of its signer.
        assert (code, "another traild works" in stderr) == (COULD_NOT, True), stderr
        c.append("journal", 1, 2, [wire.event(2)])
    first.stop()
    traild.assert_valid(first.state_dir)


def wake_signer(program, folder):
    """Start a signer by hand and say WAKE: (status of its answer, the sentence, exit code)."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(wire.TIME_LIMIT_S)
    child = subprocess.Popen([str(program), "--state-dir", str(folder), "--fd",
                              str(theirs.fileno())], pass_fds=[theirs.fileno()],
                             stderr=subprocess.PIPE, text=True)
    theirs.close()
    ours.send(struct.pack(">BBBQB", 1, 0, 4, 2 * 10**9, 0))
    answer = ours.recv(8192)
    ours.close()
    _, stderr = child.communicate(timeout=wire.TIME_LIMIT_S)
    return answer[0], answer[1:].decode(errors="replace") + stderr, child.returncode


def test_second_signer_is_refused_and_the_first_goes_on(traild):
    run = traild.start()
    with Client(run.address) as c:
        c.append("journal", 1, 1, [wire.event(1)])
        before = fingerprint(run.state_dir / "signer")
        status, sentence, code = wake_signer(traild.signer, run.state_dir / "signer")
        assert (status, code) == (2, COULD_NOT), sentence
        assert "another" in sentence, sentence
        assert fingerprint(run.state_dir / "signer") == before
        c.append("journal", 1, 2, [wire.event(2)])
    run.stop()


def test_second_listener_does_not_take_the_socket_of_the_first(traild, folder):
    first = traild.start()
    (folder / "conf").write_text(f"map_size = {harness.CONFIG['map_size']}\n")
    command = [str(traild.traild), "--config", str(folder / "conf"), "--state-dir",
               str(folder / "b"), "--listen", f"unix:{first.address}", "--origin", "example.org/b"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == COULD_NOT and "another" in done.stderr, done.stderr
    with Client(first.address) as c:
        c.append("journal", 1, 1, [wire.event(1)])


def test_g6_client_that_saw_more_stops_a_store_that_was_set_back(traild, folder):
    """Store and signer restored together: locally it fits, but a client saw more."""
    run = traild.start(folder / "state")
    run.stop()
    copy(folder / "state", folder / "backup")
    run = traild.start(folder / "state")
    with Client(run.address) as c:
        note = c.append("journal", 1, 1, [wire.event(i) for i in range(50)]).checkpoint
    run.stop()
    run = traild.start(folder / "backup")
    with Client(run.address) as c:
        size = c.checkpoint().size
    c = Client(run.address, hello=False)
    c.send(hello=wire.pb.Hello(protocol=1, checkpoint=note))
    assert c.ended()
    assert run.wait_exit() == CONTRADICTS
    assert "newer checkpoint" in run.stderr()
    assert size < wire.checkpoint_parse(note).size


def test_g6_fork_of_a_restored_backup_stops_at_a_client_that_saw_the_other(traild, folder):
    """The restored log grew past what the client saw: larger, but not an extension."""
    run = traild.start(folder / "state")
    run.stop()
    copy(folder / "state", folder / "backup")
    run = traild.start(folder / "state")
    with Client(run.address) as c:
        note = c.append("journal", 1, 1, [wire.event(i) for i in range(5)]).checkpoint
    run.stop()
    run = traild.start(folder / "backup")
    with Client(run.address) as c:
        c.append("journal", 1, 1, [wire.event(1000 + i) for i in range(50)])
    c = Client(run.address, hello=False)
    c.send(hello=wire.pb.Hello(protocol=1, checkpoint=note))
    assert c.ended()
    assert run.wait_exit() == CONTRADICTS
    assert "contradicts" in run.stderr()


@pytest.mark.parametrize("line", ['map_size = "1"', 'reserve = "x"', 'unknown = "1"', "reserve 5"])
def test_bad_setting_is_named_and_nothing_is_made(traild, folder, line):
    conf = folder / "bad.conf"
    conf.write_text(line + "\n")
    done = subprocess.run([str(traild.traild), "--config", str(conf), "--state-dir",
                           str(folder / "s"), "--listen", f"unix:{folder}/l"],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and "bad.conf:1" in done.stderr, done.stderr
    assert not (folder / "s").exists()
